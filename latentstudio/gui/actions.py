"""The table of actions: menu, words, shortcut, what it does.

Owns the menus' content and order; what an action does is a method of `Commands`, named here. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QMenuBar


@dataclass(frozen=True)
class Entry:
    """One line of a menu.

    Attributes:
        menu: title of the menu, with its mnemonic.
        name: the action's key, and the name of the method of `Commands`.
        words: what it is called; empty for a separator.
        shortcuts: in portable text, the first one shown.
        needs_model: greyed while no model is open.
    """

    menu: str
    name: str
    words: str = ""
    shortcuts: tuple[str, ...] = ()
    needs_model: bool = False


FILE, EDIT, VIEW, LATENT, FILM, HELP = "&File", "&Edit", "&View", "&Latent", "Fil&m", "&Help"

ENTRIES = (
    Entry(FILE, "open_file", "Open…", ("Ctrl+O",)),
    Entry(FILE, "open_photo", "Open photo…", ("Ctrl+Shift+O",)),
    Entry(FILE, "---1"),
    Entry(FILE, "save", "Save", ("Ctrl+S",), True),
    Entry(FILE, "save_as", "Save as…", ("Ctrl+Shift+S",), True),
    Entry(FILE, "copy_picture", "Copy picture", ("Ctrl+C",), True),
    Entry(FILE, "---2"),
    Entry(FILE, "close", "Quit", ("Ctrl+Q",)),
    Entry(EDIT, "undo", "Undo", ("Ctrl+Z",)),
    Entry(EDIT, "redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y")),
    Entry(EDIT, "paste_photo", "Paste a photo", ("Ctrl+V",)),
    Entry(EDIT, "---3"),
    Entry(EDIT, "reset_sliders", "Reset all sliders", ("Ctrl+0",), True),
    Entry(EDIT, "remove_unused", "Remove unused sliders", (), True),
    Entry(EDIT, "add_favourite", "Add to favourites", ("Ctrl+D",), True),
    Entry(VIEW, "fit", "Fit", ("F",)),
    Entry(VIEW, "one_to_one", "One to one", ("1",)),
    Entry(VIEW, "zoom_in", "Zoom in", ("+", "=")),
    Entry(VIEW, "zoom_out", "Zoom out", ("-",)),
    Entry(VIEW, "toggle_compare", "Compare with the unedited picture\tHold \\", (), True),
    Entry(VIEW, "toggle_heat", "Heat map of the last slider", ("H",), True),
    Entry(VIEW, "open_map", "Latent map", ("M",), True),
    Entry(VIEW, "---4"),
    Entry(VIEW, "toggle_full_screen", "Full screen", ("F11",)),
    Entry(LATENT, "random_seed", "Random seed", ("R",), True),
    Entry(LATENT, "next_seed", "Next seed", ("]",), True),
    Entry(LATENT, "previous_seed", "Previous seed", ("[",), True),
    Entry(LATENT, "---5"),
    Entry(LATENT, "new_start", "Start again", (), True),
    Entry(FILM, "show_film", "Show the film", ("T",), True),
    Entry(FILM, "---6"),
    Entry(FILM, "keep_keyframe", "Keep the picture as a keyframe", ("K",), True),
    Entry(FILM, "remove_keyframe", "Remove the keyframe", (), True),
    Entry(FILM, "play_film", "Play or stop\tSpace", (), True),
    Entry(FILM, "next_frame", "Next frame", (".",), True),
    Entry(FILM, "previous_frame", "Previous frame", (",",), True),
    Entry(FILM, "next_keyframe", "Next keyframe", (">",), True),
    Entry(FILM, "previous_keyframe", "Previous keyframe", ("<",), True),
    Entry(FILM, "---7"),
    Entry(FILM, "film_walk", "Walk through seeds…", (), True),
    Entry(FILM, "film_sweep", "Sweep a slider…", (), True),
    Entry(FILM, "film_timing", "Length and frame rate…", (), True),
    Entry(FILM, "---8"),
    Entry(FILM, "save_film", "Save the film…", ("Ctrl+Alt+S",), True),
    Entry(FILM, "export_film", "Export the film…", ("Ctrl+E",), True),
    Entry(HELP, "show_keys", "Keys", ("F1",)),
    Entry(HELP, "open_logs", "Open the log folder"),
    Entry(HELP, "about", "About LatentStudio"),
)


class Actions:
    """The actions of one window.

    Args:
        window: owns the actions and their shortcuts.
        commands: has a method for each entry.
        bar: the menu bar to fill.
    """

    def __init__(self, window: QMainWindow, commands: object, bar: QMenuBar) -> None:
        self._all: dict[str, QAction] = {}
        self._menus: dict[str, QMenu] = {}
        for entry in ENTRIES:
            menu = self._menus.get(entry.menu)
            if menu is None:
                menu = self._menus[entry.menu] = bar.addMenu(entry.menu)
            if not entry.words:
                menu.addSeparator()
                continue
            action = QAction(entry.words, window)
            action.setShortcuts([QKeySequence(keys) for keys in entry.shortcuts])
            method: Callable[[], object] = getattr(commands, entry.name)
            action.triggered.connect(lambda _=False, method=method: method())
            action.setEnabled(not entry.needs_model)
            menu.addAction(action)
            self._all[entry.name] = action

    def __getitem__(self, name: str) -> QAction:
        return self._all[name]

    def menu(self, title: str) -> QMenu:
        """A menu by its title."""
        return self._menus[title]

    def set_has_model(self) -> None:
        """A model is open: everything works."""
        for entry in ENTRIES:
            if entry.needs_model:
                self._all[entry.name].setEnabled(True)


def keys_text() -> list[tuple[str, str]]:
    """Pairs of keys and what they do, for the help."""
    pairs = [
        (QKeySequence(entry.shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText), entry.words)
        for entry in ENTRIES
        if entry.shortcuts
    ]
    return [
        *pairs,
        ("Space", "Play the film, while it is shown"),
        ("Hold \\", "Compare with the unedited picture"),
        ("Wheel, pinch", "Zoom to the pointer"),
        ("Drag the picture", "Pan"),
        ("Double click the picture", "Fit, or one to one"),
        ("Double click a slider", "Reset it"),
        ("Arrows, wheel", "Move a slider a step; Shift for fine"),
        ("Esc", "Take back the drag under way"),
        ("Alt+1, Alt+2, …", "Turn to a tab of the inspector"),
    ]
