"""Pictures that are dragged from one panel to another.

Owns what a drag carries: the recipe as text, the file where there is one, and the small picture under the
pointer. Whoever a picture is dropped on decides what it means there. GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDrag, QImage, QMouseEvent, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import dumps, loads
from latentstudio.errors import LatentStudioError

RECIPE_MIME = "application/x-latentstudio-recipe"
SIDE_PX = 64


def picture_data(recipe: Recipe | None = None, path: Path | None = None) -> QMimeData:
    """What a dragged picture carries."""
    data = QMimeData()
    if recipe is not None:
        data.setData(RECIPE_MIME, dumps(recipe).encode())
    if path is not None:
        data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def dropped_recipe(data: QMimeData) -> Recipe | None:
    """The recipe that a drag from another panel carries; None for anything else."""
    if not data.hasFormat(RECIPE_MIME):
        return None
    try:
        return loads(bytes(data.data(RECIPE_MIME).data()).decode())
    except (LatentStudioError, UnicodeDecodeError):
        return None


def dropped_files(data: QMimeData) -> list[Path]:
    """The files on this machine that a drag carries."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def is_picture(data: QMimeData) -> bool:
    """Whether a drag carries a recipe, or files that may."""
    files = [path.suffix.lower() for path in dropped_files(data)]
    return data.hasFormat(RECIPE_MIME) or (bool(files) and all(s in (".png", ".json") for s in files))


def start_drag(owner: QWidget, data: QMimeData, image: QImage | None) -> None:
    """Let the hand carry something until it lets go."""
    drag = QDrag(owner)
    drag.setMimeData(data)
    if image is not None and not image.isNull():
        small = image.scaled(
            SIDE_PX, SIDE_PX, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        drag.setPixmap(QPixmap.fromImage(small))
        drag.setHotSpot(QPoint(small.width() // 2, small.height() // 2))
    drag.exec(Qt.DropAction.CopyAction)


class DragStart:
    """Tells when a press has become a drag."""

    def __init__(self) -> None:
        self._pressed: QPointF | None = None

    def press(self, event: QMouseEvent) -> None:
        """A button went down."""
        self._pressed = event.position() if event.button() == Qt.MouseButton.LeftButton else None

    def release(self) -> None:
        """It came up again."""
        self._pressed = None

    def passed(self, event: QMouseEvent) -> QPointF | None:
        """Where the press was, once, when the hand has moved far enough with the button down."""
        start = self._pressed
        if start is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return None
        if (event.position() - start).manhattanLength() < QApplication.startDragDistance():
            return None
        self._pressed = None
        return start
