"""The measure of w by its pictures, and that it is found once."""

from __future__ import annotations

import pytest
import torch

from latentstudio.array_cache import kept_arrays
from latentstudio.detection import metric
from latentstudio.detection.metric import pace
from latentstudio.settings import user_folders


def kept_files():
    return list((user_folders().cache / "detection").glob("*.npz"))


def test_what_was_found_once_is_read_again(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pace(tiny)
    assert found is not None
    assert len(kept_files()) == 1
    monkeypatch.setattr(metric, "_some", lambda *_: pytest.fail("found a second time"))
    again = pace(tiny)
    assert again is not None
    assert torch.equal(found, again)


@pytest.mark.parametrize("spoilt", [b"", b"no array", None])
def test_a_spoilt_file_is_made_again(tiny, spoilt: bytes | None) -> None:
    found = pace(tiny)
    (path,) = kept_files()
    path.write_bytes(path.read_bytes()[:-40] if spoilt is None else spoilt)
    again = pace(tiny)
    assert found is not None
    assert again is not None
    torch.testing.assert_close(found, again)
    assert kept_arrays(path).keys() == {"pace"}


def test_a_model_without_a_file_leaves_none(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric, "_path", lambda _: None)
    assert pace(tiny) is not None
    assert kept_files() == []
