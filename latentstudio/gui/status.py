"""The status line: how it is going.

Owns milliseconds a frame, device and precision, and the running jobs with their cancel button; GUI
thread.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from latentstudio.engine.requests import Failure, JobFinished, JobProgress
from latentstudio.gui.device_button import DeviceButton
from latentstudio.gui.engine_bridge import EngineBridge
from latentstudio.gui.theme import figures
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.words import seconds_words


@dataclass
class _Running:
    title: str
    started: float
    done: int = 0
    total: int = 0


class StatusLine(QWidget):
    """One line along the bottom."""

    def __init__(self, bridge: EngineBridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._jobs: OrderedDict[int, _Running] = OrderedDict()
        self.setProperty("role", "status")
        self.time, self.device = label("", "muted", self), DeviceButton(self)
        self.time.setFont(figures(self.time.font()))
        self.time.setToolTip("Time the engine spent on the picture shown")
        self.memory = label("", "muted", self)
        self.memory.setFont(figures(self.memory.font()))
        self.memory.setToolTip("Memory the program holds: the card's where a card computes")
        self.job = label("", "muted", self)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(96)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setProperty("role", "link")
        self.cancel.clicked.connect(self._cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 4, 10, 4)
        row.setSpacing(18)
        row.addWidget(self.time)
        row.addWidget(self.device)
        row.addWidget(self.memory)
        row.addStretch(1)
        row.addWidget(self.job)
        row.addWidget(self._bar)
        row.addWidget(self.cancel)
        self.setFixedHeight(28)
        bridge.job_progressed.connect(self._progressed)
        for ended in (bridge.job_finished, bridge.job_cancelled):
            ended.connect(lambda event: self._ended(event.job))
        bridge.job_finished.connect(self._take_precision)
        bridge.failed.connect(self._failed)
        self._show()

    def set_picture(self, elapsed_ms: float, precision: str, memory_mib: int) -> None:
        """How the picture shown came about."""
        self.time.setText(f"{elapsed_ms:.0f} ms" if elapsed_ms >= 0.5 else "< 1 ms")
        self.memory.setText(f"{memory_mib} MiB" if memory_mib else "")
        if precision != self._precision:
            self._precision = precision
            self._show_device()

    def set_device(self, words: str, choices: Sequence[tuple[str, str]] = (), current: str = "") -> None:
        """Where it is computed, and where else it could be: pairs of a name and words."""
        self._device_words, self._fast = words, ""
        self.device.set_choices(choices, current)
        self._show_device()

    def set_fast_precision(self, name: str) -> None:
        """The type that previews are computed in, once it has been measured."""
        self._fast = "" if name == "float32" else name
        self._show_device()

    def _show_device(self) -> None:
        words = self._device_words
        precision = f"{self._fast} preview, float32 at rest" if self._fast else self._precision
        self.device.setText(f"{words} · {precision}" if words else "")

    _device_words = _fast = ""
    _precision = "float32"

    def set_busy(self, words: str) -> None:
        """Something under way that can't be measured, such as loading; empty when it is over."""
        self._busy = words
        self._show()

    _busy = ""

    def _progressed(self, event: JobProgress) -> None:
        running = self._jobs.setdefault(event.job, _Running(event.title, time.monotonic()))
        running.done, running.total = event.progress.done, event.progress.total
        self._show()

    def _ended(self, number: int) -> None:
        self._jobs.pop(number, None)
        self._show()

    def _take_precision(self, event: JobFinished) -> None:
        if event.tag == "precision":
            self.set_fast_precision(str(event.value))

    def _failed(self, failure: Failure) -> None:
        if failure.job is not None:
            self._ended(failure.job)

    def _show(self) -> None:
        number = next(iter(self._jobs), None)
        self.cancel.setVisible(number is not None)
        self._bar.setVisible(number is not None or bool(self._busy))
        if number is None:
            self._bar.setRange(0, 0)
            self.job.setText(self._busy)
            return
        job = self._jobs[number]
        words = [job.title]
        if job.total:
            share = job.done / job.total
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(share * 1000))
            words.append(f"{share:.0%}".replace("%", " %"))
            spent = time.monotonic() - job.started
            if share > 0.05 and spent > 2:
                words.append(f"{seconds_words(spent / share - spent)} left")
        else:
            self._bar.setRange(0, 0)
        if len(self._jobs) > 1:
            words.append(f"{len(self._jobs) - 1} more")
        self.job.setText(" · ".join(words))

    def _cancel(self) -> None:
        number = next(iter(self._jobs), None)
        if number is not None:
            self._bridge.cancel(number)
