"""Networks of the TensorFlow generation become plain values."""

from __future__ import annotations

from pathlib import Path

import format_files as ff
import numpy as np

from latentstudio.formats import Inert, read_checkpoint, tf_network


def test_three_networks_with_components_and_variables_are_read(tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(ff.tf_pickle())
    networks = [tf_network(node) for node in read_checkpoint(path).root]
    assert len(networks) == 3
    top = networks[2]
    assert top is not None
    assert (top.version, top.name, top.build_func_name) == (4, "Gs", "G_main")
    assert top.static_kwargs == {"resolution": 8}
    assert top.variables["lod"].shape == ()
    assert top.variables["lod"].numpy() == np.float32(0.5)
    weight = top.components["mapping"].variables["Dense0/weight"]
    np.testing.assert_array_equal(weight.numpy(), np.arange(6, dtype=np.float32).reshape(2, 3))
    assert len(top.module_source_sha256) == 64
    assert repr(top) == "TFNetwork('Gs', version 4)"


def test_the_older_module_name_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(ff.tf_pickle().replace(b"cdnnlib.tflib.network\n", b"ctfutil\n"))
    assert tf_network(read_checkpoint(path).root[0]) is not None


def test_other_nodes_are_no_networks() -> None:
    assert tf_network(None) is None
    assert tf_network(Inert("argparse.Namespace")) is None
