"""The inspector: one tab a task, chosen on a rail of icons.

Owns the table of tabs and the rail; each tab is a panel of its own file. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from latentstudio.document.recipe import Recipe
from latentstudio.gui.icons import icon
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import set_tone


class Panel(Protocol):
    """What the window asks of a panel."""

    def set_model(self, model: OpenModel) -> None:
        """Another model is open."""

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; say nothing."""


@dataclass(frozen=True)
class Tab:
    """One task.

    Attributes:
        key: for the stored layout and the shortcuts.
        words: on hover and in the heading.
        icon: file in assets/icons.
        panel: module and class in panels/, imported when the tab is first looked at.
    """

    key: str
    words: str
    icon: str
    panel: str

    def make(self, studio: Studio) -> QWidget:
        """Build the panel."""
        module, _, name = self.panel.partition(".")
        panel: QWidget = getattr(import_module(f"latentstudio.gui.panels.{module}"), name)(studio)
        return panel


# A new task is one entry here and one file in panels/.
TABS = (
    Tab("sample", "Sample", "sample", "sample.SamplePanel"),
    Tab("conditions", "Conditions", "conditions", "conditions.ConditionsPanel"),
    Tab("seeds", "Seeds", "seeds", "seeds.SeedsPanel"),
    Tab("directions", "Directions", "sliders", "directions.DirectionsPanel"),
    Tab("channels", "Channels", "channels", "channels.ChannelsPanel"),
    Tab("layers", "Layers", "layers", "layers.LayersPanel"),
    Tab("bench", "A − B + C", "bench", "bench.BenchPanel"),
    Tab("mix", "Mix", "mix", "mix.MixPanel"),
    Tab("drag", "Drag", "drag", "drag.DragPanel"),
    Tab("regions", "Regions", "regions", "regions.RegionsPanel"),
    Tab("noise", "Noise", "noise", "noise.NoisePanel"),
    Tab("photo", "Photo", "photo", "photo.PhotoPanel"),
    Tab("detect", "Detect", "detect", "detect.DetectPanel"),
    Tab("model", "Model", "info", "model_info.ModelInfoPanel"),
)


class _Panels:
    """Panels by key, each built when it is first asked for: a start must not wait for all of them."""

    def __init__(self, make: Callable[[str], QWidget]) -> None:
        self._make = make
        self._made: dict[str, QWidget] = {}

    def __getitem__(self, key: str) -> QWidget:
        if key not in self._made:
            self._made[key] = self._make(key)
        return self._made[key]

    def made(self) -> list[Panel]:
        """Those that were asked for so far."""
        return cast(list[Panel], list(self._made.values()))


# As low as a button of the rail may become where the window is low.
LEAST_BUTTON_PX = 24


class _SteadyArea(QScrollArea):
    """Scrolls, and keeps the bar's room free where there is nothing to scroll.

    A bar that comes and goes changes the width, with it the height of pictures that keep their shape, and
    with that whether the bar is needed: at certain sizes the two go on until the stack is full.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        bar = self.verticalScrollBar()
        set_tone(bar, "idle", True)
        bar.rangeChanged.connect(lambda low, high: set_tone(bar, "idle", low == high))


class Inspector(QWidget):
    """Panels in a stack, a rail to choose.

    Signals:
        tab_changed(str): the words of the tab that shows now.
    """

    tab_changed = Signal(str)

    def __init__(self, studio: Studio, tabs: Sequence[Tab] = TABS, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio, self._tabs = studio, tuple(tabs)
        self._model: OpenModel | None = None
        self._recipe: Recipe | None = None
        self.panels = _Panels(self._make)
        self._stack = QStackedWidget(self)
        self._group = QButtonGroup(self)
        rail = QWidget(self)
        rail.setProperty("role", "railbar")
        rail.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(rail)
        column.setContentsMargins(5, 8, 4, 8)
        column.setSpacing(4)
        for i, tab in enumerate(self._tabs):
            area = _SteadyArea(self)
            area.setWidgetResizable(True)
            area.setFrameShape(QFrame.Shape.NoFrame)
            self._stack.addWidget(area)
            button = QToolButton(rail)
            button.setCheckable(True)
            button.setProperty("role", "rail")
            button.setIconSize(QSize(18, 18))
            # A low window is no reason to hide what lies below: the icons move together.
            button.setMinimumHeight(LEAST_BUTTON_PX)
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Maximum)
            button.setToolTip(f"{tab.words} (Alt+{i + 1})" if i < 9 else tab.words)
            button.setAccessibleName(tab.words)
            button.clicked.connect(lambda _=False, key=tab.key: self.show_tab(key))
            self._group.addButton(button, i)
            column.addWidget(button)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._stack, 1)
        row.addWidget(rail)
        self.setMinimumWidth(320)
        self._colour()
        self.show_tab("directions")

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """The table."""
        return self._tabs

    @property
    def tab(self) -> str:
        """Key of the tab that shows."""
        return self._tabs[self._stack.currentIndex()].key

    def set_model(self, model: OpenModel) -> None:
        """Another model is open."""
        self._model = model
        for panel in self.panels.made():
            panel.set_model(model)

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe."""
        self._recipe = recipe
        for panel in self.panels.made():
            panel.set_recipe(recipe)

    def show_tab(self, key: str) -> None:
        """Turn to a task."""
        for i, tab in enumerate(self._tabs):
            if tab.key == key:
                _ = self.panels[key]
                self._stack.setCurrentIndex(i)
                self._group.button(i).setChecked(True)
                self.tab_changed.emit(tab.words)

    def _make(self, key: str) -> QWidget:
        """Build a tab's panel, and bring it to where the others are."""
        index = next(i for i, tab in enumerate(self._tabs) if tab.key == key)
        panel = self._tabs[index].make(self._studio)
        area = self._stack.widget(index)
        assert isinstance(area, QScrollArea)
        area.setWidget(panel)
        if self._model is not None:
            cast(Panel, panel).set_model(self._model)
        if self._recipe is not None:
            cast(Panel, panel).set_recipe(self._recipe)
        return panel

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        for i, tab in enumerate(self._tabs):
            self._group.button(i).setIcon(icon(tab.icon, "muted", "accent"))
