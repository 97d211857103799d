"""What is known about one model's pictures and others': the file behind every verdict.

Owns `Calibration`, its file and the check that it belongs to a model. Making one is `building`'s,
using it `verdict`'s. NumPy only, any thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.atomic_file import write_atomically
from latentstudio.detection.fitting import LogOdds
from latentstudio.detection.protocol import Protocol
from latentstudio.detection.records import GENERATED, KINDS
from latentstudio.detection.scoring import Roc, roc
from latentstudio.errors import InputError
from latentstudio.models.info import GeneratorInfo
from latentstudio.settings import resource_dir, user_folders

FORMAT, VERSION = "latentstudio.calibration", 2
SUFFIX = ".calibration.json"
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """One picture that the calibration was made from or tried on.

    Attributes:
        kind: "generated", "real" or "other".
        degradation: what was done to it.
        held_out: whether nothing was fitted to it; the others are scored out of fold.
        score: log-odds at even prior.
        distance: the baseline, in decibels.
    """

    kind: str
    degradation: str
    held_out: bool
    score: float
    distance: float


@dataclass(frozen=True)
class Row:
    """How good the calibration is on held-out pictures of one degradation.

    Attributes:
        degradation: done to pictures of both classes; "all" for all of them together.
        generated: how many of the model's pictures.
        others: how many other pictures.
        auc: area under the ROC curve.
        auc_low: lower bound of its 95 % interval.
        auc_high: upper bound.
        baseline_auc: that of the distance alone.
        calibration_error: expected calibration error at even prior.
        calibration_floor: what so many pictures would show by chance if every probability were exact.
        brier: Brier score at even prior.
        found_at_1: share of generated pictures above the threshold for 1 % false positives.
        false_at_1: share of the others above it.
        found_at_5: the same at 5 %.
        false_at_5: the same at 5 %.
    """

    degradation: str
    generated: int
    others: int
    auc: float
    auc_low: float
    auc_high: float
    baseline_auc: float
    calibration_error: float
    calibration_floor: float
    brier: float
    found_at_1: float
    false_at_1: float
    found_at_5: float
    false_at_5: float


@dataclass(frozen=True)
class Ablation:
    """The area under the ROC curve on held-out pictures with other statistics.

    Attributes:
        what: which statistics.
        aucs: (degradation, area) pairs.
    """

    what: str
    aucs: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Calibration:
    """One model's calibration.

    Attributes:
        sha256: hash of the model's file.
        model: the model's name, for people.
        img_size: (height, width) of its pictures.
        protocol: how pictures are measured.
        log_odds: from statistics to a score.
        threshold_1: scores above it are generated, with 1 % false positives.
        threshold_5: the same with 5 %.
        miss_1: at most 1 % of generated pictures score below it.
        samples: what it was made from and tried on.
        rows: how good it is.
        ablations: what each statistic is worth.
        about: what the pictures were, when and with which version it was made.
    """

    sha256: str
    model: str
    img_size: tuple[int, int]
    protocol: Protocol
    log_odds: LogOdds
    threshold_1: float
    threshold_5: float
    miss_1: float
    samples: tuple[Sample, ...]
    rows: tuple[Row, ...]
    ablations: tuple[Ablation, ...]
    about: tuple[tuple[str, str], ...]

    def check_model(self, info: GeneratorInfo) -> None:
        """Raise InputError unless this calibration was made for that model."""
        if info.sha256 != self.sha256:
            name = info.provenance.title or info.family
            raise InputError(
                f'This calibration belongs to "{self.model}" (hash {self.sha256[:12]}), '
                f'not to "{name}" (hash {info.sha256[:12] or "none"}).',
                "Make one for this model: latentstudio calibrate.",
            )

    def scores(self, generated: bool, *, held_out: bool = False) -> NDArray[np.float64]:
        """The scores of one class; of all pictures, or of the held-out ones alone."""
        chosen = [
            s.score
            for s in self.samples
            if (s.kind == GENERATED) == generated and (s.held_out or not held_out)
        ]
        return np.array(chosen, np.float64)

    def distances(self, generated: bool) -> NDArray[np.float64]:
        """The distances of one class, in decibels."""
        return np.array([s.distance for s in self.samples if (s.kind == GENERATED) == generated], np.float64)

    @cached_property
    def roc(self) -> Roc:
        """The ROC curve of the held-out pictures, all degradations together."""
        return roc(self.scores(True, held_out=True), self.scores(False, held_out=True))

    def row(self, degradation: str) -> Row | None:
        """The row of a degradation, where it was tried."""
        return next((row for row in self.rows if row.degradation == degradation), None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; the inverse of `from_json`."""
        fitted = self.log_odds
        return {
            "format": FORMAT,
            "version": VERSION,
            "model": {"sha256": self.sha256, "name": self.model, "img_size": list(self.img_size)},
            "about": dict(self.about),
            "protocol": self.protocol.to_json(),
            "log_odds": {
                "statistics": list(fitted.names),
                **{name: getattr(fitted, name).tolist() for name in _ARRAYS},
                "bias": fitted.bias,
                "limit": fitted.limit,
            },
            "thresholds": {"1%": self.threshold_1, "5%": self.threshold_5, "miss 1%": self.miss_1},
            "table": [asdict(row) for row in self.rows],
            "ablation": [{"what": a.what, "auc": dict(a.aucs)} for a in self.ablations],
            "samples": [
                [s.kind, s.degradation, s.held_out, round(s.score, 4), round(s.distance, 3)]
                for s in self.samples
            ],
        }

    @classmethod
    def from_json(cls, stored: Any) -> Calibration:
        """A calibration from parsed JSON.

        Raises:
            InputError: it is none, of another version, or a field has the wrong form.
        """
        if not isinstance(stored, Mapping) or stored.get("format") != FORMAT:
            raise InputError("This file is no calibration.", "Choose one that LatentStudio has written.")
        if stored.get("version") != VERSION:
            raise InputError(
                "This calibration was written by another version of LatentStudio.", "Make it again."
            )
        try:
            return _read(cls, stored)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError("This calibration is damaged.", "Get it again, or make a new one.") from error

    def save(self, path: Path) -> None:
        """Write the file; SaveError where that fails."""
        text = json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"))
        # One line a picture and a row: small, and a person can still look into it.
        write_atomically(path, text.replace("],[", "],\n[").replace("},{", "},\n{").encode())


_ARRAYS = ("mean", "scale", "weights", "bends", "low", "high")


def _read(cls: type[Calibration], stored: Mapping[str, Any]) -> Calibration:
    fitted, model, thresholds = stored["log_odds"], stored["model"], stored["thresholds"]
    names = tuple(str(name) for name in fitted["statistics"])
    arrays = {name: np.array(fitted[name], np.float64) for name in _ARRAYS}
    if not names or any(a.shape != (len(names),) or not np.isfinite(a).all() for a in arrays.values()):
        raise ValueError("statistics")
    samples = tuple(
        Sample(str(kind), str(degradation), bool(held_out), float(score), float(distance))
        for kind, degradation, held_out, score, distance in stored["samples"]
    )
    if not {s.kind for s in samples} <= set(KINDS) or len({s.kind == GENERATED for s in samples}) < 2:
        raise ValueError("samples")
    numbers = [float(fitted["bias"]), float(fitted["limit"]), *map(float, thresholds.values())]
    if not np.isfinite([*numbers, *(s.score for s in samples), *(s.distance for s in samples)]).all():
        raise ValueError("numbers")
    height, width = model["img_size"]
    return cls(
        sha256=str(model["sha256"]),
        model=str(model["name"]),
        img_size=(int(height), int(width)),
        protocol=Protocol.from_json(stored["protocol"]),
        log_odds=LogOdds(
            names,
            arrays["mean"],
            arrays["scale"],
            arrays["weights"],
            arrays["bends"],
            float(fitted["bias"]),
            arrays["low"],
            arrays["high"],
            float(fitted["limit"]),
        ),
        threshold_1=float(thresholds["1%"]),
        threshold_5=float(thresholds["5%"]),
        miss_1=float(thresholds["miss 1%"]),
        samples=samples,
        rows=tuple(Row(**row) for row in stored["table"]),
        ablations=tuple(Ablation(str(a["what"]), tuple(a["auc"].items())) for a in stored["ablation"]),
        about=tuple((str(key), str(value)) for key, value in stored["about"].items()),
    )


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration's file.

    Raises:
        InputError: it can't be read, or is no calibration.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f'"{path.name}" is too large for a calibration.', path=path)
        stored = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f'Can\'t read "{path.name}": {error.strerror}.', path=path) from error
    except ValueError as error:
        raise InputError(f'"{path.name}" is no calibration.', path=path) from error
    try:
        return Calibration.from_json(stored)
    except InputError as error:
        raise InputError(f'Can\'t use "{path.name}". {error.message}', error.hint, path=path) from error


def calibration_path(sha256: str) -> Path:
    """Where a person's own calibration of a model is kept."""
    return user_folders().data / "calibrations" / f"{sha256[:32]}{SUFFIX}"


def find_calibration(info: GeneratorInfo, given: Sequence[Calibration] = ()) -> Calibration | None:
    """The calibration of a model: a given one, a person's own, or one that travels with the program."""
    for calibration in given:
        if calibration.sha256 == info.sha256:
            return calibration
    own = calibration_path(info.sha256)
    places = [own] if info.sha256 and own.exists() else []
    for path in [*places, *sorted(resource_dir("pretrained").rglob("*" + SUFFIX))]:
        try:
            calibration = read_calibration(path)
        except InputError:
            continue
        if calibration.sha256 == info.sha256:
            return calibration
    return None
