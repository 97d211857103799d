"""Truncation in detail: a psi for each layer, and what it moves toward.

Owns the curve, its presets and the centre. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import DirectionEdit, Recipe, Source
from latentstudio.document.recipe_json import loads
from latentstudio.engine.requests import Job
from latentstudio.errors import InputError
from latentstudio.gui.answers import Answers
from latentstudio.gui.favourite_picker import FavouritePicker
from latentstudio.gui.selection_picker import SelectionPicker
from latentstudio.gui.starting import fits
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.model_card import SmallPicture
from latentstudio.gui.widgets.psi_curve import PsiCurve
from latentstudio.latent.sampling import parse_seeds
from latentstudio.latent.spaces import W_PLUS, Latent
from latentstudio.media.image import read_recipe_text

MOST_SEEDS = 10_000


class TruncationSection(QWidget):
    """Curve and centre."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self._center: Recipe | None = None  # draws the centre's picture
        self._answers = Answers(studio, self)
        self._asked = 0  # the latest wish for a centre; an older answer comes too late
        self.curve = PsiCurve(self)
        self._hint = label("", "muted", self)
        self._hint.setWordWrap(True)
        self._presets = QWidget(self)
        presets = QHBoxLayout(self._presets)
        presets.setContentsMargins(0, 0, 0, 0)
        presets.setSpacing(6)
        self.presets: dict[str, QPushButton] = {}
        for words, hint in (
            ("Flat", "The psi of the Sample tab for all layers"),
            ("Coarse only", "Shape toward the centre, colour and detail as drawn"),
            ("Fade", "From psi at the coarse end to 1 at the fine end"),
        ):
            button = QPushButton(words, self._presets)
            button.setProperty("role", "pill")
            button.setToolTip(hint)
            button.clicked.connect(lambda _=False, words=words: self.apply_preset(words))
            presets.addWidget(button)
            self.presets[words] = button
        presets.addStretch(1)
        self._caption = caption("Truncation by layer", self)
        self._center_part = self._make_center()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self._caption, self.curve, self._presets, self._hint, self._center_part):
            column.addWidget(widget)
        self.curve.curve_edited.connect(lambda values: self._set_curve(values, "psi curve"))
        self.curve.edit_finished.connect(studio.document.release)
        self.curve.edit_aborted.connect(studio.document.abort)
        self.curve.reset_wanted.connect(lambda: self.apply_preset("Flat"))
        studio.thumbnails.arrived.connect(self._take_picture)

    def set_model(self, model: OpenModel) -> None:
        """Offer what acts on this model."""
        self._model, self._center = model, None
        info = model.info
        acts = not info.truncates_in_synthesis
        many = acts and info.num_ws > 1
        self.curve.set_layers(model.sides)
        for widget in (self.curve, self._presets):
            widget.setVisible(many)
        self._caption.setVisible(many or not acts)
        self._center_part.setVisible(acts)

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        if self._model is None:
            return
        info = self._model.info
        if not self.curve.is_held:
            self.curve.set_curve(shown_psi(recipe, info.num_ws), is_own=bool(recipe.truncation_curve))
        if info.truncates_in_synthesis:
            self._hint.setText(
                "In this family psi picks the stored batch-norm statistics: there is one for the whole "
                "picture, and no centre."
            )
        elif recipe.truncation_curve:
            self._hint.setText("The curve replaces psi and cutoff.")
        else:
            self._hint.setText("Drag across the layers for a curve.")
        self._hint.setVisible(info.truncates_in_synthesis or info.num_ws > 1)
        self._show_center(recipe)

    def apply_preset(self, words: str) -> None:
        """Draw one of the ready curves."""
        document, model = self._studio.document, self._model
        if model is None:
            return
        if words == "Flat":
            document.edit("Flat truncation", document.recipe.changed(truncation_curve=()))
            return
        recipe, sides = document.recipe, model.sides
        psi = 0.7 if recipe.truncation_psi == 1 else recipe.truncation_psi
        last = max(1, len(sides) - 1)
        # The groups by resolution where the model has them, else the first third.
        coarse = model.groups[0].stop if model.groups else -(-len(sides) // 3)
        if words == "Coarse only":
            values = [psi if i < coarse else 1.0 for i in range(len(sides))]
        else:
            values = [round(psi + (1 - psi) * i / last, 3) for i in range(len(sides))]
        self._set_curve(values, None)

    def _set_curve(self, values: Sequence[float], merge: str | None) -> None:
        document = self._studio.document
        # What is shown already holds the cutoff: from here on the curve says it all.
        recipe = document.recipe.changed(truncation_curve=tuple(values), truncation_cutoff=None)
        document.edit("Truncation curve", recipe, merge)

    # --- centre ---------------------------------------------------------------------------------

    def _make_center(self) -> QWidget:
        part = QWidget(self)
        self.picture = SmallPicture("sample", part)
        self._center_words = label("", parent=part)
        self._center_hint = label("", "small", part)
        self._center_hint.setWordWrap(True)
        self.from_picture = QPushButton("This picture", part)
        self.from_picture.setToolTip("Truncation moves toward the picture you see")
        self.from_favourite = QPushButton("Favourite…", part)
        self.from_favourite.setToolTip("Truncation moves toward a picture you kept")
        self.from_selection = QPushButton("Selection…", part)
        self.from_selection.setToolTip("Truncation moves toward the mean of several favourites or seeds")
        self.from_mean = QPushButton("Mean", part)
        self.from_mean.setToolTip("Truncation moves toward the model's own middle")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._center_words)
        words.addWidget(self._center_hint)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.picture)
        line.addLayout(words, 1)
        holder = QWidget(part)
        buttons = FlowLayout(holder)
        for button in (self.from_picture, self.from_favourite, self.from_selection, self.from_mean):
            button.setProperty("role", "pill")
            buttons.addWidget(button)
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(caption("Centre", part))
        column.addLayout(line)
        column.addWidget(holder)
        self.from_picture.clicked.connect(self.center_here)
        self.from_favourite.clicked.connect(self._pick_favourite)
        self.from_selection.clicked.connect(self._pick_selection)
        self.from_mean.clicked.connect(self.center_mean)
        return part

    def center_here(self) -> None:
        """Toward what is shown; the sliders, which act afterwards, stay what they are."""
        kept = self._studio.document.recipe.changed(directions=_in_z(self._studio.document.recipe))
        self._center_on(kept, "Centre on this picture")

    def center_mean(self) -> None:
        """Toward the model's mean."""
        self._asked += 1
        document = self._studio.document
        document.edit("Centre on the mean", document.recipe.changed(truncation_center=None))

    def _center_on(self, recipe: Recipe, words: str) -> None:
        def job() -> Job:
            from latentstudio.engine.starts import latent_job

            return latent_job(recipe, "centre")

        self._center_by(job, words)

    def _center_by(self, job: Callable[[], Job], words: str) -> None:
        self._asked += 1
        number = self._asked

        def take(latent: Latent) -> None:
            if number == self._asked:
                document = self._studio.document
                center = Source(W_PLUS, seed=None, values=latent)
                document.edit(words, document.recipe.changed(truncation_center=center))

        self._answers.ask(job, take)

    def _pick_favourite(self) -> None:
        picker = FavouritePicker(self._studio, self)
        picker.chosen.connect(self.center_on_file)
        picker.open_at(self.from_favourite.mapToGlobal(self.from_favourite.rect().bottomLeft()))

    def _pick_selection(self) -> None:
        picker = SelectionPicker(self._studio, self)
        picker.selected.connect(self.center_on_selection)
        picker.open_at(self.from_selection.mapToGlobal(self.from_selection.rect().bottomLeft()))

    def center_on_selection(self, paths: list[Path], seeds: str) -> None:
        """Toward the mean of favourites, as they are shown, and of seeds, as they are drawn."""
        model, recipe = self._model, self._studio.document.recipe
        if model is None:
            return
        bare = Recipe(model=recipe.model, classes=recipe.classes)

        def read() -> list[Recipe]:
            kept = [loads(read_recipe_text(path)) for path in paths]
            if not all(fits(one.model, model.info) for one in kept):
                raise InputError(
                    "One of these pictures is another model's.", "A centre must come from this one."
                )
            numbers = parse_seeds(seeds) if seeds.strip() else []
            if len(numbers) > MOST_SEEDS:
                raise InputError(f"These are {len(numbers):,} seeds.", f"Name up to {MOST_SEEDS:,}.")
            return [*kept, *(bare.changed(sources=(recipe.seeded(number),)) for number in numbers)]

        def take(found: list[Recipe]) -> None:
            def job() -> Job:
                from latentstudio.engine.starts import mean_latent_job

                return mean_latent_job(found, "centre")

            self._center_by(job, f"Centre on the mean of {len(found)}")

        self._studio.background.run(read, take, self._studio.tell_error)

    def center_on_file(self, path: Path) -> None:
        """Toward a picture that was kept or saved."""

        def take(recipe: Recipe) -> None:
            if self._model is None or not fits(recipe.model, self._model.info):
                self._studio.tell("This picture is another model's.", "A centre must come from this one.")
            else:
                self._center_on(recipe, "Centre on a favourite")

        self._studio.background.run(lambda: loads(read_recipe_text(path)), take, self._studio.tell_error)

    def _show_center(self, recipe: Recipe) -> None:
        own = recipe.truncation_center is not None
        has_mean = self._model is None or self._model.info.has_mapping
        mean = "The model's mean" if has_mean else "The middle of z"
        self._center_words.setText("A picture of your own" if own else mean)
        self._center_hint.setText("Where psi 0 leads, on every layer.")
        self.from_mean.setVisible(own)
        if self._studio.document.is_merging or not self._center_part.isVisible():
            return
        self._center = recipe.unedited().changed(
            truncation_psi=0.0, truncation_cutoff=None, truncation_curve=()
        )
        self.picture.set_image(self._studio.thumbnails.ask(self._center, "centre"))

    def _take_picture(self, digest: str) -> None:
        if self._center is not None and self._center.digest == digest:
            self.picture.set_image(self._studio.thumbnails.find(self._center))


def shown_psi(recipe: Recipe, num_ws: int) -> tuple[float, ...]:
    """The psi that acts on each row of ws."""
    cutoff = num_ws if recipe.truncation_cutoff is None else recipe.truncation_cutoff
    curve = recipe.truncation_curve
    return tuple(
        1.0 if i >= cutoff else (curve[i] if i < len(curve) else recipe.truncation_psi) for i in range(num_ws)
    )


def _in_z(recipe: Recipe) -> tuple[DirectionEdit, ...]:
    return tuple(edit for edit in recipe.directions if edit.direction.space == "z")
