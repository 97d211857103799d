"""What was measured on one picture, and a file of such lines that a stopped run goes on with.

Owns `Record` and the journal: JSON lines, the first of which says what they belong to. NumPy-free,
any thread; one writer a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from latentstudio.errors import InputError, SaveError

GENERATED, REAL, OTHER = "generated", "real", "other"
KINDS = (GENERATED, REAL, OTHER)


@dataclass(frozen=True)
class Record:
    """One picture.

    Attributes:
        name: unique among the pictures of its kind; its degraded copies share it.
        kind: "generated" (by the model), "real", or "other" (by another generator).
        degradation: what was done to this copy; see `degradations`.
        values: the statistics by name.
        seconds: what measuring it took.
    """

    name: str
    kind: str
    degradation: str
    values: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells records apart."""
        return self.kind, self.name, self.degradation


class Journal:
    """Lines that outlive the run; a line is there whole or not at all when it is read again.

    Args:
        path: the file; made where it is missing.
        about: what the lines belong to. A file about something else is refused, never mixed in.

    Raises:
        InputError: the file is about something else, or is no journal.
        SaveError: it can't be written.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        self._file: TextIO | None = None
        about = json.loads(json.dumps(dict(about)))
        whole = self._read(about)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")
            # A run that was killed may have left half a line.
            self._file.truncate(whole)
        except OSError as error:
            raise SaveError(f'Can\'t write "{path.name}": {error.strerror}.', path=path) from error
        if not whole:
            self._write({"about": about})

    def _read(self, about: Mapping[str, Any]) -> int:
        """Take in the whole lines; gives the length in bytes of what is whole."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise InputError(f'Can\'t read "{self.path.name}": {error.strerror}.', path=self.path) from error
        end = data.rfind(b"\n") + 1
        try:
            lines = [json.loads(line) for line in data[:end].splitlines()]
        except ValueError:
            lines = [None]
        if not end and not data:
            return 0
        if not lines or not all(isinstance(line, dict) for line in lines) or "about" not in lines[0]:
            raise InputError(
                f'"{self.path.name}" is not a file of results.', "Choose another name.", path=self.path
            )
        if lines[0]["about"] != about:
            raise InputError(
                f'"{self.path.name}" holds results of another model, protocol or calibration.',
                "Choose another name, or remove the file.",
                path=self.path,
            )
        self.lines = lines[1:]
        return end

    def add(self, line: Mapping[str, Any]) -> None:
        """Append a line; it is on its way to the disk when this returns."""
        self.lines.append(dict(line))
        self._write(line)

    def _write(self, line: Mapping[str, Any]) -> None:
        assert self._file is not None
        try:
            self._file.write(json.dumps(dict(line), ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise SaveError(f'Can\'t write "{self.path.name}": {error.strerror}.', path=self.path) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def record_line(record: Record) -> dict[str, Any]:
    """A record as a line of a journal."""
    stored = asdict(record)
    stored["values"] = {name: round(value, 6) for name, value in record.values.items()}
    stored["seconds"] = round(record.seconds, 3)
    return stored


def record_of(line: Mapping[str, Any]) -> Record:
    """The record of a journal's line.

    Raises:
        InputError: the line has another form.
    """
    try:
        values = {str(name): float(value) for name, value in line["values"].items()}
        record = Record(
            str(line["name"]), str(line["kind"]), str(line["degradation"]), values, float(line["seconds"])
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("A line of the results has the wrong form.", "Remove the file.") from error
    if record.kind not in KINDS:
        raise InputError(f'A line of the results has the kind "{record.kind}".', "Remove the file.")
    return record
