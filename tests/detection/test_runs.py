"""Making a calibration and judging photos, with a tiny network and a hasty protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from long_work import ended
from networks import with_classes

from latentstudio import Recipe, render
from latentstudio.detection import measuring
from latentstudio.detection.calibration import Calibration
from latentstudio.detection.detecting import detect
from latentstudio.detection.findings import difference_map
from latentstudio.detection.making import Plan, calibrate, measured_so_far, tasks_of
from latentstudio.detection.measuring import measure_pictures, own_kind, own_picture
from latentstudio.detection.photos import find_photos, frame_photo
from latentstudio.detection.protocol import Protocol
from latentstudio.detection.report import as_csv, as_html, as_json
from latentstudio.detection.verdict import Word
from latentstudio.detection.work import Outcome, Task, WorkHere
from latentstudio.document.edits import Noise
from latentstudio.engine.requests import Progress
from latentstudio.errors import InputError
from latentstudio.inversion.projector import projected
from latentstudio.media.image import write_png


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures no generator made."""
    folder = tmp_path_factory.mktemp("real")
    random = np.random.default_rng(0)
    for i in range(24):
        blocks = random.integers(0, 255, (4, 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
        write_png(folder / f"{i:02d}.png", blocks)
    return folder


@pytest.fixture(scope="session")
def _kept() -> dict[str, Calibration]:
    return {}


@pytest.fixture
def made(tiny, real: Path, hasty: Protocol, _kept) -> Calibration:
    if not _kept:
        plan = Plan(real=(real,), count=24, copies=("clean",), extras=(), unseen=())
        _kept["tiny"] = ended(calibrate(plan, tiny.info, hasty, WorkHere(tiny)))[1]
    return _kept["tiny"]


class Counting:
    """Work that counts what it is asked, and may stop early or fail."""

    def __init__(self, work, stop_after: int = 10**6, fail: str = "") -> None:
        self.work, self.stop_after, self.fail, self.keys = work, stop_after, fail, []

    def run(self, tasks, protocol):
        for task in tasks:
            if len(self.keys) == self.stop_after:
                raise KeyboardInterrupt
            self.keys.append(task.key)
            if self.fail and self.fail in task.key:
                yield Outcome(task.key, error="It is broken.")
            else:
                yield from self.work.run([task], protocol)


@pytest.mark.parametrize(("seed", "noise"), [(4, Noise()), (3, Noise("random", 3))])
def test_own_pictures_are_those_the_program_draws_with_either_noise(tiny, seed, noise) -> None:
    recipe = Recipe.from_seed(seed, truncation_psi=0.7, noise=noise)
    assert np.array_equal(own_picture(tiny, seed, 0.7), render(recipe, tiny))


def test_measuring_says_how_far_it_is_and_gives_every_picture_its_own(tiny, hasty: Protocol) -> None:
    pictures = [own_picture(tiny, seed, 0.7) for seed in (1, 2)]
    seen, both = ended(measure_pictures(tiny, pictures, hasty))
    assert all(isinstance(step, Progress) for step in seen)
    assert len(seen) >= 4
    (alone,) = ended(measure_pictures(tiny, pictures[1:], hasty))[1]
    for name, value in alone.values.items():
        assert both[1].values[name] == pytest.approx(value, abs=0.3), name
    again = ended(measure_pictures(tiny, pictures, hasty))[1]
    assert [m.values for m in again] == [m.values for m in both]


def test_the_usual_protocol_follows_the_model_s_spaces(tiny) -> None:
    usual = Protocol.for_model(tiny.info)
    assert (usual.projection.space, usual.projection.class_mode) == ("w", "given")
    assert usual.plus_steps > 0
    assert Protocol.for_model(replace(tiny.info, c_dim=3)).projection.class_mode == "fitted"
    plain = Protocol.for_model(replace(tiny.info, has_mapping=False, num_ws=1))
    assert (plain.projection.space, plain.plus_steps) == ("z", 0)


def test_the_best_of_several_tries_counts(tiny, hasty: Protocol) -> None:
    picture = own_picture(tiny, 4, 1.0)
    one = ended(measure_pictures(tiny, [picture], hasty))[1][0]
    three = ended(measure_pictures(tiny, [picture], replace(hasty, restarts=3)))[1][0]
    assert three.values["distance"] <= one.values["distance"] + 1e-9
    assert three.values["agreement"] >= 0 == one.values["agreement"]


@pytest.mark.parametrize("space", ["w", "z"])
def test_a_model_with_classes_is_measured_and_its_class_found(space: str, hasty: Protocol) -> None:
    generator = with_classes()
    usual = measuring.usual_protocol(generator)
    assert usual.projection.class_mode == "fitted"
    few = usual.projection.changed(space=space, steps=24, start_samples=12)
    protocol = replace(hasty, projection=few, plus_steps=0 if space == "z" else 1)
    pictures = [own_picture(generator, seed, 0.7) for seed in (3, 4)]
    found = ended(measure_pictures(generator, pictures, protocol))[1]
    assert all(np.isfinite(list(one.values.values())).all() for one in found)


def test_a_second_try_does_not_ask_the_encoder_again(
    tiny, hasty: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def noted(generator, targets, options):
        starts.append(options.start)
        yield from ()
        return projected(generator, targets, options.changed(start="mean"))

    monkeypatch.setattr(measuring, "project", noted)
    protocol = replace(hasty, projection=hasty.projection.changed(start="encoder"), restarts=3)
    ended(measure_pictures(tiny, [own_picture(tiny, 4, 1.0)], protocol))
    assert starts == ["encoder", "samples", "samples"]


def test_the_usual_protocol_fits_noise_only_where_it_shows(tiny) -> None:
    assert measuring.usual_protocol(tiny).projection.fit_noise == measuring._shows_noise(tiny)
    # No encoder: one try, from samples.
    assert measuring.usual_protocol(tiny).restarts == 1
    assert measuring.usual_protocol(tiny).projection.start == "samples"


def test_the_nearest_of_the_own_samples_is_found(tiny) -> None:
    known = own_kind(tiny)
    sample = np.clip(np.rint(known.samples[5]), 0, 255).astype(np.uint8)
    assert known.nearest(sample) < 1
    assert known.nearest(255 - sample) > 100


def test_the_judge_s_scores_are_those_of_each_picture_alone(tiny) -> None:
    class Brightness(torch.nn.Linear):
        def forward(self, images):
            assert len(images) == 1
            return images.mean((1, 2, 3))

    judged = replace(own_kind(tiny), judge=Brightness(1, 1))
    white, grey = np.full((16, 16, 3), 255, np.uint8), np.full((16, 16, 3), 102, np.uint8)
    assert judged.critic(white, grey) == pytest.approx((1.0, -0.2))
    assert own_kind(tiny).critic(white, grey) is None


def test_a_plan_gives_every_picture_its_copies(tiny, real: Path) -> None:
    plan = Plan(
        real=(real,), count=12, copies=("clean", "jpeg75"), extras=("blur1", "noise4", "crop90"),
        unseen=("jpeg60",),
    )  # fmt: skip
    tasks, skipped = tasks_of(plan, tiny.info)
    assert skipped == []
    first, further = tasks[:24], tasks[24:]
    assert all(task.copies == ("clean", "jpeg75") for task in first)
    assert len({task.key for task in tasks}) == len(tasks) == 48
    assert {name for task in further for name in task.copies} == {"blur1", "noise4", "crop90", "jpeg60"}
    assert sum("jpeg60" in task.copies for task in further) == 12
    own = [task for task in first if task.picture is None]
    assert len({task.seed for task in own}) == 12
    assert all(0.5 <= task.psi <= 1 for task in own)


def test_a_stopped_calibration_goes_on_from_its_journal(
    tiny, real: Path, hasty: Protocol, made: Calibration, tmp_path: Path
) -> None:
    plan = Plan(real=(real,), count=24, copies=("clean",), extras=(), unseen=())
    journal = tmp_path / "run.jsonl"
    first = Counting(WorkHere(tiny), stop_after=30)
    with pytest.raises(KeyboardInterrupt):
        ended(calibrate(plan, tiny.info, hasty, first, journal))
    # What was measured before the stop is enough for a smaller calibration, or says that it isn't.
    with pytest.raises(InputError, match="at least 10"):
        measured_so_far(plan, tiny.info, hasty, journal)
    second = Counting(WorkHere(tiny))
    seen, found = ended(calibrate(plan, tiny.info, hasty, second, journal))
    assert not set(first.keys) & set(second.keys)
    assert len(second.keys) == 48 - 30
    assert (seen[0].done, seen[0].total) == (30, 48)
    assert len(found.samples) == len(made.samples) == 48
    with pytest.raises(InputError, match="another model"):
        ended(calibrate(plan, tiny.info, replace(hasty, plus_steps=2), second, journal))
    so_far = measured_so_far(plan, tiny.info, hasty, journal)
    assert so_far.rows == found.rows
    # Fewer pictures of the same plan need nothing new, and take nothing that is not theirs.
    third = Counting(WorkHere(tiny))
    smaller = ended(calibrate(replace(plan, count=22), tiny.info, hasty, third, journal))[1]
    assert (third.keys, len(smaller.samples)) == ([], 44)


def test_photos_are_judged_and_what_fails_is_kept_with_its_reason(
    tiny, made: Calibration, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    write_png(folder / "own.png", own_picture(tiny, 77, 0.7))
    write_png(folder / "wide.png", np.zeros((20, 60, 3), np.uint8))
    (folder / "broken.png").write_bytes(b"no picture")
    paths = find_photos([folder, folder / "own.png"])
    assert [p.name for p in paths] == ["broken.png", "own.png", "wide.png"]
    journal = tmp_path / "found.jsonl"
    work = Counting(WorkHere(tiny))
    seen, found = ended(detect(paths, tiny.info, made, work, journal_path=journal))
    assert [f.path for f in found] == paths
    assert found[0].verdict is None
    assert "broken.png" in found[0].error
    assert found[1].verdict is not None
    assert found[1].resynthesis is not None
    assert found[1].difference.shape == (16, 16, 3)
    assert found[2].framing.was_cropped
    assert found[2].verdict.word is not Word.NOT
    told = [step.payload for step in seen if step.payload is not None]
    assert {f.path for f in told} == set(paths)

    # A second run measures only what failed or changed, and a prior costs nothing.
    write_png(folder / "wide.png", np.full((20, 60, 3), 9, np.uint8))
    again = Counting(WorkHere(tiny))
    _, later = ended(detect(paths, tiny.info, made, again, prior=0.01, journal_path=journal))
    assert [Path(key).name for key in again.keys] == ["wide.png"]
    assert later[1].verdict.score == pytest.approx(found[1].verdict.score, abs=1e-3)
    assert later[1].verdict.posterior < found[1].verdict.posterior
    assert np.array_equal(later[1].resynthesis, found[1].resynthesis)


def test_a_calibration_of_another_model_judges_nothing(tiny, made: Calibration) -> None:
    with pytest.raises(InputError, match="belongs to"):
        next(detect([], tiny.info, replace(made, sha256="cd" * 32), WorkHere(tiny)))


def test_one_bad_picture_does_not_take_its_neighbours_along(tiny, hasty: Protocol) -> None:
    good = own_picture(tiny, 1, 1.0)
    tasks = [Task("good", good), Task("bad", np.zeros((4, 4, 3), np.uint8)), Task("fine", good)]
    outcomes = {e.key: e for e in WorkHere(tiny).run(tasks, hasty) if isinstance(e, Outcome)}
    assert outcomes["bad"].error
    assert outcomes["good"].measurements
    assert outcomes["fine"].measurements


def test_reports_escape_names_and_leave_nothing_out(tiny, made: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "<b>=own&.png"
    write_png(path, own_picture(tiny, 7, 0.7))
    (tmp_path / "=broken.png").write_bytes(b"")
    _, found = ended(detect([path, tmp_path / "=broken.png"], tiny.info, made, WorkHere(tiny)))
    page = as_html([(made, found)], 0.5)
    assert "&lt;b&gt;=own&amp;.png" in page
    assert "<b>=own" not in page
    assert page.count("<img ") == 3
    assert "Left out" in page
    assert "<script" not in page
    assert "http" not in page
    assert "no proof" in page or "t say. " in page or "Not what" in page
    rows = as_csv([(made, found)]).splitlines()
    assert len(rows) == 3
    assert "likelihood_ratio" in rows[0]
    document = as_json([(made, found), (replace(made, model="Other"), found)], 0.5)
    assert '"attributions"' in document
    assert '"error": ' in document


def test_a_difference_is_grey_where_pictures_agree() -> None:
    a, b = np.full((2, 2, 3), 100, np.uint8), np.full((2, 2, 3), 100, np.uint8)
    b[0, 0] = 90
    shown = difference_map(a, b)
    assert shown[1, 1].tolist() == [128] * 3
    assert shown[0, 0].tolist() == [148] * 3


def test_a_photo_of_the_model_s_own_size_is_taken_as_it_is(tiny) -> None:
    picture = own_picture(tiny, 9, 1.0)
    photo = frame_photo(picture, tiny.info)
    assert np.array_equal(photo.image, picture)
    assert not photo.framing.was_cropped
    assert not frame_photo(np.zeros((100, 101, 3), np.uint8), tiny.info).framing.was_cropped


def test_what_can_not_be_planned_is_told(tmp_path: Path) -> None:
    for wrong in (
        {"real": ()},
        {"real": (tmp_path,), "copies": ()},
        {"real": (tmp_path,), "copies": ("swirl",)},
        {"real": (tmp_path,), "psi": (1.0, 0.5)},
    ):
        with pytest.raises(InputError):
            Plan(**wrong)
    with pytest.raises(InputError, match="no photo"):
        find_photos([tmp_path])
    with pytest.raises(InputError, match="no file"):
        find_photos([tmp_path / "absent.png"])


def test_the_largest_face_is_aligned_the_published_way(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    from latentstudio.engine import photos
    from latentstudio.inversion import faces

    photo = np.random.default_rng(0).integers(0, 255, (80, 120, 3), np.uint8)
    points = np.array([[50, 30], [70, 30], [60, 40], [52, 50], [68, 50]], float)
    found = [faces.Face(np.array([40.0, 20, 80, 60]), points, 0.9)]
    monkeypatch.setattr(photos, "finder", lambda: None)
    monkeypatch.setattr(faces, "find_faces", lambda pixels, detector: found)
    aligned = frame_photo(photo, tiny.info, "faces", "two.png")
    assert aligned.image.shape == (16, 16, 3)
    assert aligned.framing.was_aligned
    assert not np.array_equal(aligned.image, frame_photo(photo, tiny.info).image)
    found.clear()
    with pytest.raises(InputError, match=r"No face was found in .two\.png"):
        frame_photo(photo, tiny.info, "faces", "two.png")
