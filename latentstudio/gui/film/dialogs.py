"""Questions about a film: a walk through seeds, a sweep of a slider, its timing, its file.

Owns the forms and turns them into values; nothing is done here. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from latentstudio.document.film import CURVE, HOLD, Film
from latentstudio.errors import InputError
from latentstudio.gui.film.bar import PATH_WORDS
from latentstudio.gui.widgets.arrow_box import ArrowBox
from latentstudio.gui.widgets.labels import label, set_tone
from latentstudio.latent.sampling import parse_seeds
from latentstudio.media.video import FORMATS, GOOD, HIGH, LOSSLESS, VideoFormat, VideoOptions

MAX_RATE, MAX_FRAMES = 240.0, 100_000
SIZES = (128, 256, 512, 720, 1024, 1080, 2048)
GRIDS = ((1, 1), (2, 1), (3, 1), (2, 2), (4, 2), (3, 3), (4, 4))
# Numbers begin where the words of the other fields do.
TEXT_PX = 7
QUALITY_WORDS = {HIGH: "High", GOOD: "Smaller file", LOSSLESS: "Every pixel exactly"}


class FilmDialog(QDialog):
    """A short form with one thing to do at its end.

    Args:
        title: what it is about.
        words: one sentence on it.
        act: what the button says.
    """

    def __init__(self, title: str, words: str, act: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(400)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        column.addWidget(label(title, "title", self))
        about = label(words, "muted", self)
        about.setWordWrap(True)
        column.addWidget(about)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(16)
        self.form.setVerticalSpacing(8)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        column.addLayout(self.form)
        self.summary = label("", "small", self)
        self.summary.setWordWrap(True)
        column.addWidget(self.summary)
        buttons = QDialogButtonBox(self)
        self.agree = buttons.addButton(act, QDialogButtonBox.ButtonRole.AcceptRole)
        set_tone(self.agree, "role", "primary")
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column.addSpacing(4)
        column.addWidget(buttons)

    def rate_box(self, value: float) -> QDoubleSpinBox:
        """Frames per second."""
        box = QDoubleSpinBox(self)
        box.lineEdit().setTextMargins(TEXT_PX, 0, 0, 0)
        box.setRange(1, MAX_RATE)
        box.setDecimals(3 if value % 1 else 0)
        box.setValue(value)
        box.setSuffix(" per second")
        return box

    def seconds_box(self, value: float, least: float = 0.1) -> QDoubleSpinBox:
        """A span of time."""
        box = QDoubleSpinBox(self)
        box.lineEdit().setTextMargins(TEXT_PX, 0, 0, 0)
        box.setRange(least, 3600)
        box.setDecimals(2)
        box.setSingleStep(0.5)
        box.setValue(value)
        box.setSuffix(" s")
        return box

    def path_box(self, chosen: str) -> ArrowBox:
        """The ways between keyframes that move."""
        box = ArrowBox(self)
        for key, (words, hint) in PATH_WORDS.items():
            if key != HOLD:
                box.addItem(words, key)
                box.setItemData(box.count() - 1, hint, Qt.ItemDataRole.ToolTipRole)
        box.setCurrentIndex(max(0, box.findData(chosen)))
        return box


@dataclass(frozen=True)
class Walk:
    """What was asked for: see `walks.seed_walk`."""

    seeds: tuple[int, ...]
    frames: int
    path: str
    closed: bool
    frame_rate: float


class WalkDialog(FilmDialog):
    """A film through seeds.

    Args:
        seed: of the picture on the canvas; None where it has none.
        path: usual for the model.
    """

    def __init__(self, seed: int | None, path: str = CURVE, parent: QWidget | None = None) -> None:
        super().__init__(
            "Walk through seeds",
            "Every seed becomes a keyframe; sliders, truncation and mixing stay as they are now.",
            "Make the film",
            parent,
        )
        first = seed or 0
        self.seeds = QLineEdit(", ".join(str(first + i) for i in range(6)), self)
        self.gap, self.rate = self.seconds_box(2.0), self.rate_box(30)
        self.path = self.path_box(path)
        self.end = ArrowBox(self)
        self.end.addItem("Back to the first: a loop", True)
        self.end.addItem("At the last seed", False)
        self.form.addRow("Seeds", self.seeds)
        self.form.addRow("From one to the next", self.gap)
        self.form.addRow("Path", self.path)
        self.form.addRow("It ends", self.end)
        self.form.addRow("Frames", self.rate)
        self.seeds.textChanged.connect(self._show)
        for box in (self.gap, self.rate):
            box.valueChanged.connect(self._show)
        self.end.currentIndexChanged.connect(self._show)
        self._show()

    def walk(self) -> Walk:
        """What was asked for.

        Raises:
            InputError: the seeds can't be read.
        """
        frames = max(1, round(self.gap.value() * self.rate.value()))
        seeds = tuple(parse_seeds(self.seeds.text()))
        return Walk(seeds, frames, self.path.currentData(), self.end.currentData(), self.rate.value())

    def _show(self) -> None:
        try:
            walk = self.walk()
            count = len(walk.seeds) * walk.frames if walk.closed else (len(walk.seeds) - 1) * walk.frames + 1
            if count > MAX_FRAMES:
                raise InputError(f"That would be {count} frames; name fewer seeds.")
        except InputError as error:
            self.summary.setText(str(error))
            self.agree.setEnabled(False)
            return
        self.agree.setEnabled(True)
        self.summary.setText(f"{len(walk.seeds)} keyframes, {count} frames, {count / walk.frame_rate:.1f} s")


class SweepDialog(FilmDialog):
    """One slider there and back.

    Args:
        names: of the picture's sliders.
    """

    def __init__(self, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(
            "Sweep a slider",
            "The slider goes from one end to the other and back; the film repeats.",
            "Make the film",
            parent,
        )
        self.slider = ArrowBox(self)
        self.slider.addItems(list(names))
        self.low, self.high = self._amount(-2.0), self._amount(2.0)
        self.time, self.rate = self.seconds_box(2.0), self.rate_box(30)
        self.form.addRow("Slider", self.slider)
        self.form.addRow("From", self.low)
        self.form.addRow("To", self.high)
        self.form.addRow("One way takes", self.time)
        self.form.addRow("Frames", self.rate)

    def _amount(self, value: float) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.lineEdit().setTextMargins(TEXT_PX, 0, 0, 0)
        box.setRange(-100, 100)
        box.setSingleStep(0.5)
        box.setValue(value)
        box.setSuffix(" σ")
        return box


class TimingDialog(FilmDialog):
    """Another length and frame rate."""

    def __init__(self, film: Film, parent: QWidget | None = None) -> None:
        super().__init__(
            "Length and frame rate",
            "Keyframes keep their share of the time.",
            "Change the film",
            parent,
        )
        self.seconds, self.rate = self.seconds_box(film.duration_s, 0.01), self.rate_box(film.frame_rate)
        self.form.addRow("Length", self.seconds)
        self.form.addRow("Frames", self.rate)


class ExportDialog(FilmDialog):
    """How a film is written.

    Args:
        film: which.
        size: (width, height) of the model's pictures.
    """

    def __init__(self, film: Film, size: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(
            "Export the film",
            "Every frame is drawn exactly. What was stopped or cut short goes on the next time.",
            "Choose a file…",
            parent,
        )
        self._film, self._size = film, size
        self.kind = ArrowBox(self)
        for kind in FORMATS:
            self.kind.addItem(kind.words, kind)
        self.side = ArrowBox(self)
        self.side.addItem("As drawn", 0)
        for side in SIZES:
            self.side.addItem(f"{side} px", side)
        self.own_side = QSpinBox(self)
        self.own_side.lineEdit().setTextMargins(TEXT_PX, 0, 0, 0)
        self.own_side.setRange(16, 8192)
        self.own_side.setValue(512)
        self.own_side.setSuffix(" px, longer side")
        self.own_side.hide()
        self.side.addItem("Another size…", -1)
        self.rate = self.rate_box(film.frame_rate)
        self.quality = ArrowBox(self)
        for key, words in QUALITY_WORDS.items():
            self.quality.addItem(words, key)
        self.grid = ArrowBox(self)
        for columns, rows in GRIDS:
            words = (
                "This film" if columns * rows == 1 else f"{columns} × {rows}: the same film of other seeds"
            )
            self.grid.addItem(words, (columns, rows))
        self.form.addRow("Format", self.kind)
        self.form.addRow("Size", self.side)
        self.form.addRow("", self.own_side)
        self.form.addRow("Frames", self.rate)
        self.form.addRow("Quality", self.quality)
        self.form.addRow("Films", self.grid)
        for box in (self.kind, self.side, self.quality, self.grid):
            box.currentIndexChanged.connect(self._show)
        self.rate.valueChanged.connect(self._show)
        self.own_side.valueChanged.connect(self._show)
        self._show()

    @property
    def chosen_format(self) -> VideoFormat:
        """Kind of file."""
        kind: VideoFormat = self.kind.currentData()
        return kind

    @property
    def chosen_grid(self) -> tuple[int, int]:
        """(columns, rows)."""
        columns, rows = self.grid.currentData()
        return int(columns), int(rows)

    def options(self) -> VideoOptions:
        """Rate, size and quality."""
        return VideoOptions(self.rate.value(), self._pixels(), self.quality.currentData())

    def _pixels(self) -> tuple[int, int] | None:
        side = self.side.currentData()
        if side == 0:
            return None
        columns, rows = self.chosen_grid
        width, height = self._size[0] * columns, self._size[1] * rows
        scale = (self.own_side.value() if side < 0 else side) / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _show(self) -> None:
        self.own_side.setVisible(self.side.currentData() == -1)
        self.quality.setEnabled(len(self.chosen_format.encodings) > 1)
        columns, rows = self.chosen_grid
        width, height = self._pixels() or (self._size[0] * columns, self._size[1] * rows)
        count = len(self._film.moments(self.rate.value()))
        words = f"{count} frames, {count / self.rate.value():.1f} s, {width} × {height} px"
        self.summary.setText(words)
