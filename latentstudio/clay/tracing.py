"""Rays to a linear picture of a clay head, and its development to bytes; compiled on first use.

Owns the loops over rays: blocks of rays whose finished ones make room, normals from differences, a soft
shadow and ambient occlusion. Any thread; Python's lock is free meanwhile.

Sources: Hart, "Sphere Tracing"; Quilez, "Soft shadows in raymarched SDFs".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from latentstudio.clay.compiling import compiled
from latentstudio.clay.distance import dist, fine
from latentstudio.clay.shading import shade

_B = 2048  # rays per block


@compiled
def trace(g: Any, k: Any, n: int, seed: int, out: Any) -> None:
    """Render one head into out[n * n, 4]: linear light, and the grain of the clay that `seed` draws."""
    dx = np.empty(_B)
    dy = np.empty(_B)
    dz = np.empty(_B)
    t = np.empty(_B)
    d = np.empty(_B)
    idx = np.empty(_B, np.int64)
    hx = np.empty(_B)
    hy = np.empty(_B)
    hz = np.empty(_B)
    nx = np.empty(_B)
    ny = np.empty(_B)
    nz = np.empty(_B)
    st = np.empty(_B)
    sh = np.empty(_B)
    ao = np.empty(_B)
    hid = np.empty(_B, np.int64)
    ox, oy, oz = k.ox, k.oy, k.oz
    total = n * n
    for start in range(0, total, _B):
        m = min(_B, total - start)
        for i in range(m):  # rays, in head space
            pix = start + i
            py = 1.0 - (2.0 * (pix // n) + 1.0) / n
            px = (2.0 * (pix % n) + 1.0) / n - 1.0
            vx = px * k.half
            vy = py * k.half
            vz = -k.dist
            il = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
            vx *= il
            vy *= il
            vz *= il
            dx[i] = k.r00 * vx + k.r10 * vy + k.r20 * vz
            dy[i] = k.r01 * vx + k.r11 * vy + k.r21 * vz
            dz[i] = k.r02 * vx + k.r12 * vy + k.r22 * vz
            t[i] = k.dist - 1.5
            idx[i] = pix
            # background
            yy = 0.5 + 0.5 * py
            r2 = (px * px + (py + 0.1) * (py + 0.1)) * 0.5
            gl = 1.0 + k.bgl * (0.5 - r2)
            out[pix, 0] = (k.bar * yy + k.bbr * (1 - yy)) * gl
            out[pix, 1] = (k.bag * yy + k.bbg * (1 - yy)) * gl
            out[pix, 2] = (k.bab * yy + k.bbb * (1 - yy)) * gl
            out[pix, 3] = 0.0
        tmax = k.dist + 1.3
        nh = 0
        na = m
        for it in range(56):  # sphere tracing with compaction
            for i in range(na):
                d[i] = dist(ox + dx[i] * t[i], oy + dy[i] * t[i], oz + dz[i] * t[i], g)
            w = 0
            for i in range(na):
                di = d[i]
                ti = t[i]
                if di < 0.003 or (it == 55 and di < 0.03):
                    hx[nh] = ox + dx[i] * ti
                    hy[nh] = oy + dy[i] * ti
                    hz[nh] = oz + dz[i] * ti
                    hid[nh] = idx[i]
                    nh += 1
                else:
                    ti += di * 0.8
                    if ti < tmax:
                        dx[w] = dx[i]
                        dy[w] = dy[i]
                        dz[w] = dz[i]
                        t[w] = ti
                        idx[w] = idx[i]
                        w += 1
            na = w
            if na == 0:
                break
        if nh == 0:
            continue
        # normals by differences at the corners of a tetrahedron
        e = 0.007
        for i in range(nh):
            d[i] = fine(hx[i] + e, hy[i] - e, hz[i] - e, g)
        for i in range(nh):
            nx[i] = d[i]
            ny[i] = -d[i]
            nz[i] = -d[i]
            d[i] = fine(hx[i] - e, hy[i] - e, hz[i] + e, g)
        for i in range(nh):
            nx[i] -= d[i]
            ny[i] -= d[i]
            nz[i] += d[i]
            d[i] = fine(hx[i] - e, hy[i] + e, hz[i] - e, g)
        for i in range(nh):
            nx[i] -= d[i]
            ny[i] += d[i]
            nz[i] -= d[i]
            d[i] = fine(hx[i] + e, hy[i] + e, hz[i] + e, g)
        for i in range(nh):
            a = nx[i] + d[i]
            b = ny[i] + d[i]
            c = nz[i] + d[i]
            il = 1.0 / math.sqrt(a * a + b * b + c * c + 1e-12)
            nx[i] = a * il
            ny[i] = b * il
            nz[i] = c * il
            st[i] = 0.05
            sh[i] = 1.0
            ao[i] = 0.0
        # soft shadow towards the key light
        for _ in range(11):
            for i in range(nh):
                ti = st[i]
                q = 0.02
                di = dist(
                    hx[i] + nx[i] * q + k.lx * ti,
                    hy[i] + ny[i] * q + k.ly * ti,
                    hz[i] + nz[i] * q + k.lz * ti,
                    g,
                )
                sh[i] = min(sh[i], 0.5 + 3.2 * di / ti)
                st[i] = ti + min(max(di, 0.05), 0.22)
        # ambient occlusion along the normal
        wgt = 1.0
        for s in range(3):
            q = 0.06 + 0.11 * s
            for i in range(nh):
                di = dist(hx[i] + nx[i] * q, hy[i] + ny[i] * q, hz[i] + nz[i] * q, g)
                ao[i] += wgt * max(q - di, 0.0)
            wgt *= 0.62
        for i in range(nh):
            shade(
                hid[i],
                hx[i],
                hy[i],
                hz[i],
                nx[i],
                ny[i],
                nz[i],
                max(sh[i], 0.0),
                1.0 / (1.0 + 3.2 * ao[i]),
                g,
                k,
                seed,
                out,
            )


@compiled
def develop(lin: Any, n: int, ss: int, grain: float, img: Any) -> None:
    """So much grain, tone curve, gamma, and box filter ss x ss into img[n, n, 3] uint8."""
    for y in range(n):
        for x in range(n):
            for c in range(3):
                a = 0.0
                for j in range(ss):
                    for i in range(ss):
                        ray = (y * ss + j) * n * ss + x * ss + i
                        v = lin[ray, c] * (1.0 + grain * lin[ray, 3]) * 1.05
                        v = v * (1.0 + v * 0.08) / (1.0 + v * 0.28)  # soft shoulder
                        a += min(max(v, 0.0), 1.0) ** (1 / 2.2)
                img[y, x, c] = np.uint8(a / (ss * ss) * 255.0 + 0.5)
