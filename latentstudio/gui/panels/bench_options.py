"""How the A - B + C bench sums: the space, and the layers that the sum decides.

Owns the controls; what they mean belongs to the bench. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentstudio.gui.panels.bench_state import BenchState
from latentstudio.gui.studio import OpenModel
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.layer_strip import LayerStrip
from latentstudio.gui.widgets.segmented import Segmented

SUMS = (
    ("w", "W", "Sum in w, around the mean latent; pictures with layers of their own make it W+"),
    ("z", "Z", "Sum in z, as published for models without w"),
    ("z normalized", "Z, length kept", "Sum in z, brought back to the length of a typical z"),
)


class SumOptions(QWidget):
    """Space and layers.

    Signals:
        combine_chosen(object): where to sum.
        range_chosen(int, int): the sum decides the layers [start, stop).
    """

    combine_chosen = Signal(object)
    range_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model: OpenModel | None = None
        self.sums = Segmented(self)
        self.sums.chosen.connect(self.combine_chosen)
        self._note = label("", "small", self)
        self._note.setWordWrap(True)
        self.groups = Segmented(self)
        self.groups.chosen.connect(self._choose_group)
        self.layers = LayerStrip(self)
        self.layers.range_painted.connect(self.range_chosen)
        self._layers_caption = caption("Acts on layers", self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(caption("Summed in", self))
        column.addWidget(self.sums)
        column.addWidget(self._note)
        column.addSpacing(4)
        column.addWidget(self._layers_caption)
        column.addWidget(self.groups)
        column.addWidget(self.layers)

    def set_model(self, model: OpenModel) -> None:
        """Offer what this model has."""
        self._model = model
        rows = model.info.num_ws
        self.sums.set_choices([c for c in SUMS if model.info.has_mapping or c[0] != "w"])
        choices = [("All", "All", f"All {rows} layers")]
        choices += [(g.name, f"{g.name} {g.sizes}", f"{g.name}, {g.sizes} px") for g in model.groups]
        self.groups.set_choices(choices)
        for widget in (self.layers, self._layers_caption):
            widget.setVisible(rows > 1)
        self.groups.setVisible(bool(model.groups))
        self.layers.set_layers(model.sides)

    def set_state(self, state: BenchState) -> None:
        """Show a state; says nothing."""
        if self._model is None:
            return
        self.sums.set_chosen(state.combine)
        for key in ("z", "z normalized"):
            self.sums.button(key).setEnabled(state.has_only_z)
        spaces = {member.source.space for tray in state.trays for member in tray}
        words = "Some pictures have layers of their own: the sum is in W+." if "w+" in spaces else ""
        if not words and not state.has_only_z:
            words = "Some pictures carry a w, so they can't be summed in Z."
        self._note.setText(words)
        self._note.setVisible(bool(words))
        rows = self._model.info.num_ws
        keys = {(g.start, g.stop): g.name for g in self._model.groups} | {(0, rows): "All"}
        self.groups.set_chosen(keys.get((state.start, rows if state.stop is None else state.stop)))
        self.layers.set_range(state.start, state.stop)

    def _choose_group(self, key: str) -> None:
        assert self._model is not None
        ranges = {g.name: (g.start, g.stop) for g in self._model.groups}
        self.range_chosen.emit(*ranges.get(key, (0, self._model.info.num_ws)))
