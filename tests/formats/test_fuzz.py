"""Bent and cut files give a result or a named refusal, and nothing else."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import format_files as ff
import numpy as np
import pytest

from latentstudio.errors import CheckpointError
from latentstudio.formats import (
    flatten_module,
    persistent,
    read_checkpoint,
    read_numpy,
    tf_network,
    walk_arrays,
)

_ROUNDS = 250
_REAL_ROUNDS = 12
_WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)
_REAL = (
    "zoo/sg3r_small/checkpoint_nosrc.pkl",
    "zoo/tf_ada_v5/checkpoint_nosrc.pkl",
    "zoo/sngan_mimicry_32/netG_1000_steps.pth",
    "zoo/sg2ada_uncond/variant_proto2_nosrc.pkl",
    "weights/csinva_mnist/mnist_gan_mlp_weights_G--300.ckpt",
)


def _archive() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, w=_WEIGHT, seed=np.array(3))
    return file.getvalue()


_WRITTEN = {
    "nvidia": ff.nvidia_pickle(_WEIGHT),
    "tensorflow": ff.tf_pickle(),
    "zip": ff.zip_bytes(ff.torch_parts()),
    "legacy": ff.legacy_stream(
        ff.program(ff.plain_tensor(legacy=True), protocol=2), {"0": _WEIGHT.tobytes()}
    ),
    "safetensors": ff.safetensors({"a": ff.entry((2, 3), 0, 24)}, _WEIGHT.tobytes()),
    "graph": ff.ir_xml().encode(),
    "archive": _archive(),
}


def bent(data: bytes, seed: int, near: int) -> Iterator[bytes]:
    """Copies of `data` with flipped, cut, doubled and foreign bytes, mostly among the first `near`."""
    dice = random.Random(seed)
    while True:
        copy = bytearray(data)
        for _ in range(dice.choice((1, 1, 1, 2, 8))):
            if not copy:
                break
            at = dice.randrange(min(near, len(copy)) if dice.random() < 0.7 else len(copy))
            kind = dice.randrange(6)
            if kind == 0:
                copy[at] ^= 1 << dice.randrange(8)
            elif kind == 1:
                copy[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
            elif kind == 2:
                del copy[at : at + dice.randrange(1, 20)]
            elif kind == 3:
                copy[at:at] = copy[at : at + dice.randrange(1, 20)]
            elif kind == 4:
                copy[at:at] = bytes(dice.choice(b".(tRb}]esu0129NQcio\x81\x85\x93\x94hjq") for _ in range(3))
            else:
                copy = copy[: max(at, 1)]
        yield bytes(copy)


def look(path: Path) -> None:
    """Read a file and everything in it."""
    contents = read_checkpoint(path)
    for _, array in walk_arrays(contents.root):
        array.numpy()
    contents.describe()
    nodes = contents.root
    for node in nodes.values() if isinstance(nodes, dict) else nodes if isinstance(nodes, tuple) else ():
        tf_network(node)
        found = persistent(node)
        if found is not None:
            flatten_module(found)


@pytest.mark.parametrize("label", _WRITTEN)
def test_a_bent_file_gives_a_result_or_a_refusal(label: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.xml" if label == "graph" else "a.pkl")
    if label == "graph":
        path.with_suffix(".bin").write_bytes(_WEIGHT.tobytes())
    refusals = []
    for data, _ in zip(bent(_WRITTEN[label], 1, 4000), range(_ROUNDS), strict=False):
        path.write_bytes(data)
        try:
            read_numpy(path) if label == "archive" else look(path)
        except CheckpointError as error:
            refusals.append(error.message)
    assert refusals
    assert all(message.startswith("Can't read \"a.") for message in refusals)


@pytest.mark.parametrize("name", _REAL)
def test_a_bent_real_file_gives_a_result_or_a_refusal(name: str, shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    refusals = []
    for data, _ in zip(bent((shared / name).read_bytes(), 2, 8000), range(_REAL_ROUNDS), strict=False):
        path.write_bytes(data)
        try:
            look(path)
        except CheckpointError as error:
            refusals.append(error.message)
    assert all(message.startswith('Can\'t read "a.pkl"') for message in refusals)


@pytest.mark.parametrize("label", ["nvidia", "tensorflow", "zip", "legacy", "safetensors"])
def test_a_file_cut_anywhere_is_refused(label: str, tmp_path: Path) -> None:
    data, path = _WRITTEN[label], tmp_path / "a"
    for length in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            read_checkpoint(path)
