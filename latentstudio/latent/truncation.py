"""The truncation trick on plain arrays.

Owns the one formula that every family shares. NumPy only, any thread.

Source: Karras et al., "A Style-Based Generator Architecture for GANs", appendix B, equation
w' = w_avg + psi (w - w_avg).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def truncate(
    ws: NDArray[np.float32], w_avg: NDArray[np.float32], psi: float, cutoff: int | None = None
) -> NDArray[np.float32]:
    """Move rows [0, cutoff) of `ws` toward `w_avg`.

    Args:
        ws: float32 (..., num_ws, w_dim).
        w_avg: float32 (w_dim,) or (num_ws, w_dim).
        psi: 1 leaves `ws` as it is, 0 gives the mean, negative values mirror.
        cutoff: number of rows that move; None means all.

    Returns:
        float32, the shape of `ws`; `ws` itself when psi is 1.
    """
    if psi == 1:
        return ws
    rows = ws.shape[-2] if cutoff is None else min(max(cutoff, 0), ws.shape[-2])
    center = np.broadcast_to(w_avg, ws.shape[-2:])[:rows]
    moved = ws.copy()
    moved[..., :rows, :] = center + np.float32(psi) * (ws[..., :rows, :] - center)
    return moved
