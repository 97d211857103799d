"""What each step of a fit cost, by term: a batch's steps, and one photograph's curves.

Owns the way from the one to the other and back. NumPy only, any thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.inversion.projection import Floats


def terms_of(history: Sequence[Mapping[str, Floats]], index: int) -> dict[str, Floats]:
    """The curves of one photograph.

    Args:
        history: by step the terms (N,); a term need not be there in every step.
        index: which photograph.

    Returns:
        By term float32 (steps,), 0 where a step did not have it.
    """
    names = list(dict.fromkeys(name for row in history for name in row))
    return {
        name: np.array([row[name][index] if name in row else 0 for row in history], np.float32)
        for name in names
    }


def history_of(curves: Sequence[Mapping[str, NDArray[Any]]], steps: int) -> list[dict[str, Floats]]:
    """The steps of a batch, of the curves (steps,) of each of its photographs."""
    names = list(curves[0])
    return [
        {name: np.array([one[name][step] for one in curves], np.float32) for name in names}
        for step in range(steps)
    ]
