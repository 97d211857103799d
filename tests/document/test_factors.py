from __future__ import annotations

from pathlib import Path

import pytest

from latentstudio.document.factors import Factors, factor_paths, find_factors, read_factors, write_factors
from latentstudio.errors import InputError

TABLE = Factors(
    "ab" * 32,
    {"Turn": "°", "Light": "", "Age": ""},
    {"Turn": 12.0, "Light": 0.1},
    {("pca", "PCA 1"): {"Turn": 6.0, "Light": -0.09, "Age": 5.0}},
)


def test_a_table_comes_back_as_it_was_written(tmp_path: Path):
    path = tmp_path / "faces.factors.json"
    write_factors(path, TABLE)
    assert read_factors(path) == TABLE


def test_the_strongest_are_those_that_change_most_for_their_spread():
    assert TABLE.strongest("pca", "PCA 1") == [("Light", -0.09, ""), ("Turn", 6.0, "°")]
    assert TABLE.strongest("sefa", "PCA 1") == []


def test_a_table_is_found_beside_its_model_and_one_of_another_model_is_not_taken(tmp_path: Path):
    model = tmp_path / "faces.safetensors"
    write_factors(tmp_path / "faces.factors.json", TABLE)
    assert find_factors("ab" * 32, model) == TABLE
    assert find_factors("cd" * 32, model) is None
    write_factors(factor_paths("cd" * 32, None)[0], Factors("cd" * 32, {"Turn": ""}))
    assert find_factors("cd" * 32, model) == Factors("cd" * 32, {"Turn": ""})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "latentstudio.factors", "version": 2}'])
def test_a_damaged_table_is_told_in_one_sentence(tmp_path: Path, text: str):
    path = tmp_path / "faces.factors.json"
    path.write_text(text)
    with pytest.raises(InputError, match="no table of measured factors"):
        read_factors(path)
