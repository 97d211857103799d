from __future__ import annotations

import numpy as np
import torch
from long_work import ended
from torch import Tensor

from latentstudio.engine.discovery import pca_job
from latentstudio.engine.starts import encode_job, latent_job
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State


class Plain(Generator):
    """One linear layer, then a picture; with `side`, z is a map that is a picture already."""

    def __init__(self, side: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        dim = 3 * side * side or 6
        self.side = side
        self.layer = torch.nn.Parameter(torch.randn(6, 48), requires_grad=False)
        self.stages = (StageInfo("only", (4, 4), (0,)),)
        self.info = GeneratorInfo(
            "plain", "Plain", dim, dim, 0, 1, side or 4, 3, (side or 4, side or 4), False,
            has_mapping=False, has_encoder=side > 0, z_shape=(3, side, side) if side else None,
        )  # fmt: skip

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        return z[:, None]

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        w = inputs.ws[:, 0]
        return State((w if self.side else w @ self.layer).reshape(len(w), 3, *self.info.img_size))

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def run(job, generator):
    return ended(job.start(generator))[1]


def test_without_a_mapping_the_components_are_those_of_the_first_layer():
    generator = Plain()
    found = run(pca_job(), generator)
    # For a linear layer and a normal z they are its left singular vectors, up to the samples' spread.
    left, strength, _ = np.linalg.svd(generator.layer.numpy())
    cosines = [abs(float(d.values.array @ left[:, i])) for i, d in enumerate(found)]
    assert len(found) == 6
    assert min(cosines[:2]) > 0.97
    assert strength[0] > strength[-1]
    assert np.allclose([d.sigma for d in found], 1, atol=0.1)


def test_components_of_a_map_move_a_whole_channel():
    generator = Plain(side=8)
    found = run(pca_job(), generator)
    assert len(found) == 3
    first = found[0].values.array.reshape(3, 64)
    assert np.allclose(first, first[:, :1])
    assert np.isclose(np.linalg.norm(first), 1, atol=1e-5)
    # The strongest component of natural colours is brightness.
    assert abs(first.sum(0)[0]) * 8 / np.sqrt(3) > 0.9
    assert found[0].sigma > found[1].sigma > 0


def test_a_picture_file_is_encoded_upright_and_cropped(tmp_path):
    from PIL import Image

    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:12] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    z = run(encode_job(tmp_path / "wide.png", "t"), Plain(side=8))
    assert np.array_equal(z.array, np.ones(3 * 64, np.float32))


def test_the_latent_of_a_recipe_is_what_the_stages_read(tiny):
    from latentstudio.document.recipe import Recipe
    from latentstudio.engine.latents import resolve_ws

    recipe = Recipe.from_seed(3, truncation_psi=0.5)
    assert np.array_equal(run(latent_job(recipe, "t"), tiny).array, resolve_ws(recipe, tiny))
