"""Fetch one pinned archive from the package index that pip is set up to use.

Owns the way from a file name to its bytes on disk: pip is asked where packages come from (indexes, extra
indexes, folders, certificate, proxy), the archive is streamed with progress, and its SHA-256 decides.
pip itself must not fetch it: for a source archive, `pip download` runs the package's build script.
Any thread; nothing that arrives is ever imported or run.

Sources: PEP 503 and PEP 691 (simple index as HTML and as JSON).
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from latentstudio.errors import CatalogueError, SaveError

MAX_PAGE_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
TIMEOUT_S = 20.0
ATTEMPTS = 3
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_NETWORK_ERRORS = (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError)
_SCHEMES = ("https", "http", "file")


@dataclass(frozen=True)
class PinnedArchive:
    """A file that is known to the last bit.

    Attributes:
        package: name of the package.
        filename: of the archive, as the index lists it.
        sha256: what its bytes must hash to, hexadecimal.
        size_bytes: its size.
    """

    package: str
    filename: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class IndexSettings:
    """Where packages come from.

    Attributes:
        indexes: addresses of simple indexes, in the order to ask.
        find_links: folders or pages that list archives directly.
        cert: file with certificates to trust; empty for the system's.
        proxy: address of a proxy; empty for the environment's.
    """

    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str = ""
    proxy: str = ""


def index_settings() -> IndexSettings:
    """What pip would use, from its files and the environment."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        # There is no pip beside this Python; its environment variables may still be set.
        listed = "".join(
            f":env:.{name[4:].lower().replace('_', '-')}={value!r}\n"
            for name, value in os.environ.items()
            if name.startswith("PIP_")
        )
    return parse_settings(listed, default_index())


@cache
def default_index() -> str:
    """The index that pip asks when nothing is configured, as its own help names it; empty without pip."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--help"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    match = re.search(r"--index-url.*?\(default\s+(https?://[^\s)]+)", told, re.DOTALL)
    return match[1] if match else ""


def parse_settings(listed: str, default: str = "") -> IndexSettings:
    """The settings in the output of `pip config list`.

    Args:
        listed: that output.
        default: the index to ask where none is configured; empty for none.
    """
    found: dict[str, dict[str, str]] = {}
    for line in listed.splitlines():
        match = re.fullmatch(r"(global|download|:env:)\.([\w-]+)=('.*'|\".*\")", line.strip())
        if match:
            found.setdefault(match[2], {})[match[1]] = str(ast.literal_eval(match[3]))

    def value(name: str) -> str:
        given = found.get(name, {})
        return given.get(":env:", given.get("download", given.get("global", "")))

    no_index = value("no-index").lower() in ("1", "true", "yes", "on")
    indexes = (
        ()
        if no_index
        else tuple(filter(None, (value("index-url") or default, *value("extra-index-url").split())))
    )
    return IndexSettings(indexes, tuple(value("find-links").split()), value("cert"), value("proxy"))


@dataclass(frozen=True)
class _Link:
    filename: str
    url: str
    sha256: str = ""


@dataclass
class _Page(HTMLParser):
    """The links of a page of a simple index."""

    base: str
    links: list[_Link] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href")
        if tag == "a" and address:
            url, fragment = urldefrag(urljoin(self.base, address))
            digest = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
            self.links.append(_Link(unquote(urlsplit(url).path.rpartition("/")[2]), url, digest))


class PackageIndex:
    """A client for reading, bound to settings.

    Args:
        settings: where to look; by default what pip would use.
    """

    def __init__(self, settings: IndexSettings | None = None) -> None:
        self.settings = settings or index_settings()
        handlers: list[Any] = []
        if self.settings.cert:
            handlers.append(urllib.request.HTTPSHandler(context=self._trust(self.settings.cert)))
        if self.settings.proxy:
            handlers.append(
                urllib.request.ProxyHandler({"http": self.settings.proxy, "https": self.settings.proxy})
            )
        self._opener = urllib.request.build_opener(*handlers)

    @staticmethod
    def _trust(cert: str) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=cert)
        except OSError as error:
            raise CatalogueError(
                f'pip is set up with the certificate file "{cert}", which can\'t be read.',
                "Correct pip's setting `cert`.",
            ) from error

    def download(self, archive: PinnedArchive, target: Path) -> Generator[int, None, None]:
        """Fetch an archive to `target`, yielding the bytes that have arrived.

        Raises:
            CatalogueError: no index lists it, the network fails, or other bytes came than were pinned.
            SaveError: the disk is full or can't be written.
        """
        url = self._find(archive)
        done, failures = 0, 0
        try:
            with target.open("wb") as file:
                while done < archive.size_bytes:
                    try:
                        for arrived in self._stream(url, file, done, archive):
                            done = arrived
                            yield done
                        if done < archive.size_bytes:
                            raise TimeoutError("the connection ended early")
                    except _NETWORK_ERRORS as error:
                        failures += 1
                        if failures >= ATTEMPTS or isinstance(error, urllib.error.HTTPError):
                            raise self._unreachable(url, error) from error
        except OSError as error:
            raise SaveError(
                f'Can\'t store "{archive.filename}": {error.strerror or error}.',
                "Make room on the disk and install again; nothing was left behind.",
            ) from error
        with target.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != archive.sha256:
            raise CatalogueError(
                f'"{archive.filename}" is not the file that was pinned: its SHA-256 is {found[:16]}..., '
                f"expected {archive.sha256[:16]}...",
                "It was changed on its way or at its source, and was thrown away.",
            )

    def _stream(self, url: str, file: BinaryIO, start: int, archive: PinnedArchive) -> Iterator[int]:
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._open(url, headers) as reply:
            if start and reply.status != 206:
                start = 0  # the server sends the whole file again
            file.seek(start)
            file.truncate()
            done = start
            while chunk := reply.read(CHUNK_BYTES):
                done += len(chunk)
                if done > archive.size_bytes:
                    raise CatalogueError(
                        f'"{archive.filename}" is longer than the file that was pinned.',
                        "It was changed on its way or at its source, and was thrown away.",
                    )
                file.write(chunk)
                yield done

    def _find(self, archive: PinnedArchive) -> str:
        """The address of the archive: the first listed file of its name whose hash is not another."""
        asked: list[str] = []
        failure: CatalogueError | None = None
        for page, is_index in self._places(archive):
            try:
                links = list(self._links(page, is_index))
            except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
                # An index that does not carry the package says 404; another may.
                if not _is_missing(error):
                    failure = failure or self._unreachable(page, error)
                continue
            finally:
                asked.append(page)
            for link in links:
                if link.filename == archive.filename and link.sha256 in ("", archive.sha256):
                    return link.url
        if failure is not None:
            raise failure
        raise CatalogueError(
            f'No package index carries "{archive.filename}".',
            "Indexes asked: " + (", ".join(_shown(page) for page in asked) or "none") + ".",
        )

    def _places(self, archive: PinnedArchive) -> Iterator[tuple[str, bool]]:
        name = re.sub(r"[-_.]+", "-", archive.package).lower()
        for place in self.settings.find_links:
            folder = Path(unquote(urlsplit(place).path) if place.startswith("file:") else place)
            yield (folder.resolve().as_uri() if folder.is_dir() else place), False
        for index in self.settings.indexes:
            yield f"{index.rstrip('/')}/{name}/", True

    def _links(self, page: str, is_index: bool) -> Iterator[_Link]:
        if page.startswith("file:"):
            folder = Path(unquote(urlsplit(page).path))
            if folder.is_dir() and not is_index:
                yield from (_Link(path.name, path.as_uri()) for path in folder.iterdir())
                return
            page = urljoin(page, "index.html") if folder.is_dir() else page
        with self._open(page, {"Accept": _ACCEPT}) as reply:
            base = reply.geturl()
            text = reply.read(MAX_PAGE_BYTES).decode("utf-8", "replace")
            is_json = "json" in reply.headers.get("Content-Type", "")
        if is_json:
            for entry in json.loads(text)["files"]:
                digest = str(entry.get("hashes", {}).get("sha256", ""))
                yield _Link(str(entry["filename"]), urljoin(base, str(entry["url"])), digest)
        else:
            parsed = _Page(base)
            parsed.feed(text)
            yield from parsed.links

    def _open(self, url: str, headers: dict[str, str]) -> Any:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise urllib.error.URLError(f'addresses of the kind "{parts.scheme}" are not read')
        headers = {"User-Agent": "latentstudio", **headers}
        if parts.username is not None:
            # A private index: pip takes name and password from the address, urllib does not.
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
            url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        return self._opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)

    @staticmethod
    def _unreachable(url: str, error: Exception) -> CatalogueError:
        reason = getattr(error, "reason", None) or error
        reason = getattr(reason, "strerror", None) or reason
        return CatalogueError(
            f"Can't fetch from {_shown(url)}: {reason}.",
            "Check the network connection, then install again; nothing was left behind.",
        )


def _is_missing(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code == 404
    return isinstance(getattr(error, "reason", error), FileNotFoundError)


def _shown(url: str) -> str:
    """An address without a name and password in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
