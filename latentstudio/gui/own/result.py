"""A fitted direction before it is kept: how far to trust it, where it leads, what it resembles.

Owns the card; the fit comes from outside. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import DirectionEdit, Recipe
from latentstudio.gui.filling import Filler
from latentstudio.gui.studio import Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.preview_strip import AMOUNTS, PreviewStrip
from latentstudio.gui.words import signed
from latentstudio.latent.boundaries import Fit, cosine
from latentstudio.latent.directions import Direction

SHOWN = 4  # most similar directions


class FitCard(QWidget):
    """Accuracy, similar directions, five pictures, a name.

    Signals:
        kept(Direction): a person wants it.
    """

    kept = Signal(object)

    def __init__(self, studio: Studio, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.direction: Direction | None = None
        self._leads_to: list[Recipe] = []
        self._filler = Filler(studio, name, self)
        self._filler.arrived.connect(self._fill)
        self.accuracy = label("", "", self)
        self.accuracy.setWordWrap(True)
        self.strip = PreviewStrip(self)
        self.similar = label("", "muted", self)
        self.similar.setWordWrap(True)
        self.name = QLineEdit(self)
        self.name.setPlaceholderText("Name")
        self.name.setAccessibleName("Name of the direction")
        self.name.returnPressed.connect(self._keep)
        self.keep = QPushButton("Keep", self)
        self.keep.setProperty("role", "primary")
        self.keep.setAutoDefault(False)
        self.keep.clicked.connect(self._keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.accuracy)
        column.addWidget(self.strip)
        column.addWidget(caption("Resembles", self))
        column.addWidget(self.similar)
        row = QHBoxLayout()
        row.addWidget(self.name, 1)
        row.addWidget(self.keep)
        column.addLayout(row)
        self.hide()

    def set_fit(self, fit: Fit, space: str, name: str = "") -> None:
        """Show a fit, and where it leads from the picture on the canvas."""
        direction = self.direction = fit.as_direction(name, space)
        if fit.accuracy is None:
            words = "Too few examples to hold some out: mark more to know how well it tells them apart."
        else:
            share = f"{fit.accuracy:.0%}".replace("%", " %")
            words = f"{share} of {fit.held_out} held-out examples on the right side."
        self.accuracy.setText(words)
        self.similar.setText(self._similar_words(direction))
        if name and not self.name.text():
            self.name.setText(name)
        recipe = self._studio.document.recipe
        # Beginning with the picture as it is: other sliders of it stay where they are.
        edits = recipe.directions
        self._leads_to = [
            recipe.changed(directions=(*edits, DirectionEdit(direction, amount))) for amount in AMOUNTS
        ]
        for i in range(len(AMOUNTS)):
            self.strip.set_image(i, None)
        self._filler.want([self._leads_to[i] for i in (2, 0, 4, 1, 3)])
        self._fill()
        self.show()

    def clear(self) -> None:
        """Nothing is fitted."""
        self.direction = None
        self.hide()

    def _similar_words(self, direction: Direction) -> str:
        model = self._studio.model
        if model is None:
            return ""
        others = [d for found in model.directions.values() for d in found]
        near = [
            (cosine(direction.values.array.ravel(), d.values.array.ravel()), d.name)
            for d in others
            if d.space == direction.space and d.values.shape == direction.values.shape
        ]
        near.sort(key=lambda pair: -abs(pair[0]))
        if not near:
            return f"No other direction in {direction.space} to compare with."
        return ", ".join(f"{name} {signed(value)}" for value, name in near[:SHOWN]) + " (cosine)"

    def _fill(self) -> None:
        for i, recipe in enumerate(self._leads_to):
            self.strip.set_image(i, self._studio.thumbnails.find(recipe))

    def _keep(self) -> None:
        if self.direction is not None:
            name = self.name.text().strip() or self.direction.name or "Direction"
            d = self.direction
            self.kept.emit(Direction(name, d.space, d.values, d.sigma, d.origin))
            self.name.clear()
