"""Every hostile file is refused by name, quickly, in little memory, and runs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import hostile_arrays  # noqa: F401
import hostile_containers  # noqa: F401
import hostile_pickles  # noqa: F401
import pytest
from hostile_files import CANARY, HOSTILE

from latentstudio.errors import CheckpointError
from latentstudio.formats import read_checkpoint

_LIMIT_S = 2.0
_LIMIT_MIB = 300
_READ_ALL = """
import json, resource, sys
from latentstudio.errors import CheckpointError
from latentstudio.formats import read_checkpoint
unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
refused = 0
for path in json.load(sys.stdin):
    try:
        read_checkpoint(path)
    except CheckpointError:
        refused += 1
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([refused, (after - before) / unit]))
"""


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_file_is_refused_by_name_and_runs_nothing(
    label: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("h")
    path = HOSTILE[label](folder)
    start = time.perf_counter()
    with pytest.raises(CheckpointError) as refusal:
        read_checkpoint(path)
    assert time.perf_counter() - start < _LIMIT_S
    assert refusal.value.message.startswith("Can't read \"")
    assert refusal.value.message.endswith(".")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500
    assert refusal.value.path is not None
    assert not (folder / CANARY).exists()


def test_there_are_many_kinds_of_hostile_files() -> None:
    assert len(HOSTILE) > 300


@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module")
def test_all_hostile_files_together_take_little_memory(tmp_path: Path) -> None:
    paths = []
    for number, (label, make) in enumerate(HOSTILE.items()):
        if label.startswith("thing"):
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        paths.append(str(make(folder)))
    done = subprocess.run(
        [sys.executable, "-c", _READ_ALL],
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    refused, grown_mib = json.loads(done.stdout)
    assert refused == len(paths)
    assert grown_mib < _LIMIT_MIB
    assert not list(tmp_path.glob(f"*/{CANARY}"))


def test_reading_a_model_never_imports_torch(tmp_path: Path) -> None:
    path = HOSTILE["in a torch zip"](tmp_path)
    program = (
        "import sys\nfrom latentstudio.errors import CheckpointError\n"
        "from latentstudio.formats import read_checkpoint\n"
        f"try:\n    read_checkpoint({str(path)!r})\nexcept CheckpointError:\n    pass\n"
        "print('torch' in sys.modules, 'latentstudio.models' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.stdout.split() == ["False", "False"]
