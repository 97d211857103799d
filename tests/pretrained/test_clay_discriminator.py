"""The discriminator as a file: its opinion is that of training, and the program finds it beside a model."""

import json

import numpy as np
import pytest
import torch
from pack import deviation, write_discriminator
from reached import distances, reached, told_apart
from trainable import Discriminator

from latentstudio.engine.examples import realism_score
from latentstudio.errors import MismatchError, UnreadableFileError
from latentstudio.formats import read_checkpoint, write_safetensors
from latentstudio.inversion.distance import make_distance
from latentstudio.models.discriminators import load_discriminator
from latentstudio.models.discriminators.own import METADATA_KEY, OwnConfig, beside, read_own, write_own
from latentstudio.models.registry import load_generator
from latentstudio.models.spec import as_float32, write_spec


@pytest.fixture(params=[1, 2])
def trained(request):
    torch.manual_seed(0)
    net = Discriminator(16, (10, 8, 6), fold=request.param, told=7)
    for parameter in net.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return net


def state_of(net):
    return {"d": net.state_dict(), "counters": (10, 160_000, 5.0)}


def pictures(count=16):
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


def as_seen(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def test_the_stored_one_has_the_opinion_of_training(trained, tmp_path):
    path = tmp_path / "any.discriminator.safetensors"
    config = write_discriminator(state_of(trained), pictures(), path)
    assert (config.resolution, config.fold) == (16, trained.fold)
    judge, x = read_own(path), as_seen(pictures())
    assert judge.config == config
    with torch.no_grad():
        # In training, pictures that are all alike have no deviation among them: so does one alone.
        alike = x[:1].expand(4, -1, -1, -1)
        alone = read_own(path)
        alone.config = OwnConfig(16, trained.fold)
        torch.testing.assert_close(alone(x[:1]), trained(alike)[0, :1], rtol=1e-2, atol=1e-2)
        # Among others, it gives about the scores that it gives one by one in usual company.
        torch.testing.assert_close(judge(x), trained(x)[:, 0], rtol=0.1, atol=0.1)
        torch.testing.assert_close(judge(x[3:4]), judge(x)[3:4], rtol=1e-4, atol=1e-4)


def test_it_remembers_how_unlike_pictures_usually_are(trained):
    level = torch.randn(16, 8, 4, 4)
    assert deviation(level) == pytest.approx(0.8, abs=0.15)
    assert deviation(level[:1].expand(8, -1, -1, -1)) == pytest.approx(1e-4)


def test_what_was_asked_about_features_is_left_out(trained, tmp_path):
    state = state_of(trained)
    assert any("asked" in name for name in state["d"])
    write_discriminator(state, pictures(4), tmp_path / "a.discriminator.safetensors")
    assert not any("asked" in name for name in read_checkpoint(tmp_path / "a.discriminator.safetensors").root)


def test_the_program_finds_it_beside_the_model_and_uses_it(trained, tiny_spec, tmp_path):
    path = tmp_path / "model.safetensors"
    write_spec(path, tiny_spec)
    assert load_discriminator(path) is None
    write_discriminator(state_of(trained), pictures(), beside(path))
    judge, generator = load_discriminator(path), load_generator(path, device="cpu")
    assert judge.resolution == generator.info.img_resolution
    images = pictures(3)
    scores = realism_score(generator)(images.astype(np.float32) / 255, None)
    np.testing.assert_allclose(scores, judge(as_seen(images)).numpy(), atol=1e-4)
    x = as_seen(images).requires_grad_()
    apart = make_distance("discriminator", generator).prepare(as_seen(images[::-1].copy()))(x)
    assert apart[0] > 100 * apart[1]  # the middle one is compared with itself
    apart.sum().backward()
    assert x.grad.abs().sum() > 0


def test_what_does_not_fit_is_refused_and_leaves_the_model_without_one(trained, tmp_path):
    path = tmp_path / "model.safetensors"
    write_discriminator(state_of(trained), pictures(), beside(path))
    contents = read_checkpoint(beside(path))
    arrays = {name: as_float32(value) for name, value in contents.root.items()}
    with pytest.raises(MismatchError, match="does not fit"):
        write_own(tmp_path / "b.safetensors", OwnConfig(32), arrays)
    with pytest.raises(MismatchError, match="does not fit"):
        write_own(
            tmp_path / "b.safetensors",
            OwnConfig(16, trained.fold),
            {k: a for k, a in arrays.items() if k != "skip.0.weight"},
        )
    for header in (
        {"version": 1},
        {"version": 1, "resolution": "large"},
        {"version": 1, "resolution": None},
        [],
    ):
        write_safetensors(beside(path), arrays, {METADATA_KEY: json.dumps(header)})
        with pytest.raises(UnreadableFileError, match="damaged"):
            read_own(beside(path))
        assert load_discriminator(path) is None
    header = {"version": 2, "resolution": 16}
    write_safetensors(beside(path), arrays, {METADATA_KEY: json.dumps(header)})
    assert load_discriminator(path) is None


def test_shares_that_lie_among_the_others_are_those_of_clouds_that_are_known():
    random = np.random.default_rng(0)
    data = random.standard_normal((400, 4))
    assert distances(data[:3], data[:5]) == pytest.approx(
        np.linalg.norm(data[:3, None] - data[None, :5], axis=2), abs=1e-2
    )
    alike = reached(random.standard_normal((400, 4)), data)
    assert min(alike.values()) > 0.85
    far = reached(data + 50, data)
    assert far == {"precision": 0.0, "recall": 0.0, "coverage": 0.0}
    # One picture again and again, hardly changed: true to the data, and nothing of its variety.
    collapsed = reached(data[np.abs(data).sum(1).argmin()] + 1e-3 * random.standard_normal((400, 4)), data)
    assert collapsed["precision"] > 0.95
    assert collapsed["recall"] < 0.1
    assert collapsed["coverage"] < 0.1


def test_scores_that_say_nothing_tell_apart_by_chance_and_others_by_rank():
    assert told_apart(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1
    assert told_apart(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 0.5
    assert told_apart(np.array([1.0, 3.0]), np.array([2.0])) == 0.5
