"""The compiler of the renderer's loops, and a clear word where it is missing.

Owns the decorators. numba is an optional extra ("clay"); importing this module without it raises. Any thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from latentstudio.errors import InputError

try:
    from numba import njit
except ImportError as error:
    raise InputError(
        "The clay renderer needs the package numba, which is not installed.",
        'Install it with: pip install "latentstudio[clay]"',
    ) from error

Function = TypeVar("Function", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "nogil": True}


def _with(**options: Any) -> Callable[[Function], Function]:
    return cast(Callable[[Function], Function], njit(**options, **_OPTIONS))


def inlined(function: Function) -> Function:
    """Compiled into whoever calls it.

    By the back end: inlining the source instead takes five times as long to compile and runs at half speed.
    """
    return _with(forceinline=True)(function)


def called(function: Function) -> Function:
    """Compiled once, called from compiled code."""
    return _with()(function)


def compiled(function: Function) -> Function:
    """Called from Python; the machine code is kept on disk beside this package or in the user's cache."""
    return _with(cache=True)(function)
