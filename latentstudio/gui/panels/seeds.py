"""The seeds panel: a contact sheet without end, pictures like this one, a plane to walk on.

Owns the three views and their pictures; changes the recipe through the document and nothing else. GUI
thread.

The sheet shows bare seeds with the picture's class and truncation, or with its sliders on request.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe, Source
from latentstudio.document.starts import NEIGHBOUR, plane_position, plane_sources
from latentstudio.gui.dragging import picture_data, start_drag
from latentstudio.gui.favourite_files import favourite_name, favourite_names, set_favourite
from latentstudio.gui.filling import Filler
from latentstudio.gui.neighbourhood import CELLS, CENTER, NeighbourControls
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.thumbnails import small
from latentstudio.gui.widgets.contact_sheet import ContactSheet
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.number_box import NumberBox
from latentstudio.gui.widgets.picture_tiles import PictureTiles
from latentstudio.gui.widgets.plane_pad import PlanePad
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.words import plain
from latentstudio.latent.sampling import MAX_SEED

VIEWS = (
    ("sheet", "Sheet", "All seeds, one after the other"),
    ("like", "Like this", "Neighbours of the picture you see"),
    ("walk", "Walk", "Between four seeds, with the mouse"),
)
FAVOURITE_PX = 128
REMEMBERED = 2000
FARTHEST = 1_000_000.0


class SeedsPanel(QWidget):
    """Sheet, neighbours, walk."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self._recipe = studio.document.recipe
        self._bare = Recipe()
        self._recipes: dict[int, Recipe] = {}
        self._starred: frozenset[str] = frozenset()
        self._neighbours: list[Recipe] = []
        self._filler = Filler(studio, "seeds", self)
        self._filler.arrived.connect(self._show_pictures)
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._ask)
        studio.document.history_changed.connect(self._after_edit)
        self.views = Segmented(self)
        self.views.set_choices(VIEWS)
        self.views.chosen.connect(self.show_view)
        self._stack = QStackedWidget(self)
        for page in (self._make_sheet(), self._make_like(), self._make_walk()):
            self._stack.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(12)
        column.addWidget(self.views)
        column.addWidget(self._stack, 1)
        self.show_view("sheet")
        self.setEnabled(False)

    def _make_sheet(self) -> QWidget:
        page = QWidget(self)
        self.jump = QLineEdit(page)
        self.jump.setPlaceholderText("Go to seed")
        self.jump.setAccessibleName("Go to seed")
        self.jump.setToolTip(f"A whole number from 0 to {MAX_SEED}")
        self.jump.returnPressed.connect(self._jump)
        self.with_sliders = QPushButton("With sliders", page)
        self.with_sliders.setProperty("role", "pill")
        self.with_sliders.setCheckable(True)
        self.with_sliders.setToolTip("Show every seed with the sliders of the picture")
        self.with_sliders.toggled.connect(lambda _: self._timer.start())
        self.sheet = ContactSheet(MAX_SEED + 1, 62, has_stars=True, parent=page)
        self.sheet.setAccessibleName("Seeds")
        self.sheet.setMinimumHeight(220)
        self.sheet.image_of = lambda seed: self._studio.thumbnails.find(self.recipe_of(seed))
        self.sheet.is_starred = lambda seed: favourite_name(self.recipe_of(seed)) in self._starred
        self.sheet.is_current = lambda seed: self._recipe.seed == seed
        self.sheet.seen.connect(self._timer.start)
        self.sheet.chosen.connect(self.open_seed)
        self.sheet.starred.connect(self.star)
        self.sheet.carried.connect(self._carry)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.jump, 1)
        row.addWidget(self.with_sliders)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.sheet, 1)
        return page

    def _make_like(self) -> QWidget:
        page = QWidget(self)
        self.tiles = PictureTiles(3, parent=page)
        self.tiles.set_cells(["Neighbour"] * CENTER + ["The picture you see"] + ["Neighbour"] * CENTER)
        self.tiles.set_marked(CENTER)
        self.tiles.chosen.connect(self.open_neighbour)
        self.near = NeighbourControls(page)
        self.near.changed.connect(self._timer.start)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        hint = label("Click a neighbour to go there; it is the middle of the next nine.", "muted", page)
        hint.setWordWrap(True)
        column.addWidget(hint)
        column.addWidget(self.tiles)
        column.addWidget(self.near)
        column.addStretch(1)
        return page

    def _make_walk(self) -> QWidget:
        page = QWidget(self)
        self.pad = PlanePad(page)
        self.pad.setAccessibleName("Plane of seeds")
        self.pad.image_of = self._image_at
        self.pad.moved.connect(lambda x, y: self.walk_to(x, y, "walk"))
        self.pad.finished.connect(self._studio.document.release)
        self.pad.aborted.connect(self._studio.document.abort)
        self.pad.looked.connect(self._timer.start)
        row = QHBoxLayout()
        self.boxes = []
        for name in ("x", "y"):
            box = NumberBox(plain, parent=page)
            box.setAccessibleName(f"{name} on the plane")
            self.boxes.append(box)
            row.addWidget(label(name, "muted", page))
            row.addWidget(box)
        row.addStretch(1)
        self.boxes[0].value_typed.connect(lambda x: self.walk_to(x, self.pad.place[1]))
        self.boxes[1].value_typed.connect(lambda y: self.walk_to(self.pad.place[0], y))
        hint = label(
            "Drag over the plane. Seed x + 100 y stands at (x, y), as in the published visualiser.",
            "muted",
            page,
        )
        hint.setWordWrap(True)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(hint)
        column.addWidget(self.pad)
        column.addLayout(row)
        column.addStretch(1)
        return page

    # --- what others say ------------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Other seeds."""
        self._model = model
        self.setEnabled(True)
        self._studio.background.run(favourite_names, self._take_stars, self._studio.tell_error)
        self.sheet.go_to(0)

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._recipe = recipe
        place = plane_position(recipe)
        known = self.pad.place
        # The same sources can stand at several places: (100, 0) is (0, 1). The one walked to stays.
        if place is not None and recipe.sources == plane_sources(*known, recipe):
            place = known
        if not self.pad.is_held:
            self.pad.set_place(*(place or known), is_there=place is not None)
        for box, value in zip(self.boxes, self.pad.place, strict=True):
            box.set_value(value, is_set=place is not None)

    def showEvent(self, event: QShowEvent) -> None:
        """What nobody saw was not drawn."""
        super().showEvent(event)
        self._timer.start()

    # --- what a person does ---------------------------------------------------------------------

    def show_view(self, key: str) -> None:
        """Turn to a view."""
        self.views.set_chosen(key)
        self._stack.setCurrentIndex([view[0] for view in VIEWS].index(key))
        self._timer.start()

    def open_seed(self, seed: int) -> None:
        """Start from a seed; the sliders stay."""
        self._studio.document.edit(f"Seed {seed}", self._from((self._recipe.seeded(seed),)))

    def open_neighbour(self, index: int) -> None:
        """Go to a neighbour, and draw eight others around it."""
        if index != CENTER and index < len(self._neighbours):
            self.near.seed += 1
            self._studio.document.edit("More like this", self._neighbours[index])

    def walk_to(self, x: float, y: float, merge: str | None = None) -> None:
        """Start from a point of the plane."""
        x, y = (min(max(v, -FARTHEST), FARTHEST) for v in (x, y))
        if merge is None:
            self.pad.set_place(x, y)
        words = f"Walk {plain(x)}, {plain(y)}"
        self._studio.document.edit(words, self._from(plane_sources(x, y, self._recipe)), merge)

    def star(self, seed: int) -> None:
        """Make a seed a favourite, or no longer."""
        recipe = self.recipe_of(seed)
        image = self._studio.thumbnails.find(recipe)
        if favourite_name(recipe) in self._starred:
            pixels = None
        elif image is None:
            return
        else:
            pixels = _pixels(small(image, FAVOURITE_PX))
        self._studio.background.run(
            lambda: set_favourite(recipe, pixels), self._take_stars, self._studio.tell_error
        )

    def _carry(self, seed: int) -> None:
        recipe = self.recipe_of(seed)
        start_drag(self.sheet, picture_data(recipe), self._studio.thumbnails.find(recipe))

    def recipe_of(self, seed: int) -> Recipe:
        """What the sheet shows for a seed."""
        # Kept while it can be seen: a recipe computes its digest once, and every paint asks for it.
        if seed not in self._recipes:
            if len(self._recipes) > REMEMBERED:
                self._recipes.clear()
            self._recipes[seed] = self._bare.changed(sources=(self._bare.seeded(seed),))
        return self._recipes[seed]

    # --- pictures -------------------------------------------------------------------------------

    def _from(self, sources: tuple[Source, ...]) -> Recipe:
        recipe = self._studio.document.recipe
        # A step to a neighbour belongs to the start that is left.
        kept = tuple(e for e in recipe.directions if e.direction.origin != NEIGHBOUR)
        return recipe.changed(sources=sources, combine="w", directions=kept)

    def _after_edit(self) -> None:
        if not self._studio.document.is_merging:
            self._timer.start()

    def _ask(self) -> None:
        if self._model is None or not self.isVisible():
            return
        recipe = self._from((self._recipe.seeded(0),))
        bare = recipe if self.with_sliders.isChecked() else recipe.unedited()
        if bare != self._bare:
            self._bare = bare
            self._recipes.clear()
        view = self._stack.currentIndex()
        if view == 0:
            wanted = [self.recipe_of(seed) for seed in self.sheet.visible_cells()]
        elif view == 1:
            self._neighbours = self.near.recipes(self._studio.document.recipe, self._model)
            order = (CENTER, *(i for i in range(CELLS) if i != CENTER))
            wanted = [self._neighbours[i] for i in order]
        else:
            wanted = [self.recipe_of(_seed_at(x, y)) for x, y in self.pad.points()]
        self._filler.want(wanted)
        self._show_pictures()

    def _show_pictures(self) -> None:
        view = self._stack.currentIndex()
        if view == 0:
            self.sheet.viewport().update()
        elif view == 1:
            for i, recipe in enumerate(self._neighbours):
                found = self._studio.thumbnails.find(recipe)
                if found is not None:
                    self.tiles.set_image(i, found)
        else:
            self.pad.update()

    def _image_at(self, x: int, y: int) -> QImage | None:
        return self._studio.thumbnails.find(self.recipe_of(_seed_at(x, y)))

    def _take_stars(self, names: frozenset[str]) -> None:
        self._starred = names
        self.sheet.viewport().update()

    def _jump(self) -> None:
        text = self.jump.text().strip()
        if text.isdecimal() and int(text) <= MAX_SEED:
            self.sheet.go_to(int(text))
            self.sheet.setFocus()
        self.jump.clear()


def _seed_at(x: int, y: int) -> int:
    return (x + 100 * y) % (MAX_SEED + 1)


def _pixels(image: QImage) -> np.ndarray:
    """uint8 (H, W, 3) of an image."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()
