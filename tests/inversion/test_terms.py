import numpy as np

from latentstudio.inversion.terms import history_of, terms_of


def test_a_photographs_curves_are_its_column_and_0_where_a_term_was_not_there():
    history = [
        {"pixel": np.array([1.0, 2.0])},
        {"pixel": np.array([3.0, 4.0]), "noise": np.array([5.0, 6.0])},
    ]
    curves = terms_of(history, 1)
    assert {name: values.tolist() for name, values in curves.items()} == {"pixel": [2, 4], "noise": [0, 6]}
    assert terms_of([], 0) == {}


def test_the_curves_of_all_photographs_make_the_steps_again():
    history = [{"pixel": np.array([1.0, 2.0], np.float32)}, {"pixel": np.array([3.0, 4.0], np.float32)}]
    again = history_of([terms_of(history, index) for index in (0, 1)], 2)
    for row, expected in zip(again, history, strict=True):
        assert np.array_equal(row["pixel"], expected["pixel"])
