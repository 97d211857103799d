"""The question before a download: what it is, its licence, what the licence does not clear.

Owns the dialog only; GUI thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from latentstudio.gui.icons import pixmap
from latentstudio.gui.theme import tokens
from latentstudio.gui.widgets.labels import label, set_tone

if TYPE_CHECKING:
    from latentstudio.models.catalogue import CatalogueRow


class InstallDialog(QDialog):
    """Accepted when the person wants the model under these terms."""

    def __init__(self, row: CatalogueRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Install a model")
        self.setMinimumWidth(460)
        size = f"{row.size_bytes / 1e6:.0f} MB"
        family = (("Family", f"{row.family}, {row.resolution} x {row.resolution} px"),) if row.family else ()
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        column.addWidget(label(row.title, "title", self))
        about = label(row.about, "muted", self)
        about.setWordWrap(True)
        column.addWidget(about)
        facts = QGridLayout()
        facts.setHorizontalSpacing(16)
        facts.setVerticalSpacing(6)
        for i, (name, value) in enumerate(
            (
                *family,
                ("Download", f"{size}, package {row.package} {row.version}"),
                ("Licence", row.licence),
            )
        ):
            text = label(value, parent=self)
            text.setWordWrap(True)
            facts.addWidget(label(name, "muted", self), i, 0, Qt.AlignmentFlag.AlignTop)
            facts.addWidget(text, i, 1)
        facts.setColumnStretch(1, 1)
        column.addLayout(facts)
        if row.caution:
            line = QHBoxLayout()
            line.setSpacing(8)
            sign = QLabel(self)
            sign.setPixmap(pixmap("warning", tokens().accent, 18, self.devicePixelRatioF()))
            caution = label(row.caution, parent=self)
            caution.setWordWrap(True)
            line.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
            line.addWidget(caution, 1)
            column.addLayout(line)
        note = label(
            "The file is checked against its known hash and read as data; nothing in it is run.",
            "small",
            self,
        )
        note.setWordWrap(True)
        column.addWidget(note)
        buttons = QDialogButtonBox(self)
        self.agree = buttons.addButton(f"Download {size}", QDialogButtonBox.ButtonRole.AcceptRole)
        set_tone(self.agree, "role", "primary")
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column.addSpacing(4)
        column.addWidget(buttons)
