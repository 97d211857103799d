"""A box of choices that shows its arrow, which the style sheet leaves out.

Owns the drawing of the arrow; GUI thread.
"""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox

from latentstudio.gui.icons import pixmap
from latentstudio.gui.theme import tokens

ARROW_PX = 12


class ArrowBox(QComboBox):
    """Choices, one of them shown."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """The box, and the arrow."""
        super().paintEvent(event)
        color = tokens().muted if self.isEnabled() else tokens().line
        mark = pixmap("down", color, ARROW_PX, self.devicePixelRatioF())
        QPainter(self).drawPixmap(self.width() - ARROW_PX - 7, (self.height() - ARROW_PX) // 2, mark)
