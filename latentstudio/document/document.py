"""The document: the current recipe, and the film on the timeline, behind one door.

Owns the history and says when it changed; knows neither window nor engine. Every change of the
picture, from whichever panel, passes `Document.edit`; a film's moments pass by without leaving a trace
(`Document.look`). Belongs to one thread (the window's).
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from psygnal import Signal

from latentstudio.document.film import Film
from latentstudio.document.history import Entry, History
from latentstudio.document.recipe import Recipe


class Document:
    """One picture that is being worked on, and the film that it may be part of.

    Signals:
        recipe_changed(Recipe): the current recipe is another one.
        film_changed(Film | None): the film is another one.
        history_changed(): entries, position, clean mark or path changed.
    """

    recipe_changed = Signal(Recipe)
    film_changed = Signal(object)
    history_changed = Signal()

    def __init__(self, recipe: Recipe | None = None, label: str = "Start") -> None:
        self._history = History(label, recipe or Recipe())
        self._path: Path | None = None
        # A moment of the film that is only looked at: its name and its recipe.
        self._passing: tuple[str, Recipe] | None = None
        self._is_passing_on = False
        self._said_film: Film | None = None
        self._clean_film: Film | None = None
        self._film_path: Path | None = None

    @property
    def recipe(self) -> Recipe:
        """The current recipe, or the one that is looked at."""
        return self._history.current if self._passing is None else self._passing[1]

    @property
    def film(self) -> Film | None:
        """The film on the timeline; None where there is none."""
        return self._history.film

    @property
    def is_looking(self) -> bool:
        """Whether the recipe is only looked at: no step of the history."""
        return self._passing is not None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All states, the oldest first."""
        return self._history.entries

    @property
    def position(self) -> int:
        """Index of the current state in `entries`."""
        return self._history.position

    @property
    def is_modified(self) -> bool:
        """Whether there is something that was not saved."""
        return self._history.is_modified

    @property
    def is_film_modified(self) -> bool:
        """Whether there is a film that is in no file."""
        return self.film is not None and self.film != self._clean_film

    @property
    def is_merging(self) -> bool:
        """Whether a drag is under way: edits fold into one entry, looks pass by, until `release`."""
        return self._history.is_merging or self._is_passing_on

    @property
    def undo_label(self) -> str | None:
        """Name of the edit that undo takes back; None when there is nothing to undo."""
        return self._history.undo_label

    @property
    def redo_label(self) -> str | None:
        """Name of the edit that redo brings back; None when there is nothing to redo."""
        return self._history.redo_label

    @property
    def path(self) -> Path | None:
        """The file it was saved to or opened from."""
        return self._path

    @property
    def film_path(self) -> Path | None:
        """The file that the film was saved to or opened from."""
        return self._film_path

    def edit(self, label: str, recipe: Recipe, merge: Hashable | None = None) -> None:
        """Make `recipe` the current one.

        Args:
            label: what the edit is called in the undo menu, such as "Smile +1.4".
            recipe: the new recipe.
            merge: edits with the same key fold into one entry until `release`.
        """
        # A drag that passes its beginning must still be recorded, or Esc and merge lose their place.
        if recipe == self.recipe and not self._history.is_merging:
            return
        self._keep_look()
        self._history.push(label, recipe, merge, self.film)
        self._say()

    def edit_film(self, label: str, film: Film | None, merge: Hashable | None = None) -> None:
        """Put another film on the timeline; the picture stays. See `edit`."""
        if film == self.film and not self._history.is_merging:
            return
        self._history.push(label, self._history.current, merge, film)
        self._say_film()
        self.history_changed.emit()

    def look(self, label: str, recipe: Recipe, *, passing: bool = False) -> None:
        """Show a picture without recording it; an edit goes on from there.

        Args:
            label: what the picture is called if it becomes a step after all.
            recipe: what to show.
            passing: more will follow until `release`, as while a hand scrubs.
        """
        self._is_passing_on = passing
        is_new = recipe != self.recipe
        self._passing = (label, recipe)
        if is_new:
            self.recipe_changed.emit(recipe)

    def leave(self) -> None:
        """Look no longer: back to the current step."""
        if self._passing is not None:
            self._stop_looking()
            self.recipe_changed.emit(self.recipe)
            self.history_changed.emit()

    def release(self) -> None:
        """The hand let go: the drag is one finished entry, what passed by stands still."""
        if self.is_merging:
            self._is_passing_on = False
            self._history.release()
            self.history_changed.emit()

    def abort(self) -> bool:
        """Esc: take back the drag under way. False when there is none."""
        if self._is_passing_on and not self._history.is_merging:
            self.leave()
            return True
        self._is_passing_on = False
        if not self._history.abort():
            return False
        self._say()
        return True

    def undo(self) -> bool:
        """One step back. False at the beginning."""
        return self._step(-1)

    def redo(self) -> bool:
        """One step forward. False at the end."""
        return self._step(1)

    def go_to(self, position: int) -> None:
        """Make the state at `position` the current one."""
        if position != self.position or self.is_looking:
            self._stop_looking()
            self._history.go_to(position)
            self._say()

    def restart(
        self, recipe: Recipe, label: str = "Start", path: Path | None = None, *, keep_film: bool = True
    ) -> None:
        """Begin a new history, as for another file; for another model the film goes too."""
        self._stop_looking()
        self._history = History(label, recipe, self.film if keep_film else None)
        self._path = path
        if not keep_film:
            self._clean_film = self._film_path = None
        self._say()

    def tell_again(self) -> None:
        """Tell everyone the current recipe, as after its model was opened anew."""
        self._say()

    def mark_saved(self, path: Path | None) -> None:
        """Remember that the current state is in a file; one that is only looked at counts for nothing."""
        if self.is_looking:
            return
        self._history.mark_clean()
        self._path = path
        self.history_changed.emit()

    def mark_film_saved(self, path: Path | None) -> None:
        """Remember that the film is in a file."""
        self._clean_film, self._film_path = self.film, path
        self.history_changed.emit()

    def _step(self, by: int) -> bool:
        self._history.release()
        position = self.position + by
        if not 0 <= position < len(self.entries):
            return False
        before = self._history.current
        self._history.go_to(position)
        if self.is_looking and before == self._history.current:
            # A step of the film alone: whoever looks at one of its moments goes on doing so.
            self._say_film()
            self.history_changed.emit()
        else:
            self._stop_looking()
            self._say()
        return True

    def _keep_look(self) -> None:
        """What was looked at becomes a step, so that undo comes back to it."""
        if self._passing is not None:
            label, recipe = self._passing
            self._stop_looking()
            if recipe != self._history.current:
                self._history.push(label, recipe, None, self.film)

    def _stop_looking(self) -> None:
        self._passing, self._is_passing_on = None, False

    def _say(self) -> None:
        self._say_film()
        self.recipe_changed.emit(self.recipe)
        self.history_changed.emit()

    def _say_film(self) -> None:
        if self.film != self._said_film:
            self._said_film = self.film
            self.film_changed.emit(self.film)
