"""An inversion as it goes: target, picture and difference, the curves, the way back through its history.

Owns the views of a run and the buttons that stop, keep and go on; starts nothing itself. GUI thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.gui.background import Background
from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.photo.curves import TOTAL, LossCurves
from latentstudio.gui.photo.run import Moment, Run
from latentstudio.gui.theme import figures
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.spread_view import heat_picture
from latentstudio.gui.widgets.titled_pictures import TitledPictures
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.inversion.projection import PENALTIES
from latentstudio.media.image import shrunk

TARGET, CURRENT, DIFFERENCE = range(3)
TILE_PX = 256
# A curve drawn more often than this is work that nobody sees.
DRAW_MS = 120
FULL_LEVELS = 96  # a difference of this many levels of 255 is shown as the most


class LiveView(QWidget):
    """Three pictures, words, curves, history.

    Signals:
        stop_wanted(): stop and keep what is there.
        cancel_wanted(): stop and keep nothing.
        continue_wanted(): go on from the end.
        moment_kept(object): a person wants this `Moment` as the picture.

    Args:
        background: makes pictures small, where it can't make the window wait.
    """

    stop_wanted = Signal()
    cancel_wanted = Signal()
    continue_wanted = Signal()
    moment_kept = Signal(object)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._aim: NDArray[np.uint8] | None = None  # the target, small
        self._preparing = False
        self._run: Run | None = None
        self._running = False
        self._all_words = ""
        self._looks_at: int | None = None  # a step; None follows the newest
        self._shown: NDArray[np.uint8] | None = None
        self.pictures = TitledPictures(("Target", "Current", "Difference"), self)
        self.pictures.setAccessibleName("Target, current picture and difference")
        self.words = label("", "muted", self)
        self.words.setFont(figures(self.words.font()))
        self.words.setWordWrap(True)
        self.about = label("", "small", self)
        self.about.setWordWrap(True)
        self.curves = LossCurves(self)
        self.history = SliderRow(
            "History", ValueSlider(0, 1, origin=0, rest=1, step=0.02), words=self._step_words, parent=self
        )
        self.history.setToolTip("Back through the pictures of this inversion")
        self.stop = QPushButton("Stop and keep", self)
        self.stop.setToolTip("Finish now; what was reached is the result")
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("Stop; the picture stays as it was")
        self.keep = QPushButton("Keep this step", self)
        self.keep.setToolTip("The picture of this step becomes the picture on the canvas")
        self.go_on = QPushButton("Continue", self)
        self._draw = QTimer(self, singleShot=True, interval=DRAW_MS)
        self._draw.timeout.connect(self._show)
        self._arrange()
        self.stop.clicked.connect(self.stop_wanted)
        self.cancel.clicked.connect(self.cancel_wanted)
        self.go_on.clicked.connect(self.continue_wanted)
        self.keep.clicked.connect(self._keep)
        self.history.edited.connect(self._scrub)
        self.history.typed.connect(self._type_step)
        self.pictures.chosen.connect(lambda _: self.look_at(None))
        self._show()

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.stop, self.cancel, self.keep, self.go_on):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.pictures)
        column.addWidget(self.words)
        column.addWidget(self.curves)
        column.addWidget(self.history)
        column.addLayout(buttons)
        column.addWidget(self.about)

    # --- what is shown --------------------------------------------------------------------------

    @property
    def run(self) -> Run | None:
        """What is shown."""
        return self._run

    def begin(self, run: Run) -> None:
        """Follow an inversion that begins."""
        self._running, self._all_words = True, ""
        self._set_run(run)

    def show_run(self, run: Run) -> None:
        """Look at another one of those that go together."""
        if run is not self._run:
            self._set_run(run)

    def _set_run(self, run: Run) -> None:
        self._run, self._looks_at, self._shown = run, None, None
        height, width = run.target.image.shape[:2]
        self.pictures.set_aspect(height / width)
        self._aim = shrunk(run.target.image, TILE_PX)
        self.pictures.set_image(TARGET, as_image(self._aim))
        self.about.setText("")
        self._show()

    def moved(self, all_words: str = "") -> None:
        """The run has moved on; drawn soon.

        Args:
            all_words: how those go that go together.
        """
        self._all_words = all_words
        if not self._draw.isActive():
            self._draw.start()

    def end(self) -> None:
        """Nothing runs any more."""
        self._running = False
        self.go_on.setEnabled(False)
        self._show()

    def tell_end(self, about: str, *, goes_on: bool) -> None:
        """What is worth knowing of the result.

        Args:
            about: which distance it was, and how long it took.
            goes_on: whether it can be continued.
        """
        self.about.setText(about)
        self.go_on.setEnabled(goes_on)
        self._show()

    def clear(self) -> None:
        """Nothing to show."""
        self._run, self._running = None, False
        self._show()

    def look_at(self, step: int | None) -> None:
        """Show the picture of a step, or the newest again."""
        self._looks_at = step
        self._show()

    @property
    def moment(self) -> Moment | None:
        """The picture that is looked at."""
        run = self._run
        if run is None or not run.moments:
            return None
        return run.moments[-1] if self._looks_at is None else run.nearest(self._looks_at)

    def _show(self) -> None:
        run, moment = self._run, self.moment
        self.setVisible(run is not None)
        if run is None:
            return
        if self._running:
            self.words.setText("\n".join(filter(None, (self._all_words, run.words()))))
        else:
            self.words.setText(self._ended_words(run))
        self._prepare()
        self.curves.set_terms(_curves(run), run.steps)
        self.curves.setVisible(bool(run.terms))
        looks_back = self._looks_at is not None and moment is not None
        self.curves.set_mark(moment.step if looks_back and moment is not None else None)
        if not self.history.slider.is_held:
            there = moment.step if looks_back and moment is not None else run.step
            self.history.set_value(there / max(1, run.steps) if looks_back else 1.0)
        self.history.setVisible(len(run.moments) > 1)
        self.stop.setVisible(self._running)
        self.cancel.setVisible(self._running)
        self.keep.setVisible(looks_back)
        self.go_on.setVisible(not self._running and self.go_on.isEnabled())
        self.about.setVisible(bool(self.about.text()))

    def _prepare(self) -> None:
        """Make the pictures of the moment, one moment at a time; the newest wins."""
        moment, aim = self.moment, self._aim
        if moment is None or aim is None or moment.image is self._shown or self._preparing:
            return
        self._preparing, self._shown = True, moment.image

        def work() -> tuple[QImage, QImage]:
            small = shrunk(moment.image, TILE_PX)
            away = np.abs(small.astype(np.float32) - aim).mean(2)
            return as_image(small), heat_picture(away / FULL_LEVELS)

        self._background.run(work, self._take_pictures, self._fail_pictures)

    def _take_pictures(self, pictures: tuple[QImage, QImage]) -> None:
        self._preparing = False
        self.pictures.set_image(CURRENT, pictures[0])
        self.pictures.set_image(DIFFERENCE, pictures[1])
        self._prepare()

    def _fail_pictures(self, error: Exception) -> None:
        self._preparing = False

    def _ended_words(self, run: Run) -> str:
        moment = self.moment
        if self._looks_at is not None and moment is not None:
            return f"Step {moment.step}: distance {moment.distance:.3g}"
        distance = run.distance
        return f"{run.step} steps" + ("" if distance is None else f" · distance {distance:.3g}")

    def _step_words(self, share: float) -> str:
        run = self._run
        return "newest" if run is None or share >= 1 else f"{round(share * run.steps)}"

    def _scrub(self, share: float) -> None:
        run = self._run
        if run is not None:
            self.history.set_value(share)
            step = round(share * run.steps)
            self.look_at(None if share >= 1 or step >= run.step else step)

    def _type_step(self, number: float) -> None:
        run = self._run
        if run is not None:
            self.look_at(None if number >= run.step else max(0, round(number)))

    def _keep(self) -> None:
        moment = self.moment
        if moment is not None:
            self.moment_kept.emit(moment)


def _curves(run: Run) -> dict[str, tuple[list[int], list[float]]]:
    """The terms, and their sum where it is not the only one."""
    parts = {name: curve for name, curve in run.terms.items() if name not in PENALTIES}
    curves = dict(run.terms)
    if len(parts) > 1:
        steps = max((curve[0] for curve in parts.values()), key=len)
        rows = [numbers for _, numbers in parts.values() if len(numbers) == len(steps)]
        return {TOTAL: (steps, [float(sum(values)) for values in zip(*rows, strict=True)]), **curves}
    return curves
