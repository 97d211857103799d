from __future__ import annotations

import json
from pathlib import Path

import pytest

from latentstudio.detection.records import Journal, Record, record_line, record_of
from latentstudio.errors import InputError, SaveError

RECORD = Record("seed1", "generated", "jpeg75", {"pixels": 1.25, "depth": 3.0}, 0.5)


def test_a_journal_goes_on_where_it_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.jsonl"
    with Journal(path, {"model": "a"}) as journal:
        journal.add(record_line(RECORD))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"name": "half a li')
    with Journal(path, {"model": "a"}) as journal:
        assert [record_of(line) for line in journal.lines] == [RECORD]
        journal.add(record_line(Record("é", "real", "clean", {}, 0)))
    with Journal(path, {"model": "a"}) as journal:
        assert [line["name"] for line in journal.lines] == ["seed1", "é"]
    assert all(json.loads(line) for line in path.read_text("utf-8").splitlines())


def test_results_of_another_model_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    Journal(path, {"model": "a", "steps": (1, 2)}).close()
    Journal(path, {"steps": [1, 2], "model": "a"}).close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="another model"):
        Journal(path, {"model": "b", "steps": [1, 2]})
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["hello\n", "[]\n", '{"x": 1}\n', "\n"])
def test_another_file_is_never_written_to(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=r"notes\.txt"):
        Journal(path, {"model": "a"})
    assert path.read_text() == text


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((SaveError, InputError)):
        Journal(tmp_path / "file" / "run.jsonl", {})


@pytest.mark.parametrize(
    "changes", [{"kind": "fake"}, {"values": [1]}, {"values": {"a": "x"}}, {"seconds": None}]
)
def test_a_damaged_line_is_told(changes: dict) -> None:
    with pytest.raises(InputError):
        record_of({**record_line(RECORD), **changes})
