"""Where things live and what a person may choose.

Owns the frozen `Settings` and the folders for user data, models and caches; reads and writes one
small JSON file; knows nothing of tensors or windows. Safe on any thread.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import platformdirs

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import InputError, SaveError

APP_NAME = "latentstudio"

# Tests and portable installations point this at a folder of their own.
HOME_VARIABLE = "LATENTSTUDIO_HOME"


@dataclass(frozen=True)
class Settings:
    """What a person may choose; every field has a sound default.

    Attributes:
        theme: "system", "dark" or "light".
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        frame_budget_ms: how long a preview may take while the hand moves, in milliseconds. A move that
            comes while the one before is drawn waits for it, so the hand feels up to twice this.
        cache_memory_mib: upper bound of the stage cache, in MiB.
        discovery_samples: how many w's the PCA of a freshly opened model looks at.
        clip: where CLIP's weights are, a file or a folder; empty where there are none.
    """

    theme: str = "system"
    device: str = "auto"
    frame_budget_ms: int = 30
    cache_memory_mib: int = 1024
    discovery_samples: int = 50_000
    clip: str = ""

    def changed(self, **changes: object) -> Settings:
        """A copy with some fields replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Folders:
    """The program's folders on this machine, created on first use."""

    root: Path | None = None

    @cached_property
    def data(self) -> Path:
        """Installed models and the list of known ones; kept until a person removes them."""
        return self._made(
            self.root / "data" if self.root else Path(platformdirs.user_data_dir(APP_NAME, False))
        )

    @cached_property
    def models(self) -> Path:
        """Catalogue models in the own format."""
        return self._made(self.data / "models")

    @cached_property
    def cache(self) -> Path:
        """Directions and thumbnails that can be computed again at any time."""
        return self._made(
            self.root / "cache" if self.root else Path(platformdirs.user_cache_dir(APP_NAME, False))
        )

    @cached_property
    def config(self) -> Path:
        """The settings file and the window's layout."""
        return self._made(
            self.root / "config" if self.root else Path(platformdirs.user_config_dir(APP_NAME, False))
        )

    @cached_property
    def logs(self) -> Path:
        """Log files, the last few sessions."""
        return self._made(
            self.root / "logs" if self.root else Path(platformdirs.user_log_dir(APP_NAME, False))
        )

    @staticmethod
    def _made(path: Path) -> Path:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SaveError(
                f'Can\'t create the folder "{path}": {error.strerror}.',
                f"Set {HOME_VARIABLE} to a folder that can be written.",
                path=path,
            ) from error
        return path


def user_folders() -> Folders:
    """The folders of this user, or those below $LATENTSTUDIO_HOME when it is set."""
    home = os.environ.get(HOME_VARIABLE)
    return Folders(Path(home).expanduser() if home else None)


def resource_dir(name: str) -> Path:
    """The folder "assets" or "pretrained", in a checkout or inside the installed package.

    Raises:
        InputError: the folder is missing, so the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package.parent / name, package / "_resources" / name):
        if candidate.is_dir():
            return candidate
    raise InputError(f'The folder "{name}" is missing from this installation.', "Install LatentStudio again.")


def load_settings(folders: Folders | None = None) -> Settings:
    """The stored settings; the defaults where there are none or where they cannot be read."""
    path = (folders or user_folders()).config / "settings.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    if not isinstance(stored, dict):
        return Settings()
    # A hand-edited or newer file must never keep the program from starting: take what fits.
    defaults = asdict(Settings())
    known = {
        field.name: stored[field.name]
        for field in fields(Settings)
        if field.name in stored and type(stored[field.name]) is type(defaults[field.name])
    }
    return Settings(**known)


def save_settings(settings: Settings, folders: Folders | None = None) -> None:
    """Write the settings; the old file stays whole until the new one is complete.

    Raises:
        SaveError: the file could not be written.
    """
    path = (folders or user_folders()).config / "settings.json"
    write_atomically(path, json.dumps(asdict(settings), indent=2).encode())


def calm_threads() -> None:
    """Let waiting compute threads sleep instead of spin; call it before torch is imported.

    By default a thread that waits for its sibling burns its core, and when anything else wants that
    core a frame takes ten times as long. A choice the person made in the environment is kept.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
