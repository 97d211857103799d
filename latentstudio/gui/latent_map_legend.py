"""What the colours of the map mean: the ramp with its ends, or the classes.

Owns the drawing; GUI thread.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.latent_map import LatentMap
from latentstudio.gui.latent_map_choice import BY_CLASS, PLAIN
from latentstudio.gui.latent_map_colours import BINS, bin_colours
from latentstudio.gui.theme import figures, tokens
from latentstudio.gui.words import plain

RAMP_PX, TEXT_PX = 110, 46


class MapLegend(QWidget):
    """A ramp between two numbers."""

    def __init__(self, latent_map: LatentMap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._map = latent_map
        self.setFont(figures(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The ramp and its two numbers."""
        return QSize(RAMP_PX + 2 * TEXT_PX, 20)

    def refresh(self) -> None:
        """The map is another one."""
        self.setVisible(self._map.choice.colour != PLAIN and self._map.values is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Low, ramp, high."""
        values = self._map.values
        if values is None:
            return
        t, painter = tokens(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_class = self._map.choice.colour == BY_CLASS
        colours = bin_colours(is_class)
        ramp = QRectF(TEXT_PX, 6, RAMP_PX, 8)
        if is_class:
            count = max(1, min(self._map.classes, BINS))
            for i in range(count):
                width = ramp.width() / count
                painter.fillRect(QRectF(ramp.x() + i * width, ramp.y(), width, ramp.height()), colours[i])
            low, high = "0", str(self._map.classes - 1)
        else:
            gradient = QLinearGradient(ramp.topLeft(), ramp.topRight())
            for i, colour in enumerate(colours):
                gradient.setColorAt(i / (BINS - 1), colour)
            painter.setPen(t.color("line"))
            painter.setBrush(gradient)
            painter.drawRoundedRect(ramp, 4, 4)
            known = values[np.isfinite(values)]
            ends = np.percentile(known, (2, 98)) if len(known) else (0.0, 0.0)
            low, high = (plain(float(end)) for end in ends)
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(t.color("muted"))
        flags = 0x0080  # vertically in the middle
        painter.drawText(QRectF(0, 0, TEXT_PX - 6, 20), flags | 0x0002, low)
        painter.drawText(QRectF(TEXT_PX + RAMP_PX + 6, 0, TEXT_PX - 6, 20), flags | 0x0001, high)
