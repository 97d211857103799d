from __future__ import annotations

import json

import pytest
import torch

from latentstudio.errors import InputError
from latentstudio.models import precision
from latentstudio.models.precision import choose_fast_dtype
from latentstudio.models.registry import load_generator


def pretend(monkeypatch, seconds):
    """Let frames take so long in each type."""
    seen = []

    def frame(generator, dtype):
        seen.append(dtype)
        return seconds[dtype]

    monkeypatch.setattr(precision, "_frame_seconds", frame)
    return seen


def test_the_lower_precision_is_taken_only_where_it_is_quicker(tiny, monkeypatch, home):
    pretend(monkeypatch, {torch.float32: 1.0, torch.bfloat16: 0.5})
    assert choose_fast_dtype(tiny) == torch.bfloat16
    assert tiny.fast_dtype == torch.bfloat16


@pytest.mark.parametrize("fast_s", [0.95, 1.0, 3.0])
def test_a_machine_that_gains_nothing_stays_with_float32(tiny, monkeypatch, fast_s):
    pretend(monkeypatch, {torch.float32: 1.0, torch.bfloat16: fast_s})
    assert choose_fast_dtype(tiny) == torch.float32


def test_the_measurement_is_made_once_for_machine_and_model(tiny, monkeypatch, home):
    seen = pretend(monkeypatch, {torch.float32: 1.0, torch.bfloat16: 0.5})
    choose_fast_dtype(tiny)
    count = len(seen)
    assert choose_fast_dtype(tiny) == torch.bfloat16
    assert len(seen) == count
    (stored,) = home.rglob("precision/*.json")
    assert json.loads(stored.read_text())["exact_ms"] == 1000
    stored.write_text("damaged")
    choose_fast_dtype(tiny)
    assert len(seen) == 2 * count


def test_a_measurement_on_a_busy_machine_is_not_kept(tiny, monkeypatch, home):
    times = iter([1.0] * 4 + [1.0, 0.9, 2.0, 0.9])
    monkeypatch.setattr(precision, "_frame_seconds", lambda generator, dtype: next(times))
    choose_fast_dtype(tiny)
    assert list(home.rglob("precision/*.json")) == []


def test_a_family_that_knows_only_float32_is_not_measured(tiny, monkeypatch):
    seen = pretend(monkeypatch, {})
    monkeypatch.setattr(type(tiny), "has_fast_precision", False)
    assert choose_fast_dtype(tiny) == torch.float32
    assert seen == []


def test_the_measurement_leaves_the_precision_as_it_was(tiny):
    choose_fast_dtype(tiny)
    assert tiny.compute_dtype == torch.float32


def test_the_api_offers_both_and_refuses_a_third(tiny_path, monkeypatch):
    pretend(monkeypatch, {torch.float32: 1.0, torch.bfloat16: 0.5})
    assert load_generator(tiny_path, device="cpu").compute_dtype == torch.float32
    assert load_generator(tiny_path, device="cpu", precision="fast").compute_dtype == torch.bfloat16
    with pytest.raises(InputError, match="precision"):
        load_generator(tiny_path, precision="double")
