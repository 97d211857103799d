"""What the open model is.

Owns the table of facts: family, sizes, spaces, classes, where it came from, hash, licence. GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.words import count_words


class ModelInfoPanel(QWidget):
    """Names left, facts right."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 12, 12)
        column.addLayout(self._grid)
        column.addStretch(1)

    def set_model(self, model: OpenModel) -> None:
        """Show another model."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for i, (name, value) in enumerate(facts(model)):
            words = label(value, parent=self)
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._grid.addWidget(label(name, "muted", self), i, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(words, i, 1)

    def set_recipe(self, recipe: Recipe) -> None:
        """The facts do not depend on the recipe."""


def facts(model: OpenModel) -> list[tuple[str, str]]:
    """Pairs of name and fact, those that are known."""
    info, origin = model.info, model.info.provenance
    height, width = info.img_size
    classes = "none"
    if info.c_dim:
        classes = f"{info.c_dim}"
        if origin.class_names:
            classes += f" ({', '.join(origin.class_names[:3])}{', ...' if info.c_dim > 3 else ''})"
    spaces = {"z": f"z ({info.z_dim})", "w": f"w ({info.w_dim})", "w+": f"w+ ({info.num_ws} rows)"}
    pairs = [
        ("Title", origin.title),
        ("Family", info.family),
        ("Picture", f"{width} × {height} px, {'grey' if info.img_channels == 1 else 'colour'}"),
        ("Spaces", ", ".join(spaces[name] for name in info.spaces)),
        ("Classes", classes),
        ("Weights", count_words(info.parameters)),
        ("From", origin.source),
        ("File", Path(info.path).name if info.path else ""),
        # A hash has no place to break a line by itself.
        ("SHA-256", f"{info.sha256[:16]}…" if info.sha256 else ""),
        ("Licence", origin.licence or "not stated in the file"),
        ("Note", origin.caution),
        *(("Note", note) for note in info.notes),
    ]
    return [(name, value) for name, value in pairs if value]
