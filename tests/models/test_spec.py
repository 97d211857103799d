from __future__ import annotations

import json

import numpy as np
import pytest

from latentstudio.errors import InputError, MismatchError, NewerVersionError, UnreadableFileError
from latentstudio.formats import read_checkpoint, write_safetensors
from latentstudio.models.generator import Option, Provenance
from latentstudio.models.registry import build_network, load_generator, read_network
from latentstudio.models.spec import METADATA_KEY, is_own, read_spec, with_options, write_spec


def test_the_own_format_keeps_every_bit_and_every_word(tiny_spec, tmp_path):
    spec = tiny_spec.changed(notes=("a note",), options=(Option("depth", 1, 5, 5, True),))
    write_spec(tmp_path / "a.safetensors", spec)
    contents = read_checkpoint(tmp_path / "a.safetensors")
    assert is_own(contents)
    again = read_spec(contents)
    assert (again.architecture, again.config) == (spec.architecture, spec.config)
    assert (again.provenance, again.notes, again.options) == (spec.provenance, spec.notes, spec.options)
    assert again.arrays.keys() == spec.arrays.keys()
    for name, array in spec.arrays.items():
        assert array.shape == again.arrays[name].shape
        assert np.array_equal(array, again.arrays[name])


def test_sixteen_bits_halve_the_file_and_hardly_move_the_picture(tiny_spec, tiny, tmp_path):
    write_spec(tmp_path / "full.safetensors", tiny_spec)
    write_spec(tmp_path / "half.safetensors", tiny_spec, half=True)
    sizes = [(tmp_path / f"{n}.safetensors").stat().st_size for n in ("half", "full")]
    assert sizes[0] < 0.7 * sizes[1]
    z = np.random.default_rng(0).standard_normal((2, 8)).astype(np.float32)
    half = load_generator(tmp_path / "half.safetensors", device="cpu")
    assert float((half(z) - tiny(z)).abs().max()) < 0.05


def test_provenance_and_hash_reach_the_loaded_generator(tiny, tiny_path):
    contents = read_checkpoint(tiny_path)
    assert tiny.info.provenance.title == "Tiny"
    assert tiny.info.provenance.z_names == ("Turn", "Nod")
    assert tiny.info.sha256 == contents.sha256
    assert tiny.info.parameters == sum(p.numel() for p in tiny.parameters())
    assert not any(p.requires_grad for p in tiny.parameters())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop("input.bias"), "lacks"),
        (lambda a: a.update(extra=np.zeros(3, np.float32)), "more than it should"),
        (lambda a: a.update({"input.bias": np.zeros(3, np.float32)}), "has shape"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tiny_spec, change, words):
    arrays = dict(tiny_spec.arrays)
    change(arrays)
    with pytest.raises(MismatchError, match=words):
        build_network(tiny_spec.changed(arrays=arrays))


@pytest.mark.parametrize("config", [{}, {"blocks": 3}, {"mapping": None}])
def test_a_damaged_description_is_a_named_error(tiny_spec, config):
    with pytest.raises(MismatchError):
        build_network(tiny_spec.changed(config=config))


def test_damaged_and_newer_headers_are_refused(tiny_spec, tmp_path):
    path = tmp_path / "x.safetensors"
    arrays = {"a": np.zeros(1, np.float32)}
    for text in ("{", "[]", '{"version": "1"}', '{"version": 1}'):
        write_safetensors(path, arrays, {METADATA_KEY: text})
        with pytest.raises(UnreadableFileError):
            read_network(path)
    write_safetensors(path, arrays, {METADATA_KEY: json.dumps({"version": 99})})
    with pytest.raises(NewerVersionError):
        read_network(path)


def test_options_are_checked_before_they_change_anything(tiny_spec):
    spec = tiny_spec.changed(options=(Option("depth", 1, 5, 5, True), Option("alpha", 0, 1, 1)))
    assert with_options(spec, {"depth": 3, "alpha": 0.5}).config["depth"] == 3
    for values in ({"depth": 6}, {"depth": 2.5}, {"alpha": -1}, {"width": 1}):
        with pytest.raises(InputError):
            with_options(spec, values)


def test_a_title_is_found_for_a_file_that_has_none(tiny_spec, tmp_path):
    write_spec(tmp_path / "a.safetensors", tiny_spec.changed(provenance=Provenance()))
    assert load_generator(tmp_path / "a.safetensors").info.provenance.title in ("", "a")
