"""The brush's controls, beside whatever the mask is for.

Owns paint or erase, size, softness, invert and clear; the painting is `mask_brush`'s. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.gui.mask_brush import MaskBrush
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider

PAINT, ERASE = "paint", "erase"


def _percent(value: float) -> str:
    return f"{value:.0f}"


class MaskControls(QWidget):
    """Works a brush, once there is one.

    Signals:
        changed(): the mask was inverted or cleared here.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._brush: MaskBrush | None = None
        self.tools = Segmented(self)
        self.tools.set_choices(
            [
                (PAINT, "Brush", "Paint; the right button erases"),
                (ERASE, "Eraser", "Erase"),
            ]
        )
        self.tools.set_chosen(PAINT)
        self.tools.chosen.connect(self._choose)
        self.radius = SliderRow(
            "Size",
            ValueSlider(1, 30, origin=1, rest=8, step=1),
            words=_percent,
            unit="%",
            parent=self,
        )
        self.radius.setToolTip("Radius, in widths of the picture; Ctrl and the wheel over the picture")
        self.softness = SliderRow(
            "Soft edge",
            ValueSlider(0, 100, origin=0, rest=40, step=5),
            words=_percent,
            unit="%",
            parent=self,
        )
        self.invert = QPushButton("Invert", self)
        self.invert.setToolTip("What is painted becomes what is not")
        self.clear = QPushButton("Clear", self)
        self.radius.edited.connect(self._set_size)
        self.radius.typed.connect(self._set_size)
        self.softness.edited.connect(self._set_softness)
        self.softness.typed.connect(self._set_softness)
        self.invert.clicked.connect(self._invert)
        self.clear.clicked.connect(self._clear)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.tools, 1)
        head.addWidget(self.invert)
        head.addWidget(self.clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.radius)
        column.addWidget(self.softness)

    def set_brush(self, brush: MaskBrush) -> None:
        """Work this brush from now on."""
        self._brush = brush
        brush.size_changed.connect(lambda radius: self.radius.set_value(radius * 100))
        self._choose(PAINT)
        self._set_size(self.radius.slider.value)
        self._set_softness(self.softness.slider.value)

    def _choose(self, tool: object) -> None:
        self.tools.set_chosen(PAINT if tool == PAINT else ERASE)
        if self._brush is not None:
            self._brush.erases = tool == ERASE

    def _set_size(self, percent: float) -> None:
        self.radius.set_value(percent)
        if self._brush is not None:
            self._brush.radius = min(max(percent, 0.5), 50) / 100
            self._brush.update()

    def _set_softness(self, percent: float) -> None:
        self.softness.set_value(percent)
        if self._brush is not None:
            self._brush.softness = min(max(percent, 0), 100) / 100
            self._brush.update()

    def _invert(self) -> None:
        if self._brush is not None:
            self._brush.set_mask(self._brush.painted_mask.inverted())
            self.changed.emit()

    def _clear(self) -> None:
        if self._brush is not None:
            self._brush.set_mask(None)
            self.changed.emit()
