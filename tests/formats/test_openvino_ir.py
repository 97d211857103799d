"""Graphs are read with their constants, alone or as a pair of mapping and synthesis."""

from __future__ import annotations

from pathlib import Path

import format_files as ff
import numpy as np
import pytest

from latentstudio.errors import UnreadableFileError
from latentstudio.formats import IR, IREdge, read_checkpoint

_DATA = np.arange(6, dtype=np.float32).tobytes()


def write(folder: Path, stem: str, net: str) -> Path:
    (folder / f"{stem}.bin").write_bytes(_DATA)
    path = folder / f"{stem}.xml"
    path.write_text(ff.ir_xml(net))
    return path


def test_a_graph_is_read_with_layers_edges_and_constants(tmp_path: Path) -> None:
    contents = read_checkpoint(write(tmp_path, "net", "Decoder"))
    graph = contents.root
    assert isinstance(graph, IR)
    assert (contents.kind, graph.name) == ("openvino-ir", "Decoder")
    assert [(layer.id, layer.name, layer.type, layer.version) for layer in graph.layers] == [
        (0, "m.weight", "Const", "opset1"),
        (1, "out", "Result", "opset1"),
    ]
    assert graph.layers[0].outputs == graph.layers[1].inputs == {0: (2, 3)}
    assert graph.layers[0].attrs["element_type"] == "f32"
    assert graph.edges == [IREdge(0, 0, 1, 0)]
    np.testing.assert_array_equal(
        graph.constants["m.weight"].numpy(), np.arange(6, dtype=np.float32).reshape(2, 3)
    )


@pytest.mark.parametrize("asked", ["", "a.xml", "a.bin", "B.xml", "B.BIN"])
def test_a_pair_is_opened_from_any_of_its_files_and_its_folder(asked: str, tmp_path: Path) -> None:
    write(tmp_path, "a", "synthesisnetwork")
    write(tmp_path, "B", "MappingNetwork")
    (tmp_path / "B.bin").rename(tmp_path / "B.BIN")
    write(tmp_path, "other", "Something")
    contents = read_checkpoint(tmp_path / asked)
    assert set(contents.root) == {"mapping", "synthesis"}
    assert contents.root["mapping"].name == "MappingNetwork"
    assert contents.path == tmp_path / asked
    assert len(contents.files) == 4
    assert contents.size_bytes == sum(path.stat().st_size for path in contents.files)


def test_the_hash_of_a_pair_does_not_depend_on_what_was_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "MappingNetwork", "x")
    write(tmp_path, "SynthesisNetwork", "y")
    whole = read_checkpoint(tmp_path).sha256
    assert read_checkpoint(tmp_path / "MappingNetwork.bin").sha256 == whole
    (tmp_path / "SynthesisNetwork.bin").write_bytes(_DATA[::-1])
    assert read_checkpoint(tmp_path).sha256 != whole


def test_scalars_and_open_shapes_are_read(tmp_path: Path) -> None:
    text = ff.ir_xml(const='element_type="f32" shape="" offset="4" size="4"').replace(
        "<dim>2</dim><dim>3</dim>", "<dim>-1</dim>"
    )
    (tmp_path / "n.xml").write_text(text)
    (tmp_path / "n.bin").write_bytes(_DATA)
    graph = read_checkpoint(tmp_path / "n.xml").root
    assert graph.constants["m.weight"].numpy() == 1.0
    assert graph.layers[0].outputs == {0: (-1,)}


def test_a_graph_without_its_numbers_says_what_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path, "net", "Decoder")
    path.with_suffix(".bin").unlink()
    with pytest.raises(UnreadableFileError) as refusal:
        read_checkpoint(path)
    assert refusal.value.hint == 'Put "net.bin" beside it.'
