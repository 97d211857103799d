"""A − B as a direction: its name and the button that makes it.

Owns two widgets; what the direction is, is the bench's. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

WORDS = "A − B becomes a slider: 1 is the whole way from B to A"


class DifferenceRow(QWidget):
    """A name, and the button that makes A − B a slider.

    Signals:
        wanted(): the button was pressed.
    """

    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = QLineEdit(self)
        self.name.setPlaceholderText("Name, such as Glasses")
        self.name.setAccessibleName("Name of the direction")
        self.make = QPushButton("Make it a direction", self)
        self.make.clicked.connect(lambda: self.wanted.emit())
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.name, 1)
        line.addWidget(self.make)
        self.set_ready(False)

    def set_ready(self, is_ready: bool) -> None:
        """Offer it, or say what is missing."""
        self.make.setEnabled(is_ready)
        self.make.setToolTip(WORDS if is_ready else "Fill A and B first")
