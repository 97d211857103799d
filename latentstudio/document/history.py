"""Undo and redo as snapshots.

Owns the list of entries and the position in it; must not know what a recipe means. Not
thread-safe: it belongs to the thread of the document.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from latentstudio.document.film import Film
from latentstudio.document.recipe import Recipe

MAX_ENTRIES = 500


@dataclass(frozen=True)
class Entry:
    """One state and the name of the edit that led to it.

    Attributes:
        label: of the edit.
        recipe: the picture.
        film: the film on the timeline; None where there is none.
    """

    label: str
    recipe: Recipe
    film: Film | None = None


class History:
    """A line of states with a position; an edit after undo drops what lay ahead.

    Edits with the same merge key fold into one entry until `release`, so that a slider's drag is
    one step however many pictures it passed.
    """

    def __init__(self, label: str, recipe: Recipe, film: Film | None = None) -> None:
        self._entries = [Entry(label, recipe, film)]
        self._position = 0
        self._clean: Recipe | None = recipe
        self._merge: Hashable | None = None
        # What a drag overwrites when it begins after an undo; Esc must bring it back.
        self._before_merge: tuple[list[Entry], int] | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All states, the oldest first."""
        return tuple(self._entries)

    @property
    def position(self) -> int:
        """Index of the current state in `entries`."""
        return self._position

    @property
    def current(self) -> Recipe:
        """The current state."""
        return self._entries[self._position].recipe

    @property
    def film(self) -> Film | None:
        """The film of the current state."""
        return self._entries[self._position].film

    @property
    def is_modified(self) -> bool:
        """Whether the current state differs from the one last marked clean."""
        return self.current != self._clean

    @property
    def is_merging(self) -> bool:
        """Whether a drag is under way."""
        return self._merge is not None

    @property
    def undo_label(self) -> str | None:
        """Name of the edit that undo would take back; None at the beginning."""
        return self._entries[self._position].label if self._position else None

    @property
    def redo_label(self) -> str | None:
        """Name of the edit that redo would bring back; None at the end."""
        ahead = self._position + 1
        return self._entries[ahead].label if ahead < len(self._entries) else None

    def push(
        self, label: str, recipe: Recipe, merge: Hashable | None = None, film: Film | None = None
    ) -> None:
        """Record an edit; with the merge key of the edit under way it replaces that entry."""
        if merge is not None and merge == self._merge:
            self._entries[self._position] = Entry(label, recipe, film)
            return
        self.release()
        if merge is not None:
            self._merge = merge
            self._before_merge = (list(self._entries), self._position)
        del self._entries[self._position + 1 :]
        self._entries.append(Entry(label, recipe, film))
        del self._entries[: max(0, len(self._entries) - MAX_ENTRIES)]
        self._position = len(self._entries) - 1

    def release(self) -> None:
        """End the drag: the next edit becomes an entry of its own.

        A drag that came back to where it began leaves no entry.
        """
        before = self._before_merge
        self._merge = self._before_merge = None
        if before is not None:
            was = before[0][before[1]]
            if (was.recipe, was.film) == (self.current, self.film):
                self._entries, self._position = before

    def abort(self) -> bool:
        """Take back the drag under way, as if it had not begun; False when there is none."""
        if self._before_merge is None:
            return False
        self._entries, self._position = self._before_merge
        self._merge = self._before_merge = None
        return True

    def go_to(self, position: int) -> None:
        """Make another state the current one."""
        self.release()
        if not 0 <= position < len(self._entries):
            raise IndexError(position)
        self._position = position

    def mark_clean(self) -> None:
        """Remember the current state as saved."""
        self._clean = self.current
