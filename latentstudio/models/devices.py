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


def usable_device(name: str) -> tuple[str, str]:
    """A device by its name, or the processor with a sentence that says why.

    Returns:
        (name of the device, sentence); the sentence is empty where the device is the one asked for.
    """
    try:
        return str(choose_device(name)), ""
    except DeviceError as error:
        return "cpu", f"{error.message} The processor draws instead."


def device_choices() -> tuple[tuple[str, str], ...]:
    """What a person may choose on this machine: pairs of a name for `choose_device` and words."""
    cards = [
        (f"cuda:{index}", torch.cuda.get_device_name(index)) for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        cards.append(("mps", "Apple GPU"))
    return (("auto", "The best there is"), ("cpu", "Processor"), *cards)


def wait_for(device: torch.device) -> None:
    """Let a device finish what it was given, so that a clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def describe_device(device: torch.device) -> str:
    """A few words for the status line, such as "CPU, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}"
