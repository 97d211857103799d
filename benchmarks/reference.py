"""The model that the figures of the pages are of unless they name another.

Not the default: figures of years apart can be compared only while it stays the same.
"""

from __future__ import annotations

from pathlib import Path

from latentstudio.cli.model_argument import model_path


def reference_model() -> Path:
    """The file of Clay faces 64."""
    return model_path("clayfaces64")
