"""A text direction: two prompts, the channels that lead from one to the other, one slider for them all.

Owns the prompts, the way to CLIP's weights and the slider; changes the recipe through the document and
nothing else. Says plainly when CLIP is not there. GUI thread.

Source: Patashnik et al., "StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery", section 6.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.edits import ChannelEdit
from latentstudio.document.text_channels import with_text
from latentstudio.engine.requests import Job, Progress
from latentstudio.errors import LatentStudioError
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.studio import Studio
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import signed
from latentstudio.settings import save_settings

NOT_INSTALLED = (
    "Not installed: this needs CLIP, and LatentStudio brings none. If you have its weights (open_clip's or "
    "Hugging Face's files, with their list of words), choose their folder."
)
FIRST_TIME = (
    "The first time, every style channel of this model is tried out, which takes minutes; the result is kept."
)


class TextSection(QWidget):
    """From one prompt to another."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._edits: tuple[ChannelEdit, ...] = ()
        self._name = ""
        self.job = OneJob(studio.bridge, self)
        self.job.finished.connect(self._take)
        self.job.progressed.connect(self._show_progress)
        self.job.ended.connect(self._show)
        self.neutral, self.target = QLineEdit("a face", self), QLineEdit(self)
        self.neutral.setAccessibleName("What the picture is")
        self.target.setAccessibleName("What it should be")
        self.target.setPlaceholderText("a smiling face")
        self.target.returnPressed.connect(self.look)
        self.search = QPushButton("Find channels", self)
        self.search.clicked.connect(self.look)
        self.choose = QPushButton("Choose CLIP's folder…", self)
        self.choose.clicked.connect(self._choose)
        self.words = label("", "small", self)
        self.words.setWordWrap(True)
        self.strength = SliderRow("Strength", ValueSlider(-10, 10, step=0.5), words=signed, parent=self)
        self.strength.edited.connect(lambda value: self.set_strength(value, ("text", self._name)))
        self.strength.typed.connect(lambda value: self.set_strength(value, None))
        self.strength.finished.connect(studio.document.release)
        self.strength.aborted.connect(studio.document.abort)
        prompts = QHBoxLayout()
        prompts.setSpacing(6)
        prompts.addWidget(self.neutral, 1)
        prompts.addWidget(label("to", "muted", self))
        prompts.addWidget(self.target, 1)
        self._prompts = QWidget(self)
        self._prompts.setLayout(prompts)
        prompts.setContentsMargins(0, 0, 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for part in (self._prompts, self.search, self.words, self.strength, self.choose):
            column.addWidget(part)
        self._show()

    def set_model(self) -> None:
        """Begin with another model."""
        self.job.cancel()
        self._edits = ()
        self._show()

    def look(self) -> None:
        """Ask for the channels of the two prompts, or stop looking."""
        if self.job.is_running:
            self.job.cancel()
            return
        neutral, target = self.neutral.text().strip(), self.target.text().strip()
        if not target or not self._studio.settings.clip:
            return
        path, self._name = self._studio.settings.clip, target
        self.job.start(lambda: _text_job(path, neutral, target))
        self._show()

    def set_strength(self, strength: float, merge: Hashable | None) -> None:
        """Move all channels of the direction together."""
        if not self._edits:
            return
        document = self._studio.document
        recipe = with_text(document.recipe, self._edits, strength)
        document.edit(f"{self._name} {signed(strength)}", recipe, merge)

    def set_folder(self, folder: Path) -> None:
        """Remember where CLIP's weights are."""
        studio = self._studio
        studio.settings = replace(studio.settings, clip=str(folder))
        try:
            save_settings(studio.settings)
        except LatentStudioError as error:
            studio.tell_error(error)
        self._show()

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.window(), "The folder with CLIP's weights")
        if folder:
            self.set_folder(Path(folder))

    def _take(self, edits: tuple[ChannelEdit, ...]) -> None:
        self._edits = edits
        self.strength.set_value(0)
        self._show()

    def _show_progress(self, progress: Progress) -> None:
        share = f" {100 * progress.done // progress.total} %" if progress.total else ""
        self.words.setText(f"{progress.text}{share}")

    def _show(self) -> None:
        has_clip, running = bool(self._studio.settings.clip), self.job.is_running
        self._prompts.setVisible(has_clip)
        self.search.setVisible(has_clip)
        self.search.setText("Stop" if running else "Find channels")
        self.choose.setText("CLIP from another folder…" if has_clip else "Choose CLIP's folder…")
        self.strength.setVisible(bool(self._edits) and not running)
        if not has_clip:
            self.words.setText(NOT_INSTALLED)
        elif not running:
            found = f'{len(self._edits)} channels lead to "{self._name}".'
            self.words.setText(found if self._edits else FIRST_TIME)


def _text_job(path: str, neutral: str, target: str) -> Job:
    from latentstudio.engine.text_directions import text_direction_job

    return text_direction_job(path, neutral or "a picture", target)
