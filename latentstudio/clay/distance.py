"""How far a point is from a clay head: about thirty smooth primitives; compiled on first use.

Owns shape. Frame of reference (head space): x right, y up, z towards the viewer, eyes at y = 0, chin near
y = -1, crown near y = +1. No branches, so that loops over many points become vector code. Whoever changes
this file touches `tracing.py` too: its compiled code is kept on disk until that file changes.

Sources: Hart, "Sphere Tracing"; Quilez, "Distance functions" (smooth minimum, ellipsoid bound).
"""

from __future__ import annotations

import math
from typing import Any

from latentstudio.clay.compiling import inlined


@inlined
def smin(a: float, b: float, k: float) -> float:
    """Minimum, rounded over a width k."""
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - h * h * k * 0.25


@inlined
def smax(a: float, b: float, k: float) -> float:
    """Maximum, rounded over a width k."""
    h = max(k - abs(a - b), 0.0) / k
    return max(a, b) + h * h * k * 0.25


@inlined
def ell(x: float, y: float, z: float, rx: float, ry: float, rz: float) -> float:
    """Ellipsoid at the origin (bounded approximation)."""
    x /= rx
    y /= ry
    z /= rz
    k0 = math.sqrt(x * x + y * y + z * z)
    x /= rx
    y /= ry
    z /= rz
    k1 = math.sqrt(x * x + y * y + z * z) + 1e-9
    return k0 * (k0 - 1.0) / k1


@inlined
def sph(x: float, y: float, z: float, r: float) -> float:
    """Sphere at the origin."""
    return math.sqrt(x * x + y * y + z * z) - r


@inlined
def sin(x: float) -> float:
    """Sine good to 1e-3, without a library call so that loops vectorise."""
    x = x * 0.15915494309189535
    x = x - math.floor(x + 0.5)
    y = x * (8.0 - 16.0 * abs(x))
    return y * (0.775 + 0.225 * abs(y))


@inlined
def clamp(x: float, a: float, b: float) -> float:
    """Keep x in a..b."""
    return min(max(x, a), b)


@inlined
def mouth(x: float, y: float, g: Any) -> tuple[float, ...]:
    """Lip curve at x: (u, v, opening's upper edge, lower edge, lip heights)."""
    u = abs(x) / g.mw
    u2 = min(u * u, 1.6)
    v = y - g.my - g.smile * 0.085 * (u2 - 0.35)
    w = max(1.0 - u2, 0.0)
    sw = math.sqrt(w)
    cupid = 1.0 - 0.28 * max(1.0 - 14.0 * u2, 0.0)
    return (
        u,
        v,
        g.gapu * w,
        -g.gapl * w,
        g.lipu * (0.25 * w + 0.75 * sw) * cupid,
        g.lipl * (0.5 * w + 0.5 * sw),
    )


@inlined
def parts(x: float, y: float, z: float, g: Any) -> tuple[float, ...]:
    """Distances to (skin, eye, teeth, tongue, hair, brow, beard, glasses, cloth)."""
    ax = abs(x)
    # skull, jaw, chin, cheeks, muzzle
    d = ell(x, y - 0.17, z + 0.14, 0.735 * g.hw, 0.80, 0.84)
    d = smin(d, ell(x, y + 0.44 * g.cl, z - 0.12, 0.50 * g.jw, 0.53 * g.cl, 0.50), 0.26)
    d = smin(d, sph(x, y + 0.83 * g.cl, z - 0.46, 0.13), 0.16)
    d = smin(d, sph(ax - 0.34, y + 0.30 - 0.04 * g.smile, z - 0.38, 0.235 * g.ck), 0.18)
    d = smin(d, ell(x, y + 0.56, z - 0.50, 0.27, 0.20, 0.19), 0.14)
    # brow ridge
    bx = clamp(ax, 0.10, 0.42)
    d = smin(d, sph(ax - bx, y - 0.20, z - 0.60 + 0.55 * bx * bx, 0.06), 0.16)
    base = d  # smooth head, carries brows and beard
    # eye sockets
    sx = ax - g.ex
    d = smax(d, -sph(sx, y - 0.01, z - g.ez - 0.25, 0.17), 0.13)
    # nose
    h = clamp((-y + 0.05) / (0.36 * g.nl), 0.0, 1.0)
    d = smin(
        d, sph(x, y - 0.05 + 0.36 * g.nl * h, z - 0.58 - (g.nz - 0.58) * h, (0.060 + 0.03 * h) * g.nw), 0.09
    )
    d = smin(d, sph(x, y - g.ny, z - g.nz, 0.098 * (0.4 + 0.6 * g.nw)), 0.05)
    d = smin(d, sph(ax - 0.092 * g.nw, y - g.ny + 0.03, z - g.nz + 0.075, 0.062 * g.nw), 0.05)
    # ears
    exx = ax - 0.745 * g.hw
    ear = ell(exx - 0.20 * (-0.15 - z), y + 0.10, z + 0.13, 0.075, 0.20 * g.es, 0.125 * g.es)
    ear = smax(ear, -sph(exx - 0.09, y + 0.08, z + 0.05, 0.085 * g.es), 0.05)
    d = smin(d, ear, 0.05)
    # mouth: lips are a swelling of the skin, the opening a carved lens
    u, v, eu, el, hu, hl = mouth(x, y, g)
    front = clamp((z - 0.30) * 6.0, 0.0, 1.0)
    tu = clamp((v - eu) / (hu + 0.012), 0.0, 1.0)
    tl = clamp((el - v) / (hl + 0.012), 0.0, 1.0)
    bu = max(4.0 * tu * (1.0 - tu), 0.0) * hu
    bl = max(4.0 * tl * (1.0 - tl), 0.0) * hl
    d = d - front * 0.62 * (bu + bl)
    lens = max(max(v - eu, el - v), (u - 1.0) * g.mw)
    d = smax(d, -max(max(lens * 0.85, 0.22 - z), g.opn), 0.025)
    # eyeball and lids
    lx = sx * g.ct + y * g.st
    ly = y * g.ct - sx * g.st
    lz = z - g.ez
    r = math.sqrt(lx * lx + ly * ly + lz * lz)
    eye = r - g.er
    shell = r - g.er * 1.09
    up = smax(shell, -(ly * g.cu - lz * g.su), 0.012)
    lo = smax(shell, ly * g.cl_ + lz * g.sl_, 0.012)
    d = smin(d, min(up, lo), 0.045)
    # neck and clothes live in the frame of the body
    jy = y + 0.58
    jz = z + 0.24
    xb = g.m00 * x + g.m01 * jy + g.m02 * jz
    yb = g.m10 * x + g.m11 * jy + g.m12 * jz
    zb = g.m20 * x + g.m21 * jy + g.m22 * jz
    hy = clamp(yb, -0.95, 0.10)
    d = smin(d, sph(xb, yb - hy, zb + 0.05 + 0.06 * hy, 0.335 * g.nk), 0.10)
    cloth = ell(xb, yb + 1.32, zb + 0.10, 1.38, 0.66, 0.55)
    cloth = smin(cloth, ell(xb, yb + 0.90, zb + 0.06, 0.64, 0.34, 0.46), 0.25)
    rr = math.sqrt(xb * xb + zb * zb * 1.1) - 0.375 * g.nk - 0.02
    cy = yb + 0.60 + 0.12 * zb
    cloth = smin(cloth, math.sqrt(rr * rr + cy * cy) - 0.075, 0.05)
    # teeth and tongue
    teeth = max(ell(x, y - g.my - 0.030, z - 0.385, 0.24, 0.075, 0.21), g.opn)
    tongue = max(ell(x, y - g.my + 0.13, z - 0.40, 0.17, 0.07, 0.20), g.opn)
    # eyebrows
    s = (ax - g.ex - 0.01) / 0.20
    s2 = min(s * s, 1.5)
    yb_ = g.by + g.barch * 0.055 * (1.0 - s2) - g.bang * 0.05 * s
    d2 = max(abs(y - yb_) * 0.9 - g.bth * (1.0 - 0.30 * (s + 1.0) * 0.5), (abs(s) - 1.0) * 0.20)
    brow = smax(smax(base - 0.030, d2, 0.03), 0.2 - z, 0.02)
    # hair: cap and curtain, less a window for the face
    cap = ell(x, y - 0.20, z + 0.17, 0.735 * g.hw + g.hvs, 0.82 + g.hvt, 0.86 + g.hvb)
    long_ = (
        ell(x, y + 0.05 + 0.45 * g.hlen, z + 0.33, 0.76 * g.hw + g.hvs, 0.45 + 0.62 * g.hlen, 0.52 + g.hvb)
        + g.loff
    )
    curve = smax(cap, (g.ylo + 0.42 * z - y) * 0.9, 0.08)
    hair = smin(curve, long_, 0.14)
    px = x / g.xw
    py = max(y - g.part * 0.30 * x - 0.08, 0.0) / g.hline
    win = (math.sqrt(px * px + py * py) - 1.0) * 0.42
    zc = 0.02 - 0.42 * clamp((-0.30 - y) * 1.5, 0.0, 1.0)
    hair = smax(hair, -smax(win, zc - z, 0.12), 0.07)
    hair = smin(hair, sph(x, y - 1.04, z + 0.42, 0.27) + g.bunoff, 0.06)
    hair = (
        hair - g.curl * sin(11.0 * x + 2.0 * y) * sin(11.0 * y - 1.5 * z) * sin(11.0 * z + 2.0 * x) + g.hoff
    )
    # beard and moustache
    mo = math.sqrt(x * x * 13.0 + (y - g.my) * (y - g.my) * 75.0) - 1.0
    region = max(max(y + 0.50 - 1.05 * max(ax - 0.30, 0.0), -mo * 0.14), -0.06 - z)
    beard = smax(base - g.beard, region, 0.07) + g.boff
    my_ = y - g.my - 0.125 + 0.9 * x * x
    tache = smax(base - g.must, max(abs(my_) - 0.052, ax - 0.24), 0.05) + g.moff
    beard = smin(beard, max(tache, 0.2 - z), 0.04)
    # glasses: rounded-box rims, bridge, temples
    qx = max(abs(sx) - g.grx * g.gk, 0.0)
    qy = max(abs(y + 0.01) - g.gry * g.gk, 0.0)
    rim = math.sqrt(qx * qx + qy * qy) - g.grx * (1.0 - g.gk)
    gz = z - 0.83 + 0.30 * ax * ax
    gl = math.sqrt(rim * rim + gz * gz) - 0.020
    wx = max(ax - (g.ex - g.grx), 0.0)
    wy = y - 0.045
    gl = min(gl, math.sqrt(wx * wx + wy * wy + (z - 0.83) * (z - 0.83)) - 0.017)
    tz = clamp(z, -0.10, 0.74)
    tx = g.ex + g.grx + 0.02 + (0.755 * g.hw - g.ex - g.grx) * (0.74 - tz) * 1.19
    gl = (
        min(gl, math.sqrt((ax - tx) * (ax - tx) + (y - 0.05) * (y - 0.05) + (z - tz) * (z - tz)) - 0.018)
        + g.goff
    )
    return d, eye, teeth, tongue, hair, brow, beard, gl, cloth


@inlined
def dist(x: float, y: float, z: float, g: Any) -> float:
    """Distance to the nearest part."""
    a, b, c, d, e, f, h, i, j = parts(x, y, z, g)
    return min(min(min(min(a, b), min(c, d)), min(min(e, f), min(h, i))), j)


@inlined
def fine(x: float, y: float, z: float, g: Any) -> float:
    """Distance with the grooves of hair and clay, for normals only."""
    a, b, c, d, e, f, h, i, j = parts(x, y, z, g)
    phi = x / (abs(x) + abs(z + 0.15) + 0.05)
    e = e + 0.026 * sin(15.0 * phi + 1.5 * sin(3.0 * y + g.part)) * (1.0 - 8.0 * g.curl)
    h = h + 0.006 * sin(20.0 * x + 2.0 * sin(5.0 * y))
    a = a + 0.0022 * sin(9.0 * x + 3.0 * z) * sin(8.0 * y + 2.0 * x)
    j = j + 0.006 * sin(9.0 * x + 2.0 * sin(4.0 * y))
    nearest: float = min(min(min(min(a, b), min(c, d)), min(min(e, f), min(h, i))), j)
    return nearest
