"""Files that torch itself writes read as torch wrote them."""

from __future__ import annotations

import collections
from collections.abc import Callable
from pathlib import Path
from typing import Any

import format_files as ff
import numpy as np
import pytest
import torch

from latentstudio.formats import Inert, StoredArray, flatten_module, read_checkpoint, state_dict

_KINDS = [
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
    torch.int8, torch.uint8, torch.bool, torch.complex64,
]  # fmt: skip
Saver = Callable[[Any], Any]


@pytest.fixture(params=["zip", "legacy"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Saver:
    """Saves a value with torch and gives what is read back."""

    def save(value: Any) -> Any:
        path = tmp_path / "file.pt"
        torch.save(value, path, _use_new_zipfile_serialization=request.param == "zip")
        contents = read_checkpoint(path)
        assert contents.kind == f"torch-{request.param}"
        return contents.root

    return save


@pytest.mark.parametrize("kind", _KINDS, ids=str)
def test_every_element_type_comes_back(kind: torch.dtype, saved: Saver) -> None:
    tensor = torch.tensor([[0, 1, 2], [3, 4, 101]]).to(kind)
    root = saved({"weight": tensor, "scalar": tensor[1, 2], "empty": tensor[:0]})
    expected = tensor.float() if kind is torch.bfloat16 else tensor
    for key, wanted in (("weight", expected), ("scalar", expected[1, 2]), ("empty", expected[:0])):
        np.testing.assert_array_equal(root[key].numpy(), wanted.numpy())
        assert root[key].dtype == wanted.numpy().dtype
    assert root["weight"].source_dtype == str(kind).removeprefix("torch.")


def test_strides_offsets_and_shared_storages_are_honoured(saved: Saver) -> None:
    base = torch.arange(24.0).reshape(2, 3, 4)
    values = {"whole": base, "turned": base.permute(2, 0, 1), "part": base[1, 1:, ::2], "one": base[0, 2, 3]}
    values["last"] = torch.randn(2, 8, 4, 4).to(memory_format=torch.channels_last)
    root = saved(values)
    for key, tensor in values.items():
        np.testing.assert_array_equal(root[key].numpy(), tensor.numpy())


def test_parameters_and_metadata_of_a_state_dict_are_read(saved: Saver) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    arrays = state_dict(saved(module.state_dict()))
    assert arrays is not None
    assert list(arrays) == list(module.state_dict())
    parameter = saved({"w": torch.nn.Parameter(torch.ones(3))})["w"]
    np.testing.assert_array_equal(parameter.numpy(), np.ones(3))


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_a_whole_module_of_plain_layers_is_recorded(saved: Saver) -> None:
    module = torch.nn.Sequential(
        collections.OrderedDict(a=torch.nn.Linear(2, 3), b=torch.nn.LeakyReLU(0.2), c=torch.nn.BatchNorm1d(3))
    )
    root = saved(module)
    assert isinstance(root, Inert)
    arrays, attributes, classes = flatten_module(root)
    assert set(arrays) == set(module.state_dict())
    assert classes == {"": "Sequential", "a": "Linear", "b": "LeakyReLU", "c": "BatchNorm1d"}
    assert attributes["b"]["negative_slope"] == 0.2


def test_an_optimizer_and_its_numbers_are_read(saved: Saver) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([weight], lr=0.1)
    weight.grad = torch.ones(2)
    optimizer.step()
    root = saved({"optim": optimizer.state_dict(), "size": torch.Size([2, 3]), "kind": torch.float16,
                  "device": torch.device("cpu"), "random": torch.get_rng_state()})  # fmt: skip
    assert isinstance(root["optim"]["state"][0]["exp_avg"], StoredArray)
    assert root["size"] == (2, 3)
    assert root["kind"].name == "torch.float16"
    assert root["device"].args == ("cpu",)


def test_a_handmade_file_of_each_container_reads(tmp_path: Path) -> None:
    expected = np.arange(6, dtype=np.float32).reshape(2, 3)
    path = tmp_path / "a.pt"
    path.write_bytes(ff.zip_bytes(ff.torch_parts()))
    np.testing.assert_array_equal(read_checkpoint(path).root["weight"].numpy(), expected)
    stream = ff.legacy_stream(ff.program(ff.plain_tensor(legacy=True), protocol=2), {"0": expected.tobytes()})
    path.write_bytes(stream)
    contents = read_checkpoint(path)
    assert contents.kind == "torch-legacy"
    np.testing.assert_array_equal(contents.root.numpy(), expected)


def test_a_file_larger_than_its_numbers_takes_no_second_copy(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"w": torch.arange(1000.0)}, path)
    values = read_checkpoint(path).root["w"].numpy()
    assert values.base is not None
    assert not values.flags.owndata


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_newer_pickle_protocols_inside_a_torch_file_read(protocol: int, tmp_path: Path) -> None:
    for new in (True, False):
        torch.save(
            {"w": torch.ones(2)}, tmp_path / "a", pickle_protocol=protocol, _use_new_zipfile_serialization=new
        )
        assert read_checkpoint(tmp_path / "a").root["w"].shape == (2,)
