"""The whole of a file or a folder that was opened: its tree, its hash, its side files.

Owns `read_checkpoint`, the one way in, and the choice of the weights in a folder; what the tree
means is decided by the architectures, not here. Safe on any thread.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from latentstudio.errors import CheckpointError, UnreadableFileError
from latentstudio.formats.openvino_ir import IR, find_pair, is_ir, read_ir_files, sibling
from latentstudio.formats.safetensors_file import read_safetensors
from latentstudio.formats.source import Source, file_sha256, list_names, naming, open_source, shown, sniff
from latentstudio.formats.tensorflow_pickle import tf_network
from latentstudio.formats.torch_files import read_pickle, read_torch_zip
from latentstudio.formats.values import Inert, StoredArray

SIDE_FILES = ("config.json", ".config.json")
_MAX_SIDE_FILE_BYTES = 4 << 20
_USUAL_WEIGHTS = (
    "model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "pytorch_model.bin",
    "diffusion_pytorch_model.bin",
)
_WEIGHT_ENDINGS = (".safetensors", ".pkl", ".pt", ".pth", ".ckpt", ".bin", ".tar")


@dataclass(frozen=True, eq=False)
class Contents:
    """What was read from a path.

    Attributes:
        path: the file or folder asked for.
        kind: "pickle", "torch-zip", "torch-legacy", "safetensors", "openvino-ir" or "folder".
        root: the tree: dict, list, tuple, frozenset, text, bytes, numbers, None, `StoredArray`,
            `Inert`; for "openvino-ir" an `IR`, or a dict of "mapping" and "synthesis".
        metadata: the texts that a safetensors file carries.
        side_files: JSON objects found beside the file, by their names in `SIDE_FILES`.
        files: the files that were read, the side files of a folder among them.
        size_bytes: their lengths together.
    """

    path: Path
    kind: str
    root: Any
    metadata: Mapping[str, Any]
    side_files: Mapping[str, Any]
    files: tuple[Path, ...]
    size_bytes: int

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the file; of several files, of their sorted lines "name, NUL, hash"."""
        if len(self.files) == 1:
            return file_sha256(self.files[0])
        lines = sorted(f"{path.name}\0{file_sha256(path)}\n" for path in self.files)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def describe(self, arrays: int = 20) -> dict[str, Any]:
        """What a person should be told about a file that nothing claims.

        Args:
            arrays: how many arrays to name.
        """
        found: dict[str, str] = {}
        total = 0
        for name, array in walk_arrays(self.root):
            total += 1
            if total <= arrays:
                found[name] = f"{array.source_dtype} {list(array.shape)}"
        keys = list(self.root)[:arrays] if isinstance(self.root, dict) else []
        return {
            "kind": self.kind,
            "root": self.root.name if isinstance(self.root, Inert) else type(self.root).__name__,
            "keys": [str(key) for key in keys],
            "array_count": total,
            "arrays": found,
            "metadata": dict(self.metadata),
            "side_files": sorted(self.side_files),
        }


def read_checkpoint(path: str | Path) -> Contents:
    """Read a model file, or a folder that holds one; nothing in it is run.

    Args:
        path: a pickle, a torch file, a safetensors file, the .xml or .bin of an OpenVINO model, or
            a folder with a model in it.

    Raises:
        UnreadableFileError: missing, empty, cut short, or not a model.
        UnsafeFileError: it asks for more than data needs, or its sizes lie.
    """
    path = Path(path)
    try:
        is_folder = path.is_dir()
    except (OSError, ValueError):
        is_folder = False
    return _read_folder(path) if is_folder else _read_file(path)


def walk_arrays(root: Any) -> Iterator[tuple[str, StoredArray]]:
    """Every array of a tree with a dotted name that tells where it was found."""
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        name, node = stack.pop()
        if isinstance(node, StoredArray):
            yield name, node
            continue
        children: list[tuple[Any, Any]] = []
        if isinstance(node, dict):
            children = list(node.items())
        elif isinstance(node, (list, tuple)):
            children = list(enumerate(node))
        elif isinstance(node, Inert):
            children = [*enumerate(node.args), *enumerate(node.items)]
            children += node.state.items() if isinstance(node.state, dict) else []
        elif hasattr(node, "constants"):
            children = list(node.constants.items())
        stack.extend((f"{name}.{key}" if name else str(key), child) for key, child in reversed(children))


def _read_file(path: Path) -> Contents:
    # The numbers of an OpenVINO model look like nothing at all, so their graph is asked first.
    graph = sibling(path, ".xml") if path.suffix.casefold() == ".bin" else None
    if graph is not None and is_ir(graph):
        return _read_ir(path, graph)
    source = open_source(path)
    with naming(path):
        kind = sniff(source.view)
        if kind == "xml":
            return _read_ir(path, path)
        if kind == "unknown":
            raise UnreadableFileError(
                "it is no model file that LatentStudio knows",
                "It reads pickles, torch files, safetensors and OpenVINO models.",
            )
        kind, root, metadata = _decode(kind, source)
    side_files = _side_files(path.parent)
    return Contents(path, kind, root, metadata, side_files, (path,), source.size_bytes)


def _decode(kind: str, source: Source) -> tuple[str, Any, dict[str, str]]:
    if kind == "zip":
        return "torch-zip", read_torch_zip(source.view), {}
    if kind == "safetensors":
        arrays, metadata = read_safetensors(source.view)
        return kind, arrays, metadata
    kind, root = read_pickle(source.view)
    for node in root if isinstance(root, (tuple, list)) else (root,):
        # What is recorded as a network must be one, and a refusal should name the file.
        tf_network(node)
    return kind, root, {}


def _read_ir(asked: Path, graph: Path) -> Contents:
    """The pair that `graph` belongs to, or `graph` alone."""
    pair = find_pair(graph.parent)
    if pair is not None and graph in pair.values():
        return _read_pair(asked, pair)
    weights = sibling(graph, ".bin")
    root, size = read_ir_files(graph, weights)
    files = (graph,) if weights is None else (graph, weights)
    return Contents(asked, "openvino-ir", root, {}, _side_files(graph.parent), files, size)


def _read_pair(asked: Path, pair: dict[str, Path]) -> Contents:
    root: dict[str, IR] = {}
    files: list[Path] = []
    total = 0
    for role in ("mapping", "synthesis"):
        weights = sibling(pair[role], ".bin")
        root[role], size = read_ir_files(pair[role], weights)
        total += size
        files += [pair[role]] if weights is None else [pair[role], weights]
    folder = pair["mapping"].parent
    return Contents(asked, "openvino-ir", root, {}, _side_files(folder), tuple(files), total)


def _read_folder(folder: Path) -> Contents:
    pair = find_pair(folder)
    if pair is not None:
        return _read_pair(folder, pair)
    with naming(folder):
        weights = _weights_of(folder)
    inner = _read_file(weights)
    if inner.kind == "openvino-ir":
        return replace(inner, path=folder)
    extra = tuple(folder / name for name in inner.side_files)
    return replace(inner, path=folder, kind="folder", files=(weights, *extra))


def _weights_of(folder: Path) -> Path:
    names = list_names(folder)
    by_name = {name.casefold(): name for name in names}
    for usual in _USUAL_WEIGHTS:
        if usual in by_name:
            return folder / by_name[usual]
    found = [name for name in names if name.casefold().endswith(_WEIGHT_ENDINGS)]
    if len(found) == 1:
        return folder / found[0]
    if len(found) == 2:
        # An autoencoder in two files opens by its decoder; who reads that finds the encoder beside it.
        decoder = next((name for name in found if "decoder" in name.casefold()), None)
        if decoder and decoder.casefold().replace("decoder", "encoder") in {n.casefold() for n in found}:
            return folder / decoder
    if found:
        listed = ", ".join(shown(name, 40) for name in found[:5])
        raise UnreadableFileError(f"it is a folder with several models ({listed})", "Open one of them.")
    raise UnreadableFileError("it is a folder without a model in it", "Choose the model file itself.")


def _side_files(folder: Path) -> dict[str, Any]:
    """The JSON objects beside a file; what cannot be read is not there."""
    found: dict[str, Any] = {}
    for name in SIDE_FILES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            source = open_source(path)
            if source.size_bytes <= _MAX_SIDE_FILE_BYTES:
                value = json.loads(str(source.view, "utf-8"))
                if isinstance(value, dict):
                    found[name] = value
        except (CheckpointError, ValueError, RecursionError):
            continue
    return found
