from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from package_files import pinned, reply, serving

from latentstudio.errors import CatalogueError, SaveError
from latentstudio.models import package_index
from latentstudio.models.package_index import IndexSettings, PackageIndex, parse_settings

DATA = bytes(range(256)) * 4096  # four chunks


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "some_model-1.0-py3-none-any.whl"
    path.write_bytes(DATA)
    return path


def fetch(settings: IndexSettings, wheel: Path, target: Path) -> list[int]:
    return list(PackageIndex(settings).download(pinned(wheel), target))


def test_an_archive_comes_from_a_folder_of_archives(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "got"
    progress = fetch(IndexSettings((), (str(tmp_path),)), wheel, target)
    assert target.read_bytes() == DATA
    assert progress == sorted(progress)
    assert len(progress) == 4
    assert progress[-1] == len(DATA)


def test_an_index_of_folders_is_read_and_one_without_the_package_is_passed_over(
    wheel: Path, tmp_path: Path
) -> None:
    page = tmp_path / "simple" / "some-model"
    page.mkdir(parents=True)
    page.joinpath("index.html").write_text(
        f'<a href="../../{wheel.name}#sha256={pinned(wheel).sha256}">x</a>'
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    fetch(IndexSettings((empty.as_uri(), (tmp_path / "simple").as_uri())), wheel, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == DATA


def test_a_json_index_is_read_and_a_file_with_another_hash_is_passed_over(
    wheel: Path, tmp_path: Path
) -> None:
    asked = []

    def answer(request) -> None:
        asked.append(request.path)
        if request.path == "/simple/some-model/":
            entries = [
                {"filename": wheel.name, "url": "/other", "hashes": {"sha256": "0" * 64}},
                {"filename": wheel.name, "url": "/right", "hashes": {"sha256": pinned(wheel).sha256}},
            ]
            kind = "application/vnd.pypi.simple.v1+json"
            reply(request, json.dumps({"files": entries}).encode(), kind=kind)
        else:
            reply(request, DATA)

    with serving(answer) as address:
        fetch(IndexSettings((f"{address}/simple",)), wheel, tmp_path / "got")
    assert asked == ["/simple/some-model/", "/right"]


def test_a_connection_that_breaks_is_taken_up_where_it_stopped(wheel: Path, tmp_path: Path) -> None:
    ranges = []

    def answer(request) -> None:
        if request.path.endswith("/"):
            reply(request, f'<a href="/{wheel.name}">x</a>'.encode())
            return
        ranges.append(request.headers["Range"])
        if len(ranges) == 1:
            reply(request, DATA[:300_000], claimed_bytes=len(DATA))
        else:
            start = int(re.fullmatch(r"bytes=(\d+)-", ranges[-1])[1])
            reply(request, DATA[start:], status=206)

    with serving(answer) as address:
        fetch(IndexSettings((address,)), wheel, tmp_path / "got")
    assert ranges == [None, "bytes=300000-"]
    assert (tmp_path / "got").read_bytes() == DATA


def test_a_server_that_ignores_ranges_starts_over(wheel: Path, tmp_path: Path) -> None:
    times = []

    def answer(request) -> None:
        if request.path.endswith("/"):
            reply(request, f'<a href="/{wheel.name}">x</a>'.encode())
            return
        times.append(1)
        reply(request, DATA[:300_000] if len(times) == 1 else DATA, claimed_bytes=len(DATA))

    with serving(answer) as address:
        fetch(IndexSettings((address,)), wheel, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == DATA


def test_a_network_that_stays_broken_is_said_with_the_place(wheel: Path, tmp_path: Path) -> None:
    def answer(request) -> None:
        if request.path.endswith("/"):
            reply(request, f'<a href="/{wheel.name}">x</a>'.encode())
        else:
            reply(request, b"", claimed_bytes=len(DATA))

    with serving(answer) as address, pytest.raises(CatalogueError, match="ended early") as caught:
        fetch(IndexSettings((address,)), wheel, tmp_path / "got")
    assert address in caught.value.message
    assert "network" in caught.value.hint


def test_an_index_that_is_not_there_is_said(wheel: Path, tmp_path: Path) -> None:
    with serving(lambda request: reply(request, b"")) as address:
        pass
    with pytest.raises(CatalogueError, match="Can't fetch from http://127"):
        fetch(IndexSettings((address,)), wheel, tmp_path / "got")


def test_an_archive_that_no_index_lists_is_said(wheel: Path, tmp_path: Path) -> None:
    with (
        serving(lambda request: reply(request, b"", status=404)) as address,
        pytest.raises(CatalogueError, match="No package index carries") as caught,
    ):
        fetch(IndexSettings((address,)), wheel, tmp_path / "got")
    assert f"{address}/some-model/" in caught.value.hint


def test_other_bytes_than_were_pinned_are_refused(wheel: Path, tmp_path: Path) -> None:
    archive = pinned(wheel)
    wheel.write_bytes(DATA[:-1] + b"!")
    with pytest.raises(CatalogueError, match="not the file that was pinned"):
        list(PackageIndex(IndexSettings((), (str(tmp_path),))).download(archive, tmp_path / "got"))


def test_more_bytes_than_were_pinned_are_refused_before_they_fill_the_disk(
    wheel: Path, tmp_path: Path
) -> None:
    archive = pinned(wheel)
    wheel.write_bytes(DATA * 3)
    with pytest.raises(CatalogueError, match="longer than"):
        list(PackageIndex(IndexSettings((), (str(tmp_path),))).download(archive, tmp_path / "got"))
    assert (tmp_path / "got").stat().st_size <= len(DATA)


def test_a_disk_that_can_not_be_written_is_a_save_error(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="Can't store"):
        fetch(IndexSettings((), (str(tmp_path),)), wheel, tmp_path / "missing" / "got")


def test_name_and_password_go_into_a_header_and_never_into_a_message(wheel: Path, tmp_path: Path) -> None:
    seen = []

    def answer(request) -> None:
        seen.append(request.headers["Authorization"])
        reply(request, b"", status=404)

    with serving(answer) as address, pytest.raises(CatalogueError) as caught:
        fetch(IndexSettings((address.replace("//", "//ann:s%40crt@"),)), wheel, tmp_path / "got")
    assert seen == ["Basic " + base64.b64encode(b"ann:s@crt").decode()]
    assert "crt" not in str(caught.value)


def test_other_kinds_of_addresses_are_not_followed(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="kind"):
        fetch(IndexSettings(("ftp://127.0.0.1/simple",)), wheel, tmp_path / "got")


def test_what_pip_lists_becomes_the_settings() -> None:
    listed = """
:env:.find-links='/wheels /more'
global.cert='/etc/ca.crt'
global.extra-index-url='https://one.example/simple https://two.example/simple'
global.find-links='/overruled'
global.index-url='https://main.example/simple'
install.index-url='https://only-for-install.example'
nonsense
"""
    assert parse_settings(listed) == IndexSettings(
        ("https://main.example/simple", "https://one.example/simple", "https://two.example/simple"),
        ("/wheels", "/more"),
        "/etc/ca.crt",
    )


def test_without_any_setting_the_public_index_is_asked() -> None:
    assert parse_settings("") == IndexSettings()
    default = package_index.default_index()
    assert default.startswith("https://")
    assert parse_settings("", default) == IndexSettings((default,))


def test_a_pip_without_index_asks_no_index() -> None:
    assert parse_settings(":env:.no-index='1'\n:env:.find-links='/wheels'") == IndexSettings((), ("/wheels",))


def test_pip_itself_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://asked.example/simple")
    assert package_index.index_settings().indexes[0] == "https://asked.example/simple"


def test_a_python_without_pip_uses_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_index.sys, "executable", "/no/such/python")
    monkeypatch.setenv("PIP_INDEX_URL", "https://asked.example/simple")
    assert package_index.index_settings().indexes[0] == "https://asked.example/simple"
