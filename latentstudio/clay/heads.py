"""From a head's factors to the numbers that the kernels read.

Owns colours, rotations, camera and light of one head. NumPy only, any thread.
"""

from __future__ import annotations

import colorsys
import math
from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentstudio.clay.factors import NAMES

Vector = NDArray[Any]

# Numbers of one head that the distance function needs.
Shape = namedtuple(
    "Shape",
    (
        "hw jw cl ck es nk ex er ez ct st cu su cl_ sl_ by barch bang bth "
        "nl nw nz ny mw my smile gapu gapl lipu lipl opn "
        "hoff hvt hvs hvb curl ylo hlen loff hline part xw bunoff "
        "beard boff must moff goff grx gry gk "
        "m00 m01 m02 m10 m11 m12 m20 m21 m22"
    ),
)


# Camera, light and colours; r** turns head space into view space.
Look = namedtuple(
    "Look",
    (
        "r00 r01 r02 r10 r11 r12 r20 r21 r22 ox oy oz cyc half dist "
        "lx ly lz kr kg kb sr sg sb "
        "skr skg skb lpr lpg lpb har hag hab irr irg irb glr glg glb clr clg clb "
        "blush lash stub gzx gzy "
        "bar bag bab bbr bbg bbb bgl"
    ),
)


# Colours as stops of a ramp, sRGB in 0..1.
_SKIN = [
    (0.955, 0.815, 0.735),
    (0.915, 0.745, 0.640),
    (0.835, 0.640, 0.510),
    (0.720, 0.510, 0.380),
    (0.565, 0.380, 0.275),
    (0.425, 0.275, 0.200),
    (0.330, 0.212, 0.160),
]
_HAIR = [
    (0.075, 0.065, 0.062),
    (0.150, 0.100, 0.078),
    (0.270, 0.175, 0.120),
    (0.415, 0.280, 0.175),
    (0.630, 0.470, 0.290),
    (0.830, 0.700, 0.470),
]
_IRIS = [
    (0.20, 0.11, 0.06),
    (0.34, 0.20, 0.10),
    (0.40, 0.32, 0.16),
    (0.30, 0.40, 0.26),
    (0.26, 0.42, 0.56),
    (0.44, 0.54, 0.60),
]
_RIM = [(0.06, 0.06, 0.065), (0.28, 0.15, 0.08), (0.66, 0.52, 0.28), (0.48, 0.10, 0.12), (0.14, 0.22, 0.38)]


def _lin(colour: ArrayLike) -> Vector:
    """SRGB in 0..1 -> linear light."""
    light: Vector = np.clip(np.asarray(colour, float), 0, 1) ** 2.2
    return light


def _ramp(stops: Sequence[tuple[float, ...]], t: float) -> Vector:
    t = min(max(t, 0.0), 1.0) * (len(stops) - 1)
    i = min(int(t), len(stops) - 2)
    a, b = np.array(stops[i]), np.array(stops[i + 1])
    colour: Vector = a + (b - a) * (t - i)
    return colour


def _rotation(yaw: float, pitch: float, roll: float) -> Vector:
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rx = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    rz = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    rotation: Vector = rz @ rx @ ry
    return rotation


def head_numbers(row: Vector) -> tuple[Any, Any]:
    """Factors (60,) of one head -> (Shape, Look), plain numbers for the kernels."""
    f = {n: float(v) for n, v in zip(NAMES, row, strict=True)}
    R = _rotation(f["yaw"], -f["pitch"], f["roll"])  # view = R @ head
    body = _rotation(0.40 * f["yaw"], 0, 0)
    M = body.T @ R  # body frame from head frame
    er = 0.165 * f["eye_size"]
    opening = f["eye_open"]
    au = math.radians(-20 + 62 * opening) - 0.25 * max(f["smile"], 0) * 0.2 + 0.5 * f["gaze_y"]
    al = math.radians(22 + 12 * opening) - 0.14 * max(f["smile"], 0)
    nl, nw, up = f["nose_len"], f["nose_w"], f["nose_up"]
    mo = f["mouth_open"]
    off = 9.0
    vol, curl, hlen = f["hair_vol"], f["hair_curl"], f["hair_len"]
    sq = f["glasses_square"]
    grx = 0.215 * f["glasses_size"]
    g = Shape(
        hw=f["head_w"],
        jw=f["jaw_w"],
        cl=f["chin_len"] + 0.05 * mo,
        ck=f["cheek"],
        es=f["ear_size"],
        nk=f["neck_w"],
        ex=0.295 * f["eye_sep"],
        er=er,
        ez=0.665 - er * 0.92,
        ct=math.cos(f["eye_tilt"]),
        st=math.sin(f["eye_tilt"]),
        cu=math.cos(au),
        su=math.sin(au),
        cl_=math.cos(al),
        sl_=math.sin(al),
        by=0.235 + f["brow_h"] + 0.02 * mo,
        barch=f["brow_arch"],
        bang=f["brow_angle"],
        bth=0.030 * f["brow_thick"],
        nl=nl,
        nw=nw,
        nz=0.765 + 0.03 * up,
        ny=-0.31 * nl + 0.035 * up,
        mw=0.245 * f["mouth_w"] * (1 + 0.16 * max(f["smile"], 0)),
        my=-0.585,
        smile=f["smile"],
        gapu=0.055 * mo * (1 - 0.3 * max(f["smile"], 0)),
        gapl=0.135 * mo,
        lipu=0.062 * f["lip_full"],
        lipl=0.078 * f["lip_full"],
        opn=-off if mo > 0.04 else off,
        hoff=off if f["bald"] > 0.5 else 0.0,
        hvt=0.07 + 0.20 * vol,
        hvs=0.045 + 0.13 * vol + 0.03 * (hlen > 0.1),
        hvb=0.05 + 0.14 * vol,
        curl=0.055 * curl,
        ylo=-0.30,
        hlen=hlen,
        loff=0.0 if hlen > 0.1 else off,
        hline=f["hairline"] - 0.08,
        part=f["hair_part"],
        xw=0.66 * f["head_w"] + 0.02,
        bunoff=0.0 if f["bun"] > 0.5 else off,
        beard=0.025 + 0.085 * f["beard"],
        boff=0.0 if f["beard"] > 0.05 else off,
        must=0.025 + 0.045 * f["moustache"],
        moff=0.0 if f["moustache"] > 0.05 else off,
        goff=0.0 if f["glasses"] > 0.5 else off,
        grx=grx,
        gry=grx * (1 - 0.14 * sq),
        gk=0.62 * sq,
        m00=M[0, 0],
        m01=M[0, 1],
        m02=M[0, 2],
        m10=M[1, 0],
        m11=M[1, 1],
        m12=M[1, 2],
        m20=M[2, 0],
        m21=M[2, 1],
        m22=M[2, 2],
    )
    g = Shape(*(float(v) for v in g))
    # camera: looks at a point a little below the eyes; the head turns about a pivot inside it
    dist, half = 6.0, 1.22
    pivot = np.array([0, -0.15, 0.22])
    centre = np.array([0, -0.115, 0.22])
    cam = R.T @ (centre + np.array([0, 0, dist]) - pivot) + pivot
    az, el = f["light_az"], f["light_el"]
    L = R.T @ np.array([math.sin(az) * math.cos(el), math.sin(el), math.cos(az) * math.cos(el)])
    warm, amb = f["light_warm"], f["light_amb"]
    key = np.array([1 + 0.10 * warm, 1.0, 1 - 0.14 * warm]) * (1.10 - 0.35 * amb)
    bg = _lin(colorsys.hsv_to_rgb(f["bg_hue"], f["bg_sat"], f["bg_val"]))
    sky = (np.array([0.94, 0.99, 1.06]) * 0.8 + 0.2 * bg / (bg.mean() + 0.05)) * (0.30 + 0.38 * amb)
    skin = _lin(_ramp(_SKIN, f["skin_tone"]) * (1 + f["skin_warm"] * np.array([0.012, -0.004, -0.045])))
    hair = _lin(_ramp(_HAIR, f["hair_tone"]))
    hair = hair + (_lin((0.56, 0.25, 0.12)) - hair) * 0.85 * f["hair_red"]
    hair = hair + (_lin((0.70, 0.69, 0.68)) - hair) * 0.9 * f["hair_grey"]
    lips = skin * np.array([0.90, 0.60, 0.60])
    lips = lips + (_lin((0.74, 0.24, 0.27)) * (0.45 + 0.55 * skin.mean() / 0.5) - lips) * f["lip_color"]
    grad = f["bg_grad"]
    look = Look(
        *(
            float(v)
            for v in (
                *R.ravel(),
                *cam,
                0.0,
                half,
                dist,
                *L,
                *key,
                *sky,
                *skin,
                *lips,
                *hair,
                *_lin(_ramp(_IRIS, f["iris_tone"])),
                *_lin(_ramp(_RIM, f["glasses_tone"])),
                *_lin(colorsys.hsv_to_rgb(f["cloth_hue"], f["cloth_sat"], f["cloth_val"])),
                f["blush"],
                f["lashes"],
                f["stubble"],
                f["gaze_x"] - 0.35 * f["yaw"],
                f["gaze_y"],
                *(bg * (1 + 0.35 * grad)),
                *(bg * (1 - 0.35 * grad)),
                0.45,
            )
        )
    )
    return g, look
