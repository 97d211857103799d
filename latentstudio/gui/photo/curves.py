"""How the distance falls: a curve for each term, on a scale of powers of ten.

Owns the plot and its legend; the numbers come from outside. GUI thread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from latentstudio.gui.theme import figures, tokens
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.quiet_plot import colour_plot, quiet_plot

Floats = NDArray[np.float64]
Curve = tuple[Sequence[float], Sequence[float]]
TOTAL = "distance"
# The sum is what the hand changes; its parts are quieter.
COLORS = ("second", "ok", "danger", "text", "muted")
LEAST = 1e-6
PLOT_PX, LEFT_PX = 118, 38


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


def powers(low: float, high: float) -> list[tuple[float, str]]:
    """Where numbers stand between two powers of ten, and what they say: as many as can be read."""
    span = high - low
    steps = (
        (1, 2, 3, 4, 5, 6, 7, 8) if span < 0.5 else (1, 2, 5) if span < 1.6 else (1, 3) if span < 3 else (1,)
    )
    found = []
    for decade in range(math.floor(low), math.ceil(high) + 1):
        for step in steps:
            power = decade + math.log10(step)
            if low <= power <= high:
                found.append((power, f"{step * 10.0**decade:g}"))
    return found


class LossCurves(QWidget):
    """The plot with its legend below.

    The scale of powers of ten is made here: the numbers beside it stand where a person expects them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = quiet_plot("Distance by step", PLOT_PX, self)
        # A wheel over the curves scrolls the panel.
        self._plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        item = self._plot.getPlotItem()
        item.setContentsMargins(0, 2, 6, 0)
        item.hideAxis("bottom")
        item.getAxis("left").setWidth(LEFT_PX)
        # Ranges are set below: nothing is to be guessed anew with every point.
        item.disableAutoRange()
        self._lines: dict[str, Any] = {}
        self._mark = pg.InfiniteLine(angle=90, movable=False)
        self._mark.setZValue(-1)
        self._mark.hide()
        self._plot.addItem(self._mark)
        self._keys: dict[str, _Key] = {}
        self._shown: dict[str, tuple[Floats, Floats]] = {}
        self._range: tuple[float, float, int] | None = None
        self.start, self.end = label("0", "small", self), label("", "small", self)
        self.end.setFont(figures(self.end.font()))
        foot = QHBoxLayout()
        foot.setContentsMargins(LEFT_PX, 0, 6, 0)
        foot.addWidget(self.start)
        foot.addStretch(1)
        foot.addWidget(self.end)
        legend = QWidget(self)
        self._legend = FlowLayout(legend, 8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._plot)
        column.addLayout(foot)
        column.addSpacing(2)
        column.addWidget(legend)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._colour()

    @property
    def names(self) -> list[str]:
        """The terms shown."""
        return list(self._shown)

    @property
    def mark(self) -> int | None:
        """The step that is marked."""
        return round(self._mark.value()) if self._mark.isVisible() else None

    def shown(self, name: str) -> tuple[Floats, Floats]:
        """Steps and values of a term, as they are shown."""
        return self._shown[name]

    def drawn(self, name: str) -> tuple[Floats, Floats]:
        """Steps and powers of ten of a term's curve."""
        x, y = self._lines[name].getData()
        return x, y

    def view(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What the plot covers: steps, and powers of ten."""
        (left, right), (low, high) = self._plot.viewRange()
        return (left, right), (low, high)

    def set_terms(self, terms: Mapping[str, Curve], steps: int) -> None:
        """Show curves (steps, values) by name, over `steps` steps in all."""
        for name in [name for name in self._keys if name not in terms]:
            key = self._keys.pop(name)
            key.hide()
            key.deleteLater()
            self._plot.removeItem(self._lines.pop(name))
        self._shown = {
            name: (np.asarray(x, np.float64), np.asarray(y, np.float64)) for name, (x, y) in terms.items()
        }
        if list(self._lines) != list(terms):
            self._make_lines()
        low, high = _span([values for _, values in self._shown.values()])
        self._set_range(low, high, max(1, steps))
        for name, (at, values) in self._shown.items():
            # More points than pixels would be drawn over one another.
            every = max(1, len(at) // max(1, self._plot.width()))
            self._lines[name].setData(at[::every], np.log10(np.maximum(values[::every], LEAST)))
            words = f"{name} {values[-1]:.3g}" if len(values) else name
            self._keys[name].show_term(self._color(name), words)

    def set_mark(self, step: int | None) -> None:
        """A line at a step that is looked at."""
        if step != self.mark:
            self._mark.setVisible(step is not None)
            if step is not None:
                self._mark.setValue(step)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_range"):
            self._colour()
        super().changeEvent(event)

    def _color(self, name: str) -> str:
        others = [other for other in self._shown if other != TOTAL]
        return "accent" if name == TOTAL else COLORS[others.index(name) % len(COLORS)]

    def _make_lines(self) -> None:
        """A line and a word for each term; the first lies on top."""
        for name in self._shown:
            if name not in self._lines:
                self._lines[name] = pg.PlotCurveItem(antialias=True)
                self._plot.addItem(self._lines[name])
                self._keys[name] = _Key(self)
                self._legend.addWidget(self._keys[name])
        self._lines = {name: self._lines[name] for name in self._shown}
        for i, line in enumerate(self._lines.values()):
            line.setZValue(len(self._lines) - i)
        self._colour_lines()

    def _set_range(self, low: float, high: float, steps: int) -> None:
        if (low, high, steps) == self._range:
            return
        self._range = (low, high, steps)
        self._plot.setRange(xRange=(0, steps), yRange=(low, high), padding=0)
        self._plot.getAxis("left").setTicks([powers(low, high)])
        self.end.setText(f"{steps} steps")

    def _colour(self) -> None:
        colour_plot(self._plot)
        axis = self._plot.getAxis("left")
        # Numbers and lines across, no line down.
        axis.setStyle(tickLength=0, tickTextOffset=4)
        axis.setPen(pg.mkPen(None))
        axis.setTickPen(pg.mkPen(tokens().color("line")))
        axis.setGrid(255)
        self._mark.setPen(pg.mkPen(tokens().color("muted"), width=1, style=Qt.PenStyle.DashLine))
        self._colour_lines()

    def _colour_lines(self) -> None:
        for name, line in self._lines.items():
            color = tokens().color(self._color(name))
            line.setPen(pg.mkPen(color, width=2.0 if name == TOTAL else 1.3))


def _span(values: Sequence[Floats]) -> tuple[float, float]:
    """The powers of ten at the foot and the top."""
    some = [np.log10(np.maximum(numbers, LEAST)) for numbers in values if len(numbers)]
    if not some:
        return -1.0, 0.0
    low, high = min(float(y.min()) for y in some), max(float(y.max()) for y in some)
    spare = max(0.04 * (high - low), 0.02)
    return low - spare, high + spare
