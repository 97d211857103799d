"""The drag panel: points on the picture, what may move, and how.

Owns the tool on the canvas and the drag under way; changes the recipe through the document and nothing
else: each step of a drag is folded into one entry. GUI thread.

Source: Pan et al., "Drag Your GAN: Interactive Point-based Manipulation on the Generative Image
Manifold".
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.dragging import DragOptions, DragPoint
from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Job, Progress
from latentstudio.gui.canvas_sheet import canvas_of
from latentstudio.gui.drag_tool import DragTool
from latentstudio.gui.mask_brush import MaskBrush
from latentstudio.gui.mask_controls import MaskControls
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider

if TYPE_CHECKING:
    from latentstudio.engine.dragging import DragStep

POINTS, PAINT = "points", "paint"
SPEEDS = ((0.5, "Careful"), (1.0, "Usual"), (2.0, "Quick"))
HINT = (
    "Press on the picture and pull to where that place should go. A click pins a place. "
    "The right button removes a point."
)
PAINT_HINT = "Paint what may move; everything else is held. The right button erases."


class DragPanel(QWidget):
    """Points, mask, options, and the button that starts or stops."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._recipe: Recipe = studio.document.recipe
        self._begun = 0.0
        self._steps = 0
        self._drags = 0
        self.max_steps = DragOptions().max_steps
        self._is_putting = False  # the change that comes back is this panel's own
        self._before: tuple[Recipe, tuple[DragPoint, ...]] | None = None
        self.tool: DragTool | None = None
        self.brush: MaskBrush | None = None
        self.job = OneJob(studio.bridge, self)
        self.job.progressed.connect(self._take_progress)
        self.job.finished.connect(self._take_end)
        self.job.ended.connect(self._ended)
        self.hands = Segmented(self)
        self.hands.set_choices(
            [
                (POINTS, "Points", "Take hold of the picture and pull"),
                (PAINT, "What may move", "Paint a mask: the rest is held"),
            ]
        )
        self.hands.set_chosen(POINTS)
        self.hands.chosen.connect(self._choose_hand)
        self.hint = label(HINT, "muted", self)
        self.hint.setWordWrap(True)
        self.brushes = MaskControls(self)
        self.brushes.hide()
        self.start = QPushButton("Drag", self)
        self.start.setProperty("role", "primary")
        self.start.clicked.connect(self.start_or_stop)
        self.remove = QPushButton("Remove points", self)
        self.remove.clicked.connect(self._remove)
        self.words = label("", "small", self)
        self.words.setWordWrap(True)
        self.speed = Segmented(self)
        self.speed.set_choices([(factor, words, "") for factor, words in SPEEDS])
        self.speed.set_chosen(1.0)
        self.speed.chosen.connect(self.speed.set_chosen)
        self.rows = SliderRow(
            "Layers that move",
            ValueSlider(1, 18, origin=1, rest=6, step=1),
            words=lambda v: f"{v:.0f}",
            parent=self,
        )
        self.rows.edited.connect(self._round_rows)
        self.rows.typed.connect(self._round_rows)
        self.stage = QComboBox(self)
        self.stage.setAccessibleName("Features that are followed")
        self.hold = SliderRow(
            "How firmly the rest is held",
            ValueSlider(0, 100, origin=0, rest=20, step=5),
            words=lambda v: f"{v:.0f}",
            parent=self,
        )
        self._place()
        self._show()

    def _place(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.remove)
        followed = QHBoxLayout()
        followed.setSpacing(8)
        followed.addWidget(label("Follows", parent=self))
        followed.addWidget(self.stage, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(8)
        column.addWidget(self.hands)
        column.addWidget(self.hint)
        column.addWidget(self.brushes)
        column.addSpacing(4)
        column.addLayout(buttons)
        column.addWidget(self.words)
        column.addSpacing(8)
        column.addWidget(caption("How", self))
        column.addWidget(self.speed)
        column.addWidget(self.rows)
        column.addWidget(self.hold)
        column.addLayout(followed)
        column.addStretch(1)

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Begin with another model."""
        self.job.cancel()
        self._before = None
        height, width = model.info.img_size
        self._make_tools()
        if self.tool is not None and self.brush is not None:
            self.tool.set_points(())
            self.tool.set_size(height, width)
            self.brush.set_size(height, width)
        self.rows.slider.set_range(1, max(2, model.info.num_ws))
        self.stage.clear()
        self.stage.addItem("the usual stage", "")
        for stage in model.stages:
            if min(stage.resolution) >= 4:
                self.stage.addItem(
                    f"{stage.name}   {stage.resolution[1]} × {stage.resolution[0]}", stage.name
                )
        self.rows.set_value(usual_rows(model))
        self.rows.setVisible(model.info.num_ws > 1)
        self._show()

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; a change from elsewhere ends the drag."""
        self._recipe = recipe
        if self._is_putting:
            return
        self.job.cancel()
        if self._before is not None and self.tool is not None and recipe == self._before[0]:
            self.tool.set_points(self._before[1])
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """The tool lies on the canvas while its panel is looked at."""
        super().showEvent(event)
        self._make_tools()
        self._lay_tools()

    def hideEvent(self, event: QHideEvent) -> None:
        """Elsewhere the hand pans again. A window that is minimised hides everything: no choice of anyone."""
        if not event.spontaneous():
            for sheet in (self.tool, self.brush):
                if sheet is not None:
                    sheet.show_tool(False)
        super().hideEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange and self.brush is not None:
            self.brush.update()
        super().changeEvent(event)

    # --- the drag -------------------------------------------------------------------------------

    def start_or_stop(self) -> None:
        """Begin a drag, or keep what the one under way has reached."""
        if self.job.is_running:
            self.job.cancel()
            self._studio.document.release()
            return
        if self.tool is None or not self.tool.points or self._studio.model is None:
            return
        document = self._studio.document
        document.release()
        recipe, points, options = document.recipe, self.tool.points, self._options()
        self._before = (recipe, points)
        self._drags += 1
        self._steps = 0
        self.job.start(lambda: _drag_job(recipe, points, options))
        self._show()

    def take_back(self) -> None:
        """Esc: the drag under way never was."""
        if self.job.is_running:
            self.job.cancel()
            self._studio.document.abort()

    def _options(self) -> DragOptions:
        mask = None if self.brush is None else self.brush.painted_mask
        return DragOptions(
            stage=str(self.stage.currentData() or ""),
            rows=max(1, round(self.rows.slider.value)),
            mask=None if mask is None or mask.is_empty else mask,
            mask_weight=max(0.0, self.hold.slider.value),
            rate=DragOptions().rate * float(self._speed()),
            max_steps=self.max_steps,
        )

    def _speed(self) -> float:
        return next((factor for factor, _ in SPEEDS if self.speed.button(factor).isChecked()), 1.0)

    def _take_progress(self, progress: Progress) -> None:
        step = progress.payload
        self._put(step)
        # Whatever else the engine was at before the first step is no part of the drag.
        now = time.perf_counter()
        self._begun = now if self._steps == 0 else self._begun
        rate = self._steps / max(now - self._begun, 1e-6)
        self._steps += 1
        self.words.setText(
            f"Step {step.step}, {step.distance:.1f} pixels to go, {rate:.0f} steps a second. "
            "Esc takes it back."
        )

    def _put(self, step: DragStep) -> None:
        document = self._studio.document
        self._is_putting = self._studio.binding.wants_whole = True
        try:
            count = len(step.handles)
            words = "Drag a point" if count == 1 else f"Drag {count} points"
            document.edit(words, step.recipe, ("drag", self._drags))
        finally:
            self._is_putting = self._studio.binding.wants_whole = False
        if self.tool is not None:
            self.tool.set_handles(step.handles)

    def _take_end(self, step: DragStep | None) -> None:
        self._studio.document.release()
        if step is not None:
            self.words.setText(
                f"Arrived after {step.step} steps."
                if step.arrived
                else f"{step.distance:.1f} pixels are left after {step.step} steps. Drag again to go on."
            )

    def _ended(self) -> None:
        self._show()

    # --- tools ----------------------------------------------------------------------------------

    def _make_tools(self) -> None:
        canvas = canvas_of(self._studio)
        if self.tool is not None or canvas is None:
            return
        self.tool, self.brush = DragTool(canvas), MaskBrush(canvas)
        self.tool.points_changed.connect(self._show)
        self.tool.stop_wanted.connect(self.take_back)
        self.brush.left.connect(lambda: self._choose_hand(POINTS))
        self.brush.painted.connect(self._show)
        self.brushes.set_brush(self.brush)
        self.brushes.changed.connect(self._show)
        model = self._studio.model
        if model is not None:
            self.tool.set_size(*model.info.img_size)
            self.brush.set_size(*model.info.img_size)

    def _lay_tools(self) -> None:
        if self.tool is None or self.brush is None:
            return
        paints = self.brushes.isVisibleTo(self)
        self.tool.show_tool(not paints)
        self.brush.show_tool(paints)

    def _choose_hand(self, hand: object) -> None:
        self.hands.set_chosen(hand)
        self.brushes.setVisible(hand == PAINT)
        self.hint.setText(PAINT_HINT if hand == PAINT else HINT)
        if self.isVisible():
            self._lay_tools()

    def _round_rows(self, value: float) -> None:
        self.rows.set_value(max(1, round(value)))

    def _remove(self) -> None:
        if self.tool is not None:
            self.tool.set_points(())
            self.words.setText("")
            self._show()

    def _show(self) -> None:
        running, points = self.job.is_running, () if self.tool is None else self.tool.points
        if self.tool is not None:
            self.tool.is_busy = running
        self.start.setText("Stop here" if running else "Drag")
        self.start.setEnabled(running or any(p.distance > 0 for p in points))
        self.start.setToolTip("Keep what the drag has reached" if running else "Move the dots to their rings")
        self.remove.setEnabled(bool(points) and not running)
        mask = None if self.brush is None else self.brush.painted_mask
        self.hold.setVisible(mask is not None and not mask.is_empty)
        if running:
            return
        if not points:
            self.words.setText("")


def usual_rows(model: OpenModel) -> int:
    """How many rows of ws a drag moves unless a person says otherwise: those below a quarter of the picture.

    Later rows hold colour and light, which a drag should leave alone.
    """
    limit = model.info.img_resolution / 2
    return max(1, sum(side <= limit for side in model.sides))


def _drag_job(recipe: Recipe, points: tuple[DragPoint, ...], options: DragOptions) -> Job:
    from latentstudio.engine.dragging import drag_job

    return drag_job(recipe, points, options)
