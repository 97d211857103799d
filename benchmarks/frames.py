"""How long a frame takes: exact, fast, and the original's."""

from __future__ import annotations

import functools
import itertools
import math
from pathlib import Path
from typing import Any

import torch

from benchmarks import openvino_peer
from benchmarks.networks import random_stylegan2
from benchmarks.peers import Reference
from benchmarks.timing import in_turns
from latentstudio.document.recipe import DirectionEdit, Recipe
from latentstudio.engine.memory import keep_freed_memory
from latentstudio.engine.render import Renderer
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent
from latentstudio.models.generator import Generator
from latentstudio.models.library import bundled_models
from latentstudio.models.precision import candidate
from latentstudio.models.registry import load_generator
from latentstudio.settings import user_folders

Rows = list[dict[str, Any]]


def clay_faces() -> list[Path]:
    """The bundled StyleGAN2s, the default first."""
    return [path for path in bundled_models() if path.stem.startswith("clayfaces")]


def models_at_hand() -> dict[str, Generator]:
    """The bundled heads of every size, and the installed models of the catalogue."""
    paths = [*clay_faces(), *sorted(user_folders().models.glob("*.safetensors"))]
    return {path.stem: load_generator(path) for path in paths}


def frames(rounds: int, peer: Path | None, sizes: list[int], demo: Path | None = None) -> Rows:
    """StyleGAN2 with random weights at the published sizes, then the models at hand; peers beside them."""
    keep_freed_memory()
    rows: Rows = []
    networks: dict[str, Generator] = {
        f"stylegan2 {size}": random_stylegan2(size, 32768 if size >= 512 else 16384) for size in sizes
    }
    networks.update(models_at_hand())
    for name, network in networks.items():
        ws = _some_ws(network, 1)
        things = {f"{name} exact": lambda n=network, w=ws: _synthesis(n, w, torch.float32)}
        if network.has_fast_precision:
            lower = candidate(network)
            things[f"{name} {lower}".replace("torch.", "")] = lambda n=network, w=ws, d=lower: _synthesis(
                n, w, d
            )
        with torch.inference_mode():
            others = openvino_peer.engines(name, network, ws, demo)
        things.update({row: engine.frame for row, engine in others.items()})
        reference = f"{name} reference"
        peer_network = None
        if peer is not None and name.startswith("stylegan2 "):
            peer_network = Reference(peer, network, ws)
            difference = float((peer_network.picture - _synthesis(network, ws, torch.float32)).abs().max())
            rows.append({"name": f"{name}: largest difference to it", "value": f"{difference:.1e}"})
            things = {reference: peer_network.frame_seconds, **things}
        series = in_turns(things, rounds)
        if peer_network is not None:
            peer_network.close()
        exact_picture = _synthesis(network, ws, torch.float32)
        for row, engine in others.items():
            error = float((engine.picture - exact_picture).square().mean().sqrt() / exact_picture.std())
            told = f"{engine.compile_s:.1f} s to compile, differs by {error:.1e} of the deviation"
            rows.append({"name": row, "value": told})
        against = series.get(reference) or series.get(f"{name} OpenVINO f32") or series[f"{name} exact"]
        rows.extend(s.row(None if s is against else against) for s in series.values())
    return rows


def edit_depth(rounds: int) -> Rows:
    """A frame after an edit of one row of ws, with the stage cache, against the whole frame."""
    keep_freed_memory()
    rows: Rows = []
    for name, network in {"stylegan2 256": random_stylegan2(256, 16384), **models_at_hand()}.items():
        renderer = Renderer(network)
        info = network.info
        direction = Direction("x", "w", Latent(torch.randn(info.w_dim).numpy()))
        count = itertools.count(1)

        def edit(row: int, draw: Renderer = renderer, along: Direction = direction) -> object:
            amount = next(count) * 1e-3  # noqa: B023 - called within the round that defines it
            return draw.frame(Recipe(directions=(DirectionEdit(along, amount, row, row + 1),)))

        chosen = sorted({0, info.num_ws // 3, 2 * info.num_ws // 3, info.num_ws - 1})
        things = {f"{name} edit of row {row}": functools.partial(edit, row) for row in chosen}
        renderer.frame(Recipe())
        series = list(in_turns(things, rounds).values())
        rows.extend(s.row(series[0] if s is not series[0] else None) for s in series)
    return rows


def batches(rounds: int) -> Rows:
    """Time per picture for batches of 1 to 16."""
    keep_freed_memory()
    rows: Rows = []
    sizes = (1, 2, 4, 8, 16)
    networks: dict[str, Generator] = {
        f"stylegan2 {size}": random_stylegan2(size, 16384) for size in (64, 128, 256)
    }
    for name, network in {**networks, **models_at_hand()}.items():
        if network.info.img_resolution > 256:
            continue
        w = _some_ws(network, sizes[-1])
        things = {
            f"{name} batch {size}": lambda n=network, w=w, s=size: _synthesis(n, w[:s], torch.float32)
            for size in sizes
        }
        for size, series in zip(sizes, in_turns(things, rounds).values(), strict=True):
            rows.append({**series.row(), "ms_per_picture": round(series.median_ms / size, 2)})
    return rows


def threads(rounds: int) -> Rows:
    """One thread against all of them."""
    rows: Rows = []
    most = torch.get_num_threads()
    network = random_stylegan2(256, 16384)
    ws = network.mapping(torch.randn(1, 512))

    def with_threads(count: int) -> torch.Tensor:
        torch.set_num_threads(count)
        return _synthesis(network, ws, torch.float32)

    counts = sorted({*(2**i for i in range(most.bit_length())), most})
    series = in_turns({f"stylegan2 256, threads {c}": lambda c=c: with_threads(c) for c in counts}, rounds)
    torch.set_num_threads(most)
    first, *others = series.values()
    rows.append(first.row())
    rows.extend(s.row(first) for s in others)
    return rows


def precision(seeds: int = 4) -> Rows:
    """How near the fast picture is to the exact one, on the trained models at hand at psi 0.7."""
    rows: Rows = []
    for name, network in models_at_hand().items():
        if not network.has_fast_precision:
            continue
        found = []
        for seed in range(seeds):
            recipe = Recipe.from_seed(seed, truncation_psi=0.7)
            network.fast_dtype = candidate(network)
            renderer = Renderer(network, 0)
            exact, fast = (renderer.frame(recipe, precision=p).image.astype(float) for p in ("exact", "fast"))
            found.append(10 * math.log10(255**2 / max(float(((exact - fast) ** 2).mean()), 1e-9)))
        rows.append(
            {"name": f"{name}: fast beside exact", "value": f"{min(found):.1f} to {max(found):.1f} dB"}
        )
    return rows


def _some_ws(network: Generator, count: int) -> torch.Tensor:
    """Seeded latents (count, num_ws, w_dim), of class 0 where there are classes."""
    info = network.info
    z = torch.randn(count, info.z_dim, generator=torch.Generator().manual_seed(0))
    return network.mapping(z, torch.eye(info.c_dim)[:1] if info.c_dim else None)


def _synthesis(network: Generator, ws: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    network.compute_dtype = dtype
    with torch.inference_mode():
        return network.synthesis(ws)
