"""From a changed recipe to the picture on the canvas.

Owns the order of things: a preview while the hand moves, the exact picture when it rests, and that an
older picture never replaces a newer one. Knows neither widgets nor how pictures are made. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from latentstudio.document.document import Document
from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import CANVAS, COMPARE, Failure, RenderRequest
from latentstudio.gui.engine_bridge import EngineBridge, Picture

REST_MS = 150


class PictureBinding(QObject):
    """Keeps the canvas at the document's recipe.

    Signals:
        picture_changed(Picture): show this.
        compare_changed(): the unedited picture is another one, or no longer known.
        failed(Failure): the current recipe can't be drawn.
    """

    picture_changed = Signal(object)
    compare_changed = Signal()
    failed = Signal(object)

    def __init__(self, document: Document, bridge: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._bridge = document, bridge
        self._generation = 0
        self._asked_exact = -1
        self._floor = 0  # nothing older than this may be shown
        self._is_open = False
        self._picture: Picture | None = None
        self._compare: Picture | None = None
        self._wants_compare = False
        # Set while a job makes the changes: each step is worth its whole picture, and no hand waits for it.
        self.wants_whole = False
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._ask_exact)
        document.recipe_changed.connect(self._on_recipe)
        document.history_changed.connect(self._on_history)
        bridge.picture_ready.connect(self._take)
        bridge.failed.connect(self._take_failure)

    @property
    def picture(self) -> Picture | None:
        """What is shown."""
        return self._picture

    @property
    def is_current(self) -> bool:
        """Whether the exact picture of the current recipe is shown."""
        shown = self._picture
        return shown is not None and shown.is_exact and shown.request.generation == self._generation

    @property
    def compare_picture(self) -> Picture | None:
        """The unedited picture, where it is there."""
        wanted = self._document.recipe.unedited()
        if self._compare is not None and self._compare.request.recipe == wanted:
            return self._compare
        return None

    def set_open(self, is_open: bool) -> None:
        """Whether there is a model to draw with; pictures of before are no longer taken."""
        self._is_open = is_open
        self._floor = self._generation + 1
        self._compare = None

    def ask_compare(self) -> None:
        """Have the unedited picture drawn."""
        if self._is_open and self.compare_picture is None:
            self._wants_compare = True
            recipe = self._document.recipe.unedited()
            self._bridge.request(RenderRequest(recipe, self._generation, COMPARE))

    def ask_again(self) -> None:
        """Ask for the current picture once more, as after the engine's queue was emptied."""
        if not self.is_current:
            self._asked_exact = -1
            self._ask_exact()

    def _on_recipe(self, recipe: Recipe) -> None:
        self._generation += 1
        self._rest.stop()
        if not self._is_open:
            return
        live = self._document.is_merging and not self.wants_whole
        if not live:
            self._asked_exact = self._generation
        self._bridge.request(RenderRequest(recipe, self._generation, CANVAS, live=live))

    def _on_history(self) -> None:
        # The hand let go: what is shown or still being drawn may be a preview.
        if not self._document.is_merging and not self.is_current:
            self._ask_exact()

    def _ask_exact(self) -> None:
        if self._is_open and self._asked_exact != self._generation:
            self._asked_exact = self._generation
            self._bridge.request(RenderRequest(self._document.recipe, self._generation, CANVAS))

    def _take(self, picture: Picture) -> None:
        request = picture.request
        if request.channel == COMPARE:
            self._compare = picture
            self.compare_changed.emit()
            return
        if request.channel != CANVAS or request.generation < self._floor:
            return
        self._floor = request.generation
        shown = self._picture
        if shown is not None and shown.is_exact and shown.request.generation == request.generation:
            return
        self._picture = picture
        if not picture.is_exact and request.generation == self._generation:
            if self._document.is_merging:
                self._rest.start()
            else:
                self._ask_exact()
        self.picture_changed.emit(picture)

    def _take_failure(self, failure: Failure) -> None:
        request = failure.request
        if request is not None and request.channel == CANVAS and request.generation >= self._floor:
            self.failed.emit(failure)
