from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from latentstudio import __version__
from latentstudio.cli import main
from latentstudio.errors import CancelledError


def test_without_a_command_the_window_opens() -> None:
    assert main.with_command([]) == ["open"]
    assert main.with_command(["faces.pkl", "a.png"]) == ["open", "faces.pkl", "a.png"]


@pytest.mark.parametrize("word", ["open", "info", "render", "convert", "models", "--help", "--version"])
def test_commands_and_options_stay_what_they_are(word: str) -> None:
    assert main.with_command([word, "x"]) == [word, "x"]


def test_help_lists_the_commands_and_loads_neither_torch_nor_qt() -> None:
    code = (
        "import sys\n"
        "from latentstudio.cli.main import run\n"
        "try: run(['--help'])\n"
        "finally: print('loaded:', *(m for m in ('torch', 'PySide6', 'numpy.linalg') if m in sys.modules))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in ("info", "render", "convert", "models"):
        assert command in ended.stdout
    assert "torch" not in ended.stdout.rpartition("loaded:")[2]
    assert "PySide6" not in ended.stdout.rpartition("loaded:")[2]


def test_the_version_is_said(cli) -> None:
    assert cli("--version") == (0, f"latentstudio {__version__}\n", "")


def test_a_mistyped_command_is_told_as_a_missing_file(cli) -> None:
    ended = cli("rendr")
    assert ended.code == 1
    assert 'There is no file "rendr"' in ended.err
    assert ended.out == ""


def test_wrong_usage_ends_with_two(cli) -> None:
    assert cli("render").code == 2
    assert cli("info", "--no-such-option").code == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), CancelledError("Stopped.")])
def test_an_interruption_ends_with_130_and_without_a_traceback(cli, monkeypatch, error) -> None:
    def interrupted() -> None:
        raise error

    monkeypatch.setattr("latentstudio.cli.models.catalogue_rows", interrupted)
    ended = cli("models", "list")
    assert ended.code == 130
    assert "Traceback" not in ended.err


def test_a_reader_that_leaves_early_is_no_error_to_read_about(tiny_path) -> None:
    program, path = shlex.quote(sys.executable), shlex.quote(str(tiny_path))
    command = f"{program} -m latentstudio info {path} --json | head -c 1"
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert ended.stdout == "{"
    assert "Traceback" not in ended.stderr
