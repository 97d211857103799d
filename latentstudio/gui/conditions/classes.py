"""Classes: which, and how much of each.

Owns the list, the weights' sliders and what they do to `recipe.classes`. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.gui.class_words import (
    ClassWeights,
    class_line,
    class_name,
    normalized,
    with_class,
    with_weight,
    without_class,
)
from latentstudio.gui.icons import icon
from latentstudio.gui.starting import starting_recipe
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.class_list import ClassList
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import plain


class ClassRow(SliderRow):
    """The weight of one class.

    Signals:
        removed(): a person took the class away.
    """

    removed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, ValueSlider(0, 1, origin=0, rest=1, step=0.05), parent=parent)
        self.remove = QToolButton(self)
        self.remove.setIconSize(QSize(12, 12))
        self.remove.setFixedSize(20, 20)
        self.remove.setToolTip("Take this class out of the mix")
        self.remove.setAccessibleName(f"Remove {name}")
        self.remove.clicked.connect(self.removed)
        self.head.insertWidget(1, self.remove)
        self._colour()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        self.remove.setIcon(icon("close", "muted"))


class ClassSection(QWidget):
    """A list to choose from, sliders for a mix."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self._names: tuple[str, ...] = ()
        self._classes: ClassWeights = ()
        self._wanted: dict[str, int] = {}  # digest -> class
        self.rows: dict[int, ClassRow] = {}
        self.list = ClassList(self)
        self.keep_sum = QPushButton("Sum to 1", self)
        self.keep_sum.setProperty("role", "pill")
        self.keep_sum.setCheckable(True)
        self.keep_sum.setChecked(True)
        self.keep_sum.setToolTip("Normalise: when one weight moves, the others share what is left of 1")
        self._mix = QWidget(self)
        self._hint = label("Press + or hold Ctrl to mix another class in.", "muted", self)
        self._hint.setWordWrap(True)
        head = QHBoxLayout()
        head.addWidget(caption("Weights", self._mix), 1)
        head.addWidget(self.keep_sum)
        self._sliders = QVBoxLayout(self._mix)
        self._sliders.setContentsMargins(0, 6, 0, 0)
        self._sliders.setSpacing(6)
        self._sliders.addLayout(head)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(caption("Class", self))
        column.addWidget(self.list)
        column.addWidget(self._hint)
        column.addWidget(self._mix)
        self.list.chosen.connect(self.choose)
        self.list.added.connect(self.add)
        self.list.pictures_wanted.connect(self._ask_pictures)
        self.keep_sum.clicked.connect(self._toggle_sum)
        studio.thumbnails.arrived.connect(self._take_picture)

    def set_model(self, model: OpenModel) -> None:
        """Offer this model's classes."""
        self._model = model
        self._names = model.info.provenance.class_names
        self._classes, self._wanted = (), {}
        self._rebuild(())
        self.setVisible(model.info.c_dim > 0)
        self.list.set_classes([class_line(i, self._names) for i in range(model.info.c_dim)])

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        if self._model is None or not self._model.info.c_dim:
            return
        classes = recipe.classes or ((0, 1.0),)
        before, self._classes = self._classes, classes
        self._rebuild(classes)
        self.list.set_weights(dict(classes))
        for index, weight in classes:
            row = self.rows.get(index)
            if row is not None and (not row.slider.is_held or row.slider.value != weight):
                row.set_value(weight)
        if len(classes) == 1 and [i for i, _ in before] != [classes[0][0]]:
            self.list.show_class(classes[0][0])

    def choose(self, index: int) -> None:
        """This class alone."""
        self._edit(f"Class {self._name(index)}", ((index, 1.0),))

    def add(self, index: int) -> None:
        """This class too; one that is in the mix leaves it."""
        keep = self.keep_sum.isChecked()
        if any(i == index for i, _ in self._classes):
            self._remove(index)
        else:
            self._edit(f"Add class {self._name(index)}", with_class(self._classes, index, keep_sum=keep))

    # --- edits ----------------------------------------------------------------------------------

    def _name(self, index: int) -> str:
        name = class_name(index, self._names)
        return name.removeprefix("Class ")

    def _edit(self, words: str, classes: ClassWeights, merge: object = None) -> None:
        document = self._studio.document
        document.edit(words, document.recipe.changed(classes=classes), merge)

    def _weigh(self, index: int, weight: float, merge: object) -> None:
        # From where the drag began, or the others would lose their proportions at its ends.
        classes = with_weight(self._base(merge), index, weight, keep_sum=self.keep_sum.isChecked())
        self._edit(f"Class {self._name(index)} {plain(weight)}", classes, merge)

    def _base(self, merge: object) -> ClassWeights:
        document = self._studio.document
        if merge is not None and document.is_merging and document.position > 0:
            return document.entries[document.position - 1].recipe.classes or self._classes
        return self._classes

    def _remove(self, index: int) -> None:
        left = without_class(self._classes, index, keep_sum=self.keep_sum.isChecked())
        if left != self._classes:
            self._edit(f"Remove class {self._name(index)}", left)

    def _toggle_sum(self) -> None:
        if self.keep_sum.isChecked() and self._classes:
            self._edit("Normalise classes", normalized(self._classes))

    # --- rows -----------------------------------------------------------------------------------

    def _rebuild(self, classes: ClassWeights) -> None:
        is_mix = len(classes) > 1 or any(weight != 1 for _, weight in classes)
        wanted = [index for index, _ in classes] if is_mix else []
        self._mix.setVisible(is_mix)
        self._hint.setVisible(not is_mix and (self._model is None or self._model.info.c_dim > 1))
        if wanted == list(self.rows):
            return
        for index in [i for i in self.rows if i not in wanted]:
            row = self.rows.pop(index)
            self._sliders.removeWidget(row)
            row.hide()
            row.deleteLater()
        kept, self.rows = self.rows, {}
        for place, index in enumerate(wanted):
            self.rows[index] = kept.get(index) or self._make_row(index)
            self._sliders.insertWidget(place + 1, self.rows[index])

    def _make_row(self, index: int) -> ClassRow:
        row = ClassRow(class_name(index, self._names), self._mix)
        row.edited.connect(lambda value: self._weigh(index, value, ("class", index)))
        row.typed.connect(lambda value: self._weigh(index, value, None))
        row.finished.connect(self._studio.document.release)
        row.aborted.connect(self._studio.document.abort)
        row.removed.connect(lambda: self._remove(index))
        return row

    # --- pictures -------------------------------------------------------------------------------

    def _ask_pictures(self, classes: list[int]) -> None:
        assert self._model is not None
        for place, index in enumerate(classes):
            recipe = self._sample(index)
            self._wanted[recipe.digest] = index
            # By place: a newer wish replaces one that waits, so that fast scrolling leaves no queue.
            found = self._studio.thumbnails.ask(recipe, f"class {place}")
            if found is not None:
                self.list.set_picture(index, found)

    def _take_picture(self, digest: str) -> None:
        index = self._wanted.pop(digest, None)
        if index is not None and self._model is not None:
            found = self._studio.thumbnails.find(self._sample(index))
            if found is not None:
                self.list.set_picture(index, found)

    def _sample(self, index: int) -> Recipe:
        """What stands for a class, whatever is on the canvas."""
        assert self._model is not None
        info = self._model.info
        base = starting_recipe(info).changed(directions=(), classes=((index, 1.0),))
        # Without a mapping the middle of z shows a class at its plainest; w's mean is that of all classes.
        is_plain = not info.has_mapping and not info.truncates_in_synthesis
        return base.changed(truncation_psi=0.3) if is_plain else base
