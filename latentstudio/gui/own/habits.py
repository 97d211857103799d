"""How a direction of one's own is used: how far its slider reaches, which layers it may move.

Owns the popup; the list of directions is `own_directions`'s. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.gui.studio import OpenModel
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.layer_mask import LayerMask
from latentstudio.gui.widgets.number_box import NumberBox
from latentstudio.gui.words import plain
from latentstudio.latent.directions import MOST_REACH, Direction

SMALLEST_REACH = 0.1


class HabitsPopup(QFrame):
    """Reach and layer mask of one direction.

    Signals:
        changed(float, tuple): the reach in sigma and the rows, empty for all; once, at the end.
    """

    changed = Signal(float, object)

    def __init__(self, direction: Direction, model: OpenModel, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "toast")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._direction, self._all = direction, tuple(range(model.info.num_ws))
        self.reach = NumberBox(plain, "σ", self)
        self.reach.setAccessibleName("Reach of the slider")
        self.reach.set_value(direction.reach, is_set=True)
        self.layers = LayerMask(self)
        self.layers.set_layers(model.sides)
        self.layers.set_rows(direction.rows or self._all)
        self.layers.painted.connect(lambda _: self._show())
        self._words = label("", "muted", self)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        line = QHBoxLayout()
        line.addWidget(label("The slider goes to ±", parent=self))
        line.addWidget(self.reach)
        line.addStretch(1)
        column.addWidget(caption("Range", self))
        column.addLayout(line)
        self._layers = QWidget(self)
        layers = QVBoxLayout(self._layers)
        layers.setContentsMargins(0, 4, 0, 0)
        layers.setSpacing(8)
        layers.addWidget(caption("Layers it may move", self))
        layers.addWidget(self.layers)
        groups = QHBoxLayout()
        groups.setSpacing(6)
        ranges = [("All", self._all), *((g.name, tuple(range(g.start, g.stop))) for g in model.groups)]
        for words, rows in ranges:
            button = QPushButton(words, self._layers)
            button.setProperty("role", "pill")
            button.clicked.connect(lambda _=False, rows=rows: self._take(rows))
            groups.addWidget(button)
        groups.addStretch(1)
        layers.addLayout(groups)
        layers.addWidget(self._words)
        column.addWidget(self._layers)
        self._layers.setVisible(model.info.num_ws > 1)
        self.setMinimumWidth(300)
        self._show()

    def open_at(self, point: QPoint) -> None:
        """Show it, within the screen."""
        self.adjustSize()
        room = self.screen().availableGeometry()
        left = min(max(point.x(), room.left()), room.right() - self.width() - 8)
        self.move(left, min(point.y(), room.bottom() - self.height() - 8))
        self.show()

    def hideEvent(self, event: QHideEvent) -> None:
        """A click elsewhere, Esc or Return: what was set is kept."""
        reach = min(max(self.reach.value, SMALLEST_REACH), MOST_REACH)
        rows = () if self.layers.rows in ((), self._all) else self.layers.rows
        if (reach, rows) != (self._direction.reach, self._direction.rows):
            self.changed.emit(reach, rows)
        super().hideEvent(event)

    def _take(self, rows: tuple[int, ...]) -> None:
        self.layers.set_rows(rows)
        self._show()

    def _show(self) -> None:
        count = len(self.layers.rows)
        words = "It moves nothing like this: all layers stay on." if not count else ""
        self._words.setText(words or f"{count} of {len(self._all)}; a slider's own range narrows it further.")
