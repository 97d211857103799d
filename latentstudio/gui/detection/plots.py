"""Where a photo lies: histograms of both classes with its mark, and the ROC curve.

Owns two plots; the numbers come from outside. GUI thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from latentstudio.gui.theme import tokens
from latentstudio.gui.widgets.quiet_plot import colour_plot, quiet_plot

HEIGHT_PX = 148
BINS = 36


def _plot(name: str, parent: QWidget) -> Any:
    plot = quiet_plot(name, HEIGHT_PX, parent)
    plot.getPlotItem().setContentsMargins(0, 4, 8, 0)
    return plot


class DetectionPlots(QWidget):
    """Scores or ROC, one at a time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scores = _plot("Scores of generated and other pictures", self)
        self.roc = _plot("ROC curve", self)
        self._own, self._others = np.zeros(0), np.zeros(0)
        self._curve: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._mark = pg.InfiniteLine(angle=90, movable=False)
        self._mark.hide()
        self.scores.getAxis("left").setStyle(showValues=False)
        self.scores.getAxis("left").setWidth(8)
        self.scores.setLabel("bottom", "other  ←  log-odds  →  generated")
        self.roc.setLabel("bottom", "false positives")
        self.roc.setLabel("left", "found")
        self.roc.setRange(xRange=(0, 1), yRange=(0, 1.02), padding=0.01)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.scores)
        self._stack.addWidget(self.roc)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        self.setFixedHeight(HEIGHT_PX)
        self._draw()

    @property
    def mark(self) -> float | None:
        """The score that is marked."""
        return float(self._mark.value()) if self._mark.isVisible() else None

    def show_roc(self, is_roc: bool) -> None:
        """Turn to the ROC curve, or back."""
        self._stack.setCurrentIndex(int(is_roc))

    def set_scores(self, own: NDArray[np.float64], others: NDArray[np.float64]) -> None:
        """The scores of both classes."""
        self._own, self._others = own, others
        self._draw()

    def set_curve(self, false_positives: NDArray[np.float64], true_positives: NDArray[np.float64]) -> None:
        """The ROC curve."""
        self._curve = (false_positives, true_positives)
        self._draw()

    def set_mark(self, score: float | None) -> None:
        """Where a photo lies; None for nowhere."""
        self._mark.setVisible(score is not None)
        if score is not None:
            self._mark.setValue(score)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_stack"):
            self._draw()
        super().changeEvent(event)

    def _draw(self) -> None:
        t = tokens()
        self.scores.clear()
        self.roc.clear()
        colour_plot(self.scores)
        colour_plot(self.roc)
        if len(self._own) and len(self._others):
            everything = np.concatenate([self._own, self._others])
            low, high = float(everything.min()), float(everything.max())
            span = max(high - low, 1e-6)
            edges = np.linspace(low - span / BINS, high + span / BINS, BINS + 1)
            for values, color in ((self._others, "second"), (self._own, "accent")):
                share = np.histogram(values, edges)[0] / len(values)
                self.scores.plot(
                    edges,
                    share,
                    stepMode="center",
                    fillLevel=0,
                    brush=t.color(color, 0.55),
                    pen=pg.mkPen(t.color(color), width=1),
                )
            self.scores.setXRange(float(edges[0]), float(edges[-1]), padding=0)
        self._mark.setPen(pg.mkPen(t.color("text"), width=2))
        self.scores.addItem(self._mark)
        self.roc.plot([0, 1], [0, 1], pen=pg.mkPen(t.color("line"), style=Qt.PenStyle.DashLine))
        if self._curve is not None:
            self.roc.plot(*self._curve, pen=pg.mkPen(t.color("accent"), width=2))
