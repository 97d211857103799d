"""How the distance falls: a curve for each term, on a scale of powers of ten.

Owns the plot and its legend; the numbers come from outside. GUI thread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from latentstudio.gui.theme import figures, tokens
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.gui.widgets.labels import label

Floats = NDArray[np.float64]
Curve = tuple[Sequence[float], Sequence[float]]
TOTAL = "distance"
# The sum is what the hand changes; its parts are quieter.
COLORS = ("second", "ok", "danger", "text", "muted")
LEAST = 1e-6
PLOT_PX, LEFT_PX, FOOT_PX = 132, 38, 18


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


class _Plot(QWidget):
    """The curves on their grid."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves: dict[str, tuple[Floats, Floats]] = {}  # steps and powers of ten
        self.colors: dict[str, str] = {}
        self.steps = 1
        self.mark: int | None = None
        self.setFixedHeight(PLOT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Distance by step")

    def area(self) -> QRectF:
        """Where the curves lie."""
        return QRectF(self.rect()).adjusted(LEFT_PX, 6, -6, -FOOT_PX)

    def span(self) -> tuple[float, float]:
        """The powers of ten at the foot and the top."""
        values = [y for _, y in self.curves.values() if len(y)]
        if not values:
            return -1.0, 0.0
        low, high = min(float(y.min()) for y in values), max(float(y.max()) for y in values)
        spare = max(0.04 * (high - low), 0.02)
        return low - spare, high + spare

    def paintEvent(self, event: QPaintEvent) -> None:
        """Grid, numbers, curves, mark."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = figures(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
        area, (low, high) = self.area(), self.span()
        for power, words in powers(low, high):
            y = area.bottom() - (power - low) / (high - low) * area.height()
            painter.setPen(QPen(t.color("line"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(t.color("muted"))
            place = QRectF(0, y - 8, LEFT_PX - 6, 16)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), words)
        line = QRectF(area.left(), area.bottom() + 2, area.width(), FOOT_PX)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft), "0")
        painter.drawText(line, int(Qt.AlignmentFlag.AlignRight), f"{self.steps} steps")
        if self.mark is not None:
            x = area.left() + self.mark / self.steps * area.width()
            painter.setPen(QPen(t.color("muted"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setClipRect(area.adjusted(-1, -2, 1, 2))
        for name, (steps, values) in reversed(self.curves.items()):
            painter.setPen(QPen(t.color(self.colors[name]), 2.0 if name == TOTAL else 1.3))
            painter.drawPolyline(self._line(steps, values, area, low, high))

    def _line(self, steps: Floats, values: Floats, area: QRectF, low: float, high: float) -> QPolygonF:
        # More points than pixels would be drawn over one another.
        every = max(1, len(steps) // max(1, round(area.width())))
        x = area.left() + steps[::every] / self.steps * area.width()
        y = area.bottom() - (values[::every] - low) / (high - low) * area.height()
        return QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])


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

    Painted here, since it is drawn anew many times a second beside a busy engine.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = _Plot(self)
        self._keys: dict[str, _Key] = {}
        self._shown: dict[str, tuple[Floats, Floats]] = {}
        legend = QWidget(self)
        self._legend = FlowLayout(legend, 8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._plot)
        column.addWidget(legend)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def names(self) -> list[str]:
        """The terms shown."""
        return list(self._shown)

    def shown(self, name: str) -> tuple[Floats, Floats]:
        """Steps and values of a term, as they are shown."""
        return self._shown[name]

    def set_terms(self, terms: Mapping[str, Curve], steps: int) -> None:
        """Show curves (steps, values) by name, over `steps` steps in all."""
        for name in [name for name in self._keys if name not in terms]:
            key = self._keys.pop(name)
            key.hide()
            key.deleteLater()
        others = [name for name in terms if name != TOTAL]
        plot = self._plot
        plot.curves, plot.colors, plot.steps = {}, {}, max(1, steps)
        for name, (x, y) in terms.items():
            color = "accent" if name == TOTAL else COLORS[others.index(name) % len(COLORS)]
            at, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
            self._shown[name] = (at, values)
            # A term that is nought has no logarithm.
            plot.curves[name] = (at, np.log10(np.maximum(values, LEAST)))
            plot.colors[name] = color
            if name not in self._keys:
                self._keys[name] = _Key(self)
                self._legend.addWidget(self._keys[name])
            self._keys[name].show_term(color, f"{name} {values[-1]:.3g}" if len(values) else name)
        self._shown = {name: self._shown[name] for name in terms}
        plot.update()

    def set_mark(self, step: int | None) -> None:
        """A line at a step that is looked at."""
        if step != self._plot.mark:
            self._plot.mark = step
            self._plot.update()
