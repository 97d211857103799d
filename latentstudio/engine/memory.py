"""Memory: how the C library keeps it between frames, how much is left, and what says that none is.

Owns two switches of glibc's allocator, which does nothing elsewhere. A frame's feature maps are allocated
and freed again dozens of times a second. By default every large one is mapped anew, and the kernel
hands out its pages one fault at a time, which costs more than the arithmetic of an elementwise step.
Any thread.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# From malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8
# More than any frame needs, and still an end to what an idle program holds.
_KEEP_BYTES = 1 << 30
# What allocators say: CUDA's and MPS's, the processor's, the system's.
_EXHAUSTED = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
_UNKNOWN_SPARE = 1 << 30


@cache
def keep_freed_memory() -> bool:
    """Let freed memory serve the next frame; False where the C library has no such switch.

    To be called before the threads that compute are started: a thread with an arena of its own gives
    every large block back at once.
    """
    library = _glibc()
    if library is None:
        return False
    # Without separate mappings everything comes from the heap, whose top may stay up to _KEEP_BYTES.
    wanted = ((_M_ARENA_MAX, 1), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _KEEP_BYTES))
    taken = [bool(library.mallopt(switch, value)) for switch, value in wanted]
    return all(taken)


def give_back_memory() -> None:
    """Return what is free to the system, as after closing a model."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def free_memory() -> None:
    """Return what is free to the system, on every device that is in use."""
    give_back_memory()
    if "torch" not in sys.modules:
        return
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def held_mib(device: torch.device) -> int:
    """Memory that this program holds where it computes: on the card, or as a process, in MiB."""
    if device.type == "cuda":
        import torch

        return torch.cuda.memory_reserved(device) >> 20
    if device.type == "mps":
        import torch

        return torch.mps.driver_allocated_memory() >> 20
    return resident_mib()


def resident_mib() -> int:
    """Memory that this process holds, in MiB; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * mmap.PAGESIZE >> 20


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that there is no memory left, on whichever device.

    torch has a class of its own for graphics cards only; the processor's allocator raises a plain
    RuntimeError that says so in words.
    """
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _EXHAUSTED)


def spare_bytes(device: torch.device) -> int:
    """About what may still be allocated on a device without crowding others out."""
    if device.type == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        return free // 2
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            found = next(line for line in file if line.startswith("MemAvailable:"))
        return int(found.split()[1]) * 1024 // 2
    except (OSError, StopIteration, ValueError, IndexError):
        return _UNKNOWN_SPARE


@cache
def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
