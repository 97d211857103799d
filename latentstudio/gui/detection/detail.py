"""One photo's verdict: the sentence, three pictures, what stands behind it.

Owns the arrangement; the words are `detection.verdict`'s. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from latentstudio.detection.findings import Finding
from latentstudio.detection.verdict import Word, ratio_words
from latentstudio.gui.detection.photo_list import chance_words
from latentstudio.gui.engine_bridge import as_image, enlarged
from latentstudio.gui.widgets.labels import label, set_tone
from latentstudio.gui.widgets.titled_pictures import TitledPictures

TONES = {Word.CONSISTENT: "accent", Word.NOT: "second", Word.CANT_SAY: "muted"}


class FindingDetail(QWidget):
    """The verdict on one photo."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = label("", "verdict", self)
        self.sentence.setWordWrap(True)
        self.pictures = TitledPictures(("Photo", "Closest", "Difference"), self)
        self.pictures.setToolTip(
            "The photo as compared, the closest the generator comes, and where they differ"
        )
        # They are to be looked at; nothing happens on a click.
        self.pictures.setCursor(Qt.CursorShape.ArrowCursor)
        self.pictures.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self.sentence, self.pictures):
            column.addWidget(widget)
        self.hide()

    def set_finding(self, finding: Finding | None) -> None:
        """Show a photo; None for none."""
        self.setVisible(finding is not None)
        if finding is None:
            return
        shown = (finding.picture, finding.resynthesis, finding.difference)
        self.pictures.setVisible(finding.picture is not None)
        if finding.picture is not None:
            self.pictures.set_aspect(finding.picture.shape[0] / finding.picture.shape[1])
        for index, picture in enumerate(shown):
            if picture is not None:
                self.pictures.set_image(index, enlarged(picture, as_image(picture)))
        verdict = finding.verdict
        if verdict is None:
            self.sentence.setText(f"Left out. {finding.error}")
            set_tone(self.sentence, "tone", "danger")
            return
        self.sentence.setText(verdict.sentence)
        set_tone(self.sentence, "tone", TONES[verdict.word])


class Reasons(QWidget):
    """What stands behind a verdict, a line each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self.lines: list[QLabel] = []
        self.set_finding(None)

    def set_finding(self, finding: Finding | None) -> None:
        """Show a photo's; None for none."""
        told = [] if finding is None else reason_lines(finding)
        while len(self.lines) < len(told):
            line = label("", "muted", self)
            line.setWordWrap(True)
            self._column.addWidget(line)
            self.lines.append(line)
        for i, line in enumerate(self.lines):
            line.setVisible(i < len(told))
            line.setText(told[i] if i < len(told) else "")
        self.setVisible(bool(told))


def reason_lines(finding: Finding) -> list[str]:
    """Reasons, chance and evidence, a sentence each."""
    verdict = finding.verdict
    if verdict is None:
        return []
    # The first reason of a "can't say" stands in the verdict's sentence already.
    told = verdict.reasons[1:] if verdict.word is Word.CANT_SAY else verdict.reasons
    ratio = ratio_words(verdict.likelihood_ratio, verdict.is_capped)
    return [
        *told,
        f"Chance after looking {chance_words(verdict.posterior)}, before {chance_words(verdict.prior)}.",
        f"{ratio[0].upper()}{ratio[1:]}.",
        f"Its score is higher than that of {verdict.percentile_generated:.0f} % of generated and "
        f"{verdict.percentile_others:.0f} % of other pictures. Distance {verdict.distance:.1f} dB, "
        f"{finding.seconds:.1f} s.",
    ]
