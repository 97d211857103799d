"""Archives and indexes for tests: small, local, and as broken as asked for."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from latentstudio.models.package_index import PinnedArchive


def write_wheel(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_sdist(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def pinned(path: Path, package: str = "some-model") -> PinnedArchive:
    data = path.read_bytes()
    return PinnedArchive(package, path.name, hashlib.sha256(data).hexdigest(), len(data))


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """An HTTP server on this machine whose every reply is `answer`; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(
    request: http.server.BaseHTTPRequestHandler,
    data: bytes,
    *,
    status: int = 200,
    kind: str = "text/html",
    claimed_bytes: int | None = None,
) -> None:
    """Send a reply; with `claimed_bytes` above its length, the connection ends early."""
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(data) if claimed_bytes is None else claimed_bytes))
    request.end_headers()
    request.wfile.write(data)
