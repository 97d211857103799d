"""Long work is a generator that tells how far it is and returns what came of it."""

from collections.abc import Generator
from typing import TypeVar

Told = TypeVar("Told")
Value = TypeVar("Value")


def ended(steps: Generator[Told, None, Value]) -> tuple[list[Told], Value]:
    """Everything that was told, and the value at the end."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value
