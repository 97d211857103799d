"""More like this: a picture amid eight that are near it.

Owns the radius, the draw and the recipes of the neighbours; whoever shows them owns the pictures. GUI
thread.

Source: Radford et al., "Unsupervised Representation Learning with DCGANs", section 6.3.2: uniform noise
of half width 0.25.
"""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.document.starts import moved_in_w, moved_in_z, start_z
from latentstudio.gui.icons import icon
from latentstudio.gui.studio import OpenModel
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.latent.arithmetic import PUBLISHED_NOISE, neighbours

CENTER = 4
CELLS = 9
UNIFORM, SIGMA = "uniform", "sigma"


class NeighbourControls(QWidget):
    """Radius, its unit, another draw.

    Signals:
        changed(): other neighbours are wanted.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seed = 0
        self.radius = SliderRow(
            "Radius", ValueSlider(0, 1, origin=0, rest=PUBLISHED_NOISE, step=0.05), parent=self
        )
        self.radius.set_value(PUBLISHED_NOISE)
        self.radius.setToolTip("Half width of the noise that makes the eight neighbours")
        self.radius.edited.connect(lambda _: self.changed.emit())
        self.radius.typed.connect(self._typed)
        self.unit = Segmented(self)
        self.unit.set_choices(
            [
                (UNIFORM, "Uniform", "The same noise on every coordinate, as published"),
                (SIGMA, "In σ", "Noise in standard deviations of each coordinate"),
            ]
        )
        self.unit.set_chosen(UNIFORM)
        self.unit.chosen.connect(self._set_unit)
        self._unit = UNIFORM
        self.dice = QToolButton(self)
        self.dice.setProperty("role", "boxed")
        self.dice.setIconSize(QSize(18, 18))
        self.dice.setToolTip("Eight others")
        self.dice.setAccessibleName("Eight other neighbours")
        self.dice.clicked.connect(self.draw_again)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.unit, 1)
        line.addWidget(self.dice)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.radius)
        column.addLayout(line)
        self._colour()

    def draw_again(self) -> None:
        """Eight others."""
        self.seed = secrets.randbelow(1 << 31)
        self.changed.emit()

    def recipes(self, recipe: Recipe, model: OpenModel) -> list[Recipe]:
        """The neighbours of a recipe, row by row; the recipe itself in the middle.

        A picture that starts from one z has neighbours with a z of their own; one that is a sum in w
        gets its neighbours by a direction in w, so that its trays and sliders stay what they are.
        """
        z = start_z(recipe, model.info.z_dim)
        in_w = z is None
        centre = np.zeros(model.info.w_dim, np.float32) if z is None else z
        sigma = spread_of_w(model) if in_w and self._unit == SIGMA else None
        around = neighbours(centre, self.seed, self.radius.slider.value, sigma)
        made = [moved_in_w(recipe, step) if in_w else moved_in_z(recipe, step) for step in around]
        made[CENTER] = recipe
        return made

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _typed(self, value: float) -> None:
        self.radius.set_value(max(0.0, value))
        self.changed.emit()

    def _set_unit(self, unit: str) -> None:
        self._unit = unit
        self.changed.emit()

    def _colour(self) -> None:
        self.dice.setIcon(icon("dice"))


def spread_of_w(model: OpenModel) -> NDArray[np.float32] | None:
    """Standard deviation of each coordinate of w, as far as the components found tell; None before."""
    found = model.directions.get("pca")
    if not found:
        return None
    variance = sum((d.sigma * d.values.array) ** 2 for d in found)
    return np.sqrt(variance).astype(np.float32)
