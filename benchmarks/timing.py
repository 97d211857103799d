"""Timing things in turns, so that a busy moment of the machine meets all of them.

Source: none; medians and ratios of paired runs, as the field reports them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Series:
    """Seconds of one thing, run after run."""

    name: str
    seconds: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Median, in milliseconds."""
        return statistics.median(self.seconds) * 1000

    def percentile_ms(self, percent: float) -> float:
        """A percentile, in milliseconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000

    def row(self, against: Series | None = None) -> dict[str, float | str]:
        """What the table and the JSON show."""
        values: dict[str, float | str] = {
            "name": self.name,
            "median_ms": round(self.median_ms, 2),
            "min_ms": round(min(self.seconds) * 1000, 2),
            "max_ms": round(max(self.seconds) * 1000, 2),
            "runs": len(self.seconds),
        }
        if against is not None:
            values["ratio"] = round(paired_ratio(against, self), 2)
            values["against"] = against.name
        return values


def paired_ratio(slow: Series, quick: Series) -> float:
    """Median over the rounds of slow / quick."""
    return statistics.median(a / b for a, b in zip(slow.seconds, quick.seconds, strict=True))


def in_turns(things: dict[str, Callable[[], object]], rounds: int, warmup: int = 1) -> dict[str, Series]:
    """Run every thing once a round, in order; the first rounds are not counted."""
    series = {name: Series(name) for name in things}
    for round_ in range(warmup + rounds):
        for name, thing in things.items():
            started = time.perf_counter()
            told = thing()
            # What runs elsewhere tells its own time.
            spent = told if isinstance(told, float) else time.perf_counter() - started
            if round_ >= warmup:
                series[name].seconds.append(spent)
    return series
