"""StyleGAN3's transform: by numbers, and by hand on the canvas.

Owns the sliders and the switch of the tool. GUI thread.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe, Transform
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.icons import icon
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.transform_tool import TransformTool
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import signed

MERGE = "transform"
_NAMES = {"x": "X", "y": "Y", "angle_deg": "Angle"}


def _fine(value: float) -> str:
    return signed(value, 3)


class TransformSection(QWidget):
    """Three sliders and a tool."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._transform = Transform()
        self._tool: TransformTool | None = None
        self.rows = {
            "x": SliderRow(
                "X, in picture widths", ValueSlider(-0.5, 0.5, step=0.02), words=_fine, parent=self
            ),
            "y": SliderRow(
                "Y, in picture heights", ValueSlider(-0.5, 0.5, step=0.02), words=_fine, parent=self
            ),
            "angle_deg": SliderRow(
                "Angle", ValueSlider(-180, 180, step=5), words=_fine, unit="°", parent=self
            ),
        }
        self.hand = QPushButton(" Move on the canvas", self)
        self.hand.setCheckable(True)
        self.hand.setIconSize(QSize(16, 16))
        self.hand.setToolTip("Drag the picture to move it, the ring to turn it")
        self.reset = QPushButton("Reset", self)
        self.reset.setToolTip("Back to where the model puts the picture")
        self._hint = label("", "muted", self)
        self._hint.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.hand)
        buttons.addWidget(self.reset)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(caption("Transform", self))
        for row in self.rows.values():
            column.addWidget(row)
        column.addSpacing(2)
        column.addLayout(buttons)
        column.addWidget(self._hint)
        for name, row in self.rows.items():
            row.edited.connect(lambda value, name=name: self._set(name, value, (MERGE, name)))
            row.typed.connect(lambda value, name=name: self._set(name, value, None))
            row.finished.connect(studio.document.release)
            row.aborted.connect(studio.document.abort)
        self.hand.toggled.connect(self.set_tool)
        self.reset.clicked.connect(self.rest)
        self._colour()

    def set_model(self, model: OpenModel) -> None:
        """Only StyleGAN3 has a transform."""
        self.setVisible(model.info.has_transform)
        self._is_t = any(note.startswith("configuration T") for note in model.info.notes)
        if not model.info.has_transform:
            self.hand.setChecked(False)
        self._say()

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._transform = recipe.transform or Transform()
        for name, row in self.rows.items():
            value = getattr(self._transform, name)
            if not row.slider.is_held or row.slider.value != value:
                row.set_value(value)
        self.reset.setEnabled(self._transform != Transform())
        if self._tool is not None and not self._tool.is_held:
            self._tool.set_transform(self._transform)

    def set_tool(self, active: bool) -> None:
        """Lay the tool over the canvas, or take it away."""
        if active and self._tool is None:
            canvas = canvas_of(self._studio)
            if canvas is None:
                return
            self._tool = TransformTool(canvas)
            self._tool.moved.connect(lambda transform: self._edit(transform, MERGE))
            self._tool.finished.connect(self._studio.document.release)
            self._tool.aborted.connect(self._abort)
            self._tool.reset_wanted.connect(self.rest)
            self._tool.left.connect(lambda: self.hand.setChecked(False))
        if self._tool is not None:
            self._tool.set_transform(self._transform)
            self._tool.setVisible(active)
            if active:
                self._tool.raise_()
                self._tool.setFocus()
        self._say()

    def rest(self) -> None:
        """Nothing moved."""
        document = self._studio.document
        document.release()
        document.edit("Reset transform", document.recipe.changed(transform=None))

    def hideEvent(self, event: QHideEvent) -> None:
        """The tool belongs to the section that shows: elsewhere the hand pans again."""
        # A window that is minimised hides everything, and nothing of it is a choice.
        if not event.spontaneous():
            self.hand.setChecked(False)
        super().hideEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _set(self, name: str, value: float, merge: object) -> None:
        self._edit(replace(self._transform, **{name: float(value)}), merge, name)

    def _edit(self, transform: Transform, merge: object, name: str = "") -> None:
        before = self._studio.document.recipe.transform or Transform()
        if not name:
            name = "angle_deg" if transform.angle_deg != before.angle_deg else ""
        if name == "angle_deg":
            words = f"Turn {signed(transform.angle_deg, 1)}°"
        elif name:
            words = f"Move {_NAMES[name].lower()} {_fine(getattr(transform, name))}"
        else:
            words = f"Move {_fine(transform.x)}, {_fine(transform.y)}"
        chosen = None if transform == Transform() else transform
        document = self._studio.document
        document.edit(words, document.recipe.changed(transform=chosen), merge)

    def _abort(self) -> None:
        self._studio.document.abort()
        if self._tool is not None:
            self._tool.set_transform(self._transform)

    def _say(self) -> None:
        if self.hand.isChecked():
            words = "Drag to move, the ring or Shift to turn, Ctrl for steps of 15°. Double click resets."
        elif getattr(self, "_is_t", False):
            words = "Configuration T follows moves exactly; it was not trained to follow turns."
        else:
            words = ""
        self._hint.setText(words)
        self._hint.setVisible(bool(words))

    def _colour(self) -> None:
        self.hand.setIcon(icon("move", "text", "accent"))


def canvas_of(studio: Studio) -> Canvas | None:
    """The canvas of the studio's window."""
    window = studio.parent()
    found = window.findChild(Canvas) if window is not None else None
    return found if isinstance(found, Canvas) else None
