from __future__ import annotations

import numpy as np
import pytest
import torch

from latentstudio import render
from latentstudio.document.recipe import (
    ChannelEdit,
    DirectionEdit,
    FeatureEdit,
    ModelRef,
    Noise,
    NoiseLayer,
    Recipe,
    Source,
    StyleMix,
)
from latentstudio.engine.latents import resolve_ws
from latentstudio.engine.render import Renderer
from latentstudio.errors import CancelledError, InputError, ModelNotFoundError
from latentstudio.latent.directions import Direction, coordinate_direction
from latentstudio.latent.sampling import z_from_seed
from latentstudio.latent.spaces import Latent

W_DIRECTION = Direction("w", "w", Latent(np.linspace(-1, 1, 8)))


def test_a_recipe_gives_the_pixels_of_the_plain_api(tiny):
    recipe = Recipe.from_seed(3, truncation_psi=0.7, truncation_cutoff=2)
    img = tiny(z_from_seed(3, 8)[None], truncation_psi=0.7, truncation_cutoff=2)
    expected = (img * 127.5 + 128).clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0).numpy()
    assert np.array_equal(render(recipe, tiny), expected)


def test_the_cache_changes_no_pixel_and_saves_the_stages_before_the_edit(tiny):
    renderer = Renderer(tiny)
    base = Recipe.from_seed(1)
    first = renderer.frame(base)
    assert first.stages_run == len(tiny.stages)
    assert renderer.frame(base).stages_run == 0

    late = base.changed(directions=(DirectionEdit(W_DIRECTION, 2.0, 5, 6),))
    edited = renderer.frame(late)
    assert edited.stages_run == 1
    assert np.array_equal(edited.image, render(late, tiny))
    assert not np.array_equal(edited.image, first.image)
    assert np.array_equal(renderer.frame(base).image, first.image)


def test_two_edits_side_by_side_keep_their_caches(tiny):
    renderer = Renderer(tiny)
    a, b = Recipe.from_seed(1), Recipe.from_seed(2)
    renderer.frame(a)
    renderer.frame(b)
    assert renderer.frame(a).stages_run == 0
    assert renderer.frame(b).stages_run == 0


def test_noise_is_part_of_the_key(tiny):
    renderer = Renderer(tiny)
    pictures = [
        renderer.frame(Recipe.from_seed(1, noise=noise)).image
        for noise in (Noise(), Noise("none"), Noise("random", 1), Noise("random", 2), Noise("random", 1))
    ]
    assert np.array_equal(pictures[2], pictures[4])
    for i, j in ((0, 1), (0, 2), (1, 2), (2, 3)):
        assert not np.array_equal(pictures[i], pictures[j])


def test_random_noise_of_a_seed_is_what_the_published_tools_draw(tiny):
    ws = tiny.mapping(z_from_seed(4, 8)[None])
    torch.manual_seed(77)
    expected = tiny.to_uint8(tiny.synthesis(ws, "random"))[0].permute(1, 2, 0).numpy()
    assert np.array_equal(render(Recipe.from_seed(4, noise=Noise("random", 77)), tiny), expected)


def test_a_small_cache_forgets_but_stays_within_its_bound(tiny):
    renderer = Renderer(tiny, cache_bytes=20_000)
    for seed in range(12):
        renderer.frame(Recipe.from_seed(seed))
        assert renderer.cache.used_bytes <= 20_000
    assert np.array_equal(renderer.frame(Recipe.from_seed(0)).image, render(Recipe.from_seed(0), tiny))


def test_a_budget_that_does_not_fit_gives_an_earlier_picture_and_says_so(tiny, monkeypatch):
    monkeypatch.setattr("latentstudio.engine.render.SMALLEST_PX", 8)
    renderer = Renderer(tiny, cache_bytes=0)
    recipe = Recipe.from_seed(1)
    exact = renderer.frame(recipe)
    preview = renderer.frame(recipe, budget_ms=0.0)
    assert exact.is_exact
    assert not preview.is_exact
    assert 0 < preview.stages_run < exact.stages_run
    assert preview.image.shape == exact.image.shape
    assert renderer.frame(recipe, budget_ms=10_000).is_exact


def test_a_slow_first_run_blurs_one_move_of_the_hand_and_no_more(tiny, monkeypatch):
    monkeypatch.setattr("latentstudio.engine.render.SMALLEST_PX", 8)
    clock, run_stage = [0.0], tiny.run_stage

    def timed(index, state, inputs):
        clock[0] += 0.001 if clock[0] else 0.1  # the very first sets the library up
        return run_stage(index, state, inputs)

    monkeypatch.setattr(tiny, "run_stage", timed)
    monkeypatch.setattr("latentstudio.engine.render.time.perf_counter", lambda: clock[0])
    renderer = Renderer(tiny, cache_bytes=0)
    assert renderer.frame(Recipe.from_seed(1)).is_exact
    moves = [renderer.frame(Recipe.from_seed(1), budget_ms=50).is_exact for _ in range(3)]
    assert moves == [False, True, True]


def test_a_picture_too_small_to_follow_is_never_shown_whatever_the_budget(tiny):
    renderer = Renderer(tiny, cache_bytes=0)
    recipe = Recipe.from_seed(1)
    exact = renderer.frame(recipe)
    assert max(tiny.stages[-1].resolution) < 64, "every early picture of this network is tiny"
    hurried = renderer.frame(recipe, budget_ms=0.0)
    assert hurried.stages_run == exact.stages_run
    assert np.array_equal(hurried.image, exact.image)


def test_a_picture_can_be_abandoned_between_stages(tiny):
    with pytest.raises(CancelledError):
        Renderer(tiny).frame(Recipe.from_seed(1), should_stop=lambda: True)


def test_sliders_in_z_act_before_the_mapping_and_on_their_rows_only(tiny):
    turn = coordinate_direction("Turn", 0, 8)
    z = z_from_seed(2, 8)
    moved = z.copy()
    moved[0] += 1.5
    plain, turned = (tiny.mapping(v[None])[0].numpy() for v in (z, moved))
    everywhere = resolve_ws(Recipe.from_seed(2, directions=(DirectionEdit(turn, 1.5),)), tiny)
    assert np.array_equal(everywhere, turned)
    some = resolve_ws(Recipe.from_seed(2, directions=(DirectionEdit(turn, 1.5, 2, 4),)), tiny)
    assert np.array_equal(some[2:4], turned[2:4])
    assert np.array_equal(some[[0, 1, 4, 5]], plain[[0, 1, 4, 5]])


def test_weighted_seeds_meet_around_the_mean(tiny):
    a, b = (tiny.mapping(z_from_seed(s, 8)[None])[0].numpy() for s in (1, 2))
    mean = tiny.mean_latent.numpy()
    mixed = resolve_ws(Recipe(sources=(Source(seed=1, weight=0.75), Source(seed=2, weight=0.5))), tiny)
    assert np.allclose(mixed, 0.75 * (a - mean) + 0.5 * (b - mean) + mean, atol=1e-6)


def test_given_latents_are_taken_as_they_are(tiny):
    ws = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    assert np.array_equal(resolve_ws(Recipe(sources=(Source("w+", None, Latent(ws)),)), tiny), ws)
    w = resolve_ws(Recipe(sources=(Source("w", None, Latent(ws[0])),)), tiny)
    assert np.array_equal(w, np.broadcast_to(ws[0], (6, 8)))


def test_what_does_not_fit_the_model_is_a_sentence(tiny):
    too_long = Direction("Beard", "w", Latent(np.ones(9)))
    turn = coordinate_direction("Turn", 0, 8)
    w_start = (Source("w", None, Latent(np.ones(8))),)
    for recipe, words in (
        (Recipe(directions=(DirectionEdit(too_long, 1.0),)), "Beard"),
        (Recipe(sources=(Source("z", None, Latent(np.ones(5))),)), "5 numbers"),
        (Recipe(sources=w_start, directions=(DirectionEdit(turn, 1.0),)), "acts on z"),
        (Recipe(sources=(Source("w+", None, Latent(np.ones((3, 8)))),)), "6 rows"),
    ):
        with pytest.raises(InputError, match=words):
            render(recipe, tiny)


def test_render_finds_the_model_by_its_hash(tiny, tiny_path):
    from latentstudio.models.library import KnownModel, remember_model

    recipe = Recipe.from_seed(5, model=ModelRef(tiny.info.sha256, "Tiny"))
    with pytest.raises(ModelNotFoundError, match="Tiny"):
        render(recipe)
    remember_model(KnownModel(str(tiny_path), tiny.info.sha256))
    assert np.array_equal(render(recipe), render(recipe, tiny))


def test_another_models_recipe_is_refused(tiny):
    with pytest.raises(ModelNotFoundError, match="another model"):
        render(Recipe(model=ModelRef("ab" * 32, "Horses")), tiny)


def test_mixed_rows_are_the_other_sources_to_the_last_bit(tiny):
    a, b = (resolve_ws(Recipe.from_seed(s, truncation_psi=0.7), tiny) for s in (1, 2))
    mixed = resolve_ws(
        Recipe.from_seed(1, truncation_psi=0.7, mixing=(StyleMix.of_rows(Source(seed=2), range(2, 4)),)), tiny
    )
    assert np.array_equal(mixed[2:4], b[2:4])
    assert np.array_equal(mixed[[0, 1, 4, 5]], a[[0, 1, 4, 5]])
    half = resolve_ws(Recipe.from_seed(1, mixing=(StyleMix(Source(seed=2), (0.5,)),)), tiny)
    plain = [resolve_ws(Recipe.from_seed(s), tiny) for s in (1, 2)]
    assert np.allclose(half[0], (plain[0][0] + plain[1][0]) / 2, atol=1e-6)
    assert np.array_equal(half[1:], plain[0][1:])


def test_the_order_of_mixing_sources_does_not_matter_where_they_share_no_row(tiny):
    parts = (StyleMix.of_rows(Source(seed=2), [0, 1]), StyleMix.of_rows(Source(seed=3), [4]))
    one, other = (resolve_ws(Recipe.from_seed(1, mixing=m), tiny) for m in (parts, parts[::-1]))
    assert np.array_equal(one, other)


def test_latent_arithmetic_in_z_is_the_classic_one(tiny):
    sources = tuple(Source(seed=s, weight=w) for s, w in ((1, 1.0), (2, -1.0), (3, 1.0)))
    z = sum(np.float32(s.weight) * z_from_seed(s.seed, 8) for s in sources)
    found = resolve_ws(Recipe(sources=sources, combine="z"), tiny)
    assert np.allclose(found, tiny.mapping(z[None])[0].numpy(), atol=1e-5)
    # This mapping normalises z by itself, so the length makes no difference to it.
    normal = resolve_ws(Recipe(sources=sources, combine="z normalized"), tiny)
    assert np.allclose(found, normal, atol=1e-4)
    with pytest.raises(InputError, match="summed in z"):
        render(Recipe(sources=(*sources, Source("w", None, Latent(np.ones(8)))), combine="z"), tiny)


def test_truncation_may_follow_a_curve_and_lead_to_ones_own_centre(tiny):
    ws = resolve_ws(Recipe.from_seed(1), tiny)
    mean = tiny.mean_latent.numpy()
    curve = resolve_ws(Recipe.from_seed(1, truncation_psi=0.5, truncation_curve=(1.0, 0.0)), tiny)
    assert np.array_equal(curve[0], ws[0])
    assert np.allclose(curve[1], mean, atol=1e-6)
    assert np.allclose(curve[2:], mean + 0.5 * (ws[2:] - mean), atol=1e-6)
    center = resolve_ws(Recipe.from_seed(2), tiny)
    moved = resolve_ws(
        Recipe.from_seed(1, truncation_psi=0.0, truncation_center=Source(seed=2), truncation_cutoff=3), tiny
    )
    assert np.allclose(moved[:3], center[:3], atol=1e-6)
    assert np.array_equal(moved[3:], ws[3:])


def test_noise_layers_differ_from_the_rest_as_asked(tiny):
    ws = tiny.mapping(z_from_seed(1, 8)[None])
    maps = {0: torch.zeros(1, 1, 4, 4), 2: 2 * tiny.draw_noise(9)[2]}
    own = np.random.default_rng(0).standard_normal(tiny.noise_shapes[3]).astype(np.float32)
    maps[3] = torch.from_numpy(own)[None, None]
    layers = (
        NoiseLayer(0, mode="none"),
        NoiseLayer(2, 2.0, "random", 9),
        NoiseLayer(3, values=Latent(own)),
    )
    expected = tiny.to_uint8(tiny.synthesis(ws, noise_maps=maps))[0].permute(1, 2, 0).numpy()
    found = render(Recipe.from_seed(1, noise=Noise("const", 0, layers)), tiny)
    assert np.array_equal(found, expected)
    for bad in (NoiseLayer(5), NoiseLayer(1, values=Latent(np.ones((3, 3))))):
        with pytest.raises(InputError, match=r"[Nn]oise"):
            render(Recipe(noise=Noise(layers=(bad,))), tiny)


def test_the_cache_knows_every_kind_of_edit(tiny):
    renderer = Renderer(tiny)
    base = Recipe.from_seed(1)
    seen = [renderer.frame(base).image]
    for edit in (
        {"mixing": (StyleMix.of_rows(Source(seed=2), [5]),)},
        {"noise": Noise(layers=(NoiseLayer(4, 3.0),))},
        {"noise": Noise(layers=(NoiseLayer(4, 0.0),))},
        {"channels": (ChannelEdit("b16.conv1", 2, 3.0, 2.0),)},
        {"channels": (ChannelEdit("b16.conv1", 2, -3.0, 2.0),)},
        {"features": (FeatureEdit("b8.conv1", 1, 0.0),)},
        {"features": (FeatureEdit("b8.conv1", 1, 2.0),)},
    ):
        recipe = base.changed(**edit)
        frame = renderer.frame(recipe)
        assert frame.stages_run < len(tiny.stages), edit
        assert np.array_equal(frame.image, render(recipe, tiny)), edit
        assert not any(np.array_equal(frame.image, other) for other in seen), edit
        seen.append(frame.image)
    assert np.array_equal(renderer.frame(base).image, seen[0])


def test_a_style_channel_moves_by_so_many_sigmas(tiny):
    recipe = Recipe.from_seed(1, channels=(ChannelEdit("b4.torgb", 3, 1.5, 2.0),))
    ws = tiny.mapping(z_from_seed(1, 8)[None])
    bias = tiny.blocks["b4"].torgb.affine.bias
    before = bias.clone()
    bias[3] += 3.0
    expected = tiny.to_uint8(tiny.synthesis(ws))[0].permute(1, 2, 0).numpy()
    bias.copy_(before)
    assert np.array_equal(render(recipe, tiny), expected)


def test_edits_that_name_what_is_not_there_are_sentences(tiny):
    for changes, words in (
        ({"channels": (ChannelEdit("b4.conv1", 99),)}, "style channel 99"),
        ({"channels": (ChannelEdit("nowhere", 0),)}, "nowhere"),
        ({"features": (FeatureEdit("nowhere", 0),)}, "nowhere"),
        ({"features": (FeatureEdit("b4.conv1", 99, 0.0),)}, "feature map 99"),
    ):
        with pytest.raises(InputError, match=words):
            render(Recipe(**changes), tiny)
