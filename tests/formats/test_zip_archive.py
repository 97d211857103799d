"""Archives are read with their wide sizes, and their parts are pointed at."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import format_files as ff
import pytest
import torch

from latentstudio.errors import UnreadableFileError
from latentstudio.formats import read_checkpoint
from latentstudio.formats.zip_archive import DEFLATED, STORED, read_members


def test_what_the_standard_library_writes_is_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/one", b"hello")
        archive.writestr("a/two", b"hello" * 100, compress_type=zipfile.ZIP_DEFLATED)
        with archive.open("a/three", "w", force_zip64=True) as part:
            part.write(b"wide")
    members = read_members(memoryview(file.getvalue()))
    assert list(members) == ["a/one", "a/two", "a/three"]
    assert bytes(members["a/one"].checked()) == b"hello"
    assert (members["a/one"].method, members["a/two"].method) == (STORED, DEFLATED)
    assert members["a/two"].size == 500
    assert bytes(members["a/three"].checked()) == b"wide"


def test_wide_sizes_stand_in_an_extra_field(tmp_path: Path) -> None:
    parts = ff.torch_parts()
    wide = struct.pack("<2H", 99, 2) + b"xx" + struct.pack("<2H2Q", 1, 16, 24, 24)
    parts[2] = parts[2].bent(size=0xFFFFFFFF, packed=0xFFFFFFFF, extra=wide)
    (tmp_path / "a.pt").write_bytes(ff.zip_bytes(parts))
    assert read_checkpoint(tmp_path / "a.pt").root["weight"].shape == (2, 3)


def test_a_part_is_a_view_and_its_checksum_is_compared() -> None:
    data = ff.zip_bytes([ff.Part(b"a", b"hello")])
    view = memoryview(data)
    assert read_members(view)["a"].checked().obj is data
    bent = data.replace(b"hello", b"hallo")
    with pytest.raises(UnreadableFileError, match='its part "a" is damaged'):
        read_members(memoryview(bent))["a"].checked()


@pytest.mark.skipif(
    not hasattr(torch.serialization, "set_crc32_options"), reason="this torch always writes them"
)
def test_a_torch_file_without_checksums_reads_but_one_missing_checksum_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"a": torch.ones(3)}, path)
    finally:
        torch.serialization.set_crc32_options(True)
    assert read_checkpoint(path).root["a"].shape == (3,)
    parts = ff.torch_parts()
    path.write_bytes(ff.zip_bytes([parts[0], parts[2].bent(crc=0), parts[3]]))
    with pytest.raises(UnreadableFileError, match="is damaged"):
        read_checkpoint(path)
