"""The list of models shows what each of them makes."""

from window_helpers import WAIT_MS


def test_bundled_models_show_their_picture_before_they_were_ever_opened(open_window, model_path, qtbot):
    window = open_window(model_path)
    qtbot.waitUntil(lambda: len(window.models.entries) > 3, timeout=WAIT_MS)
    bundled = [entry for entry in window.models.entries if entry.about.startswith("bundled")]
    assert {"Clay faces 64", "Clay VAE 64", "Clay classes 64", "Clay renderer"} <= {e.title for e in bundled}
    for entry in bundled:
        assert not entry.sha256
        assert window.models.card(entry.title).picture.has_image


def test_a_model_without_a_picture_shows_one_once_it_was_opened(open_window, model_path, qtbot):
    window = open_window(model_path)
    qtbot.waitUntil(lambda: any(e.path == model_path for e in window.models.entries), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: window.models.card(model_path.stem).picture.has_image, timeout=WAIT_MS)
