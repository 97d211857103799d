"""Pages of something long: which part shows, and the ways to the neighbours.

Owns two buttons and the words between them; GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from latentstudio.gui.icons import icon
from latentstudio.gui.theme import figures
from latentstudio.gui.widgets.labels import label


class Pager(QWidget):
    """What part shows, such as "26–50 of 512", between two arrows.

    Signals:
        turned(int): a person wants the next page (1) or the one before (-1).
    """

    turned = Signal(int)

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = label("", "small", self)
        self.words.setFont(figures(self.words.font()))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.words, 1)
        self._buttons: dict[str, QToolButton] = {}
        for name, hint, step in (("previous", f"{what} before", -1), ("next", f"Next {what.lower()}", 1)):
            button = QToolButton(self)
            button.setIconSize(QSize(16, 16))
            button.setToolTip(hint)
            button.setAccessibleName(hint)
            button.setAutoRepeat(True)
            button.clicked.connect(lambda _=False, step=step: self.turned.emit(step))
            row.addWidget(button)
            self._buttons[name] = button
        self._colour()

    def set_page(self, first: int, shown: int, total: int) -> None:
        """Show which part of how many."""
        last = first + shown
        self.words.setText(f"{first}–{last - 1} of {total}" if shown < total else f"{total} in all")
        self._buttons["previous"].setEnabled(first > 0)
        self._buttons["next"].setEnabled(last < total)
        for button in self._buttons.values():
            button.setVisible(shown < total)

    def button(self, name: str) -> QToolButton:
        """The button "previous" or "next"."""
        return self._buttons[name]

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        for name, button in self._buttons.items():
            button.setIcon(icon(name, "muted"))
