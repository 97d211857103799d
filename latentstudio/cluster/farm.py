"""Tasks of detection on dask.distributed: worker processes here, or a scheduler somewhere.

Owns the way of tasks and outcomes between this process and the workers, and each worker's one loaded
model. A worker that is lost costs its tasks a retry and nothing else. One thread at a time; the workers
compute in processes of their own.

Source: Rocklin, "Dask: Parallel Computation with Blocked algorithms and Task Scheduling".
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.detection.protocol import Protocol
from latentstudio.detection.work import Outcome, Task, do_tasks
from latentstudio.engine.requests import Progress
from latentstudio.errors import InputError, LatentStudioError, ModelNotFoundError

if TYPE_CHECKING:
    from latentstudio.models.generator import Generator

# How often a task may lose its worker before it counts as failed.
RETRIES = 3
CONNECT_TIMEOUT_S = 15
# How long to wait for an outcome before telling that all is well.
PATIENCE_S = 0.5
MOST_WORKERS = 256
# Dask lets its workers give memory back at every chance; a projection takes the same again in every step, and
# nearly half of its time went into clearing it.
_KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": 1 << 29, "MALLOC_MMAP_THRESHOLD_": 1 << 29}


class Farm:
    """Work on a cluster; a context, because processes and connections end with it.

    Args:
        model: the model's file.
        sha256: its hash; every worker checks it.
        workers: processes to start on this machine, where no scheduler is named.
        scheduler: address of a running scheduler, such as "tcp://host:8786".
        threads: threads a local worker computes with; 0 shares this machine's cores among them.
        together: how many tasks a worker takes at a time: several cost less each, but their results depend on
            one another in the last digits, which the steps amplify.

    Raises:
        InputError: the extra is not installed, or the scheduler can't be reached.
    """

    def __init__(
        self,
        model: Path,
        sha256: str,
        *,
        workers: int = 0,
        scheduler: str = "",
        threads: int = 0,
        together: int = 1,
    ) -> None:
        if bool(workers) == bool(scheduler):
            raise InputError("A cluster is either a number of workers here or a scheduler's address.")
        if not 0 <= workers <= MOST_WORKERS:
            raise InputError(f"The workers must be from 1 to {MOST_WORKERS}, not {workers}.")
        self._model, self._sha256 = model, sha256
        self._workers, self._scheduler = workers, scheduler
        self._threads = threads or max(1, (os.cpu_count() or 1) // max(workers, 1))
        self._together = max(1, together)
        self._cluster: Any = None
        self._client: Any = None
        self._bytes: Any = None

    def __enter__(self) -> Farm:
        distributed = _distributed()
        import dask

        try:
            if self._scheduler:
                address: Any = self._scheduler
            else:
                with dask.config.set({"distributed.nanny.pre-spawn-environ": _KEEPS_MEMORY}):
                    self._cluster = address = distributed.LocalCluster(
                        n_workers=self._workers,
                        threads_per_worker=1,
                        processes=True,
                        # Any free port: another run may have the usual one.
                        dashboard_address=":0",
                        silence_logs="CRITICAL",
                    )
            self._client = distributed.Client(address, timeout=CONNECT_TIMEOUT_S)
        except (OSError, TimeoutError, ValueError) as error:
            self.__exit__()
            where = self._scheduler or "on this machine"
            raise InputError(
                f"The cluster {where} does not answer.",
                "Start it with `dask scheduler` and `dask worker`, and give the address it prints.",
            ) from error
        if self._scheduler:
            # Other machines may not have the file: each worker gets its bytes once, if it needs them.
            data = self._model.read_bytes() if self._model.is_file() else b""
            if data:
                self._bytes = self._client.scatter(data, broadcast=True, hash=True)
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()
        self._client = self._cluster = None

    @property
    def client(self) -> Any:
        """The dask client, for a look at what runs where."""
        return self._client

    def run(self, tasks: Sequence[Task], protocol: Protocol) -> Iterator[Progress | Outcome]:
        """See `detection.work.Work`: outcomes come as they are done."""
        distributed = _distributed()
        stored = protocol.to_json()
        groups = [tasks[i : i + self._together] for i in range(0, len(tasks), self._together)]
        futures = {
            self._client.submit(
                measure_on_worker,
                group,
                stored,
                str(self._model),
                self._sha256,
                self._bytes,
                self._threads if self._cluster is not None else 0,
                key=f"latentstudio-{self._sha256[:8]}-{protocol.digest}-{_short(group)}",
                pure=False,
                retries=RETRIES,
            ): group
            for group in groups
        }
        left = len(tasks)
        try:
            while futures:
                yield Progress(len(tasks) - left, len(tasks), self._words())
                try:
                    waited = distributed.wait(
                        list(futures), timeout=PATIENCE_S, return_when="FIRST_COMPLETED"
                    )
                except TimeoutError:
                    continue
                for future in waited.done:
                    group = futures.pop(future)
                    left -= len(group)
                    yield from _outcomes(future, group)
                    future.release()
        finally:
            # Whoever stops listening wants nothing more computed.
            self._client.cancel(list(futures))

    def _words(self) -> str:
        count = len(self._client.scheduler_info(n_workers=-1)["workers"])
        return f"On {count} worker{'' if count == 1 else 's'}"


def _outcomes(future: Any, group: Sequence[Task]) -> list[Outcome]:
    error = future.exception()
    if error is None:
        outcomes: list[Outcome] = future.result()
        return outcomes
    if isinstance(error, LatentStudioError):
        words = error.message
    elif type(error).__name__ == "KilledWorker":
        words = f"{RETRIES + 1} workers were lost while they measured it."
    else:
        words = f"A worker failed: {error}."
    return [Outcome(task.key, error=words) for task in group]


def _short(group: Sequence[Task]) -> str:
    words = " ".join(f"{task.key} {task.copies}" for task in group)
    return hashlib.sha256(words.encode()).hexdigest()[:24]


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            "Working on a cluster needs dask.distributed, which is not installed.",
            'Install it with: pip install "latentstudio[cluster]"',
        ) from error
    return distributed


# --- on the workers -----------------------------------------------------------------------------

_loaded: dict[str, Generator] = {}
# A worker may run several tasks at once; a model serves one thread at a time.
_lock = threading.Lock()


def measure_on_worker(
    tasks: Sequence[Task],
    protocol: dict[str, Any],
    path: str,
    sha256: str,
    data: bytes | None,
    threads: int,
) -> list[Outcome]:
    """Measure tasks with this worker's model; failures that would repeat come back as values.

    Args:
        tasks: what to measure, together.
        protocol: `Protocol.to_json`.
        path: where the model's file is on the machine that asked.
        sha256: the model's hash.
        data: the file's bytes, for machines that don't have it.
        threads: to compute with; 0 leaves the machine's choice.

    Raises:
        ModelNotFoundError: the model is not to be had here.
    """
    with _lock:
        return do_tasks(_generator(path, sha256, data, threads), tasks, Protocol.from_json(protocol))


def _generator(path: str, sha256: str, data: bytes | None, threads: int) -> Generator:
    """The model, loaded on the first task and kept as long as the worker lives."""
    if sha256 not in _loaded:
        import torch

        from latentstudio.models.registry import load_generator

        if threads:
            torch.set_num_threads(threads)
        _loaded.clear()
        found = _file_here(path, sha256)
        if found is not None:
            _loaded[sha256] = load_generator(found)
        elif data:
            with tempfile.TemporaryDirectory(prefix="latentstudio-") as folder:
                sent = Path(folder) / Path(path).name
                sent.write_bytes(data)
                generator = load_generator(sent)
            if generator.info.sha256 != sha256:
                raise ModelNotFoundError("The model that was sent is not the one that was asked for.")
            _loaded[sha256] = generator
        else:
            raise ModelNotFoundError(
                f'The model "{Path(path).name}" is not on this worker\'s machine.', "Install it there."
            )
    return _loaded[sha256]


def _file_here(path: str, sha256: str) -> Path | None:
    """The model's file on this machine: at the same place, bundled, installed or opened before."""
    from latentstudio.document.recipe import ModelRef
    from latentstudio.models.library import find_model

    same = Path(path)
    if same.is_file():
        with same.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                return same
    if same.is_dir():
        return same
    try:
        return find_model(ModelRef(sha256, same.stem, ""))
    except LatentStudioError:
        return None
