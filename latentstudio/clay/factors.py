"""The numbers that a clay head is drawn from, and how plausible heads are drawn at random.

Owns the table of factors and the way from standard normal latents to factors. NumPy only, any thread.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]


class Factor(NamedTuple):
    """One number of a head.

    Attributes:
        name: key in code.
        smooth: False for what is there or not (0 or 1).
        low: smallest value.
        high: largest value.
        meaning: what a person reads.
    """

    name: str
    smooth: bool
    low: float
    high: float
    meaning: str


FACTORS = (
    # shape of the head
    Factor("head_w", True, 0.88, 1.13, "width of the skull"),
    Factor("jaw_w", True, 0.82, 1.22, "width of the jaw"),
    Factor("chin_len", True, 0.88, 1.14, "length of the lower face"),
    Factor("cheek", True, 0.70, 1.30, "fullness of the cheeks"),
    Factor("ear_size", True, 0.75, 1.30, "size of the ears"),
    Factor("neck_w", True, 0.80, 1.22, "width of the neck"),
    # eyes and brows
    Factor("eye_sep", True, 0.90, 1.12, "distance between the eyes"),
    Factor("eye_size", True, 0.84, 1.22, "size of the eyeballs"),
    Factor("eye_tilt", True, -0.20, 0.28, "outer corner up (+) or down (-), radians"),
    Factor("eye_open", True, 0.0, 1.0, "opening of the lids, 0 shut"),
    Factor("gaze_x", True, -0.45, 0.45, "gaze sideways, radians"),
    Factor("gaze_y", True, -0.25, 0.25, "gaze up and down, radians"),
    Factor("iris_tone", True, 0.0, 1.0, "iris: brown, hazel, green, blue, grey"),
    Factor("brow_h", True, -0.05, 0.08, "height of the eyebrows"),
    Factor("brow_arch", True, 0.0, 1.5, "arch of the eyebrows"),
    Factor("brow_angle", True, -1.0, 1.0, "worried (+) to stern (-)"),
    Factor("brow_thick", True, 0.45, 1.7, "thickness of the eyebrows"),
    # nose and mouth
    Factor("nose_len", True, 0.78, 1.25, "length of the nose"),
    Factor("nose_w", True, 0.75, 1.35, "width of the nose"),
    Factor("nose_up", True, -1.0, 1.0, "tip turned up (+) or down (-)"),
    Factor("mouth_w", True, 0.78, 1.25, "width of the mouth"),
    Factor("lip_full", True, 0.55, 1.6, "fullness of the lips"),
    Factor("smile", True, -0.7, 1.3, "corners of the mouth down or up"),
    Factor("mouth_open", True, 0.0, 1.0, "opening of the mouth"),
    # skin
    Factor("skin_tone", True, 0.0, 1.0, "skin from light to deep"),
    Factor("skin_warm", True, -1.0, 1.0, "undertone from cool to warm"),
    Factor("blush", True, 0.0, 1.0, "redness of the cheeks and nose"),
    Factor("lip_color", True, 0.0, 1.0, "lips from skin-coloured to red"),
    Factor("lashes", True, 0.0, 1.0, "darkness of the lash line"),
    # hair
    Factor("bald", False, 0, 1, "no hair on the head"),
    Factor("hair_len", True, 0.0, 1.6, "0 short, 0.6 bob, 1.6 long"),
    Factor("hair_vol", True, 0.0, 1.0, "thickness of the hair"),
    Factor("hair_curl", True, 0.0, 1.0, "straight to curly"),
    Factor("hairline", True, 0.20, 0.75, "height of the hairline; 0.2 is a fringe"),
    Factor("hair_part", True, -1.0, 1.0, "slant of the hairline (side parting)"),
    Factor("bun", False, 0, 1, "a bun on top"),
    Factor("hair_tone", True, 0.0, 1.0, "black, brown, blond"),
    Factor("hair_red", True, 0.0, 1.0, "share of red"),
    Factor("hair_grey", True, 0.0, 1.0, "share of grey"),
    Factor("beard", True, 0.0, 1.0, "full beard, 0 none"),
    Factor("moustache", True, 0.0, 1.0, "moustache, 0 none"),
    Factor("stubble", True, 0.0, 1.0, "shade of a shaven beard"),
    # glasses and clothes
    Factor("glasses", False, 0, 1, "glasses on"),
    Factor("glasses_size", True, 0.85, 1.20, "size of the rims"),
    Factor("glasses_square", True, 0.0, 1.0, "round to square rims"),
    Factor("glasses_tone", True, 0.0, 1.0, "rim: black, tortoise, gold, red, blue"),
    Factor("cloth_hue", True, 0.0, 1.0, "hue of the clothes (a circle)"),
    Factor("cloth_sat", True, 0.0, 0.65, "saturation of the clothes"),
    Factor("cloth_val", True, 0.12, 0.92, "brightness of the clothes"),
    # pose
    Factor("yaw", True, -0.70, 0.70, "head turned, radians"),
    Factor("pitch", True, -0.26, 0.26, "head nodded, radians"),
    Factor("roll", True, -0.18, 0.18, "head tilted, radians"),
    # light and background
    Factor("light_az", True, -1.25, 1.25, "key light from the left or right, radians"),
    Factor("light_el", True, 0.0, 1.1, "height of the key light, radians"),
    Factor("light_amb", True, 0.0, 1.0, "strength of the sky against the key light"),
    Factor("light_warm", True, -1.0, 1.0, "key light from cool to warm"),
    Factor("bg_hue", True, 0.0, 1.0, "hue of the background (a circle)"),
    Factor("bg_sat", True, 0.0, 0.42, "saturation of the background"),
    Factor("bg_val", True, 0.15, 0.92, "brightness of the background"),
    Factor("bg_grad", True, -1.0, 1.0, "slope of its brightness"),
)
NAMES = tuple(factor.name for factor in FACTORS)
INDEX = {name: i for i, name in enumerate(NAMES)}
# The last four steer how the others go together.
LATENT_NAMES = (*NAMES, "style", "masc", "face", "age")
LATENT_DIM = len(LATENT_NAMES)


def _uniform(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard normal -> uniform on (0, 1): a logistic fit, monotone, error below 1e-3."""
    return np.asarray(1.0 / (1.0 + np.exp(-(1.5976 * x + 0.07056 * x**3))))


def latents_to_factors(latents: ArrayLike) -> Array:
    """Standard normal latents (N, 64) -> factors float32 (N, 60).

    Hidden coordinates correlate the factors so that heads are plausible: "masc" steers beard, brow, jaw,
    lips and hair length, "style" picks a haircut, "age" grey hair and hairline, "face" overall fullness.
    """
    u = np.atleast_2d(np.asarray(latents, np.float64))
    f: dict[str, Any] = {}
    z = {n: u[:, i] for i, n in enumerate(LATENT_NAMES)}
    q = {n: _uniform(v) for n, v in z.items()}
    masc = np.tanh(1.6 * z["masc"])  # -1 .. 1, mostly near the ends
    male = q["masc"]
    age = q["age"]

    def norm(name: str, mean: Any, sd: float) -> None:
        factor = FACTORS[INDEX[name]]
        f[name] = np.clip(mean + sd * z[name], factor.low, factor.high)

    def unif(name: str, low: float | None = None, high: float | None = None, power: float = 1.0) -> None:
        factor = FACTORS[INDEX[name]]
        low = factor.low if low is None else low
        high = factor.high if high is None else high
        f[name] = np.clip(low + (high - low) * q[name] ** power, factor.low, factor.high)

    norm("head_w", 1.0 + 0.025 * z["face"], 0.045)
    norm("jaw_w", 1.0 + 0.055 * masc + 0.035 * z["face"], 0.055)
    norm("chin_len", 1.0 + 0.015 * masc, 0.045)
    norm("cheek", 1.0 + 0.08 * z["face"], 0.11)
    norm("ear_size", 1.0 + 0.03 * masc, 0.10)
    norm("neck_w", 0.98 + 0.09 * masc, 0.06)
    norm("eye_sep", 1.0, 0.04)
    norm("eye_size", 1.02 - 0.03 * masc, 0.065)
    norm("eye_tilt", 0.03, 0.08)
    f["eye_open"] = np.where(q["eye_open"] < 0.03, 0.0, 0.45 + 0.55 * q["eye_open"] ** 0.8)
    norm("gaze_x", 0, 0.16)
    norm("gaze_y", 0, 0.08)
    norm("brow_h", 0.005, 0.022)
    norm("brow_arch", 0.65 - 0.15 * masc, 0.28)
    norm("brow_angle", 0.05, 0.35)
    norm("brow_thick", 1.0 + 0.25 * masc, 0.2)
    norm("nose_len", 1.0, 0.09)
    norm("nose_w", 1.0 + 0.04 * masc, 0.11)
    norm("nose_up", 0.1, 0.45)
    norm("mouth_w", 1.0, 0.09)
    norm("lip_full", 1.03 - 0.14 * masc, 0.18)
    norm("smile", 0.35, 0.42)
    f["mouth_open"] = np.clip((q["mouth_open"] - 0.55) / 0.45, 0, 1) ** 1.3
    unif("skin_tone", power=1.35)
    norm("skin_warm", 0, 0.4)
    f["iris_tone"] = q["iris_tone"] ** 1.4 * np.clip(1.25 - 0.95 * f["skin_tone"], 0.2, 1)
    unif("blush", 0.05, 0.95)
    f["lip_color"] = np.clip(0.30 - 0.22 * masc + 0.18 * z["lip_color"], 0, 1)
    f["lashes"] = np.clip(0.45 - 0.30 * masc + 0.18 * z["lashes"], 0, 1)
    # haircut
    s = q["style"]
    bald = (s < 0.13) & (male > 0.5)
    p_long = np.where(male > 0.5, 0.14, 0.72)
    long_ = (s > 1 - p_long) & ~bald
    f["bald"] = bald.astype(float)
    f["hair_len"] = np.where(long_, 0.45 + 1.15 * q["hair_len"], 0.0)
    f["hair_curl"] = np.where(
        q["hair_curl"] > 0.68, 0.35 + 2.0 * (q["hair_curl"] - 0.68), 0.25 * q["hair_curl"]
    )
    f["hair_vol"] = np.clip(0.10 + 0.55 * q["hair_vol"] + 0.25 * (f["hair_curl"] > 0.4), 0, 1)
    hl = np.where(q["hairline"] < 0.27, 0.315 + 0.18 * q["hairline"], 0.46 + 0.24 * q["hairline"])
    f["hairline"] = np.clip(
        hl + np.where(hl > 0.35, 0.10 * np.clip(age - 0.6, 0, 1) * (male > 0.5), 0), 0.20, 0.75
    )
    f["hair_part"] = np.tanh(0.55 * z["hair_part"]) * np.where(hl < 0.38, 0.3, 1)
    f["bun"] = ((q["bun"] > 0.86) & (male < 0.5) & ~long_).astype(float)
    # deeper skin comes mostly with darker hair
    f["hair_tone"] = np.clip(q["hair_tone"] * (1.05 - 0.80 * np.clip(f["skin_tone"] - 0.25, 0, 1)), 0, 1)
    f["hair_red"] = np.clip((q["hair_red"] - 0.72) / 0.28, 0, 1) * np.clip(1.2 - 1.4 * f["skin_tone"], 0, 1)
    f["hair_grey"] = np.clip((age - 0.72) / 0.22, 0, 1) * (0.3 + 0.7 * q["hair_grey"])
    has_beard = (male > 0.5) & (q["beard"] > 0.70)
    f["beard"] = np.where(has_beard, 0.25 + 2.5 * (q["beard"] - 0.70), 0.0).clip(0, 1)
    f["moustache"] = np.where(
        has_beard,
        0.35 + 0.4 * q["moustache"],
        np.where((male > 0.5) & (q["moustache"] > 0.84), 0.5 + 2 * (q["moustache"] - 0.84), 0.0),
    )
    f["stubble"] = np.where(male > 0.5, np.clip(q["stubble"] * 1.5 - 0.65, 0, 1), 0.0)
    f["glasses"] = (q["glasses"] > 0.79).astype(float)
    norm("glasses_size", 1.0, 0.06)
    unif("glasses_square")
    unif("glasses_tone")
    unif("cloth_hue")
    unif("cloth_sat", 0.03, 0.6)
    unif("cloth_val", 0.15, 0.9)
    norm("yaw", 0, 0.26)
    norm("pitch", 0, 0.09)
    norm("roll", 0, 0.05)
    norm("light_az", 0, 0.55)
    norm("light_el", 0.52, 0.2)
    unif("light_amb", 0.15, 0.9)
    norm("light_warm", 0.2, 0.4)
    unif("bg_hue")
    unif("bg_sat", 0.02, 0.38)
    unif("bg_val", 0.2, 0.88)
    norm("bg_grad", 0.15, 0.4)
    factors: Array = np.stack([f[n] for n in NAMES], 1).astype(np.float32)
    return factors


def sample_latents(count: int, seed: int) -> Array:
    """Standard normal float32 (count, 64), the same for the same seed."""
    return np.random.default_rng(seed).standard_normal((count, LATENT_DIM), dtype=np.float32)


def sample_factors(count: int, seed: int) -> Array:
    """Plausible heads as float32 (count, 60), the same for the same seed."""
    return latents_to_factors(sample_latents(count, seed))


_MIRRORED = [LATENT_NAMES.index(name) for name in ("yaw", "roll", "light_az", "gaze_x", "hair_part")]


def mirrored_latents(latents: Array) -> Array:
    """The latents (N, 64) of the mirrored heads; curls and grooves of the clay are not quite symmetric."""
    mirrored = latents.copy()
    mirrored[:, _MIRRORED] *= -1
    return mirrored
