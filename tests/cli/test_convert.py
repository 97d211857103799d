from __future__ import annotations

from pathlib import Path

import pytest
import torch

from latentstudio import load_generator
from latentstudio.cli.convert import largest_difference


def test_a_converted_model_draws_the_same_and_remembers_its_origin(
    cli, tiny_path: Path, tiny, tmp_path: Path
) -> None:
    ended = cli("convert", tiny_path, tmp_path / "copy.safetensors")
    assert ended.code == 0
    assert "at most 0 of 255" in ended.out
    copy = load_generator(tmp_path / "copy.safetensors", "cpu")
    assert copy.info.provenance.source_sha256 == tiny.info.sha256
    assert copy.info.provenance.origin == tiny_path.name
    assert copy.info.provenance.licence == "MIT"


def test_half_precision_halves_the_file_and_says_what_it_costs(cli, tmp_path: Path) -> None:
    ended = cli("convert", "clayfaces64", tmp_path / "half.safetensors", "--half")
    assert ended.code == 0
    assert (tmp_path / "half.safetensors").stat().st_size < 12e6  # 5.3 million weights
    # The bundled weights are stored in 16 bits already.
    assert "at most 0 of 255" in ended.out
    assert load_generator(tmp_path / "half.safetensors", "cpu").info.provenance.source_sha256 == ""


def test_the_back_check_sees_a_difference(tiny) -> None:
    import copy

    other = copy.deepcopy(tiny)
    with torch.no_grad():
        other.blocks["b16"].torgb.bias += 0.1
    assert largest_difference(tiny, other) >= 12


@pytest.fixture
def adjustable_path(tiny_spec, tmp_path: Path) -> Path:
    """The tiny network, with its number of ws rows left to a person."""
    from latentstudio.models.generator import Option
    from latentstudio.models.spec import write_spec

    path = tmp_path / "adjustable.safetensors"
    write_spec(path, tiny_spec.changed(options=(Option("num_ws", 6, 9, 6, True),)))
    return path


def test_an_option_is_shown_by_info_and_set_by_convert(cli, adjustable_path: Path, tmp_path: Path) -> None:
    assert "num_ws = 6, from 6 to 9" in cli("info", adjustable_path).out
    ended = cli("convert", adjustable_path, tmp_path / "more.safetensors", "--option", "num_ws=8")
    assert ended.code == 0
    assert load_generator(tmp_path / "more.safetensors", "cpu").info.num_ws == 8


@pytest.mark.parametrize("option", ["num_ws", "num_ws=many", "num_ws=99", "other=1"])
def test_an_option_that_does_not_fit_is_refused(cli, adjustable_path: Path, tmp_path: Path, option) -> None:
    ended = cli("convert", adjustable_path, tmp_path / "more.safetensors", "--option", option)
    assert (ended.code, ended.err.startswith("Error: ")) == (1, True)
    assert not (tmp_path / "more.safetensors").exists()


def test_refusals(cli, tiny_path: Path, tmp_path: Path) -> None:
    before = tiny_path.read_bytes()
    assert "same file" in cli("convert", tiny_path, tiny_path).err
    assert "does not end" in cli("convert", tiny_path, tmp_path / "x.pt").err
    assert cli("convert", tmp_path / "missing.pkl", tmp_path / "x.safetensors").code == 1
    assert cli("convert", tiny_path, tmp_path / "no" / "folder.safetensors").code == 1
    assert tiny_path.read_bytes() == before
