"""The heat map over the large picture: where the slider that was moved last acts.

Owns the switch, the wait for the hand to rest and the two pictures that are compared, which the engine
draws like any other small picture, ahead of all jobs; the canvas draws the veil. GUI thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QEvent, QObject, QTimer, Signal

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import RenderRequest
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.engine_bridge import Picture
from latentstudio.gui.heat import heat_image
from latentstudio.gui.in_use import InUse, LastMoved
from latentstudio.gui.studio import Studio
from latentstudio.gui.words import plain

CHANNELS = ("heat without", "heat moved")
MOST_PX, SMOOTH_PX = 512, 320


class HeatOverlay(QObject):
    """Off until it is switched on; then it follows the sliders whenever the hand rests.

    Signals:
        changed(): it was switched, or its words are others.

    Args:
        studio: the common ground.
        canvas: what is veiled.
    """

    changed = Signal()

    def __init__(self, studio: Studio, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._studio, self._canvas = studio, canvas
        self._last = LastMoved()
        self._shown: InUse | None = None
        self._heat: NDArray[np.float32] | None = None
        self.is_on = False
        self.words = ""
        self._pictures: dict[str, NDArray[np.uint8]] = {}
        studio.bridge.picture_ready.connect(self._take)
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._ask)
        studio.document.recipe_changed.connect(self._follow)
        studio.document.history_changed.connect(self._rest)
        studio.model_opened.connect(lambda _: self.switch(False))
        canvas.installEventFilter(self)

    def switch(self, is_on: bool) -> None:
        """Show the heat map, or the bare picture."""
        if is_on == self.is_on:
            return
        self.is_on, self._shown, self._heat = is_on, None, None
        self._canvas.set_veil(None)
        if is_on:
            self._ask()
        else:
            self._say("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The veil has the colours of the appearance."""
        if event.type() == QEvent.Type.PaletteChange and self._heat is not None:
            self._show()
        return False

    def _follow(self, recipe: Recipe) -> None:
        self._last.follow(recipe)
        # A drag is for the picture: the veil comes back when the hand rests.
        if self.is_on and self._studio.document.is_merging:
            self._shown = self._heat = None
            self._canvas.set_veil(None)

    def _rest(self) -> None:
        if self.is_on and not self._studio.document.is_merging:
            self._timer.start()

    def _ask(self) -> None:
        in_use = self._last.find()
        if not self.is_on or (in_use == self._shown and in_use is not None):
            return
        self._shown, self._heat = in_use, None
        if in_use is None:
            self._canvas.set_veil(None)
            self._say("Move a slider to see where it acts")
            return
        self._say(f"Where {in_use.words} acts")
        self._pictures.clear()
        for channel, recipe in zip(CHANNELS, (in_use.without, in_use.moved), strict=True):
            self._studio.bridge.request(RenderRequest(recipe, channel=channel, max_side=MOST_PX))

    def _take(self, picture: Picture) -> None:
        shown, request = self._shown, picture.request
        if not self.is_on or shown is None or request.channel not in CHANNELS:
            return
        if request.recipe != (shown.without, shown.moved)[CHANNELS.index(request.channel)]:
            return
        self._pictures[request.channel] = picture.pixels
        if len(self._pictures) == len(CHANNELS):
            before, after = (self._pictures[channel].astype(np.float32) for channel in CHANNELS)
            self._heat = np.asarray(np.abs(after - before).mean(2), np.float32)
            self._show()
            self._say(f"{shown.words}: {plain(float(self._heat.mean()), 1)} of 255 levels")

    def _show(self) -> None:
        """The veil, without the steps of a small picture."""
        assert self._heat is not None
        height, width = self._heat.shape
        factor = max(1, SMOOTH_PX // max(height, width))
        larger = Image.fromarray(self._heat).resize(
            (width * factor, height * factor), Image.Resampling.BICUBIC
        )
        self._canvas.set_veil(heat_image(np.asarray(larger)))

    def _say(self, words: str) -> None:
        self.words = words
        self.changed.emit()
