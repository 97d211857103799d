"""The head of the photo panel: the photograph, its faces, its frame.

Owns the controls and the stage over the canvas; what is chosen is kept by the desk. GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.gui.canvas import Canvas
from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.photo.desk import PhotoDesk
from latentstudio.gui.photo.drop_zone import INVITATION, DropZone
from latentstudio.gui.photo.framed import FACE, HAND, WHOLE
from latentstudio.gui.photo.row import PhotoRow
from latentstudio.gui.photo.stage import DOTS, FRAME, PhotoStage
from latentstudio.gui.studio import Studio
from latentstudio.gui.widgets.labels import ElidedLabel, label
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.titled_pictures import TitledPictures
from latentstudio.inversion.face_frame import Face
from latentstudio.inversion.target import Alignment, box_quad, cut
from latentstudio.media.photo import SUFFIXES

MODES = (
    (WHOLE, "Frame", "A frame of the model's shape, moved by hand"),
    (FACE, "Face", "Turned and cut as the published face data sets were, by eyes and mouth"),
    (HAND, "3 points", "Eyes and mouth placed by hand"),
)
MOST_FACES, FACE_PX = 5, 96
FILTER = f"Photos ({' '.join('*' + suffix for suffix in sorted(SUFFIXES))});;All files (*)"
FINDER = "mtcnn-face-finder"


class PhotoIntake(QWidget):
    """Drop zone, kind of frame, faces.

    Args:
        studio: the common ground.
        desk: keeps the photograph.
        canvas: what the stage lies over; None without a window.
    """

    def __init__(
        self, studio: Studio, desk: PhotoDesk, canvas: Canvas | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._studio, self._desk, self._canvas = studio, desk, canvas
        self._stage: PhotoStage | None = None
        self.row = PhotoRow(desk, self)
        self.zone = DropZone(self)
        self.name = ElidedLabel("", "muted", self)
        self.other = QPushButton("Another…", self)
        self.other.setProperty("role", "pill")
        self.other.setToolTip("Open another photo; dropping and pasting work, too")
        self.modes = Segmented(self)
        self.modes.set_choices(list(MODES))
        self.faces: TitledPictures | None = None  # where there are several to pick from
        self._faces_place = QVBoxLayout()
        self._faces_shown: list[Face] | None = None
        self.note = label("", "muted", self)
        self.note.setWordWrap(True)
        self.install = QPushButton("Install the face finder (2 MB)", self)
        self.install.setProperty("role", "link")
        self.adjust = QPushButton("Adjust on the canvas", self)
        self.adjust.setCheckable(True)
        self.adjust.setToolTip("The photo over the canvas, with its frame to drag, size and turn")
        self._arrange()
        self._wire()
        self._show_photo()

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.name, 1)
        head.addWidget(self.other)
        link = QHBoxLayout()
        link.addWidget(self.install)
        link.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.row)
        column.addWidget(self.zone)
        column.addLayout(head)
        column.addWidget(self.modes)
        column.addLayout(self._faces_place)
        column.addWidget(self.note)
        column.addLayout(link)
        column.addWidget(self.adjust)

    def _wire(self) -> None:
        desk = self._desk
        self.zone.clicked.connect(self._zone_clicked)
        # After the drop is over: the program it came from must not wait.
        self.zone.dropped.connect(lambda mime: self.take_mime(mime, "the dropped picture"))
        self.other.clicked.connect(self.choose)
        self.modes.chosen.connect(self._choose_mode)
        self.adjust.toggled.connect(self.set_stage)
        desk.photo_changed.connect(self._show_photo)
        desk.row_changed.connect(self._show_other)
        desk.faces_changed.connect(self._show_faces)
        desk.frame_changed.connect(self._show_frame)

    def set_compact(self, is_compact: bool) -> None:
        """Leave the room to what is going on: the photograph is seen there as the target."""
        self._is_compact = is_compact
        self.zone.setVisible(not is_compact or self._desk.photo is None)

    def set_busy(self, is_busy: bool) -> None:
        """While something runs there is no frame to choose."""
        if is_busy != self._is_busy:
            self._is_busy = is_busy
            self._show_photo()

    _is_compact = False
    _is_busy = False

    # --- a photograph in ------------------------------------------------------------------------

    def choose(self) -> None:
        """Ask for the files of photographs."""
        paths = self.ask_photo_paths()
        if paths:
            self._desk.open_paths(paths)

    def ask_photo_paths(self) -> list[Path]:
        """Ask for files."""
        names, _ = QFileDialog.getOpenFileNames(self, "Open photos", str(Path.home()), FILTER)
        return [Path(name) for name in names]

    def paste(self) -> None:
        """Take the photograph on the clipboard."""
        if not self.take_mime(QGuiApplication.clipboard().mimeData(), "the pasted picture"):
            self._studio.tell("There is no picture on the clipboard.", "Copy one, then paste it here.")

    def take_mime(self, mime: QMimeData, name: str) -> bool:
        """Take what a drop or the clipboard holds; False when there is no picture in it."""
        local = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
        if local:
            QTimer.singleShot(0, self, lambda: self._desk.open_paths(local))
            return True
        for kind in ("image/png", "image/jpeg", "image/webp", "image/tiff"):
            if mime.hasFormat(kind):
                data = bytes(mime.data(kind).data())
                if data:
                    self._desk.open_bytes(data, name)
                    return True
        image = mime.imageData()
        if not isinstance(image, QImage) or image.isNull():
            return False
        self._desk.open_image(image, name)
        return True

    def _zone_clicked(self) -> None:
        if self._desk.photo is None:
            self.choose()
        else:
            self.adjust.toggle()

    # --- what the desk says ---------------------------------------------------------------------

    def _show_photo(self) -> None:
        desk = self._desk
        there = desk.photo is not None
        if desk.is_reading and not there:
            self.zone.set_words("Reading the photo…", "")
        else:
            self.zone.set_words(*INVITATION)
        self.zone.set_photo(desk.preview, desk.photo_size if there else (1, 1))
        height, width = desk.photo_size
        self.name.setText(f"{desk.name} · {width} × {height}" if there else "")
        self.name.setVisible(there)
        self.other.setVisible(there)
        self.modes.setVisible(there and not self._is_busy)
        self.adjust.setVisible(there and not self._is_busy)
        self.set_compact(self._is_compact)
        if self._stage is not None and there:
            self._stage.set_photo(desk.preview, desk.photo_size)
        if not there:
            self.adjust.setChecked(False)
        self._show_faces()
        self._show_frame()

    def _show_other(self) -> None:
        """What comes next lies beside the others, or takes the place of the one."""
        is_row, desk = self._desk.is_row, self._desk
        self.other.setText("Add…" if is_row else "Another…")
        hint = "Add photos to the row" if is_row else "Open another photo"
        self.other.setToolTip(f"{hint}; dropping and pasting work, too")
        if desk.photo is None:
            self._show_photo()

    def _show_faces(self) -> None:
        desk = self._desk
        faces = desk.faces or []
        there = desk.photo is not None
        if desk.faces is not self._faces_shown:
            self._faces_shown = desk.faces
            self._rebuild_faces(faces[:MOST_FACES] if len(faces) > 1 else [])
        self.modes.button(FACE).setEnabled(bool(faces))
        self.install.setVisible(there and desk.lacks_finder and not self._is_busy)
        self.note.setText(self._words(there, len(faces)))
        self.note.setVisible(bool(self.note.text()) and not self._is_busy)
        if self.faces is not None:
            self.faces.setVisible(not self._is_busy)
        if self._stage is not None:
            self._stage.set_faces([face.box for face in faces], desk.face if desk.mode == FACE else None)

    def _rebuild_faces(self, shown: list[Face]) -> None:
        """Small pictures of the faces, to pick one."""
        desk = self._desk
        if self.faces is not None:
            self._faces_place.removeWidget(self.faces)
            self.faces.hide()
            self.faces.deleteLater()
            self.faces = None
        if not shown or desk.photo is None:
            return
        self.faces = TitledPictures([str(i + 1) for i in range(len(shown))], self)
        self.faces.setAccessibleName("Faces found")
        self._faces_place.addWidget(self.faces)
        for i, face in enumerate(shown):
            side = face.size_px * 1.3
            left, top = (face.box[:2] + face.box[2:]) / 2 - side / 2
            place = Alignment(box_quad(float(left), float(top), side, side), desk.photo_size)
            self.faces.set_image(i, as_image(cut(desk.photo, place, (FACE_PX, FACE_PX))))
        self.faces.set_current(desk.face if desk.mode == FACE else None)
        self.faces.chosen.connect(desk.choose_face)

    def _words(self, there: bool, count: int) -> str:
        desk = self._desk
        if not there:
            return ""
        if desk.is_looking:
            return "Looking for faces…"
        if desk.lacks_finder:
            return "Without the face finder, faces are framed by hand: drag the frame, or place 3 points."
        if desk.faces is None:
            return ""
        if count == 0:
            return "No face was found. Use the frame, or place 3 points on eyes and mouth."
        if count == 1:
            return ""
        rest = f" The {MOST_FACES} largest are shown." if count > MOST_FACES else ""
        return f"{count} faces were found: pick one.{rest}"

    def _show_frame(self) -> None:
        desk = self._desk
        self.zone.set_quad(desk.quad)
        self.modes.set_chosen(desk.mode)
        if self.faces is not None:
            self.faces.set_current(desk.face if desk.mode == FACE else None)
        if self._stage is not None and desk.photo is not None:
            kind = DOTS if desk.mode == HAND else FRAME
            self._stage.set_frame(desk.quad, desk.points if kind == DOTS else None, kind)
            faces = desk.faces or []
            self._stage.set_faces([face.box for face in faces], desk.face if desk.mode == FACE else None)

    def _choose_mode(self, mode: str) -> None:
        self._desk.set_mode(mode)
        if mode == HAND:
            self.adjust.setChecked(True)

    # --- the stage ------------------------------------------------------------------------------

    def set_stage(self, shows: bool) -> None:
        """Lay the photograph over the canvas, or take it away."""
        desk = self._desk
        if shows and self._stage is None and self._canvas is not None:
            stage = self._stage = PhotoStage(self._canvas)
            stage.quad_edited.connect(desk.set_quad)
            stage.points_edited.connect(desk.set_points)
            stage.face_chosen.connect(desk.choose_face)
            stage.reset_wanted.connect(desk.reset_frame)
            stage.left.connect(lambda: self.adjust.setChecked(False))
        if self._stage is None:
            return
        self._stage.setVisible(shows)
        if shows:
            self._stage.set_photo(desk.preview, desk.photo_size)
            self._show_frame()
            self._stage.raise_()
            self._stage.setFocus(Qt.FocusReason.OtherFocusReason)
        self.adjust.setText("Done" if shows else "Adjust on the canvas")

    @property
    def stage(self) -> PhotoStage | None:
        """What lies over the canvas, once it was shown."""
        return self._stage
