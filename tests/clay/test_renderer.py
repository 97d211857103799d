"""The renderer of the clay heads (compiled once on a machine, which takes some seconds)."""

import subprocess
import sys

import numpy as np
import pytest

from latentstudio.clay import FACTORS, NAMES, has_compiler, render, render_grains, sample_factors
from latentstudio.errors import InputError

needs_compiler = pytest.mark.skipif(not has_compiler(), reason="numba (the extra clay) is not installed")


@pytest.fixture
def head():
    """The middle of every range: a frontal head with hair."""
    middle = {factor.name: (factor.low + factor.high) / 2 for factor in FACTORS}
    return middle | {"bald": 0.0, "glasses": 0.0, "bun": 0.0, "beard": 0.0, "moustache": 0.0}


@needs_compiler
def test_the_same_factors_give_the_same_picture():
    factors = sample_factors(2, 0)
    first = render(factors, 24)
    assert first.shape == (2, 24, 24, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, render(factors, 24))
    np.testing.assert_array_equal(first[1], render(factors[1], 24)[0])


@needs_compiler
def test_a_mapping_of_names_draws_what_the_row_draws(head):
    row = [head[name] for name in NAMES]
    np.testing.assert_array_equal(render(head, 16), render(row, 16))


@needs_compiler
def test_glasses_change_the_eyes_and_not_the_clothes(head):
    difference = np.abs(render(head, 48).astype(int) - render(head | {"glasses": 1.0}, 48))[0].max(-1)
    assert difference[14:28].max() > 40
    assert difference[40:].max() <= 1


@needs_compiler
def test_a_turned_head_mirrors_its_opposite(head):
    plain = head | {"light_az": 0.0, "gaze_x": 0.0, "hair_part": 0.0, "roll": 0.0, "hair_curl": 0.0}
    left = render(plain | {"yaw": 0.4}, 32)[0].astype(int)
    right = render(plain | {"yaw": -0.4}, 32)[0].astype(int)
    assert np.abs(left - right[:, ::-1]).mean() < 4 < np.abs(left - right).mean()


@needs_compiler
def test_light_from_the_left_makes_the_left_brighter(head):
    lit = render(head | {"light_az": -1.1, "yaw": 0.0, "light_amb": 0.2, "hair_len": 0.0}, 32)[0].mean(-1)
    assert lit[12:22, 9:14].mean() > lit[12:22, 18:23].mean() + 20


@needs_compiler
def test_grain_lies_elsewhere_with_every_seed_and_only_on_clay(head):
    smooth = render(head, 48)[0].astype(int)
    first, again, other = (render(head, 48, grain=0.3, seed=seed)[0].astype(int) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    changed = np.abs(first - smooth).max(-1)
    assert changed[:8, :8].max() == 0  # the wall behind the head
    assert (changed[24:40, 20:28] > 2).mean() > 0.3
    assert np.corrcoef((first - smooth).ravel(), (other - smooth).ravel())[0, 1] < 0.3


@needs_compiler
def test_several_grains_of_one_trace_are_those_drawn_alone(head):
    rows = np.array([[head[name] for name in NAMES]] * 2)
    both = render_grains(rows, 24, grains=(0.0, 0.2), seed=5)
    np.testing.assert_array_equal(both[0], render(rows, 24))
    np.testing.assert_array_equal(both[1], render(rows, 24, grain=0.2, seed=5))
    np.testing.assert_array_equal(both[1][1], render(rows[1], 24, grain=0.2, seed=6)[0])


@needs_compiler
def test_more_grain_than_clay_has_is_told(head):
    with pytest.raises(InputError, match=r"0 \(smooth\) to 1"):
        render(head, 16, grain=1.5)


@pytest.mark.parametrize(
    ("factors", "size", "said"),
    [
        ({"yaw": 0.0}, 16, 'no "head_w"'),
        (np.zeros((1, 3)), 16, "(1, 3)"),
        (np.full((1, 60), np.nan), 16, "finite"),
        (np.zeros((1, 60)), 5000, "4 to 1024"),
    ],
)
def test_what_can_not_be_drawn_is_told(factors, size, said):
    with pytest.raises(InputError) as error:
        render(factors, size)
    assert said in str(error.value)


def test_without_numba_the_message_says_how_to_install_it():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from latentstudio import clay\n"
        "from latentstudio.errors import InputError\n"
        "try: clay.render(clay.sample_factors(1, 0), 16)\n"
        "except InputError as error: sys.stdout.write(str(error))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "latentstudio[clay]" in told
