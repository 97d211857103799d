"""The way to own directions from the directions panel: make, import, export.

Owns the buttons, the dialog's life, and that a model's own directions are read when it opens. GUI
thread; files are read and written on others.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget

from latentstudio.document.direction_file import SUFFIX, read_directions, write_directions
from latentstudio.gui.own.dialog import OwnDialog
from latentstudio.gui.own_directions import add_all, load_own, own
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.latent.directions import Direction

FILES = "Directions (*.npy *.npz *.pt *.pth *.safetensors *.pkl *.json);;All files (*)"


class OwnBar(QWidget):
    """Buttons below the own sliders.

    Signals:
        used(Direction): make it a slider.
    """

    used = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.dialog: OwnDialog | None = None
        flow = FlowLayout(self)
        self.buttons: dict[str, QPushButton] = {}
        for words, hint, act in (
            ("From examples…", "Mark pictures that have it and pictures that have it not", self.open_marks),
            ("By a score…", "What the brightest, warmest or most symmetric samples share", self.open_scores),
            ("Edit…", "Star, name, flip, scale, remove one from another", self.open_library),
            ("Import…", "From .npy, .npz, .pt, .safetensors or .directions.json", self._import),
            ("Export…", "To a file of directions", self._export),
        ):
            button = QPushButton(words, self)
            button.setToolTip(hint)
            button.clicked.connect(lambda _=False, act=act: act())
            flow.addWidget(button)
            self.buttons[words] = button
        studio.model_opened.connect(self._take_model)
        studio.directions_found.connect(lambda _: self._show())
        self._show()

    def open_marks(self) -> None:
        """The page of marks."""
        self._open("marks")

    def open_scores(self) -> None:
        """The page of scores."""
        self._open("scores")

    def open_library(self) -> None:
        """The list."""
        self._open("library")

    def import_file(self, path: Path) -> None:
        """Add a file's directions; a wrong file is told in one sentence and adds nothing."""
        model = self._studio.model
        if model is None:
            return
        info = model.info

        def done(found: list[Direction]) -> None:
            if self._studio.model is model:
                kept = add_all(self._studio, found)
                words = kept[0].name if len(kept) == 1 else f"{len(kept)} directions"
                self._studio.tell(f"Imported {words}.", "They are kept with this model.")

        self._studio.background.run(
            lambda: read_directions(path, z_dim=info.z_dim, w_dim=info.w_dim), done, self._studio.tell_error
        )

    def export_file(self, path: Path) -> None:
        """Write all own directions."""
        model = self._studio.model
        if model is None:
            return
        if path.suffix != ".json":
            path = path.with_name(path.name + SUFFIX)
        directions = list(own(model))
        self._studio.background.run(
            lambda: write_directions(path, directions),
            lambda _: self._studio.tell(f"Saved {path.name}."),
            self._studio.tell_error,
        )

    def ask_open_path(self) -> Path | None:
        """Ask for a file to import."""
        name, _ = QFileDialog.getOpenFileName(self.window(), "Import directions", "", FILES)
        return Path(name) if name else None

    def ask_save_path(self) -> Path | None:
        """Ask for a file to write."""
        name, _ = QFileDialog.getSaveFileName(
            self.window(), "Export directions", f"mine{SUFFIX}", f"Directions (*{SUFFIX})"
        )
        return Path(name) if name else None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The dialog goes with the window, or the program would never end; not when it is minimised."""
        if event.type() == QEvent.Type.Hide and not event.spontaneous() and self.dialog is not None:
            self.dialog.close()
        return False

    def _open(self, page: str) -> None:
        if self.dialog is None:
            self.dialog = OwnDialog(self._studio, self.window())
            self.dialog.used.connect(self.used)
            self.window().installEventFilter(self)
        self.dialog.show_page(page)
        self.dialog.show()
        self.dialog.activateWindow()

    def _import(self) -> None:
        path = self.ask_open_path()
        if path is not None:
            self.import_file(path)

    def _export(self) -> None:
        path = self.ask_save_path()
        if path is not None:
            self.export_file(path)

    def _take_model(self, model: OpenModel) -> None:
        load_own(self._studio, model)
        self._show()

    def _show(self) -> None:
        model = self._studio.model
        has_own = model is not None and bool(model.directions.get("mine"))
        self.setEnabled(model is not None)
        self.buttons["Edit…"].setVisible(has_own)
        self.buttons["Export…"].setVisible(has_own)
