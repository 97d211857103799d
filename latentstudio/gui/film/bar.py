"""The timeline's tools, in the heading of the strip.

Owns the buttons and what they show; what they do is the timeline's. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QWidget

from latentstudio.document.film import CURVE, HOLD, LINEAR, SPHERICAL
from latentstudio.gui.film.timeline import Timeline
from latentstudio.gui.icons import icon
from latentstudio.gui.theme import figures
from latentstudio.gui.widgets.arrow_box import ArrowBox
from latentstudio.gui.widgets.labels import label
from latentstudio.latent.interpolation import EASINGS

HEIGHT_PX = 20
PATH_WORDS = {
    CURVE: ("Curve", "Smoothly through several keyframes, in w"),
    LINEAR: ("Straight", "Straight from one keyframe to the next, in w"),
    SPHERICAL: ("Sphere", "Round the sphere in z; for starts that are one seed or one z"),
    HOLD: ("Hold", "The picture stays until the next keyframe"),
}


class TimelineBar(QWidget):
    """Play, keep, the way between keyframes, the time, export.

    Signals:
        export_wanted(): write the film to a file.
        walk_wanted(): make a film from seeds.
    """

    export_wanted = Signal()
    walk_wanted = Signal()

    def __init__(self, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timeline = timeline
        self._icons: list[tuple[QToolButton, str]] = []
        self.back = self._tool("previous", "Keyframe before (<)")
        self.play = self._tool("play", "Play or stop (Space)")
        self.on = self._tool("next", "Next keyframe (>)")
        self.loop = self._tool("loop", "The film leads back to its beginning")
        self.loop.setCheckable(True)
        self.keep = QPushButton("Keyframe", self)
        self.keep.setProperty("role", "pill")
        self.path, self.easing = ArrowBox(self), ArrowBox(self)
        for key, (words, hint) in PATH_WORDS.items():
            self.path.addItem(words, key)
            self.path.setItemData(self.path.count() - 1, hint, Qt.ItemDataRole.ToolTipRole)
        for name in EASINGS:
            self.easing.addItem("Even speed" if name == "linear" else name.capitalize(), name)
        self.path.setToolTip("The way to the next keyframe")
        self.easing.setToolTip("How time runs on that way")
        for box, name in ((self.path, "Path"), (self.easing, "Easing")):
            box.setAccessibleName(name)
            box.setProperty("role", "quiet")
            box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.time = label("", "muted", self)
        self.time.setFont(figures(self.time.font()))
        self.walk = QPushButton("Walk…", self)
        self.walk.setProperty("role", "pill")
        self.walk.setToolTip("A film through seeds")
        self.export = QPushButton("Export…", self)
        self.export.setProperty("role", "pill")
        self.export.setToolTip("Write the film as MP4, WebM, GIF, WebP or pictures")
        self._parts = (
            *(self.back, self.play, self.on, self.loop, self.keep, self.path, self.easing),
            *(self.time, self.walk, self.export),
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self.back, self.play, self.on, self.loop):
            row.addWidget(widget)
        row.addSpacing(6)
        row.addWidget(self.keep)
        row.addSpacing(6)
        row.addWidget(self.path)
        row.addWidget(self.easing)
        row.addStretch(1)
        row.addWidget(self.time)
        row.addSpacing(8)
        row.addWidget(self.walk)
        row.addWidget(self.export)
        self.back.clicked.connect(lambda: timeline.jump(-1))
        self.on.clicked.connect(lambda: timeline.jump(1))
        self.play.clicked.connect(timeline.toggle_play)
        self.loop.clicked.connect(lambda checked: timeline.set_closed(checked))
        self.keep.clicked.connect(timeline.keep)
        self.path.activated.connect(lambda: timeline.set_way(path=self.path.currentData()))
        self.easing.activated.connect(lambda: timeline.set_way(easing=self.easing.currentData()))
        self.walk.clicked.connect(self.walk_wanted)
        self.export.clicked.connect(self.export_wanted)
        for button in (self.keep, self.walk, self.export):
            button.setProperty("compact", True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        timeline.changed.connect(self._show)
        self.setFixedHeight(HEIGHT_PX)
        for part in self._parts:
            part.setMaximumHeight(HEIGHT_PX)
        self._colour()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _tool(self, name: str, hint: str) -> QToolButton:
        button = QToolButton(self)
        button.setIconSize(QSize(16, 16))
        button.setFixedSize(24, HEIGHT_PX)
        button.setToolTip(hint)
        button.setAccessibleName(hint)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._icons.append((button, name))
        return button

    def _show(self) -> None:
        timeline = self._timeline
        film, segment = timeline.film, timeline.segment
        has_film = film is not None
        # Without a film the strip itself says how to begin one.
        for widget in self._parts:
            widget.setVisible(has_film)
        self.keep.setToolTip(f"Keep the picture as the keyframe at {timeline.time(timeline.keeps_at)} (K)")
        if film is None:
            return
        self.loop.setChecked(film.closed)
        self.loop.setIcon(icon("loop", "accent" if film.closed else "muted"))
        self.play.setIcon(icon("pause" if timeline.player.is_playing else "play", "text"))
        for box in (self.path, self.easing):
            box.setEnabled(segment is not None)
        if segment is not None:
            keyframe = film.keyframes[segment.left]
            self.path.setCurrentIndex(self.path.findData(keyframe.path))
            self.easing.setCurrentIndex(self.easing.findData(keyframe.easing))
        last = timeline.time(film.length)
        self.time.setText(f"{timeline.time(timeline.playhead)} / {last}  ·  frame {timeline.playhead}")

    def _colour(self) -> None:
        for button, name in self._icons:
            button.setIcon(icon(name, "text" if name == "play" else "muted"))
        self._show()
