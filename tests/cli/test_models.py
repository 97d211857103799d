from __future__ import annotations

from pathlib import Path

import pytest

from latentstudio.cli import models
from latentstudio.errors import CatalogueError
from latentstudio.models.catalogue import InstallStep
from latentstudio.settings import user_folders

IDENTITY = "squeezenet-features"


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Installing without a network: only the folder appears."""
    done: list[str] = []

    def steps(identity: str):
        yield InstallStep(0, 10, "Downloading")
        folder = user_folders().data / "features" / identity
        folder.mkdir(parents=True)
        (folder / "about.json").write_text("{}")
        done.append(identity)
        yield InstallStep(10, 10, "Installed")
        return folder

    monkeypatch.setattr(models, "install_steps", steps)
    return done


def test_the_list_shows_every_row_and_what_is_installed(cli, installs) -> None:
    def installed(listed: str) -> list[str]:
        return [line.split()[0] for line in listed.splitlines() if line.rstrip().endswith(" yes")]

    before = cli("models", "list").out
    assert "ffhq-mobile-1024" in before
    assert installed(before) == []
    cli("models", "install", IDENTITY, "--yes")
    assert installed(cli("models", "list").out) == [IDENTITY]


def test_info_shows_licence_and_caution(cli) -> None:
    shown = cli("models", "info", "ffhq-mobile-1024").out
    assert "Apache-2.0" in shown
    assert "non-commercial" in shown
    assert "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5" in shown


def test_installing_shows_licence_and_caution_first(cli, installs) -> None:
    ended = cli("models", "install", IDENTITY, "--yes")
    assert ended.code == 0
    assert installs == [IDENTITY]
    assert "BSD-2-Clause" in ended.err
    assert "ImageNet" in ended.err
    assert str(user_folders().data / "features" / IDENTITY) in ended.out


def test_without_anybody_to_ask_nothing_is_installed(cli, installs) -> None:
    ended = cli("models", "install", IDENTITY)
    assert ended.code == 1
    assert "--yes" in ended.err
    assert installs == []


@pytest.mark.parametrize(("answer", "expected"), [(True, [IDENTITY]), (False, [])])
def test_a_person_is_asked(cli, installs, monkeypatch, answer: bool, expected: list[str]) -> None:
    monkeypatch.setattr(models.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(models.typer, "confirm", lambda *_, **__: answer)
    assert cli("models", "install", IDENTITY).code == (0 if answer else 1)
    assert installs == expected


def test_what_is_installed_is_not_fetched_again(cli, installs) -> None:
    cli("models", "install", IDENTITY, "--yes")
    assert "installed already" in cli("models", "install", IDENTITY, "--yes").out
    assert installs == [IDENTITY]


def test_removing_and_removing_again(cli, installs) -> None:
    cli("models", "install", IDENTITY, "--yes")
    assert cli("models", "remove", IDENTITY).code == 0
    ended = cli("models", "remove", IDENTITY)
    assert (ended.code, "not installed" in ended.err) == (1, True)


def test_an_unknown_id_is_answered_with_the_known_ones(cli) -> None:
    ended = cli("models", "info", "nope")
    assert ended.code == 1
    assert IDENTITY in ended.err


def test_a_failing_download_is_two_lines_and_no_traceback(cli, monkeypatch) -> None:
    def steps(identity: str):
        yield InstallStep(0, 10, "Downloading")
        raise CatalogueError("Can't fetch from [somewhere].", "Check the network connection.")

    monkeypatch.setattr(models, "install_steps", steps)
    ended = cli("models", "install", IDENTITY, "--yes")
    assert ended.code == 1
    assert ended.err.endswith("Error: Can't fetch from [somewhere].\nCheck the network connection.\n")


def test_an_id_that_is_not_installed_says_how_to_install_it(cli, tmp_path: Path) -> None:
    ended = cli("render", "ffhq-mobile-1024", "--seeds", "0", "--out", tmp_path)
    assert ended.code == 1
    assert "latentstudio models install ffhq-mobile-1024" in ended.err
