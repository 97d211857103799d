"""The discriminator of a checkpoint as a network: how real its own judge finds a picture.

Owns the choice of the network by the arrays' names, and of the file beside a generator's; finding the
arrays in a checkpoint is `models.discriminator`'s. One thread at a time per network.
"""

from __future__ import annotations

from pathlib import Path

from latentstudio.errors import LatentStudioError
from latentstudio.models.discriminator import Discriminator, read_discriminator
from latentstudio.models.discriminators.lucidrains import LucidrainsDiscriminator, is_lucidrains
from latentstudio.models.discriminators.network import DiscriminatorNetwork
from latentstudio.models.discriminators.own import beside, read_own
from latentstudio.models.discriminators.residual import ResidualDiscriminator
from latentstudio.models.discriminators.residual_layouts import canonical

__all__ = ["DiscriminatorNetwork", "build_discriminator", "load_discriminator"]


def load_discriminator(path: str | Path) -> DiscriminatorNetwork | None:
    """The discriminator in a generator's file or beside it; None where there is none that is known here.

    Beside "NAME.safetensors" it is called "NAME.discriminator.safetensors".

    Args:
        path: the checkpoint, as in `GeneratorInfo.path`; empty for a network that is in no file.
    """
    if not str(path):
        return None
    try:
        if beside(path).is_file():
            return read_own(beside(path))
        found = read_discriminator(path)
        return None if found is None else build_discriminator(found)
    except (LatentStudioError, OSError):
        return None


def build_discriminator(found: Discriminator) -> DiscriminatorNetwork:
    """A network of arrays.

    Raises:
        InputError: their layout is none of those that are known here.
    """
    if is_lucidrains(found.arrays):
        return LucidrainsDiscriminator(found.arrays)
    return ResidualDiscriminator(canonical(found))
