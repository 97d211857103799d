"""The detect panel: was a photo made by this generator?

Owns the order of things: photos in, one finding each, the prior, what is exported. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.atomic_file import write_atomically
from latentstudio.detection.findings import Finding
from latentstudio.detection.report import CAUTION, as_csv, as_html, as_json
from latentstudio.document.recipe import Recipe
from latentstudio.errors import LatentStudioError
from latentstudio.gui.detection.calibrating import CalibrationHead
from latentstudio.gui.detection.detail import FindingDetail, Reasons
from latentstudio.gui.detection.drop_box import DropBox
from latentstudio.gui.detection.photo_list import PhotoList
from latentstudio.gui.detection.plots import DetectionPlots
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.media.photo import SUFFIXES

if TYPE_CHECKING:
    from latentstudio.engine.requests import Job, Progress

LEAST_PRIOR = 1.0  # per cent
SCORES, ROC = "scores", "roc"


class DetectPanel(QWidget):
    """Photos, verdicts, plots."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self._prior = 0.5
        self._if_stopped = ""  # what is said of a job that ends before its time
        self.job = OneJob(studio.bridge, self)
        self.head = CalibrationHead(studio, self)
        self.drop = DropBox(self)
        self.note = label("", "muted", self)
        self.note.setWordWrap(True)
        self.stop = QPushButton("Stop", self)
        self.list = PhotoList(self)
        self.detail = FindingDetail(self)
        self.reasons = Reasons(self)
        self.plots = DetectionPlots(self)
        self.which = Segmented(parent=self)
        self.which.set_choices(
            [(SCORES, "Scores", "Where both kinds of picture lie"), (ROC, "ROC", "Found against false")]
        )
        self.which.set_chosen(SCORES)
        slider = ValueSlider(LEAST_PRIOR, 100 - LEAST_PRIOR, origin=50, rest=50, step=1)
        self.prior = SliderRow(
            "Chance before looking", slider, words=lambda v: f"{v:.0f}", unit="%", parent=self
        )
        self.prior.setToolTip("How likely a photo is the generator's, before it is looked at")
        self.export = QPushButton("Export…", self)
        self.clear = QPushButton("Clear", self)
        self.caution = label(CAUTION, "small", self)
        self.caution.setWordWrap(True)
        self._weighing = QWidget(self)
        self._arrange()
        self._wire()
        self._show()

    def _arrange(self) -> None:
        weighing = QVBoxLayout(self._weighing)
        weighing.setContentsMargins(0, 0, 0, 0)
        weighing.setSpacing(8)
        weighing.addWidget(self.which)
        weighing.addWidget(self.plots)
        weighing.addWidget(self.reasons)
        weighing.addWidget(self.prior)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.note, 1)
        line.addWidget(self.stop)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.export)
        foot.addWidget(self.clear)
        foot.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(8)
        column.addWidget(caption("Photos", self))
        column.addWidget(self.drop)
        column.addLayout(line)
        column.addWidget(self.list)
        column.addWidget(self.detail)
        column.addWidget(self._weighing)
        column.addLayout(foot)
        column.addSpacing(4)
        column.addWidget(self.head)
        column.addSpacing(4)
        column.addWidget(self.caution)
        column.addStretch(1)

    def _wire(self) -> None:
        self.drop.clicked.connect(self._choose)
        self.drop.dropped.connect(self.look_at)
        self.list.chosen.connect(self._choose_row)
        self.which.chosen.connect(self._turn)
        self.prior.edited.connect(self._set_prior)
        self.prior.typed.connect(self._set_prior)
        self.export.clicked.connect(self._choose_export)
        self.clear.clicked.connect(self._clear)
        self.stop.clicked.connect(self.job.cancel)
        self.head.changed.connect(self._take_calibration)
        self.job.progressed.connect(self._follow)
        self.job.finished.connect(self._take)
        self.job.ended.connect(self._show)

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Findings belong to a model: another one begins anew."""
        self.job.cancel()
        self._model = model
        self._clear()
        self.head.set_model(model)

    def set_recipe(self, recipe: Recipe) -> None:
        """Photos do not depend on the recipe."""

    # --- looking --------------------------------------------------------------------------------

    def look_at(self, paths: Sequence[Path]) -> None:
        """Judge photos and folders of them, one after the other."""
        calibration = self.head.calibration
        if calibration is None or not paths:
            return
        prior, asked = self._prior, list(paths)
        self._if_stopped = "Stopped before a photo was judged. Drop them again to begin anew."

        def start() -> Job:
            from latentstudio.detection.jobs import detect_job

            return detect_job(asked, calibration, prior=prior)

        self.job.start(start)
        self._show()

    def _follow(self, progress: Progress) -> None:
        if progress.done:
            left = progress.total - progress.done
            self._if_stopped = f"Stopped with {left} of {progress.total} photos not judged." if left else ""
        where = f"photo {min(progress.done + 1, progress.total)} of {progress.total}"
        self.note.setText(f"Looking at {where}" if progress.total else progress.text)
        if isinstance(progress.payload, Finding):
            self._put(progress.payload)

    def _take(self, findings: list[Finding]) -> None:
        self._if_stopped = ""
        for finding in findings:
            self._put(finding)
        self._show()

    def _put(self, finding: Finding) -> None:
        calibration = self.head.calibration
        if calibration is None:
            return
        # The prior may have moved since the job began.
        row = self.list.put(finding.judged(calibration, self._prior))
        if self.list.index is None:
            self.list.selectRow(row)
        elif self.list.index == row:
            self._choose_row(row)
        self._show()

    def _choose_row(self, row: int) -> None:
        finding = self.list.findings[row]
        self.detail.set_finding(finding)
        self.reasons.set_finding(finding)
        self.plots.set_mark(None if finding.verdict is None else finding.verdict.score)

    def _set_prior(self, percent: float) -> None:
        self._prior = min(max(percent, LEAST_PRIOR), 100 - LEAST_PRIOR) / 100
        self.prior.set_value(100 * self._prior)
        calibration = self.head.calibration
        if calibration is not None:
            self.list.replace_all([f.judged(calibration, self._prior) for f in self.list.findings])
            if self.list.index is not None:
                self._choose_row(self.list.index)

    def _take_calibration(self) -> None:
        calibration = self.head.calibration
        # Verdicts of the old one do not hold under the new one.
        self._clear()
        if calibration is not None:
            self.plots.set_scores(calibration.scores(True), calibration.scores(False))
            self.plots.set_curve(calibration.roc.false_positives, calibration.roc.true_positives)
        self._show()

    # --- files ----------------------------------------------------------------------------------

    def write(self, path: Path) -> None:
        """Write the findings; the ending says how: .html, .csv or .json."""
        calibration = self.head.calibration
        if calibration is None:
            return
        results = [(calibration, self.list.findings)]
        kind = path.suffix.lower()
        if kind == ".csv":
            text = as_csv(results)
        elif kind == ".json":
            text = as_json(results, self._prior)
        else:
            path = path if kind in (".html", ".htm") else path.with_name(f"{path.name}.html")
            text = as_html(results, self._prior)
        try:
            write_atomically(path, text.encode())
        except LatentStudioError as error:
            self._studio.tell_error(error)
            return
        self._studio.tell(f"{path.name} is written.")

    def _choose(self) -> None:
        endings = " ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        chosen, _ = QFileDialog.getOpenFileNames(self, "Photos", "", f"Photos ({endings})")
        self.look_at([Path(name) for name in chosen])

    def _choose_export(self) -> None:
        kinds = "Page (*.html);;Table (*.csv);;JSON (*.json)"
        chosen, _ = QFileDialog.getSaveFileName(self, "Export", "findings.html", kinds)
        if chosen:
            self.write(Path(chosen))

    # --- showing --------------------------------------------------------------------------------

    def _turn(self, key: object) -> None:
        self.which.set_chosen(key)
        self.plots.show_roc(key == ROC)

    def _clear(self) -> None:
        self._if_stopped = ""
        self.list.empty()
        self.detail.set_finding(None)
        self.reasons.set_finding(None)
        self.plots.set_mark(None)
        self._show()

    def _show(self) -> None:
        calibrated, running = self.head.calibration is not None, self.job.is_running
        self.drop.setEnabled(calibrated and self._model is not None)
        if calibrated:
            self.drop.set_words("Drop photos or a folder here", "or click to choose them")
        else:
            self.drop.set_words("Photos can be judged", "once this model is calibrated")
        if not running:
            self.note.setText(self._if_stopped)
        self.note.setVisible(bool(running or self._if_stopped))
        self.stop.setVisible(running)
        self._weighing.setVisible(calibrated)
        self.export.setVisible(bool(self.list.findings))
        self.clear.setVisible(bool(self.list.findings))
