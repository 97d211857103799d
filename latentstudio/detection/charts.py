"""Plots as SVG text: histograms of scores with a mark, ROC and calibration curves.

Owns the drawing; colours come from the page's style sheet by class name. Any thread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentstudio.detection.scoring import Bin, Roc

WIDTH, HEIGHT = 420, 180
LEFT, BOTTOM, TOP, RIGHT = 36, 26, 10, 10
BINS = 40


def histograms(
    generated: NDArray[np.float64], others: NDArray[np.float64], mark: float | None, words: str
) -> str:
    """Both classes' scores as shares of their class, with a photo's mark."""
    everything = np.concatenate([generated, others, [] if mark is None else [mark]])
    low, high = float(everything.min()), float(everything.max())
    span = max(high - low, 1e-6)
    edges = np.linspace(low - span / BINS, high + span / BINS, BINS + 1)
    parts = []
    counts = [np.histogram(scores, edges)[0] / max(len(scores), 1) for scores in (generated, others)]
    top = max(float(max(share.max() for share in counts)), 1e-9)
    bar = _across(edges[1], edges) - _across(edges[0], edges)
    for share, name in zip(counts, ("own", "other"), strict=True):
        for i, value in enumerate(share):
            if value:
                height = float(value) / top * (HEIGHT - TOP - BOTTOM)
                x, y = _across(edges[i], edges), HEIGHT - BOTTOM - height
                parts.append(
                    f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}" height="{height:.1f}"/>'
                )
    if mark is not None:
        x = _across(mark, edges)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    parts += [_text(LEFT, f"{low:.1f}", "start"), _text(WIDTH - RIGHT, f"{high:.1f}", "end")]
    parts.append(_text((WIDTH + LEFT) / 2, words, "middle"))
    return _svg(parts, "Histograms of both classes")


def roc_curve(curve: Roc, words: str) -> str:
    """True against false positives."""
    points = _points(curve.false_positives, curve.true_positives)
    return _svg(
        [_diagonal(), f'<polyline class="curve" points="{points}"/>', _text((WIDTH + LEFT) / 2, words)],
        "ROC curve",
    )


def said_and_true(bins: Sequence[Bin], words: str) -> str:
    """What was said against what was true."""
    said = np.array([b.probability for b in bins])
    true = np.array([b.share for b in bins])
    dots = []
    for x, y, part in zip(said, true, bins, strict=True):
        left, top = _point(float(x), float(y))
        radius = 2 + min(part.count, 200) ** 0.5 / 3
        dots.append(
            f'<circle class="dot" cx="{left:.1f}" cy="{top:.1f}" r="{radius:.1f}">'
            f"<title>{part.count} pictures</title></circle>"
        )
    return _svg([_diagonal(), *dots, _text((WIDTH + LEFT) / 2, words)], "Calibration curve")


def _svg(parts: Sequence[str], name: str) -> str:
    frame = f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>' + "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">{frame}</svg>'


def _across(value: float, edges: NDArray[np.float64]) -> float:
    share = (float(value) - edges[0]) / (edges[-1] - edges[0])
    return float(LEFT + share * (WIDTH - LEFT - RIGHT))


def _point(x: float, y: float) -> tuple[float, float]:
    return LEFT + x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM)


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return " ".join("{:.1f},{:.1f}".format(*_point(float(a), float(b))) for a, b in zip(x, y, strict=True))


def _diagonal() -> str:
    (x1, y1), (x2, y2) = _point(0, 0), _point(1, 1)
    return f'<line class="even" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{words}</text>'
