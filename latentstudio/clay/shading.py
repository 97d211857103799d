"""What colour a point of a clay head has: materials, key light, sky and bounce; compiled on first use.

Owns materials. Whoever changes this file touches `tracing.py` too: its compiled code is kept on disk until
that file changes.
"""

from __future__ import annotations

import math
from typing import Any

from latentstudio.clay.compiling import called, inlined
from latentstudio.clay.distance import clamp, mouth, parts, sin


@inlined
def step(a: float, b: float, x: float) -> float:
    """Smooth step from 0 at a to 1 at b."""
    x = clamp((x - a) / (b - a), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


@inlined
def _lattice(i: int, j: int, k: int, seed: int) -> float:
    """A number in -1..1 that belongs to a corner of the lattice."""
    h = i * 374761393 + j * 668265263 + k * 1440662683 + seed * 1274126177
    h = (h ^ (h >> 13)) * 1103515245
    h = h ^ (h >> 16)
    return (h & 65535) / 32767.5 - 1.0


@inlined
def grain(x: float, y: float, z: float, seed: int) -> float:
    """Value noise in -1..1, cells of 1/24 of a unit (head space): where the clay is a little lighter.

    Source: Perlin, "An Image Synthesizer" (noise on a lattice).
    """
    x *= 24.0
    y *= 24.0
    z *= 24.0
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(fx), int(fy), int(fz)
    x -= fx
    y -= fy
    z -= fz
    near, far = 0.0, 0.0
    near += ((1 - x) * _lattice(i, j, k, seed) + x * _lattice(i + 1, j, k, seed)) * (1 - y)
    near += ((1 - x) * _lattice(i, j + 1, k, seed) + x * _lattice(i + 1, j + 1, k, seed)) * y
    far += ((1 - x) * _lattice(i, j, k + 1, seed) + x * _lattice(i + 1, j, k + 1, seed)) * (1 - y)
    far += ((1 - x) * _lattice(i, j + 1, k + 1, seed) + x * _lattice(i + 1, j + 1, k + 1, seed)) * y
    return near * (1 - z) + far * z


@called
def shade(
    pix: int,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    nz: float,
    sh: float,
    ao: float,
    g: Any,
    k: Any,
    seed: int,
    out: Any,
) -> None:
    """Add up the light of one hit: position, unit normal, shadow and occlusion in 0..1; writes out[pix].

    out[pix, 3] is the grain where the part is of clay; `develop` decides how much of it shows.
    """
    skin, eye, teeth, tongue, hair, brow, beard, gl, cloth = parts(x, y, z, g)
    ax = abs(x)
    m = min(min(min(min(skin, eye), min(teeth, tongue)), min(min(hair, brow), min(beard, gl))), cloth)
    spec = 0.05
    gloss = 14.0
    wrap = 0.10
    red = 0.0  # red wrap: light bleeding in skin
    if m == eye:
        sx = ax - g.ex
        sg = 1.0 if x > 0 else -1.0
        ex = sx * sg / g.er
        ey = y / g.er
        ez = (z - g.ez) / g.er
        il = 1.0 / math.sqrt(ex * ex + ey * ey + ez * ez)
        gx = math.sin(k.gzx - sg * 0.05)
        gy = math.sin(k.gzy)
        gz = math.sqrt(max(1.0 - gx * gx - gy * gy, 0.0))
        c = (ex * gx + ey * gy + ez * gz) * il
        a = math.acos(min(max(c, -1.0), 1.0))
        iris = 1.0 - step(0.50, 0.58, a)
        pupil = 1.0 - step(0.22, 0.29, a)
        ring = 1.0 - 0.45 * step(0.38, 0.54, a)
        lift = 0.85 + 0.5 * a
        r, gg, b = 0.80, 0.78, 0.75
        r += (k.irr * lift * ring - r) * iris
        gg += (k.irg * lift * ring - gg) * iris
        b += (k.irb * lift * ring - b) * iris
        r += (0.012 - r) * pupil
        gg += (0.011 - gg) * pupil
        b += (0.011 - b) * pupil
        spec = 0.65
        gloss = 70.0
        sh = 0.35 + 0.65 * sh
        ao = 0.35 + 0.65 * ao
    elif m == teeth:
        r, gg, b = 0.88, 0.85, 0.78
        wrap = 0.6
        spec = 0.25
        gloss = 40.0
        sh = 0.75 + 0.25 * sh
        ao = 0.85 + 0.15 * ao
    elif m == tongue:
        r, gg, b = 0.42, 0.12, 0.11
        spec = 0.12
        gloss = 20.0
    elif m in (hair, brow, beard):
        r, gg, b = k.har, k.hag, k.hab
        if m == hair:
            phi = x / (abs(x) + abs(z + 0.15) + 0.05)
            v = 1.0 + 0.14 * sin(15.0 * phi + 0.6 + 2.0 * sin(3.0 * y + g.part))
        else:
            v = 0.80 if m == brow else 0.88
        r *= v
        gg *= v
        b *= v
        spec = 0.09
        gloss = 9.0
    elif m == gl:
        r, gg, b = k.glr, k.glg, k.glb
        spec = 0.4
        gloss = 40.0
    elif m == cloth:
        r, gg, b = k.clr, k.clg, k.clb
        spec = 0.02
        gloss = 8.0
    else:
        r, gg, b = k.skr, k.skg, k.skb
        red = 0.20
        spec = 0.07
        mott = 1.0 + 0.025 * sin(7.0 * x + 3.0 * y) * sin(6.0 * y - 4.0 * z)
        r *= mott
        gg *= mott
        b *= mott
        # blush on cheeks, nose and ears
        q = ((ax - 0.40) * (ax - 0.40) + (y + 0.27) * (y + 0.27)) / 0.045
        bl = math.exp(-q) * step(0.0, 0.3, z)
        bl += 0.6 * math.exp(-(x * x + (y - g.ny) * (y - g.ny)) / 0.018) * step(0.5, 0.7, z)
        bl += 0.6 * step(0.72, 0.80, ax / g.hw)
        bl *= k.blush
        gg *= 1.0 - 0.30 * bl
        b *= 1.0 - 0.26 * bl
        r *= 1.0 - 0.03 * bl
        # stubble
        mo = math.sqrt(x * x * 12.0 + (y - g.my) * (y - g.my) * 60.0)
        s = (
            k.stub
            * step(-0.36, -0.52, y - 0.9 * max(ax - 0.34, 0.0))
            * step(0.7, 1.1, mo)
            * step(-1.12, -0.95, y)
            * step(-0.1, 0.15, z)
        )
        r += (k.har * 0.8 - r) * 0.38 * s
        gg += (k.hag * 0.85 - gg) * 0.36 * s
        b += (k.hab * 0.9 - b) * 0.34 * s
        # lips, line between them, mouth cave
        u, v, eu, el, hu, hl = mouth(x, y, g)
        if z > 0.2:
            lo = min(eu + hu - v, v - el + hl)
            lip = step(-0.012, 0.014, lo) * step(1.04, 0.96, u)
            r += (k.lpr - r) * lip
            gg += (k.lpg - gg) * lip
            b += (k.lpb - b) * lip
            spec += 0.12 * lip
            lens = min(eu - v, v - el)
            cave = step(0.004, 0.02, lens) * step(1.0, 0.97, u) * step(0.010, -0.010, g.opn)
            line = step(0.020, 0.004, abs(v - 0.5 * (eu + el)) - 0.5 * (eu - el)) * step(1.06, 0.93, u)
            dk = 1.0 - 0.62 * line
            r *= dk
            gg *= dk * (1 - 0.1 * line)
            b *= dk * (1 - 0.1 * line)
            r += (0.10 - r) * cave
            gg += (0.018 - gg) * cave
            b += (0.018 - b) * cave
            # nostrils
            no = math.exp(
                -((ax - 0.058 * g.nw) * (ax - 0.058 * g.nw) + (y - g.ny + 0.085) * (y - g.ny + 0.085))
                / 0.0011
            ) * step(0.55, 0.65, z)
            r *= 1.0 - 0.6 * no
            gg *= 1.0 - 0.68 * no
            b *= 1.0 - 0.68 * no
            # lash line on the rim of the upper lid, weaker on the lower
            sx = ax - g.ex
            lx = sx * g.ct + y * g.st
            ly = y * g.ct - sx * g.st
            lz = z - g.ez
            rr = math.sqrt(lx * lx + ly * ly + lz * lz)
            near = step(1.30, 1.16, rr / g.er)
            pu = ly * g.cu - lz * g.su
            la = near * step(0.036, 0.012, pu) * step(-0.030, -0.012, pu) * (0.35 + 0.60 * k.lash)
            pl = -(ly * g.cl_ + lz * g.sl_)
            lb = near * step(0.022, 0.006, pl) * step(-0.030, -0.012, pl) * 0.30 * k.lash
            la = max(la, lb)
            fold = near * (1.0 - la) * step(0.0, 0.05, pu)
            r *= 1.0 - 0.10 * fold
            gg *= 1.0 - 0.16 * fold
            b *= 1.0 - 0.14 * fold
            r += (0.020 - r) * la
            gg += (0.014 - gg) * la
            b += (0.012 - b) * la
    # eyes, teeth, tongue and glasses are glazed
    if m not in (eye, teeth, tongue, gl):
        out[pix, 3] = grain(x, y, z, seed)
    # light: key with soft shadow, sky, bounce from the front, rim
    ndl = nx * k.lx + ny * k.ly + nz * k.lz
    dif = max((ndl + wrap) / (1.0 + wrap), 0.0)
    s = sh * sh * (3.0 - 2.0 * sh) if sh < 1.0 else 1.0
    difr = max((ndl + wrap + red) / (1.0 + wrap + red), 0.0)
    sr = s + (math.sqrt(s) - s) * red * 2.0
    wy = k.r10 * nx + k.r11 * ny + k.r12 * nz  # normal in view space
    wz = k.r20 * nx + k.r21 * ny + k.r22 * nz
    up = 0.55 + 0.45 * wy
    vx = k.ox - x
    vy = k.oy - y
    vz = k.oz - z
    il = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
    vx *= il
    vy *= il
    vz *= il
    ndv = max(nx * vx + ny * vy + nz * vz, 0.0)
    px = k.lx + vx
    py = k.ly + vy
    pz = k.lz + vz
    il = 1.0 / math.sqrt(px * px + py * py + pz * pz)
    ndh = max((nx * px + ny * py + nz * pz) * il, 0.0)
    sp = spec * ndh**gloss * s * 1.4
    fres = (1.0 - ndv) ** 3 * (0.10 + spec * 0.5) * ao * (0.5 + 0.5 * up)
    fill = 0.20 * ao * max(wz, 0.0)
    out[pix, 0] = (
        r * (k.kr * difr * sr + k.sr * up * ao * (1 + 0.25 * red * (1 - ao)) + fill) + k.kr * sp + k.sr * fres
    )
    out[pix, 1] = gg * (k.kg * dif * s + k.sg * up * ao + fill) + k.kg * sp + k.sg * fres
    out[pix, 2] = b * (k.kb * dif * s + k.sb * up * ao + fill) + k.kb * sp + k.sb * fres
