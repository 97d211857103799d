"""A class in one line: chosen from the list, or typed in part.

Owns the box and its completion; a mix is shown, not edited. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QWidget

MOST_ROWS = 12


class ClassBox(QComboBox):
    """Shows a class or the words for a mix.

    Signals:
        class_chosen(int): a person chose this class.
    """

    class_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ""
        self._field = QLineEdit(self)
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
        self.setCompleter(completer)
        self.activated.connect(self.class_chosen)
        self._field.editingFinished.connect(self._show_words)
        self._field.installEventFilter(self)

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

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A click or a tab into the field begins a search: everything is selected."""
        entered = event.type() == QEvent.Type.FocusIn
        clicked = event.type() == QEvent.Type.MouseButtonRelease and not self._field.hasSelectedText()
        if entered or clicked:
            self._field.selectAll()
        return super().eventFilter(watched, event)

    def _show_words(self) -> None:
        # What was typed and named no class is forgotten.
        self._field.setText(self._words)
        self._field.setCursorPosition(0)
