"""One slider of a style channel, with a star and a way to take it away.

Owns the row; knows no document. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QToolButton, QWidget

from latentstudio.document.recipe import ChannelEdit
from latentstudio.gui.icons import icon
from latentstudio.gui.in_use import channel_words
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import plain, signed

REACH = 10.0  # sigma at the ends: a single channel does little


class ChannelRow(SliderRow):
    """A slider of one channel.

    Signals:
        starred(bool): a person made it a favourite, or no longer.
        removed(): a person took the slider away.
    """

    starred = Signal(bool)
    removed = Signal()

    def __init__(self, edit: ChannelEdit, parent: QWidget | None = None) -> None:
        super().__init__("", ValueSlider(-REACH, REACH, step=0.5), words=signed, unit="σ", parent=parent)
        self._is_listed = False
        self._is_starred = False
        self.star = self._button("star", "Favourite")
        self.star.clicked.connect(lambda: self.starred.emit(not self._is_starred))
        self.remove = self._button("close", "Remove this slider")
        self.remove.clicked.connect(self.removed)
        policy = self.remove.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.remove.setSizePolicy(policy)
        self.remove.hide()
        self.edit = edit
        self.set_edit(edit, is_listed=False)
        self.set_starred(False)

    def set_edit(self, edit: ChannelEdit, *, is_listed: bool) -> None:
        """Show an edit; says nothing.

        Args:
            edit: the channel with its amount.
            is_listed: whether the recipe has it, so that it can be removed.
        """
        self.edit, self._is_listed = edit, is_listed
        self.remove.setVisible(is_listed and self.underMouse())
        words = channel_words(edit)
        if self.name.text() != words:
            self.name.setText(words)
            self.slider.setAccessibleName(words)
            self.box.setAccessibleName(f"{words}, number")
            self.remove.setAccessibleName(f"Remove {words}")
        self.name.setToolTip(f"One sigma of this channel is {plain(edit.sigma, 3)}")
        if not self.slider.is_held or self.slider.value != edit.amount:
            self.set_value(edit.amount)

    def set_starred(self, is_starred: bool) -> None:
        """Show whether it is a favourite."""
        self._is_starred = is_starred
        self.star.setToolTip("No longer a favourite" if is_starred else "Make it a favourite")
        self.star.setAccessibleName(self.star.toolTip())
        self._colour()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Offer to remove."""
        self.remove.setVisible(self._is_listed)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """No longer."""
        self.remove.hide()
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _button(self, name: str, hint: str) -> QToolButton:
        button = QToolButton(self)
        button.setIconSize(QSize(13, 13))
        button.setFixedSize(20, 20)
        button.setToolTip(hint)
        button.setAccessibleName(hint)
        self.head.insertWidget(self.head.count() - 1, button)
        return button

    def _colour(self) -> None:
        self.star.setIcon(icon("star", "accent" if self._is_starred else "muted"))
        self.remove.setIcon(icon("close", "muted"))
