"""A real local cluster: worker processes, one of which is killed in the middle of the run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from latentstudio.cluster.farm import Farm
from latentstudio.detection.measuring import own_picture
from latentstudio.detection.protocol import Protocol, quick_projection
from latentstudio.detection.work import Outcome, Task, WorkHere
from latentstudio.errors import InputError

pytest.importorskip("distributed")
# dask's own: a worker that is killed leaves a socket and warns of it.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HASTY = Protocol(quick_projection().changed(steps=4, start_samples=4), further_steps=2, plus_steps=1)


def test_a_lost_worker_costs_a_retry_and_nothing_else(tiny, tiny_path: Path) -> None:
    tasks = [Task(f"photo {seed}", own_picture(tiny, seed, 0.7)) for seed in range(12)]
    tasks.append(Task("small", np.zeros((4, 4, 3), np.uint8)))
    found: dict[str, Outcome] = {}
    with Farm(tiny_path, tiny.info.sha256, workers=2, threads=1) as farm:
        before = farm.client.run(os.getpid)
        assert len(before) == 2
        for event in farm.run(tasks, HASTY):
            if not isinstance(event, Outcome):
                continue
            if not found:
                os.kill(next(iter(before.values())), signal.SIGKILL)
            assert event.key not in found
            found[event.key] = event
        # The one that was killed is gone for good.
        assert next(iter(before.values())) not in farm.client.run(os.getpid).values()
    assert found.keys() == {task.key for task in tasks}
    assert found.pop("small").error
    here = {e.key: e for e in WorkHere(tiny, batch=1).run(tasks[:2], HASTY) if isinstance(e, Outcome)}
    for key, outcome in found.items():
        assert outcome.error == ""
        assert len(outcome.measurements) == 1
        if key in here:
            same = here[key].measurements[0].values
            assert outcome.measurements[0].values == pytest.approx(same, abs=0.05)


def test_a_scheduler_somewhere_gets_the_model_s_bytes(tiny, tiny_path: Path, tmp_path: Path) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster:
        # As on another machine: the file is not where it was.
        moved = tmp_path / "moved.safetensors"
        moved.write_bytes(tiny_path.read_bytes())
        with Farm(moved, tiny.info.sha256, scheduler=cluster.scheduler_address) as farm:
            moved.unlink()
            tasks = [Task("own", None, 3, 0.7, ("clean", "jpeg75"))]
            outcomes = [e for e in farm.run(tasks, HASTY) if isinstance(e, Outcome)]
    assert [o.error for o in outcomes] == [""]
    assert len(outcomes[0].measurements) == 2


def test_a_worker_may_take_several_pictures_at_a_time(tiny, tiny_path: Path) -> None:
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster,
        Farm(tiny_path, tiny.info.sha256, scheduler=cluster.scheduler_address, together=3) as farm,
    ):
        tasks = [Task(f"photo {seed}", own_picture(tiny, seed, 0.7)) for seed in range(4)]
        tasks.insert(1, Task("small", np.zeros((4, 4, 3), np.uint8)))
        found = {e.key: e for e in farm.run(tasks, HASTY) if isinstance(e, Outcome)}
    assert found.keys() == {task.key for task in tasks}
    # One that fails takes none of its neighbours with it.
    assert [key for key, outcome in found.items() if outcome.error] == ["small"]
    assert all(len(outcome.measurements) == 1 for key, outcome in found.items() if key != "small")


def test_what_can_not_be_reached_or_started_is_told(tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ({}, {"workers": 1, "scheduler": "tcp://127.0.0.1:1"}, {"workers": 1000}):
        with pytest.raises(InputError):
            Farm(tiny_path, "ab", **wrong)
    monkeypatch.setattr("latentstudio.cluster.farm.CONNECT_TIMEOUT_S", 0.2)
    with (
        pytest.raises(InputError, match="does not answer"),
        Farm(tiny_path, "ab", scheduler="tcp://127.0.0.1:1"),
    ):
        pass
