from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from clip_files import (
    LAYERS,
    MERGES,
    PLACES,
    SIDE,
    WIDTH,
    WORDS,
    arrays,
    as_huggingface,
    write_clip,
    write_words,
)
from safetensors.numpy import save_file
from torch import nn

from latentstudio.errors import CheckpointError, InputError, ModelNotFoundError
from latentstudio.models.clip import load_clip
from latentstudio.models.clip.network import MEAN, STD
from latentstudio.models.clip.words import read_words


@pytest.fixture
def words(tmp_path):
    return read_words(write_words(tmp_path / "merges.txt"), len(MERGES))


def transformer(x: torch.Tensor, stored: dict[str, np.ndarray], prefix: str, mask) -> torch.Tensor:
    """The published blocks, on torch's own attention."""
    for i in range(LAYERS):
        part = {
            name[len(f"{prefix}.resblocks.{i}.") :]: torch.from_numpy(value)
            for name, value in stored.items()
            if name.startswith(f"{prefix}.resblocks.{i}.")
        }
        attention = nn.MultiheadAttention(WIDTH, 1, batch_first=True)
        attention.load_state_dict({k[5:]: v for k, v in part.items() if k.startswith("attn.")})
        y = F.layer_norm(x, (WIDTH,), part["ln_1.weight"], part["ln_1.bias"])
        x = x + attention(y, y, y, attn_mask=mask, need_weights=False)[0]
        y = F.layer_norm(x, (WIDTH,), part["ln_2.weight"], part["ln_2.bias"])
        y = F.linear(y, part["mlp.c_fc.weight"], part["mlp.c_fc.bias"])
        y = y * torch.sigmoid(1.702 * y)
        x = x + F.linear(y, part["mlp.c_proj.weight"], part["mlp.c_proj.bias"])
    return x


def test_words_fall_into_the_merged_pieces(words):
    numbers = words.numbers("  Smiling\nFACE fab ", 12)
    piece = {a + b: 512 + i for i, (a, b) in enumerate(MERGES)}
    letter = ord("b") - ord("!")  # the visible letters stand first, in their order
    expected = [WORDS - 2, piece["smiling</w>"], piece["face</w>"], piece["fa"], 256 + letter, WORDS - 1]
    assert numbers.tolist() == expected + [0] * 6
    assert len(words) == WORDS


def test_every_byte_has_a_letter(words):
    assert len(set(words.numbers("é中🙂 don't 7up", 40).tolist())) > 8


def test_prompts_that_can_not_be_read_are_told(words):
    with pytest.raises(InputError, match="at least one word"):
        words.numbers("   ")
    with pytest.raises(InputError, match="too long"):
        words.numbers("q" * 80)


def test_a_packed_list_is_read_and_a_wrong_one_refused(tmp_path):
    plain = write_words(tmp_path / "merges.txt").read_bytes()
    (tmp_path / "bpe.txt.gz").write_bytes(gzip.compress(plain))
    assert len(read_words(tmp_path / "bpe.txt.gz")) == WORDS
    for wrong in (b"", b"one\ntwo words here\n", b"\xff\xfe\x00", b"\x1f\x8bbroken"):
        (tmp_path / "wrong.txt").write_bytes(wrong)
        with pytest.raises(CheckpointError):
            read_words(tmp_path / "wrong.txt")


def test_pictures_and_sentences_become_the_published_arrows(tmp_path):
    stored = arrays()
    clip = load_clip(write_clip(tmp_path))
    images = torch.rand(2, 3, SIDE, SIDE) * 2 - 1
    x = (images + 1) / 2
    x = (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    x = F.conv2d(x, torch.from_numpy(stored["visual.conv1.weight"]), stride=8).flatten(2).transpose(1, 2)
    first = torch.from_numpy(stored["visual.class_embedding"]).expand(2, 1, -1)
    x = torch.cat([first, x], 1) + torch.from_numpy(stored["visual.positional_embedding"])

    def norm(values: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(
            values, (WIDTH,), *(torch.from_numpy(stored[f"{name}.{k}"]) for k in ("weight", "bias"))
        )

    x = transformer(norm(x, "visual.ln_pre"), stored, "visual.transformer", None)
    expected = F.normalize(norm(x[:, 0], "visual.ln_post") @ torch.from_numpy(stored["visual.proj"]), dim=1)
    with torch.inference_mode():
        assert torch.allclose(clip.pictures(images), expected, atol=1e-5)

    tokens = torch.from_numpy(clip.words.numbers("a smiling face", PLACES))
    x = torch.from_numpy(stored["token_embedding.weight"])[tokens][None]
    mask = torch.full((PLACES, PLACES), float("-inf")).triu(1)
    x = transformer(x + torch.from_numpy(stored["positional_embedding"]), stored, "transformer", mask)
    end = norm(x, "ln_final")[:, int((tokens == WORDS - 1).nonzero()[0])]
    expected = F.normalize(end @ torch.from_numpy(stored["text_projection"]), dim=1)
    with torch.inference_mode():
        assert torch.allclose(clip.sentences(["a smiling face"]), expected, atol=1e-5)


def test_both_naming_schemes_are_the_same_network(tmp_path):
    first = load_clip(write_clip(tmp_path / "a"))
    second = load_clip(write_clip(tmp_path / "b", as_huggingface(arrays())))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    assert first.sha256 != second.sha256


def test_pictures_of_any_size_are_looked_at_and_gradients_pass(tmp_path):
    clip = load_clip(write_clip(tmp_path))
    images = (torch.rand(1, 1, 9, 13) * 2 - 1).requires_grad_(True)
    clip.pictures(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in clip.parameters())


def test_the_config_says_which_gelu(tmp_path):
    folder = write_clip(tmp_path)
    assert load_clip(folder).sizes.quick
    (folder / "config.json").write_text(json.dumps({"vision_config": {"hidden_act": "gelu"}}))
    assert not load_clip(folder).sizes.quick
    assert not load_clip(write_clip(tmp_path / "ViT-B-32-laion2b")).sizes.quick


def test_what_is_missing_is_told_in_plain_words(tmp_path):
    for nothing in (None, "", tmp_path / "nowhere", tmp_path):
        with pytest.raises(ModelNotFoundError):
            load_clip(nothing)
    folder = write_clip(tmp_path / "clip")
    (folder / "merges.txt").unlink()
    with pytest.raises(ModelNotFoundError, match="list of words"):
        load_clip(folder)
    assert load_clip(folder, write_words(tmp_path / "mine.txt")).words is not None


def test_another_network_is_refused(tmp_path):
    wrong = arrays()
    del wrong["visual.proj"]
    with pytest.raises(CheckpointError):
        load_clip(write_clip(tmp_path / "a", wrong))
    save_file({"x": np.zeros(3, np.float32)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match="not CLIP"):
        load_clip(tmp_path / "x.safetensors")
    wrong = arrays()
    wrong["ln_final.bias"][0] = np.nan
    with pytest.raises(CheckpointError, match="numbers that are none"):
        load_clip(write_clip(tmp_path / "b", wrong))
