"""The zip archive around torch files and NumPy's .npz, checked before a byte of it is believed.

Owns the central directory, the local headers and the checks between them; unpacks nothing by
itself. Safe on any thread.

Source: PKWARE's APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14
to 4.3.16 (ends, also zip64), 4.5.3 (zip64 extra field).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise

from latentstudio.errors import UnreadableFileError, UnsafeFileError
from latentstudio.formats.source import release_pages, shown

STORED, DEFLATED = 0, 8
_END, _END_64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_CENTRAL, _LOCAL = struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
_MAX_ENTRIES = 100_000
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_SIZES_FOLLOW = 0x0008
_CUT_SHORT = "Fetch it again: the download may not have finished."


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside the archive.

    Attributes:
        name: its path, forward slashes.
        method: `STORED` or `DEFLATED`.
        crc: checksum of the unpacked bytes; None where there is none to compare.
        size: unpacked length in bytes.
        data: the bytes as they lie in the archive.
    """

    name: str
    method: int
    crc: int | None
    size: int
    data: memoryview

    def checked(self) -> memoryview:
        """The bytes of a stored member after their checksum was compared.

        Raises:
            UnreadableFileError: the checksum differs.
        """
        if self.crc is not None and zlib.crc32(self.data) != self.crc:
            raise UnreadableFileError(f'its part "{shown(self.name)}" is damaged', "Fetch it again.")
        release_pages(self.data)
        return self.data


def read_members(view: memoryview) -> dict[str, Member]:
    """All members by name.

    Raises:
        UnreadableFileError: the archive is cut short or damaged.
        UnsafeFileError: names that climb out or repeat, members that overlap, encryption, or more
            entries than a model needs.
    """
    count, start, size = _directory(view)
    if count > _MAX_ENTRIES:
        raise UnsafeFileError(f"its archive claims {count} parts, more than any known model has")
    members: dict[str, Member] = {}
    spans: list[tuple[int, int]] = []
    at, stop = start, start + size
    for _ in range(count):
        member, span, at = _member(view, at, stop, start)
        if member.name in members:
            raise UnsafeFileError(f'its archive holds "{shown(member.name)}" twice')
        members[member.name] = member
        spans.append(span)
    if at != stop:
        raise UnreadableFileError("its archive is damaged: the list of parts has the wrong length")
    spans.sort()
    for (_, end), (begin, _) in pairwise(spans):
        if begin < end:
            raise UnsafeFileError("parts of its archive overlap")
    return members


def _directory(view: memoryview) -> tuple[int, int, int]:
    """Entries, offset and length of the central directory."""
    at = len(view) - _END.size
    if at < 0 or bytes(view[at : at + 4]) != b"PK\x05\x06":
        raise UnreadableFileError("its archive has no end", _CUT_SHORT)
    _, disk, start_disk, here, count, size, start, comment = _END.unpack_from(view, at)
    locator = at - _LOCATOR_64.size
    if locator >= 0 and bytes(view[locator : locator + 4]) == b"PK\x06\x07":
        _, _, at, disks = _LOCATOR_64.unpack_from(view, locator)
        if at + _END_64.size > locator or bytes(view[at : at + 4]) != b"PK\x06\x06" or disks > 1:
            raise UnreadableFileError("its archive is damaged at the end", _CUT_SHORT)
        _, _, _, _, disk, start_disk, here, count, size, start = _END_64.unpack_from(view, at)
    if comment or disk or start_disk or here != count or start + size != at:
        raise UnreadableFileError("its archive is damaged at the end", _CUT_SHORT)
    return count, start, size


def _member(view: memoryview, at: int, stop: int, limit: int) -> tuple[Member, tuple[int, int], int]:
    if at + _CENTRAL.size > stop or bytes(view[at : at + 4]) != b"PK\x01\x02":
        raise UnreadableFileError("its archive is damaged: the list of parts breaks off", _CUT_SHORT)
    _, _, _, flags, method, _, _, crc, packed, size, name_len, extra_len, comment_len, disk, _, _, offset = (
        _CENTRAL.unpack_from(view, at)
    )
    at += _CENTRAL.size
    raw_name = bytes(view[at : at + name_len])
    extra = bytes(view[at + name_len : at + name_len + extra_len])
    at += name_len + extra_len + comment_len
    if at > stop:
        raise UnreadableFileError("its archive is damaged: the list of parts breaks off", _CUT_SHORT)
    size, packed, offset = _wide(extra, size, packed, offset)
    name = _checked_name(raw_name)
    if flags & _ENCRYPTED:
        raise UnreadableFileError("its archive is encrypted", "Unpack it first.")
    if method not in (STORED, DEFLATED):
        raise UnreadableFileError(f"its archive uses the unknown packing method {method}")
    if disk or (method == STORED and packed != size):
        raise UnsafeFileError(f'its archive lies about the size of "{shown(name)}"')
    data_at = _data_start(view, offset, limit, raw_name, (method, crc, packed, size))
    if data_at + packed > limit:
        raise UnsafeFileError(f'its part "{shown(name)}" reaches beyond the archive')
    member = Member(name, method, crc, size, view[data_at : data_at + packed])
    return member, (offset, data_at + packed), at


def _data_start(
    view: memoryview, offset: int, limit: int, raw_name: bytes, listed: tuple[int, int, int, int]
) -> int:
    """Where a member's bytes begin, after its local header was compared with the directory."""
    begin = offset + _LOCAL.size
    if begin > limit or bytes(view[offset : offset + 4]) != b"PK\x03\x04":
        raise UnsafeFileError("its archive points to parts that are not there")
    _, _, flags, method, _, _, crc, packed, size, name_len, extra_len = _LOCAL.unpack_from(view, offset)
    same = method == listed[0] and bytes(view[begin : begin + name_len]) == raw_name
    # A writer that does not know the sizes beforehand puts zeros here and the truth behind the part.
    if not flags & _SIZES_FOLLOW and packed != 0xFFFFFFFF and size != 0xFFFFFFFF:
        same = same and (crc, packed, size) == listed[1:]
    if not same:
        raise UnsafeFileError(f'its archive tells of "{shown(raw_name.decode("latin-1"))}" in two ways')
    return int(begin + name_len + extra_len)


def _wide(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The real sizes where the short fields are all ones and a zip64 field follows."""
    values = [size, packed, offset]
    wanted = [i for i, value in enumerate(values) if value == 0xFFFFFFFF]
    at = 0
    while wanted and at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            if length < 8 * len(wanted) or at + 4 + length > len(extra):
                break
            for place, i in enumerate(wanted):
                values[i] = struct.unpack_from("<Q", extra, at + 4 + 8 * place)[0]
            wanted = []
        at += 4 + length
    if wanted:
        raise UnreadableFileError("its archive is damaged: a size is missing")
    return values[0], values[1], values[2]


def _checked_name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableFileError("its archive has a part with an unreadable name") from error
    parts = name.split("/")
    if not name or ".." in parts or parts[0] == "" or "\\" in name or "\0" in name or ":" in parts[0]:
        raise UnsafeFileError(f'its archive has a part with the dangerous name "{shown(name)}"')
    return name
