"""How a seed becomes a z, for models whose layers read z as it is.

Owns the choice and its threshold; changes the recipe through the document and nothing else. GUI thread.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis", section 3.1.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe, Source
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import plain
from latentstudio.latent.sampling import NORMAL, RESAMPLED, SMALLEST_LIMIT, TRUNCNORM

WORDS = {
    NORMAL: ("Normal", "z as it is drawn: every seed as the published tools give it"),
    RESAMPLED: ("Resampled", "BigGAN's paper: numbers beyond the threshold are drawn again"),
    TRUNCNORM: ("Cut normal", "The published port of BigGAN: a normal cut at 2, times the threshold"),
}
FIRST_LIMIT = {RESAMPLED: 1.0, TRUNCNORM: 0.4}


class DrawingSection(QWidget):
    """Normal, the paper's resampling, or the port's cut normal."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.draw = Segmented(self)
        self.draw.set_choices([(key, words, hint) for key, (words, hint) in WORDS.items()])
        self.limit = SliderRow(
            "Threshold", ValueSlider(SMALLEST_LIMIT, 2, origin=SMALLEST_LIMIT, rest=1, step=0.02), parent=self
        )
        self.limit.setToolTip("Lower is more typical and less varied")
        self._hint = label("", "muted", self)
        self._hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(caption("Drawing of z", self))
        column.addWidget(self.draw)
        column.addWidget(self.limit)
        column.addWidget(self._hint)
        document = studio.document
        self.draw.chosen.connect(self._set_draw)
        self.limit.edited.connect(lambda value: self._set_limit(value, "draw limit"))
        self.limit.typed.connect(lambda value: self._set_limit(value, None))
        self.limit.finished.connect(document.release)
        self.limit.aborted.connect(document.abort)
        self.hide()

    def set_model(self, model: OpenModel) -> None:
        """Where there is a w, truncation acts there."""
        self.setVisible(not model.info.has_mapping and model.info.z_shape is None)

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        seeded = [s for s in recipe.sources if s.values is None]
        self.setEnabled(bool(seeded))
        like = recipe.seeded(0)
        self.draw.set_chosen(like.draw)
        self.limit.setVisible(like.draw != NORMAL)
        if not self.limit.slider.is_held:
            self.limit.set_value(like.limit)
        self._hint.setText(WORDS[like.draw][1] + "." if seeded else "This picture is not from a seed.")

    def _set_draw(self, draw: str) -> None:
        words = f"z drawn {WORDS[draw][0].lower()}"
        self._edit(words, None, draw=draw, limit=FIRST_LIMIT.get(draw, 1.0))

    def _set_limit(self, value: float, merge: str | None) -> None:
        limit = min(max(float(value), SMALLEST_LIMIT), 10.0)
        self._edit(f"Threshold {plain(limit)}", merge, limit=limit)

    def _edit(self, words: str, merge: str | None, **changes: object) -> None:
        def changed(source: Source) -> Source:
            return source if source.values is not None else replace(source, **changes)  # type: ignore[arg-type]

        recipe = self._studio.document.recipe
        mixing = tuple(replace(mix, source=changed(mix.source)) for mix in recipe.mixing)
        sources = tuple(changed(source) for source in recipe.sources)
        self._studio.document.edit(words, recipe.changed(sources=sources, mixing=mixing), merge)
