from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from latentstudio.detection.calibration import calibration_path, read_calibration
from latentstudio.detection.measuring import own_picture
from latentstudio.media.image import write_png

HASTY = ("--n", 24, "--steps", 4, "--plus-steps", 1, "--copies", "clean", "--quick")


@pytest.fixture(scope="session")
def _kept() -> dict[str, bytes]:
    return {}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(24):
        blocks = random.integers(0, 255, (4, 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
        write_png(folder / f"{i:02d}.png", blocks)
    return folder


@pytest.fixture
def calibration(cli, tiny_path: Path, photos: Path, tmp_path: Path, _kept) -> Path:
    out = tmp_path / "tiny.calibration.json"
    if not _kept:
        ended = cli("calibrate", tiny_path, "--real", photos, *HASTY, "--out", out)
        assert ended.code == 0, ended.err
        assert "Statistics: " in ended.out
        _kept["tiny"] = out.read_bytes()
    out.write_bytes(_kept["tiny"])
    return out


def test_photos_are_judged_into_every_kind_of_file(
    cli, tiny, tiny_path: Path, photos: Path, calibration: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.png"
    write_png(own, own_picture(tiny, 4, 0.8))
    (tmp_path / "broken.png").write_bytes(b"x")
    outs = [tmp_path / "out" / name for name in ("found.json", "found.csv", "found.html")]
    asked = ("detect", tiny_path, own, photos / "00.png", tmp_path / "broken.png")
    files = [
        part for kind, out in zip(("json", "csv", "html"), outs, strict=True) for part in (f"--{kind}", out)
    ]
    ended = cli(*asked, "--calibration", calibration, *files, "--results", tmp_path / "run.jsonl")
    assert ended.code == 0, ended.err
    assert "left out" in ended.out
    assert "Never let it decide alone" in ended.err
    (model,) = json.loads(outs[0].read_text())["models"]
    verdicts = [row["verdict"] for row in model["photos"]]
    assert verdicts[2] == "failed"
    assert set(verdicts[:2]) <= {"consistent with this generator", "not this generator's", "can't say"}
    assert len(outs[1].read_text().splitlines()) == 4
    assert outs[2].read_text().startswith("<!doctype html>")

    printed = cli(*asked, "--calibration", calibration, "--json", "-", "--prior", "0.1",
                  "--results", tmp_path / "run.jsonl")  # fmt: skip
    rows = json.loads(printed.out)["models"][0]["photos"]
    assert rows[0]["prior"] == 0.1
    assert rows[0]["statistics"] == model["photos"][0]["statistics"]


def test_several_models_are_told_apart(
    cli, tiny_path: Path, photos: Path, calibration: Path, tmp_path: Path
) -> None:
    ended = cli(
        "detect", f"{tiny_path},{tiny_path}", photos / "01.png", "--calibration", calibration, "--json", "-"
    )  # fmt: skip
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert len(document["models"]) == 2
    (which,) = document["attributions"].values()
    assert "none of these" in which["posteriors"]


def test_one_s_own_calibration_is_kept_where_it_is_found_again(
    cli, tiny, tiny_path: Path, photos: Path, calibration: Path
) -> None:
    own = calibration_path(tiny.info.sha256)
    own.parent.mkdir(parents=True)
    own.write_bytes(calibration.read_bytes())
    assert read_calibration(own).sha256 == tiny.info.sha256
    assert cli("detect", tiny_path, photos / "02.png").code == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 1, "no calibration"),
        (("--prior", "1"), 2, "--prior"),
        (("--frame", "left"), 2, "--frame"),
        (("--calibration", "absent.json"), 1, "absent.json"),
        (("--calibration", "other.json"), 1, "belongs to"),
        (("--calibration", "{}", "--workers", "1", "--scheduler", "tcp://x:1"), 2, "--workers"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(
    cli,
    tiny,
    tiny_path: Path,
    photos,
    calibration,
    tmp_path: Path,
    monkeypatch,
    options,
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = calibration.read_text().replace(tiny.info.sha256, "cd" * 32)
    Path("other.json").write_text(text)
    given = [option.format(calibration) for option in options]
    ended = cli("detect", tiny_path, photos / "03.png", *given)
    assert (ended.code, said in ended.err) == (code, True), ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Name a folder"),
        (("--real", "absent"), "absent"),
        (("--real", "photos", "--psi", "x"), "range"),
        (("--real", "photos", "--copies", "swirl"), "swirl"),
        (
            ("--real", "photos/00.png", "--n", "20", "--steps", "4", "--copies", "clean", "--quick"),
            "at least 10",
        ),
    ],
)
def test_a_calibration_that_can_not_be_made_is_told(
    cli, tiny_path: Path, photos: Path, tmp_path: Path, monkeypatch, options, said
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = cli("calibrate", tiny_path, *options, "--out", "new.json")
    assert (ended.code, said in ended.err) == (1, True), ended.err
    assert not Path("new.json").exists()
