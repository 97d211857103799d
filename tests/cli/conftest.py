from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from latentstudio.cli.main import run


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Ended]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line in this process, as the entry point does."""

    def call(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as left:
            run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(int(left.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def conditional_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compact StyleGAN2 with three classes and random weights."""
    import torch

    from latentstudio.models.architectures.stylegan2_compact import build, compact_config
    from latentstudio.models.spec import NetworkSpec, write_spec

    config = compact_config([8, 6], z_dim=8, w_dim=8, mapping_layers=2)
    mapping = config["mapping"]
    mapping["c_dim"] = 3
    mapping["embed"] = {"in_features": 3, "out_features": 8}
    mapping["layers"][0]["in_features"] = 16
    torch.manual_seed(6)
    arrays = {k: v.detach().numpy().copy() for k, v in build(config).state_dict().items()}
    path = tmp_path_factory.mktemp("conditional") / "classes.safetensors"
    write_spec(path, NetworkSpec("stylegan2-compact", config, arrays))
    return path
