"""What the timeline does: the playhead, keyframes kept and moved, the way between them, playing.

Owns the playhead and the words of every step; the film itself is the document's, files and dialogs have
rooms of their own. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from latentstudio.document.film import CURVE, FRAME_RATE, SPHERICAL, Film, Keyframe, Segment
from latentstudio.document.recipe import Recipe
from latentstudio.errors import LatentStudioError
from latentstudio.gui.film.player import Player
from latentstudio.gui.film.scale import time_words
from latentstudio.gui.studio import Studio

# From one kept picture to the next, where nothing else is known.
USUAL_GAP = 60
MERGE_MOVE, MERGE_END = "move a keyframe", "move the end"


class Timeline(QObject):
    """The film of the document, and a place in it.

    Signals:
        changed(): the film, the playhead or the selection is another one.
        drag_ended(): nothing is in the hand any more.

    Args:
        studio: the common ground.
    """

    changed = Signal()
    drag_ended = Signal()

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio, self._document = studio, studio.document
        self.playhead = 0
        self.selected: int | None = None
        # Whether the playhead was put where it stands: the next keyframe belongs there, not at the end.
        self._is_placed = False
        self._told = ""
        self.player = Player(self)
        self.player.reached.connect(self._play_frame)
        self.player.ended.connect(self._end_playing)
        self._document.film_changed.connect(self._take_film)
        self._document.recipe_changed.connect(self._take_recipe)

    @property
    def film(self) -> Film | None:
        """The document's film."""
        return self._document.film

    @property
    def segment(self) -> Segment | None:
        """The way that the playhead stands on."""
        film = self.film
        place = None if film is None else film.segment_at(self.playhead)
        return None if film is None or place is None else film.segments[place]

    @property
    def keeps_at(self) -> int:
        """The frame at which the next picture is kept."""
        film = self.film
        if film is None:
            return 0
        return self.playhead if self._is_placed else film.keyframes[-1].frame + self._gap(film)

    def time(self, frame: float) -> str:
        """A moment in words."""
        return time_words(frame, FRAME_RATE if self.film is None else self.film.frame_rate)

    # --- going ----------------------------------------------------------------------------------

    def go_to(self, frame: int, *, passing: bool = False) -> None:
        """Put the playhead at a frame and look at it.

        Args:
            frame: 0 to the film's last.
            passing: the hand is moving; a preview will do.
        """
        film = self.film
        if film is None:
            return
        self.playhead = min(max(frame, 0), film.length - 1)
        self._is_placed = True
        self.selected = film.index_at(self.playhead)
        self._look(passing)
        self.changed.emit()

    def scrub(self, frame: int) -> None:
        """The hand moves the playhead."""
        self.player.stop()
        self.go_to(frame, passing=True)

    def step(self, by: int) -> None:
        """Some frames on or back; a closed film goes round."""
        film = self.film
        if film is not None:
            self.player.stop()
            frame = self.playhead + by
            self.go_to(frame % film.length if film.closed else frame)

    def jump(self, by: int) -> None:
        """To the next keyframe (1), or the one before (-1)."""
        film = self.film
        if film is None:
            return
        self.player.stop()
        frames = [k.frame for k in film.keyframes]
        ahead = (
            [f for f in frames if f > self.playhead] if by > 0 else [f for f in frames if f < self.playhead]
        )
        if ahead:
            self.go_to(ahead[0] if by > 0 else ahead[-1])
        elif film.closed:
            self.go_to(frames[0] if by > 0 else frames[-1])

    def release(self) -> None:
        """The hand let go of whatever it held."""
        self._document.release()

    def _look(self, passing: bool) -> None:
        film = self.film
        assert film is not None
        try:
            recipe = film.recipe_at(self.playhead)
        except LatentStudioError as error:
            # Once is enough: a hand that scrubs passes many such frames.
            if error.message != self._told:
                self._told = error.message
                self._studio.tell_error(error)
            return
        self._document.look(f"Film at {self.time(self.playhead)}", recipe, passing=passing)

    # --- playing --------------------------------------------------------------------------------

    def toggle_play(self) -> None:
        """Play from the playhead, or stop."""
        film = self.film
        if film is None:
            return
        if self.player.is_playing:
            self.player.stop()
            return
        first = 0 if self.playhead >= film.length - 1 else self.playhead
        self.player.play(first, film.length, film.frame_rate, repeats=film.closed)
        self.changed.emit()

    def _play_frame(self, frame: int) -> None:
        if self.film is None:
            self.player.stop()
        elif frame != self.playhead:
            self.go_to(frame, passing=True)

    def _end_playing(self) -> None:
        self._document.release()
        self.changed.emit()

    # --- keyframes ------------------------------------------------------------------------------

    def keep(self) -> None:
        """Keep the picture as a keyframe: where the playhead was put, or else after the last one."""
        recipe, film, model = self._document.recipe, self.film, self._studio.model
        if model is None:
            return
        self.player.stop()
        self._document.release()
        frame = self.keeps_at
        has_w = model.info.has_mapping
        if film is None:
            new = Film((Keyframe(0, recipe, CURVE if has_w else SPHERICAL),), 1, z_dim=model.info.z_dim)
            words = "First keyframe"
        else:
            new = self._with(film, frame, recipe)
            words = f"Keyframe at {self.time(frame)}"
        try:
            self._document.edit_film(words, new)
        except LatentStudioError as error:
            self._studio.tell_error(error)
            return
        self.playhead, self._is_placed = frame, False
        self.selected = new.index_at(frame)
        self.changed.emit()

    def _with(self, film: Film, frame: int, recipe: Recipe) -> Film:
        """The film with a picture kept at a frame; a way that it divides stays as it was."""
        old = film.index_at(frame)
        if old is not None:
            return film.replaced(old, recipe=recipe)
        place = film.segment_at(frame)
        before = film.keyframes[-1 if place is None else film.segments[place].left]
        gap = self._gap(film)
        new = film.with_keyframe(Keyframe(frame, recipe, before.path, before.easing))
        if film.closed and frame > film.keyframes[-1].frame:
            new = new.changed(length=max(film.length, frame + gap))
        return new

    @staticmethod
    def _gap(film: Film) -> int:
        frames = [k.frame for k in film.keyframes]
        return frames[-1] - frames[-2] if len(frames) > 1 else USUAL_GAP

    def remove(self) -> None:
        """Take the chosen keyframe away; with the last one the film goes."""
        film = self.film
        if film is None:
            return
        index = self.selected if self.selected is not None else film.index_at(self.playhead)
        if index is None:
            self._studio.tell("No keyframe is chosen.", "Click one below the pictures of the film.")
            return
        self.selected = None
        new = None if len(film.keyframes) == 1 else film.without(index)
        self._document.edit_film("Keyframe removed", new)
        self.changed.emit()

    def press_keyframe(self, index: int) -> None:
        """Choose a keyframe and look at it."""
        film = self.film
        if film is not None:
            self.player.stop()
            self.go_to(film.keyframes[index].frame)

    def drag_keyframe(self, index: int, frame: int) -> None:
        """The hand moves a keyframe."""
        film = self.film
        if film is None or film.keyframes[index].frame == frame:
            return
        new = film.moved(index, frame)
        self.playhead = new.keyframes[index].frame
        self._document.edit_film(f"Keyframe moved to {self.time(self.playhead)}", new, MERGE_MOVE)
        self.changed.emit()

    def drag_end(self, length: int, stretches: bool) -> None:
        """The hand moves the film's end, or stretches the whole film."""
        film = self.film
        if film is None:
            return
        new = film.stretched(length) if stretches else self._of_length(film, length)
        self._document.edit_film(f"Length {self.time(new.length)}", new, MERGE_END)

    @staticmethod
    def _of_length(film: Film, length: int) -> Film:
        return film.changed(length=max(length, film.keyframes[-1].frame + 1))

    def abort(self) -> None:
        """Esc: the hand gives back what it moved."""
        self._document.abort()
        self.drag_ended.emit()

    # --- the whole film -------------------------------------------------------------------------

    def set_closed(self, closed: bool) -> None:
        """Whether the film leads back to its beginning."""
        film = self.film
        if film is None or film.closed == closed:
            return
        last = film.keyframes[-1].frame
        length = max(film.length, last + self._gap(film)) if closed else film.length
        if not closed and film.length == last + self._gap(film):
            length = last + 1
        self._document.edit_film(
            "Closed film" if closed else "Open film", film.changed(closed=closed, length=length)
        )

    def set_way(self, **changes: str) -> None:
        """Another path or easing for the way that the playhead stands on."""
        film, segment = self.film, self.segment
        if film is not None and segment is not None:
            words = ", ".join(changes.values())
            self._document.edit_film(
                f"{words[:1].upper()}{words[1:]}", film.replaced(segment.left, **changes)
            )

    def set_all_ways(self, **changes: str) -> None:
        """Another path or easing everywhere."""
        film = self.film
        if film is not None:
            new = film
            for index in range(len(film.keyframes)):
                new = new.replaced(index, **changes)
            words = ", ".join(changes.values())
            self._document.edit_film(f"{words[:1].upper()}{words[1:]} everywhere", new)

    def set_timing(self, frame_rate: float, seconds: float) -> None:
        """Another frame rate and duration; keyframes keep their share of the time."""
        film = self.film
        if film is None:
            return
        try:
            new = film.stretched(max(1, round(seconds * frame_rate))).changed(frame_rate=frame_rate)
            self._document.edit_film(f"{seconds:g} s at {frame_rate:g} frames per second", new)
        except LatentStudioError as error:
            self._studio.tell_error(error)

    def put(self, words: str, film: Film | None) -> None:
        """Another film in place of this one, from its beginning."""
        self.player.stop()
        self._document.edit_film(words, film)
        if film is not None:
            self.go_to(0)
            self._is_placed = False

    # --- what the document says -----------------------------------------------------------------

    def _take_film(self, film: Film | None) -> None:
        self._told = ""
        if film is None:
            self.player.stop()
            self.playhead, self.selected, self._is_placed = 0, None, False
        else:
            self.playhead = min(self.playhead, film.length - 1)
            self.selected = film.index_at(self.playhead)
            if self._document.is_looking and not self.player.is_playing:
                self._look(self._document.is_merging)
        self.changed.emit()

    def _take_recipe(self, recipe: Recipe) -> None:
        # Whoever edits while the film plays wants to see that.
        if self.player.is_playing and not self._document.is_looking:
            self.player.stop()
