"""Text in the window's few styles.

Owns the roles that the style sheet knows; GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget


def label(text: str = "", role: str = "", parent: QWidget | None = None) -> QLabel:
    """Plain text in a role of the style sheet; never rich text, whatever a file says."""
    made = QLabel(text, parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    return made


def caption(text: str, parent: QWidget | None = None) -> QLabel:
    """A small heading: upper case, tracked."""
    made = label(text.upper(), "caption", parent)
    font = made.font()
    font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 106)
    made.setFont(font)
    return made


def rule(parent: QWidget | None = None) -> QFrame:
    """A hairline."""
    made = QFrame(parent)
    made.setProperty("role", "rule")
    return made


def set_tone(widget: QWidget, name: str, value: object) -> None:
    """Change a property that the style sheet looks at."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class ElidedLabel(QLabel):
    """One line that ends in dots when there is no room; the whole text on hover."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, shortened in the middle of a path or at the end."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        mode = Qt.TextElideMode.ElideMiddle if "/" in self.text() else Qt.TextElideMode.ElideRight
        line = self.fontMetrics().elidedText(self.text(), mode, self.width())
        self.setToolTip(self.text() if line != self.text() else "")
        painter.drawText(self.rect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), line)
