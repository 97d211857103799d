"""Several favourites and seeds to choose at once, in a small popup.

Owns the marks and the field for seeds; what becomes of the selection belongs to whoever listens. GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QToolButton, QWidget

from latentstudio.gui.favourite_picker import FavouritePicker
from latentstudio.gui.studio import Studio


class SelectionPicker(FavouritePicker):
    """Favourites that are switched on and off, and a field for seeds.

    Signals:
        selected(list, str): the files that are on, and the seeds as they were typed.
    """

    selected = Signal(object, str)

    def __init__(self, studio: Studio, parent: QWidget) -> None:
        super().__init__(studio, parent)
        self._on: list[Path] = []
        self.seeds = QLineEdit(self)
        self.seeds.setPlaceholderText("Seeds, such as 0-99")
        self.seeds.setAccessibleName("Seeds")
        self.seeds.setMinimumWidth(170)
        self.take = QPushButton("Take the mean", self)
        self.take.setProperty("role", "primary")
        line = QHBoxLayout()
        line.addWidget(self.seeds, 1)
        line.addWidget(self.take)
        self.column.addLayout(line)
        self.seeds.textChanged.connect(lambda _: self._show_count())
        self.seeds.returnPressed.connect(self._finish)
        self.take.clicked.connect(self._finish)
        self._show_count()

    def wire(self, button: QToolButton, path: Path) -> None:
        """A click switches a favourite."""
        button.setCheckable(True)
        button.setProperty("role", "pick")
        button.toggled.connect(lambda is_on: self._switch(path, is_on))

    def _switch(self, path: Path, is_on: bool) -> None:
        self._on = [*self._on, path] if is_on else [one for one in self._on if one != path]
        self._show_count()

    def _show_count(self) -> None:
        self.take.setEnabled(bool(self._on or self.seeds.text().strip()))
        self.take.setText(f"Take the mean of {len(self._on)}" if len(self._on) > 1 else "Take the mean")

    def _finish(self) -> None:
        if self.take.isEnabled():
            self.selected.emit(list(self._on), self.seeds.text())
            self.close()
