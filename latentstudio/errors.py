"""Every error that LatentStudio raises on purpose.

Owns the exception tree; knows nothing of files, tensors or windows. Safe on any thread.

    LatentStudioError               what failed, with what, and what to do next
    +-- CheckpointError             a model file
    |   +-- UnreadableFileError     missing, empty, cut short, not a checkpoint, a pipe, a page of HTML
    |   +-- UnsafeFileError         it tries to do more than carry data, or its sizes lie
    |   +-- UnknownArchitectureError  well-formed, but no family here claims it
    |   +-- MismatchError           claimed by a family, but its shapes do not fit together
    +-- RecipeError                 a recipe or a picture that should carry one
    |   +-- NewerVersionError       written by a later LatentStudio
    |   +-- ModelNotFoundError      its generator is not on this machine
    +-- InputError                  a value out of range: a seed, a class, a shape
    +-- CatalogueError              installing or removing a catalogue model
    +-- SaveError                   a file could not be written; the old one is untouched
    +-- DeviceError                 a device is missing, or its memory is exhausted
    +-- CancelledError              a person stopped a job

Every error carries `message` (one sentence a person can read), `hint` (what to do next, may be
empty) and `path` (the file concerned, or None).
"""

from __future__ import annotations

from pathlib import Path


class LatentStudioError(Exception):
    """An expected failure, told as a sentence.

    Attributes:
        message: what failed and with what, one sentence without a class name.
        hint: what the person can do next; empty when there is nothing to add.
        path: the file concerned, or None.
    """

    def __init__(self, message: str, hint: str = "", *, path: str | Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = None if path is None else Path(path)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class CheckpointError(LatentStudioError):
    """A model file cannot be used."""


class UnreadableFileError(CheckpointError):
    """The file is missing, empty, cut short, or holds something else."""


class UnsafeFileError(CheckpointError):
    """The file asks for more than being read as data, or lies about its sizes."""


class UnknownArchitectureError(CheckpointError):
    """The file is well-formed, but no architecture claims it."""


class MismatchError(CheckpointError):
    """An architecture claims the file, but its arrays do not fit together."""


class RecipeError(LatentStudioError):
    """A recipe is malformed, or a picture carries none."""


class NewerVersionError(RecipeError):
    """The recipe was written by a later version of the program."""


class ModelNotFoundError(RecipeError):
    """The recipe's generator is not on this machine."""


class InputError(LatentStudioError):
    """A value from a person or a caller is out of range or has the wrong shape."""


class CatalogueError(LatentStudioError):
    """A catalogue model cannot be installed, verified or removed."""


class SaveError(LatentStudioError):
    """A file could not be written; what was there before is untouched."""


class DeviceError(LatentStudioError):
    """A compute device is missing, or its memory is exhausted."""


class CancelledError(LatentStudioError):
    """A person stopped the job."""
