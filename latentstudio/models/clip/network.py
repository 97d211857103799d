"""CLIP's two transformers.

Owns the network; its sizes come from the stored arrays. Frozen: gradients pass through to the pictures,
weights never learn.

Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", section
2.4; Dosovitskiy et al., "An Image is Worth 16x16 Words", section 3.1 (the picture as patches).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models.clip.words import Words

HEAD_WIDTH = 64
# The mean and deviation of the pictures it was trained on.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ClipSizes:
    """Widths and depths, as the arrays tell them.

    Attributes:
        side_px: of the pictures.
        patch_px: of a patch.
        width: of the picture's transformer.
        layers: of it.
        text_width: of the text's transformer.
        text_layers: of it.
        words: entries of the vocabulary.
        places: longest sentence.
        shared: length of what both give.
        quick: whether GELU is approximated by x sigmoid(1.702 x), as the first weights were trained.
    """

    side_px: int
    patch_px: int
    width: int
    layers: int
    text_width: int
    text_layers: int
    words: int
    places: int
    shared: int
    quick: bool = True


class _Block(nn.Module):
    def __init__(self, width: int, quick: bool) -> None:
        super().__init__()
        self.heads, self.quick = max(1, width // HEAD_WIDTH), quick
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc, self.proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        """(N, places, width) -> the same."""
        n, places, width = x.shape
        split = self.qkv(self.ln_1(x)).reshape(n, places, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (N, heads, places, width / heads)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + self.out(seen.transpose(1, 2).reshape(n, places, width))
        hidden = self.fc(self.ln_2(x))
        hidden = hidden * torch.sigmoid(1.702 * hidden) if self.quick else F.gelu(hidden)
        result: Tensor = x + self.proj(hidden)
        return result


class Clip(nn.Module):
    """Pictures and sentences to unit arrows of one space.

    Args:
        sizes: of its parts.
        words: the vocabulary.
    """

    def __init__(self, sizes: ClipSizes, words: Words) -> None:
        super().__init__()
        self.sizes, self.words = sizes, words
        self.sha256 = ""
        patches = (sizes.side_px // sizes.patch_px) ** 2
        self.patch = nn.Conv2d(3, sizes.width, sizes.patch_px, stride=sizes.patch_px, bias=False)
        self.first = nn.Parameter(torch.zeros(sizes.width))
        self.places = nn.Parameter(torch.zeros(patches + 1, sizes.width))
        self.ln_pre, self.ln_post = nn.LayerNorm(sizes.width), nn.LayerNorm(sizes.width)
        self.blocks = nn.ModuleList(_Block(sizes.width, sizes.quick) for _ in range(sizes.layers))
        self.shared = nn.Parameter(torch.zeros(sizes.width, sizes.shared))
        self.text_words = nn.Embedding(sizes.words, sizes.text_width)
        self.text_places = nn.Parameter(torch.zeros(sizes.places, sizes.text_width))
        self.text_blocks = nn.ModuleList(
            _Block(sizes.text_width, sizes.quick) for _ in range(sizes.text_layers)
        )
        self.text_ln = nn.LayerNorm(sizes.text_width)
        self.text_shared = nn.Parameter(torch.zeros(sizes.text_width, sizes.shared))

    def pictures(self, images: Tensor) -> Tensor:
        """Arrows (N, shared) of unit length of pictures (N, 3 or 1, H, W) in [-1, 1]."""
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        side = self.sizes.side_px
        if tuple(images.shape[2:]) != (side, side):
            images = F.interpolate(images, (side, side), mode="bicubic", align_corners=False, antialias=True)
        mean, std = (images.new_tensor(values)[:, None, None] for values in (MEAN, STD))
        x = self.patch(((images.clamp(-1, 1) + 1) / 2 - mean) / std)
        x = x.flatten(2).transpose(1, 2)  # (N, patches, width)
        x = torch.cat([self.first.expand(len(x), 1, -1), x], 1) + self.places
        x = self.ln_pre(x)
        for block in self.blocks:
            x = block(x, False)
        return F.normalize(self.ln_post(x[:, 0]) @ self.shared, dim=1)

    def sentences(self, texts: list[str]) -> Tensor:
        """Arrows (N, shared) of unit length of sentences."""
        numbers = [torch.from_numpy(self.words.numbers(text, self.sizes.places)) for text in texts]
        tokens = torch.stack(numbers).to(self.first.device)
        x = self.text_words(tokens) + self.text_places
        for block in self.text_blocks:
            x = block(x, True)
        x = self.text_ln(x)
        # What the sentence says is gathered at its end mark, which has the highest number.
        ends = x[torch.arange(len(x)), tokens.argmax(1)]
        return F.normalize(ends @ self.text_shared, dim=1)
