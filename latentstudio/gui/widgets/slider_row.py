"""A name, a number and a slider: one quantity a hand can change.

Owns their arrangement and that they show the same value; GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from latentstudio.gui.widgets.labels import ElidedLabel
from latentstudio.gui.widgets.number_box import NumberBox
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import plain


class SliderRow(QWidget):
    """Name left, number right, slider below.

    Signals:
        edited(float): the slider moved; more may follow.
        typed(float): a number was entered; it is final.
        finished(), aborted(), grabbed(): as the slider's.

    Args:
        name: what a person reads.
        slider: the control.
        words: how the number is written.
        unit: what stands behind the number.
    """

    edited = Signal(float)
    typed = Signal(float)
    finished = Signal()
    aborted = Signal()
    grabbed = Signal()

    def __init__(
        self,
        name: str,
        slider: ValueSlider,
        *,
        words: Callable[[float], str] = plain,
        unit: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.name = ElidedLabel(name, parent=self)
        self.slider = slider
        self.box = NumberBox(words, unit, self)
        slider.setParent(self)
        slider.setAccessibleName(name)
        self.box.setAccessibleName(f"{name}, number")
        self.head = QHBoxLayout()
        self.head.setSpacing(4)
        self.head.addWidget(self.name, 1)
        self.head.addWidget(self.box)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addLayout(self.head)
        self.column.addWidget(slider)
        slider.value_edited.connect(self._slide)
        slider.edit_finished.connect(self.finished)
        slider.edit_aborted.connect(self.aborted)
        slider.grabbed.connect(self.grabbed)
        self.box.value_typed.connect(self.typed)
        self.set_value(slider.value)

    def set_value(self, value: float) -> None:
        """Show a value; says nothing."""
        self.slider.set_value(value)
        self.box.set_value(value, is_set=value != self.slider.rest)

    def _slide(self, value: float) -> None:
        self.box.set_value(value, is_set=value != self.slider.rest)
        self.edited.emit(value)
