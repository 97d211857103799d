"""One model in the list: picture, name, a line about it, and what can be done with it.

Owns the drawing of a card; GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from latentstudio.gui.icons import pixmap
from latentstudio.gui.theme import tokens
from latentstudio.gui.widgets.labels import ElidedLabel, set_tone

PICTURE_PX = 40


class SmallPicture(QWidget):
    """A rounded picture, or an icon where there is none."""

    def __init__(self, icon_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._image: QImage | None = None
        self.setFixedSize(QSize(PICTURE_PX, PICTURE_PX))

    def set_image(self, image: QImage | None) -> None:
        """Show a picture."""
        self._image = image
        self.update()

    @property
    def has_image(self) -> bool:
        """Whether it shows a picture and not the icon."""
        return self._image is not None

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture with round corners."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        path = QPainterPath()
        path.addRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setClipPath(path)
        painter.fillRect(self.rect(), tokens().color("line"))
        if self._image is not None:
            painter.drawImage(QRectF(self.rect()), self._image)
        else:
            mark = pixmap(self._icon_name, tokens().muted, 20, self.devicePixelRatioF())
            painter.drawPixmap(10, 10, mark)


class ModelCard(QFrame):
    """A card that opens its model, or installs it.

    Signals:
        chosen(): a person clicked the card.
        cancelled(): a person stopped the installation.
    """

    chosen = Signal()
    cancelled = Signal()

    def __init__(self, title: str, about: str, *, is_here: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(title)
        self.picture = SmallPicture("cube" if is_here else "download", self)
        self._about_words = about
        self._title = ElidedLabel(title, parent=self)
        self._about = ElidedLabel(about, "small", self)
        self._progress = QProgressBar(self)
        self._progress.setTextVisible(False)
        self._progress.hide()
        self._cancel = QPushButton("Cancel", self)
        self._cancel.setProperty("role", "link")
        self._cancel.clicked.connect(self.cancelled)
        self._cancel.hide()
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addStretch(1)
        words.addWidget(self._title)
        words.addWidget(self._about)
        words.addWidget(self._progress)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 7, 8, 7)
        row.setSpacing(10)
        row.addWidget(self.picture)
        row.addLayout(words, 1)
        row.addWidget(self._cancel)

    def set_open(self, is_open: bool) -> None:
        """Mark the model that is open."""
        set_tone(self, "open", is_open)

    def set_progress(self, done: int, total: int, text: str) -> None:
        """Show how far its installation is."""
        self._progress.setRange(0, 1000 if total else 0)
        self._progress.setValue(round(1000 * done / total) if total else 0)
        self._about.setText(text)
        self._progress.show()
        self._cancel.show()

    def end_progress(self) -> None:
        """The installation is over."""
        self._progress.hide()
        self._cancel.hide()
        self._about.setText(self._about_words)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click anywhere on the card."""
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside:
            self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return and space click."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Space):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)
