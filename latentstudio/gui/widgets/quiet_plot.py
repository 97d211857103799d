"""A plot that nothing can be dragged in, in the window's colours.

Owns how the window's plots look; what they show comes from outside. Importing it imports pyqtgraph: only
panels that are imported when they are first looked at do so. GUI thread.
"""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtWidgets import QFrame, QWidget

from latentstudio.gui.theme import figures, tokens


def quiet_plot(name: str, height_px: int, parent: QWidget) -> Any:
    """A plot without menu, buttons and zoom, of a fixed height."""
    plot = pg.PlotWidget(parent)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(False, False)
    plot.setFrameShape(QFrame.Shape.NoFrame)
    plot.setAccessibleName(name)
    plot.setFixedHeight(height_px)
    return plot


def colour_plot(plot: Any) -> None:
    """Give a plot the window's colours, also after they have changed."""
    t = tokens()
    plot.setBackground(t.color("panel"))
    font = figures(plot.font())
    font.setPixelSize(10)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(t.color("line")))
        axis.setTextPen(pg.mkPen(t.color("muted")))
        axis.setTickFont(font)
        axis.setStyle(tickLength=-4, tickTextOffset=4)
        axis.label.setFont(font)
