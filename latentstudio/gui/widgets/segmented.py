"""A row of words of which one is chosen.

Owns the buttons; GUI thread.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget


class Segmented(QWidget):
    """Buttons side by side, one of them pressed or none.

    Signals:
        chosen(object): a person pressed the segment of this key.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._group = QButtonGroup(self)
        self._buttons: dict[Hashable, QPushButton] = {}
        self._keys: tuple[tuple[Hashable, str, str], ...] = ()

    def set_choices(self, choices: Sequence[tuple[Hashable, str, str]]) -> None:
        """Show segments (key, words, words on hover)."""
        if tuple(choices) == self._keys:
            return
        if [c[0] for c in choices] != [c[0] for c in self._keys]:
            self._rebuild(choices)
        for key, words, hint in choices:
            self._buttons[key].setText(words)
            self._buttons[key].setToolTip(hint)
        self._keys = tuple(choices)

    def set_chosen(self, key: Hashable | None) -> None:
        """Press a segment, or none; says nothing."""
        self._group.setExclusive(False)
        for name, button in self._buttons.items():
            button.setChecked(name == key)
        self._group.setExclusive(key in self._buttons)

    def button(self, key: Hashable) -> QPushButton:
        """The button of a key."""
        return self._buttons[key]

    def _rebuild(self, choices: Sequence[tuple[Hashable, str, str]]) -> None:
        for button in self._buttons.values():
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.deleteLater()
        self._buttons = {}
        for i, (key, _, _) in enumerate(choices):
            button = QPushButton(self)
            button.setCheckable(True)
            button.setProperty("role", "segment")
            edge = "only" if len(choices) == 1 else {0: "first", len(choices) - 1: "last"}.get(i, "")
            button.setProperty("edge", edge)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setMinimumWidth(24)
            button.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            self._group.addButton(button)
            self._row.addWidget(button)
            self._buttons[key] = button
