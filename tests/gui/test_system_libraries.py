from __future__ import annotations

import pytest

from latentstudio.errors import LatentStudioError
from latentstudio.gui.system_libraries import check_window_system


def refuse(*names: str):
    def load(name: str) -> None:
        if name in names:
            raise OSError(name)

    return load


def test_missing_libraries_are_named_with_their_packages() -> None:
    with pytest.raises(LatentStudioError) as caught:
        check_window_system({"DISPLAY": ":0"}, "linux", refuse("libxcb-cursor.so.0", "libEGL.so.1"))
    assert caught.value.hint.endswith("sudo apt install libxcb-cursor0 libegl1")


def test_no_display_is_told() -> None:
    with pytest.raises(LatentStudioError, match="no display"):
        check_window_system({}, "linux", refuse())


@pytest.mark.parametrize(
    ("environment", "platform"),
    [
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux"),
        ({}, "win32"),
        ({}, "darwin"),
        ({"DISPLAY": ":0"}, "linux"),
    ],
)
def test_where_all_is_well_nothing_happens(environment: dict[str, str], platform: str) -> None:
    check_window_system(environment, platform, refuse())
