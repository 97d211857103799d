"""A seed: typed, stepped or thrown.

Owns the field and its buttons; what the seed is for belongs to whoever listens. GUI thread.
"""

from __future__ import annotations

import secrets

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from latentstudio.gui.icons import icon
from latentstudio.gui.theme import figures
from latentstudio.latent.sampling import MAX_SEED

# Seeds that a person can remember and say aloud.
DICE_SIDES = 100_000


def boxed_button(name: str, hint: str, parent: QWidget) -> QToolButton:
    """A square button with an icon; its object name is the icon's."""
    button = QToolButton(parent)
    button.setObjectName(name)
    button.setProperty("role", "boxed")
    button.setIconSize(QSize(18, 18))
    button.setIcon(icon(name))
    button.setToolTip(hint)
    button.setAccessibleName(hint)
    return button


class SeedField(QWidget):
    """A whole number with the seed before, the next one and dice.

    Signals:
        chosen(int): a person chose a seed.
    """

    chosen = Signal(int)

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._seed = 0
        self.box = QLineEdit(self)
        self.box.setFont(figures(self.box.font()))
        self.box.setAccessibleName(what)
        self.box.setToolTip(f"A whole number from 0 to {MAX_SEED}")
        self.box.editingFinished.connect(self._typed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.box, 1)
        self.previous = boxed_button("previous", "The seed before", self)
        self.next = boxed_button("next", "The next seed", self)
        self.dice = boxed_button("dice", "A random seed", self)
        self.previous.clicked.connect(lambda: self.chosen.emit(max(0, self._seed - 1)))
        self.next.clicked.connect(lambda: self.chosen.emit(min(MAX_SEED, self._seed + 1)))
        self.dice.clicked.connect(lambda: self.chosen.emit(secrets.randbelow(DICE_SIDES)))
        for button in (self.previous, self.next, self.dice):
            row.addWidget(button)

    def set_seed(self, seed: int) -> None:
        """Show a seed; says nothing."""
        self._seed = seed
        if not self.box.hasFocus() or self.box.text() != str(seed):
            self.box.setText(str(seed))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            for button in (self.previous, self.next, self.dice):
                button.setIcon(icon(button.objectName()))
        super().changeEvent(event)

    def _typed(self) -> None:
        seed = parse_seed(self.box.text())
        if seed is None:
            self.box.setText(str(self._seed))
        elif seed != self._seed:
            self.chosen.emit(seed)


def parse_seed(text: str) -> int | None:
    """The seed a person typed; None when it is none."""
    text = text.strip()
    return int(text) if text.isdecimal() and int(text) <= MAX_SEED else None
