"""The main window: where the panels stand and what the menus do.

Owns the arrangement, the menus' methods and the window's memory of its layout; each panel and every task
lives in a file of its own. GUI thread.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import (
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QMenuBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from latentstudio.document.recipe import Recipe
from latentstudio.errors import LatentStudioError
from latentstudio.gui.actions import VIEW, Actions
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.canvas_bar import CanvasBar
from latentstudio.gui.commands import Commands
from latentstudio.gui.dragging import dropped_recipe, is_picture
from latentstudio.gui.engine_bridge import MakeEngine, Picture
from latentstudio.gui.filing import Filing
from latentstudio.gui.heat_overlay import HeatOverlay
from latentstudio.gui.icons import app_icon
from latentstudio.gui.inspector import Inspector, Panel
from latentstudio.gui.layout import Layout, scrolling
from latentstudio.gui.notices import Notice
from latentstudio.gui.notifications import NoticeBar
from latentstudio.gui.panels.favourites import FavouritesPanel
from latentstudio.gui.panels.models import ModelsPanel
from latentstudio.gui.panels.small_map import SmallMapPanel
from latentstudio.gui.selections import Selections
from latentstudio.gui.starting import fits
from latentstudio.gui.status import StatusLine
from latentstudio.gui.strip import FILM, BottomStrip
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.theme import apply_theme
from latentstudio.gui.widgets.labels import label
from latentstudio.media.photo import SUFFIXES
from latentstudio.models.library import default_model
from latentstudio.settings import Settings, load_settings, save_settings

if TYPE_CHECKING:
    # The panel is imported when it is first looked at.
    from latentstudio.gui.panels.photo import PhotoPanel

COMPARE_KEY = Qt.Key.Key_Backslash
THEMES = (("system", "Like the system"), ("dark", "Dark"), ("light", "Light"))


class MainWindow(QMainWindow):
    """One window, one picture.

    Args:
        settings: what the person chose; read from disk by default.
        make_engine: builds the engine; the real one by default.
    """

    def __init__(self, settings: Settings | None = None, make_engine: MakeEngine | None = None) -> None:
        super().__init__()
        self.studio = Studio(settings or load_settings(), make_engine, self)
        self.setWindowTitle("LatentStudio[*]")
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.canvas = Canvas(self)
        self.bar = CanvasBar(self.canvas, self)
        self.heat = HeatOverlay(self.studio, self.canvas)
        self.filing = Filing(self.studio, self)
        self.models = ModelsPanel(self.studio)
        self.favourites = FavouritesPanel(self.studio)
        self.map = SmallMapPanel(self.studio)
        self.selections = Selections(self.studio, self.inspector_of)
        self.inspector = Inspector(self.studio)
        self.strip = BottomStrip(self.studio, self)
        self.history = self.strip.history
        self.status = StatusLine(self.studio.bridge, self)
        self.notices = NoticeBar(self._place_centre())
        self.layout_ = Layout(self)
        self._place_docks()
        self._place_menus()
        self._wire()
        tab = self.layout_.restore()
        if tab is not None:
            self.inspector.show_tab(tab)

    @property
    def panels(self) -> list[Panel]:
        """Everything that shows the model and the recipe."""
        return [self.models, self.favourites, self.strip, self.inspector]

    def inspector_of(self, tab: str) -> QWidget:
        """The panel of a tab, turned to."""
        self.inspector.show_tab(tab)
        return self.inspector.panels[tab]

    def start(self, paths: list[Path] | None = None) -> None:
        """Load the engine, and open what was asked for, or the bundled model."""
        self.canvas.set_message("Starting…")
        # Else the keyboard would begin at a button of the header, and Space open a file.
        self.canvas.setFocus()
        self.studio.bridge.start()
        if paths:
            self.filing.open_path(paths[0])
            return
        self._open_default()

    def _open_default(self) -> None:
        try:
            self.studio.open_model(default_model())
        except LatentStudioError as error:
            self.studio.tell_error(error)

    # --- arrangement ----------------------------------------------------------------------------

    def _place_centre(self) -> QWidget:
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column.addWidget(self.bar)
        column.addWidget(self.canvas, 1)
        self.setCentralWidget(centre)
        return centre

    def _place_docks(self) -> None:
        area = Qt.DockWidgetArea
        self.layout_.add("models", "Models", scrolling(self.models), area.LeftDockWidgetArea)
        self.layout_.add("favourites", "Favourites", scrolling(self.favourites), area.LeftDockWidgetArea)
        self.layout_.add("map", "Latent map", self.map, area.LeftDockWidgetArea)
        self.layout_.add("inspector", "Directions", self.inspector, area.RightDockWidgetArea)
        bottom = area.BottomDockWidgetArea
        self.layout_.add("history", "History and film", self.strip, bottom, self.strip.head)
        self.strip.open_wanted.connect(self.filing.choose_and_open)
        self.inspector.tab_changed.connect(self.layout_.titles["inspector"].set_words)
        holder = self.statusBar()
        holder.setSizeGripEnabled(False)
        holder.setContentsMargins(0, 0, 0, 0)
        self.status.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        holder.addWidget(self.status, 1)

    def _place_menus(self) -> None:
        header = QWidget(self)
        header.setProperty("role", "header")
        header.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        bar = QMenuBar(header)
        bar.setNativeMenuBar(False)
        commands = self.commands = Commands(self)
        self.actions_ = Actions(self, commands, bar)
        view = self.actions_.menu(VIEW)
        view.addSeparator()
        panels = view.addMenu("Panels")
        for dock in self.layout_.docks.values():
            panels.addAction(dock.toggleViewAction())
        panels.addSeparator()
        panels.addAction("Arrange as at first", self.layout_.reset)
        themes = view.addMenu("Appearance")
        group = QActionGroup(self)
        for key, words in THEMES:
            action = themes.addAction(words)
            action.setCheckable(True)
            action.setChecked(self.studio.settings.theme == key)
            action.triggered.connect(lambda _=False, key=key: self.set_theme(key))
            group.addAction(action)
        self.undo_button = QPushButton("Undo", header)
        self.open_button = QPushButton("Open", header)
        self.save_button = QPushButton("Save picture", header)
        self.save_button.setProperty("role", "primary")
        self.save_button.setEnabled(False)
        self.undo_button.hide()
        row = QHBoxLayout(header)
        row.setContentsMargins(12, 5, 12, 6)
        row.setSpacing(8)
        row.addWidget(label("LatentStudio", "brand", header))
        row.addWidget(bar, 1)
        for button, act in (
            (self.undo_button, commands.undo),
            (self.open_button, commands.open_file),
            (self.save_button, commands.save),
        ):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(act)
            row.addWidget(button)
        self.setMenuWidget(header)

    def _wire(self) -> None:
        studio = self.studio
        studio.model_opening.connect(self._on_opening)
        studio.model_opened.connect(self._on_model)
        studio.opening_ended.connect(self._on_opening_ended)
        studio.told.connect(self.notices.tell)
        self.status.device.chosen.connect(studio.choose_device)
        studio.document.recipe_changed.connect(self._on_recipe)
        studio.document.history_changed.connect(self._on_history)
        studio.binding.picture_changed.connect(self._on_picture)
        studio.binding.compare_changed.connect(self._on_compare)
        self.bar.heat.clicked.connect(self.heat.switch)
        self.heat.changed.connect(lambda: self.bar.set_heat(self.heat.is_on, self.heat.words))
        self.map.tray_wanted.connect(self.selections.into_tray)
        self.map.marks_wanted.connect(self.selections.mark)
        self.map.centre_wanted.connect(self.selections.centre)
        self.models.model_wanted.connect(self.filing.open_model)
        self.filing.photo_wanted.connect(lambda path: self._on_photos([path]))
        self.favourites.wanted.connect(self.filing.open_path)
        for i, tab in enumerate(self.inspector.tabs[:9]):
            shortcut = QShortcut(QKeySequence(f"Alt+{i + 1}"), self)
            shortcut.activated.connect(lambda key=tab.key: self.inspector.show_tab(key))
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_theme)
        QGuiApplication.instance().applicationStateChanged.connect(self._on_application_state)  # type: ignore[union-attr]
        for dock in self.layout_.docks.values():
            dock.installEventFilter(self)

    # --- what happens ---------------------------------------------------------------------------

    def _on_opening(self, title: str) -> None:
        self.status.set_busy(f"Opening {title}")
        self.canvas.set_message(f"Opening {title}…")

    def _on_opening_ended(self) -> None:
        self.status.set_busy("")
        self.canvas.set_message("")

    def _on_model(self, model: OpenModel) -> None:
        for panel in self.panels:
            panel.set_model(model)
        self.status.set_device(model.device, model.devices, self.studio.settings.device)
        self.actions_.set_has_model()
        self.save_button.setEnabled(True)

    def _on_recipe(self, recipe: Recipe) -> None:
        for panel in self.panels:
            panel.set_recipe(recipe)
        self.bar.set_recipe(recipe)
        if self.canvas.shows_other:
            self.studio.binding.ask_compare()

    def _on_photos(self, paths: list[Path]) -> None:
        self.photo_panel().open_photos(paths)
        if self.studio.model is None and not self.studio.is_opening:
            self._open_default()

    def _on_history(self) -> None:
        document = self.studio.document
        undo, redo = document.undo_label, document.redo_label
        self.actions_["undo"].setText(f"Undo: {undo}" if undo else "Undo")
        self.actions_["undo"].setEnabled(undo is not None)
        self.actions_["redo"].setText(f"Redo: {redo}" if redo else "Redo")
        self.actions_["redo"].setEnabled(redo is not None)
        self.undo_button.setText(f"Undo: {undo}")
        self.undo_button.setVisible(undo is not None)
        model = self.studio.model
        parts = [document.path.name] if document.path else []
        parts += [model.info.provenance.title or model.info.family] if model is not None else []
        self.setWindowTitle("[*]" + " – ".join([*parts, "LatentStudio"]))
        self.setWindowModified(model is not None and document.is_modified)

    def _on_picture(self, picture: Picture) -> None:
        self.canvas.set_image(picture.image, picture.smooth)
        self.status.set_picture(picture.elapsed_ms, picture.precision, picture.memory_mib)
        self._show_state()

    def _on_compare(self) -> None:
        found = self.studio.binding.compare_picture
        if found is not None:
            self.canvas.set_other(found.smooth)
        self._show_state()

    def _show_state(self) -> None:
        picture = self.studio.binding.picture
        if self.canvas.shows_other:
            self.bar.set_state("unedited", "")
        elif picture is not None:
            self.bar.set_state(*(("exact", "ok") if picture.is_exact else ("preview", "accent")))

    def _on_system_theme(self) -> None:
        if self.studio.settings.theme == "system":
            apply_theme(QApplication.instance(), "system")  # type: ignore[arg-type]

    # --- compare while a key is held ------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The compare key, unless whoever has the focus takes it, as a text field does."""
        if event.key() == Qt.Key.Key_Space and self.strip.part == FILM:
            self.strip.timeline.toggle_play()
        elif event.key() == Qt.Key.Key_Escape and self.strip.abort():
            return
        elif event.key() != COMPARE_KEY:
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():
            self.set_compare(True)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The compare key is let go."""
        if event.key() != COMPARE_KEY:
            super().keyReleaseEvent(event)
        elif not event.isAutoRepeat():
            self.set_compare(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A floating dock is a window of its own: its keys are brought here."""
        kind = event.type()
        if kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease) and isinstance(event, QKeyEvent):
            if kind == QEvent.Type.KeyPress:
                self.keyPressEvent(event)
            else:
                self.keyReleaseEvent(event)
            return True
        return super().eventFilter(watched, event)

    def _on_application_state(self, state: Qt.ApplicationState) -> None:
        # The release of a held key goes to whichever program is in front by then.
        if state != Qt.ApplicationState.ApplicationActive:
            self.set_compare(False)

    def set_compare(self, shows: bool) -> None:
        """Show the unedited picture, or the edited one again."""
        binding = self.studio.binding
        if shows:
            found = binding.compare_picture
            if found is not None:
                self.canvas.set_other(found.smooth)
            else:
                binding.ask_compare()
        self.canvas.show_other(shows)
        self._show_state()

    # --- leaving --------------------------------------------------------------------------------

    def set_theme(self, choice: str) -> None:
        """Another appearance, kept for the next time."""
        self.studio.settings = replace(self.studio.settings, theme=choice)
        apply_theme(QApplication.instance(), choice)  # type: ignore[arg-type]
        try:
            save_settings(self.studio.settings)
        except LatentStudioError as error:
            self.studio.tell_error(error)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files are welcome, and pictures from the panels."""
        data = event.mimeData()
        if data.hasUrls() or data.hasImage() or is_picture(data):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        local = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        recipe = dropped_recipe(event.mimeData())
        if recipe is not None and self.studio.model is not None:
            # Beside the picture a drop has missed what it was meant for.
            on_picture = self.canvas.rect().contains(self.canvas.mapFrom(self, event.position().toPoint()))
            if on_picture and fits(recipe.model, self.studio.model.info):
                self.studio.document.edit("Dropped picture", recipe)
        elif local:
            # After the drop is over: a question must not hold up the program it came from.
            paths = [Path(name) for name in local]
            QTimer.singleShot(0, self, lambda: self._open_dropped(paths))
        elif not self.photo_panel().take_mime(event.mimeData()):
            self.studio.told.emit(Notice("Only files and pictures on this machine can be dropped here."))

    def _open_dropped(self, paths: list[Path]) -> None:
        if len(paths) > 1 and all(path.is_dir() or path.suffix.lower() in SUFFIXES for path in paths):
            self._on_photos(paths)
        else:
            self.filing.open_path(paths[0])

    def photo_panel(self) -> PhotoPanel:
        """The panel of photos, turned to."""
        self.inspector.show_tab("photo")
        panel = self.inspector.panels["photo"]
        return cast("PhotoPanel", panel)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask if there is something to lose, remember the layout, stop the threads."""
        if not (self.filing.may_discard() and self.filing.may_discard_film()):
            event.ignore()
            return
        self.layout_.store(self.inspector.tab)
        self.studio.close()
        event.accept()
