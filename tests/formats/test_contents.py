"""A path becomes contents: the right file of a folder, its hash, its side files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import format_files as ff
import numpy as np
import pytest

from latentstudio.errors import UnreadableFileError
from latentstudio.formats import read_checkpoint, walk_arrays, write_safetensors

_TORCH = ff.zip_bytes(ff.torch_parts())


def test_the_ending_of_a_name_means_nothing(tmp_path: Path) -> None:
    for name in ("model.txt", "model.safetensors", "model"):
        (tmp_path / name).write_bytes(_TORCH)
        assert read_checkpoint(tmp_path / name).kind == "torch-zip"
        assert read_checkpoint(str(tmp_path / name)).kind == "torch-zip"


def test_a_link_to_a_file_is_read_as_the_file(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(_TORCH)
    (tmp_path / "link.pt").symlink_to("model.pt")
    contents = read_checkpoint(tmp_path / "link.pt")
    assert contents.path.name == "link.pt"
    assert contents.sha256 == hashlib.sha256(_TORCH).hexdigest()
    assert contents.size_bytes == len(_TORCH)


def test_a_folder_reads_its_usual_weights_and_configuration(tmp_path: Path) -> None:
    (tmp_path / "other.pt").write_bytes(_TORCH)
    (tmp_path / "config.json").write_text(json.dumps({"z_dim": 8}))
    write_safetensors(tmp_path / "model.safetensors", {"a": np.ones(2, np.float32)}, {"k": "v"})
    contents = read_checkpoint(tmp_path)
    assert contents.kind == "folder"
    assert contents.side_files == {"config.json": {"z_dim": 8}}
    assert contents.metadata == {"k": "v"}
    lines = [
        f"{name}\0{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}\n"
        for name in ("config.json", "model.safetensors")
    ]
    assert contents.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_folder_with_one_model_is_that_model(tmp_path: Path) -> None:
    (tmp_path / "network-snapshot-000100.pkl").write_bytes(ff.program(b"}"))
    (tmp_path / "notes.txt").write_text("hello")
    assert read_checkpoint(tmp_path).root == {}


@pytest.mark.parametrize("text", ["[1, 2]", "{broken", "[" * 100_000, '{"a": "\ud800"}'])
def test_side_files_that_make_no_sense_are_left_out(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(_TORCH)
    (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert read_checkpoint(tmp_path / "model.pt").side_files == {}


def test_a_description_names_the_first_arrays(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(_TORCH)
    told = read_checkpoint(tmp_path / "model.pt").describe()
    assert told["kind"] == "torch-zip"
    assert told["keys"] == ["weight"]
    assert told["arrays"] == {"weight": "float32 [2, 3]"}
    assert told["array_count"] == 1


def test_arrays_are_found_in_every_corner_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(ff.nvidia_pickle(np.ones((2, 3), np.float32)))
    names = [name for name, _ in walk_arrays(read_checkpoint(tmp_path / "a.pkl").root)]
    assert len(names) == 2
    assert names[0].startswith("G_ema.0.state._modules.layer.")


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<html>", "browser"),
        (b"", "download"),
        (b"\x1f\x8b" + bytes(20), "Unpack"),
    ],
)
def test_a_common_mistake_comes_with_a_hint(data: bytes, hint: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(data)
    with pytest.raises(UnreadableFileError) as refusal:
        read_checkpoint(path)
    assert refusal.value.message.startswith('Can\'t read "x.pkl": it is ')
    assert hint in refusal.value.hint
    assert refusal.value.path == path


def test_a_file_that_vanishes_before_it_is_hashed_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(_TORCH)
    contents = read_checkpoint(tmp_path / "model.pt")
    (tmp_path / "model.pt").unlink()
    with pytest.raises(UnreadableFileError, match="no such file"):
        _ = contents.sha256
