"""The latent map as a small world: where the picture stands among many.

Owns the small view and opening the large one; what is done with a selection there is handed on. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.gui.latent_map import LatentMap
from latentstudio.gui.latent_map_view import MapView
from latentstudio.gui.latent_map_window import MapWindow
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import ElidedLabel


class SmallMapPanel(QWidget):
    """The small world.

    Signals:
        tray_wanted(int, object), marks_wanted(str, object), centre_wanted(object): as the large map's.
    """

    tray_wanted = Signal(int, object)
    marks_wanted = Signal(str, object)
    centre_wanted = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.map = LatentMap(studio, self)
        self.large: MapWindow | None = None
        self.view = MapView(self.map, is_small=True, parent=self)
        self.words = ElidedLabel("", "small", self)
        self.open = QPushButton("Open large", self)
        self.open.setProperty("role", "link")
        self.open.setToolTip("The map in a window of its own (M)")
        self.open.clicked.connect(self.open_large)
        self.view.opened.connect(self.open_large)
        foot = QHBoxLayout()
        foot.addWidget(self.words, 1)
        foot.addWidget(self.open)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 12, 10)
        column.setSpacing(4)
        column.addWidget(self.view, 1)
        column.addLayout(foot)
        self.map.changed.connect(self._show)
        self._show()

    def set_model(self, model: OpenModel) -> None:
        """The map follows the model by itself."""

    def set_recipe(self, recipe: Recipe) -> None:
        """The dot follows the pictures by itself."""

    def open_large(self) -> None:
        """Show the map in a window of its own."""
        if self.large is None:
            self.large = MapWindow(self.map, self.window())
            self.large.tray_wanted.connect(self.tray_wanted)
            self.large.marks_wanted.connect(self.marks_wanted)
            self.large.centre_wanted.connect(self.centre_wanted)
        self.large.show()
        self.large.raise_()
        self.large.activateWindow()

    def _show(self) -> None:
        count = len(self.map.points)
        axes = self.map.axes
        shown = f"{axes[0].name} → {axes[1].name} ↑" if axes is not None else f"{count:,} samples"
        # Without points the view itself says what is going on.
        self.words.setText((self.map.words or shown.replace(",", " ")) if count else "")
