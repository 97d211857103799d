"""The sliders that act inside a region only.

Owns the rows and the choice of another one; changes no recipe. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QComboBox, QToolButton, QVBoxLayout, QWidget

from latentstudio.document.edits import DirectionEdit
from latentstudio.gui.icons import icon
from latentstudio.gui.studio import OpenModel
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import signed
from latentstudio.latent.directions import Direction

GROUPS = (("named", "Named"), ("pca", "PCA"), ("sefa", "SeFa"), ("mine", "Mine"))
FIRST = "Add a slider…"


class RegionSliders(QWidget):
    """One row a slider, and a list to choose another from.

    Signals:
        edited(int, float), typed(int, float): the slider of this index moved.
        finished(), aborted(): the hand let go; Esc.
        removed(int): a person took a slider away.
        added(Direction): a person chose a direction.
    """

    edited = Signal(int, float)
    typed = Signal(int, float)
    finished = Signal()
    aborted = Signal()
    removed = Signal(int)
    added = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[SliderRow] = []
        self._listed: list[Direction] = []
        self.choice = QComboBox(self)
        self.choice.setAccessibleName("Add a slider to the region")
        self.choice.activated.connect(self._choose)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._column.addWidget(self.choice)
        self.set_model(None)

    def set_model(self, model: OpenModel | None) -> None:
        """Offer the directions of a model, those that were found by now."""
        self.choice.clear()
        self.choice.addItem(FIRST, None)
        for key, words in GROUPS:
            for direction in (model.directions.get(key) or [] if model is not None else [])[:64]:
                self.choice.addItem(f"{direction.name}   ({words})", direction)
        self.choice.setEnabled(self.choice.count() > 1)

    def set_edits(self, edits: Sequence[DirectionEdit]) -> None:
        """Show the sliders of a region; says nothing."""
        directions = [edit.direction for edit in edits]
        if directions != self._listed:
            self._rebuild(directions)
        for row, edit in zip(self.rows, edits, strict=True):
            if not row.slider.is_held or row.slider.value != edit.amount:
                row.set_value(edit.amount)

    def _rebuild(self, directions: list[Direction]) -> None:
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._listed = directions
        self.rows = [self._make_row(i, direction) for i, direction in enumerate(directions)]
        for i, row in enumerate(self.rows):
            self._column.insertWidget(i, row)

    def _make_row(self, index: int, direction: Direction) -> SliderRow:
        slider = ValueSlider(-direction.reach, direction.reach)
        row = SliderRow(direction.name, slider, words=signed, unit="σ", parent=self)
        remove = QToolButton(row)
        remove.setIcon(icon("close", "muted"))
        remove.setIconSize(QSize(12, 12))
        remove.setFixedSize(20, 20)
        remove.setToolTip("Remove this slider")
        remove.setAccessibleName(f"Remove {direction.name}")
        remove.clicked.connect(lambda _=False: self.removed.emit(index))
        row.head.addWidget(remove)
        row.edited.connect(lambda value: self.edited.emit(index, value))
        row.typed.connect(lambda value: self.typed.emit(index, value))
        row.finished.connect(self.finished)
        row.aborted.connect(self.aborted)
        return row

    def _choose(self, index: int) -> None:
        direction = self.choice.itemData(index)
        self.choice.setCurrentIndex(0)
        if isinstance(direction, Direction):
            self.added.emit(direction)
