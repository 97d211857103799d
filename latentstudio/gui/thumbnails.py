"""Small pictures of recipes, drawn when the engine has nothing better to do.

Owns a bounded store of thumbnails by the recipe's digest and the requests for missing ones. GUI thread.
"""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import RenderRequest
from latentstudio.gui.engine_bridge import EngineBridge, Picture

SIDE_PX = 192
LIMIT = 600
PREFIX = "thumbnail:"


class Thumbnails(QObject):
    """Thumbnails on demand.

    Signals:
        arrived(str): the thumbnail of the recipe with this digest is there.
    """

    arrived = Signal(str)

    def __init__(self, bridge: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._images: OrderedDict[str, QImage] = OrderedDict()
        self._asked: dict[str, str] = {}  # channel -> digest
        bridge.picture_ready.connect(self._take)
        bridge.model_opened.connect(self._asked.clear)

    def find(self, recipe: Recipe) -> QImage | None:
        """The thumbnail, where it is there."""
        image = self._images.get(recipe.digest)
        if image is not None:
            self._images.move_to_end(recipe.digest)
        return image

    def ask(self, recipe: Recipe, channel: str = "") -> QImage | None:
        """The thumbnail; where it is missing it is drawn, and `arrived` tells.

        Args:
            recipe: whose picture.
            channel: a newer wish of the same channel replaces one that still waits.
        """
        found = self.find(recipe)
        if found is not None:
            return found
        name = PREFIX + (channel or recipe.digest)
        if self._asked.get(name) != recipe.digest:
            self._asked[name] = recipe.digest
            self._bridge.request(RenderRequest(recipe, channel=name, max_side=SIDE_PX, rough=True))
        return None

    def offer(self, recipe: Recipe, image: QImage) -> None:
        """Keep a picture that is there anyway, made small."""
        if recipe.digest not in self._images:
            self._put(recipe.digest, small(image))

    def _take(self, picture: Picture) -> None:
        channel = picture.request.channel
        if channel.startswith(PREFIX):
            digest = picture.request.recipe.digest
            if self._asked.get(channel) == digest:
                del self._asked[channel]
            self._put(digest, picture.image)

    def _put(self, digest: str, image: QImage) -> None:
        self._images[digest] = image
        while len(self._images) > LIMIT:
            self._images.popitem(last=False)
        self.arrived.emit(digest)


def small(image: QImage, side_px: int = SIDE_PX) -> QImage:
    """The picture with its longer side at most `side_px`."""
    if max(image.width(), image.height()) <= side_px:
        return image
    aspect = Qt.AspectRatioMode.KeepAspectRatio
    return image.scaled(side_px, side_px, aspect, Qt.TransformationMode.SmoothTransformation)
