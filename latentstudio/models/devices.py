"""Which device computes.

Owns the choice between CPU, CUDA and Apple's MPS and its error. Any thread.
"""

from __future__ import annotations

import torch

from latentstudio.errors import DeviceError


def choose_device(name: str = "auto") -> torch.device:
    """The torch device of a name.

    Args:
        name: "auto" (the best there is), "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        DeviceError: the name means nothing, or that device is not in this machine.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f'There is no device "{name}".', "Use auto, cpu, cuda or mps.") from error
    present = {"cpu": True, "cuda": cuda and (device.index or 0) < torch.cuda.device_count(), "mps": mps}
    if not present.get(device.type, False):
        raise DeviceError(f'This machine has no device "{name}".', 'Use "auto" or "cpu".')
    return device


def describe_device(device: torch.device) -> str:
    """A few words for the status line, such as "CPU, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return f"CPU, {torch.get_num_threads()} threads"
