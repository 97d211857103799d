"""How the distance falls: a curve for each term, on a scale of powers of ten.

Owns the plot and its legend; the numbers come from outside. GUI thread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from latentstudio.gui.theme import figures, tokens
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.gui.widgets.labels import label

Curve = tuple[Sequence[float], Sequence[float]]
TOTAL = "distance"
# The sum is what the hand changes; its parts are quieter.
COLORS = ("second", "ok", "danger", "text", "muted")
LEAST = 1e-6


class _Key(QWidget):
    """A colour and a word."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._color = "muted"
        self.words = label("", "small", self)
        self.words.setFont(figures(self.words.font()))
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 0, 4, 0)
        column.addWidget(self.words)

    def show_term(self, color: str, words: str) -> None:
        """Say which term this is."""
        self._color = color
        self.words.setText(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The colour."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens().color(self._color))
        painter.drawRoundedRect(0, self.height() // 2 - 2, 10, 3, 1.5, 1.5)


class _PowerAxis(pg.AxisItem):  # type: ignore[misc]
    """Numbers at 1, 2 and 5 of each power of ten: as many as can be read."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Where numbers stand, in powers of ten."""
        decades = range(math.floor(low), math.ceil(high) + 1)
        steps = (1, 2, 5) if high - low < 1.6 else ((1, 3) if high - low < 3 else (1,))
        places = [decade + math.log10(step) for decade in decades for step in steps]
        return [(1.0, [place for place in places if low <= place <= high])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The numbers."""
        return [f"{10**value:.1g}" for value in values]


class LossCurves(QWidget):
    """The plot with its legend below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = pg.PlotWidget(self, axisItems={"left": _PowerAxis("left")})
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(False, False)
        self._plot.setLogMode(False, True)
        self._plot.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        self._plot.setAccessibleName("Distance by step")
        self._plot.getPlotItem().setContentsMargins(0, 4, 6, 0)
        self._mark = pg.InfiniteLine(angle=90, movable=False)
        self._mark.hide()
        self._plot.addItem(self._mark)
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._keys: dict[str, _Key] = {}
        legend = QWidget(self)
        self._legend = FlowLayout(legend, 8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._plot)
        column.addWidget(legend)
        self._plot.setFixedHeight(132)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._colour()

    @property
    def names(self) -> list[str]:
        """The terms shown."""
        return list(self._curves)

    def shown(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of a term, as they are shown."""
        x, y = self._curves[name].getOriginalDataset()
        return x, y

    def set_terms(self, terms: Mapping[str, Curve], steps: int) -> None:
        """Show curves (steps, values) by name, over `steps` steps in all."""
        for name in [name for name in self._curves if name not in terms]:
            self._plot.removeItem(self._curves.pop(name))
            key = self._keys.pop(name)
            key.hide()
            key.deleteLater()
        for name, (x, y) in terms.items():
            if name not in self._curves:
                self._curves[name] = self._plot.plot()
                self._keys[name] = _Key(self)
                self._legend.addWidget(self._keys[name])
                self._colour()
            # A term that is nought has no logarithm.
            self._curves[name].setData(np.asarray(x, float), np.maximum(np.asarray(y, float), LEAST))
            words = f"{name} {y[-1]:.3g}" if len(y) else name
            self._keys[name].show_term(self._color_of(name), words)
        self._plot.setXRange(0, max(steps, 1), padding=0.01)

    def set_mark(self, step: int | None) -> None:
        """A line at a step that is looked at."""
        self._mark.setVisible(step is not None)
        if step is not None:
            self._mark.setValue(step)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_keys"):
            self._colour()
        super().changeEvent(event)

    def _color_of(self, name: str) -> str:
        if name == TOTAL:
            return "accent"
        others = [other for other in self._curves if other != TOTAL]
        return COLORS[others.index(name) % len(COLORS)]

    def _colour(self) -> None:
        t = tokens()
        self._plot.setBackground(t.color("panel"))
        font = figures(self.font())
        font.setPixelSize(10)
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(t.color("line")))
            axis.setTextPen(pg.mkPen(t.color("muted")))
            axis.setTickFont(font)
            axis.setStyle(tickLength=-4, tickTextOffset=4)
        self._plot.getAxis("left").setWidth(38)
        self._plot.showGrid(False, True, 0.12)
        self._mark.setPen(pg.mkPen(t.color("muted"), width=1, style=Qt.PenStyle.DashLine))
        for name, curve in self._curves.items():
            width = 2 if name == TOTAL else 1.2
            curve.setPen(pg.mkPen(t.color(self._color_of(name)), width=width))
