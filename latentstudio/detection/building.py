"""From measured pictures to a calibration: split, choose, fit, try on what was held out.

Owns the split, the table of results and the ablation. Nothing that is fitted (statistics, weights,
thresholds) sees a held-out picture. NumPy only, any thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from latentstudio import __version__
from latentstudio.detection.calibration import Ablation, Calibration, Row, Sample
from latentstudio.detection.fitting import LogOdds, choose, cross_validated, fit, probability
from latentstudio.detection.protocol import Protocol
from latentstudio.detection.records import GENERATED, Record
from latentstudio.detection.scoring import (
    auc,
    auc_interval,
    brier,
    calibration_floor,
    expected_calibration_error,
    share_above,
    threshold_at,
)
from latentstudio.detection.statistics import STATISTICS
from latentstudio.errors import InputError
from latentstudio.models.info import GeneratorInfo

BASELINE = "distance"
SPLIT_SEED = 7
EVERY = "all"
Numbers = NDArray[np.float64]


class Table:
    """Records as columns.

    Attributes:
        names: of the statistics.
        values: (N, len(names)).
        labels: (N,), True for generated.
        groups: (N,), one number for all copies of one picture.
        held_out: (N,), True where nothing may be fitted.
        degradations: of each.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        if not records:
            raise InputError("There is nothing to calibrate with.")
        self.records = tuple(records)
        self.names = tuple(name for name in STATISTICS if all(name in r.values for r in records))
        self.values = np.array([[r.values[n] for n in self.names] for r in records], np.float64)
        self.labels = np.array([r.kind == GENERATED for r in records])
        pictures = sorted({(r.kind, r.name) for r in records})
        number = {picture: i for i, picture in enumerate(pictures)}
        self.groups = np.array([number[r.kind, r.name] for r in records])
        self.degradations = np.array([r.degradation for r in records])
        self.held_out = split(pictures)[self.groups]

    def columns(self, names: Sequence[str]) -> Numbers:
        """The values of some statistics, (N, len(names))."""
        return self.values[:, [self.names.index(name) for name in names]]

    def fitted(self, names: Sequence[str]) -> LogOdds:
        """Log-odds fitted to the part that may be fitted to."""
        own = ~self.held_out
        return fit(self.columns(names)[own], self.labels[own], self.groups[own], names)


def split(pictures: Sequence[tuple[str, str]]) -> NDArray[np.bool_]:
    """Which of the (kind, name) pairs are held out: one of every two of a kind, by a coin of a fixed seed.

    It is settled before anything is measured: the same pictures are always split the same way, more pictures
    of later names change nothing for the earlier ones, and copies follow their picture.
    """
    held_out = np.zeros(len(pictures), bool)
    for kind in sorted({kind for kind, _ in pictures}):
        own = [i for i, picture in enumerate(pictures) if picture[0] == kind]
        own.sort(key=lambda i: pictures[i][1])
        coins = np.random.default_rng(SPLIT_SEED).random(len(own) // 2) < 0.5
        for pair, coin in enumerate(coins):
            held_out[own[2 * pair + int(coin)]] = True
    return held_out


def build(
    records: Sequence[Record], info: GeneratorInfo, protocol: Protocol, about: Mapping[str, str]
) -> Calibration:
    """A calibration from what was measured.

    Args:
        records: of both classes, with degraded copies.
        info: the model they were measured with.
        protocol: how they were measured.
        about: what the pictures were, for people.

    Raises:
        InputError: too few pictures of a class.
    """
    table = Table(records)
    own = ~table.held_out
    labels, groups = table.labels[own], table.groups[own]
    names = choose(table.values[own], labels, groups, table.names)
    log_odds = table.fitted(names)
    scores = log_odds(table.columns(names))
    scores[own] = cross_validated(table.columns(names)[own], labels, groups)
    threshold_1 = threshold_at(scores[own][~labels], 0.01)
    threshold_5 = threshold_at(scores[own][~labels], 0.05)
    baseline = table.columns([BASELINE])[:, 0]
    samples = tuple(
        Sample(r.kind, r.degradation, bool(held), float(score), float(distance))
        for r, held, score, distance in zip(table.records, table.held_out, scores, baseline, strict=True)
    )
    rows = tuple(
        _row(name, table, chosen, scores, log_odds.capped, (threshold_1, threshold_5))
        for name, chosen in _parts(table)
    )
    spent = float(np.mean([r.seconds for r in records]))
    return Calibration(
        sha256=info.sha256,
        model=info.provenance.title or info.family,
        img_size=info.img_size,
        protocol=protocol,
        log_odds=log_odds,
        threshold_1=threshold_1,
        threshold_5=threshold_5,
        miss_1=-threshold_at(-scores[own][labels], 0.01),
        samples=samples,
        rows=rows,
        ablations=ablation(table, names),
        about=tuple(
            {
                **about,
                "pictures": _counts(records),
                "seconds a picture": f"{spent:.1f}",
                "made": time.strftime("%Y-%m-%d"),
                "version": __version__,
            }.items()
        ),
    )


def ablation(table: Table, chosen: Sequence[str]) -> tuple[Ablation, ...]:
    """Areas on held-out pictures: the baseline, each statistic alone, all, those read, these but one."""
    parts = _parts(table)

    def areas(what: str, scores: Numbers) -> Ablation:
        found = []
        for name, own in parts:
            positive, negative = scores[own & table.labels], scores[own & ~table.labels]
            found.append((name, auc(positive, negative)))
        return Ablation(what, tuple(found))

    def of(what: str, names: Sequence[str]) -> Ablation:
        return areas(what, table.fitted(names)(table.columns(names)))

    changing = [name for name in table.names if table.columns([name])[~table.held_out].std() > 1e-9]
    found = [of(f"{name} alone", [name]) for name in changing or [BASELINE]]
    if set(chosen) != set(changing):
        found.append(of("all", changing or [BASELINE]))
    found.append(of(f"read: {'all' if set(chosen) == set(changing) else ', '.join(chosen)}", chosen))
    if len(chosen) > 1:
        found += [of(f"without {name}", [n for n in chosen if n != name]) for name in chosen]
    return tuple(found)


def _parts(table: Table) -> list[tuple[str, NDArray[np.bool_]]]:
    """Which held-out pictures belong to each degradation that both classes have, and to all of them."""
    parts = [(EVERY, table.held_out)]
    for name in dict.fromkeys(table.degradations.tolist()):
        own = table.held_out & (table.degradations == name)
        if (own & table.labels).any() and (own & ~table.labels).any():
            parts.append((name, own))
    return parts


def _row(
    name: str,
    table: Table,
    own: NDArray[np.bool_],
    scores: Numbers,
    capped: Callable[[Numbers], Numbers],
    thresholds: tuple[float, float],
) -> Row:
    labels = table.labels[own]
    positive, negative = scores[own][labels], scores[own][~labels]
    baseline = table.columns([BASELINE])[own, 0]
    area = auc_interval(positive, negative)
    said = probability(capped(scores[own]))
    at_1, at_5 = thresholds
    return Row(
        degradation=name,
        generated=len(positive),
        others=len(negative),
        auc=area.value,
        auc_low=area.low,
        auc_high=area.high,
        # The nearer, the likelier generated.
        baseline_auc=auc(-baseline[labels], -baseline[~labels]),
        calibration_error=expected_calibration_error(said, labels),
        calibration_floor=calibration_floor(said),
        brier=brier(said, labels),
        found_at_1=share_above(positive, at_1),
        false_at_1=share_above(negative, at_1),
        found_at_5=share_above(positive, at_5),
        false_at_5=share_above(negative, at_5),
    )


def _counts(records: Sequence[Record]) -> str:
    found = {}
    for kind in dict.fromkeys(r.kind for r in records):
        own = [r for r in records if r.kind == kind]
        found[kind] = f"{len({r.name for r in own})} {kind} ({len(own)} with copies)"
    return ", ".join(found.values())
