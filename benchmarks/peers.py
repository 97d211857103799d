"""The reference implementation beside ours, from a checkout that the person has.

Nothing of it is in this repository: `--peer-src` points at a checkout of the original
stylegan2-ada-pytorch. Without one the ratios against it are left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from latentstudio.models.generator import Generator


class Reference:
    """The original drawing the same network's picture, in a process of its own.

    Args:
        source: the checkout.
        ours: the network whose weights it gets.
        ws: (1, num_ws, w_dim), what it draws.
    """

    def __init__(self, source: Path, ours: Generator, ws: torch.Tensor) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="latentstudio-bench-")
        folder = Path(self._folder.name)
        resolution = ours.info.img_resolution
        last = ours.config["blocks"][-1]["torgb"]["in_channels"]  # type: ignore[index]
        arrays = {
            "resolution": np.array(resolution),
            "channel_base": np.array(last * resolution),  # type: ignore[operator]
            "ws": ws.numpy(),
        }
        for name, value in ours.state_dict().items():
            theirs = name.replace("blocks.", "synthesis.").replace("mapping_network.layers.", "mapping.fc")
            if not theirs.endswith("torgb.resample_filter"):
                arrays[theirs.replace("mapping_network.", "mapping.")] = value.contiguous().numpy()
        np.savez(folder / "network.npz", **arrays)
        environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
        environment["PYTHONWARNINGS"] = "ignore"
        worker = Path(__file__).with_name("reference_worker.py")
        self._process = subprocess.Popen(
            [sys.executable, str(worker), str(source), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._read_until_ready()
        self.picture = torch.from_numpy(np.load(folder / "picture.npy"))

    def frame_seconds(self) -> float:
        """Draw once; the seconds as the worker's own clock gives them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def _read_until_ready(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == "ready":
                return
        raise RuntimeError("the reference implementation did not start")
