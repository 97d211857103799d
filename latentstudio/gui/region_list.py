"""The list of regions: which there are, which one is in hand, which are hidden.

Owns the rows; changes no recipe. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from latentstudio.document.local_edits import LocalEdit
from latentstudio.gui.icons import icon
from latentstudio.gui.widgets.labels import ElidedLabel, label, set_tone


def region_words(edit: LocalEdit, index: int) -> str:
    """What a region is called."""
    return edit.name or f"Region {index + 1}"


def shows_words(edit: LocalEdit) -> str:
    """What a region shows, in few words."""
    parts = []
    if edit.source is not None:
        parts.append(f"seed {edit.source.seed}" if edit.source.seed is not None else "another picture")
    moved = [e.direction.name for e in edit.directions if e.amount]
    parts += moved[:2] + ([f"and {len(moved) - 2} more"] if len(moved) > 2 else [])
    return ", ".join(parts) or "nothing yet"


class RegionRow(QFrame):
    """One region.

    Signals:
        taken(), hidden(bool), removed(): a person chose it, hid or showed it, took it away.
    """

    taken = Signal()
    hidden = Signal(bool)
    removed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.eye = self._button("eye", "Show or hide")
        self.eye.setCheckable(True)
        self.eye.clicked.connect(lambda shown: self.hidden.emit(not shown))
        self.name, self.shows = label("", parent=self), ElidedLabel("", "small", self)
        self.remove = self._button("close", "Remove this region")
        self.remove.clicked.connect(lambda _=False: self.removed.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 4, 4)
        row.setSpacing(8)
        row.addWidget(self.eye)
        row.addWidget(self.name)
        row.addWidget(self.shows, 1)
        row.addWidget(self.remove)

    def show_edit(self, edit: LocalEdit, index: int, *, in_hand: bool) -> None:
        """Show a region; says nothing."""
        self.name.setText(region_words(edit, index))
        self.shows.setText("empty" if edit.mask.is_empty else shows_words(edit))
        self.eye.setChecked(edit.amount > 0)
        self.eye.setIcon(icon("eye", "text" if edit.amount > 0 else "line"))
        self.remove.setIcon(icon("close", "muted"))
        self.setAccessibleName(self.name.text())
        set_tone(self, "open", in_hand)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take it in hand."""
        self.taken.emit()

    def _button(self, name: str, hint: str) -> QToolButton:
        button = QToolButton(self)
        button.setIconSize(QSize(14, 14))
        button.setFixedSize(22, 22)
        button.setToolTip(hint)
        button.setAccessibleName(hint)
        return button


class RegionList(QWidget):
    """The regions of a recipe.

    Signals:
        taken(int), hidden(int, bool), removed(int): as `RegionRow`'s, with the index.
    """

    taken = Signal(int)
    hidden = Signal(int, bool)
    removed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[RegionRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)

    def set_regions(self, regions: Sequence[LocalEdit], in_hand: int) -> None:
        """Show regions; says nothing."""
        while len(self.rows) > len(regions):
            row = self.rows.pop()
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(regions):
            self._add(len(self.rows))
        for i, (row, edit) in enumerate(zip(self.rows, regions, strict=True)):
            row.show_edit(edit, i, in_hand=i == in_hand)

    def _add(self, index: int) -> None:
        row = RegionRow(self)
        row.taken.connect(lambda: self.taken.emit(index))
        row.hidden.connect(lambda is_hidden: self.hidden.emit(index, is_hidden))
        row.removed.connect(lambda: self.removed.emit(index))
        self._column.addWidget(row)
        self.rows.append(row)
