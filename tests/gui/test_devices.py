from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow

from latentstudio.document.recipe import Recipe
from latentstudio.engine import worker
from latentstudio.gui.main_window import MainWindow
from latentstudio.settings import load_settings

CHOICES = (("auto", "The best there is"), ("cpu", "Processor"), ("cuda:0", "A card"))


@pytest.fixture
def with_card(open_window: OpenWindow, model_path, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    """The window on a machine that seems to have a card."""
    monkeypatch.setattr(worker, "device_choices", lambda: CHOICES)
    return open_window(model_path)


def choose(qtbot: QtBot, window: MainWindow, words: str) -> None:
    (action,) = [a for a in window.status.device.menu().actions() if a.text() == words]
    with qtbot.waitSignal(window.studio.model_opened, timeout=WAIT_MS):
        action.trigger()
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)


def test_without_a_card_there_is_nothing_to_choose(window: MainWindow) -> None:
    assert "CPU" in window.status.device.text()
    assert not window.status.device.isEnabled()


def test_another_device_keeps_the_document_and_the_choice(qtbot: QtBot, with_card: MainWindow) -> None:
    window, document = with_card, with_card.studio.document
    document.edit("Seed 5", Recipe.from_seed(5, model=document.recipe.model))
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    entries, pixels = document.entries, window.studio.binding.picture.pixels
    checked = [a.text() for a in window.status.device.menu().actions() if a.isChecked()]
    assert checked == ["The best there is"]

    choose(qtbot, window, "Processor")
    assert document.entries == entries
    assert np.array_equal(window.studio.binding.picture.pixels, pixels)
    assert load_settings().device == "cpu"
    assert [a.text() for a in window.status.device.menu().actions() if a.isChecked()] == ["Processor"]


def test_a_card_that_is_not_there_is_told_and_the_processor_draws(
    qtbot: QtBot, with_card: MainWindow
) -> None:
    told = []
    with_card.studio.told.connect(told.append)
    choose(qtbot, with_card, "A card")
    assert any("The processor draws instead" in notice.message for notice in told)
    assert "CPU" in with_card.status.device.text()
