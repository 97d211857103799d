"""Films on disk: "name.film.json".

Owns the form and its version. A file may come from anyone: every field is checked, and what is wrong is
said in one sentence. NumPy only, any thread.
"""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

from latentstudio.atomic_file import write_atomically
from latentstudio.document.film import Film, Keyframe
from latentstudio.document.recipe_json import from_json, to_json
from latentstudio.errors import InputError, NewerVersionError, RecipeError

SUFFIX = ".film.json"
FORMAT = "latentstudio.film"
VERSION = 1
MAX_BYTES = 512 * 1024 * 1024


def film_json(film: Film) -> dict[str, Any]:
    """The film as plain JSON values."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "length": film.length,
        "closed": film.closed,
        "frame_rate": film.frame_rate,
        "z_dim": film.z_dim,
        "keyframes": [
            {"frame": k.frame, "path": k.path, "easing": k.easing, "recipe": to_json(k.recipe)}
            for k in film.keyframes
        ],
    }


def film_dumps(film: Film) -> str:
    """The film as JSON text, indented for a person to read."""
    return json.dumps(film_json(film), indent=1, sort_keys=True)


def film_digest(film: Film) -> str:
    """SHA-256 of what decides the film's pictures, hexadecimal."""
    stored = film_json(film)
    for keyframe in stored["keyframes"]:
        keyframe["recipe"]["model"] = {"sha256": keyframe["recipe"]["model"]["sha256"]}
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()


def is_film(text: str) -> bool:
    """Whether a JSON text says that it is a film; it may be damaged all the same."""
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(stored, dict) and stored.get("format") == FORMAT


def film_loads(text: str) -> Film:
    """The inverse of `film_dumps`.

    Raises:
        RecipeError: the text is no film, or a field is wrong.
        NewerVersionError: it was written by a later version.
    """
    try:
        stored = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RecipeError("The film is not valid JSON.", "The file may be damaged.") from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise RecipeError("This is not a LatentStudio film.")
    version = stored.get("version")
    if type(version) is not int or version < 1:
        raise RecipeError("The film does not say its version.")
    if version > VERSION:
        raise NewerVersionError(
            f"The film was written by a newer LatentStudio (film version {version}; this program reads up "
            f"to {VERSION}).",
            "Update LatentStudio to open it.",
        )
    try:
        return _read(stored)
    except RecipeError:
        raise
    except InputError as error:
        raise RecipeError(f"The film can't be used: {error.message}", error.hint) from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RecipeError("The film is damaged: a part is missing or has the wrong form.") from error


def write_film(path: str | Path, film: Film) -> None:
    """Write a film file; the old one stays until the new one is complete.

    Raises:
        SaveError: the disk is full, the folder is missing or may not be written.
    """
    write_atomically(Path(path), film_dumps(film).encode("utf-8"))


def read_film(path: str | Path) -> Film:
    """Read a film file.

    Raises:
        RecipeError: it can't be read or is no film (NewerVersionError for a later version).
    """
    path = Path(path)
    text = read_film_text(path)
    try:
        return film_loads(text)
    except RecipeError as error:
        raise type(error)(f'Can\'t open "{path.name}": {error.message}', error.hint, path=path) from error


def read_film_text(path: Path) -> str:
    """The text of a file that may be a film; raises RecipeError when it can't be read."""
    try:
        # A pipe would block for ever and a device never end: look before reading.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise RecipeError(f'Can\'t read "{path.name}": it is not an ordinary file.', path=path)
        if status.st_size > MAX_BYTES:
            raise RecipeError(f'Can\'t read "{path.name}": it is too large for a film.', path=path)
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise RecipeError(f'Can\'t read "{path.name}": {error.strerror}.', path=path) from error
    except UnicodeDecodeError as error:
        raise RecipeError(f'"{path.name}" is not a film: it is not text.', path=path) from error


def _read(stored: dict[str, Any]) -> Film:
    return Film(
        keyframes=tuple(_keyframe(k) for k in stored["keyframes"]),
        length=_of(int, stored["length"]),
        closed=_of(bool, stored["closed"]),
        frame_rate=float(_of((int, float), stored["frame_rate"])),
        z_dim=_of(int, stored["z_dim"]),
    )


def _keyframe(stored: dict[str, Any]) -> Keyframe:
    return Keyframe(
        _of(int, stored["frame"]),
        from_json(stored["recipe"]),
        _of(str, stored["path"]),
        _of(str, stored["easing"]),
    )


def _of(kind: type | tuple[type, ...], value: Any) -> Any:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if type(value) not in kinds:
        raise TypeError(value)
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
