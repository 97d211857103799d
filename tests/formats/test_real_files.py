"""Every real file beside the checkout reads whole, and quickly."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentstudio.formats import (
    flatten_module,
    persistent,
    read_checkpoint,
    read_numpy,
    state_dict,
    tf_network,
    walk_arrays,
)

pytestmark = pytest.mark.parity
_ENDINGS = {".pkl", ".pt", ".pth", ".ckpt", ".bin"}
_FOLDERS = ("zoo", "weights", "directions", "clay")


def _shared() -> Path:
    return Path(__file__).resolve().parents[2].parent / "shared"


def _found(*endings: str) -> list[str]:
    root = _shared()
    files = (path for folder in _FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    return sorted(str(path.relative_to(root)) for path in files if path.suffix in endings)


def _about(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "about.json").read_text())
    return loaded


@pytest.mark.parametrize("name", _found(*_ENDINGS))
def test_a_real_checkpoint_reads_whole(name: str, shared: Path) -> None:
    path = shared / name
    start = time.perf_counter()
    contents = read_checkpoint(path)
    took_s = time.perf_counter() - start
    arrays = dict(walk_arrays(contents.root))
    assert arrays
    for array in arrays.values():
        values = array.numpy()
        assert values.shape == array.shape
        assert values.dtype == array.dtype
        assert not values.flags.writeable
        assert np.isfinite(values.astype(np.float64)).all()
    assert contents.size_bytes == path.stat().st_size
    assert len(contents.sha256) == 64
    assert contents.describe()["array_count"] == len(arrays)
    assert took_s < 1.0


@pytest.mark.parametrize("name", [n for n in _found(".pkl") if "/sg" in n])
def test_a_real_nvidia_pickle_has_the_arrays_that_its_network_had(name: str, shared: Path) -> None:
    path = shared / name
    about = _about(path.parent)
    root = read_checkpoint(path).root
    assert list(root) == about["key_order"]
    module = persistent(root["G_ema"])
    assert module is not None
    assert module.class_name == "Generator"
    assert module.init_kwargs["img_resolution"] == about["G_kwargs"]["img_resolution"]
    arrays, attributes, classes = flatten_module(module)
    assert {key: list(array.shape) for key, array in arrays.items()} == about["state_shapes"]
    assert classes[""] == "Generator"
    assert attributes["mapping"]["z_dim"] == about["G_kwargs"]["z_dim"]
    assert set(classes) == set(attributes)


@pytest.mark.parametrize("name", [n for n in _found(".pkl") if "/tf" in n])
def test_a_real_tensorflow_pickle_has_three_networks(name: str, shared: Path) -> None:
    root = read_checkpoint(shared / name).root
    networks = [tf_network(node) for node in root]
    assert len(networks) == 3
    top = networks[2]
    assert top is not None
    assert set(top.components) == {"mapping", "synthesis"}
    assert "dlatent_avg" in top.variables
    assert top.components["synthesis"].variables["4x4/Const/const"].ndim == 4


@pytest.mark.parametrize("name", [n for n in _found(".pth") if "mimicry" not in n and "fbzoo" not in n])
def test_a_real_state_dict_is_recognised(name: str, shared: Path) -> None:
    assert state_dict(read_checkpoint(shared / name).root)


@pytest.mark.parametrize("name", _found(".npz", ".npy"))
def test_a_real_numpy_file_reads_as_numpy_reads_it(name: str, shared: Path) -> None:
    ours = read_numpy(shared / name)
    loaded = np.load(shared / name, allow_pickle=False)
    theirs = dict(loaded) if name.endswith(".npz") else {"arr_0": loaded}
    assert ours.keys() == theirs.keys()
    for key, array in theirs.items():
        assert ours[key].dtype == array.dtype
        np.testing.assert_array_equal(ours[key], array)


def test_a_real_folder_brings_its_configuration(shared: Path) -> None:
    contents = read_checkpoint(shared / "zoo" / "biggan_hf_tiny")
    assert contents.kind == "folder"
    assert "config.json" in contents.side_files
    hidden = read_checkpoint(shared / "zoo" / "lucidrains_32" / "model_0.pt")
    assert hidden.kind == "torch-zip"
    assert ".config.json" in hidden.side_files
