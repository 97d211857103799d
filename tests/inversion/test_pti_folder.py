"""Folders of the published pivotal tuning become recipes that draw the tuned generator's pictures."""

from __future__ import annotations

import numpy as np
import pytest
import stylegan2_files
import torch
from nvidia_files import whole, write, write_with_torch
from typer.testing import CliRunner

from latentstudio.cli.main import app
from latentstudio.document.recipe_json import loads
from latentstudio.engine.render import render
from latentstudio.errors import InputError
from latentstudio.inversion.pictures import exact_picture
from latentstudio.inversion.pti_folder import read_pti_folder
from latentstudio.media.image import find_recipe_text, read_pixels
from latentstudio.models.registry import load_generator

pytestmark = pytest.mark.usefixtures("home")
ROWS = 6


def shaken(module, random):
    """The same generator with all its parameters moved a little, as a tuning leaves it."""
    for name, value in module.parameters.items():
        module.parameters[name] = value + 0.03 * value.std(correction=0) * torch.randn(
            value.shape, generator=random
        )
    for child in module.children.values():
        shaken(child, random)
    return module


@pytest.fixture
def model_path(tmp_path):
    return write(tmp_path / "network.pkl", whole(stylegan2_files.make()))


@pytest.fixture
def generator(model_path):
    return load_generator(model_path, "cpu")


@pytest.fixture
def folder(tmp_path):
    """Two pivots as the published code leaves them, one with its tuned generator."""
    found = tmp_path / "out"
    random = torch.Generator().manual_seed(3)
    for name in ("anna", "bert"):
        place = found / "embeddings" / "faces" / "PTI" / name
        place.mkdir(parents=True)
        torch.save(torch.randn((1, ROWS, 8), generator=random), place / "0.pt")
    checkpoints = found / "checkpoints"
    checkpoints.mkdir()
    tuned = shaken(stylegan2_files.make(), random)
    write_with_torch(checkpoints / "model_ABCDEFGH_anna.pt", tuned)
    write(tmp_path / "tuned.pkl", whole(tuned))
    return found


def test_a_tuned_pivot_draws_the_tuned_generators_picture(folder, generator, tmp_path):
    found = dict(read_pti_folder(folder, generator))
    assert list(found) == ["anna", "bert"]
    tuned = load_generator(tmp_path / "tuned.pkl", "cpu")
    anna, bert = found["anna"], found["bert"]
    assert anna.tuning is not None
    assert bert.tuning is None
    wanted, plain = (exact_picture(one, anna.ws, ())[1].astype(int) for one in (tuned, generator))
    drawn = render(anna.to_recipe(generator.info), generator)
    assert np.array_equal(drawn, anna.image)
    # Eight bits a weight: what they leave out is a hundredth of what the tuning has changed.
    assert np.abs(drawn - wanted).max() <= 2
    assert np.abs(drawn - wanted).mean() < 0.05 * np.abs(plain - wanted).mean()
    assert np.array_equal(render(bert.to_recipe(generator.info), generator), bert.image)


def test_the_command_turns_a_folder_into_pictures_with_their_tunings(folder, model_path, tmp_path):
    out = tmp_path / "recipes"
    result = CliRunner().invoke(app, ["invert", str(model_path), str(folder), "--out", str(out)])
    assert result.exit_code == 0, result.output
    generator = load_generator(model_path, "cpu")
    recipe = loads(find_recipe_text(out / "anna.png"))
    assert recipe.tuning is not None
    assert (out / recipe.tuning.name).is_file()
    assert np.array_equal(render(recipe, generator), read_pixels(out / "anna.png"))
    assert np.load(out / "bert_projected_w.npz")["w"].shape == (1, ROWS, 8)


def test_a_tuned_form_of_another_model_and_a_folder_without_pivots_are_refused(folder, tmp_path):
    other = load_generator(write(tmp_path / "other.pkl", whole(stylegan2_files.make(seed=1))), "cpu")
    wide = load_generator(
        write(tmp_path / "wide.pkl", whole(stylegan2_files.make(channels=(12, 8, 6)))), "cpu"
    )
    with pytest.raises(InputError, match="another model"):
        list(read_pti_folder(folder, wide))
    # Of the same shape: the difference is large, and still it is told exactly.
    assert dict(read_pti_folder(folder, other))["anna"].tuning is not None
    with pytest.raises(InputError, match="no pivot"):
        list(read_pti_folder(folder / "checkpoints", wide))
