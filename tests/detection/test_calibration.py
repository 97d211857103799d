from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latentstudio.detection.building import build
from latentstudio.detection.calibration import (
    Calibration,
    calibration_path,
    find_calibration,
    read_calibration,
)
from latentstudio.detection.protocol import Protocol, quick_projection
from latentstudio.detection.statistics import STATISTICS
from latentstudio.errors import InputError

_kept: list[Calibration] = []


@pytest.fixture
def made(records, info) -> Calibration:
    if not _kept:
        protocol = Protocol(quick_projection().changed(steps=7, seed=5), restarts=2, plus_steps=3)
        _kept.append(build(records(count=24, copies=("clean",)), info, protocol, {"real": "made up"}))
    return _kept[0]


def test_a_file_says_everything_that_was_measured(made: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "tiny.calibration.json"
    made.save(path)
    read = read_calibration(path)
    assert read.protocol == made.protocol
    assert read.protocol.digest == made.protocol.digest
    assert (read.rows, read.ablations, read.about) == (made.rows, made.ablations, made.about)
    values = np.random.default_rng(0).normal(size=(9, len(made.log_odds.names)))
    assert np.array_equal(read.log_odds(values), made.log_odds(values))
    np.testing.assert_allclose(read.scores(True), made.scores(True), atol=1e-4)
    assert (read.threshold_1, read.miss_1) == (made.threshold_1, made.miss_1)
    read.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_another_model_is_refused_by_name_and_hash(made: Calibration, info) -> None:
    made.check_model(info)
    for sha256 in ("cd" * 32, ""):
        with pytest.raises(InputError, match="belongs to"):
            made.check_model(replace(info, sha256=sha256))


def test_a_person_s_own_calibration_is_found_before_others(made: Calibration, info) -> None:
    assert find_calibration(info) is None
    assert find_calibration(info, [made]) is made
    own = calibration_path(info.sha256)
    own.parent.mkdir(parents=True)
    made.save(own)
    found = find_calibration(info)
    assert found is not None
    assert found.sha256 == info.sha256
    own.write_text("{")
    assert find_calibration(info) is None


def test_the_bundled_model_s_calibration_travels_with_it_and_was_made_for_it() -> None:
    import hashlib

    from latentstudio.models.library import default_model

    model = default_model()
    (path,) = model.parent.glob("*.calibration.json")
    travelling = read_calibration(path)
    assert travelling.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert path.stat().st_size < 200_000
    clean = travelling.row("clean")
    assert clean is not None
    assert clean.auc > 0.95
    assert set(travelling.log_odds.names) <= set(STATISTICS)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.clear(),
        lambda d: d.update(version=1),
        lambda d: d.pop("samples"),
        lambda d: d.update(samples=[]),
        lambda d: d["samples"].__setitem__(0, ["fake", "clean", True, 0.0, 0.0]),
        lambda d: d["samples"][0].__setitem__(3, float("nan")),
        lambda d: d["log_odds"]["weights"].append(1.0),
        lambda d: d["log_odds"].update(statistics=[]),
        lambda d: d["log_odds"].update(bias="x"),
        lambda d: d["thresholds"].pop("1%"),
        lambda d: d["protocol"].update(steps=3),
        lambda d: d["table"][0].update(auc_max=1),
        lambda d: d["model"].update(img_size=[16]),
    ],
)
def test_a_damaged_file_is_told_in_a_sentence(made: Calibration, tmp_path: Path, spoil) -> None:
    stored = made.to_json()
    spoil(stored)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"bad\.json"):
        read_calibration(path)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"null", b"PK\x03\x04"])
def test_what_is_no_calibration_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"bad\.json"):
        read_calibration(path)
    with pytest.raises(InputError):
        read_calibration(tmp_path / "absent.json")
