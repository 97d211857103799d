from __future__ import annotations

import numpy as np
import pytest

from latentstudio.detection.building import Table, build, split
from latentstudio.detection.protocol import Protocol
from latentstudio.detection.records import GENERATED, Record
from latentstudio.detection.statistics import STATISTICS
from latentstudio.errors import InputError


def test_the_split_is_fixed_halves_every_kind_and_keeps_copies_together(records) -> None:
    table = Table(records())
    for kind in ("generated", "real"):
        own = np.array([r.kind == kind for r in table.records])
        assert table.held_out[own].mean() == 0.5
    for group in np.unique(table.groups):
        assert len(set(table.held_out[table.groups == group])) == 1
    pictures = [("real", str(i)) for i in range(20)]
    assert split(pictures).tolist() == split(pictures[::-1]).tolist()[::-1]


def test_more_pictures_never_move_the_earlier_ones_to_the_other_half() -> None:
    pictures = [("real", f"{i:03d}") for i in range(60)] + [("generated", f"{i:03d}") for i in range(60)]
    everything = dict(zip(pictures, split(pictures), strict=True))
    fewer = [picture for picture in pictures if picture[1] < "041"]
    # The last of an odd number has no partner: nothing is fitted less for it.
    settled = [picture for picture in fewer if picture[1] < "040"]
    found = dict(zip(fewer, split(fewer), strict=True))
    assert {p: found[p] for p in settled} == {p: everything[p] for p in settled}


def test_a_calibration_tells_the_classes_apart_and_finds_what_tells(records, info) -> None:
    made = build(records(), info, Protocol(), {"real": "made up"})
    assert "pixels" in made.log_odds.names
    assert [row.degradation for row in made.rows] == ["all", "clean", "jpeg75"]
    for row in made.rows:
        assert row.auc > 0.95
        assert row.auc_low <= row.auc <= row.auc_high
        assert row.auc > row.baseline_auc
    clean = made.row("clean")
    assert (clean.generated, clean.others) == (20, 20)
    assert made.row("noise4") is None
    whats = [ablation.what for ablation in made.ablations]
    assert {f"{name} alone" for name in STATISTICS} <= set(whats)
    assert any(what.startswith("without") for what in whats)
    assert dict(made.about)["pictures"] == "40 generated (80 with copies), 40 real (80 with copies)"


def test_thresholds_keep_their_promise_on_pictures_nothing_was_fitted_to(records, info) -> None:
    made = build(records(count=400, gap=2.0, copies=("clean",)), info, Protocol(), {})
    row = made.row("clean")
    assert row.false_at_5 == pytest.approx(0.05, abs=0.045)
    assert row.false_at_1 <= 0.03
    assert row.found_at_1 <= row.found_at_5
    assert row.calibration_error < 0.06


def test_nothing_fitted_sees_a_held_out_picture(records, info) -> None:
    plain = records(count=24, copies=("clean",))
    table = Table(plain)
    # Spoil every held-out picture: what was fitted must not change by a bit.
    spoilt = [
        Record(r.name, r.kind, r.degradation, {k: v + 1000 for k, v in r.values.items()}) if held else r
        for r, held in zip(plain, table.held_out, strict=True)
    ]
    a, b = build(plain, info, Protocol(), {}), build(spoilt, info, Protocol(), {})
    assert a.log_odds.names == b.log_odds.names
    for name in ("mean", "scale", "weights", "bends", "low", "high"):
        assert np.array_equal(getattr(a.log_odds, name), getattr(b.log_odds, name))
    assert (a.threshold_1, a.threshold_5, a.miss_1) == (b.threshold_1, b.threshold_5, b.miss_1)
    assert a.row("clean").auc != b.row("clean").auc or a.row("clean").brier != b.row("clean").brier


def test_noise_tells_nothing(records, info) -> None:
    made = build(records(gap=0.0, count=60, copies=("clean",)), info, Protocol(), {})
    assert 0.3 < made.row("clean").auc < 0.7


def test_one_class_is_refused(records, info) -> None:
    own = [r for r in records() if r.kind == GENERATED]
    with pytest.raises(InputError, match="other pictures"):
        build(own, info, Protocol(), {})
    with pytest.raises(InputError):
        build([], info, Protocol(), {})
