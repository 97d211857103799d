"""The original implementation in a process of its own, as its users run it.

Started by `benchmarks.peers`; prints the seconds of one frame for every line it reads. Our settings of
memory and threads do not reach it: its environment is that of a plain start.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch


def main() -> None:
    """Build the network from the arrays given, then draw once a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(options.source))
    from training.networks import Generator  # type: ignore[import-not-found]

    torch.set_grad_enabled(False)
    with np.load(options.folder / "network.npz") as stored:
        arrays = {name: torch.from_numpy(stored[name]) for name in stored.files}
    resolution, base, ws = int(arrays.pop("resolution")), int(arrays.pop("channel_base")), arrays.pop("ws")
    network = Generator(
        z_dim=512,
        c_dim=0,
        w_dim=512,
        img_resolution=resolution,
        img_channels=3,
        mapping_kwargs={"num_layers": 8},
        synthesis_kwargs={"channel_base": base, "channel_max": 512, "conv_clamp": 256},
    )
    network.eval().requires_grad_(False)
    network.load_state_dict(arrays, strict=False)
    picture = network.synthesis(ws, noise_mode="const", force_fp32=True)
    np.save(options.folder / "picture.npy", picture.numpy())
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        network.synthesis(ws, noise_mode="const", force_fp32=True)
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
