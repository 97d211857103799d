"""A notice: something a person should read once.

Owns the value; who shows it and where is decided elsewhere. Any thread.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

from latentstudio.errors import LatentStudioError

INFO = "info"
DANGER = "danger"


@dataclass(frozen=True)
class Notice:
    """What happened and what to do next.

    Attributes:
        message: one sentence.
        hint: what to do next; may be empty.
        details: for the log and the details button; may be empty.
        tone: "info" goes by itself, "danger" stays until it is read.
        action: words of a button that helps; empty for none.
        act: what the button does.
    """

    message: str
    hint: str = ""
    details: str = ""
    tone: str = DANGER
    action: str = ""
    act: Callable[[], None] | None = None

    @classmethod
    def of(cls, error: BaseException, action: str = "", act: Callable[[], None] | None = None) -> Notice:
        """An exception as a notice; unexpected ones keep their traceback in the details."""
        if isinstance(error, LatentStudioError):
            return cls(error.message, error.hint, action=action, act=act)
        details = "".join(traceback.format_exception(error))
        hint = "The details are in the log; please report them."
        return cls(f"Something unexpected went wrong: {error}.", hint, details, action=action, act=act)
