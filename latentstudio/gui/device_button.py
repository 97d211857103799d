"""Where pictures are computed, in the status line; where there is a choice, a press offers it.

Owns the words and the menu; opening the model there is the studio's. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

# The best there is, and the processor: without a card these two are the same.
NO_CHOICE = 2


class DeviceButton(QPushButton):
    """Words that open a menu where this machine has a card.

    Signals:
        chosen(str): the name of another device, as `Settings.device` has it.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFlat(True)
        self.setProperty("role", "link")
        self.setProperty("tone", "muted")
        self._menu = QMenu(self)
        self.set_choices((), "")

    def set_choices(self, choices: Sequence[tuple[str, str]], current: str) -> None:
        """Offer these pairs of a name and words; `current` is marked."""
        self._menu.clear()
        group = QActionGroup(self._menu)
        for name, words in choices:
            action = self._menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(name == current)
            action.triggered.connect(lambda _=False, name=name: self.chosen.emit(name))
            group.addAction(action)
        has_choice = len(choices) > NO_CHOICE
        self.setMenu(self._menu if has_choice else None)  # type: ignore[arg-type]
        self.setEnabled(has_choice)
        self.setToolTip("Where pictures are computed" + ("; press to choose" if has_choice else ""))
