from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from latentstudio import render
from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import loads
from latentstudio.inversion import projector
from latentstudio.media.image import read_pixels, read_recipe_text

QUICK = ["--steps", "6", "--distance", "pixel", "--start", "mean", "--method", "published"]


@pytest.fixture
def photos(tmp_path, tiny):
    paths = []
    for seed in (1, 2):
        path = tmp_path / f"photo{seed}.png"
        Image.fromarray(render(Recipe.from_seed(seed), tiny)).save(path)
        paths.append(str(path))
    return paths


def test_each_photo_gives_a_picture_with_its_recipe_and_latents(cli, tiny, tiny_path, photos, tmp_path):
    out = tmp_path / "out"
    result = cli("invert", str(tiny_path), *photos, "--out", str(out), *QUICK)
    assert result.code == 0, result.err
    for name in ("photo1", "photo2"):
        recipe = loads(read_recipe_text(out / f"{name}.png"))
        assert np.array_equal(render(recipe, tiny), read_pixels(out / f"{name}.png"))
        with np.load(out / f"{name}_projected_w.npz") as stored:
            assert stored["w"].shape == (1, tiny.info.num_ws, 8)
    assert "pixel" in result.out


def test_the_same_seed_gives_identical_files(cli, tiny_path, photos, tmp_path):
    contents = []
    for name in ("a", "b"):
        cli("invert", str(tiny_path), photos[0], "--out", str(tmp_path / name), *QUICK)
        contents.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"photo1.png", "photo1_projected_w.npz"}


def test_latents_of_a_file_are_a_start(cli, tiny_path, photos, tmp_path):
    out = tmp_path / "out"
    cli("invert", str(tiny_path), photos[0], "--out", str(out), "--space", "w+", *QUICK)
    again = tmp_path / "again"
    ws = str(out / "photo1_projected_w.npz")
    result = cli(
        "invert", str(tiny_path), photos[0], "--out", str(again), "--space", "w+", *QUICK, "--start", ws
    )
    assert result.code == 0, result.err


def test_an_interrupt_keeps_what_is_there_and_resume_ends_as_if_nothing_had_happened(
    cli, tiny_path, photos, tmp_path, monkeypatch
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    cli("invert", str(tiny_path), photos[0], "--out", str(whole), *QUICK)
    real = projector.Fit._one

    def interrupted(self, *args):
        if self.step == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *args)

    monkeypatch.setattr(projector.Fit, "_one", interrupted)
    result = cli("invert", str(tiny_path), photos[0], "--out", str(parts), *QUICK)
    assert result.code == 130
    assert (parts / "photo1.fit.npz").is_file()
    partial = (parts / "photo1.png").read_bytes()
    monkeypatch.setattr(projector.Fit, "_one", real)
    result = cli("invert", str(tiny_path), photos[0], "--out", str(parts), *QUICK, "--resume")
    assert result.code == 0, result.err
    assert not (parts / "photo1.fit.npz").exists()
    for path in whole.iterdir():
        assert (parts / path.name).read_bytes() == path.read_bytes()
    assert partial != (parts / "photo1.png").read_bytes()


def test_resume_refuses_a_fit_of_other_options(cli, tiny_path, photos, tmp_path, monkeypatch):
    out = tmp_path / "out"
    real = projector.Fit._one

    def interrupted(self, *args):
        os.kill(os.getpid(), signal.SIGINT)
        return real(self, *args)

    monkeypatch.setattr(projector.Fit, "_one", interrupted)
    cli("invert", str(tiny_path), photos[0], "--out", str(out), *QUICK)
    result = cli("invert", str(tiny_path), photos[0], "--out", str(out), *QUICK, "--seed", "1", "--resume")
    assert result.code == 1
    assert "other options" in result.err


def test_a_tuned_photo_leaves_its_tuning_beside_the_picture(cli, tiny, tiny_path, photos, tmp_path):
    out = tmp_path / "out"
    result = cli("invert", str(tiny_path), photos[0], "--out", str(out), *QUICK, "--tune", "5")
    assert result.code == 0, result.err
    assert (out / "photo1.tuning.safetensors").is_file()
    again = tmp_path / "again.png"
    result = cli("render", str(out / "photo1.png"), "--out", str(again))
    assert result.code == 0, result.err
    assert np.array_equal(read_pixels(again), read_pixels(out / "photo1.png"))


def test_a_recipe_whose_tuning_comes_from_elsewhere_is_drawn_from_the_file_beside_it(
    cli, tiny_path, photos, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    cli("invert", str(tiny_path), photos[0], "--out", str(out), *QUICK, "--tune", "5")
    monkeypatch.setenv("LATENTSTUDIO_HOME", str(tmp_path / "another home"))
    cli("info", str(tiny_path))
    again = tmp_path / "again.png"
    from latentstudio.cli.model_argument import reference
    from latentstudio.models.registry import load_generator

    reference(load_generator(tiny_path, "cpu").info)
    result = cli("render", str(out / "photo1.png"), "--out", str(again))
    assert result.code == 0, result.err
    assert np.array_equal(read_pixels(again), read_pixels(out / "photo1.png"))


def test_what_can_not_be_read_is_skipped_with_the_reason(cli, tiny_path, photos, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    out = tmp_path / "out"
    result = cli("invert", str(tiny_path), str(broken), photos[0], "--out", str(out), *QUICK)
    assert result.code == 1
    assert (out / "photo1.png").is_file()
    assert "broken.png" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--space", "q"],
        ["--start", "nowhere"],
        ["--start", "missing.npz"],
        ["--weight", "pixel"],
        ["--weight", "smell=1"],
        ["--distance", "lpips"],
        ["--distance", "squeezenet"],
        ["--align", "face"],
        ["--align", "sideways"],
        ["--start", "encoder"],
    ],
)
def test_wrong_options_end_in_a_sentence(cli, tiny_path, photos, tmp_path, arguments):
    result = cli("invert", str(tiny_path), photos[0], "--out", str(tmp_path / "o"), *arguments)
    assert result.code in (1, 2)
    assert "Traceback" not in result.err


def test_a_folder_of_published_pivotal_tuning_is_read(cli, tiny, tiny_path, tmp_path):
    folder = tmp_path / "pti" / "embeddings" / "set" / "PTI" / "ann"
    folder.mkdir(parents=True)
    ws = torch.randn(1, tiny.info.num_ws, 8)
    torch.save(ws, folder / "0.pt")
    out = tmp_path / "out"
    result = cli("invert", str(tiny_path), str(tmp_path / "pti"), "--out", str(out))
    assert result.code == 0, result.err
    expected = tiny.to_uint8(tiny.synthesis(ws))[0].permute(1, 2, 0).numpy()
    assert np.array_equal(read_pixels(out / "ann.png"), expected)
