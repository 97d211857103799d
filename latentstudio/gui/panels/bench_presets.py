"""Examples for the A - B + C bench that a newcomer can try at once.

Owns the buttons and the choice of what the model has for them; the trays are the bench's. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from latentstudio.gui.panels.bench_state import PRESETS
from latentstudio.gui.studio import OpenModel
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.latent.directions import Direction


class PresetRow(QWidget):
    """A button for each example that the model has a coordinate or a direction for.

    Signals:
        chosen(str): its name.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model: OpenModel | None = None
        self._flow = FlowLayout(self)
        self.buttons: dict[str, QPushButton] = {}

    def set_model(self, model: OpenModel | None) -> None:
        """Offer what this model has; asked again when directions are found."""
        self._model = model
        while (item := self._flow.takeAt(0)) is not None and (old := item.widget()) is not None:
            old.deleteLater()
        names = model.info.provenance.z_names if model is not None else ()
        offered = [name for name, _, _ in PRESETS if name in names or self.direction(name) is not None]
        self.buttons = {}
        for name in offered:
            button = QPushButton(name, self)
            button.setProperty("role", "add")
            button.setToolTip(f"{name}: three with it, three without, and the picture you see")
            button.clicked.connect(lambda _=False, name=name: self.chosen.emit(name))
            self._flow.addWidget(button)
            self.buttons[name] = button
        self.setVisible(bool(offered))

    def direction(self, name: str) -> Direction | None:
        """A direction of the model with this name, whoever found it."""
        groups = self._model.directions.values() if self._model is not None else ()
        return next((d for found in groups for d in found if d.name.casefold() == name.casefold()), None)
