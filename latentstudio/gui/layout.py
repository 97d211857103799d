"""Where the docks stand, and the window's memory of it.

Owns the docks, their first arrangement, and the stored geometry; what is inside them belongs to the
window. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QDockWidget, QFrame, QMainWindow, QScrollArea, QWidget

from latentstudio.gui.widgets.dock_title import DockTitle
from latentstudio.settings import user_folders

VERSION = 2
WIDTH_PX, HEIGHT_PX = 1440, 900
LEFT_PX, RIGHT_PX, BOTTOM_PX = 236, 372, 136


class Layout:
    """The docks of one window.

    Args:
        window: whose docks.
    """

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self.docks: dict[str, QDockWidget] = {}
        self.titles: dict[str, DockTitle] = {}
        window.setDockOptions(
            QMainWindow.DockOption.AnimatedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.AllowNestedDocks
        )
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            window.setCorner(corner, Qt.DockWidgetArea.BottomDockWidgetArea)

    def add(
        self, key: str, words: str, panel: QWidget, area: Qt.DockWidgetArea, head: QWidget | None = None
    ) -> None:
        """Put a panel into a dock of its own; `head` stands in place of the caption."""
        dock = QDockWidget(words, self._window)
        dock.setObjectName(key)
        title = DockTitle(dock, words, head)
        dock.setTitleBarWidget(title)
        dock.setWidget(panel)
        self._window.addDockWidget(area, dock)
        self.docks[key], self.titles[key] = dock, title

    def restore(self) -> str | None:
        """Size and place the window as it was left; returns the inspector's tab, where one is stored."""
        window, docks = self._window, self.docks
        # Room for the frame and the system's own bars.
        room = window.screen().availableSize()
        window.resize(min(WIDTH_PX, room.width() - 24), min(HEIGHT_PX, room.height() - 56))
        sides = [docks["models"], docks["inspector"]]
        window.resizeDocks(sides, [LEFT_PX, RIGHT_PX], Qt.Orientation.Horizontal)
        window.resizeDocks([docks["history"]], [BOTTOM_PX], Qt.Orientation.Vertical)
        left = [docks[key] for key in ("models", "favourites", "map")]
        window.resizeDocks(left, [270, 170, 220], Qt.Orientation.Vertical)
        stored = self._settings()
        geometry, state, tab = (stored.value(key) for key in ("geometry", "state", "tab"))
        if geometry is not None:
            window.restoreGeometry(geometry)
        self._first = window.saveState(VERSION)
        if state is not None:
            window.restoreState(state, VERSION)
        return tab if isinstance(tab, str) else None

    def store(self, tab: str) -> None:
        """Remember how the window stands, and the inspector's tab."""
        stored = self._settings()
        stored.setValue("geometry", self._window.saveGeometry())
        stored.setValue("state", self._window.saveState(VERSION))
        stored.setValue("tab", tab)
        stored.sync()

    def reset(self) -> None:
        """All docks back to where they stood at first."""
        self._window.restoreState(self._first, VERSION)

    @staticmethod
    def _settings() -> QSettings:
        return QSettings(str(user_folders().config / "window.ini"), QSettings.Format.IniFormat)


def scrolling(panel: QWidget) -> QScrollArea:
    """A panel that may be higher than its dock."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(200)
    area.setWidget(panel)
    return area
