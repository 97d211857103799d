"""Fixtures that every room shares: a home of its own for each test, tiny networks, shared/."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from latentstudio.settings import calm_threads

# Set before Qt is imported anywhere: tests run without a screen unless they ask for one.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
calm_threads()

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing a test does may touch the user's own folders."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LATENTSTUDIO_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with reference checkpoints; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with the reference files is absent")
    return SHARED


@pytest.fixture(scope="session")
def tiny_spec():
    """A compact StyleGAN2 with random weights: 16 px, z and w of 8."""
    import torch

    from latentstudio.models.architectures.stylegan2_compact import build, compact_config
    from latentstudio.models.generator import Provenance
    from latentstudio.models.spec import NetworkSpec

    config = compact_config([12, 10, 8], z_dim=8, w_dim=8, mapping_layers=2)
    torch.manual_seed(5)
    network = build(config)
    for name, parameter in network.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.3)
    network.mapping_network.w_avg.normal_()
    arrays = {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}
    return NetworkSpec(
        "stylegan2-compact", config, arrays, Provenance(title="Tiny", z_names=("Turn", "Nod"), licence="MIT")
    )


@pytest.fixture(scope="session")
def tiny_path(tiny_spec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network in the own format."""
    from latentstudio.models.spec import write_spec

    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    write_spec(path, tiny_spec)
    return path


@pytest.fixture
def tiny(tiny_path: Path):
    """The tiny network, loaded from its file."""
    from latentstudio.models.registry import load_generator

    return load_generator(tiny_path, device="cpu")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)
