"""The catalogue: models that other people published, ready to be installed.

Owns the rows of `pretrained/catalogue.toml` and what installing and removing one means. Generators are
converted to the own format; feature networks are kept as they are. Nothing of a package is run. Importing
this module does not import torch. Any thread.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import tomllib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import CatalogueError, CheckpointError, SaveError
from latentstudio.models.package_archive import extract
from latentstudio.models.package_index import PackageIndex, PinnedArchive
from latentstudio.settings import Folders, resource_dir, user_folders

if TYPE_CHECKING:
    from latentstudio.models.spec import NetworkSpec

GENERATOR = "generator"
KINDS = (GENERATOR, "features", "face-finder", "heads")
ABOUT_NAME = "about.json"


@dataclass(frozen=True)
class CatalogueRow:
    """A model that can be installed.

    Attributes:
        id: short name for the command line.
        title: a name for people.
        kind: one of `KINDS`.
        about: one sentence on what it is.
        package: name of the package that carries it.
        version: of the package.
        archive: file name of the package's archive.
        sha256: of the archive, hexadecimal.
        size_bytes: of the archive: what has to be downloaded.
        files: names inside the archive.
        licence: as found.
        caution: what the licence does not clear.
        family: such as "StyleGAN2"; empty unless a generator.
        architecture: the network in the registry that it needs; empty unless a generator.
        resolution: longer side of its pictures in pixels; 0 unless a generator.
        class_names: names of its classes, where it has some.
    """

    id: str
    title: str
    kind: str
    about: str
    package: str
    version: str
    archive: str
    sha256: str
    size_bytes: int
    files: tuple[str, ...]
    licence: str
    caution: str
    family: str = ""
    architecture: str = ""
    resolution: int = 0
    class_names: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Where it comes from, for the provenance."""
        return f"{self.package} {self.version}, {self.archive} (SHA-256 {self.sha256})"


class InstallStep(NamedTuple):
    """How far an installation is: `done` of `total` bytes' worth of work, and what is going on."""

    done: int
    total: int
    text: str


InstallSteps = Generator[InstallStep, None, Path]


@cache
def catalogue_rows() -> list[CatalogueRow]:
    """Every row, in the order of the file.

    Raises:
        CatalogueError: the catalogue of this installation is damaged.
    """
    path = resource_dir("pretrained") / "catalogue.toml"
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = [_row(identity, fields) for identity, fields in stored.items()]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CatalogueError(
            f"The catalogue of this installation is damaged: {error}.",
            "Install LatentStudio again.",
            path=path,
        ) from error
    return rows


def _row(identity: str, fields: dict[str, Any]) -> CatalogueRow:
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return CatalogueRow(id=identity, **{**fields, **lists})


def row(identity: str) -> CatalogueRow:
    """The row of an id.

    Raises:
        CatalogueError: there is none.
    """
    for candidate in catalogue_rows():
        if candidate.id == identity:
            return candidate
    known = ", ".join(candidate.id for candidate in catalogue_rows())
    raise CatalogueError(f'The catalogue has no "{identity}".', f"It has: {known}.")


def installed_path(identity: str, folders: Folders | None = None) -> Path | None:
    """The installed file (generators) or folder (others); None where it is not installed."""
    found = row(identity)
    path = _target(found, folders or user_folders())
    return path if (path if found.kind == GENERATOR else path / ABOUT_NAME).is_file() else None


def check_installable(identity: str) -> CatalogueRow:
    """The row, after making sure that this version can use it.

    Raises:
        CatalogueError: no such row, or its family is not there yet.
    """
    found = row(identity)
    if found.kind == GENERATOR:
        from latentstudio.models.registry import architectures

        if all(architecture.network != found.architecture for architecture in architectures()):
            raise CatalogueError(
                f'"{found.title}" needs the family {found.family}, which this version does not read yet.',
                "Nothing was downloaded. Update LatentStudio, or choose another model.",
            )
    return found


def install_steps(
    identity: str, folders: Folders | None = None, index: PackageIndex | None = None
) -> InstallSteps:
    """Download, check, convert and store one row; closing the generator cancels it.

    Args:
        identity: id of the row.
        folders: where to; by default this user's.
        index: where from; by default where pip is set up to look.

    Yields:
        How far it is.

    Returns:
        What `installed_path` gives from then on.

    Raises:
        CatalogueError: the family is not there yet, the network fails, the archive is not the pinned
            one, or its model can't be read.
        SaveError: the disk is full or can't be written.
    """
    found = check_installable(identity)
    folders = folders or user_folders()
    target = _target(found, folders)
    # Reading and writing the weights takes about as long as a fifth of the download.
    total = found.size_bytes + found.size_bytes // 5
    yield InstallStep(0, total, f"Looking for {found.package} {found.version}")
    with _workplace(folders) as work:
        archive = work / found.archive
        pinned = PinnedArchive(found.package, found.archive, found.sha256, found.size_bytes)
        for done in (index or PackageIndex()).download(pinned, archive):
            yield InstallStep(done, total, "Downloading")
        yield InstallStep(found.size_bytes, total, "Unpacking")
        contents = work / "contents"
        contents.mkdir()
        extracted = extract(archive, found.files, contents)
        if found.kind == GENERATOR:
            yield InstallStep(found.size_bytes + found.size_bytes // 20, total, "Converting")
            spec = _read(found, extracted[0] if len(extracted) == 1 else contents)
            yield InstallStep(found.size_bytes + found.size_bytes // 10, total, "Storing")
            from latentstudio.models.spec import write_spec

            write_spec(target, spec)
        else:
            about = json.dumps({**asdict(found), "origin": f"catalogue:{found.id}"}, indent=1)
            write_atomically(contents / ABOUT_NAME, about.encode())
            _replace_folder(contents, target)
    yield InstallStep(total, total, "Installed")
    return target


def remove(identity: str, folders: Folders | None = None) -> None:
    """Delete an installed model.

    Raises:
        CatalogueError: it is not installed.
        SaveError: it can't be deleted.
    """
    path = installed_path(identity, folders)
    if path is None:
        raise CatalogueError(f'"{identity}" is not installed.')
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise SaveError(f'Can\'t remove "{path.name}": {error.strerror}.', path=path) from error


def _target(found: CatalogueRow, folders: Folders) -> Path:
    if found.kind == GENERATOR:
        return folders.models / f"{found.id}.safetensors"
    return folders.data / "features" / found.id


def _read(found: CatalogueRow, path: Path) -> NetworkSpec:
    """The network of the extracted files, with the whole provenance; tried by building it."""
    from latentstudio.models.registry import build_network, read_network

    try:
        spec, contents = read_network(path)
        build_network(spec)
    except CheckpointError as error:
        raise CatalogueError(f'"{found.title}" can\'t be used: {error.message}', error.hint) from error
    provenance = replace(
        spec.provenance,
        title=found.title,
        licence=found.licence,
        caution=found.caution,
        origin=f"catalogue:{found.id}",
        source=found.source,
        source_sha256=contents.sha256,
        class_names=found.class_names or spec.provenance.class_names,
    )
    return spec.changed(provenance=provenance)


@contextmanager
def _workplace(folders: Folders) -> Iterator[Path]:
    """A folder beside the models, so that what is finished there can be moved; gone afterwards."""
    try:
        place = tempfile.TemporaryDirectory(prefix=".installing-", dir=folders.data)
    except OSError as error:
        raise SaveError(
            f'Can\'t write to "{folders.data}": {error.strerror}.', "Make room on the disk."
        ) from error
    with place as name:
        yield Path(name)


def _replace_folder(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        source.rename(target)
    except OSError as error:
        raise SaveError(f'Can\'t store "{target.name}": {error.strerror}.', path=target) from error
