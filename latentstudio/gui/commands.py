"""What the menus do.

Owns one method for each entry of the table in `actions`; each is a line or two on the document, the
canvas or the files. GUI thread.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from latentstudio.gui.help import about_dialog, keys_dialog
from latentstudio.gui.starting import starting_recipe
from latentstudio.gui.strip import FILM, HISTORY
from latentstudio.latent.sampling import MAX_SEED
from latentstudio.settings import user_folders

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow

DICE_SIDES = 100_000


class Commands:
    """The menus' methods.

    Args:
        window: whose menus.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._document = window.studio.document

    # --- file -----------------------------------------------------------------------------------

    def open_file(self) -> None:
        """Ask for a file and open it."""
        self._window.filing.choose_and_open()

    def open_photo(self) -> None:
        """Ask for a photo, to invert it."""
        self._window.photo_panel().intake.choose()

    def save(self) -> None:
        """Write the picture."""
        self._window.filing.save()

    def save_as(self) -> None:
        """Write the picture to another file."""
        self._window.filing.save_as()

    def copy_picture(self) -> None:
        """The picture to the clipboard."""
        self._window.filing.copy()

    def close(self) -> None:
        """Leave."""
        self._window.close()

    # --- edit -----------------------------------------------------------------------------------

    def undo(self) -> None:
        """One step back."""
        self._document.undo()

    def redo(self) -> None:
        """One step forward."""
        self._document.redo()

    def paste_photo(self) -> None:
        """The photo on the clipboard, to invert it."""
        self._window.photo_panel().paste()

    def reset_sliders(self) -> None:
        """All sliders at rest."""
        recipe = self._document.recipe
        at_rest = tuple(replace(edit, amount=0.0) for edit in recipe.directions)
        self._document.edit("Reset sliders", recipe.changed(directions=at_rest))

    def remove_unused(self) -> None:
        """Take away the sliders that are at rest."""
        recipe = self._document.recipe
        used = tuple(edit for edit in recipe.directions if edit.amount)
        self._document.edit("Remove unused sliders", recipe.changed(directions=used))

    def add_favourite(self) -> None:
        """Keep this picture in the grid."""
        self._window.favourites.add()

    # --- view -----------------------------------------------------------------------------------

    def fit(self) -> None:
        """The whole picture."""
        self._window.canvas.fit()

    def one_to_one(self) -> None:
        """One screen pixel a picture pixel."""
        self._window.canvas.one_to_one()

    def zoom_in(self) -> None:
        """Closer."""
        self._window.canvas.zoom_in()

    def zoom_out(self) -> None:
        """Farther."""
        self._window.canvas.zoom_out()

    def toggle_compare(self) -> None:
        """The unedited picture, until chosen again."""
        self._window.set_compare(not self._window.canvas.shows_other)

    def open_map(self) -> None:
        """The latent map, large."""
        self._window.map.open_large()

    def toggle_heat(self) -> None:
        """Where the slider moved last acts, over the picture, or no longer."""
        self._window.heat.switch(not self._window.heat.is_on)

    def toggle_full_screen(self) -> None:
        """The whole screen, or a window again."""
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()

    # --- latent ---------------------------------------------------------------------------------

    def random_seed(self) -> None:
        """Throw the dice."""
        self._start_from(secrets.randbelow(DICE_SIDES))

    def next_seed(self) -> None:
        """The next seed."""
        self._start_from(min((self._document.recipe.seed or 0) + 1, MAX_SEED))

    def previous_seed(self) -> None:
        """The seed before."""
        self._start_from(max((self._document.recipe.seed or 0) - 1, 0))

    def new_start(self) -> None:
        """The recipe that the model began with."""
        model = self._window.studio.model
        if model is not None:
            self._document.edit("Start again", starting_recipe(model.info))

    def _start_from(self, seed: int) -> None:
        recipe = self._document.recipe
        self._document.edit(f"Seed {seed}", recipe.changed(sources=(recipe.seeded(seed),)))

    # --- film -----------------------------------------------------------------------------------

    def show_film(self) -> None:
        """The timeline in place of the history, or the history again."""
        strip = self._window.strip
        strip.show_part(HISTORY if strip.part == FILM else FILM)

    def keep_keyframe(self) -> None:
        """The picture becomes a keyframe."""
        self._window.strip.show_part(FILM)
        self._window.strip.timeline.keep()

    def remove_keyframe(self) -> None:
        """The chosen keyframe goes."""
        self._window.strip.timeline.remove()

    def play_film(self) -> None:
        """Play, or stop."""
        self._window.strip.timeline.toggle_play()

    def next_frame(self) -> None:
        """One frame on."""
        self._window.strip.timeline.step(1)

    def previous_frame(self) -> None:
        """One frame back."""
        self._window.strip.timeline.step(-1)

    def next_keyframe(self) -> None:
        """To the next keyframe."""
        self._window.strip.timeline.jump(1)

    def previous_keyframe(self) -> None:
        """To the keyframe before."""
        self._window.strip.timeline.jump(-1)

    def film_walk(self) -> None:
        """A film through seeds."""
        self._window.strip.desk.walk()

    def film_sweep(self) -> None:
        """A film of one slider."""
        self._window.strip.desk.sweep()

    def film_timing(self) -> None:
        """Another length and frame rate."""
        self._window.strip.desk.timing()

    def save_film(self) -> None:
        """Write the film file."""
        self._window.strip.desk.save()

    def export_film(self) -> None:
        """Write the film as a video or as pictures."""
        self._window.strip.desk.export()

    # --- help -----------------------------------------------------------------------------------

    def show_keys(self) -> None:
        """The list of keys."""
        keys_dialog(self._window).open()

    def open_logs(self) -> None:
        """The folder of the log files, in the system's file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(user_folders().logs)))

    def about(self) -> None:
        """Version and licence."""
        about_dialog(self._window).open()
