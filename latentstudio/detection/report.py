"""Findings as files: JSON and CSV for programs, HTML for people.

Owns the three forms. The page is one file without scripts and without anything from outside; names of
photos are escaped, for they come from strangers. Any thread.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from latentstudio.detection.calibration import Calibration
from latentstudio.detection.charts import histograms, roc_curve, said_and_true
from latentstudio.detection.findings import Finding, encoded
from latentstudio.detection.fitting import probability
from latentstudio.detection.records import GENERATED
from latentstudio.detection.scoring import calibration_curve
from latentstudio.detection.statistics import STATISTICS
from latentstudio.detection.verdict import Attribution, Word, attribute, ratio_words

# One model's findings on all photos.
Findings = tuple[Calibration, Sequence[Finding]]

CAUTION = (
    "A verdict weighs how well one generator can reproduce a picture. It says nothing about other "
    "generators, nothing about who made or edited a picture, and it is only as good as its calibration. "
    "Compression, resizing and cropping shift it. Never let it decide alone."
)
COLUMNS = (
    "photo", "model", "verdict", "posterior", "prior", "likelihood_ratio", "is_capped", "distance_db",
    "percentile_generated", "percentile_others", "seconds", "reasons", "error",
)  # fmt: skip


def attributions(results: Sequence[Findings], prior: float) -> dict[str, Attribution]:
    """By photo, which of several models; empty for one model."""
    if len(results) < 2:
        return {}
    found: dict[str, Attribution] = {}
    for rows in zip(*(findings for _, findings in results), strict=True):
        verdicts = [
            (calibration, finding.verdict)
            for (calibration, _), finding in zip(results, rows, strict=True)
            if finding.verdict is not None
        ]
        if verdicts:
            found[str(rows[0].path)] = attribute(verdicts, 1 - prior)
    return found


def as_json(results: Sequence[Findings], prior: float) -> str:
    """Everything but the pictures, as one JSON document."""
    models = [
        {
            "model": calibration.model,
            "sha256": calibration.sha256,
            "protocol": calibration.protocol.words,
            "photos": [_json_row(finding) for finding in findings],
        }
        for calibration, findings in results
    ]
    document: dict[str, Any] = {"format": "latentstudio.findings", "prior": prior, "models": models}
    chosen = attributions(results, prior)
    if chosen:
        document["attributions"] = {
            path: {"words": a.words, "model": a.model, "posteriors": dict(a.posteriors)}
            for path, a in chosen.items()
        }
    return json.dumps(document, ensure_ascii=False, indent=1)


def as_csv(results: Sequence[Findings]) -> str:
    """One row a photo and model."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for calibration, findings in results:
        for finding in findings:
            row = _json_row(finding)
            row["model"] = calibration.model
            row["reasons"] = " ".join(row.get("reasons", []))
            writer.writerow([_harmless(row.get(name, "")) for name in COLUMNS])
    return buffer.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet won't take for a formula: names come from strangers."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _json_row(finding: Finding) -> dict[str, Any]:
    row: dict[str, Any] = {"photo": str(finding.path)}
    verdict = finding.verdict
    if verdict is None:
        return {**row, "verdict": "failed", "error": finding.error}
    return {
        **row,
        "verdict": str(verdict.word),
        "sentence": verdict.sentence,
        "reasons": list(verdict.reasons),
        "prior": verdict.prior,
        "posterior": round(verdict.posterior, 4),
        "likelihood_ratio": float(f"{verdict.likelihood_ratio:.4g}"),
        "is_capped": verdict.is_capped,
        "distance_db": round(verdict.distance, 3),
        "percentile_generated": round(verdict.percentile_generated, 1),
        "percentile_others": round(verdict.percentile_others, 1),
        "statistics": {name: round(value, 4) for name, value in (finding.values or {}).items()},
        "seconds": round(finding.seconds, 2),
    }


# --- the page -----------------------------------------------------------------------------------


def as_html(results: Sequence[Findings], prior: float) -> str:
    """One page: what may be said of each photo, with pictures and plots, and how good the instrument is."""
    chosen = attributions(results, prior)
    parts = ["<h1>Was it generated?</h1>", f'<p class="caution">{escape(CAUTION)}</p>']
    parts.append(f"<p>Prior chance that a photo is the generator's: {prior:.0%}.</p>")
    for calibration, findings in results:
        parts.append(f"<h2>{escape(calibration.model)}</h2>")
        parts.append(_summary(findings))
        parts += [_card(finding, calibration, chosen) for finding in findings]
    for calibration, _ in results:
        parts.append(about_calibration(calibration))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Was it generated?</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>"
    )


def about_calibration(calibration: Calibration) -> str:
    """What the instrument is and how good it is, as a piece of HTML."""
    own, others = calibration.scores(True), calibration.scores(False)
    held = [s for s in calibration.samples if s.held_out]
    said = probability(calibration.log_odds.capped(np.array([s.score for s in held])))
    curve = calibration_curve(said, np.array([s.kind == GENERATED for s in held]))
    area = next((row.auc for row in calibration.rows if row.degradation == "all"), float("nan"))
    about = "".join(
        f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in calibration.about
    )
    used = "".join(
        f"<li><b>{escape(name)}</b>: {escape(STATISTICS[name].words)}</li>"
        for name in calibration.log_odds.names
        if name in STATISTICS
    )
    rows = "".join(
        f"<tr><td>{escape(r.degradation)}</td><td>{r.generated}</td><td>{r.others}</td>"
        f"<td>{r.auc:.3f} ({r.auc_low:.3f} to {r.auc_high:.3f})</td><td>{r.baseline_auc:.3f}</td>"
        f"<td>{r.calibration_error:.3f}</td><td>{r.brier:.3f}</td>"
        f"<td>{r.found_at_1:.0%} / {r.false_at_1:.1%}</td>"
        f"<td>{r.found_at_5:.0%} / {r.false_at_5:.1%}</td></tr>"
        for r in calibration.rows
    )
    return (
        f"<h2>How good this is: {escape(calibration.model)}</h2>"
        f"<p>{escape(calibration.protocol.words)}. Model hash {calibration.sha256[:12]}.</p>"
        f'<div class="plots"><figure>{histograms(own, others, None, "log-odds")}<figcaption>Scores of '
        "generated (warm) and other (cool) pictures</figcaption></figure>"
        f"<figure>{roc_curve(calibration.roc, f'AUC {area:.3f}, held out')}<figcaption>Found against "
        "false positives</figcaption></figure>"
        f"<figure>{said_and_true(curve, 'said')}<figcaption>Chance said against share true</figcaption>"
        "</figure></div>"
        "<table><thead><tr><th>copies</th><th>generated</th><th>others</th><th>AUC (95 %)</th>"
        "<th>distance alone</th><th>calibration error</th><th>Brier</th><th>found / false at 1 %</th>"
        f"<th>at 5 %</th></tr></thead><tbody>{rows}</tbody></table>"
        f"<ul>{used}</ul><table>{about}</table>"
    )


def _summary(findings: Sequence[Finding]) -> str:
    counts = dict.fromkeys(Word, 0)
    failed = 0
    for finding in findings:
        if finding.verdict is None:
            failed += 1
        else:
            counts[finding.verdict.word] += 1
    told = [f"{count} {word}" for word, count in counts.items()]
    if failed:
        told.append(f"{failed} failed")
    return f"<p>{len(findings)} photo{'' if len(findings) == 1 else 's'}: {', '.join(told)}.</p>"


def _card(finding: Finding, calibration: Calibration, chosen: dict[str, Attribution]) -> str:
    name = escape(finding.path.name)
    verdict = finding.verdict
    if verdict is None:
        return f'<section><h3>{name}</h3><p class="failed">Left out: {escape(finding.error)}</p></section>'
    pictures = "".join(
        f'<figure><img alt="" src="data:image/png;base64,{encoded(picture)}"><figcaption>{words}'
        "</figcaption></figure>"
        for picture, words in (
            (finding.picture, "the photo as compared"),
            (finding.resynthesis, "the closest the generator comes"),
            (finding.difference, "difference, doubled"),
        )
        if picture is not None
    )
    kind = {Word.CONSISTENT: "consistent", Word.NOT: "not", Word.CANT_SAY: "cant"}[verdict.word]
    which = chosen.get(str(finding.path))
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    plot = histograms(calibration.scores(True), calibration.scores(False), verdict.score, "log-odds")
    return (
        f'<section><h3>{name}</h3><p class="{kind}">{escape(verdict.sentence)}</p>'
        + (f"<p>{escape(which.words)}</p>" if which else "")
        + f'<div class="plots">{pictures}<figure>{plot}<figcaption>where it lies</figcaption></figure></div>'
        f"<ul>{reasons}<li>Chance after looking: {verdict.posterior:.1%} (before: {verdict.prior:.0%}); "
        f"{escape(ratio_words(verdict.likelihood_ratio, verdict.is_capped))}.</li>"
        f"<li>Distance {verdict.distance:.1f} dB; its score is higher than that of "
        f"{verdict.percentile_generated:.0f} % of generated and {verdict.percentile_others:.0f} % of other "
        "pictures.</li>"
        f"<li>{escape(calibration.protocol.words)}; {finding.seconds:.1f} s.</li></ul></section>"
    )


_STYLE = """
:root{color-scheme:light dark;--own:#c4671a;--other:#1f6fd6;--line:#8888;--text:#1c2024;--ground:#f8f9fa}
@media (prefers-color-scheme:dark){:root{--own:#f0a35e;--other:#6fb1ff;--text:#e7e9ec;--ground:#15171a}}
body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:32px auto;padding:0 16px;
color:var(--text);background:var(--ground)}
h1{font-size:26px}h2{margin-top:40px;font-size:20px}h3{margin:0 0 4px;font-size:15px}
section{border-top:1px solid var(--line);padding:16px 0}
.caution{border-left:3px solid var(--own);padding-left:12px}
.consistent{color:var(--own);font-weight:600}.not{color:var(--other);font-weight:600}
.cant,.failed{font-weight:600}
.plots{display:flex;flex-wrap:wrap;gap:16px;align-items:flex-end}figure{margin:0}
figcaption{font-size:12px;opacity:.7}img{width:160px;image-rendering:auto;border-radius:4px;display:block}
svg{width:300px;display:block}svg text{font-size:11px;fill:var(--text);opacity:.7}
.own{fill:var(--own);opacity:.65}.other{fill:var(--other);opacity:.55}
.mark{stroke:var(--text);stroke-width:2}.axis{fill:none;stroke:var(--line)}
.curve{fill:none;stroke:var(--own);stroke-width:2}.even{stroke:var(--line);stroke-dasharray:4}
.dot{fill:var(--own)}table{border-collapse:collapse;font-size:13px;margin:16px 0}
th,td{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
"""
