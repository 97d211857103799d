"""The picture, large.

Owns how an image is shown: fit, one to one, zoom to the pointer, pan, and which of two pictures shows
while a key is held. Knows neither recipes nor the engine. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from latentstudio.gui.theme import is_dark, tokens

MARGIN_PX = 32
NARROW_MARGIN_PX = 16
SHADOW_PX, SHADOW_STEPS = 28, 12
ZOOM_STEP = 1.25
MIN_ZOOM, MAX_ZOOM = 0.05, 64.0
# Beyond this a person looks at pixels, and smoothing would hide them.
PIXELS_FROM = 12.0


class Canvas(QWidget):
    """Shows one image.

    Signals:
        zoom_changed(): the scale or the fit changed.
    """

    zoom_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._smooth = QImage()
        self._other = QImage()
        self._veil = QImage()
        self._shows_other = False
        self._fits = True
        self._zoom = 1.0  # device pixels a picture pixel
        self._center = QPointF(0.5, 0.5)  # what of the picture is in the middle
        self._grip: QPointF | None = None
        self._scaled: tuple[int, int, QImage] | None = None
        self._ground: tuple[tuple[object, ...], QPixmap] | None = None
        self.message = ""
        self.setMinimumSize(QSize(240, 200))
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Picture")

    # --- what is shown --------------------------------------------------------------------------

    @property
    def image(self) -> QImage:
        """What is shown at this moment."""
        return self._other if self._shows_other and not self._other.isNull() else self._image

    @property
    def shows_other(self) -> bool:
        """Whether the picture to compare with is shown."""
        return self._shows_other and not self._other.isNull()

    def set_image(self, image: QImage, smooth: QImage | None = None) -> None:
        """Replace the picture; zoom and place stay.

        Args:
            image: the picture.
            smooth: the same, enlarged, for painting it larger than it is.
        """
        same_size = image.size() == self.image.size() and not self.message
        self._image = image
        self._smooth = image if smooth is None else smooth
        self.message = ""
        # Only the picture has changed: less to paint, less to send to the screen.
        self.update(self.place().toAlignedRect() if same_size else self.rect())
        if not same_size:
            self.zoom_changed.emit()

    def set_other(self, image: QImage) -> None:
        """The picture to compare with; a null image for none."""
        self._other = image
        if self._shows_other:
            self.update()

    def set_veil(self, veil: QImage | None) -> None:
        """Lay a translucent picture of any size over the picture; None for none."""
        self._veil = QImage() if veil is None else veil
        self.update()

    @property
    def has_veil(self) -> bool:
        """Whether something lies over the picture."""
        return not self._veil.isNull()

    def show_other(self, shows: bool) -> None:
        """Show the one to compare with, or the picture again."""
        self._shows_other = shows
        self.update()

    def set_message(self, words: str) -> None:
        """Words in place of a picture, as while the first model is loaded."""
        self.message = words
        self.update()

    # --- zoom -----------------------------------------------------------------------------------

    @property
    def fits(self) -> bool:
        """Whether the picture follows the size of the window."""
        return self._fits

    @property
    def zoom(self) -> float:
        """Screen pixels a picture pixel."""
        return self._fit_zoom() if self._fits else self._zoom

    def fit(self) -> None:
        """The whole picture, as large as there is room."""
        self._fits = True
        self._center = QPointF(0.5, 0.5)
        self._changed()

    def one_to_one(self) -> None:
        """One screen pixel a picture pixel."""
        self._center = QPointF(0.5, 0.5)
        self._set_zoom(1.0)

    def zoom_in(self) -> None:
        """Closer, around the middle."""
        self._zoom_at(QPointF(self.rect().center()), ZOOM_STEP)

    def zoom_out(self) -> None:
        """Farther, around the middle."""
        self._zoom_at(QPointF(self.rect().center()), 1 / ZOOM_STEP)

    def place(self) -> QRectF:
        """Where the picture lies in the widget."""
        scale = self.zoom / self.devicePixelRatioF()
        width, height = self.image.width() * scale, self.image.height() * scale
        left = self.width() / 2 - self._center.x() * width
        top = self.height() / 2 - self._center.y() * height
        return QRectF(left, top, width, height)

    def _fit_zoom(self) -> float:
        image = self.image
        if image.isNull():
            return 1.0
        margin = MARGIN_PX if min(self.width(), self.height()) > 420 else NARROW_MARGIN_PX
        room_w, room_h = max(16, self.width() - 2 * margin), max(16, self.height() - 2 * margin)
        scale = min(room_w / image.width(), room_h / image.height())
        return scale * self.devicePixelRatioF()

    def _set_zoom(self, zoom: float) -> None:
        self._fits = False
        self._zoom = min(max(zoom, MIN_ZOOM), MAX_ZOOM)
        self._changed()

    def _zoom_at(self, point: QPointF, factor: float) -> None:
        """Zoom so that what is under the point stays there."""
        if self.image.isNull():
            return
        before = self.place()
        share = QPointF((point.x() - before.x()) / before.width(), (point.y() - before.y()) / before.height())
        self._set_zoom(self.zoom * factor)
        after = self.place()
        self._center = QPointF(
            share.x() - (point.x() - self.width() / 2) / after.width(),
            share.y() - (point.y() - self.height() / 2) / after.height(),
        )
        self._changed()

    def _changed(self) -> None:
        # The picture can't be lost: its middle stays within reach.
        self._center = QPointF(min(max(self._center.x(), 0), 1), min(max(self._center.y(), 0), 1))
        self.update()
        self.zoom_changed.emit()

    # --- hand -----------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom to the pointer."""
        delta = event.angleDelta().y()
        if delta:
            self._zoom_at(event.position(), ZOOM_STEP ** (delta / 120))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hold the picture."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._grip = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan."""
        if self._grip is None or self.image.isNull():
            return
        moved, place = event.position() - self._grip, self.place()
        self._grip = event.position()
        if self._fits:
            if moved.manhattanLength() == 0:
                return
            self._zoom, self._fits = self._fit_zoom(), False
        self._center -= QPointF(moved.x() / place.width(), moved.y() / place.height())
        self._changed()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grip = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit, or one to one where it fits already."""
        if self._fits:
            self.one_to_one()
        else:
            self.fit()

    def event(self, event: QEvent) -> bool:
        """Pinch to zoom."""
        if (
            isinstance(event, QNativeGestureEvent)
            and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            self._zoom_at(event.position(), 1 + event.value())
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows pan."""
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        step = steps.get(Qt.Key(event.key()))
        if step is None or self._fits or self.image.isNull():
            super().keyPressEvent(event)
            return
        place = self.place()
        self._center += QPointF(step[0] * 48 / place.width(), step[1] * 48 / place.height())
        self._changed()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A picture that fits keeps fitting."""
        super().resizeEvent(event)
        if self._fits:
            self.zoom_changed.emit()

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, shadow, picture."""
        image = self.image
        painter = QPainter(self)
        if image.isNull():
            painter.fillRect(self.rect(), tokens().color("ground"))
            self._paint_message(painter)
            return
        place = self.place()
        painter.drawPixmap(0, 0, self._ground_below(place))
        is_smooth = self.zoom < PIXELS_FROM or self._fits
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_smooth)
        if is_smooth and self.zoom > 1 and not self.shows_other:
            image = self._smooth
        if self.message:
            painter.setOpacity(0.25)
        painter.drawImage(place, self._reduced(image, place))
        painter.setOpacity(1)
        if self.has_veil and not self.shows_other and not self.message:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(place, self._veil)
        self._paint_message(painter)

    def _paint_message(self, painter: QPainter) -> None:
        if self.message:
            painter.setPen(tokens().color("text"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.message)

    def _reduced(self, image: QImage, place: QRectF) -> QImage:
        """A much smaller picture is averaged first; drawing alone would skip pixels."""
        width = round(place.width() * self.devicePixelRatioF())
        if width * 2 > image.width() or width < 1:
            return image
        key = (image.cacheKey(), width)
        if self._scaled is None or self._scaled[:2] != key:
            smooth = Qt.TransformationMode.SmoothTransformation
            self._scaled = (*key, image.scaledToWidth(width, smooth))
        return self._scaled[2]

    def _ground_below(self, place: QRectF) -> QPixmap:
        """Ground and shadow, painted once for a size and place: a drag repaints the picture alone."""
        ratio = self.devicePixelRatioF()
        key = (self.size(), place, ratio, tokens())
        if self._ground is None or self._ground[0] != key:
            pixmap = QPixmap(self.size() * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(tokens().color("ground"))
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            alpha = 0.035 if is_dark() else 0.012
            for i in range(SHADOW_STEPS):
                grow = SHADOW_PX * (1 - i / SHADOW_STEPS) ** 1.6
                painter.setBrush(tokens().color("shadow", alpha))
                area = place.adjusted(-grow, -grow * 0.5, grow, grow * 1.4)
                painter.drawRoundedRect(area, grow + 4, grow + 4)
            painter.end()
            self._ground = (key, pixmap)
        return self._ground[1]
