"""The timeline as it stands in the strip: the film, or a word on how to begin one.

Owns the arrangement and the menu under the other button. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from latentstudio.gui.film.bar import PATH_WORDS
from latentstudio.gui.film.timeline import Timeline
from latentstudio.gui.film.view import TimelineView
from latentstudio.gui.studio import Studio
from latentstudio.gui.widgets.labels import label
from latentstudio.latent.interpolation import EASINGS


class TimelinePanel(QWidget):
    """The film of the document.

    Signals:
        walk_wanted(): make a film from seeds.
        sweep_wanted(): make a film of a slider.
        open_wanted(): open a film file.
        timing_wanted(): change length and frame rate.

    Args:
        studio: the common ground.
        timeline: what it shows and moves.
    """

    walk_wanted = Signal()
    sweep_wanted = Signal()
    open_wanted = Signal()
    timing_wanted = Signal()

    def __init__(self, studio: Studio, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timeline = timeline
        self.view = TimelineView(studio, self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._invitation())
        self._stack.addWidget(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 2)
        column.addWidget(self._stack)
        view = self.view
        view.scrubbed.connect(timeline.scrub)
        view.keyframe_pressed.connect(timeline.press_keyframe)
        view.keyframe_dragged.connect(timeline.drag_keyframe)
        view.end_dragged.connect(timeline.drag_end)
        view.released.connect(timeline.release)
        view.given_back.connect(timeline.abort)
        view.menu_wanted.connect(self._menu)
        view.key_pressed.connect(self._key)
        timeline.drag_ended.connect(view.drop)
        timeline.changed.connect(self.show_film)
        studio.model_opened.connect(lambda _: view.want_pictures())
        self.show_film()

    def show_film(self) -> None:
        """Show what the timeline has."""
        film = self._timeline.film
        self._stack.setCurrentIndex(0 if film is None else 1)
        if film is not None:
            self.view.set_film(film)
            self.view.set_playhead(self._timeline.playhead)
            self.view.set_selected(self._timeline.selected)

    def _invitation(self) -> QWidget:
        holder = QWidget(self)
        row = QHBoxLayout(holder)
        row.setContentsMargins(16, 0, 16, 6)
        row.setSpacing(8)
        words = label(
            "A film passes through pictures that you keep. Press K, edit the picture, press K again; "
            "or let it walk through seeds.",
            "muted",
            holder,
        )
        words.setWordWrap(True)
        words.setMaximumWidth(420)
        row.addStretch(1)
        row.addWidget(words, 2)
        row.addSpacing(8)
        for text, hint, act in (
            ("Keep this picture", "The first keyframe of a film (K)", self._timeline.keep),
            ("Walk through seeds…", "From picture to picture and back to the first", self.walk_wanted.emit),
            ("Sweep a slider…", "One slider there and back", self.sweep_wanted.emit),
            ("Open a film…", "A film file, or a video that carries its film", self.open_wanted.emit),
        ):
            button = QPushButton(text, holder)
            button.setProperty("role", "pill")
            button.setToolTip(hint)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, act=act: act())
            row.addWidget(button)
        row.addStretch(1)
        return holder

    def _key(self, key: int) -> None:
        timeline = self._timeline
        film = timeline.film
        if film is None:
            return
        acts = {
            Qt.Key.Key_Left: lambda: timeline.step(-1),
            Qt.Key.Key_Right: lambda: timeline.step(1),
            Qt.Key.Key_Home: lambda: timeline.go_to(0),
            Qt.Key.Key_End: lambda: timeline.go_to(film.length - 1),
            Qt.Key.Key_Delete: timeline.remove,
            Qt.Key.Key_Backspace: timeline.remove,
        }
        acts[Qt.Key(key)]()

    def _menu(self, frame: int, where: QPointF) -> None:
        menu = self.menu_at(frame)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where.toPoint())

    def menu_at(self, frame: int) -> QMenu:
        """What can be done at a frame."""
        timeline, film = self._timeline, self._timeline.film
        assert film is not None
        timeline.go_to(frame)
        menu = QMenu(self)
        menu.addAction(f"Keyframe at {timeline.time(frame)}\tK", timeline.keep)
        remove = menu.addAction("Remove the keyframe\tDel", timeline.remove)
        remove.setEnabled(timeline.selected is not None)
        menu.addSeparator()
        segment = timeline.segment
        keyframe = None if segment is None else film.keyframes[segment.left]
        for title, choices, name in (
            ("Path to the next keyframe", [(key, words[0]) for key, words in PATH_WORDS.items()], "path"),
            ("Easing", [(key, key.capitalize()) for key in EASINGS], "easing"),
        ):
            sub = menu.addMenu(title)
            sub.setEnabled(keyframe is not None)
            group = QActionGroup(sub)
            for key, words in choices:
                action = sub.addAction(words)
                action.setCheckable(True)
                action.setChecked(keyframe is not None and getattr(keyframe, name) == key)
                action.triggered.connect(lambda _=False, name=name, key=key: timeline.set_way(**{name: key}))
                group.addAction(action)
            sub.addSeparator()
            if keyframe is not None:
                same = {name: getattr(keyframe, name)}
                everywhere = sub.addAction("The same everywhere")
                everywhere.triggered.connect(lambda _=False, same=same: timeline.set_all_ways(**same))
        menu.addSeparator()
        menu.addAction("Length and frame rate…", self.timing_wanted.emit)
        menu.addAction("Remove the film", lambda: timeline.put("Film removed", None))
        return menu
