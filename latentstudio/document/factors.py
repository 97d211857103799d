"""What each direction of a model was measured to change: a table that may lie beside the model.

Owns the file's form and where it is looked for; who measures, and against what truth, is another's
business. NumPy only, any thread.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import InputError
from latentstudio.settings import user_folders

FORMAT = "latentstudio.factors"
SUFFIX = ".factors.json"
MAX_BYTES = 16 * 1024 * 1024

Key = tuple[str, str]  # a direction's origin and name


@dataclass(frozen=True)
class Factors:
    """Measured effects.

    Attributes:
        sha256: hash of the model they belong to.
        units: the factors by name, with the unit of each, which may be empty.
        spreads: standard deviation of each factor over the model's samples, in its unit; what counts as
            much. Factors without one are left out of a short list.
        effects: for each direction (origin, name), by how much one sigma of it changes each factor.
    """

    sha256: str
    units: Mapping[str, str] = field(default_factory=dict)
    spreads: Mapping[str, float] = field(default_factory=dict)
    effects: Mapping[Key, Mapping[str, float]] = field(default_factory=dict)

    def strongest(self, origin: str, name: str, most: int = 3) -> list[tuple[str, float, str]]:
        """The factors that a direction changes most for their spread: (factor, change a sigma, unit)."""
        found = self.effects.get((origin, name), {})
        ranked = sorted(found, key=lambda key: -abs(found[key]) / self.spreads.get(key, math.inf))
        return [(key, found[key], self.units.get(key, "")) for key in ranked if self.spreads.get(key, 0) > 0][
            :most
        ]


def factor_paths(sha256: str, model: Path | None) -> list[Path]:
    """Where a model's table may lie, the first first: beside the model, then in the user's own folder."""
    beside = [] if model is None else [model.with_name(model.stem + SUFFIX)]
    return [*beside, user_folders().data / "factors" / f"{sha256[:32]}{SUFFIX}"]


def find_factors(sha256: str, model: Path | None) -> Factors | None:
    """The table of a model; None where there is none that fits it.

    Raises:
        InputError: a file is there and damaged.
    """
    for path in factor_paths(sha256, model):
        if path.is_file():
            found = read_factors(path)
            if found.sha256 == sha256:
                return found
    return None


def read_factors(path: Path) -> Factors:
    """The inverse of `write_factors`; InputError where the file is damaged."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(path)
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT or stored["version"] != 1:
            raise ValueError(path)
        factors = stored["factors"]
        return Factors(
            str(stored["model"]),
            {str(f["name"]): str(f.get("unit", "")) for f in factors},
            {str(f["name"]): _finite(f["spread"]) for f in factors if f.get("spread") is not None},
            {
                (str(d["origin"]), str(d["name"])): {str(k): _finite(v) for k, v in d["per_sigma"].items()}
                for d in stored["directions"]
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f'Can\'t read "{path.name}": it is no table of measured factors.', path=path
        ) from error


def write_factors(path: Path, factors: Factors) -> None:
    """Write the table; SaveError when the disk refuses."""
    stored = {
        "format": FORMAT,
        "version": 1,
        "model": factors.sha256,
        "factors": [
            {"name": name, "unit": unit, "spread": factors.spreads.get(name)}
            for name, unit in factors.units.items()
        ],
        "directions": [
            {"origin": origin, "name": name, "per_sigma": dict(effects)}
            for (origin, name), effects in factors.effects.items()
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(stored, indent=1).encode())


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)
