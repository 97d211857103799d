"""Models whose latent is a map: what they are, and how to begin with a picture.

Owns opening a picture through the model's encoder. GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe, Source
from latentstudio.engine.requests import Job
from latentstudio.gui.answers import Answers
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.latent.spaces import Latent, Z

PICTURE_FILTER = "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff);;All files (*)"


class LatentMapSection(QWidget):
    """A few words and a button; shown for models with an encoder or with a map for a latent."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._answers = Answers(studio, self)
        self._caption = caption("Latent map", self)
        self._words = label("", "muted", self)
        self._words.setWordWrap(True)
        self.open = QPushButton("Open picture…", self)
        self.open.setToolTip("Let the model's encoder turn a picture into its latent")
        self.open.clicked.connect(self._choose)
        line = QHBoxLayout()
        line.addWidget(self.open)
        line.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._caption)
        column.addWidget(self._words)
        column.addLayout(line)

    def set_model(self, model: OpenModel) -> None:
        """Say what this model's latent is."""
        info = model.info
        self.setVisible(info.z_shape is not None or info.has_encoder)
        self.open.setVisible(info.has_encoder)
        self._caption.setText(("Latent map" if info.z_shape is not None else "Encoder").upper())
        if info.z_shape is None:
            self._words.setText(
                "This model has an encoder: a picture opens as the latent that gives it back."
            )
            return
        channels, height, width = info.z_shape
        words = (
            f"The latent is a map: {channels} channels of {height} × {width}, a picture made small. "
            "A seed is noise to such a model and gives no meaningful picture. "
        )
        if info.has_encoder:
            words += "Open a picture; the PCA sliders then move its channels."
        else:
            words += "Its encoder is in another file; put it beside this one to open pictures."
        self._words.setText(words)

    def set_recipe(self, recipe: Recipe) -> None:
        """The words do not depend on the recipe."""

    def open_picture(self, path: Path) -> None:
        """Begin with a picture."""

        def job() -> Job:
            from latentstudio.engine.starts import encode_job

            return encode_job(path, "encode")

        def done(latent: Latent) -> None:
            document = self._studio.document
            start = Source(Z, seed=None, values=latent)
            # Truncation would wash the picture out before anybody has asked for it.
            recipe = document.recipe.changed(
                sources=(start,), mixing=(), truncation_psi=1.0, truncation_curve=(), truncation_center=None
            )
            document.edit(f"Open {path.name}", recipe)

        self._answers.ask(job, done)

    def ask_path(self) -> Path | None:
        """The file that a person chooses."""
        name, _ = QFileDialog.getOpenFileName(self, "Open a picture", "", PICTURE_FILTER)
        return Path(name) if name else None

    def _choose(self) -> None:
        path = self.ask_path()
        if path is not None:
            self.open_picture(path)
