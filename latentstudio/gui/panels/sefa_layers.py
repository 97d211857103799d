"""Which layers SeFa factorises: all, or one group.

Owns the choice and the job; what is found is listed by the directions panel. GUI thread.

Source: Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", section 3.3 (layer selection).
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentstudio.engine.requests import Job
from latentstudio.gui.answers import Answers
from latentstudio.gui.layers import LayerGroup
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.words import layer_words
from latentstudio.latent.directions import Direction

ALL, COUNT = "All", 12


class SefaLayers(QWidget):
    """All, coarse, middle, fine.

    Signals:
        changed(): other directions are to be listed.
    """

    changed = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._answers = Answers(studio, self)
        self._model: OpenModel | None = None
        self._chosen = ALL
        self._found: dict[str, list[Direction]] = {}
        self.groups = Segmented(self)
        self.groups.chosen.connect(self.choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(caption("Factorised layers", self))
        column.addWidget(self.groups)
        self.hide()

    def set_model(self, model: OpenModel) -> None:
        """Offer the layer groups of this model."""
        self._model, self._chosen = model, ALL
        self._found.clear()
        rows = model.info.num_ws
        choices = [(ALL, ALL, f"All {rows} layers")]
        choices += [
            (g.name, g.name, f"{layer_words(g.start, g.stop, rows).capitalize()}, {g.sizes} px")
            for g in model.groups
        ]
        self.groups.set_choices(choices)
        self.groups.set_chosen(ALL)

    @property
    def has_groups(self) -> bool:
        """Whether there is anything to choose."""
        return self._model is not None and len(self._model.groups) > 1 and self._model.info.has_mapping

    def listed(self) -> list[Direction] | None:
        """What the choice gives; None while it is being found."""
        if self._model is None:
            return None
        if self._chosen == ALL:
            return self._model.directions.get("sefa")
        return self._found.get(self._chosen)

    def choose(self, name: str) -> None:
        """Factorise the layers of a group, once."""
        self._chosen = name
        self.groups.set_chosen(name)
        group = next((g for g in self._model.groups if g.name == name), None) if self._model else None
        if group is not None and name not in self._found:
            self._find(group, self._model)
        self.changed.emit()

    def _find(self, group: LayerGroup, model: OpenModel | None) -> None:
        def make() -> Job:
            from latentstudio.engine.discovery import sefa_job

            return sefa_job(COUNT, (group.start, group.stop), f"SeFa {group.name.lower()}")

        def take(found: list[Direction]) -> None:
            if self._model is model:
                self._found[group.name] = found
                self.changed.emit()

        self._answers.ask(make, take)
