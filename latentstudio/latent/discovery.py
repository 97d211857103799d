"""Finding directions: principal components of w, and the closed form on the style weights.

Owns the linear algebra only: samples and weights arrive as arrays. NumPy only, any thread.

Sources: Harkonen et al., "GANSpace: Discovering Interpretable GAN Controls" (PCA of w, slider in
standard deviations); Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs",
equation 4 (eigenvectors of A A^T for the stacked style weights A).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent, W


@dataclass(frozen=True)
class Components:
    """Unit directions, the most important first.

    Attributes:
        vectors: float32 (k, dim), rows of unit length.
        sigmas: float32 (k,), standard deviation of the data along each row.
        share: float32 (k,), the part of the total variance (PCA) or of the eigenvalues (SeFa).
        mean: float32 (dim,).
    """

    vectors: NDArray[np.float32]
    sigmas: NDArray[np.float32]
    share: NDArray[np.float32]
    mean: NDArray[np.float32]

    def as_directions(self, title: str, origin: str) -> list[Direction]:
        """One slider's direction for each row, named "title 1", "title 2", ..."""
        return [
            Direction(f"{title} {i + 1}", W, Latent(vector), float(sigma), origin)
            for i, (vector, sigma) in enumerate(zip(self.vectors, self.sigmas, strict=True))
        ]


class StreamedCovariance:
    """Mean and covariance of samples that arrive in batches; memory is dim x dim whatever their number."""

    def __init__(self, dim: int) -> None:
        self.count = 0
        # Sums around a point near the mean cancel little; the first batch's mean serves.
        self._shift: NDArray[np.float64] | None = None
        self._sum = np.zeros(dim)
        self._outer = np.zeros((dim, dim))

    def update(self, samples: NDArray[np.float32], *, quickly: bool = False) -> None:
        """Take in samples (n, dim).

        Args:
            samples: a few thousand at most.
            quickly: multiply in float32, twice as fast; components below about a millionth of the
                strongest are lost in its rounding.
        """
        if self._shift is None:
            # Rounded, so that it can be taken off in either precision.
            self._shift = samples.mean(0, dtype=np.float64).astype(np.float32).astype(np.float64)
        shift = self._shift.astype(np.float32) if quickly else self._shift
        centered: NDArray[np.floating] = samples - shift
        self._sum += centered.sum(0, dtype=np.float64)
        self._outer += centered.T @ centered
        self.count += len(samples)

    def components(self, k: int) -> Components:
        """The k leading principal components.

        Raises:
            InputError: fewer than two samples were seen.
        """
        if self.count < 2 or self._shift is None:
            raise InputError("Principal components need at least two samples.")
        delta = self._sum / self.count
        covariance = (self._outer - self.count * np.outer(delta, delta)) / (self.count - 1)
        values, vectors = np.linalg.eigh(covariance)
        order = np.argsort(values)[::-1][:k]
        variance = np.maximum(values[order], 0)
        total = max(float(np.trace(covariance)), np.finfo(np.float64).tiny)
        return Components(
            _signed(vectors[:, order].T),
            np.sqrt(variance).astype(np.float32),
            (variance / total).astype(np.float32),
            (self._shift + delta).astype(np.float32),
        )


def sefa(style_weights: Sequence[NDArray[np.float32]], k: int) -> Components:
    """Directions that change the styles of the chosen layers most.

    Args:
        style_weights: for each layer the style affine's weight (style_dim, w_dim).
        k: how many directions.

    Returns:
        Components; `sigmas` are 1 (the method has no scale of its own), `mean` is zero.

    Raises:
        InputError: no layer was given, or their w_dim differ.
    """
    if not style_weights or len({w.shape[1] for w in style_weights}) != 1:
        raise InputError("SeFa needs style weights that all read the same w.")
    stacked = np.concatenate(style_weights, 0).T.astype(np.float64)  # (w_dim, sum of style_dim)
    norms = np.linalg.norm(stacked, axis=0, keepdims=True)
    columns = stacked / np.maximum(norms, 1e-12)
    values, vectors = np.linalg.eigh(columns @ columns.T)
    order = np.argsort(values)[::-1][:k]
    return Components(
        _signed(vectors[:, order].T),
        np.ones(len(order), np.float32),
        (values[order] / values.sum()).astype(np.float32),
        np.zeros(stacked.shape[0], np.float32),
    )


def _signed(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Fix the sign that an eigenvector leaves open: its largest entry is positive."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1)
    return (vectors * np.where(largest < 0, -1, 1)).astype(np.float32)
