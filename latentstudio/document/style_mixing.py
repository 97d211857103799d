"""How much of each source every layer takes: the matrix behind a recipe's mixing.

Owns painting in that matrix, so that the shares of a layer never exceed the whole; plain values, any
thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from latentstudio.document.recipe import StyleMix

Mixing = tuple[StyleMix, ...]


def amounts_of(mix: StyleMix, num_ws: int) -> tuple[float, ...]:
    """One amount for each row of ws."""
    return (*mix.amounts[:num_ws], *(0.0,) * (num_ws - len(mix.amounts)))


def remaining(mixing: Sequence[StyleMix], num_ws: int) -> tuple[float, ...]:
    """For each row of ws what is left of the start."""
    shares = [1.0] * num_ws
    for mix in mixing:
        for row, amount in enumerate(mix.amounts[:num_ws]):
            # A whole row replaces whatever was mixed before it.
            shares[row] = 0.0 if amount == 1 else shares[row] - amount
    return tuple(min(max(share, 0.0), 1.0) for share in shares)


def painted(mixing: Mixing, index: int | None, rows: Iterable[int], amount: float) -> Mixing:
    """The mixing with some layers taken from one source; the others give way where there is no room.

    Args:
        mixing: as it was.
        index: which source; None gives the layers back to the start.
        rows: rows of ws.
        amount: share of the source, or of the start, 0 to 1.
    """
    amount = min(max(float(amount), 0.0), 1.0)
    chosen = sorted(set(rows))
    length = max([*(len(mix.amounts) for mix in mixing), *(row + 1 for row in chosen)], default=0)
    table = [list(amounts_of(mix, length)) for mix in mixing]
    for row in chosen:
        others = [i for i in range(len(table)) if i != index]
        taken, room = sum(table[i][row] for i in others), round(1 - amount, 6)
        if taken > room:
            for i in others:
                table[i][row] = round(table[i][row] * room / taken, 6)
        if index is not None:
            table[index][row] = amount
    return tuple(replace(mix, amounts=_trimmed(line)) for mix, line in zip(mixing, table, strict=True))


def _trimmed(amounts: list[float]) -> tuple[float, ...]:
    """Without the zeros at the end, so that equal mixings are equal values."""
    last = max((i for i, amount in enumerate(amounts) if amount), default=-1)
    return tuple(amounts[: last + 1])
