"""The heading of a dock: a caption, and buttons to float and to hide.

Owns the title bar only; GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QToolButton, QWidget

from latentstudio.gui.icons import icon
from latentstudio.gui.widgets.labels import caption


class DockTitle(QWidget):
    """A calm title bar; its buttons show while the pointer is over it.

    Args:
        dock: whose.
        words: the caption.
        head: what stands in place of the caption.
    """

    def __init__(self, dock: QDockWidget, words: str, head: QWidget | None = None) -> None:
        super().__init__(dock)
        self._words = caption(words, self)
        self._words.setVisible(head is None)
        self._buttons = []
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 6, 2)
        row.setSpacing(0)
        row.addWidget(head or self._words, 1)
        for name, hint, act in (
            ("float", "Float, or dock again", lambda: dock.setFloating(not dock.isFloating())),
            ("close", "Hide (View › Panels brings it back)", dock.close),
        ):
            button = QToolButton(self)
            button.setObjectName(name)
            button.setIconSize(QSize(14, 14))
            button.setFixedSize(20, 20)
            button.setToolTip(hint)
            policy = button.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            button.setSizePolicy(policy)
            button.clicked.connect(act)
            button.hide()
            row.addWidget(button)
            self._buttons.append(button)
        self.setProperty("role", "panel")
        self._colour()

    def set_words(self, words: str) -> None:
        """Change the caption."""
        self._words.setText(words.upper())

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the buttons."""
        for button in self._buttons:
            button.show()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the buttons."""
        for button in self._buttons:
            button.hide()
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        for button in self._buttons:
            button.setIcon(icon(button.objectName(), "muted"))
