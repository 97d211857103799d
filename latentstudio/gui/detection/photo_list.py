"""The photos that were looked at, with their verdicts, as a table.

Owns the rows and which one is chosen; what a verdict means is the detail's. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from latentstudio.detection.findings import Finding
from latentstudio.detection.verdict import Word
from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.theme import tokens

ROW_PX, SHOWN_ROWS = 34, 5
SHORT = {Word.CONSISTENT: "consistent", Word.NOT: "not its", Word.CANT_SAY: "can't say"}
COLORS = {Word.CONSISTENT: "accent", Word.NOT: "second", Word.CANT_SAY: "muted"}


class PhotoList(QTableWidget):
    """One row a photo.

    Signals:
        chosen(int): another row is looked at.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self.findings: list[Finding] = []
        self.setHorizontalHeaderLabels(["Photo", "Verdict", "Chance"])
        header = self.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        header.setHighlightSections(False)
        chance = self.horizontalHeaderItem(2)
        assert chance is not None
        chance.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.setIconSize(QSize(28, 28))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Photos and verdicts")
        self.itemSelectionChanged.connect(self._tell)
        self._fit()

    @property
    def index(self) -> int | None:
        """The chosen row."""
        rows = self.selectionModel().selectedRows()
        return rows[0].row() if rows else None

    def put(self, finding: Finding) -> int:
        """Add a photo's finding, or take the place of an older one; gives its row."""
        for row, old in enumerate(self.findings):
            if old.path == finding.path:
                self.findings[row] = finding
                break
        else:
            row = len(self.findings)
            self.findings.append(finding)
            self.insertRow(row)
        self._write(row)
        self._fit()
        return row

    def replace_all(self, findings: list[Finding]) -> None:
        """The same photos, judged anew."""
        self.findings = findings
        for row in range(len(findings)):
            self._write(row)

    def empty(self) -> None:
        """Forget all photos."""
        self.findings = []
        self.setRowCount(0)
        self._fit()

    def _write(self, row: int) -> None:
        finding, t = self.findings[row], tokens()
        name = QTableWidgetItem(finding.path.name)
        name.setToolTip(str(finding.path))
        if finding.picture is not None:
            name.setIcon(QIcon(QPixmap.fromImage(as_image(finding.picture))))
        verdict = finding.verdict
        if verdict is None:
            word, chance, color = QTableWidgetItem("left out"), QTableWidgetItem(""), t.color("danger")
            word.setToolTip(finding.error)
        else:
            word = QTableWidgetItem(SHORT[verdict.word])
            word.setToolTip(verdict.sentence)
            chance = QTableWidgetItem(chance_words(verdict.posterior))
            color = t.color(COLORS[verdict.word])
        word.setForeground(QColor(color))
        chance.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column, item in enumerate((name, word, chance)):
            self.setItem(row, column, item)

    def _fit(self) -> None:
        rows = min(max(len(self.findings), 1), SHOWN_ROWS)
        self.setFixedHeight(rows * ROW_PX + self.horizontalHeader().sizeHint().height() + 4)
        self.setVisible(bool(self.findings))

    def _tell(self) -> None:
        if self.index is not None:
            self.chosen.emit(self.index)


def chance_words(chance: float) -> str:
    """A probability that never claims to be certain."""
    if chance > 0.99:
        return "> 99 %"
    if chance < 0.01:
        return "< 1 %"
    return f"{chance:.0%}".replace("%", " %")
