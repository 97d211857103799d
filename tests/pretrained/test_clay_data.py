"""The pictures of the clay faces as they are drawn, kept and shown to the trainer."""

import numpy as np
import pytest
import torch
from clay_data import HELD_OUT, Pictures, load_pictures
from make_data import FIRST_CURLY, SHARD, shard_latents, shard_list

from latentstudio import clay


def test_curly_shards_lie_evenly_among_the_others():
    assert shard_list(2000) == [0, 1, 2, 3]
    wanted = shard_list(4000, 1500)
    assert sorted(wanted) == [*range(8), *range(FIRST_CURLY, FIRST_CURLY + 3)]
    # Cut short anywhere, about a quarter is curly.
    for end in (4, 8):
        assert sum(index >= FIRST_CURLY for index in wanted[:end]) in (1, 2)
    assert wanted[0] == 0


def test_a_curly_shard_holds_heads_with_curls_only():
    latents = shard_latents(FIRST_CURLY)
    columns = dict(zip(clay.NAMES, clay.latents_to_factors(latents).T, strict=True))
    assert latents.shape == (SHARD, 64)
    assert columns["hair_curl"].min() > 0.4
    assert columns["bald"].max() < 0.5
    assert not np.array_equal(latents, shard_latents(FIRST_CURLY + 1))


def test_pictures_are_shown_as_they_are_and_the_held_out_ones_never():
    count = HELD_OUT + 40
    # Brighter to the right, so that a mirrored one would be told.
    row = torch.arange(16, dtype=torch.uint8) * 10
    images = row.expand(count, 3, 16, 16).contiguous()
    images[:HELD_OUT] = 255
    marks = torch.arange(count, dtype=torch.float32)[:, None]
    pictures = Pictures(images, marks, torch.randn(count, 64), torch.ones(count), {})
    shown, features, z = pictures.batch(200)
    assert features.min() >= HELD_OUT
    torch.testing.assert_close(shown, (row / 127.5 - 1).expand(200, 3, 16, 16))
    torch.testing.assert_close(z[:, :64], pictures.latents[features[:, 0].long()])


def test_pooled_pictures_show_the_same_heads_smaller():
    images = torch.randint(0, 256, (HELD_OUT + 4, 3, 32, 32), dtype=torch.uint8)
    marks = torch.arange(HELD_OUT + 4, dtype=torch.float32)[:, None]
    pictures = Pictures(images, marks, torch.randn(len(marks), 64), torch.ones(len(marks)), {}, images)
    small = pictures.pooled(16)
    assert small.grained is None
    assert small.images.shape == (HELD_OUT + 4, 3, 16, 16)
    apart = small.images.float() - torch.nn.functional.avg_pool2d(images.float(), 2)
    assert apart.abs().max() <= 0.5
    assert torch.equal(small.features, marks)


def test_what_is_rare_is_shown_more_often(tmp_path):
    count = HELD_OUT + 1000
    latents = clay.sample_latents(count, 5)
    arrays = {
        "images": np.zeros((count, 4, 4, 3), np.uint8),
        "factors": clay.latents_to_factors(latents),
        "latents": latents,
        "features": np.arange(count, dtype=np.float32)[:, None],
    }
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "factor_names.txt").write_text("\n".join(clay.NAMES))
    pictures = load_pictures(tmp_path)
    glasses = torch.from_numpy(arrays["factors"][:, clay.NAMES.index("glasses")])
    _, features, _ = pictures.batch(4000)
    assert glasses[features[:, 0].long()].mean() > 1.4 * glasses.mean()
    more = load_pictures(tmp_path, curls=6).weights / pictures.weights
    curly = torch.from_numpy(arrays["factors"][:, clay.NAMES.index("hair_curl")] > 0.35)
    assert set(more[~curly].tolist()) == {1.0}
    assert set(more[curly].tolist()) == {1.0, 4.0}  # bald heads have no curls to show


def test_a_folder_without_pictures_is_told(tmp_path):
    with pytest.raises(SystemExit, match=r"no images\.npy"):
        load_pictures(tmp_path)
