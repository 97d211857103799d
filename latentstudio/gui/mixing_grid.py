"""The mixing grid: many seeds with the styles of many others, as a table in a window of its own.

Owns the choice of rows, columns and layers, the job that draws the table, and its export; opening a cell
is an edit of the document. GUI thread; the file is written on another.

Source: Karras et al., "A Style-Based Generator Architecture for GANs", figure 3.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Hashable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from latentstudio.document.recipe import Recipe, StyleMix
from latentstudio.engine.requests import Failure, Job, JobCancelled, JobFinished, JobProgress
from latentstudio.errors import InputError, LatentStudioError
from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.icons import icon
from latentstudio.gui.mixing import published_groups, rows_words, strict_groups
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.theme import figures
from latentstudio.gui.thumbnails import small
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.layer_strip import LayerStrip
from latentstudio.gui.widgets.picture_table import PictureTable, Place
from latentstudio.gui.widgets.seed_field import DICE_SIDES, boxed_button
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.words import layer_words
from latentstudio.latent.sampling import parse_seeds
from latentstudio.media.image import grid, write_png

Pixels = NDArray[np.uint8]

MOST = 16  # rows or columns
REST_MS = 250
FIRST_ROWS, FIRST_COLUMNS = "0-5", "10-15"
TAG = "mixing grid"


class MixingGrid(QDialog):
    """Rows, columns, layers, and the table.

    Signals:
        drawn(): every picture of the table is there.
        exported(Path): a file is written.
    """

    drawn = Signal()
    exported = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._range: tuple[int, int | None] = (0, None)
        self._wanted: tuple[Recipe, list[int], list[int], tuple[int, int | None]] | None = None
        self._recipes: dict[Place, Recipe] = {}
        self._order: list[Place] = []
        self._job: int | None = None
        self._started = 0.0
        self._pixels: list[Pixels] = []  # in `_order`, once all are there
        self.elapsed_s = 0.0
        self.setWindowTitle("Mixing grid")
        self.rows, self.columns = QLineEdit(FIRST_ROWS, self), QLineEdit(FIRST_COLUMNS, self)
        self.groups, self.layers = Segmented(self), LayerStrip(self)
        self.table = PictureTable(self)
        self.state = label("", "muted", self)
        self.export_button = QPushButton("Export…", self)
        self.export_button.setToolTip("Save the table with its heads as one picture")
        self._dice: list[QToolButton] = []
        self._arrange()
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._draw)
        for box in (self.rows, self.columns):
            box.editingFinished.connect(self._rest.start)
            box.setFont(figures(box.font()))
        self.groups.chosen.connect(lambda key: self.choose_layers(*key))
        self.layers.range_painted.connect(self.choose_layers)
        self.table.chosen.connect(self.open_cell)
        self.export_button.clicked.connect(self.export)
        studio.model_opened.connect(self._take_model)
        studio.document.history_changed.connect(self._follow)
        studio.bridge.job_progressed.connect(self._take_picture)
        studio.bridge.job_finished.connect(self._take_all)
        studio.bridge.job_cancelled.connect(self._stopped)
        studio.bridge.failed.connect(self._stopped)
        if studio.model is not None:
            self._take_model(studio.model)
        if parent is not None:
            parent.installEventFilter(self)

    def _arrange(self) -> None:
        places = QGridLayout()
        places.setHorizontalSpacing(8)
        places.setVerticalSpacing(4)
        for i, (words, box, hint) in enumerate(
            (
                ("Rows", self.rows, "Seeds that the pictures start from, such as 0-5"),
                ("Columns", self.columns, "Seeds whose styles are mixed in, such as 10-15"),
            )
        ):
            box.setAccessibleName(f"Seeds of the {words.lower()}")
            box.setToolTip(hint)
            dice = boxed_button("dice", f"Other {words.lower()}", self)
            dice.clicked.connect(lambda _=False, box=box: self._throw(box))
            self._dice.append(dice)
            line = QHBoxLayout()
            line.setSpacing(6)
            line.addWidget(box, 1)
            line.addWidget(dice)
            places.addWidget(caption(words, self), 0, i)
            places.addLayout(line, 1, i, Qt.AlignmentFlag.AlignTop)
        layers = QVBoxLayout()
        layers.setSpacing(4)
        layers.addWidget(self.groups)
        layers.addWidget(self.layers)
        places.addWidget(caption("Layers of the columns", self), 0, 2)
        places.addLayout(layers, 1, 2, Qt.AlignmentFlag.AlignTop)
        places.setColumnStretch(0, 2)
        places.setColumnStretch(1, 2)
        places.setColumnStretch(2, 4)
        foot = QHBoxLayout()
        foot.addWidget(self.state, 1)
        foot.addWidget(self.export_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(12)
        column.addLayout(places)
        column.addWidget(self.table, 1)
        column.addLayout(foot)
        for button in (self.export_button, *self._dice):
            if isinstance(button, QPushButton):
                button.setAutoDefault(False)
        room = self.screen().availableSize()
        self.resize(min(760, room.width() - 40), min(800, room.height() - 80))

    # --- choices --------------------------------------------------------------------------------

    def open_with(self, recipe: Recipe) -> None:
        """Show the window; the sources that are mixed already become its columns."""
        seeds = [mix.source.seed for mix in recipe.mixing if mix.source.seed is not None]
        if seeds and not self.isVisible():
            self.columns.setText(",".join(map(str, seeds[:MOST])))
        if self.isVisible():
            self.raise_()
        self.show()
        self.activateWindow()
        self._draw()

    def choose_layers(self, start: int, stop: int | None) -> None:
        """Take other layers from the columns."""
        self._range = (start, stop)
        self.layers.set_range(start, stop)
        self.groups.set_chosen((start, stop))
        if self.isVisible():
            self._draw()

    def _take_model(self, model: OpenModel) -> None:
        self._job, self._wanted = None, None
        groups = published_groups(model.sides)
        rows = model.info.num_ws
        choices: list[tuple[Hashable, str, str]] = []
        for group in groups:
            hint = f"{layer_words(group.start, group.stop, rows).capitalize()}, {group.sizes} px"
            choices.append(((group.start, group.stop), f"{group.name} {group.sizes}", hint))
        # What the published script mixes when nothing else is said: 4 to 32 pixels.
        strict = strict_groups(model.sides, model.groups)
        if len(strict) == 3:
            stop = strict[1].stop
            hint = f"{layer_words(0, stop, rows).capitalize()}, up to {max(model.sides[:stop])} px"
            choices.append(((0, stop), f"0–{stop - 1}", hint))
        self.groups.set_choices(choices)
        self.groups.setVisible(len(choices) > 1)
        self.layers.set_layers(model.sides)
        height, width = model.info.img_size
        self.table.aspect = height / width
        if rows < 2:
            self.close()
            return
        first = groups[0]
        self.choose_layers(first.start, first.stop)

    def _throw(self, box: QLineEdit) -> None:
        count = len(self._seeds(box)) or 6
        box.setText(",".join(str(secrets.randbelow(DICE_SIDES)) for _ in range(count)))
        self._draw()

    def _seeds(self, box: QLineEdit) -> list[int]:
        try:
            return parse_seeds(box.text())
        except LatentStudioError:
            return []

    # --- drawing --------------------------------------------------------------------------------

    def _base(self) -> Recipe:
        """What all cells share: the document without its start and its mixing."""
        shown = self._studio.document.recipe
        return shown.changed(sources=(shown.seeded(0),), mixing=())

    def _follow(self) -> None:
        """Sliders and truncation act on the table too, once the hand rests."""
        if not self.isVisible() or self._studio.document.is_merging:
            return
        shown = self._studio.document.recipe
        self.table.set_current(next((at for at, recipe in self._recipes.items() if recipe == shown), None))
        if self._wanted is not None and self._wanted[0] != self._base():
            self._rest.start()

    def _draw(self) -> None:
        model = self._studio.model
        if model is None or not self.isVisible():
            return
        try:
            rows, columns = parse_seeds(self.rows.text()), parse_seeds(self.columns.text())
            if max(len(rows), len(columns)) > MOST:
                raise InputError(f"At most {MOST} rows and {MOST} columns.")
        except LatentStudioError as error:
            self.state.setText(f"{error.message} {error.hint}".strip())
            return
        wanted = (self._base(), rows, columns, self._range)
        if wanted == self._wanted:
            return
        self._stop()
        self._wanted, self._pixels = wanted, []
        self._recipes = self._recipes_of(rows, columns, model.info.num_ws)
        self._order = list(self._recipes)
        self.table.set_names([f"seed {seed}" for seed in rows], [f"seed {seed}" for seed in columns])
        self.export_button.setEnabled(False)
        self._say(0)
        recipes, self._started = list(self._recipes.values()), time.monotonic()

        def make() -> Job:
            from latentstudio.engine.exploring import pictures_job

            return pictures_job(recipes, "Mixing grid", TAG)

        self._studio.bridge.submit(make, self._take_number)
        self._follow()

    def _recipes_of(self, rows: list[int], columns: list[int], num_ws: int) -> dict[Place, Recipe]:
        base = self._base()
        stop = num_ws if self._range[1] is None else self._range[1]
        chosen = range(self._range[0], stop)
        recipes: dict[Place, Recipe] = {}
        for c, seed in enumerate(columns):
            recipes[-1, c] = base.changed(sources=(base.seeded(seed),))
        # A row's pictures one after another share what its first stages leave, where these are its own.
        for r, row in enumerate(rows):
            start = base.changed(sources=(base.seeded(row),))
            recipes[r, -1] = start
            for c, column in enumerate(columns):
                recipes[r, c] = start.changed(mixing=(StyleMix.of_rows(base.seeded(column), chosen),))
        return recipes

    def _take_number(self, number: int) -> None:
        self._job = number

    def _take_picture(self, event: JobProgress) -> None:
        if event.job == self._job and event.progress.payload is not None:
            index, pixels = event.progress.payload
            row, column = self._order[index]
            self.table.set_image(row, column, small(as_image(pixels)))
            self._say(event.progress.done)

    def _take_all(self, event: JobFinished) -> None:
        if event.job == self._job:
            self._job, self._pixels = None, list(event.value)
            self.elapsed_s = time.monotonic() - self._started
            self.export_button.setEnabled(True)
            self._say(len(self._order))
            self.drawn.emit()

    def _stopped(self, event: JobCancelled | Failure) -> None:
        if event.job is not None and event.job == self._job:
            self._job, self._wanted = None, None
            self.state.setText("Stopped.")

    def _stop(self) -> None:
        if self._job is not None:
            self._studio.bridge.cancel(self._job)
            self._job, self._wanted = None, None

    def _say(self, done: int) -> None:
        total = len(self._order)
        words = f"{done} of {total} pictures"
        if done == total:
            words = f"{total} pictures in {self.elapsed_s:.1f} s. A click opens one."
        self.state.setText(words)

    # --- what becomes of it ---------------------------------------------------------------------

    def open_cell(self, row: int, column: int) -> None:
        """Make a cell, or a head, the picture."""
        recipe = self._recipes.get((row, column))
        if recipe is None or self._wanted is None:
            return
        _, rows, columns, (start, stop) = self._wanted
        model = self._studio.model
        assert model is not None
        if row < 0 or column < 0:
            words = f"Seed {columns[column] if row < 0 else rows[row]}"
        else:
            end = model.info.num_ws if stop is None else stop
            taken = rows_words(range(start, end), published_groups(model.sides), model.info.num_ws)
            words = f"Seed {rows[row]} with {taken} of seed {columns[column]}"
        self._studio.document.edit(words, recipe)

    def export(self) -> None:
        """Ask for a file and write the table."""
        path = self.ask_path()
        if path is not None and self._pixels:
            sheet_of, pixels = self.sheet, list(self._pixels)
            columns = len(self._wanted[2]) if self._wanted is not None else 0

            def work() -> Path:
                write_png(path, sheet_of(pixels, columns))
                return path

            self._studio.background.run(work, self._written, self._studio.tell_error)

    def ask_path(self) -> Path | None:
        """Ask for a file to write."""
        name, _ = QFileDialog.getSaveFileName(self, "Export the grid", "mixing-grid.png", "Picture (*.png)")
        path = Path(name)
        return None if not name else path if path.suffix else path.with_suffix(".png")

    @staticmethod
    def sheet(pixels: list[Pixels], columns: int) -> Pixels:
        """The table as one picture: heads at the top and on the left, the corner empty."""
        corner = np.zeros_like(pixels[0])
        return grid([corner, *pixels], columns + 1, gap_px=max(1, pixels[0].shape[1] // 32))

    def _written(self, path: Path) -> None:
        self._studio.tell(f"The grid is in {path.name}.")
        self.exported.emit(path)

    # --- window ---------------------------------------------------------------------------------

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: the rest need not be drawn."""
        self._rest.stop()
        self._stop()
        super().hideEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Esc and the window's cross."""
        self._stop()
        super().closeEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window that it belongs to goes away: so does the grid."""
        if event.type() == QEvent.Type.Hide and not event.spontaneous():
            self.close()
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            for button in self._dice:
                button.setIcon(icon("dice"))
        super().changeEvent(event)
