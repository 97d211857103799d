"""One line of a list of edits: what it is, how much, and a way to take it back.

Owns the line; GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from latentstudio.gui.icons import icon
from latentstudio.gui.theme import figures
from latentstudio.gui.widgets.labels import ElidedLabel, label


class EditLine(QFrame):
    """Name left, amount right, a cross, or a plus where it is an offer.

    Signals:
        chosen(): a person clicked the line.
        acted(): a person clicked the button.

    Args:
        words: what it is.
        amount: how much.
        sign: icon of the button.
        hint: what the button does.
    """

    chosen = Signal()
    acted = Signal()

    def __init__(self, words: str, amount: str, sign: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._sign = sign
        self.name = ElidedLabel(words, parent=self)
        self.amount = label(amount, "muted", self)
        self.amount.setFont(figures(self.amount.font()))
        self.button = QToolButton(self)
        self.button.setIconSize(QSize(12, 12))
        self.button.setFixedSize(20, 20)
        self.button.setToolTip(hint)
        self.button.setAccessibleName(f"{hint}: {words}")
        self.button.clicked.connect(self.acted)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 4, 2)
        row.setSpacing(6)
        row.addWidget(self.name, 1)
        row.addWidget(self.amount)
        row.addWidget(self.button)
        self._colour()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The line is chosen."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        self.button.setIcon(icon(self._sign, "muted"))
