"""A real window on a virtual screen, moved by a real mouse."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from window_helpers import PROGRAM

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(
        not all(map(shutil.which, ("Xvfb", "xdotool"))), reason="Xvfb or xdotool is not installed"
    ),
]


@pytest.fixture
def screen() -> Iterator[str]:
    """A virtual screen of its own."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as answer:
        yield f":{answer.readline().strip()}"
    server.terminate()
    server.wait(10)


def test_the_mouse_moves_a_slider_and_the_picture_follows(
    screen: str, home: Path, model_path: Path, tmp_path: Path
) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    environment = {**os.environ, "DISPLAY": screen, "QT_QPA_PLATFORM": "xcb", "LATENTSTUDIO_HOME": str(home)}
    program = subprocess.Popen(
        [sys.executable, str(script), str(model_path)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        x, y = map(int, _line(program, "slider").split())
        before = _line(program, "picture")

        def mouse(*words: str) -> None:
            subprocess.run(["xdotool", *words], env=environment, check=True, timeout=10)

        mouse("mousemove", str(x), str(y), "mousedown", "1")
        for _ in range(6):
            mouse("mousemove_relative", "12", "0")
        mouse("mouseup", "1")
        after = _line(program, "picture")
        assert after != before
        assert _line(program, "undo").startswith("Turn +")
    finally:
        program.terminate()
        program.communicate(timeout=20)


def _line(program: subprocess.Popen[str], kind: str, limit_s: float = 60) -> str:
    """The rest of the next line that begins with this word."""
    assert program.stdout is not None
    end = time.monotonic() + limit_s
    for line in program.stdout:
        word, _, rest = line.strip().partition(" ")
        if word == kind:
            return rest
        assert time.monotonic() < end
    assert program.stderr is not None
    raise AssertionError(f"The program ended before it said {kind}: {program.stderr.read()[-2000:]}")
