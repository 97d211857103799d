"""The timeline under the hand: a ruler, a strip of the film's pictures, the keyframes below it.

Owns places and gestures; how it looks is told by `drawing`, what a gesture means is decided by `timeline`.
Pictures in between are asked for while the engine is idle, and the ones of before stay until the new ones
come. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentstudio.document.film import Film
from latentstudio.document.recipe import Recipe
from latentstudio.errors import LatentStudioError
from latentstudio.gui.filling import Filler
from latentstudio.gui.film.drawing import LANE_PX, RULER_PX, Drawing
from latentstudio.gui.film.scale import Scale, time_words
from latentstudio.gui.studio import Studio

STRIP_PX, GAP_PX = 54, 3
HEIGHT_PX = RULER_PX + STRIP_PX + LANE_PX + 2 * GAP_PX
NEAR_PX = 9.0
CELL_GAP_PX = 2.0


class TimelineView(QWidget):
    """Shows a film and the playhead.

    Signals:
        scrubbed(int): the hand moves the playhead over this frame.
        keyframe_pressed(int): a keyframe of this index was pressed.
        keyframe_dragged(int, int): the hand moves keyframe (index) to a frame.
        end_dragged(int, bool): the hand moves the film's end; True stretches the film.
        released(): the hand let go.
        menu_wanted(int, QPointF): the other button was pressed over this frame, at this global place.
        key_pressed(int): a key that the timeline knows.
        given_back(): Esc, while something is in the hand.

    Args:
        studio: the common ground.
    """

    scrubbed = Signal(int)
    keyframe_pressed = Signal(int)
    keyframe_dragged = Signal(int, int)
    end_dragged = Signal(int, bool)
    released = Signal()
    menu_wanted = Signal(int, QPointF)
    key_pressed = Signal(int)
    given_back = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._filler = Filler(studio, "film", self)
        self._filler.arrived.connect(self.update)
        self._film: Film | None = None
        self._scale = Scale.fitting(1, 100)
        self._is_fitted = True
        self._playhead = 0
        self._selected: int | None = None
        self._held: str | int | None = None  # "playhead", "end", or the keyframe in the hand
        self._under: int | None = None
        self._was: dict[int, QImage] = {}
        self._recipes: dict[float, Recipe] = {}
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Timeline of the film")

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(600, HEIGHT_PX)

    @property
    def scale(self) -> Scale:
        """From frames to pixels."""
        return self._scale

    def set_film(self, film: Film) -> None:
        """Show a film."""
        if film is self._film:
            return
        old = () if self._film is None else self._film.keyframes
        if not any(k.recipe == was.recipe for k in film.keyframes for was in old):
            # Pictures of another film say nothing about this one.
            self._was.clear()
        self._recipes.clear()
        self._film = film
        if self._selected is not None and self._selected >= len(film.keyframes):
            self._selected = None
        if self._held is None:
            self._rescale()
            self.want_pictures()
        self.update()

    def set_playhead(self, frame: int) -> None:
        """Put the playhead somewhere."""
        if frame == self._playhead:
            return
        self._playhead = frame
        if self._held is None and self._film is not None:
            x = self._scale.x(frame)
            if not 0 <= x <= self.width():
                self._scale = self._scale.moved(x - self.width() / 2, self._film.length)
                self.want_pictures()
        self.update()

    def set_selected(self, index: int | None) -> None:
        """Mark a keyframe."""
        self._selected = index
        self.update()

    def place_of(self, index: int) -> QPointF:
        """The middle of a keyframe's knob."""
        assert self._film is not None
        return QPointF(self._scale.x(self._film.keyframes[index].frame), self._lane().center().y())

    def want_pictures(self) -> None:
        """Ask for the pictures of the strip that are missing."""
        if self._film is None or not self.isVisible() or self._studio.model is None:
            return
        try:
            self._filler.want([self._recipe(frame) for frame, _ in self._cells()])
        except LatentStudioError:
            # Keyframes that can't be joined are told when somebody looks between them.
            self._filler.want([k.recipe for k in self._film.keyframes])

    # --- places ---------------------------------------------------------------------------------

    def _strip(self) -> QRectF:
        return QRectF(0, RULER_PX, self.width(), self.height() - RULER_PX - LANE_PX - 2 * GAP_PX)

    def _lane(self) -> QRectF:
        return QRectF(0, self._strip().bottom() + GAP_PX, self.width(), LANE_PX)

    def _cells(self) -> list[tuple[float, QRectF]]:
        """The strip's pictures: the frame each shows, and where it stands."""
        film, strip, scale = self._film, self._strip(), self._scale
        assert film is not None
        left, right = max(scale.x(0), 0.0), min(scale.x(film.length), float(self.width()))
        count = max(1, round((right - left) / strip.height()))
        width = (right - left) / count
        cells = []
        for i in range(count):
            place = QRectF(left + i * width, strip.y(), width - CELL_GAP_PX, strip.height())
            frame = min(max(round(scale.frame(left + i * width)), 0), film.length - 1)
            cells.append((float(frame), place))
        return cells

    def _rescale(self) -> None:
        if self._film is None:
            return
        fitting = Scale.fitting(self._film.length, self.width())
        if self._is_fitted or self._scale.pixels < fitting.pixels:
            self._scale, self._is_fitted = fitting, True
        else:
            self._scale = Scale(self._scale.pixels, self._scale.first, self.width()).bounded(
                self._film.length
            )

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Everything."""
        if self._film is None:
            return
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        lane, strip = self._lane(), self._strip()
        drawing = Drawing(painter, self._film, self._scale, strip, lane, self.font())
        drawing.ruler()
        drawing.pictures(
            [(place, *self._picture(i, frame)) for i, (frame, place) in enumerate(self._cells())]
        )
        drawing.ways()
        drawing.knobs(self._selected, self._under)
        drawing.end(is_held=self._held == "end")
        drawing.playhead(self._playhead)

    def _picture(self, cell: int, frame: float) -> tuple[QImage | None, bool]:
        """What the strip shows in a cell, and whether it is the frame's own picture.

        Else it is what stood there before, or the keyframe that the film comes from.
        """
        assert self._film is not None
        thumbnails = self._studio.thumbnails
        is_moving = self._held is not None and self._held != "playhead"
        if not is_moving:
            try:
                image = thumbnails.find(self._recipe(frame))
            except LatentStudioError:
                image = None
            if image is not None:
                self._was[cell] = image
                return image, True
        if cell in self._was:
            return self._was[cell], is_moving
        before = [k for k in self._film.keyframes if k.frame <= frame] or [self._film.keyframes[0]]
        return thumbnails.find(before[-1].recipe), False

    def _recipe(self, frame: float) -> Recipe:
        """The recipe of a frame; made once, since naming it by its hash takes time in every painting."""
        assert self._film is not None
        if frame not in self._recipes:
            self._recipes[frame] = self._film.recipe_at(frame)
        return self._recipes[frame]

    def _length(self) -> int:
        return 1 if self._film is None else self._film.length

    # --- the hand -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take a keyframe, the end, or the playhead."""
        if self._film is None:
            return
        point = event.position()
        if event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(self._frame(point.x()), event.globalPosition())
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        index = self._knob_at(point)
        if index is not None:
            self._held = index
            self.keyframe_pressed.emit(index)
        elif self._is_at_end(point):
            self._held = "end"
        else:
            self._held = "playhead"
            self.scrubbed.emit(self._frame(point.x()))
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what is in the hand."""
        if self._film is None:
            return
        point = event.position()
        if self._held == "playhead":
            self.scrubbed.emit(self._frame(point.x()))
        elif self._held == "end":
            stretches = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.end_dragged.emit(max(1, round(self._scale.frame(point.x()))), stretches)
        elif isinstance(self._held, int):
            self.keyframe_dragged.emit(self._held, max(0, round(self._scale.frame(point.x()))))
        else:
            under = self._knob_at(point)
            if under != self._under:
                self._under = under
                self.update()
            shape = Qt.CursorShape.ArrowCursor
            if under is not None:
                shape = Qt.CursorShape.PointingHandCursor
            elif self._is_at_end(point):
                shape = Qt.CursorShape.SizeHorCursor
            self.setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if event.button() == Qt.MouseButton.LeftButton and self._held is not None:
            self._held = None
            self.released.emit()
            self._rescale()
            self.want_pictures()
            self.update()

    def drop(self) -> None:
        """Take what the hand holds away from it, as after Esc."""
        self._held = None
        self._rescale()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer."""
        self._under = None
        self.update()
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Along, or with Ctrl closer and farther."""
        if self._film is None:
            return
        delta = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            factor = 1.0015**delta
            self._scale = self._scale.zoomed(factor, event.position().x(), self._film.length)
            self._is_fitted = self._scale.pixels <= Scale.fitting(self._film.length, self.width()).pixels
        else:
            self._scale = self._scale.moved(-delta, self._film.length)
        self.want_pictures()
        self.update()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, ends and Delete; other keys belong to the window."""
        known = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)
        if event.key() == Qt.Key.Key_Escape and self._held is not None:
            self.given_back.emit()
        elif event.key() in (*known, Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.key_pressed.emit(event.key())
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Words about what is under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._film is not None:
            index = self._knob_at(QPointF(event.pos()))
            if index is not None:
                keyframe = self._film.keyframes[index]
                words = f"Keyframe at {time_words(keyframe.frame, self._film.frame_rate)}"
                QToolTip.showText(event.globalPos(), f"{words}: {keyframe.path}, {keyframe.easing}", self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other frames fit."""
        super().resizeEvent(event)
        self._rescale()
        self.want_pictures()

    def showEvent(self, event: QShowEvent) -> None:
        """Pictures are drawn for eyes only."""
        super().showEvent(event)
        self._rescale()
        self.want_pictures()

    def _frame(self, x: float) -> int:
        return min(max(round(self._scale.frame(x)), 0), max(0, self._length() - 1))

    def _knob_at(self, point: QPointF) -> int | None:
        if self._film is None or not self._lane().adjusted(0, -4, 0, 4).contains(point):
            return None
        distances = [abs(self._scale.x(k.frame) - point.x()) for k in self._film.keyframes]
        nearest = min(range(len(distances)), key=distances.__getitem__)
        return nearest if distances[nearest] <= NEAR_PX else None

    def _is_at_end(self, point: QPointF) -> bool:
        return abs(self._scale.x(self._length()) - point.x()) <= 5 and point.y() > RULER_PX
