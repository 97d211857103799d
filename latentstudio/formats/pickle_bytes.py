"""Bounded reading of a pickle's bytes: lengths are believed only after they were compared.

Owns the cursor and the opcodes that only push one plain value; knows nothing of stacks or names.
A cursor belongs to one reader; not shared between threads.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from latentstudio.errors import UnreadableFileError, UnsafeFileError

# Longer texts stay in the file until someone asks for them: protocol 2 keeps weights as text.
SHORT_TEXT_BYTES = 4096
# One far character makes a text in memory four times as long as in the file.
_MAX_SHORT_TEXTS_BYTES = 32 << 20
_BELIEVABLE_BYTES = 1 << 40
_MAX_LINE_BYTES = 1024
_MAX_TEXT_LINE_BYTES = 32 << 20
_MAX_INT_BYTES = 64
_DECIMAL = re.compile(rb"[+-]?[0-9]{1,600}")
_REAL = re.compile(rb"[+-]?([0-9.]{1,40}(e[+-]?[0-9]{1,4})?|inf|nan)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class LongText:
    """A text that still lies in the file, in UTF-8 or (Python 2) Latin-1."""

    view: memoryview
    encoding: str


class Cursor:
    """Reads forward through `view` and never past its end."""

    __slots__ = ("_end", "_text_left", "at", "view")

    def __init__(self, view: memoryview, start: int = 0) -> None:
        self.view = view
        self.at = start
        self._end = len(view)
        self._text_left = _MAX_SHORT_TEXTS_BYTES

    def take(self, count: int) -> memoryview:
        """The next `count` bytes, not copied.

        Raises:
            UnreadableFileError: the file has fewer.
        """
        start, stop = self.at, self.at + count
        if stop > self._end:
            missing = f" ({stop - self._end} bytes are missing)" if count < _BELIEVABLE_BYTES else ""
            raise UnreadableFileError(f"it is cut short or damaged{missing}", "Fetch it again.")
        self.at = stop
        return self.view[start:stop]

    def byte(self) -> int:
        """The next byte."""
        at = self.at
        if at >= self._end:
            raise UnreadableFileError("it is cut short", "Fetch it again.")
        self.at = at + 1
        return self.view[at]

    def unsigned(self, width: int) -> int:
        """A little-endian unsigned integer of `width` bytes."""
        return int.from_bytes(self.take(width), "little")

    def spend_text(self, length: int) -> None:
        """Count a text that is about to be decoded.

        Raises:
            UnsafeFileError: there were too many.
        """
        self._text_left -= length
        if self._text_left < 0:
            raise UnsafeFileError("it holds more text than any known model")

    def line(self, limit: int = _MAX_LINE_BYTES) -> bytes:
        """The bytes before the next line feed, which must come within `limit` bytes."""
        window = 128
        while True:
            head = bytes(self.view[self.at : self.at + window])
            found = head.find(b"\n")
            if found >= 0:
                self.at += found + 1
                return head[:found]
            if window >= limit or self.at + window >= self._end:
                raise UnreadableFileError("a line in its pickle does not end")
            window *= 2


def _signed(cursor: Cursor) -> int:
    return int.from_bytes(cursor.take(4), "little", signed=True)


def _float(cursor: Cursor) -> float:
    return float(struct.unpack(">d", cursor.take(8))[0])


def _long(cursor: Cursor, width: int) -> int:
    length = cursor.unsigned(width)
    if length > _MAX_INT_BYTES:
        raise UnsafeFileError("it holds a number of absurd length")
    return int.from_bytes(cursor.take(length), "little", signed=True)


def _text(cursor: Cursor, width: int, encoding: str) -> str | LongText:
    length = cursor.unsigned(width)
    view = cursor.take(length)
    if length > SHORT_TEXT_BYTES:
        return LongText(view, encoding)
    cursor.spend_text(length)
    return decoded(view, encoding)


def decoded(data: memoryview | bytes, encoding: str) -> str:
    """Text of the bytes.

    Raises:
        UnreadableFileError: they are no text in that encoding.
    """
    try:
        return str(data, encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFileError("a text in it is damaged") from error


def _int_line(cursor: Cursor) -> int | bool:
    line = cursor.line()
    if line in (b"00", b"01"):
        return line == b"01"
    return _decimal(line)


def _long_line(cursor: Cursor) -> int:
    return _decimal(cursor.line().removesuffix(b"L"))


def _decimal(line: bytes) -> int:
    if not _DECIMAL.fullmatch(line):
        raise UnreadableFileError("a number in it is damaged")
    return int(line)


def _float_line(cursor: Cursor) -> float:
    line = cursor.line()
    try:
        if _REAL.fullmatch(line):
            return float(line)
    except ValueError:
        pass
    raise UnreadableFileError("a number in it is damaged")


def _quoted_line(cursor: Cursor) -> str:
    line = cursor.line(_MAX_TEXT_LINE_BYTES).rstrip(b"\r")
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise UnreadableFileError("a text in it has no quotes")
    try:
        return codecs.escape_decode(line[1:-1])[0].decode("latin-1")
    except ValueError as error:
        raise UnreadableFileError("a text in it is damaged") from error


def _raw_unicode_line(cursor: Cursor) -> str:
    line = cursor.line(_MAX_TEXT_LINE_BYTES)
    cursor.spend_text(len(line))
    try:
        text = line.decode("raw-unicode-escape")
        # An escape can spell half a character, which nobody could print or save again.
        text.encode()
        return text
    except UnicodeError as error:
        raise UnreadableFileError("a text in it is damaged") from error


# Opcodes that push one value and do nothing else.
LITERALS: dict[int, Callable[[Cursor], object]] = {
    ord("N"): lambda cursor: None,
    0x88: lambda cursor: True,
    0x89: lambda cursor: False,
    ord("K"): Cursor.byte,
    ord("M"): lambda cursor: cursor.unsigned(2),
    ord("J"): _signed,
    0x8A: lambda cursor: _long(cursor, 1),
    0x8B: lambda cursor: _long(cursor, 4),
    ord("G"): _float,
    ord("I"): _int_line,
    ord("L"): _long_line,
    ord("F"): _float_line,
    ord("S"): _quoted_line,
    ord("V"): _raw_unicode_line,
    ord("T"): lambda cursor: _text(cursor, 4, "latin-1"),
    ord("U"): lambda cursor: _text(cursor, 1, "latin-1"),
    ord("X"): lambda cursor: _text(cursor, 4, "utf-8"),
    0x8C: lambda cursor: _text(cursor, 1, "utf-8"),
    0x8D: lambda cursor: _text(cursor, 8, "utf-8"),
    ord("B"): lambda cursor: cursor.take(cursor.unsigned(4)),
    ord("C"): lambda cursor: cursor.take(cursor.unsigned(1)),
    0x8E: lambda cursor: cursor.take(cursor.unsigned(8)),
    0x96: lambda cursor: cursor.take(cursor.unsigned(8)),
    ord(")"): lambda cursor: (),
    ord("]"): lambda cursor: [],
    ord("}"): lambda cursor: {},
}
