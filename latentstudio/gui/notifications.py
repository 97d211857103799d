"""The one place where failures and news reach a person.

Owns the bar at the foot of the picture and the log entry; each notice is shown once, and the window
goes on. GUI thread.
"""

from __future__ import annotations

import logging

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from latentstudio.gui.icons import icon, pixmap
from latentstudio.gui.notices import INFO, Notice
from latentstudio.gui.theme import tokens
from latentstudio.gui.widgets.labels import label, set_tone

INFO_MS = 5000
WIDEST_PX = 560

log = logging.getLogger("latentstudio")


class NoticeBar(QFrame):
    """A bar over the foot of its parent.

    Args:
        parent: the widget it floats over.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.notice: Notice | None = None
        self._over = parent
        self.setProperty("role", "toast")
        self._sign = QLabel(self)
        self._message, self._hint = label(parent=self), label(role="muted", parent=self)
        for text in (self._message, self._hint):
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details = QPushButton("Details", self)
        self._details.setProperty("role", "link")
        self._details.clicked.connect(self._show_details)
        self._action = QPushButton(self)
        self._action.clicked.connect(self._act)
        self._close = QToolButton(self)
        self._close.setToolTip("Dismiss")
        self._close.clicked.connect(self.dismiss)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addStretch(1)
        words.addWidget(self._message)
        words.addWidget(self._hint)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 8, 10)
        row.setSpacing(10)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self._details)
        row.addWidget(self._action)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self, singleShot=True, interval=INFO_MS)
        self._timer.timeout.connect(self.dismiss)
        parent.installEventFilter(self)
        self.hide()

    def tell(self, notice: Notice) -> None:
        """Show a notice in place of the one before, and write it to the log."""
        if notice.tone == INFO:
            log.info("%s %s", notice.message, notice.hint)
        else:
            log.error("%s %s\n%s", notice.message, notice.hint, notice.details)
        same = self.notice is not None and self.notice.message == notice.message
        self.notice = notice
        if same and self.isVisible():
            return
        self._message.setText(notice.message)
        self._hint.setText(notice.hint)
        self._hint.setVisible(bool(notice.hint))
        self._details.setVisible(bool(notice.details))
        self._action.setText(notice.action)
        self._action.setVisible(bool(notice.action))
        set_tone(self, "tone", notice.tone)
        self._colour()
        if notice.tone == INFO:
            self._timer.start()
        else:
            self._timer.stop()
        self.show()
        self.raise_()
        self._place()

    def dismiss(self) -> None:
        """Take the notice away."""
        self._timer.stop()
        self.notice = None
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay at the foot of the parent."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange and self.notice is not None:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        good = self.notice is not None and self.notice.tone == INFO
        colour = tokens().second if good else tokens().danger
        ratio = self.devicePixelRatioF()
        self._sign.setPixmap(pixmap("info" if good else "warning", colour, 18, ratio))
        self._close.setIcon(icon("close", "muted"))

    def _place(self) -> None:
        parent = self._over
        width = min(WIDEST_PX, parent.width() - 24)
        self.setFixedWidth(width)
        layout = self.layout()
        assert layout is not None
        height = layout.totalHeightForWidth(width)
        self.setGeometry((parent.width() - width) // 2, parent.height() - height - 16, width, height)

    def _act(self) -> None:
        act = None if self.notice is None else self.notice.act
        self.dismiss()
        if act is not None:
            act()

    def _show_details(self) -> None:
        if self.notice is not None:
            details_dialog(self.window(), self.notice).open()


def details_dialog(parent: QWidget, notice: Notice) -> QDialog:
    """A window with the whole of a notice, to read or to copy."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Details")
    dialog.resize(640, 360)
    whole = f"{notice.message}\n{notice.hint}\n\n{notice.details}".strip()
    text = QPlainTextEdit(whole, dialog)
    text.setReadOnly(True)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
    copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(whole))
    buttons.rejected.connect(dialog.reject)
    column = QVBoxLayout(dialog)
    column.addWidget(text)
    column.addWidget(buttons)
    return dialog
