"""The document: the current recipe behind one door.

Owns the history and says when it changed; knows neither window nor engine. Every change of the
picture, from whichever panel, passes `Document.edit`. Belongs to one thread (the window's).
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from psygnal import Signal

from latentstudio.document.history import Entry, History
from latentstudio.document.recipe import Recipe


class Document:
    """One picture that is being worked on.

    Signals:
        recipe_changed(Recipe): the current recipe is another one.
        history_changed(): entries, position, clean mark or path changed.
    """

    recipe_changed = Signal(Recipe)
    history_changed = Signal()

    def __init__(self, recipe: Recipe | None = None, label: str = "Start") -> None:
        self._history = History(label, recipe or Recipe())
        self._path: Path | None = None

    @property
    def recipe(self) -> Recipe:
        """The current recipe."""
        return self._history.current

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
    def is_merging(self) -> bool:
        """Whether a drag is under way: edits fold into one entry until `release`."""
        return self._history.is_merging

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
        self._history.push(label, recipe, merge)
        self._say()

    def release(self) -> None:
        """The hand let go: the drag is one finished entry."""
        if self._history.is_merging:
            self._history.release()
            self.history_changed.emit()

    def abort(self) -> bool:
        """Esc: take back the drag under way. False when there is none."""
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
        if position != self.position:
            self._history.go_to(position)
            self._say()

    def restart(self, recipe: Recipe, label: str = "Start", path: Path | None = None) -> None:
        """Begin a new history, as for another file or model."""
        self._history = History(label, recipe)
        self._path = path
        self._say()

    def tell_again(self) -> None:
        """Tell everyone the current recipe, as after its model was opened anew."""
        self._say()

    def mark_saved(self, path: Path | None) -> None:
        """Remember that the current state is in a file."""
        self._history.mark_clean()
        self._path = path
        self.history_changed.emit()

    def _step(self, by: int) -> bool:
        self._history.release()
        position = self.position + by
        if not 0 <= position < len(self.entries):
            return False
        self._history.go_to(position)
        self._say()
        return True

    def _say(self) -> None:
        self.recipe_changed.emit(self.recipe)
        self.history_changed.emit()
