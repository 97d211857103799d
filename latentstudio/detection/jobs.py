"""Detection as jobs of the engine: judging photos and calibrating with the model that is open.

Owns nothing but the wrapping. The jobs run on the engine's thread, a step at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from latentstudio.detection.calibration import Calibration, calibration_path
from latentstudio.detection.detecting import detect
from latentstudio.detection.making import Plan, calibrate
from latentstudio.detection.measuring import usual_protocol
from latentstudio.detection.photos import MIDDLE, find_photos
from latentstudio.detection.protocol import Protocol
from latentstudio.detection.work import WorkHere
from latentstudio.engine.requests import Job, JobSteps
from latentstudio.errors import InputError
from latentstudio.models.generator import Generator


def detect_job(
    given: Sequence[Path],
    calibration: Calibration,
    *,
    prior: float = 0.5,
    frame: str = MIDDLE,
    tag: str = "detect",
) -> Job:
    """Judge photo files and folders; a step's payload is the latest `Finding`, the value a list of them."""

    def start(generator: Generator | None) -> JobSteps:
        network = _needed(generator)
        photos = find_photos(given)
        # One at a time: a person waits for the first, and a preview may go between any two steps.
        work = WorkHere(network, batch=1)
        return detect(photos, network.info, calibration, work, prior=prior, frame=frame)

    return Job("Looking at photos", start, tag=tag)


def calibrate_job(plan: Plan, protocol: Protocol | None = None, tag: str = "calibrate") -> Job:
    """Calibrate the open model and keep the file; the value is the `Calibration`.

    A job that was cancelled goes on from what it had measured when it is asked for again.
    """

    def start(generator: Generator | None) -> JobSteps:
        network = _needed(generator)
        return _calibrated(network, plan, protocol or usual_protocol(network))

    return Job("Calibrating detection", start, tag=tag)


def _calibrated(network: Generator, plan: Plan, protocol: Protocol) -> JobSteps:
    path = calibration_path(network.info.sha256)
    journal = path.with_name(f"{path.name}.{protocol.digest}.measured.jsonl")
    made = yield from calibrate(plan, network.info, protocol, WorkHere(network), journal)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path)
    journal.unlink(missing_ok=True)
    return made


def _needed(generator: Generator | None) -> Generator:
    if generator is None:
        raise InputError("No model is open.")
    return generator
