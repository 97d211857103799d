"""Where a direction leads, beside the list while the pointer rests on its name.

Owns the popup, its pictures, and the wait before it shows; the list decides which directions have one.
GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from latentstudio.document.recipe import DirectionEdit, Recipe
from latentstudio.gui.heat import heat_image
from latentstudio.gui.studio import Studio
from latentstudio.gui.widgets.labels import ElidedLabel, label
from latentstudio.gui.widgets.preview_strip import PreviewStrip
from latentstudio.gui.widgets.veiled_picture import VeiledPicture
from latentstudio.latent.directions import Direction

REST_MS = 350
STRIP_PX, HEAT_PX = 330, 64
CENTER, FAR = 2, 4


class HoverStrip(QObject):
    """Watches widgets; a rest of the pointer on one shows its direction's pictures.

    Args:
        studio: the common ground.
        owner: the panel that the popup stands beside.
    """

    def __init__(self, studio: Studio, owner: QWidget) -> None:
        super().__init__(owner)
        self._studio, self._owner = studio, owner
        self._watched: dict[QObject, Callable[[], Direction | None]] = {}
        self._under: QWidget | None = None
        self._leads_to: list[Recipe] = []
        self.popup = QFrame(owner.window(), Qt.WindowType.ToolTip)
        self.popup.setProperty("role", "toast")
        self.popup.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.popup.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.name = ElidedLabel("", parent=self.popup)
        self.facts = label("", "small", self.popup)
        self.strip = PreviewStrip(self.popup)
        self.strip.setFixedWidth(STRIP_PX)
        self.heat = VeiledPicture(self.popup)
        self.heat.setFixedSize(HEAT_PX, HEAT_PX)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.facts)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.strip)
        row.addWidget(self.heat)
        column = QVBoxLayout(self.popup)
        column.setContentsMargins(10, 8, 10, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addLayout(row)
        self._timer = QTimer(self, singleShot=True, interval=REST_MS)
        self._timer.timeout.connect(self._show)
        studio.thumbnails.arrived.connect(self._take)
        studio.document.history_changed.connect(self.hide)

    def watch(self, widget: QWidget, direction_of: Callable[[], Direction | None]) -> None:
        """Show the direction that this gives while the pointer rests on the widget; None for none now."""
        self._watched[widget] = direction_of
        widget.installEventFilter(self)
        widget.destroyed.connect(lambda: self._watched.pop(widget, None))

    def hide(self) -> None:
        """No more."""
        self._timer.stop()
        self._under = None
        self.popup.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The pointer comes, goes or presses."""
        kind = event.type()
        if kind == QEvent.Type.Enter and isinstance(watched, QWidget):
            self._under = watched
            self._timer.start()
        elif kind in (QEvent.Type.Leave, QEvent.Type.MouseButtonPress, QEvent.Type.Hide, QEvent.Type.Wheel):
            self.hide()
        return False

    def _show(self) -> None:
        find = self._watched.get(self._under) if self._under is not None else None
        direction = find() if find is not None else None
        if direction is None or self._under is None or self._studio.document.is_merging:
            return
        recipe = self._studio.document.recipe
        self.strip.set_reach(direction.reach)
        self.strip.set_amount(0.0)
        at = next((i for i, e in enumerate(recipe.directions) if e.direction == direction), None)
        self._leads_to = [
            recipe.changed(directions=(*recipe.directions, DirectionEdit(direction, amount)))
            if at is None
            else recipe.with_direction(at, _at(recipe.directions[at], amount))
            for amount in self.strip.amounts
        ]
        if at is not None:
            self.strip.set_amount(recipe.directions[at].amount)
        self.name.setText(direction.name)
        self.facts.setText(self._studio.factor_words(direction))
        self.heat.set_picture(None, None)
        for i, moved in enumerate(self._leads_to):
            self.strip.set_image(i, self._studio.thumbnails.ask(moved, f"hover {i}"))
        self._show_heat()
        self.popup.adjustSize()
        corner = self._owner.mapToGlobal(QPoint(0, 0))
        beside = self._under.mapToGlobal(QPoint(0, self._under.height() // 2))
        room = self._under.screen().availableGeometry()
        left = max(room.left() + 4, corner.x() - self.popup.width() - 10)
        top = beside.y() - self.popup.height() // 2
        self.popup.move(left, min(max(top, room.top() + 4), room.bottom() - self.popup.height() - 4))
        self.popup.show()

    def _take(self, digest: str) -> None:
        if not self.popup.isVisible():
            return
        for i, recipe in enumerate(self._leads_to):
            if recipe.digest == digest:
                self.strip.set_image(i, self._studio.thumbnails.find(recipe))
                self._show_heat()

    def _show_heat(self) -> None:
        """Where the far end differs from the middle, once both are there."""
        find = self._studio.thumbnails.find
        middle, far = find(self._leads_to[CENTER]), find(self._leads_to[FAR])
        if middle is not None and far is not None and middle.size() == far.size():
            heat = np.abs(_levels(far) - _levels(middle)).mean(2)
            self.heat.set_picture(middle, heat_image(np.asarray(heat, np.float32)))


def _at(edit: DirectionEdit, amount: float) -> DirectionEdit:
    return DirectionEdit(edit.direction, amount, edit.start, edit.stop)


def _levels(image: QImage) -> NDArray[np.float32]:
    """float32 (H, W, 3) of an image, 0 to 255."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).astype(np.float32)
