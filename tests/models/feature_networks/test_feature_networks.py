from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

from latentstudio.errors import MismatchError, ModelNotFoundError, UnreadableFileError
from latentstudio.models.catalogue import ABOUT_NAME, installed_path
from latentstudio.models.feature_networks import (
    EfficientNetLite0,
    LpipsVGG16,
    SqueezeNet,
    load_efficientnet_lite0,
    load_mtcnn,
    load_squeezenet,
    load_vgg16_lpips,
)
from latentstudio.models.feature_networks.features import installed_file, stored_arrays
from latentstudio.settings import Folders, user_folders


def _place(identity: str) -> Path:
    folder = user_folders().data / "features" / identity
    folder.mkdir(parents=True)
    (folder / ABOUT_NAME).write_text(json.dumps({}))
    return folder


def _squeezenet_file(network: SqueezeNet) -> dict[str, list[np.ndarray]]:
    """The network as its authors' file names it: kernels (h, w, in, out)."""
    stored: dict[str, list[np.ndarray]] = {}
    for name, value in network.state_dict().items():
        layer = name.rpartition(".")[0]
        if layer.startswith("fires."):
            _, index, inner = layer.split(".")
            layer = f"fire{int(index) + 2}/{inner}"
        array = value.numpy()
        stored.setdefault(layer, []).append(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array)
    return stored


def test_what_is_not_installed_names_the_command_that_installs_it():
    for load, identity in (
        (load_squeezenet, "squeezenet-features"),
        (load_efficientnet_lite0, "effnet-lite0-features"),
        (load_mtcnn, "mtcnn-face-finder"),
        (lambda: load_vgg16_lpips("vgg.pth"), "lpips-heads"),
    ):
        with pytest.raises(ModelNotFoundError, match=f"latentstudio models install {identity}"):
            load()


def test_squeezenet_comes_back_from_its_authors_layout():
    torch.manual_seed(0)
    network = SqueezeNet().frozen()
    path = _place("squeezenet-features") / "squeezenet_weights.pkl"
    path.write_bytes(pickle.dumps(_squeezenet_file(network), protocol=2))
    images = torch.rand(2, 3, 48, 40) * 2 - 1
    levels = load_squeezenet()(images)
    assert [level.shape[1] for level in levels] == [64, 128, 256, 384, 384, 512, 512]
    for mine, there in zip(network(images), levels, strict=True):
        assert torch.equal(mine, there)


def test_a_file_with_another_network_or_with_nan_is_refused():
    path = _place("squeezenet-features") / "squeezenet_weights.pkl"
    stored = _squeezenet_file(SqueezeNet())
    lacking = {name: value for name, value in stored.items() if name != "fire5/expand3x3"}
    turned = {**stored, "conv1": [stored["conv1"][0].transpose(3, 2, 0, 1), stored["conv1"][1]]}
    broken = {**stored, "conv1": [stored["conv1"][0] * np.nan, stored["conv1"][1]]}
    for arrays, error, words in (
        (lacking, MismatchError, "fires.3.expand3x3.weight"),
        (turned, MismatchError, "shape"),
        (broken, UnreadableFileError, "numbers that are none"),
    ):
        path.write_bytes(pickle.dumps(arrays, protocol=2))
        with pytest.raises(error, match=words):
            load_squeezenet()


def test_the_feature_networks_take_small_grey_and_oblong_pictures_and_pass_gradients_on():
    torch.manual_seed(0)
    for network in (SqueezeNet().frozen(), EfficientNetLite0().frozen(), LpipsVGG16().frozen()):
        assert not any(p.requires_grad for p in network.parameters())
        images = (torch.rand(1, 1, 16, 24) * 2 - 1).requires_grad_()
        levels = network(images)
        assert all(level.shape[0] == 1 and torch.isfinite(level).all() for level in levels)
        assert [level.shape[2] for level in levels] == sorted((lv.shape[2] for lv in levels), reverse=True)
        sum(level.square().mean() for level in levels).backward()
        assert images.grad is not None
        assert images.grad.abs().sum() > 0


def test_the_lite_network_pads_as_its_trainers_did():
    from latentstudio.models.feature_networks.efficientnet_lite import _SameConv

    conv = _SameConv(1, 1, 3, 2, bias=False)
    conv.weight.data.fill_(1)
    # Even sides at stride 2: nothing is added on the left, one column on the right.
    found = conv(torch.arange(16.0).reshape(1, 1, 4, 4))
    assert found.tolist() == [[[[45.0, 39.0], [66.0, 50.0]]]]


def test_lpips_is_the_published_sum_over_unit_features():
    torch.manual_seed(0)
    network = LpipsVGG16()
    stored = {}
    for conv, index in enumerate((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)):
        stored[f"features.{index}.weight"] = network.convolutions[conv].weight.data
        stored[f"features.{index}.bias"] = network.convolutions[conv].bias.data
    stored["classifier.0.weight"] = torch.zeros(3, 3)
    heads = {f"lin{i}.model.1.weight": torch.rand(1, c, 1, 1) for i, c in enumerate((64, 128, 256, 512, 512))}
    folder = _place("lpips-heads")
    torch.save(heads, folder / "vgg.pth")
    save_file(stored, folder / "vgg16.safetensors")
    loaded = load_vgg16_lpips(folder / "vgg16.safetensors")
    a, b = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    found = loaded.distance(loaded(a), loaded(b))

    x, taps = torch.cat([a, b]) / 2 + 0.5, []
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (x - mean[:, None, None]) / std[:, None, None]
    for index in range(30):
        if f"features.{index}.weight" in stored:
            x = F.conv2d(x, stored[f"features.{index}.weight"], stored[f"features.{index}.bias"], padding=1)
        elif index in (4, 9, 16, 23):
            x = F.max_pool2d(x, 2)
        else:
            x = F.relu(x)
            if index in (3, 8, 15, 22, 29):
                taps.append(F.normalize(x, dim=1))
    expected = sum(
        ((tap[:2] - tap[2:]).square() * head).sum(1).mean((1, 2))
        for tap, head in zip(taps, heads.values(), strict=True)
    )
    assert torch.allclose(found, expected, rtol=1e-4)
    assert float(loaded.distance(loaded(a), loaded(a)).max()) == 0


def test_a_file_without_vgg16_is_told_so(tmp_path):
    heads = {f"lin{i}.model.1.weight": torch.rand(1, c, 1, 1) for i, c in enumerate((64, 128, 256, 512, 512))}
    torch.save(heads, _place("lpips-heads") / "vgg.pth")
    torch.save({"features.0.weight": torch.zeros(96, 3, 11, 11)}, tmp_path / "alexnet.pth")
    with pytest.raises(MismatchError, match="does not hold VGG16"):
        load_vgg16_lpips(tmp_path / "alexnet.pth")


@pytest.mark.parity
@pytest.mark.parametrize(("name", "classes"), [("chelsea", {281, 282, 285}), ("coffee", {925, 967, 968})])
def test_the_real_networks_know_a_cat_and_a_cup(name, classes, shared, monkeypatch):
    """Wrong colours, means or padding would make them see something else."""
    monkeypatch.delenv("LATENTSTUDIO_HOME")
    folders: Folders = user_folders()
    if any(installed_path(i, folders) is None for i in ("squeezenet-features", "effnet-lite0-features")):
        pytest.skip("the feature networks of the catalogue are not installed")
    photo = Image.open(shared / "photos" / f"{name}.png").convert("RGB")
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    photo = photo.resize((224, 224), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
    image = torch.from_numpy(np.array(photo, np.float32)).permute(2, 0, 1)[None] / 127.5 - 1

    def tensor(arrays, key):
        return torch.from_numpy(np.array(arrays[key].numpy()))

    arrays = stored_arrays(installed_file("squeezenet-features", "squeezenet_weights.pkl", folders))
    last = load_squeezenet(folders)(image)[-1]
    scores = F.conv2d(last, tensor(arrays, "conv10.0").permute(3, 2, 0, 1), tensor(arrays, "conv10.1"))
    assert set(F.relu(scores).mean((2, 3)).topk(2).indices[0].tolist()) <= classes

    file = installed_file("effnet-lite0-features", "efficientnet-lite0-57934424.pth", folders)
    arrays = stored_arrays(file)
    last = F.conv2d(load_efficientnet_lite0(folders)(image)[-1], tensor(arrays, "_conv_head.weight"))
    norm = [tensor(arrays, f"_bn1.{part}") for part in ("running_mean", "running_var", "weight", "bias")]
    pooled = F.relu6(F.batch_norm(last, *norm, eps=1e-3)).mean((2, 3))
    scores = pooled @ tensor(arrays, "_fc.weight").T + tensor(arrays, "_fc.bias")
    assert set(scores.topk(2).indices[0].tolist()) <= classes
