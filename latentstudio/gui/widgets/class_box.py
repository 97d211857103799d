"""A class in one line: chosen from the list, or typed in part.

Owns the box and its completion; a mix is shown, not edited. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QListView, QWidget

from latentstudio.gui.icons import pixmap
from latentstudio.gui.theme import tokens

MOST_ROWS = 12


class _Field(QLineEdit):
    """Selects everything when a person enters it: typing begins a search."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        """By key."""
        super().focusInEvent(event)
        self.selectAll()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """By a click, unless it marked a part."""
        super().mouseReleaseEvent(event)
        if not self.hasSelectedText():
            self.selectAll()


class ClassBox(QComboBox):
    """Shows a class or the words for a mix.

    Signals:
        class_chosen(int): a person chose this class.
    """

    class_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ""
        self._field = _Field(self)
        self.setLineEdit(self._field)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMaxVisibleItems(MOST_ROWS)
        self.setAccessibleName("Class")
        self.setToolTip("Choose a class, or type a part of its name; Conditions mixes several")
        completer = QCompleter(self.model(), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setMaxVisibleItems(MOST_ROWS)
        popup = QListView(self)
        popup.setProperty("role", "popup")
        completer.setPopup(popup)
        self.setCompleter(completer)
        self.activated.connect(self.class_chosen)
        self._field.editingFinished.connect(self._show_words)

    def set_classes(self, lines: Sequence[str]) -> None:
        """Offer these, numbered from 0; says nothing."""
        self.blockSignals(True)
        self.clear()
        self.addItems(list(lines))
        self.blockSignals(False)

    def set_chosen(self, index: int, words: str = "") -> None:
        """Show a class, or `words` for a mix that it leads; says nothing."""
        self.blockSignals(True)
        self.setCurrentIndex(index)
        self.blockSignals(False)
        self._words = words or self.itemText(index)
        if not self._field.hasFocus():
            self._show_words()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The box, and the arrow that the style leaves out."""
        super().paintEvent(event)
        mark = pixmap("down", tokens().muted, 14, self.devicePixelRatioF())
        QPainter(self).drawPixmap(self.width() - 21, (self.height() - 14) // 2, mark)

    def _show_words(self) -> None:
        # What was typed and named no class is forgotten.
        self._field.setText(self._words)
        self._field.setCursorPosition(0)
