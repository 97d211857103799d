"""How much of the data a generator reaches, and how much of what it draws lies among the data.

Owns the measures by nearest neighbours in a feature space. NumPy only.

Sources: Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
section 2; Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", section 3
(coverage).
"""

from __future__ import annotations

import numpy as np

NEIGHBOURS = 5


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances of features (N, D) and (M, D): float32 (N, M)."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    square = np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T
    return np.sqrt(square.clip(0))


def reach(features: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """Distance of each of (N, D) to its k-th nearest among the others, (N,)."""
    return np.partition(distances(features, features), k, axis=1)[:, k]  # the nearest is itself


def reached(made: np.ndarray, data: np.ndarray, k: int = NEIGHBOURS) -> dict[str, float]:
    """Shares of pictures that lie among the others.

    Args:
        made: features of samples, (N, D).
        data: features of pictures of the data, (M, D), as many at best.
        k: neighbours that make the surroundings of a picture.

    Returns:
        "precision": samples that lie in the surroundings of some picture of the data; "recall": pictures
        of the data in those of some sample; "coverage": pictures of the data with a sample in their own.
    """
    apart = distances(made, data)
    around_data, around_made = reach(data, k), reach(made, k)
    return {
        "precision": float((apart <= around_data).any(1).mean()),
        "recall": float((apart <= around_made[:, None]).any(0).mean()),
        "coverage": float((apart.min(0) <= around_data).mean()),
    }


def told_apart(higher: np.ndarray, lower: np.ndarray) -> float:
    """Chance that one of the first scores is above one of the second (the area under the curve)."""
    above = (higher[:, None] > lower).mean() + 0.5 * (higher[:, None] == lower).mean()
    return float(above)
