from __future__ import annotations

import json
import os

import numpy as np
import pytest

from latentstudio.document.direction_file import directions_beside, read_directions, write_directions
from latentstudio.errors import CheckpointError, InputError
from latentstudio.formats import write_safetensors
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

ROW = np.arange(8, dtype=np.float32)
SIZES = {"z_dim": 6, "w_dim": 8}


def test_the_own_form_keeps_everything(tmp_path):
    directions = [Direction("Smile", "w", Latent(ROW), 2.5, "pca"), Direction("Turn", "z", Latent(ROW[:6]))]
    write_directions(tmp_path / "a.directions.json", directions)
    assert read_directions(tmp_path / "a.directions.json", **SIZES) == directions


@pytest.mark.parametrize("array", [ROW, ROW[None], ROW[None, None]])
def test_one_row_is_one_direction_for_all_layers(tmp_path, array):
    np.save(tmp_path / "smile.npy", array)
    (found,) = read_directions(tmp_path / "smile.npy", **SIZES)
    assert (found.name, found.space, found.values.shape) == ("smile", "w", (8,))


@pytest.mark.parametrize("array", [np.ones((18, 8)), np.ones((1, 18, 8))])
def test_a_row_for_each_layer_is_one_direction(tmp_path, array):
    np.save(tmp_path / "pose.npy", array.astype(np.float32))
    (found,) = read_directions(tmp_path / "pose.npy", **SIZES)
    assert found.values.shape == (18, 8)


def test_ganspace_components_become_numbered_directions_with_their_sigmas(tmp_path):
    np.savez(tmp_path / "pca.npz", lat_comp=np.ones((5, 1, 8)), lat_stdev=np.arange(5.0) + 1, lat_mean=ROW)
    found = read_directions(tmp_path / "pca.npz", **SIZES)
    assert [d.sigma for d in found] == [1, 2, 3, 4, 5]
    assert found[0].name == "pca 1"


def test_a_dictionary_names_its_directions(tmp_path):
    write_safetensors(tmp_path / "a.safetensors", {"smile": ROW, "age": ROW[None] * 2, "mean": ROW})
    assert {d.name for d in read_directions(tmp_path / "a.safetensors", **SIZES)} == {"smile", "age"}


def test_the_length_decides_between_z_and_w_unless_it_is_said(tmp_path):
    np.save(tmp_path / "z.npy", ROW[:6])
    assert read_directions(tmp_path / "z.npy", **SIZES)[0].space == "z"
    np.save(tmp_path / "both.npy", ROW)
    assert read_directions(tmp_path / "both.npy", z_dim=8, w_dim=8)[0].space == "w"
    assert read_directions(tmp_path / "both.npy", z_dim=8, w_dim=8, space="z")[0].space == "z"


def test_another_models_file_is_refused_with_both_sizes(tmp_path):
    np.save(tmp_path / "big.npy", np.ones(512, np.float32))
    with pytest.raises(InputError, match=r"512 numbers, this model's w has 8"):
        read_directions(tmp_path / "big.npy", **SIZES)


def test_damage_is_a_named_error(tmp_path):
    np.save(tmp_path / "nan.npy", np.full(8, np.nan, np.float32))
    np.save(tmp_path / "text.npy", np.array(["a", "b"]))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "empty.npy").touch()
    (tmp_path / "broken.directions.json").write_text("{")
    (tmp_path / "other.directions.json").write_text(json.dumps({"format": "x"}))
    (tmp_path / "list.directions.json").write_text("[]")
    os.mkfifo(tmp_path / "pipe.directions.json")
    for path in tmp_path.iterdir():
        with pytest.raises((InputError, CheckpointError)):
            read_directions(path, **SIZES)


@pytest.mark.parity
def test_published_ffhq_directions_are_read(shared):
    folder = shared / "directions"
    sizes = {"z_dim": 512, "w_dim": 512}
    assert read_directions(folder / "e4e_ffhq/age.pt", **sizes)[0].values.shape == (512,)
    assert read_directions(folder / "e4e_ffhq/pose.pt", **sizes)[0].values.shape == (18, 512)
    pca = read_directions(folder / "e4e_ffhq/ffhq_pca.pt", **sizes)
    assert len(pca) == 80
    assert pca[0].sigma > pca[-1].sigma > 0
    for path in (folder / "interfacegan_stylegan1_ffhq").glob("*.npy"):
        assert len(read_directions(path, **sizes)) == 1


def test_directions_travel_beside_a_model_and_bad_ones_do_not_stop_it(tmp_path):
    model, beside = tmp_path / "faces.safetensors", tmp_path / "faces.directions.json"
    assert directions_beside(str(model), **SIZES) == []
    directions = [Direction("Smile in w", "w", Latent(ROW), 2.5)]
    write_directions(beside, directions)
    assert directions_beside(str(model), **SIZES) == directions
    assert directions_beside(str(model), z_dim=6, w_dim=9) == []
    beside.write_text("{")
    assert directions_beside(str(model), **SIZES) == []
    assert directions_beside("", **SIZES) == []
