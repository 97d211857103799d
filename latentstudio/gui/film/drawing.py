"""How the timeline looks.

Owns colours and shapes of ruler, pictures, ways, keyframes, end and playhead; places come from the view. GUI
thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QImage, QPainter, QPainterPath, QPen, QPolygonF

from latentstudio.document.film import HOLD, Film, Keyframe
from latentstudio.gui.film.scale import Scale, tick_words
from latentstudio.gui.theme import figures, tokens
from latentstudio.latent.interpolation import eased

RULER_PX, LANE_PX = 18, 24
KNOB_PX = 6.5
EASE_POINTS = 24
STAND_IN = 0.35


class Drawing:
    """One painting of the timeline.

    Args:
        painter: with what.
        film: of which.
        scale: from frames to pixels.
        strip: where the pictures stand.
        lane: where the keyframes stand.
        font: of the window.
    """

    def __init__(
        self, painter: QPainter, film: Film, scale: Scale, strip: QRectF, lane: QRectF, font: QFont
    ) -> None:
        self._painter, self._film, self._scale = painter, film, scale
        self._strip, self._lane, self._font = strip, lane, font

    def ruler(self) -> None:
        """Seconds along the top."""
        painter, film = self._painter, self._film
        t, rate = tokens(), film.frame_rate
        font = figures(self._font)
        font.setPixelSize(10)
        painter.setFont(font)
        step = self._scale.tick_s(rate)
        number = max(0, int(self._scale.frame(0) / rate / step))
        while self._scale.x(number * step * rate) < self._lane.width():
            x = self._scale.x(number * step * rate)
            painter.setPen(t.color("line"))
            painter.drawLine(QPointF(x, RULER_PX - 5), QPointF(x, RULER_PX - 1))
            inside = number * step * rate <= film.length
            painter.setPen(t.color("muted", 1.0 if inside else 0.5))
            painter.drawText(QPointF(x + 4, RULER_PX - 5), tick_words(number * step))
            number += 1

    def pictures(self, cells: Sequence[tuple[QRectF, QImage | None, bool]]) -> None:
        """The film at a glance; pictures that only stand in for a frame's own are pale."""
        painter, t = self._painter, tokens()
        for place, image, is_own in cells:
            path = QPainterPath()
            path.addRoundedRect(place, 4, 4)
            painter.fillPath(path, t.color("raised"))
            if image is not None:
                painter.setClipPath(path)
                painter.setOpacity(1.0 if is_own else STAND_IN)
                _fill(painter, place, image)
                painter.setOpacity(1.0)
                painter.setClipping(False)

    def ways(self) -> None:
        """How time runs between keyframes: the steeper the line, the quicker."""
        film, painter = self._film, self._painter
        painter.save()
        left = self._scale.x(0)
        painter.setClipRect(QRectF(left, self._lane.y(), self._scale.x(film.length) - left, LANE_PX))
        for segment in film.segments:
            keyframe = film.keyframes[segment.left]
            self._way(segment.begin, segment.end, keyframe)
            if segment.right <= segment.left:
                # The way round goes out at the end, and comes in at the beginning.
                self._way(segment.begin - film.length, segment.end - film.length, keyframe)
        painter.restore()

    def _way(self, begin: float, end: float, keyframe: Keyframe) -> None:
        painter, middle = self._painter, self._lane.center().y()
        pen = QPen(tokens().color("muted", 0.55), 1.4)
        if keyframe.path == HOLD:
            pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        line = QPainterPath()
        rise = 2.6 * (LANE_PX / 2 - 5)
        for i in range(EASE_POINTS + 1):
            part = i / EASE_POINTS
            height = 0.0 if keyframe.path == HOLD else eased(keyframe.easing, part) - part
            point = QPointF(self._scale.x(begin + part * (end - begin)), middle - rise * height)
            line.moveTo(point) if i == 0 else line.lineTo(point)
        painter.drawPath(line)

    def knobs(self, selected: int | None, under: int | None) -> None:
        """The keyframes."""
        painter, t, middle = self._painter, tokens(), self._lane.center().y()
        for index, keyframe in enumerate(self._film.keyframes):
            x = self._scale.x(keyframe.frame)
            if not -KNOB_PX <= x <= self._lane.width() + KNOB_PX:
                continue
            size = KNOB_PX + (1.5 if index in (selected, under) else 0)
            corners = ((0, -size), (size, 0), (0, size), (-size, 0))
            painter.setPen(QPen(t.color("panel"), 2))
            painter.setBrush(t.color("accent" if index == selected else "knob"))
            painter.drawPolygon(QPolygonF([QPointF(x + dx, middle + dy) for dx, dy in corners]))

    def end(self, *, is_held: bool) -> None:
        """Where the film ends, or leads back."""
        painter, film = self._painter, self._film
        t, x = tokens(), self._scale.x(film.length)
        painter.setPen(QPen(t.color("accent" if is_held else "line"), 2))
        painter.drawLine(QPointF(x, self._strip.top()), QPointF(x, self._lane.bottom()))
        if film.closed:
            painter.setPen(QPen(t.color("muted"), 1.4))
            middle = QPointF(x + 12, self._lane.center().y())
            painter.drawArc(QRectF(middle.x() - 5, middle.y() - 5, 10, 10), 40 * 16, 290 * 16)

    def playhead(self, frame: int) -> None:
        """Where the canvas looks."""
        painter, t, x = self._painter, tokens(), self._scale.x(frame)
        painter.setPen(QPen(t.color("accent"), 1.5))
        painter.drawLine(QPointF(x, RULER_PX - 4), QPointF(x, self._lane.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.color("accent"))
        head = QPolygonF(
            [QPointF(x - 5, RULER_PX - 11), QPointF(x + 5, RULER_PX - 11), QPointF(x, RULER_PX - 3)]
        )
        painter.drawPolygon(head)


def _fill(painter: QPainter, place: QRectF, image: QImage) -> None:
    """The middle of a picture, as much as fills the place."""
    scale = max(place.width() / image.width(), place.height() / image.height())
    width, height = place.width() / scale, place.height() / scale
    source = QRectF((image.width() - width) / 2, (image.height() - height) / 2, width, height)
    painter.drawImage(place, image, source)
