"""Opening a model in place of another, on the device that a person wants or on one that works.

Owns the order: the present model is given up before the next one is read, so that both are never in
memory; when the next one can't be read, the present one is read again. Engine's thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from latentstudio.engine.memory import free_memory, is_exhausted
from latentstudio.models.devices import usable_device
from latentstudio.models.generator import Generator, PreviewHead
from latentstudio.models.registry import load_generator


@dataclass(frozen=True)
class Opened:
    """A generator that was just loaded.

    Attributes:
        generator: where it could be.
        note: a sentence where that is another device than the one wanted; empty otherwise.
    """

    generator: Generator
    note: str = ""


def load_on(path: Path, device: str) -> Opened:
    """Load a generator on a device; on the processor where that is absent or too small.

    Raises:
        LatentStudioError: see `load_generator`.
    """
    name, note = usable_device(device)
    try:
        return Opened(load_generator(path, name), note)
    except Exception as error:
        if name == "cpu" or not is_exhausted(error):
            raise
    # After the handler, whose error holds what was on the card.
    free_memory()
    note = f'The memory of the device "{name}" does not suffice for this model; the processor draws.'
    return Opened(load_generator(path, "cpu"), note)


@dataclass(frozen=True)
class Remembered:
    """What brings a given up generator back: its file, and what was found out about it.

    Attributes:
        path: its file or folder.
        sha256: the hash it must still have.
        device: where it was.
        fast_dtype: the type that was measured to be fast.
        preview_heads: its fitted early pictures.
    """

    path: Path
    sha256: str
    device: str
    fast_dtype: torch.dtype
    preview_heads: Mapping[int, PreviewHead]

    @classmethod
    def of(cls, generator: Generator) -> Remembered | None:
        """What to keep of a generator; None where its file is gone, and it must stay as it is."""
        info = generator.info
        if not info.path or not info.sha256 or not Path(info.path).exists():
            return None
        return cls(
            Path(info.path),
            info.sha256,
            str(generator.device),
            generator.fast_dtype,
            generator.preview_heads,
        )

    def again(self) -> Generator | None:
        """The generator, read anew; None where its file has changed or can't be read any more."""
        try:
            generator = load_on(self.path, self.device).generator
        except Exception:
            return None
        if generator.info.sha256 != self.sha256:
            return None
        generator.fast_dtype, generator.preview_heads = self.fast_dtype, self.preview_heads
        return generator
