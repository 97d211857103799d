"""The small pictures on the map, drawn when the engine has nothing better to do.

Owns a bounded store by the sample's number and the requests for missing ones, a few at a time, the most
wanted first. GUI thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Failure, RenderRequest
from latentstudio.gui.engine_bridge import EngineBridge, Picture
from latentstudio.gui.thumbnails import small

SIDE_PX = 96
LIMIT = 2500  # some 90 MiB
LANES = 2  # one being drawn, one waiting: the engine never idles, and a new wish is followed at once
PREFIX = "map picture "


class MapPictures(QObject):
    """Pictures of samples by number.

    Signals:
        arrived(int): the picture of this sample is there.
    """

    arrived = Signal(int)

    def __init__(self, bridge: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._recipe_of: Callable[[int], Recipe] | None = None
        self._store: OrderedDict[int, QPixmap] = OrderedDict()
        self._wanted: list[int] = []
        self._lanes: list[tuple[int, Recipe] | None] = [None] * LANES
        self._refused: set[int] = set()
        bridge.picture_ready.connect(self._take)
        bridge.failed.connect(self._take_failure)

    def begin(self, recipe_of: Callable[[int], Recipe] | None) -> None:
        """Other pictures: forget those of before."""
        self._recipe_of = recipe_of
        self._store.clear()
        self._refused.clear()
        self._wanted, self._lanes = [], [None] * LANES

    def find(self, index: int) -> QPixmap | None:
        """The picture of a sample, where it is there."""
        found = self._store.get(index)
        if found is not None:
            self._store.move_to_end(index)
        return found

    @property
    def count(self) -> int:
        """How many are there."""
        return len(self._store)

    def want(self, indices: Sequence[int]) -> None:
        """Ask for these, the first first, and for nothing that was wanted before."""
        self._wanted = [i for i in indices if i not in self._store and i not in self._refused]
        self._next()

    def _next(self) -> None:
        if self._recipe_of is None:
            return
        under_way = {lane[0] for lane in self._lanes if lane is not None}
        for number, lane in enumerate(self._lanes):
            if lane is not None:
                continue
            index = next((i for i in self._wanted if i not in under_way), None)
            if index is None:
                return
            under_way.add(index)
            recipe = self._recipe_of(index)
            self._lanes[number] = (index, recipe)
            self._bridge.request(RenderRequest(recipe, channel=f"{PREFIX}{number}", max_side=SIDE_PX))

    def _take(self, picture: Picture) -> None:
        number = self._lane_of(picture.request)
        if number is None:
            return
        lane = self._lanes[number]
        if lane is None or lane[1] is not picture.request.recipe:
            return
        self._lanes[number] = None
        self._store[lane[0]] = QPixmap.fromImage(small(picture.image, SIDE_PX))
        self._wanted = [i for i in self._wanted if i != lane[0]]
        while len(self._store) > LIMIT:
            self._store.popitem(last=False)
        self.arrived.emit(lane[0])
        self._next()

    def _take_failure(self, failure: Failure) -> None:
        request = failure.request
        number = None if request is None else self._lane_of(request)
        if number is not None:
            lane = self._lanes[number]
            if lane is not None:
                self._refused.add(lane[0])
                self._wanted = [i for i in self._wanted if i != lane[0]]
            self._lanes[number] = None
            self._next()
        elif failure.ticket is not None:
            # Opening another model has emptied the engine's queue.
            self._lanes = [None] * LANES
            self._next()

    @staticmethod
    def _lane_of(request: RenderRequest) -> int | None:
        name = request.channel
        return int(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
