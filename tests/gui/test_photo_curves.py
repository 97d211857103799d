"""The curves of an inversion: what they show, their colours, and that nothing moves them by accident."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latentstudio.gui.photo.curves import LossCurves
from latentstudio.gui.theme import apply_theme, tokens

STEPS = list(range(1, 11))
TERMS = {
    "distance": (STEPS, [1.0 / step for step in STEPS]),
    "pixel": (STEPS, [0.5 / step for step in STEPS]),
    "pull": (STEPS, [0.0] * 10),
}


def made(qtbot: QtBot) -> LossCurves:
    curves = LossCurves()
    qtbot.addWidget(curves)
    curves.resize(320, 200)
    curves.show()
    curves.set_terms(TERMS, 40)
    return curves


def test_each_term_is_a_curve_on_a_scale_of_powers_of_ten(qtbot: QtBot) -> None:
    curves = made(qtbot)
    assert curves.names == ["distance", "pixel", "pull"]
    x, y = curves.drawn("pixel")
    assert x.tolist() == STEPS
    assert np.allclose(y, np.log10(TERMS["pixel"][1]))
    assert np.isfinite(curves.drawn("pull")[1]).all()
    (left, right), (low, high) = curves.view()
    assert (left, right) == (0, 40)
    assert low < -6 < 0 < high
    assert curves.end.text() == "40 steps"
    curves.set_terms({"pixel": TERMS["pixel"]}, 40)
    assert curves.names == ["pixel"]
    assert [key.words.text() for key in curves._keys.values()] == ["pixel 0.05"]
    assert low < curves.view()[1][0]


def test_a_step_is_marked_and_unmarked(qtbot: QtBot) -> None:
    curves = made(qtbot)
    assert curves.mark is None
    curves.set_mark(7)
    assert curves.mark == 7
    curves.set_mark(None)
    assert curves.mark is None


def test_neither_wheel_nor_drag_moves_the_plot(qtbot: QtBot) -> None:
    curves = made(qtbot)
    before = curves.view()
    middle = QPointF(curves._plot.rect().center())
    wheel = QWheelEvent(
        middle,
        curves._plot.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    wheel.setAccepted(False)
    QApplication.sendEvent(curves._plot.viewport(), wheel)
    assert curves.view() == before
    # The panel below gets what the plot does not want.
    assert curves.childAt(curves._plot.geometry().center()) is None


def test_another_theme_recolours_the_curves(qtbot: QtBot, qapp: QApplication) -> None:
    curves = made(qtbot)
    try:
        apply_theme(qapp, "light")
        qapp.processEvents()
        assert curves._lines["distance"].opts["pen"].color() == tokens().color("accent")
        assert curves._plot.backgroundBrush().color() == tokens().color("panel")
    finally:
        apply_theme(qapp, "dark")
    qapp.processEvents()
    assert curves._lines["distance"].opts["pen"].color() == tokens().color("accent")


def test_the_window_starts_without_the_library_of_the_plots() -> None:
    code = "import sys; import latentstudio.gui.main_window; sys.exit('pyqtgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
