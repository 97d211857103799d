from __future__ import annotations

import numpy as np
import pytest
import torch
from clip_files import write_clip
from long_work import ended

from latentstudio import Recipe, render
from latentstudio.document.edits import ChannelEdit
from latentstudio.document.text_channels import with_text
from latentstudio.engine.exploring import style_statistics
from latentstudio.engine.text_directions import (
    PUSH,
    ChannelArrows,
    arrows_steps,
    text_channels,
    text_direction_job,
)
from latentstudio.errors import InputError, ModelNotFoundError
from latentstudio.models.clip import load_clip


@pytest.fixture
def clip(tmp_path):
    return load_clip(write_clip(tmp_path / "clip"))


def run(steps):
    told, value = ended(steps)
    return value, told


def test_an_arrow_is_the_mean_change_that_a_pushed_channel_makes(tiny, clip):
    known, _ = run(arrows_steps(tiny, clip, 2))
    deviations = {layer: std for layer, (_, std) in style_statistics(tiny).items()}
    assert len(known.layers) == sum(map(len, deviations.values()))
    for index in (0, 13, len(known.layers) - 1):
        layer, channel = known.layers[index], int(known.channels[index])
        change = 0
        for seed in range(2):
            looks = []
            for sign in (PUSH, -PUSH):
                edit = ChannelEdit(layer, channel, sign, float(deviations[layer][channel]))
                recipe = Recipe.from_seed(seed, truncation_psi=0.7, channels=(edit,))
                from latentstudio.engine.latents import resolve_inputs
                from latentstudio.models.generator import State

                state, inputs = State(), resolve_inputs(recipe, tiny)
                with torch.inference_mode():
                    for stage in range(len(tiny.stages)):
                        state = tiny.run_stage(stage, state, inputs)
                    looks.append(clip.pictures(tiny.image(state))[0].numpy())
            change = change + (looks[0] - looks[1]) / 2
        assert np.allclose(known.arrows[index], change / 2, atol=2e-5)
        assert known.sigmas[index] == pytest.approx(deviations[layer][channel])


def test_the_statistics_are_made_once_and_go_on_where_they_stopped(tiny, clip, monkeypatch):
    steps = arrows_steps(tiny, clip, 2)
    first, told = run(steps)
    assert told
    again, told = run(arrows_steps(tiny, clip, 2))
    assert told == []
    assert np.array_equal(first.arrows, again.arrows)
    more, told = run(arrows_steps(tiny, clip, 3))
    assert told
    assert told[0].done > 0
    assert more.samples == 3


def test_the_channels_most_along_the_way_of_the_words_are_chosen(clip):
    with torch.inference_mode():
        way = (clip.sentences(["smiling"]) - clip.sentences(["face"]))[0].numpy()
    # The prompts are put in several ways; the mean of them is near, not at, the plain one.
    noise = np.random.default_rng(0).normal(size=(6, len(way))).astype(np.float32) * 0.02
    arrows = np.stack([way, -0.5 * way, *noise[:4]]).astype(np.float32)
    known = ChannelArrows(("a",) * 6, np.arange(6), np.full(6, 0.5, np.float32), arrows, 1)
    edits = text_channels(known, clip, "face", "smiling", 2)
    amounts = {edit.channel: edit.amount for edit in edits}
    assert set(amounts) == {0, 1}
    assert sorted(map(abs, amounts.values()))[-1] == 1
    assert amounts[0] > 0 > amounts[1]
    assert all(edit.sigma == 0.5 for edit in edits)


def test_prompts_that_do_not_serve_are_told(clip):
    known = ChannelArrows(("a",), np.arange(1), np.ones(1, np.float32), np.ones((1, 16), np.float32), 1)
    for neutral, target in (("face", "face"), ("", "face")):
        with pytest.raises(InputError):
            text_channels(known, clip, neutral, target)


def test_a_direction_is_put_into_the_recipe_and_taken_out(tiny):
    own = ChannelEdit("b8.conv0", 1, 2.0)
    edits = (ChannelEdit("b8.conv0", 2, 1.0, 0.5), ChannelEdit("b8.conv1", 0, -0.5, 0.5))
    recipe = Recipe.from_seed(1, channels=(own,))
    moved = with_text(recipe, edits, 4.0)
    assert [e.amount for e in moved.channels] == [2.0, 4.0, -2.0]
    assert with_text(moved, edits, 2.0) == with_text(recipe, edits, 2.0)
    assert with_text(moved, edits, 0.0) == recipe
    assert not np.array_equal(render(moved, tiny), render(recipe, tiny))


def test_the_job_gives_channels_and_says_plainly_what_is_missing(tiny, tmp_path):
    folder = write_clip(tmp_path / "clip")
    edits, _ = run(text_direction_job(str(folder), "a face", "smiling", samples=1, count=5).start(tiny))
    assert len(edits) == 5
    assert max(abs(edit.amount) for edit in edits) == pytest.approx(1)
    with pytest.raises(ModelNotFoundError, match="no weights"):
        run(text_direction_job("", "a face", "smiling").start(tiny))
