"""Which calibration is in use, and making one.

Owns the few lines at the head of the detect panel: how good the calibration is, a file of somebody
else's, pictures to make one from. GUI thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.detection.calibration import (
    SUFFIX,
    Calibration,
    calibration_path,
    find_calibration,
    read_calibration,
)
from latentstudio.errors import LatentStudioError
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label

if TYPE_CHECKING:
    from latentstudio.engine.requests import Job, Progress

USUAL_COUNT = 200


class CalibrationHead(QWidget):
    """The calibration of the open model.

    Signals:
        changed(): another calibration is in use, or none.
    """

    changed = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self.calibration: Calibration | None = None
        self.count = USUAL_COUNT
        self.job = OneJob(studio.bridge, self)
        self.job.progressed.connect(self._follow)
        self.job.finished.connect(self._take)
        self.job.ended.connect(self._show)
        self.words = label("", "muted", self)
        self.words.setWordWrap(True)
        self.make = QPushButton("Calibrate…", self)
        self.make.setToolTip("Choose a folder of pictures that this generator never saw")
        self.make.clicked.connect(self._choose_pictures)
        self.open = QPushButton("Open…", self)
        self.open.setToolTip("Use a calibration that somebody else made for this model")
        self.open.clicked.connect(self._choose_file)
        self.stop = QPushButton("Stop", self)
        self.stop.setToolTip("Stop; measuring goes on from here when you calibrate again")
        self.stop.clicked.connect(self.job.cancel)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.make, self.open, self.stop):
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(caption("Calibration", self))
        column.addWidget(self.words)
        column.addLayout(row)
        self._show()

    def set_model(self, model: OpenModel) -> None:
        """Look for the calibration of another model."""
        self.job.cancel()
        self._model = model
        self.calibration = find_calibration(model.info)
        self._show()
        self.changed.emit()

    def use(self, path: Path) -> None:
        """Use a file, and keep it for this model."""
        if self._model is None:
            return
        try:
            calibration = read_calibration(path)
            calibration.check_model(self._model.info)
            kept = calibration_path(calibration.sha256)
            kept.parent.mkdir(parents=True, exist_ok=True)
            calibration.save(kept)
        except (LatentStudioError, OSError) as error:
            self._studio.tell_error(error)
            return
        self._take(calibration)

    def calibrate(self, real: Path) -> None:
        """Make one from a folder of pictures; it can be stopped and goes on where it was."""
        count = self.count

        def start() -> Job:
            from latentstudio.detection.jobs import calibrate_job
            from latentstudio.detection.making import Plan

            return calibrate_job(Plan(real=(real,), count=count))

        self.job.start(start)
        self._show()

    def _choose_pictures(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Pictures that this generator never saw")
        if chosen:
            self.calibrate(Path(chosen))

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Calibration of this model", "", f"Calibrations (*{SUFFIX} *.json)"
        )
        if chosen:
            self.use(Path(chosen))

    def _follow(self, progress: Progress) -> None:
        self.words.setText(f"Calibrating: {progress.done} of {progress.total} pictures measured.")

    def _take(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        running, known = self.job.is_running, self.calibration
        self.make.setVisible(not running and self._model is not None)
        self.open.setVisible(not running and self._model is not None)
        self.stop.setVisible(running)
        self.make.setText("Calibrate anew…" if known else "Calibrate…")
        if running:
            self.words.setText("Calibrating: measuring own pictures and others.")
        elif self._model is None:
            self.words.setText("Open a model to compare photos with it.")
        elif known is None:
            self.words.setText(
                "Nobody has calibrated this model here. Choose a folder of pictures that it never saw, "
                "two hundred or more of the kind you will ask about."
            )
        else:
            self.words.setText(summary(known))


def summary(calibration: Calibration) -> str:
    """How good a calibration is, in two lines."""
    whole, clean = calibration.row("all"), calibration.row("clean")
    parts = []
    if clean is not None:
        parts.append(f"AUC {clean.auc:.3f} on {clean.generated} own and {clean.others} other pictures")
    if whole is not None:
        parts.append(f"{whole.auc:.3f} with compressed, resized and other copies")
    return "; ".join(parts) + ". All of them held out." if parts else "No held-out pictures were tried."
