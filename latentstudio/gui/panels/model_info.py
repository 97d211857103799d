"""What the open model is.

Owns the facts in their groups: network, options, file, rights, notes. GUI thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.gui.icons import icon
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import ElidedLabel, caption, label
from latentstudio.gui.words import plain

if TYPE_CHECKING:
    from latentstudio.models.info import Option

NAME_PX = 84  # the left column, so that the groups stand in line
SHOWN_CLASSES = 6


@dataclass(frozen=True)
class Fact:
    """A line of the panel.

    Attributes:
        name: what it is about; empty for a sentence over the whole width.
        words: the fact.
        full: what is copied, where the words are a short form; empty where nothing is.
    """

    name: str
    words: str
    full: str = ""


class ModelInfoPanel(QWidget):
    """A title, then groups of facts."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._copies: list[QToolButton] = []
        self._content = QWidget(self)
        self._empty = label("Open a model to see what it is.", "muted", self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 8, 12, 16)
        self._column.setSpacing(0)
        self._column.addWidget(self._empty)
        self._column.addWidget(self._content)
        self._column.addStretch(1)

    def set_model(self, model: OpenModel) -> None:
        """Show another model."""
        self._empty.hide()
        fresh = self._make(model)
        self._column.replaceWidget(self._content, fresh)
        self._content.hide()
        self._content.deleteLater()
        self._content = fresh

    def set_recipe(self, recipe: Recipe) -> None:
        """The facts do not depend on the recipe."""

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _make(self, model: OpenModel) -> QWidget:
        self._copies = []
        content = QWidget(self)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        info = model.info
        title = label(info.provenance.title or info.family, "title", content)
        title.setWordWrap(True)
        title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(title)
        column.addWidget(label(info.family, "muted", content))
        for name, facts in fact_groups(model).items():
            column.addSpacing(16)
            column.addWidget(caption(name, content))
            column.addLayout(self._group(facts, content))
        self._colour()
        return content

    def _group(self, facts: list[Fact], parent: QWidget) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 2, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for i, fact in enumerate(facts):
            if fact.full:
                value: QWidget = self._copied(fact, parent)
            else:
                words = label(fact.words, parent=parent)
                words.setWordWrap(True)
                words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                value = words
            if not fact.name:
                grid.addWidget(value, i, 0, 1, 2)
                continue
            name = label(fact.name, "muted", parent)
            name.setMinimumWidth(NAME_PX)
            top = Qt.AlignmentFlag.AlignVCenter if fact.full else Qt.AlignmentFlag.AlignTop
            grid.addWidget(name, i, 0, top)
            grid.addWidget(value, i, 1)
        return grid

    def _copied(self, fact: Fact, parent: QWidget) -> QWidget:
        """Words in one line, and a button that copies all of them."""
        holder = QWidget(parent)
        words = ElidedLabel(fact.words, parent=holder)
        words.setToolTip(fact.full)
        button = QToolButton(holder)
        button.setIconSize(QSize(14, 14))
        button.setFixedSize(20, 18)
        button.setToolTip(f"Copy: {fact.full}")
        button.setAccessibleName(f"Copy {fact.name}")
        button.clicked.connect(lambda: self._copy(fact))
        self._copies.append(button)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(words, 1)
        row.addWidget(button)
        return holder

    def _copy(self, fact: Fact) -> None:
        QGuiApplication.clipboard().setText(fact.full)
        self._studio.tell(f"{fact.name} copied.")

    def _colour(self) -> None:
        for button in self._copies:
            button.setIcon(icon("copy", "muted"))


def fact_groups(model: OpenModel) -> dict[str, list[Fact]]:
    """The facts that are known, by group; a group without any is left out."""
    info, origin = model.info, model.info.provenance
    path = Path(info.path) if info.path else None
    file = [
        *([Fact("Path", str(path), str(path))] if path is not None else []),
        # A hash has no place to break a line by itself.
        *([Fact("SHA-256", f"{info.sha256[:20]}…", info.sha256)] if info.sha256 else []),
        *(
            [Fact("Made from", f"{origin.source_sha256[:20]}…", origin.source_sha256)]
            if origin.source_sha256
            else []
        ),
        *([Fact("From", origin.source)] if origin.source else []),
    ]
    rights = [Fact("Licence", origin.licence or "not stated in the file")]
    if origin.caution:
        rights.append(Fact("Caution", origin.caution))
    groups = {
        "Network": _network(model),
        "Options": [Fact(o.name.replace("_", " ").capitalize(), _option(o)) for o in info.options],
        "File": file,
        "Rights": rights,
        "Notes": [Fact("", _sentence(note)) for note in info.notes],
    }
    return {name: facts for name, facts in groups.items() if facts}


def _network(model: OpenModel) -> list[Fact]:
    info = model.info
    kind = {1: "grey", 3: "colour", 4: "colour with alpha"}.get(
        info.img_channels, f"{info.img_channels} channels"
    )
    height, width = info.img_size
    spaces = {"z": f"z, {info.z_dim} numbers", "w": f"w, {info.w_dim} numbers"}
    spaces["w+"] = (
        f"w+, {info.num_ws} rows" if info.has_mapping else f"{info.num_ws} rows of {info.w_dim}, one a layer"
    )
    if info.z_shape is not None:
        spaces["z"] = "z, a map of {} × {} × {}".format(*info.z_shape)
    reads = [
        words
        for has, words in (
            (info.has_noise, "noise"),
            (info.has_transform, "a transform"),
            (info.c_dim > 0, "a class"),
        )
        if has
    ]
    facts = [
        Fact("Picture", f"{width} × {height} px, {kind}"),
        Fact("Spaces", "\n".join(spaces[name] for name in info.spaces)),
        Fact("Mapping", "z to w" if info.has_mapping else "none: the layers read z itself"),
        Fact("Classes", _classes(model)),
        Fact("Also reads", ", ".join(reads) or "nothing"),
        Fact("Layers", f"{len(model.stages)}"),
        Fact("Weights", f"{info.parameters:,}".replace(",", "\u2009")),
    ]
    if info.has_encoder:
        facts.insert(4, Fact("Encoder", "there: pictures open as latents"))
    return facts


def _classes(model: OpenModel) -> str:
    info, names = model.info, model.info.provenance.class_names
    if not info.c_dim:
        return "none"
    if not names:
        return f"{info.c_dim}, without names"
    more = ", …" if len(names) > SHOWN_CLASSES else ""
    return f"{info.c_dim}: {', '.join(names[:SHOWN_CLASSES])}{more}"


def _option(option: Option) -> str:
    value, low, high = (
        str(round(number)) if option.whole else plain(number)
        for number in (option.default, option.low, option.high)
    )
    return f"{value} (from {low} to {high})"


def _sentence(note: str) -> str:
    """A note as a sentence: files' facts are phrases."""
    text = note[:1].upper() + note[1:]
    return text if text.endswith((".", "!", "?")) else text + "."
