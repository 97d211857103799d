"""How to project: one frozen value that a file can carry, so that a projection can be repeated.

Owns `ProjectionOptions`, its checks and its JSON form. NumPy only, any thread.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D, for the
published defaults; Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", for the pull.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from latentstudio.document.edits import Source
from latentstudio.document.recipe_json import source_from_json, source_to_json
from latentstudio.errors import InputError
from latentstudio.latent.sampling import check_seed
from latentstudio.latent.spaces import SPACES, W
from latentstudio.models.info import GeneratorInfo

PUBLISHED, FAST = "published", "fast"
METHODS = (FAST, PUBLISHED)
STARTS = ("auto", "mean", "samples", "encoder")
DISTANCES = ("auto", "pixel", "pyramid", "squeezenet", "efficientnet", "discriminator", "lpips")
# What to do about the class of a conditional model: take the given one, fit weights, or fit and keep one.
CLASS_MODES = ("given", "soft", "fitted")
DEFAULT_STEPS = {PUBLISHED: 1000, FAST: 280}
# The fast method's steps in models of this size, and in other spaces than w.
LARGE_PX, FEWER_STEPS = 256, 180


@dataclass(frozen=True)
class ProjectionOptions:
    """Everything that decides a projection besides the generator and the photograph.

    Attributes:
        space: "z", "w" or "w+".
        method: "published" is the recipe of the StyleGAN2 paper, step by step; "fast" reaches its
            distance in a fraction of the time.
        steps: 0 takes the method's own number.
        seed: of everything that is drawn.
        distance: a name of `distance.make_distance`; "auto" is the best one installed.
        weights: factors on the distance's terms by name, in place of its own.
        start: "mean", "samples" (the nearest of some), "encoder", "auto" (the method's own), or a
            `Source` whose picture is the start.
        start_samples: how many samples "samples" looks at; 0 takes as many as are quick to draw.
        fit_noise: whether the noise maps are fitted too.
        noise_weight: on the noise's autocorrelation.
        learning_rate: largest step of Adam; 0 takes the method's own.
        rampup: share of the steps over which the rate rises.
        rampdown: share of the steps over which it falls.
        noise_factor: of the noise that is added to w, in units of w's spread; 0 for none.
        noise_ramp: share of the steps after which that noise has faded.
        pull: weight on the distance of a w+ from its own mean row, and of a z from the sphere; None
            takes the space's own.
        classes: pairs (class index, weight), as in a recipe.
        class_mode: "given", "soft" (weights are fitted) or "fitted" (and the largest one is kept).
        use_mask: whether a target's mask is heeded.
        precision: "exact" computes every step in float32; "fast" lets the fast method look around in
            bfloat16, where the machine is quick in it. Results are drawn exactly.
        tune_steps: steps of pivotal tuning after the projection; 0 for none.
        tune_rate: its learning rate.
        tune_stop: tuning ends when the distance falls to this share of the pivot's.
        preview_every: a picture comes with every so many steps; 0 for none.
        vgg_path: the VGG16 weights that "lpips" is pointed at.
    """

    space: str = "w"
    method: str = FAST
    steps: int = 0
    seed: int = 303
    distance: str = "auto"
    weights: tuple[tuple[str, float], ...] = ()
    start: str | Source = "auto"
    start_samples: int = 0
    fit_noise: bool = True
    noise_weight: float = 1e5
    learning_rate: float = 0.0
    rampup: float = 0.05
    rampdown: float = 0.25
    noise_factor: float = 0.05
    noise_ramp: float = 0.75
    pull: float | None = None
    classes: tuple[tuple[int, float], ...] = ()
    class_mode: str = "given"
    use_mask: bool = True
    precision: str = "fast"
    tune_steps: int = 0
    tune_rate: float = 3e-4
    tune_stop: float = 0.1
    preview_every: int = 10
    vgg_path: str = ""

    def __post_init__(self) -> None:
        _check_choice("space", self.space, SPACES)
        _check_choice("method", self.method, METHODS)
        _check_choice("distance", self.distance, DISTANCES)
        _check_choice("class mode", self.class_mode, CLASS_MODES)
        _check_choice("precision", self.precision, ("exact", "fast"))
        if isinstance(self.start, str):
            _check_choice("start", self.start, STARTS)
        check_seed(self.seed)
        for name, high in (("steps", 100_000), ("tune_steps", 10_000), ("preview_every", 100_000)):
            _check_range(name, getattr(self, name), 0, high, whole=True)
        _check_range("start_samples", self.start_samples, 0, 100_000, whole=True)
        for name in ("rampup", "rampdown", "noise_ramp", "tune_stop"):
            _check_range(name, getattr(self, name), 0, 1)
        for name in ("noise_weight", "learning_rate", "noise_factor", "tune_rate"):
            _check_range(name, getattr(self, name), 0, 1e9)
        if self.pull is not None:
            _check_range("pull", self.pull, 0, 1e9)
        for term, weight in self.weights:
            _check_range(f"weight of {term}", weight, 0, 1e9)
        for index, weight in self.classes:
            _check_range("class", index, 0, 1_000_000, whole=True)
            _check_range("class weight", weight, -1e6, 1e6)

    @property
    def total_steps(self) -> int:
        """The steps of the projection, tuning apart."""
        return self.steps or DEFAULT_STEPS[self.method]

    def for_model(self, info: GeneratorInfo) -> ProjectionOptions:
        """The same with the number of steps written down that suits a model."""
        if self.steps:
            return self
        return replace(self, steps=default_steps(self.method, self.space, info.img_resolution))

    def changed(self, **changes: Any) -> ProjectionOptions:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; the inverse of `from_json`."""
        stored = asdict(replace(self, start="auto"))
        stored["start"] = self.start if isinstance(self.start, str) else source_to_json(self.start)
        stored["weights"] = [list(pair) for pair in self.weights]
        stored["classes"] = [list(pair) for pair in self.classes]
        return stored

    @classmethod
    def from_json(cls, stored: Any) -> ProjectionOptions:
        """Options from parsed JSON; fields that are missing keep their defaults.

        Raises:
            InputError: a field is unknown, of the wrong form or out of range.
        """
        if not isinstance(stored, Mapping):
            raise InputError("The projection's options have the wrong form.")
        known = {field.name: field for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in stored.items():
            if name not in known:
                raise InputError(f'A projection has no option "{name}".', "It may come from a newer version.")
            values[name] = _read(name, value, getattr(cls(), name))
        return cls(**values)


def default_steps(method: str, space: str, resolution: int) -> int:
    """A method's own number of steps in a space of a model of so many pixels."""
    if method == FAST and (space != W or resolution >= LARGE_PX):
        return FEWER_STEPS
    return DEFAULT_STEPS[method]


def _read(name: str, value: Any, default: Any) -> Any:
    try:
        if name == "start" and isinstance(value, Mapping):
            return source_from_json(dict(value))
        if name in ("weights", "classes"):
            kind = str if name == "weights" else int
            return tuple((_as(kind, key), _as(float, weight)) for key, weight in value)
        if name == "pull":
            return None if value is None else _as(float, value)
        return _as(type(default), value)
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f'The option "{name}" of the projection has the wrong form.') from error


def _as(kind: type, value: Any) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(value)
    return value


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f'There is no {name} "{value}".', f"Use one of {', '.join(choices)}.")


def _check_range(name: str, value: float, low: float, high: float, *, whole: bool = False) -> None:
    numbers = int if whole else (int | float)
    if isinstance(value, bool) or not isinstance(value, numbers) or not math.isfinite(value):
        raise InputError(f"The {name.replace('_', ' ')} must be a number, not {value!r}.")
    if not low <= value <= high:
        raise InputError(f"The {name.replace('_', ' ')} must be from {low:g} to {high:g}, not {value}.")
