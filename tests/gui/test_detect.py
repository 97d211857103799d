from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from long_work import ended
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.detection.calibration import calibration_path, find_calibration
from latentstudio.detection.making import Plan, calibrate
from latentstudio.detection.measuring import own_picture
from latentstudio.detection.protocol import Protocol, quick_projection
from latentstudio.detection.work import WorkHere
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.detect import ROC, DetectPanel
from latentstudio.media.image import write_png
from latentstudio.models.registry import load_generator

HASTY = Protocol(quick_projection().changed(steps=4, start_samples=4), further_steps=2, plus_steps=1)


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    random = np.random.default_rng(0)
    for i in range(24):
        write_png(
            folder / f"{i:02d}.png", random.integers(0, 255, (4, 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
        )
    return folder


@pytest.fixture(scope="session")
def file(model_path: Path, real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibration of the tiny model."""
    generator = load_generator(model_path, "cpu")
    plan = Plan(real=(real,), count=24, copies=("clean",), extras=(), unseen=())
    steps = calibrate(plan, generator.info, HASTY, WorkHere(generator))
    path = tmp_path_factory.mktemp("calibrations") / "tiny.calibration.json"
    ended(steps)[1].save(path)
    return path


def panel_of(window: MainWindow) -> DetectPanel:
    window.inspector.show_tab("detect")
    panel = window.inspector.panels["detect"]
    assert isinstance(panel, DetectPanel)
    return panel


def drop(panel: DetectPanel, paths: list[Path]) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(20, 20),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    panel.drop.dropEvent(event)


def test_without_a_calibration_the_panel_says_what_to_do(window: MainWindow) -> None:
    panel = panel_of(window)
    assert not panel.drop.isEnabled()
    assert "calibrated" in panel.head.words.text()
    assert not panel.prior.isVisible()
    assert panel.head.make.isVisible()


def test_dropped_photos_are_judged_listed_and_exported(
    qtbot: QtBot, window: MainWindow, model_path: Path, real: Path, file: Path, tmp_path: Path
) -> None:
    panel = panel_of(window)
    panel.head.use(file)
    assert panel.drop.isEnabled()
    assert panel.head.words.text().startswith("AUC ")
    own = tmp_path / "own.png"
    write_png(own, own_picture(load_generator(model_path, "cpu"), 5, 0.8))
    (tmp_path / "broken.png").write_bytes(b"x")
    drop(panel, [own, real / "03.png", tmp_path / "broken.png"])
    qtbot.waitUntil(lambda: not panel.job.is_running and len(panel.list.findings) == 3, timeout=WAIT_MS)
    names = [panel.list.item(row, 0).text() for row in range(3)]  # type: ignore[union-attr]
    assert sorted(names) == ["03.png", "broken.png", "own.png"]
    broken = names.index("broken.png")
    assert panel.list.item(broken, 1).text() == "left out"  # type: ignore[union-attr]

    row = names.index("own.png")
    panel.list.selectRow(row)
    verdict = panel.list.findings[row].verdict
    assert verdict is not None
    assert panel.plots.mark == pytest.approx(verdict.score)
    assert panel.detail.sentence.text() == verdict.sentence
    assert all(panel.detail.pictures.has_image(i) for i in range(3))

    # The prior moves the chance, never the evidence.
    panel.prior.typed.emit(2.0)
    after = panel.list.findings[row].verdict
    assert after is not None
    assert after.posterior < verdict.posterior
    assert after.likelihood_ratio == verdict.likelihood_ratio
    panel.which.button(ROC).click()
    assert panel.plots.roc.isVisible()

    for name in ("found.html", "found.csv", "found.json"):
        panel.write(tmp_path / name)
    (model,) = json.loads((tmp_path / "found.json").read_text())["models"]
    assert len(model["photos"]) == 3
    assert model["photos"][row]["prior"] == 0.02
    assert len((tmp_path / "found.csv").read_text().splitlines()) == 4
    assert (tmp_path / "found.html").read_text().count("<section>") == 3

    panel.list.selectRow(broken)
    assert panel.detail.sentence.text().startswith("Left out.")
    assert panel.plots.mark is None
    panel.clear.click()
    assert panel.list.rowCount() == 0
    assert not panel.export.isVisible()


def test_a_cancelled_job_says_what_was_not_judged_and_keeps_the_rest(
    qtbot: QtBot, window: MainWindow, real: Path, file: Path
) -> None:
    panel = panel_of(window)
    panel.head.use(file)
    photos = sorted(real.glob("*.png"))
    panel.look_at(photos)
    panel.stop.click()
    assert panel.note.text().startswith("Stopped before a photo was judged.")
    assert panel.note.isVisible()

    panel.look_at(photos)
    qtbot.waitUntil(lambda: 0 < panel.list.rowCount() < len(photos), timeout=WAIT_MS)
    panel.stop.click()
    judged = panel.list.rowCount()
    assert panel.note.text() == f"Stopped with {len(photos) - judged} of {len(photos)} photos not judged."
    assert not panel.stop.isVisible()

    panel.look_at(photos[:1])
    qtbot.waitUntil(lambda: not panel.job.is_running, timeout=WAIT_MS)
    assert not panel.note.isVisible()


def test_the_window_and_the_command_line_measure_the_same(
    qtbot: QtBot, window: MainWindow, model_path: Path, real: Path, file: Path
) -> None:
    from latentstudio.detection.calibration import read_calibration
    from latentstudio.detection.detecting import detect

    panel = panel_of(window)
    panel.head.use(file)
    panel.look_at([real / "07.png"])
    qtbot.waitUntil(lambda: not panel.job.is_running and len(panel.list.findings) == 1, timeout=WAIT_MS)
    generator = load_generator(model_path, "cpu")
    steps = detect([real / "07.png"], generator.info, read_calibration(file), WorkHere(generator))
    (finding,) = ended(steps)[1]
    assert panel.list.findings[0].values == pytest.approx(finding.values, abs=1e-3)


def test_another_model_takes_neither_findings_nor_calibration_along(
    qtbot: QtBot, window: MainWindow, other_model_path: Path, real: Path, file: Path
) -> None:
    panel = panel_of(window)
    panel.head.use(file)
    panel.look_at([real / "00.png"])
    qtbot.waitUntil(lambda: len(panel.list.findings) == 1, timeout=WAIT_MS)
    told: list[object] = []
    window.studio.told.connect(told.append)
    window.filing.open_path(other_model_path)
    qtbot.waitUntil(lambda: panel.head.calibration is None, timeout=WAIT_MS)
    assert panel.list.findings == []
    panel.head.use(file)
    assert panel.head.calibration is None
    assert any("belongs to" in getattr(notice, "message", "") for notice in told)


def test_a_calibration_is_made_in_the_window_and_found_again(
    qtbot: QtBot, window: MainWindow, real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from latentstudio.detection import jobs, making

    monkeypatch.setattr(jobs, "usual_protocol", lambda generator: HASTY)
    monkeypatch.setattr(
        making, "Plan", lambda real, count: Plan(real=real, count=24, copies=("clean",), extras=(), unseen=())
    )
    panel = panel_of(window)
    panel.head.calibrate(real)
    assert panel.head.stop.isVisible()
    qtbot.waitUntil(lambda: panel.head.calibration is not None, timeout=2 * WAIT_MS)
    model = window.studio.model
    assert model is not None
    assert calibration_path(model.info.sha256).exists()
    assert find_calibration(model.info) is not None
    assert panel.drop.isEnabled()
    assert not panel.head.stop.isVisible()
