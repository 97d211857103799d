"""Classes, transform, truncation by layer and latent maps, through the real window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from nvidia_files import whole, write
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton, QWidget
from pytestqt.qtbot import QtBot
from stylegan3_files import make
from window_helpers import WAIT_MS, OpenWindow

from latentstudio.document.recipe import ModelRef, Source, Transform
from latentstudio.document.recipe_json import dumps
from latentstudio.gui.class_words import mix_words, normalized, with_class, with_weight, without_class
from latentstudio.gui.conditions.truncation import shown_psi
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.conditions import ConditionsPanel
from latentstudio.gui.panels.model_info import fact_groups
from latentstudio.gui.panels.sample import SamplePanel
from latentstudio.media.image import read_pixels, write_png
from latentstudio.models.architectures.tiny_autoencoder import build
from latentstudio.models.generator import Provenance
from latentstudio.models.spec import NetworkSpec, write_spec

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture(scope="session")
def classes_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """StyleGAN3-R with three classes."""
    folder = tmp_path_factory.mktemp("models")
    model = make((32, 32), c_dim=3, radial=True, kernel=1)
    return Path(write(folder / "turning.pkl", whole(model)))


@pytest.fixture(scope="session")
def map_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An autoencoder of 16 pixels whose latent is 2 x 8 x 8."""

    def conv(inside: int, out: int, **more: object) -> dict[str, object]:
        return {"kind": "conv", "in": inside, "out": out, "kernel": 3, "bias": True, **more}

    def block(width: int) -> dict[str, object]:
        return {"kind": "block", "in": width, "out": width, "pool": 0}

    config = {
        "decoder": [conv(2, 4, relu=True), block(4), block(4), conv(4, 3, doubled=True)],
        "encoder": [conv(3, 4, stride=2), block(4), block(4), conv(4, 2)],
        "resolution": 16,
        "signed": False,
    }
    torch.manual_seed(0)
    arrays = {name: value.numpy() for name, value in build(config).state_dict().items()}
    path = tmp_path_factory.mktemp("models") / "map.safetensors"
    write_spec(path, NetworkSpec("tiny-autoencoder", config, arrays, Provenance(title="Map")))
    return path


def panel(window: MainWindow) -> ConditionsPanel:
    window.inspector.show_tab("conditions")
    found = window.inspector.panels["conditions"]
    assert isinstance(found, ConditionsPanel)
    return found


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels


def mouse(widget: QWidget, kind: QEvent.Type, at: QPointF, modifiers: Qt.KeyboardModifier = NONE) -> None:
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
    event = QMouseEvent(kind, at, widget.mapToGlobal(at), button, held, modifiers)
    QApplication.sendEvent(widget, event)


def drag(widget: QWidget, points: list[QPointF], *, let_go: bool = True) -> None:
    mouse(widget, QEvent.Type.MouseButtonPress, points[0])
    for point in points[1:]:
        mouse(widget, QEvent.Type.MouseMove, point)
        QApplication.processEvents()
    if let_go:
        mouse(widget, QEvent.Type.MouseButtonRelease, points[-1])


def test_a_class_is_searched_chosen_mixed_and_undone(
    qtbot: QtBot, open_window: OpenWindow, classes_path: Path
) -> None:
    window = open_window(classes_path)
    section, document = panel(window).classes, window.studio.document
    assert section.isVisible()
    first = settle(qtbot, window)

    section.list.search.setText("2")
    assert section.list.found == [2]
    QTest.keyClick(section.list.search, Qt.Key.Key_Return)
    assert document.recipe.classes == ((2, 1.0),)
    assert document.undo_label == "Class 2"
    second = settle(qtbot, window)
    assert not np.array_equal(first, second)

    section.list.search.clear()
    view = section.list.view
    rectangle = view.visualRect(view.model().index(1, 0))
    cross = QPoint(rectangle.right() - 14, rectangle.center().y())
    QTest.mouseClick(view.viewport(), LEFT, NONE, cross)
    assert document.recipe.classes == ((2, 0.5), (1, 0.5))
    mixed = settle(qtbot, window)
    assert not np.array_equal(mixed, second)

    row = section.rows[1]
    drag(row.slider, [row.slider.position_of(0.5), row.slider.position_of(0.8)])
    assert dict(document.recipe.classes)[1] == pytest.approx(0.8, abs=0.03)
    assert sum(weight for _, weight in document.recipe.classes) == pytest.approx(1)
    assert document.undo_label is not None
    assert document.undo_label.startswith("Class 1 0.")
    document.undo()
    assert np.array_equal(settle(qtbot, window), mixed)
    section.rows[1].remove.click()
    assert document.recipe.classes == ((2, 1.0),)
    assert np.array_equal(settle(qtbot, window), second)


def test_the_picture_is_moved_and_turned_on_the_canvas(
    qtbot: QtBot, open_window: OpenWindow, classes_path: Path, tmp_path: Path
) -> None:
    window = open_window(classes_path)
    section, document = panel(window).transform, window.studio.document
    assert section.isVisible()
    before = settle(qtbot, window)
    section.hand.click()
    tool = section._tool
    assert tool is not None
    assert tool.isVisible()
    assert tool.geometry() == window.canvas.rect()

    place = window.canvas.place()
    middle = place.center() + QPointF(15, 15)
    drag(tool, [middle, middle + QPointF(place.width() / 8, 0), middle + QPointF(place.width() / 4, 0)])
    moved = document.recipe.transform
    assert moved is not None
    assert moved.x == pytest.approx(0.25, abs=2e-3)
    assert moved.y == 0
    assert document.undo_label == f"Move +{moved.x:g}, 0"
    # The picture follows the hand: what was left of the middle is a quarter to the right.
    shifted = settle(qtbot, window)
    wide = before.shape[1]
    inner, source = shifted[8:-8, 12:-4], before[8:-8, 12 - wide // 4 : -4 - wide // 4]
    other = before[8:-8, 12:-4]
    near = np.abs(inner.astype(int) - source).mean()
    assert near < np.abs(inner.astype(int) - other).mean()

    # The ring, a quarter of a turn against the clock.
    knob, centre = tool.knob(), tool.centre()
    drag(tool, [knob, knob + QPointF(-40, 20), centre - QPointF(centre.y() - knob.y(), 0)])
    assert document.recipe.transform == Transform(moved.x, 0.0, 90.0)
    assert document.undo_label == "Turn +90°"
    turned = settle(qtbot, window)

    # A drag that Esc takes back leaves nothing.
    drag(tool, [middle, middle + QPointF(30, 30)], let_go=False)
    assert document.recipe.transform != Transform(moved.x, 0.0, 90.0)
    QApplication.sendEvent(tool, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Escape, NONE))
    assert document.recipe.transform == Transform(moved.x, 0.0, 90.0)
    assert np.array_equal(settle(qtbot, window), turned)

    # A saved picture brings the transform back.
    saved = tmp_path / "turned.png"
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.filing.save_to(saved)
    assert np.array_equal(read_pixels(saved), turned)
    mouse(tool, QEvent.Type.MouseButtonDblClick, middle)
    assert document.recipe.transform is None
    assert np.array_equal(settle(qtbot, window), before)
    window.inspector.show_tab("sample")
    assert not tool.isVisible()
    window.filing.open_path(saved)
    qtbot.waitUntil(lambda: document.recipe.transform is not None, timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), turned)


def test_a_turn_follows_the_hand(qtbot: QtBot, open_window: OpenWindow, classes_path: Path) -> None:
    window = open_window(classes_path)
    document = window.studio.document
    panel(window)
    before = settle(qtbot, window)
    document.edit("Turn", document.recipe.changed(transform=Transform(angle_deg=90)))
    turned = settle(qtbot, window).astype(int)
    # A positive angle is against the clock, as the ring shows it.
    errors = [np.abs(turned - np.rot90(before, k)).mean() for k in (0, 1, 2, 3)]
    assert int(np.argmin(errors)) == 1


def test_a_curve_is_drawn_across_the_layers(qtbot: QtBot, open_window: OpenWindow, model_path: Path) -> None:
    window = open_window(model_path)
    section, document = panel(window).truncation, window.studio.document
    document.edit("Cutoff", document.recipe.changed(truncation_cutoff=2, truncation_psi=0.5))
    flat = settle(qtbot, window)
    curve = section.curve
    count = len(curve.values)
    assert curve.values == (0.5, 0.5) + (1.0,) * (count - 2)
    start, end = curve.place_of(0), curve.place_of(count - 1)
    drag(curve, [start, QPointF(start.x(), end.y() + 10), end + QPointF(0, 10)])
    recipe = document.recipe
    assert len(recipe.truncation_curve) == count
    assert recipe.truncation_cutoff is None
    assert max(recipe.truncation_curve) - min(recipe.truncation_curve) < 0.05
    assert document.undo_label == "Truncation curve"
    assert not np.array_equal(settle(qtbot, window), flat)
    document.undo()
    assert np.array_equal(settle(qtbot, window), flat)

    section.presets["Coarse only"].click()
    assert shown_psi(document.recipe, count)[-1] == 1
    section.presets["Flat"].click()
    assert document.recipe.truncation_curve == ()
    for classes in (section.parent().classes, section.parent().transform):  # type: ignore[union-attr]
        assert not classes.isVisible()


def test_the_centre_is_the_picture_one_sees(
    qtbot: QtBot, open_window: OpenWindow, model_path: Path, tmp_path: Path
) -> None:
    window = open_window(model_path)
    section, document = panel(window).truncation, window.studio.document
    seen = settle(qtbot, window)
    section.from_picture.click()
    qtbot.waitUntil(lambda: document.recipe.truncation_center is not None, timeout=WAIT_MS)
    assert document.undo_label == "Centre on this picture"
    document.edit("Other", document.recipe.changed(truncation_psi=0.0, sources=document.recipe.sources))
    # At psi 0 any seed shows the centre.
    document.edit("Seed", document.recipe.changed(sources=(Source(seed=99),)))
    assert np.abs(settle(qtbot, window).astype(int) - seen).max() <= 1
    section.from_mean.click()
    assert document.recipe.truncation_center is None

    # A picture that was kept, and one of another model.
    kept = tmp_path / "kept.png"
    write_png(kept, seen, dumps(document.recipe))
    section.center_on_file(kept)
    qtbot.waitUntil(lambda: document.undo_label == "Centre on a favourite", timeout=WAIT_MS)
    before = document.recipe
    write_png(kept, seen, dumps(before.changed(model=ModelRef("0" * 64, "Another"))))
    section.center_on_file(kept)
    qtbot.waitUntil(lambda: window.studio.background.is_idle, timeout=WAIT_MS)
    assert document.recipe == before


def test_a_file_that_is_no_picture_is_told_and_changes_nothing(
    qtbot: QtBot, open_window: OpenWindow, map_path: Path, tmp_path: Path
) -> None:
    window = open_window(map_path)
    before = window.studio.document.recipe.sources
    (tmp_path / "photo.png").write_bytes(b"no picture")
    with qtbot.waitSignal(window.studio.told, timeout=WAIT_MS) as told:
        panel(window).latent_map.open_picture(tmp_path / "photo.png")
    assert "photo.png" in told.args[0].message
    assert window.studio.document.recipe.sources == before


def test_a_picture_opens_as_its_latent_map(
    qtbot: QtBot, open_window: OpenWindow, map_path: Path, tmp_path: Path
) -> None:
    window = open_window(map_path)
    section, document = panel(window).latent_map, window.studio.document
    assert section.isVisible()
    assert section.open.isVisible()
    assert not panel(window).truncation.curve.isVisible()
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (40, 20, 3)).astype(np.uint8)).save(
        tmp_path / "photo.png"
    )
    section.ask_path = lambda: tmp_path / "photo.png"  # type: ignore[method-assign]
    section.open.click()
    qtbot.waitUntil(lambda: document.undo_label == "Open photo.png", timeout=WAIT_MS)
    values = document.recipe.sources[0].values
    assert values is not None
    assert values.shape == (128,)
    settle(qtbot, window)
    model = window.studio.model
    assert model is not None
    qtbot.waitUntil(lambda: "pca" in model.directions, timeout=WAIT_MS)
    assert len(model.directions["pca"]) == 2


def test_the_sample_panel_finds_a_class_by_a_part_of_its_name(
    qtbot: QtBot, open_window: OpenWindow, classes_path: Path
) -> None:
    window = open_window(classes_path)
    window.inspector.show_tab("sample")
    sample, document = window.inspector.panels["sample"], window.studio.document
    assert isinstance(sample, SamplePanel)
    box = sample.classes
    assert box.currentText() == "Class 0"
    box.completer().setCompletionPrefix("2")
    assert box.completer().completionCount() == 1
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert document.recipe.classes == ((2, 1.0),)
    assert document.undo_label == "Class 2"
    document.edit("Mix", document.recipe.changed(classes=((2, 0.6), (1, 0.4))))
    assert box.currentText() == "Class 2 0.6 + Class 1 0.4"


def test_the_model_panel_tells_all_and_copies_the_hash(
    qtbot: QtBot, open_window: OpenWindow, map_path: Path
) -> None:
    window = open_window(map_path)
    window.inspector.show_tab("model")
    model = window.studio.model
    assert model is not None
    groups = fact_groups(model)
    assert list(groups) == ["Network", "File", "Rights"]
    words = {fact.name: fact.words for facts in groups.values() for fact in facts}
    assert words["Spaces"] == "z, a map of 2 × 8 × 8"
    assert words["Encoder"] == "there: pictures open as latents"
    assert words["Licence"] == "not stated in the file"
    buttons = window.inspector.panels["model"].findChildren(QToolButton)
    next(b for b in buttons if b.accessibleName() == "Copy SHA-256").click()
    assert QApplication.clipboard().text() == model.info.sha256


def test_weights_of_classes_keep_their_sum() -> None:
    mix = with_class(((0, 1.0),), 4, keep_sum=True)
    assert mix == ((0, 0.5), (4, 0.5))
    assert with_weight(mix, 4, 0.25, keep_sum=True) == ((0, 0.75), (4, 0.25))
    assert with_weight(((0, 0.0), (4, 1.0)), 4, 0.4, keep_sum=True) == ((0, 0.6), (4, 0.4))
    assert with_weight(mix, 4, 0.9, keep_sum=False) == ((0, 0.5), (4, 0.9))
    assert normalized(((1, 2.0), (2, 6.0))) == ((1, 0.25), (2, 0.75))
    assert without_class(mix, 0, keep_sum=True) == ((4, 1.0),)
    assert without_class(((4, 1.0),), 4, keep_sum=True) == ((4, 1.0),)
    assert mix_words(((1, 1.0),), ("cat", "dog")) == "dog"
