"""The help windows: keys, and what this program is.

Owns two small dialogs; GUI thread.
"""

from __future__ import annotations

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

import latentstudio
from latentstudio.gui.actions import keys_text
from latentstudio.gui.icons import app_icon
from latentstudio.gui.widgets.labels import label


def keys_dialog(parent: QWidget) -> QDialog:
    """All keys and gestures."""
    dialog, column = _dialog(parent, "Keys")
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(6)
    pairs = keys_text()
    half = -(-len(pairs) // 2)
    for i, (keys, words) in enumerate(pairs):
        grid.addWidget(label(keys, parent=dialog), i % half, 2 * (i // half))
        grid.addWidget(label(words, "muted", dialog), i % half, 2 * (i // half) + 1)
    column.insertLayout(0, grid)
    return dialog


def about_dialog(parent: QWidget) -> QDialog:
    """Name, version, licence."""
    dialog, column = _dialog(parent, "About LatentStudio")
    row = QHBoxLayout()
    row.setSpacing(16)
    picture = QLabel(dialog)
    picture.setPixmap(app_icon().pixmap(64, 64))
    words = QVBoxLayout()
    words.addWidget(label(f"LatentStudio {latentstudio.__version__}", "title", dialog))
    for line in (
        "Explore what an image generator has learnt.",
        "Everything runs on this machine; model files are read as data and never run.",
        "MIT licence. Models carry their own, shown beside each.",
    ):
        words.addWidget(label(line, "muted", dialog))
    row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
    row.addLayout(words)
    column.insertLayout(0, row)
    return dialog


def _dialog(parent: QWidget, title: str) -> tuple[QDialog, QVBoxLayout]:
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(20, 20, 20, 16)
    column.setSpacing(16)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    buttons.rejected.connect(dialog.reject)
    column.addWidget(buttons)
    return dialog, column
