"""The line above the picture: what is shown, how large, and how to compare.

Owns the chips and the zoom buttons; GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.widgets.labels import ElidedLabel, label, set_tone
from latentstudio.gui.words import plain

LEAST_PX, HINT_FROM_PX = 240, 640


class CanvasBar(QWidget):
    """Chips left, zoom right."""

    def __init__(self, canvas: Canvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self._canvas = canvas
        self.seed, self.psi, self.state = (label(role="chip", parent=self) for _ in range(3))
        for chip in (self.seed, self.psi, self.state):
            chip.hide()
        self.heat = QPushButton("Heat map", self)
        self.heat.setProperty("role", "pill")
        self.heat.setCheckable(True)
        self.heat.setToolTip("Where the slider that was moved last changes the picture (H)")
        self.heat.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # H does it too
        self._heat_words = ElidedLabel("", "muted", self)
        self._hint = label("Hold \\ to compare", "muted", self)
        self._zoom = label("", "muted", self)
        self._fit, self._one = QPushButton("Fit", self), QPushButton("1:1", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 14, 4)
        row.setSpacing(8)
        for chip in (self.seed, self.psi, self.state):
            row.addWidget(chip)
        row.addWidget(self.heat)
        row.addWidget(self._heat_words, 1)
        row.addWidget(self._hint)
        row.addSpacing(6)
        row.addWidget(self._zoom)
        for button, hint in (
            (self._fit, "The whole picture"),
            (self._one, "One screen pixel a picture pixel"),
        ):
            button.setProperty("role", "pill")
            button.setCheckable(True)
            button.setToolTip(hint)
            row.addWidget(button)
        self._fit.clicked.connect(canvas.fit)
        self._one.clicked.connect(canvas.one_to_one)
        canvas.zoom_changed.connect(self._show_zoom)
        # Chips that come and go must not push the docks about.
        self.setMinimumWidth(LEAST_PX)
        self._show_zoom()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The hint gives way first."""
        super().resizeEvent(event)
        self._show_hint()

    def _show_hint(self) -> None:
        self._hint.setVisible(self.width() >= HINT_FROM_PX and not self._heat_words.text())

    def set_recipe(self, recipe: Recipe) -> None:
        """Say where the picture starts."""
        self.seed.setText(f"seed {recipe.seed}" if recipe.seed is not None else "given latent")
        self.psi.setText(f"psi {plain(recipe.truncation_psi)}")
        self.seed.show()
        self.psi.show()

    def set_heat(self, is_on: bool, words: str) -> None:
        """Say what the heat map shows."""
        self.heat.setChecked(is_on)
        self._heat_words.setText(words)
        self._show_hint()

    def set_state(self, words: str, tone: str) -> None:
        """Say whether the picture is exact, a preview, or the unedited one."""
        self.state.setText(words)
        set_tone(self.state, "tone", tone)
        self.state.setVisible(bool(words))

    def _show_zoom(self) -> None:
        canvas = self._canvas
        self._fit.setChecked(canvas.fits)
        self._one.setChecked(not canvas.fits and canvas.zoom == 1)
        self._zoom.setText("" if canvas.image.isNull() else f"{canvas.zoom * 100:.0f} %")
