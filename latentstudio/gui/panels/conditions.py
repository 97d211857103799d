"""The conditions panel: what the generator is given besides its latent.

Owns the order of the sections and which of them this model has; each section is a file of its own in
`gui.conditions`. GUI thread.
"""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.gui.conditions.classes import ClassSection
from latentstudio.gui.conditions.latent_map import LatentMapSection
from latentstudio.gui.conditions.transform import TransformSection
from latentstudio.gui.conditions.truncation import TruncationSection
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import label


class ConditionsPanel(QWidget):
    """Latent map, class, transform, truncation: those that there are."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipe: Recipe | None = None
        self.latent_map = LatentMapSection(studio, self)
        self.classes = ClassSection(studio, self)
        self.transform = TransformSection(studio, self)
        self.truncation = TruncationSection(studio, self)
        self._sections = (self.latent_map, self.classes, self.transform, self.truncation)
        self._empty = label("Open a model to see what it can be given.", "muted", self)
        self._empty.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(20)
        column.addWidget(self._empty)
        for section in self._sections:
            section.hide()
            column.addWidget(section)
        column.addStretch(1)

    def set_model(self, model: OpenModel) -> None:
        """Show the sections that this model has."""
        self._empty.hide()
        self.truncation.show()
        for section in self._sections:
            section.set_model(model)

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._recipe = recipe
        for section in self._sections:
            section.set_recipe(recipe)

    def showEvent(self, event: QShowEvent) -> None:
        """What is drawn for eyes only is asked for now."""
        super().showEvent(event)
        if self._recipe is not None:
            self.truncation.set_recipe(self._recipe)
