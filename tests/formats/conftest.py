"""Where the tests of this folder find real files."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real checkpoints beside the checkout."""
    folder = Path(__file__).resolve().parents[2].parent / "shared"
    if not (folder / "zoo").is_dir():
        pytest.skip("the folder of real checkpoints beside the checkout is absent")
    return folder
