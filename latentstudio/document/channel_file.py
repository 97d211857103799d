"""Favourite style channels of a model, kept on disk by the model's hash.

Owns the small file and nothing else; what can't be read is no favourite. NumPy only, any thread.
"""

from __future__ import annotations

import json
from pathlib import Path

from latentstudio.atomic_file import write_atomically
from latentstudio.document.edits import ChannelEdit
from latentstudio.errors import InputError, SaveError

FORMAT = "latentstudio.channels"
MAX_BYTES = 1 << 20
MAX_CHANNELS = 1000


def favourites_path(folder: Path, sha256: str) -> Path:
    """Where a model's favourites are kept, below the folder of user data."""
    return folder / "channels" / f"{sha256[:32]}.json"


def read_channels(path: Path) -> list[ChannelEdit]:
    """The channels of a file, at rest; empty where there is none or where it is damaged."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return []
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            return []
        return [
            ChannelEdit(str(entry["layer"]), int(entry["channel"]), 0.0, float(entry["sigma"]))
            for entry in stored["channels"][:MAX_CHANNELS]
        ]
    except (OSError, ValueError, KeyError, TypeError, InputError, RecursionError):
        return []


def write_channels(path: Path, channels: list[ChannelEdit]) -> None:
    """Keep channels; SaveError when the disk refuses."""
    entries = [{"layer": e.layer, "channel": e.channel, "sigma": e.sigma} for e in channels]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f'Can\'t create the folder "{path.parent}": {error.strerror}.', path=path) from error
    write_atomically(path, json.dumps({"format": FORMAT, "version": 1, "channels": entries}).encode())
