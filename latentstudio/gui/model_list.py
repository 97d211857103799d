"""Which models the window offers: bundled, opened before, installed, in the catalogue.

Owns the list as plain values and where small pictures of models are kept; may read disk, so it is called
on a background thread.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.models.library import KnownModel, bundled_models, known_models
from latentstudio.settings import user_folders

if TYPE_CHECKING:
    from latentstudio.models.catalogue import CatalogueRow

MAX_RECENT = 6
MAX_HEADER_BYTES = 64 << 20


@dataclass(frozen=True)
class ModelEntry:
    """One line of the model list.

    Attributes:
        title: a name for people.
        about: family, resolution and state in a few words.
        path: the file; None while it is not on this machine.
        sha256: its hash, where it was opened before.
        row: its catalogue row, where it has one.
        is_installed: whether it came from the catalogue and can be removed.
    """

    title: str
    about: str
    path: Path | None
    sha256: str = ""
    row: CatalogueRow | None = None
    is_installed: bool = False


def list_models() -> list[ModelEntry]:
    """Bundled models, then those opened lately, then the catalogue."""
    from latentstudio.models.catalogue import GENERATOR, catalogue_rows, installed_path

    known = {Path(model.path): model for model in known_models()}
    entries = []
    for path in bundled_models():
        path = path.resolve()
        entries.append(_bundled(path, known.pop(path, None)))
    rows = []
    for row in catalogue_rows():
        if row.kind != GENERATOR:
            continue
        # The line below the title names the family already.
        title = row.title.removesuffix(f" ({row.family})")
        installed = installed_path(row.id)
        if installed is not None:
            seen = known.pop(installed.resolve(), None)
            about = f"installed · {row.family} · {row.resolution} px"
            sha256 = seen.sha256 if seen else ""
            rows.append(ModelEntry(title, about, installed.resolve(), sha256, row, is_installed=True))
        else:
            about = f"{row.size_bytes / 1e6:.0f} MB · {row.family} · {row.resolution} px"
            rows.append(ModelEntry(title, about, None, row=row))
    for path, model in list(known.items())[:MAX_RECENT]:
        about = f"{model.family} · {model.resolution} px" if model.family else path.suffix.lstrip(".")
        entries.append(ModelEntry(model.title or path.stem, about, path, model.sha256))
    return entries + rows


def picture_path(sha256: str) -> Path:
    """Where the small picture of a model is kept."""
    return user_folders().cache / "models" / f"{sha256[:32]}.png"


def _bundled(path: Path, seen: KnownModel | None) -> ModelEntry:
    provenance = _provenance(path)
    title = provenance.get("title") or path.stem
    licence = provenance.get("licence") or ""
    # Not the family too: three words are wider than the list.
    about = " · ".join(part for part in ("bundled", licence) if part)
    return ModelEntry(title, about, path, seen.sha256 if seen else "")


def _provenance(path: Path) -> dict[str, Any]:
    """The provenance in the metadata of a file in the own format; empty where it can't be read."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, MAX_HEADER_BYTES)))
        found = json.loads(header["__metadata__"]["latentstudio"])["provenance"]
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return {}
    return found if isinstance(found, dict) else {}
