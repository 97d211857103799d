"""One noise input of the noise panel: on or off, its size, its strength.

Owns the row; knows no document. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from latentstudio.gui.icons import icon
from latentstudio.gui.noise_layers import NoiseInput
from latentstudio.gui.widgets.labels import label, set_tone
from latentstudio.gui.widgets.number_box import NumberBox
from latentstudio.gui.widgets.value_slider import ValueSlider

MOST = 2.0


class NoiseRow(QWidget):
    """A switch and a slider on one line.

    Signals:
        switched(bool): a person turned the input on or off.
        edited(float): the slider moved; more may follow.
        typed(float): a number was entered.
        finished(), aborted(): as the slider's.
    """

    switched = Signal(bool)
    edited = Signal(float)
    typed = Signal(float)
    finished = Signal()
    aborted = Signal()

    def __init__(self, noise_input: NoiseInput, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input = noise_input
        self._is_on = True
        words = noise_input.words.replace("  ", " ")
        self.switch = QToolButton(self)
        self.switch.setIconSize(QSize(15, 15))
        self.switch.setFixedSize(22, 22)
        self.switch.clicked.connect(lambda: self.switched.emit(not self._is_on))
        self.name = label(noise_input.words, "muted", self)
        self.name.setFixedWidth(88)
        self.slider = ValueSlider(0, MOST, rest=1, step=0.05, parent=self)
        self.slider.setAccessibleName(f"Strength, {words}")
        self.box = NumberBox(parent=self)
        self.box.setFixedWidth(44)
        self.box.setAccessibleName(f"Strength, {words}, number")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (self.switch, self.name):
            row.addWidget(widget)
        row.addWidget(self.slider, 1)
        row.addWidget(self.box)
        self.slider.value_edited.connect(self._slide)
        self.slider.edit_finished.connect(self.finished)
        self.slider.edit_aborted.connect(self.aborted)
        self.box.value_typed.connect(self.typed)
        self._colour()

    def set_state(self, strength: float, *, is_on: bool, note: str = "") -> None:
        """Show strength and switch; says nothing."""
        self._is_on = is_on
        if not self.slider.is_held or self.slider.value != strength:
            self.slider.set_value(strength)
        self.box.set_value(strength, is_set=strength != 1)
        self.slider.setEnabled(is_on)
        self.box.setEnabled(is_on)
        self.name.setToolTip(note)
        set_tone(self.name, "role", "plain" if is_on and (strength != 1 or note) else "muted")
        words = self.input.words.replace("  ", " ")
        self.switch.setToolTip(f"Silence the noise of {words}" if is_on else f"Noise of {words} again")
        self.switch.setAccessibleName(self.switch.toolTip())
        self._colour()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        self.switch.setIcon(icon("eye", "text") if self._is_on else icon("mute", "muted"))

    def _slide(self, value: float) -> None:
        self.box.set_value(value, is_set=value != 1)
        self.edited.emit(value)
