"""The dialog in which own directions are made and kept.

Owns the pages and the choice between them; it stays beside the window, so that sliders can be tried
meanwhile. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.gui.own.library import LibraryPage
from latentstudio.gui.own.marks import MarksPage
from latentstudio.gui.own.scores import ScoresPage
from latentstudio.gui.own_directions import add_own
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.latent.directions import Direction

PAGES = (
    ("marks", "Mark examples", "Say which samples have it and which have it not"),
    ("scores", "By a score", "The highest against the lowest of many samples"),
    ("library", "Own directions", "Star, name, flip, scale, remove one from another"),
)


class OwnDialog(QDialog):
    """Three pages.

    Signals:
        used(Direction): make it a slider.
    """

    used = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.setWindowTitle("Own directions")
        self.resize(920, 620)
        self.marks, self.scores = MarksPage(studio, self), ScoresPage(studio, self)
        self.library = LibraryPage(studio, self)
        self.pages = Segmented(self)
        self.pages.set_choices(PAGES)
        self.pages.chosen.connect(self.show_page)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.marks)
        self._stack.addWidget(self.scores)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setWidget(self.library)
        self._stack.addWidget(area)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addWidget(self.pages)
        column.addWidget(self._stack, 1)
        self.marks.kept.connect(self._keep)
        self.scores.kept.connect(self._keep)
        self.library.used.connect(self.used)
        studio.model_opened.connect(self._take_model)
        studio.document.recipe_changed.connect(self._take_recipe)
        if studio.model is not None:
            self._take_model(studio.model)
        self.show_page("marks")

    def show_page(self, key: str) -> None:
        """Turn to a page."""
        self._stack.setCurrentIndex([page[0] for page in PAGES].index(key))
        self.pages.set_chosen(key)

    def _take_model(self, model: OpenModel) -> None:
        for page in (self.marks, self.scores, self.library):
            page.set_model(model)
        self._take_recipe(self._studio.document.recipe)

    def _take_recipe(self, recipe: Recipe) -> None:
        self.marks.set_recipe(recipe)
        self.scores.set_recipe(recipe)

    def _keep(self, direction: Direction) -> None:
        kept = add_own(self._studio, direction)
        if kept is not None:
            self.used.emit(kept)
            self._studio.tell(f"{kept.name} is a slider now.", "It is kept with this model.")
