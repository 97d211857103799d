from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from package_files import write_sdist, write_wheel

from latentstudio.errors import CatalogueError, SaveError
from latentstudio.models.package_archive import extract


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


def test_only_the_named_files_of_a_wheel_come_out(tmp_path: Path, folder: Path) -> None:
    wheel = write_wheel(tmp_path / "a.whl", {"a/data/x.bin": b"x", "a/data/y.bin": b"y", "a/code.py": b"!"})
    assert extract(wheel, ["a/data/y.bin", "a/data/x.bin"], folder) == [folder / "y.bin", folder / "x.bin"]
    assert sorted(path.name for path in folder.iterdir()) == ["x.bin", "y.bin"]
    assert (folder / "y.bin").read_bytes() == b"y"


def test_a_source_archive_is_read_like_a_wheel(tmp_path: Path, folder: Path) -> None:
    sdist = write_sdist(tmp_path / "a-1.tar.gz", {"a-1/setup.py": b"raise SystemExit", "a-1/w.pkl": b"w"})
    extract(sdist, ["a-1/w.pkl"], folder)
    assert [path.name for path in folder.iterdir()] == ["w.pkl"]


def test_names_that_climb_out_stay_in_the_folder(tmp_path: Path, folder: Path) -> None:
    wheel = write_wheel(tmp_path / "a.whl", {"../../escaped.bin": b"x"})
    assert extract(wheel, ["../../escaped.bin"], folder) == [folder / "escaped.bin"]
    assert not (tmp_path / "escaped.bin").exists()


def test_a_link_is_not_followed(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    path = tmp_path / "a-1.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("a-1/w.pkl")
        member.type, member.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(member)
    with pytest.raises(CatalogueError, match="does not hold"):
        extract(path, ["a-1/w.pkl"], folder)


@pytest.mark.parametrize("write", [write_wheel, write_sdist])
def test_more_bytes_than_allowed_are_refused(tmp_path: Path, folder: Path, write) -> None:
    path = tmp_path / ("a.whl" if write is write_wheel else "a.tar.gz")
    write(path, {"bomb": bytes(5_000_000)})
    with pytest.raises(CatalogueError, match="too large"):
        extract(path, ["bomb"], folder, max_bytes=1_000_000)
    assert (folder / "bomb").stat().st_size <= 1_000_000


@pytest.mark.parametrize("name", ["a.whl", "a.tar.gz"])
def test_a_damaged_archive_is_said(tmp_path: Path, folder: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x1f\x8b no archive at all")
    with pytest.raises(CatalogueError, match="damaged"):
        extract(path, ["x"], folder)


@pytest.mark.parametrize("write", [write_wheel, write_sdist])
def test_a_missing_file_is_named(tmp_path: Path, folder: Path, write) -> None:
    path = tmp_path / ("a.whl" if write is write_wheel else "a.tar.gz")
    write(path, {"a": b""})
    with pytest.raises(CatalogueError, match=r"wanted\.bin"):
        extract(path, ["wanted.bin"], folder)


def test_a_folder_that_can_not_be_written_is_a_save_error(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "a.whl", {"x": b"x"})
    with pytest.raises(SaveError, match="unpack"):
        extract(wheel, ["x"], tmp_path / "missing")
