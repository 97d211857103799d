"""A number that reads like a label and is typed on click.

Owns the text field; the meaning of the number belongs to whoever listens. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from latentstudio.gui.theme import figures
from latentstudio.gui.words import parse_number, plain


class NumberBox(QLineEdit):
    """A number with a unit.

    Signals:
        value_typed(float): a person entered another number.

    Args:
        words: how the number is written.
        unit: what stands behind it while nobody types.
    """

    value_typed = Signal(float)

    def __init__(
        self, words: Callable[[float], str] = plain, unit: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._words, self._unit, self._value = words, unit, 0.0
        self.setProperty("role", "value")
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setFont(figures(self.font()))
        self.setFixedWidth(72)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.editingFinished.connect(self._take)
        self.set_value(0.0)

    @property
    def value(self) -> float:
        """The number shown."""
        return self._value

    def set_value(self, value: float, *, is_set: bool = False) -> None:
        """Show a number; `is_set` writes it in full strength."""
        self._value = value
        if self.property("set") != is_set:
            self.setProperty("set", is_set)
            self.style().unpolish(self)
            self.style().polish(self)
        if not self.hasFocus():
            self._show()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Typing begins: the bare number, all selected."""
        super().focusInEvent(event)
        self.setText(self._words(self._value))
        self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Typing ends."""
        super().focusOutEvent(event)
        self._show()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The first click selects everything."""
        super().mouseReleaseEvent(event)
        if not self.hasSelectedText():
            self.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc keeps the old number."""
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._words(self._value))
            self.clearFocus()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clearFocus()

    def _take(self) -> None:
        value = parse_number(self.text())
        if value is not None and self._words(value) != self._words(self._value):
            self._value = value
            self.value_typed.emit(value)

    def _show(self) -> None:
        text = self._words(self._value)
        self.setText(f"{text} {self._unit}" if self._unit and text != "0" else text)
