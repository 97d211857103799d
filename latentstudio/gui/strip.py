"""The strip along the bottom: what was (the history), and what will be (the film).

Owns the choice between the two and the strip's heading; the timeline is built when it is first wanted. GUI
thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from latentstudio.document.film import Film
from latentstudio.document.recipe import Recipe
from latentstudio.gui.panels.history import HistoryPanel
from latentstudio.gui.studio import OpenModel, Studio

if TYPE_CHECKING:
    from latentstudio.gui.film.desk import FilmDesk
    from latentstudio.gui.film.panel import TimelinePanel
    from latentstudio.gui.film.timeline import Timeline

HISTORY, FILM = "history", "film"
HEAD_PX = 20


class BottomStrip(QWidget):
    """History and film, one at a time.

    Signals:
        open_wanted(): open a file.

    Args:
        studio: the common ground.
        window: parent of the film's dialogs.
    """

    open_wanted = Signal()

    def __init__(self, studio: Studio, window: QWidget) -> None:
        super().__init__(window)
        self._studio, self._window = studio, window
        self.history = HistoryPanel(studio)
        self.head = _Head(self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.history)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        self._film: tuple[Timeline, TimelinePanel, FilmDesk] | None = None
        self._had_film = False
        self.head.chosen.connect(self.show_part)
        studio.document.film_changed.connect(self._take_film)

    @property
    def part(self) -> str:
        """Which of the two is shown."""
        return HISTORY if self._stack.currentIndex() == 0 else FILM

    @property
    def timeline(self) -> Timeline:
        """What the timeline does."""
        return self._made()[0]

    @property
    def film_panel(self) -> TimelinePanel:
        """The timeline as it stands here."""
        return self._made()[1]

    @property
    def desk(self) -> FilmDesk:
        """Films in and out."""
        return self._made()[2]

    def show_part(self, part: str) -> None:
        """Show one of the two."""
        if part == FILM:
            self._made()
        self._stack.setCurrentIndex(0 if part == HISTORY else 1)
        self.head.show_part(part)
        if part == FILM:
            # A button that had the focus would take the space key for itself.
            self.film_panel.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def abort(self) -> bool:
        """Esc: give back what the hand moved on the timeline, or stop playing; False when neither."""
        if self._film is None:
            return False
        timeline = self.timeline
        if timeline.player.is_playing:
            timeline.player.stop()
            return True
        if not self._studio.document.is_merging:
            return False
        timeline.abort()
        return True

    def set_model(self, model: OpenModel) -> None:
        """Another model is open."""
        self.history.set_model(model)

    def set_recipe(self, recipe: Recipe) -> None:
        """Another picture is shown."""
        self.history.set_recipe(recipe)

    def _made(self) -> tuple[Timeline, TimelinePanel, FilmDesk]:
        if self._film is None:
            from latentstudio.gui.film.bar import TimelineBar
            from latentstudio.gui.film.desk import FilmDesk
            from latentstudio.gui.film.panel import TimelinePanel
            from latentstudio.gui.film.timeline import Timeline

            timeline = Timeline(self._studio, self)
            panel = TimelinePanel(self._studio, timeline, self)
            desk = FilmDesk(self._studio, timeline, self._window)
            bar = TimelineBar(timeline, self.head)
            self._stack.addWidget(panel)
            self.head.set_tools(bar)
            bar.walk_wanted.connect(desk.walk)
            bar.export_wanted.connect(desk.export)
            panel.walk_wanted.connect(desk.walk)
            panel.sweep_wanted.connect(desk.sweep)
            panel.timing_wanted.connect(desk.timing)
            panel.open_wanted.connect(self.open_wanted)
            self._film = (timeline, panel, desk)
        return self._film

    def _take_film(self, film: Film | None) -> None:
        # A film that appears, by hand or from a file, is shown.
        if film is not None and not self._had_film:
            self.show_part(FILM)
        self._had_film = film is not None


class _Head(QWidget):
    """Two words to choose by, and beside them the tools of what is shown."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        self._tools: QWidget | None = None
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(2)
        # As high as the heading of any other dock: the picture has the rest.
        self.setFixedHeight(HEAD_PX)
        for key, words, hint in (
            (HISTORY, "HISTORY", "Every step, as pictures"),
            (FILM, "FILM", "Keyframes on a timeline"),
        ):
            button = QPushButton(words, self)
            button.setProperty("role", "heading")
            button.setCheckable(True)
            button.setToolTip(hint)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            self._group.addButton(button)
            self._buttons[key] = button
            self._row.addWidget(button)
        self._buttons[HISTORY].setChecked(True)
        self._rest = QWidget(self)
        self._row.addWidget(self._rest, 1)

    def set_tools(self, tools: QWidget) -> None:
        """What stands beside the words while the film is shown."""
        self._tools = tools
        self._row.addWidget(tools, 1)
        tools.hide()

    def show_part(self, part: str) -> None:
        """Mark a word."""
        self._buttons[part].setChecked(True)
        if self._tools is not None:
            self._tools.setVisible(part == FILM)
        self._rest.setVisible(part == HISTORY or self._tools is None)
