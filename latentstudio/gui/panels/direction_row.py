"""One slider of the directions panel, with what shows while it is in use.

Owns the row: name, number, slider, the five pictures, the layers it acts on. Knows no document. GUI
thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import DirectionEdit
from latentstudio.gui.icons import icon
from latentstudio.gui.studio import OpenModel
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.layer_strip import LayerStrip
from latentstudio.gui.widgets.preview_strip import PreviewStrip
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import layer_words, signed
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import layer_range


class DirectionRow(SliderRow):
    """A slider along a direction.

    Signals:
        range_chosen(int, object): layers [start, stop), stop None for "to the end".
        removed(): a person took the slider away.
    """

    range_chosen = Signal(int, object)
    removed = Signal()

    def __init__(self, edit: DirectionEdit, model: OpenModel, parent: QWidget | None = None) -> None:
        super().__init__(
            edit.direction.name,
            ValueSlider(-edit.direction.reach, edit.direction.reach),
            words=signed,
            unit="σ",
            parent=parent,
        )
        self._model = model
        self._measured = ""
        self.measured: QLabel | None = None
        self._details: QWidget | None = None
        self.strip: PreviewStrip | None = None
        self.layers: LayerStrip | None = None
        self.groups: Segmented | None = None
        self.layers_hint = label("", "small", self)
        self.head.insertWidget(1, self.layers_hint)
        self._remove = QToolButton(self)
        self._remove.setIconSize(QSize(12, 12))
        self._remove.setFixedSize(20, 20)
        self._remove.setToolTip("Remove this slider")
        self._remove.setAccessibleName(f"Remove {edit.direction.name}")
        policy = self._remove.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._remove.setSizePolicy(policy)
        self._remove.hide()
        self._remove.clicked.connect(self.removed)
        self.head.insertWidget(2, self._remove)
        self._colour()
        self.set_edit(edit)

    def set_edit(self, edit: DirectionEdit) -> None:
        """Show an edit; says nothing."""
        self._edit = edit
        if not self.slider.is_held or self.slider.value != edit.amount:
            self.set_value(edit.amount)
        rows = self._model.info.num_ws
        words = self._moving_words(edit)
        self.layers_hint.setText("" if words == "all layers" else words)
        if self.strip is not None:
            self.strip.set_amount(edit.amount)
        if self.layers is not None and self.groups is not None:
            self.layers.set_range(edit.start, edit.stop)
            stop = rows if edit.stop is None else edit.stop
            keys = {(g.start, g.stop): g.name for g in self._model.groups}
            self.groups.set_chosen("All" if (edit.start, stop) == (0, rows) else keys.get((edit.start, stop)))

    @property
    def direction(self) -> Direction:
        """Where the slider leads."""
        return self._edit.direction

    def set_measured(self, words: str) -> None:
        """Say what the direction was measured to change, where that is known."""
        self._measured = words
        if self.measured is not None:
            self.measured.setText(words)
            self.measured.setVisible(bool(words))

    def set_in_use(self, in_use: bool) -> None:
        """Open or close what shows while the slider is in use."""
        if in_use and self._details is None:
            self._details = self._make_details()
            self.column.addWidget(self._details)
            self.set_edit(self._edit)
        if self._details is not None:
            self._details.setVisible(in_use)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Offer to remove."""
        self._remove.show()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """No longer."""
        self._remove.hide()
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        self._remove.setIcon(icon("close", "muted"))

    def _make_details(self) -> QWidget:
        details = QWidget(self)
        column = QVBoxLayout(details)
        column.setContentsMargins(0, 6, 0, 8)
        column.setSpacing(8)
        self.strip = PreviewStrip(details)
        self.strip.set_reach(self._edit.direction.reach)
        self.strip.amount_chosen.connect(self.typed)
        column.addWidget(self.strip)
        self.measured = label(self._measured, "small", details)
        self.measured.setWordWrap(True)
        self.measured.setVisible(bool(self._measured))
        column.addWidget(self.measured)
        groups = self._model.groups
        if self._model.info.num_ws > 1:
            self.groups, self.layers = Segmented(details), LayerStrip(details)
            rows = self._model.info.num_ws
            ranges = {"All": (0, None), **{g.name: (g.start, g.stop) for g in groups}}
            choices = [("All", "All", f"All {rows} layers")]
            for g in groups:
                hint = f"{g.name}: {layer_words(g.start, g.stop, rows)}, {g.sizes} px"
                choices.append((g.name, f"{g.name} {g.sizes}", hint))
            self.groups.set_choices(choices)
            self.groups.chosen.connect(lambda key: self.range_chosen.emit(*ranges[key]))
            self.layers.set_layers(self._model.sides)
            self.layers.set_masked(i for i in range(rows) if not self._edit.direction.moves(i))
            self.layers.range_painted.connect(self._painted)
            column.addWidget(self.groups)
            line = QHBoxLayout()
            line.addWidget(label("Layers", "small", details))
            line.addWidget(self.layers, 1)
            column.addLayout(line)
        return details

    def _moving_words(self, edit: DirectionEdit) -> str:
        """The layers that move: the slider's range within the direction's mask."""
        rows = self._model.info.num_ws
        moving = [i for i in layer_range(edit.start, edit.stop, rows) if edit.direction.moves(i)]
        if moving and len(moving) == moving[-1] - moving[0] + 1:
            return layer_words(moving[0], moving[-1] + 1, rows)
        return f"{len(moving)} layers" if moving else "no layer"

    def _painted(self, start: int, stop: int) -> None:
        self.range_chosen.emit(start, None if stop >= self._model.info.num_ws else stop)
