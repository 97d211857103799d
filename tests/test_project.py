from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RESOURCES = ("assets", "pretrained")


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in pairs}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_and_torch_to_one_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [project["dependencies"], *project["optional-dependencies"].values()]
    pinned = pins()
    for requirement in (line for lines in wanted for line in lines):
        assert normal(re.match(r"[\w.-]+", requirement)[0]) in pinned
    assert pinned["torch"] == "2.13.0"
    assert "torchvision" not in pinned


def test_what_is_installed_here_is_what_is_pinned() -> None:
    from importlib.metadata import distributions

    pinned = pins()
    for installed in distributions():
        name = normal(installed.metadata["Name"])
        if name in pinned:
            assert installed.version.partition("+")[0] == pinned[name], name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("latentstudio", *RESOURCES):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_models_and_assets_where_the_program_looks(wheel: Path, tmp_path: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for resource in RESOURCES:
        for path in (ROOT / resource).rglob("*"):
            left_out = "__pycache__" in path.parts or path.name.startswith("checkpoint")
            if path.is_file() and not left_out:
                assert f"latentstudio/_resources/{path.relative_to(ROOT).as_posix()}" in names
    assert not any(name.startswith(("tests/", "benchmarks/", "pretrained/", "assets/")) for name in names)
    assert not any("checkpoint" in name for name in names)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "from latentstudio.models.catalogue import catalogue_rows\n"
        "from latentstudio.models.library import default_model\n"
        "print(len(catalogue_rows()), default_model())"
    )
    # Isolated, so that the checkout is not importable beside the unpacked wheel.
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-P", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    ).stdout.split(maxsplit=1)
    assert int(told[0]) >= 7
    assert Path(told[1].strip()).is_relative_to(tmp_path / "latentstudio" / "_resources" / "pretrained")


def test_the_readme_names_the_system_libraries_that_ci_installs() -> None:
    from latentstudio.gui.system_libraries import LIBRARIES

    readme = (ROOT / "README.md").read_text().split()
    ci = (ROOT / ".ci" / "run").read_text().split()
    for package in LIBRARIES.values():
        assert package in readme
        assert package in ci


def test_the_readme_lists_the_formats_of_the_registry() -> None:
    code = subprocess.run([sys.executable, ROOT / "tools" / "readme_formats.py", "--check"], check=False)
    assert code.returncode == 0, "run `make readme`"


def test_the_bundled_model_names_its_coordinates_once_and_is_small(home: Path) -> None:
    from latentstudio import load_generator
    from latentstudio.models.library import default_model

    path = default_model()
    provenance = load_generator(path, "cpu").info.provenance
    assert len(set(provenance.z_names)) == len(provenance.z_names) == 64
    assert provenance.z_names[:2] == ("Head width", "Jaw width")
    assert provenance.z_names[49:52] == ("Turn", "Nod", "Tilt")
    assert provenance.licence == "MIT"
    assert path.stat().st_size < 12 * 2**20
    assert (path.parent / "MODEL_CARD.md").is_file()


def test_no_module_outgrows_four_hundred_lines_by_much() -> None:
    long = [
        str(path.relative_to(ROOT))
        for folder in ("latentstudio", "tests", "benchmarks", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 420  # "about 400"
    ]
    assert long == []
