"""The one thing pyproject.toml can't say: top-level data folders travel inside the package.

`assets/` and `pretrained/` stand at the top of the repository, where people look for them. A wheel
carries them as `latentstudio/_resources/...`, where `settings.resource_dir` finds them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

RESOURCES = ("assets", "pretrained")


class BuildWithResources(build_py):
    """Copy the resource folders into the built package."""

    def run(self) -> None:
        """Build as usual, then copy; an editable installation reads the checkout itself."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "latentstudio" / "_resources"
        # A folder left over from an earlier build must not lend the wheel files that are gone.
        shutil.rmtree(target, ignore_errors=True)
        for name in RESOURCES:
            if Path(name).is_dir():
                # Checkpoints serve going on with training; a program that is installed has no use for them.
                ignored = shutil.ignore_patterns("__pycache__", "checkpoint*")
                shutil.copytree(name, target / name, ignore=ignored)


setup(cmdclass={"build_py": BuildWithResources})
