"""What of the photograph counts: painted on the cut, over the canvas.

Owns the brush and its button; what is not painted may become whatever the model likes. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from latentstudio.errors import LatentStudioError
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.mask_brush import MaskBrush
from latentstudio.gui.mask_controls import MaskControls
from latentstudio.gui.photo.desk import PhotoDesk
from latentstudio.gui.widgets.labels import label


class TargetBrush(MaskBrush):
    """A brush that shows the cut below its veil, in place of the canvas's picture."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._target = QImage()

    def set_target(self, image: QImage) -> None:
        """What is painted on."""
        self._target = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The cut, then veil and ring."""
        if not self._target.isNull():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.place(), self._target)
            painter.end()
        super().paintEvent(event)


class WhatCounts(QWidget):
    """A button, and the brush's controls while it is pressed.

    Signals:
        changed(): another part counts.

    Args:
        desk: has the photograph and its frame.
        canvas: what the brush lies over.
    """

    changed = Signal()

    def __init__(self, desk: PhotoDesk, canvas: Canvas | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._canvas = desk, canvas
        self._brush: TargetBrush | None = None
        self.paint = QPushButton("Paint what counts", self)
        self.paint.setCheckable(True)
        self.paint.setToolTip("Only the painted part is to look like the photo; the model fills in the rest")
        self.controls = MaskControls(self)
        self.controls.hide()
        self._note = label("Only what is painted counts.", "muted", self)
        self._note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.paint)
        column.addWidget(self.controls)
        column.addWidget(self._note)
        self.paint.toggled.connect(self.show_brush)
        self.controls.changed.connect(self._keep)
        desk.frame_changed.connect(self.show_painted)

    @property
    def brush(self) -> TargetBrush | None:
        """What lies over the canvas, once it was shown."""
        return self._brush

    def show_brush(self, shows: bool) -> None:
        """Lay the brush over the canvas, or take it away; what is painted stays."""
        if shows and self._brush is None and self._canvas is not None:
            brush = self._brush = TargetBrush(self._canvas)
            brush.left.connect(lambda: self.paint.setChecked(False))
            brush.painted.connect(self._keep)
            self.controls.set_brush(brush)
            self.show_painted()
        self.controls.setVisible(shows)
        self.paint.setText("Done" if shows else "Paint what counts")
        if self._brush is None:
            return
        if shows:
            self._show_target()
            self._brush.setFocus()
        self._brush.show_tool(shows)
        self._say()

    def show_painted(self) -> None:
        """Another frame, or another photo: what is painted there."""
        if self._brush is not None:
            self._brush.set_size(*self._desk.img_size)
            current = self._desk.current
            self._brush.set_mask(None if current is None else current.painted)
            if self.paint.isChecked():
                self._show_target()
        self._say()

    def _show_target(self) -> None:
        assert self._brush is not None
        try:
            self._brush.set_target(as_image(self._desk.target().image))
        except LatentStudioError:
            self._brush.set_target(QImage())

    def _keep(self) -> None:
        assert self._brush is not None
        mask = self._brush.painted_mask
        self._desk.set_painted(None if mask.is_empty else mask)
        self._say()

    def _say(self) -> None:
        current = self._desk.current
        self._note.setVisible(current is not None and current.painted is not None)
        self.changed.emit()
