from __future__ import annotations

import numpy as np
import pytest

from latentstudio.errors import InputError
from latentstudio.latent.sampling import class_vector, parse_seeds, z_from_seed


def test_a_seed_gives_the_numbers_of_the_published_tools():
    # The first values of the Mersenne Twister's normal stream for seed 0, known from NumPy's manual.
    assert np.allclose(z_from_seed(0, 4), [1.76405235, 0.40015721, 0.97873798, 2.2408932], atol=1e-7)
    assert z_from_seed(7, 512).dtype == np.float32


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "1"])
def test_seeds_out_of_range_are_refused(seed):
    with pytest.raises(InputError, match="seed"):
        z_from_seed(seed, 4)


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", [3]), ("0,2,5-7", [0, 2, 5, 6, 7]), (" 1 , 4-4 ", [1, 4]), ("9-9,9", [9, 9])]
)
def test_seed_lists_read_as_the_field_writes_them(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1,", "7-5", "1-", "-3", "0-99999999", "4294967296", "1²"])
def test_bad_seed_lists_are_refused(text):
    with pytest.raises(InputError):
        parse_seeds(text)


def test_class_weights_add_up_in_the_vector():
    assert class_vector([(1, 0.25), (2, 0.5), (1, 0.25)], 3).tolist() == [0, 0.5, 0.5]
    with pytest.raises(InputError, match="no class 3"):
        class_vector([(3, 1.0)], 3)
    with pytest.raises(InputError, match="no classes"):
        class_vector([(0, 1.0)], 0)


def test_resampling_keeps_what_lies_within_and_draws_the_rest_again():
    plain = z_from_seed(7, 4000)
    bound = z_from_seed(7, 4000, "resampled", 0.5)
    within = np.abs(plain) <= 0.5
    assert np.array_equal(bound[within], plain[within])
    assert np.abs(bound).max() <= 0.5
    # A normal cut at half its deviation is nearly flat: scaled numbers would crowd the middle.
    assert bound.std() == pytest.approx(0.2837, abs=0.01)


def test_the_cut_normal_is_that_of_scipys_sampler_times_the_factor():
    from scipy.stats import truncnorm

    published = 0.4 * truncnorm.rvs(-2, 2, size=(1, 128), random_state=np.random.RandomState(3))
    ours = z_from_seed(3, 128, "truncnorm", 0.4)
    assert np.allclose(ours, published.astype(np.float32)[0], atol=1e-6)
    assert np.abs(ours).max() <= 0.8


def test_a_way_to_draw_that_does_not_exist_or_a_bound_that_nothing_keeps_is_refused():
    with pytest.raises(InputError, match="drawn"):
        z_from_seed(0, 4, "uniform")
    with pytest.raises(InputError, match="limit"):
        z_from_seed(0, 4, "resampled", 0.001)
    with pytest.raises(InputError, match="limit"):
        z_from_seed(0, 4, "truncnorm", float("nan"))
