from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentstudio.document.edits import DirectionEdit
from latentstudio.document.film import CURVE, PATHS, Film, Keyframe
from latentstudio.document.film_file import SUFFIX, film_digest, film_dumps, film_loads, read_film, write_film
from latentstudio.document.recipe import ModelRef, Noise, Recipe, Source
from latentstudio.document.walks import published_seeds, seed_walk, slider_sweep, with_other_seeds
from latentstudio.errors import InputError, NewerVersionError, RecipeError
from latentstudio.latent.directions import Direction
from latentstudio.latent.interpolation import EASINGS
from latentstudio.latent.sampling import z_from_seed
from latentstudio.latent.spaces import Latent


def seeds(*numbers: int, step: int = 10, **options: object) -> Film:
    keyframes = tuple(Keyframe(i * step, Recipe.from_seed(n)) for i, n in enumerate(numbers))
    return Film(keyframes, (len(numbers) - 1) * step + 1).changed(**options)


@st.composite
def films(draw: st.DrawFn) -> Film:
    frames = sorted(draw(st.sets(st.integers(0, 60), min_size=1, max_size=6)))
    keyframes = tuple(
        Keyframe(
            frame,
            Recipe.from_seed(draw(st.integers(0, 5)), truncation_psi=draw(st.floats(0, 1))),
            draw(st.sampled_from(PATHS)),
            draw(st.sampled_from(sorted(EASINGS))),
        )
        for frame in frames
    )
    length = frames[-1] + draw(st.integers(1, 20))
    return Film(keyframes, length, draw(st.booleans()), draw(st.sampled_from([24.0, 29.97, 60.0])), 8)


def weights_of(recipe: Recipe) -> np.ndarray:
    """The start as a point: where each seed of the tests stands at its own weight."""
    point = np.zeros(6)
    for source in recipe.sources:
        point[source.seed] += source.weight
    return point


@settings(deadline=None)
@given(films())
def test_at_a_keyframe_the_film_is_that_keyframe(film: Film):
    for keyframe in film.keyframes:
        assert film.recipe_at(keyframe.frame) is keyframe.recipe
        if film.closed:
            assert film.recipe_at(keyframe.frame + film.length) is keyframe.recipe


@settings(deadline=None)
@given(films(), st.floats(0, 80))
def test_every_moment_has_a_recipe_whose_weights_in_w_sum_to_one(film: Film, frame: float):
    recipe = film.recipe_at(frame)
    if recipe.combine == "w":
        assert weights_of(recipe).sum() == pytest.approx(1)


@settings(deadline=None)
@given(films())
def test_a_film_never_jumps_unless_it_holds(film: Film):
    for left in film.segments:
        keyframe = film.keyframes[left.left]
        if keyframe.path in ("hold", "spherical"):
            continue
        after = film.recipe_at(left.begin + 1e-7)
        assert weights_of(after) == pytest.approx(weights_of(keyframe.recipe), abs=1e-4)
        assert after.truncation_psi == pytest.approx(keyframe.recipe.truncation_psi, abs=1e-4)
        before = film.recipe_at(left.end - 1e-7)
        following = film.keyframes[left.right].recipe
        assert weights_of(before) == pytest.approx(weights_of(following), abs=1e-4)


@settings(deadline=None)
@given(films())
def test_a_film_file_gives_the_film_back(film: Film):
    assert film_loads(film_dumps(film)) == film
    assert film_digest(film_loads(film_dumps(film))) == film_digest(film)


def test_a_closed_film_ends_where_it_began():
    film = seeds(1, 2, 3, closed=True, length=30)
    end = weights_of(film.recipe_at(30 - 1e-6))
    assert end == pytest.approx(weights_of(Recipe.from_seed(1)), abs=1e-5)


def test_a_curve_beside_a_straight_way_runs_over_the_end_of_a_closed_film():
    film = seeds(0, 1, 2, 3, closed=True, length=40).replaced(1, path="linear")
    # The curve goes by 2, 3, 0, 1: at the seam it has no corner.
    step = 1e-3
    before, here, after = (weights_of(film.recipe_at(40 + x)) for x in (-step, 0, step))
    assert (here - before) / step == pytest.approx((after - here) / step, abs=1e-2)


def test_editing_keeps_keyframes_apart_and_the_film_long_enough():
    film = seeds(1, 2, 3)
    assert [k.frame for k in film.moved(1, 500).keyframes] == [0, 19, 20]
    assert film.moved(2, 99).length == 100
    assert film.with_keyframe(Keyframe(10, Recipe.from_seed(9))).keyframes[1].recipe.seed == 9
    assert len(film.with_keyframe(Keyframe(5, Recipe.from_seed(9))).keyframes) == 4
    assert [k.frame for k in film.without(0).keyframes] == [10, 20]
    assert [k.frame for k in film.stretched(3).keyframes] == [0, 1, 2]
    assert [k.frame for k in film.stretched(42).keyframes] == [0, 20, 40]
    with pytest.raises(InputError, match="needs a keyframe"):
        seeds(1).without(0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Film((), 10),
        lambda: seeds(1, 2, length=5),
        lambda: seeds(1, frame_rate=0.0),
        lambda: seeds(1, frame_rate=float("nan")),
        lambda: Film((Keyframe(3, Recipe()), Keyframe(3, Recipe())), 10),
        lambda: Keyframe(-1, Recipe()),
        lambda: Keyframe(0, Recipe(), "zigzag"),
        lambda: Keyframe(0, Recipe(), CURVE, "bounce"),
        lambda: Film((Keyframe(0, Recipe(ModelRef("a"))), Keyframe(1, Recipe(ModelRef("b")))), 10),
    ],
)
def test_what_is_no_film_is_refused_in_a_sentence(make: object):
    with pytest.raises(InputError):
        make()


def test_another_frame_rate_takes_the_same_time():
    film = seeds(1, 2, length=60)
    assert film.moments() == list(range(60))
    assert film.moments(60.0) == [i / 2 for i in range(120)]
    assert film.moments(10.0) == [3.0 * i for i in range(20)]


def test_a_walk_passes_its_seeds_and_a_published_grid_deals_them_as_the_original():
    film = seed_walk(Recipe(truncation_psi=0.7), [4, 5, 6], 8)
    assert (film.length, film.closed, film.frame_rate) == (24, True, 60.0)
    assert [film.recipe_at(8 * i).seed for i in range(3)] == [4, 5, 6]
    assert seed_walk(Recipe(), [4, 5], 8, closed=False).length == 9
    assert published_seeds([0, 1, 2, 3], 2, 1) == [[0, 1], [2, 3]]
    assert published_seeds([0, 1, 2], 2, 1, keyframes=2) == [[0, 1], [2, 0]]
    expected = np.array([0, 1, 2, 3])
    np.random.RandomState(7).shuffle(expected)
    assert published_seeds([0, 1, 2, 3], 2, 1, shuffle_seed=7) == expected.reshape(2, 2).tolist()
    with pytest.raises(InputError, match="divided"):
        published_seeds([0, 1, 2], 2, 1)


def test_other_seeds_and_a_sweep_make_films_of_the_same_kind():
    film = with_other_seeds(seeds(1, 2), 100)
    assert [k.recipe.seed for k in film.keyframes] == [101, 102]
    slider = DirectionEdit(Direction("Turn", "z", Latent(np.ones(4))), 0.3)
    sweep = slider_sweep(Recipe(directions=(slider,)), 0, -2, 2, 10, frame_rate=25.0)
    assert [sweep.recipe_at(f).directions[0].amount for f in (0, 5, 10, 15)] == [-2, 0, 2, 0]


def test_a_damaged_film_file_is_told_in_one_sentence(tmp_path):
    path = tmp_path / f"walk{SUFFIX}"
    write_film(path, seeds(1, 2))
    assert read_film(path) == seeds(1, 2)
    text = path.read_text()
    for wrong, kind in (
        (
            text.replace('"version": 1', '"version": 9', 1).replace('"version": 1', '"version": 9'),
            RecipeError,
        ),
        (text.replace('"length": 11', '"length": 1.5'), RecipeError),
        (text.replace('"path": "curve"', '"path": 3'), RecipeError),
        (text.replace('"closed": false', '"closed": NaN'), RecipeError),
        (text[:100], RecipeError),
        ("[" * 100_000, RecipeError),
        ("{}", RecipeError),
    ):
        path.write_text(wrong)
        with pytest.raises(kind):
            read_film(path)
    newer = film_dumps(seeds(1)).rsplit('"version": 1', 1)
    with pytest.raises(NewerVersionError):
        film_loads('"version": 2'.join(newer))


def test_noise_between_two_others_is_kept_in_the_file():
    noise = Noise("random", 1, (), Noise("const"), 0.25)
    film = Film((Keyframe(0, Recipe(sources=(Source(seed=2),), noise=noise)),), 1)
    assert film_loads(film_dumps(film)) == film


def test_the_z_of_a_seed_is_what_a_path_on_the_sphere_turns():
    film = Film(
        (Keyframe(0, Recipe.from_seed(1), "spherical"), Keyframe(10, Recipe.from_seed(2))), 11, z_dim=8
    )
    recipe = film.recipe_at(5)
    z = sum(s.weight * z_from_seed(s.seed, 8) for s in recipe.sources)
    lengths = [np.linalg.norm(z_from_seed(s, 8)) for s in (1, 2)]
    assert np.linalg.norm(z) == pytest.approx(np.mean(lengths), rel=1e-5)
