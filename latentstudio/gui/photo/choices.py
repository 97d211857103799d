"""How to invert: space, method, steps, and more for those who want it.

Owns the controls and their translation into `ProjectionOptions`. GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from latentstudio.document.recipe import Recipe, Source
from latentstudio.document.starts import start_source
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.seed_field import SeedField
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.inversion.options import DEFAULT_STEPS, FAST, PUBLISHED, ProjectionOptions, default_steps
from latentstudio.models.info import GeneratorInfo

SPACES = {
    "w": ("W", "One latent for all layers: edits best"),
    "w+": ("W+", "A latent for each layer: looks most alike"),
    "z": ("Z", "What the model was trained on"),
}
METHODS = (
    (FAST, "Fast", "From coarse to fine, from a good start"),
    (PUBLISHED, "Published", "The recipe of the StyleGAN2 paper, step by step"),
)
STARTS = (
    ("auto", "Automatic"),
    ("mean", "The mean picture"),
    ("samples", "The nearest of some samples"),
    ("encoder", "The encoder's guess"),
    ("here", "The picture on the canvas"),
)
DISTANCES = (
    ("auto", "The best that is installed"),
    ("squeezenet", "SqueezeNet features"),
    ("efficientnet", "EfficientNet features"),
    ("discriminator", "The model's own discriminator"),
    ("lpips", "LPIPS, by a VGG16 file of yours…"),
    ("pyramid", "Pyramid and structure"),
    ("pixel", "Pixels"),
)
CLASSES = (
    ("given", "The class chosen under Conditions"),
    ("fitted", "Find out the class"),
    ("soft", "A mixture of classes"),
)


class InversionChoices(QWidget):
    """Space, method, steps; start, distance, class, seed below "More".

    Signals:
        changed(): something is set otherwise.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._info: GeneratorInfo | None = None
        self._recipe: Recipe | None = None
        self._vgg = ""
        self._seed = ProjectionOptions().seed
        self.space, self.method = Segmented(self), Segmented(self)
        self.method.set_choices(list(METHODS))
        self._space, self._method = "w", FAST
        self._own_steps = DEFAULT_STEPS[FAST]
        self.steps = SliderRow(
            "Steps",
            ValueSlider(10, 1000, origin=10, rest=DEFAULT_STEPS[FAST], step=10),
            words=lambda value: str(round(value)),
            parent=self,
        )
        self.noise = QCheckBox("Fit the noise, too", self)
        self.noise.setToolTip("Fine texture; what was fitted is kept in the recipe")
        self.tune = QCheckBox("Fine-tune the model to this photo", self)
        self.tune.setToolTip("Pivotal tuning: small changes to the model itself, stored beside the recipe")
        self.more = QPushButton("More", self)
        self.more.setProperty("role", "pill")
        self.more.setCheckable(True)
        self._hidden = QWidget(self)
        self.start, self.distance, self.classes = (QComboBox(self._hidden) for _ in range(3))
        for box, choices in ((self.start, STARTS), (self.distance, DISTANCES), (self.classes, CLASSES)):
            for key, words in choices:
                box.addItem(words, key)
            # The panel is as wide as a person makes it, not as the longest line.
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
        self.seed = SeedField("Seed of the inversion", self._hidden)
        self.seed.set_seed(self._seed)
        self._class_words = label("Class", "muted", self._hidden)
        self._arrange()
        self._wire()

    def _arrange(self) -> None:
        grid = QGridLayout(self._hidden)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        rows = (
            (label("Start", "muted", self._hidden), self.start),
            (label("Distance", "muted", self._hidden), self.distance),
            (self._class_words, self.classes),
            (label("Seed", "muted", self._hidden), self.seed),
        )
        for i, (words, widget) in enumerate(rows):
            grid.addWidget(words, i, 0)
            grid.addWidget(widget, i, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.space)
        column.addWidget(self.method)
        column.addWidget(self.steps)
        column.addWidget(self.noise)
        column.addWidget(self.tune)
        column.addWidget(self._hidden)
        self._hidden.hide()

    def _wire(self) -> None:
        self.space.chosen.connect(self._set_space)
        self.method.chosen.connect(self._set_method)
        self.method.set_chosen(self._method)
        for changed in (self.steps.edited, self.steps.typed):
            changed.connect(self.steps.set_value)
        self.steps.set_value(DEFAULT_STEPS[FAST])
        self.more.toggled.connect(self._hidden.setVisible)
        self.seed.chosen.connect(self._set_seed)
        self.distance.activated.connect(self._choose_distance)

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, info: GeneratorInfo) -> None:
        """Offer what this model has."""
        self._info = info
        self.space.set_choices([(key, *SPACES[key]) for key in info.spaces])
        if self._space not in info.spaces:
            self._space = info.spaces[0]
        self._follow_steps()
        self.space.set_chosen(self._space)
        self.space.setVisible(len(info.spaces) > 1)
        self.noise.setVisible(info.has_noise)
        self.noise.setChecked(info.has_noise)
        for widget in (self._class_words, self.classes):
            widget.setVisible(info.c_dim > 0)

    def set_recipe(self, recipe: Recipe) -> None:
        """The picture on the canvas may be the start."""
        self._recipe = recipe

    def options(self) -> ProjectionOptions:
        """What is chosen."""
        info = self._info
        classes = () if self._recipe is None or info is None or not info.c_dim else self._recipe.classes
        start = self._start()
        steps = max(1, round(self.steps.slider.value))
        return ProjectionOptions(
            space=self._space,
            method=self._method,
            steps=steps,
            seed=self._seed,
            distance=self.distance.currentData(),
            start=start,
            fit_noise=info is not None and info.has_noise and self.noise.isChecked(),
            classes=classes,
            class_mode=self.classes.currentData() if info is not None and info.c_dim else "given",
            tune_steps=150 if self.tune.isChecked() else 0,
            preview_every=max(1, steps // 50),
            vgg_path=self._vgg,
        )

    def _start(self) -> str | Source:
        chosen: str = self.start.currentData()
        if chosen != "here":
            return chosen
        found = None
        if self._recipe is not None and self._info is not None:
            found = start_source(self._recipe, self._info.z_dim)
        return found if found is not None else "auto"

    def _set_space(self, space: str) -> None:
        self._space = space
        self._follow_steps()
        self.changed.emit()

    def _set_method(self, method: str) -> None:
        self._method = method
        self._follow_steps()
        self.changed.emit()

    def _follow_steps(self) -> None:
        """A number of steps that was the method's own follows the method, the space and the model."""
        resolution = 0 if self._info is None else self._info.img_resolution
        own = default_steps(self._method, self._space, resolution)
        if round(self.steps.slider.value) == self._own_steps:
            self.steps.set_value(own)
        self._own_steps = own

    def _set_seed(self, seed: int) -> None:
        self._seed = seed
        self.seed.set_seed(seed)
        self.changed.emit()

    def _choose_distance(self) -> None:
        if self.distance.currentData() == "lpips":
            path = self.ask_vgg_path()
            if path is None:
                self.distance.setCurrentIndex(0)
            else:
                self._vgg = str(path)
        self.changed.emit()

    def ask_vgg_path(self) -> Path | None:
        """Ask for the weights of VGG16."""
        name, _ = QFileDialog.getOpenFileName(
            self, "Where are the weights of VGG16?", str(Path.home()), "Weights (*.pth *.pt *.safetensors)"
        )
        return Path(name) if name else None
