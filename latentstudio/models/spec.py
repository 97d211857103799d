"""A network on paper: which architecture, with what arguments, and its arrays.

Owns `NetworkSpec`, the one thing that every checkpoint is turned into before a network is built from
it, and the own file format that is nothing but this value on disk. Any thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.errors import InputError, MismatchError, NewerVersionError, UnreadableFileError
from latentstudio.formats import Contents, StoredArray, write_safetensors
from latentstudio.models.generator import Generator, Option, Provenance

METADATA_KEY = "latentstudio"
VERSION = 1


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is made of.

    Attributes:
        architecture: key in the registry.
        config: arguments of the architecture's `build`; JSON values only.
        arrays: float32 arrays by the names of the network's state dict.
        provenance: where they come from.
        notes: facts about the file worth a line in the model panel.
        options: entries of `config` that a person may set when loading.
    """

    architecture: str
    config: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    provenance: Provenance = field(default_factory=Provenance)
    notes: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()

    def changed(self, **changes: Any) -> NetworkSpec:
        """A copy with some fields replaced."""
        return replace(self, **changes)


def as_float32(value: StoredArray | NDArray[Any] | float) -> NDArray[np.float32]:
    """An array or a number as float32, without a copy where it is that already."""
    return np.asarray(value.numpy() if isinstance(value, StoredArray) else value, np.float32)


def with_options(spec: NetworkSpec, values: Mapping[str, float]) -> NetworkSpec:
    """The spec with options set to other values than the file's own.

    Raises:
        InputError: the file has no such option, or the value is out of range.
    """
    if not values:
        return spec
    known = {option.name: option for option in spec.options}
    config = dict(spec.config)
    for name, value in values.items():
        option = known.get(name)
        if option is None:
            raise InputError(
                f'This model has no option "{name}".',
                f"It has {', '.join(known)}." if known else "It has no options at all.",
            )
        if not option.low <= value <= option.high or (option.whole and value != int(value)):
            raise InputError(
                f"The option {name} must be from {option.low:g} to {option.high:g}, not {value}."
            )
        config[name] = int(value) if option.whole else float(value)
    return spec.changed(config=config)


def fill(network: Generator, spec: NetworkSpec) -> None:
    """Give the network its arrays.

    Raises:
        MismatchError: names or shapes differ from what the network needs.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in spec.arrays]
    surplus = [name for name in spec.arrays if name not in wanted]
    if missing or surplus:
        what = f"lacks {_some(missing)}" if missing else f"has more than it should: {_some(surplus)}"
        raise MismatchError(
            f"The checkpoint looks like {network.info.family}, but {what}.",
            "It may come from a modified network or be damaged.",
        )
    for name, array in spec.arrays.items():
        if tuple(array.shape) != tuple(wanted[name].shape):
            raise MismatchError(
                f'The checkpoint looks like {network.info.family}, but "{name}" has shape '
                f"{tuple(array.shape)} where {tuple(wanted[name].shape)} was expected."
            )
    # One copy into memory of its own: a view into the file would crash if the file were cut later. In
    # one order of memory, so that a converted file is computed, and rounded, like its original.
    tensors = {
        name: torch.from_numpy(
            np.array(array, np.float32 if wanted[name].is_floating_point() else None, order="C")
        )
        for name, array in spec.arrays.items()
    }
    network.load_state_dict(tensors, strict=True, assign=True)


def write_spec(path: str | Path, spec: NetworkSpec, *, half: bool = False) -> None:
    """Write the own format: safetensors with arguments, provenance and licence in its metadata.

    Args:
        path: the file; replaced only when the new one is complete.
        spec: what to write.
        half: store floating-point arrays in 16 bits; loading widens them again.

    Raises:
        SaveError: the file could not be written.
    """
    header = {
        "version": VERSION,
        "architecture": spec.architecture,
        "config": spec.config,
        "provenance": asdict(spec.provenance),
        "notes": list(spec.notes),
        "options": [asdict(option) for option in spec.options],
    }
    arrays = {
        name: np.array(array, np.float16 if half and array.dtype.kind == "f" else None, order="C")
        for name, array in spec.arrays.items()
    }
    write_safetensors(path, arrays, {METADATA_KEY: json.dumps(header, sort_keys=True)})


def is_own(contents: Contents) -> bool:
    """Whether a file is in the own format."""
    return contents.kind == "safetensors" and METADATA_KEY in contents.metadata


def read_spec(contents: Contents) -> NetworkSpec:
    """The inverse of `write_spec`.

    Raises:
        UnreadableFileError: the metadata is damaged.
        NewerVersionError: it was written by a later version.
    """
    name = contents.path.name
    try:
        header = json.loads(contents.metadata[METADATA_KEY])
        version = header["version"]
        if type(version) is not int:
            raise TypeError(version)
        if version > VERSION:
            raise NewerVersionError(
                f'"{name}" was written by a newer LatentStudio.', "Update LatentStudio.", path=contents.path
            )
        stored = header["provenance"]
        known: dict[str, Any] = {
            key: tuple(map(str, value)) if isinstance(value, list) else str(value)
            for key, value in stored.items()
            if key in Provenance.__dataclass_fields__
        }
        provenance = Provenance(**known)
        config = header["config"]
        if not isinstance(config, dict):
            raise TypeError(config)
        return NetworkSpec(
            str(header["architecture"]),
            config,
            {key: as_float32(value) for key, value in contents.root.items()},
            provenance,
            tuple(map(str, header.get("notes", []))),
            tuple(Option(**option) for option in header.get("options", [])),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableFileError(
            f'Can\'t read "{name}": its description is damaged.', path=contents.path
        ) from error


def _some(names: list[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
