"""The map of latents, large: what it shows, by what it is coloured, and what becomes of a selection.

Owns the controls around the view; trays, label sets and centres are asked of the window. GUI thread.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QPushButton, QSpacerItem, QVBoxLayout, QWidget

from latentstudio.gui.latent_map import LatentMap
from latentstudio.gui.latent_map_choice import BY_CLASS, DIRECTIONS, LIKENESS, PCA, PLAIN, with_axes
from latentstudio.gui.latent_map_legend import MapLegend
from latentstudio.gui.latent_map_view import MapView
from latentstudio.gui.score_words import COMMON, factor_words
from latentstudio.gui.studio import OpenModel
from latentstudio.gui.widgets.contact_sheet import HAS, HAS_NOT
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.latent.directions import Direction

KINDS = (
    (PCA, "Components", "The plane of the two strongest principal components"),
    (DIRECTIONS, "Two directions", "The plane of two directions that you choose"),
    (LIKENESS, "Likeness", "t-SNE: what is alike lies together; takes a while"),
)
COUNTS = (1000, 2000, 5000, 10_000)
TRAYS = "ABC"
FOOT_PX = 28  # whatever stands there: the map keeps its height


class MapWindow(QDialog):
    """Controls above, the map, the selection below.

    Signals:
        tray_wanted(int, object): put these seeds into the tray of this number.
        marks_wanted(str, object): mark these seeds as "has" or "has not".
        centre_wanted(object): truncation shall move toward the mean of these seeds.
    """

    tray_wanted = Signal(int, object)
    marks_wanted = Signal(str, object)
    centre_wanted = Signal(object)

    def __init__(self, latent_map: LatentMap, parent: QWidget) -> None:
        super().__init__(parent)
        self.map = latent_map
        self.setWindowTitle("Latent map")
        self.view = MapView(latent_map, parent=self)
        self.kind = Segmented(self)
        self.kind.set_choices(KINDS)
        self.kind.setMinimumWidth(340)
        self.kind.chosen.connect(self._choose_kind)
        self.across, self.up, self.colour, self.count = (QComboBox(self) for _ in range(4))
        self._directions: list[Direction] = []
        self.all_classes = QPushButton("All classes", self)
        self.all_classes.setCheckable(True)
        self.all_classes.setProperty("role", "pill")
        self.all_classes.setToolTip("Samples of every class, or of the picture's own")
        self.lasso = QPushButton("Lasso", self)
        self.lasso.setCheckable(True)
        self.lasso.setProperty("role", "pill")
        self.lasso.setToolTip("Draw around samples; or hold Shift while you drag")
        self.fit = QPushButton("Fit", self)
        self.fit.setProperty("role", "pill")
        self.fit.setToolTip("The whole map (double click, or 0)")
        self.words = label("", "muted", self)
        self.legend = MapLegend(latent_map, self)
        self._arrange()
        self._wire()
        room = self.screen().availableSize()
        self.resize(min(1040, room.width() - 60), min(800, room.height() - 80))
        parent.installEventFilter(self)
        self._list_directions()
        self._show()
        self.view.setFocus()

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.kind)
        for box, words in ((self.across, "Axis to the right"), (self.up, "Axis upward")):
            box.setAccessibleName(words)
            box.setToolTip(words)
            box.setMinimumWidth(150)
            top.addWidget(box)
        top.addStretch(1)
        self.colour.setAccessibleName("Colour by")
        self.colour.setToolTip("What the points are coloured by")
        self.colour.setMinimumWidth(150)
        self.count.setAccessibleName("Samples")
        self.count.setToolTip("How many samples")
        for number in COUNTS:
            self.count.addItem(f"{number:,}".replace(",", " "), number)
        for widget in (self.all_classes, self.colour, self.count, self.lasso, self.fit):
            top.addWidget(widget)
        self.selection = QWidget(self)
        line = QHBoxLayout(self.selection)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        self.selected_words = label("", "", self.selection)
        line.addWidget(self.selected_words)
        line.addSpacing(6)
        self.buttons: dict[str, QPushButton] = {}
        for i, letter in enumerate(TRAYS):
            self._button(
                f"Tray {letter}", f"Their mean into tray {letter} of A − B + C", line
            ).clicked.connect(lambda _=False, i=i: self.tray_wanted.emit(i, self._seeds()))
        for words, mark, hint in (
            ("Has it", HAS, "Mark them as having what your own direction is to be"),
            ("Has it not", HAS_NOT, "Mark them as not having it"),
        ):
            self._button(words, hint, line).clicked.connect(
                lambda _=False, mark=mark: self.marks_wanted.emit(mark, self._seeds())
            )
        self._button("Centre", "Truncation moves toward their mean", line).clicked.connect(
            lambda: self.centre_wanted.emit(self._seeds())
        )
        self._button("Drop", "Forget the selection (Esc)", line).clicked.connect(self._drop)
        line.addStretch(1)
        foot = QHBoxLayout()
        foot.addSpacerItem(QSpacerItem(0, FOOT_PX))
        foot.addWidget(self.words)
        foot.addWidget(self.selection)
        foot.addStretch(1)
        foot.addWidget(self.legend)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self.view, 1)
        column.addLayout(foot)

    def _button(self, words: str, hint: str, line: QHBoxLayout) -> QPushButton:
        button = QPushButton(words, self.selection)
        button.setProperty("role", "add")
        button.setAutoDefault(False)
        button.setToolTip(hint)
        line.addWidget(button)
        self.buttons[words] = button
        return button

    def _wire(self) -> None:
        for button in (self.lasso, self.fit, self.all_classes):
            button.setAutoDefault(False)
        self.across.activated.connect(lambda _: self._choose_axes())
        self.up.activated.connect(lambda _: self._choose_axes())
        self.colour.activated.connect(lambda _: self._choose_colour())
        self.count.activated.connect(lambda _: self._change(samples=self.count.currentData()))
        self.all_classes.clicked.connect(lambda is_on: self._change(all_classes=is_on))
        self.lasso.toggled.connect(self._set_lasso)
        self.fit.clicked.connect(self.view.fit)
        self.view.selected.connect(self._show)
        self.map.changed.connect(self._show)
        studio = self.map.studio
        studio.directions_found.connect(self._list_directions)
        studio.model_opened.connect(self._take_model)

    # --- choices --------------------------------------------------------------------------------

    def _change(self, **changes: object) -> None:
        self.map.choose(replace(self.map.choice, **changes))  # type: ignore[arg-type]
        self._show()

    def _choose_kind(self, kind: str) -> None:
        if kind == DIRECTIONS:
            self._choose_axes()
        else:
            self._change(kind=kind)

    def _choose_axes(self) -> None:
        first, second = self.across.currentIndex(), self.up.currentIndex()
        if not 0 <= first < len(self._directions) or not 0 <= second < len(self._directions):
            return
        axes = (self._directions[first], self._directions[second])
        if axes[0].space != axes[1].space:
            # The axis that was chosen last leads; the other takes the first that goes with it.
            leads = 1 if self.sender() is self.up else 0
            other = next(
                (d for d in self._directions if d.space == axes[leads].space and d != axes[leads]), None
            )
            if other is None:
                return
            axes = (other, axes[1]) if leads else (axes[0], other)
        self.map.choose(with_axes(self.map.choice, *axes))
        self._show()

    def _choose_colour(self) -> None:
        chosen = self.colour.currentData()
        if isinstance(chosen, int):
            self._change(colour="direction", along=self._directions[chosen])
        else:
            self._change(colour=chosen, along=None)

    def _set_lasso(self, is_on: bool) -> None:
        self.view.lasso = is_on

    def _drop(self) -> None:
        self.view.clear_selection()
        self._show()

    def _seeds(self) -> list[int]:
        return [int(index) for index in self.view.selection]

    # --- showing --------------------------------------------------------------------------------

    def _take_model(self, model: OpenModel) -> None:
        self.view.clear_selection()
        self._list_directions()
        self._show()

    def _list_directions(self, _: str = "") -> None:
        model = self.map.studio.model
        if model is None:
            return
        # The sliders at hand go first: they are what a person thinks in.
        listed = [edit.direction for edit in self.map.studio.document.recipe.directions]
        others = [d for found in model.directions.values() for d in found if d not in listed]
        self._directions = [*dict.fromkeys(listed), *others]
        names = [f"{d.name}  ({d.space})" for d in self._directions]
        for box, first in ((self.across, 0), (self.up, 1)):
            chosen = box.currentText()
            box.clear()
            box.addItems(names)
            box.setCurrentIndex(names.index(chosen) if chosen in names else min(first, len(names) - 1))
        chosen = self.colour.currentText()
        self.colour.clear()
        self.colour.addItem("No colour", PLAIN)
        if model.info.c_dim:
            self.colour.addItem("Class", BY_CLASS)
        for score, words, _ in COMMON:
            self.colour.addItem(words, score)
        for factor in factor_words(model.info):
            self.colour.addItem(f"{factor}, measured", factor)
        self.colour.insertSeparator(self.colour.count())
        for i, name in enumerate(names):
            self.colour.addItem(name, i)
        self.colour.setCurrentIndex(max(self.colour.findText(chosen), 0) if chosen else 0)
        self.all_classes.setVisible(model.info.c_dim > 0)

    def _show(self) -> None:
        choice, found = self.map.choice, len(self.view.selection)
        self.kind.set_chosen(choice.kind)
        for box in (self.across, self.up):
            box.setVisible(choice.kind == DIRECTIONS)
        self.count.setCurrentIndex(self.count.findData(choice.samples))
        self.all_classes.setChecked(choice.all_classes)
        self.selection.setVisible(found > 0)
        self.selected_words.setText(f"{found:,} samples".replace(",", " ") if found != 1 else "1 sample")
        # A label set is of seeds in the picture's class; the map's samples may be of others.
        for words in ("Has it", "Has it not"):
            self.buttons[words].setVisible(not self.map.classes)
        hint = "Click a sample or a place to go there; drag the dot; wheel to go nearer."
        # Without points the view itself says what is going on.
        self.words.setText((self.map.words or hint) if len(self.map.points) else "")
        self.words.setVisible(not found or bool(self.map.words))
        self.legend.refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window that it belongs to goes away: so does the map."""
        if event.type() == QEvent.Type.Hide and not event.spontaneous():
            self.close()
        return super().eventFilter(watched, event)
