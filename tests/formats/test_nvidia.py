"""Persistent objects become arrays, settings and class names; their source is only hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import format_files as ff
import numpy as np
import numpy.typing as npt

from latentstudio.formats import Inert, flatten_module, persistent, read_checkpoint, state_dict
from latentstudio.formats.nvidia import PersistentObject

_WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)


def generator(
    tmp_path: Path, source: str = "# omitted", weight: npt.NDArray[np.float32] = _WEIGHT
) -> PersistentObject:
    path = tmp_path / "network.pkl"
    path.write_bytes(ff.nvidia_pickle(weight, source))
    module = persistent(read_checkpoint(path).root["G_ema"])
    assert module is not None
    return module


def test_a_persistent_object_keeps_its_class_and_arguments(tmp_path: Path) -> None:
    module = generator(tmp_path)
    assert module.class_name == "Generator"
    assert module.init_args == ()
    assert module.init_kwargs == {"z_dim": 8}
    assert type(module.init_kwargs) is dict
    assert repr(module) == "PersistentObject('Generator')"


def test_a_module_is_flattened_with_dotted_names(tmp_path: Path) -> None:
    arrays, attributes, classes = flatten_module(generator(tmp_path))
    assert set(arrays) == {"layer.weight", "layer.scale"}
    np.testing.assert_array_equal(arrays["layer.weight"].numpy(), _WEIGHT)
    assert attributes["layer"] == {"training": False, "up": 2}
    assert attributes[""] == {"z_dim": 8, "_init_args": (), "_init_kwargs": {"z_dim": 8}}
    assert classes == {"": "Generator", "layer": "Layer"}


def test_permuted_strides_are_honoured(tmp_path: Path) -> None:
    turned = np.asfortranarray(_WEIGHT)
    arrays, _, _ = flatten_module(generator(tmp_path, weight=turned))
    assert arrays["layer.weight"].numpy().strides == turned.strides
    np.testing.assert_array_equal(arrays["layer.weight"].numpy(), turned)


def test_the_embedded_source_is_hashed_and_never_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for padding in ("", "#" * 10_000):
        source = f"open({str(canary)!r}, 'w'){padding}"
        module = generator(tmp_path, source)
        assert module.module_source_sha256 == hashlib.sha256(source.encode()).hexdigest()
    assert not canary.exists()


def test_other_nodes_are_no_persistent_objects() -> None:
    assert persistent(None) is None
    assert persistent({"class_name": "Generator"}) is None
    assert persistent(Inert("argparse.Namespace", ({},))) is None


def test_a_state_dict_is_flat_and_has_arrays(tmp_path: Path) -> None:
    arrays, _, _ = flatten_module(generator(tmp_path))
    assert state_dict({**arrays, "step": 3}) == arrays
    assert state_dict({"g_ema": arrays}) is None
    assert state_dict({**arrays, "args": Inert("argparse.Namespace")}) is None
    assert state_dict({0: arrays["layer.weight"]}) is None
    assert state_dict({}) is None
    assert state_dict([]) is None
    assert flatten_module({})[0] == {}
