"""The noise panel, through the real window with the real engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow, write_model

from latentstudio.document import noise_edits
from latentstudio.document.recipe import Noise, NoiseLayer
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.noise_layers import noise_groups, noise_inputs
from latentstudio.gui.panels.noise import NO_NOISE, NoisePanel
from latentstudio.latent.spaces import Latent
from latentstudio.media.image import read_pixels
from latentstudio.models.architectures.stylegan2_compact import build, compact_config
from latentstudio.models.generator import Provenance
from latentstudio.models.info import StageInfo
from latentstudio.models.spec import NetworkSpec, write_spec

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture(scope="session")
def noisy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 16 pixels whose noise can be seen."""
    torch.manual_seed(1)
    config = compact_config([8, 8, 8], z_dim=8, w_dim=8, mapping_layers=2)
    network = build(config)
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.endswith(("torgb.weight", "const")):
                values.mul_(2)
            if name.endswith("noise_strength"):
                values.fill_(0.5)
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    path = tmp_path_factory.mktemp("models") / "noisy.safetensors"
    provenance = Provenance(title="noisy", licence="CC0", origin="noisy.safetensors")
    write_spec(path, NetworkSpec("stylegan2-compact", config, arrays, provenance))
    return path


@pytest.fixture
def noisy(open_window: OpenWindow, noisy_path: Path) -> MainWindow:
    return open_window(noisy_path)


def panel_of(window: MainWindow) -> NoisePanel:
    window.inspector.show_tab("noise")
    panel = window.inspector.panels["noise"]
    assert isinstance(panel, NoisePanel)
    return panel


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels


def noise(window: MainWindow) -> Noise:
    return window.studio.document.recipe.noise


def undo_words(window: MainWindow) -> str | None:
    return window.studio.document.undo_label


# --- values -------------------------------------------------------------------------------------


def test_an_input_that_no_longer_differs_is_no_longer_listed() -> None:
    plain = Noise("const", 3)
    assert noise_edits.with_strength(noise_edits.with_strength(plain, 2, 0.5), 2, 1.0) == plain
    assert noise_edits.switched(noise_edits.switched(plain, [0, 1], False), [0, 1], True) == plain
    silent = Noise("none")
    heard = noise_edits.switched(silent, [1], True)
    assert heard.layers == (NoiseLayer(1, mode="const"),)
    assert noise_edits.switched(heard, [1], False) == silent


def test_freezing_keeps_strength_fitted_maps_and_the_draw_of_a_silenced_layer() -> None:
    fitted = NoiseLayer(1, values=Latent(np.ones((4, 4))))
    drawn = Noise("random", 7, (NoiseLayer(0, 0.5), fitted))
    frozen = noise_edits.frozen(drawn, range(3))
    assert frozen.layers == (NoiseLayer(0, 0.5, "random", 7), fitted, NoiseLayer(2, 1.0, "random", 7))
    silenced = noise_edits.switched(frozen, [0], False)
    assert noise_edits.mode_of(silenced, 0) == "none"
    assert noise_edits.switched(silenced, [0], True) == frozen
    assert noise_edits.released(frozen, range(3)) == drawn


def test_inputs_are_named_by_size_and_split_at_64_pixels() -> None:
    stages = [
        StageInfo("b4.conv1", (4, 4), (0,), (0,)),
        StageInfo("b64.conv0", (64, 64), (1,), (1,)),
        StageInfo("b64.conv1", (64, 64), (2,), (2,)),
    ]
    inputs = noise_inputs(stages)
    assert [each.words for each in inputs] == ["4 px", "64 px  conv0", "64 px  conv1"]
    assert [(g.name, g.sizes, g.indices) for g in noise_groups(inputs)] == [
        ("Coarse", "4", (0,)),
        ("Fine", "64", (1, 2)),
    ]
    assert noise_groups(inputs[:1]) == ()


# --- panel --------------------------------------------------------------------------------------


def test_strength_moves_the_picture_is_one_edit_and_reopens(
    qtbot: QtBot, noisy: MainWindow, tmp_path: Path
) -> None:
    panel, document = panel_of(noisy), noisy.studio.document
    start = settle(qtbot, noisy)
    slider = panel.rows[-1].slider
    QTest.mousePress(slider, LEFT, NONE, slider.position_of(1).toPoint())
    for value in (0.8, 0.5, 0.2, 0.0):
        QTest.mouseMove(slider, slider.position_of(value).toPoint())
    QTest.mouseRelease(slider, LEFT, NONE, slider.position_of(0).toPoint())
    assert noise(noisy).layers == (NoiseLayer(4, 0.0),)
    assert undo_words(noisy) == "Noise 16 px conv1 0.0"
    assert len(document.entries) == 2
    weaker = settle(qtbot, noisy)
    assert not np.array_equal(start, weaker)
    document.undo()
    assert np.array_equal(settle(qtbot, noisy), start)
    assert panel.rows[-1].slider.value == 1
    document.redo()
    settle(qtbot, noisy)
    path = tmp_path / "weaker.png"
    with qtbot.waitSignal(noisy.filing.saved, timeout=WAIT_MS):
        noisy.filing.save_to(path)
    assert np.array_equal(read_pixels(path), weaker)
    noisy.filing.open_path(path)
    qtbot.waitUntil(lambda: document.entries[0].label == "Opened weaker.png", timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, noisy), weaker)
    assert panel.rows[-1].slider.value == 0


def test_esc_takes_the_drag_back(qtbot: QtBot, noisy: MainWindow) -> None:
    panel = panel_of(noisy)
    slider = panel.rows[0].slider
    QTest.mousePress(slider, LEFT, NONE, slider.position_of(1).toPoint())
    QTest.mouseMove(slider, slider.position_of(1.7).toPoint())
    assert noise(noisy).layers
    QTest.keyClick(slider, Qt.Key.Key_Escape)
    assert noise(noisy) == Noise()


def test_mute_groups_reset(qtbot: QtBot, noisy: MainWindow) -> None:
    panel = panel_of(noisy)
    assert [b.text() for b in panel.group_buttons] == ["Coarse 4–8", "Fine 16"]
    panel.rows[0].switch.click()
    assert undo_words(noisy) == "Noise 4 px off"
    assert not panel.rows[0].slider.isEnabled()
    panel.group_buttons[1].click()
    assert undo_words(noisy) == "Fine noise off"
    assert [layer.index for layer in noise(noisy).layers] == [0, 3, 4]
    assert not panel.group_buttons[1].isChecked()
    panel.group_buttons[1].click()
    assert [layer.index for layer in noise(noisy).layers] == [0]
    panel.reset.click()
    assert noise(noisy) == Noise()


def test_a_frozen_draw_outlives_seed_and_mode(qtbot: QtBot, noisy: MainWindow) -> None:
    panel = panel_of(noisy)
    panel.modes.button("random").click()
    panel.seed.box.setText("41")
    QTest.keyClick(panel.seed.box, Qt.Key.Key_Return)
    assert noise(noisy) == Noise("random", 41)
    drawn = settle(qtbot, noisy)
    panel.freeze.click()
    assert undo_words(noisy) == "Freeze noise"
    panel.seed.dice.click()
    panel.modes.button("const").click()
    assert np.array_equal(settle(qtbot, noisy), drawn)
    assert panel.release.isVisible()
    panel.release.click()
    assert noise(noisy).layers == ()
    assert not np.array_equal(settle(qtbot, noisy), drawn)


def test_the_published_figure_is_drawn_and_opened(qtbot: QtBot, noisy: MainWindow) -> None:
    panel = panel_of(noisy)
    qtbot.waitUntil(lambda: all(panel.figure.has_image(i) for i in range(4)), timeout=WAIT_MS)
    QTest.mouseClick(panel.figure, LEFT, NONE, panel.figure.place(2).center().toPoint())
    assert undo_words(noisy) == "Noise in fine layers"
    assert noise(noisy) == Noise("const", 0, tuple(NoiseLayer(i, mode="none") for i in range(3)))
    settle(qtbot, noisy)
    noisy.studio.document.undo()
    assert noise(noisy) == Noise()


def test_the_spread_is_measured_and_grows_stale(qtbot: QtBot, noisy: MainWindow) -> None:
    panel, document = panel_of(noisy), noisy.studio.document
    panel.measure.click()
    qtbot.waitUntil(lambda: panel.spread.values is not None, timeout=WAIT_MS)
    values = panel.spread.values
    assert values is not None
    assert values.shape == (16, 16)
    assert values.max() > 1
    assert "levels of 255" in panel._spread_words.text()
    document.edit("Noise random", document.recipe.changed(noise=Noise("random", 5)))
    assert "levels of 255" in panel._spread_words.text()
    document.edit("Psi", document.recipe.changed(truncation_psi=0.3))
    assert "earlier picture" in panel._spread_words.text()


def test_noise_that_moves_nothing_is_said(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(window)
    panel.measure.click()
    qtbot.waitUntil(lambda: "leaves this picture" in panel._spread_words.text(), timeout=WAIT_MS)
    assert not panel.spread.isVisible()


def test_a_model_without_noise_says_so(qtbot: QtBot, window: MainWindow) -> None:
    panel, model = panel_of(window), window.studio.model
    assert model is not None
    panel.set_model(replace(model, info=replace(model.info, has_noise=False)))
    panel.set_recipe(window.studio.document.recipe)
    assert panel._nothing.text() == NO_NOISE
    assert panel._nothing.isVisible()
    assert not panel.measure.isVisible()


def test_the_inputs_of_a_large_model_fit_beside_the_icons(open_window: OpenWindow, tmp_path: Path) -> None:
    window = open_window(write_model(tmp_path / "large.safetensors", [4] * 9))  # 1024 px
    window.inspector.show_tab("noise")
    panel = window.inspector.panels["noise"]
    assert "64–1024" in panel.group_buttons[-1].text()
    area = panel.parentWidget()
    assert panel.minimumSizeHint().width() <= area.width()
