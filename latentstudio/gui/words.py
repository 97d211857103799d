"""How numbers and things are called on screen.

Owns the wording that several panels share; no widgets. Any thread.
"""

from __future__ import annotations

from collections.abc import Sequence

MINUS = "\u2212"


def signed(amount: float, decimals: int = 2) -> str:
    """An amount as it stands beside a slider: "+1.4", "−0.6", "0"."""
    text = f"{abs(amount):.{decimals}f}".rstrip("0").rstrip(".")
    if not float(text or 0):
        return "0"
    return ("+" if amount > 0 else MINUS) + text


def plain(value: float, decimals: int = 2) -> str:
    """A number with a true minus sign and at least one decimal: "0.7", "−0.25"."""
    text = f"{abs(value):.{decimals}f}"
    while text.endswith("0") and not text.endswith(".0"):
        text = text[:-1]
    return (MINUS if value < 0 and float(text) else "") + text


def parse_number(text: str) -> float | None:
    """The number a person typed, with comma or point and any minus sign; None when there is none."""
    cleaned = text.replace(MINUS, "-").replace("σ", "").replace(",", ".").strip()
    try:
        value = float(cleaned)
    except ValueError:
        return None
    return value if abs(value) < 1e6 else None


def count_words(number: int) -> str:
    """A large count for a person: "4.4 M", "830 k"."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def layer_words(start: int, stop: int | None, num_ws: int) -> str:
    """A layer range as a person reads it, inclusive: "all layers", "layers 0 to 3", "layer 2"."""
    end = num_ws if stop is None else min(stop, num_ws)
    if start <= 0 and end >= num_ws:
        return "all layers"
    if end <= start:
        return "no layer"
    return f"layer {start}" if end == start + 1 else f"layers {start} to {end - 1}"


def size_words(sides: Sequence[int]) -> str:
    """Resolutions as a range: "4–8", "64"."""
    low, high = min(sides), max(sides)
    return str(low) if low == high else f"{low}–{high}"


def seconds_words(seconds: float) -> str:
    """A remaining time: "8 s", "3 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
