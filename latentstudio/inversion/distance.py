"""How far a picture is from the target: a few named distances, each a weighted sum of terms.

Owns the names, the weights and the masking; the terms themselves are in `pixel_terms` and
`feature_terms`. Everything is differentiable and works on batches. Any thread.

Sources: Bojanowski et al., "Optimizing the Latent Space of Generative Networks" (Laplacian pyramid);
Wang et al., "Multiscale structural similarity for image quality assessment"; Zhang et al., "The
Unreasonable Effectiveness of Deep Features as a Perceptual Metric".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from latentstudio.errors import InputError
from latentstudio.inversion.feature_terms import features, lpips
from latentstudio.inversion.options import DISTANCES
from latentstudio.inversion.pixel_terms import multiscale_ssim, pixel, pyramid
from latentstudio.models.catalogue import installed_path
from latentstudio.models.discriminators import load_discriminator
from latentstudio.models.discriminators.features import DiscriminatorFeatures
from latentstudio.models.feature_networks import (
    FeatureNetwork,
    load_efficientnet_lite0,
    load_squeezenet,
    load_vgg16_lpips,
)
from latentstudio.models.generator import Generator

# Images (N, 3, H, W) -> one number a picture, (N,).
Measure = Callable[[Tensor], Tensor]
# A target (N, 3, H, W) -> the measure of how far pictures are from it.
Term = Callable[[Tensor], Measure]

# Pictures are compared at no more than this many pixels a side, shrunk by area, as published.
MAX_PX = 256
# Smaller models are compared without a feature network unless one is asked for.
FEATURES_FROM_PX = 128


@dataclass(frozen=True)
class Prepared:
    """A distance to certain targets.

    Attributes:
        measures: by name of the term.
        weights: by name of the term.
        targets: float32 (N, 3, H, W) in [-1, 1].
        mask: float32 (N, 1, H, W), or None.
        size: (height, width) at which pictures are compared.
    """

    measures: Mapping[str, Measure]
    weights: Mapping[str, float]
    targets: Tensor
    mask: Tensor | None
    size: tuple[int, int]

    def terms(self, images: Tensor) -> dict[str, Tensor]:
        """The weighted terms by name, each (N,); their sum is the distance.

        Args:
            images: (N, C, H, W) in [-1, 1], of the targets' size or larger.
        """
        images = shrunk(as_rgb(images), self.size)
        if self.mask is not None:
            # Where nothing counts the target itself stands in, for every kind of term alike.
            images = self.targets + self.mask * (images - self.targets)
        return {name: measure(images) * self.weights[name] for name, measure in self.measures.items()}

    def __call__(self, images: Tensor) -> Tensor:
        """The distance of each picture from its target, (N,)."""
        return torch.stack(list(self.terms(images).values())).sum(0)


class Distance:
    """A named distance.

    Args:
        name: what was chosen.
        terms: by name.
        weights: by name; a term of weight 0 is not computed.
        about: what it uses, for a person.
        max_px: pictures are compared at no more than this many pixels a side.
    """

    def __init__(
        self,
        name: str,
        terms: Mapping[str, Term],
        weights: Mapping[str, float],
        about: str,
        max_px: int = MAX_PX,
    ) -> None:
        self.name, self._about, self._max_px = name, about, max_px
        self.weights = {term: weight for term, weight in weights.items() if weight > 0}
        self._terms = {term: terms[term] for term in self.weights}

    def describe(self) -> str:
        """What it really measures, with the weights, for a person."""
        parts = ", ".join(f"{term} {weight:g}" for term, weight in self.weights.items())
        return f"{self._about} ({parts})"

    def prepare(self, targets: Tensor, mask: Tensor | None = None) -> Prepared:
        """The distance to targets.

        Args:
            targets: (N, C, H, W) in [-1, 1].
            mask: (N, 1, H, W) in [0, 1]: 0 where anything may appear; None where all counts. The
                distance is divided by the share that counts, so that masks don't make things alike.

        Raises:
            InputError: a mask leaves nothing that counts.
        """
        targets = as_rgb(targets)
        height, width = targets.shape[2:]
        scale = min(1.0, self._max_px / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        targets = shrunk(targets, size)
        with torch.no_grad():
            measures = {name: term(targets) for name, term in self._terms.items()}
        if mask is not None:
            mask = shrunk(mask, size)
            share = mask.mean((1, 2, 3))
            if bool((share < 1e-4).any()):
                raise InputError("The mask leaves nothing of the photograph.", "Paint what counts.")
            measures = {name: _divided(measure, share) for name, measure in measures.items()}
        return Prepared(measures, self.weights, targets, mask, size)


def make_distance(
    name: str,
    generator: Generator | None = None,
    weights: Mapping[str, float] | None = None,
    *,
    vgg_path: str = "",
) -> Distance:
    """A distance by name.

    Args:
        name: "pixel", "pyramid" (Laplacian pyramid and MS-SSIM), "squeezenet", "efficientnet",
            "discriminator", "lpips", or "auto", the best that is installed.
        generator: whose pictures are compared; its device holds the feature networks.
        weights: factors on the terms, in place of the distance's own.
        vgg_path: VGG16 weights for "lpips".

    Raises:
        InputError: there is no such distance or term, or the generator's file has no discriminator.
        ModelNotFoundError: a feature network is not installed; the hint says how to get it.
    """
    if name not in DISTANCES:
        raise InputError(f'There is no distance "{name}".', f"Use one of {', '.join(DISTANCES)}.")
    if name == "auto":
        name = best_installed(generator, vgg_path)
    terms: dict[str, Term] = {"pixel": pixel, "pyramid": pyramid, "ms-ssim": multiscale_ssim}
    if name == "pixel":
        own, about = {"pixel": 1.0}, "squared differences of pixels"
    elif name == "pyramid":
        own, about = {"pyramid": 1.0, "ms-ssim": 0.25}, "Laplacian pyramid and MS-SSIM"
    elif name == "lpips":
        if not vgg_path:
            raise InputError(
                "LPIPS needs the weights of VGG16, which no package carries.",
                "Point at torchvision's vgg16-397923af.pth, or use squeezenet.",
            )
        terms["lpips"] = lpips(_on(load_vgg16_lpips(vgg_path), generator))
        own, about = {"lpips": 1.0}, "LPIPS with VGG16"
    else:
        network = _network(name, generator)
        terms["features"] = features(network)
        own, about = {"features": 1.0, "pyramid": 1.0}, f"features of {network.title} and a Laplacian pyramid"
    chosen = own | dict(weights or {})
    unknown = sorted(set(chosen) - set(terms))
    if unknown:
        raise InputError(f'The distance "{name}" has no term "{unknown[0]}".', f"It has {', '.join(terms)}.")
    if not any(weight > 0 for weight in chosen.values()):
        raise InputError("A distance needs a term whose weight is not 0.")
    # A discriminator knows its generator's pictures at their own size only.
    max_px = MAX_PX if name != "discriminator" or generator is None else generator.info.img_resolution
    return Distance(name, terms, chosen, about, max_px)


def best_installed(generator: Generator | None, vgg_path: str = "") -> str:
    """The distance that "auto" stands for here.

    Networks trained on large photographs see little in small pictures, and cost more than drawing them.
    """
    if vgg_path:
        return "lpips"
    if generator is not None and generator.info.img_resolution < FEATURES_FROM_PX:
        return "pyramid"
    rows = {"squeezenet": "squeezenet-features", "efficientnet": "effnet-lite0-features"}
    return next((name for name, row in rows.items() if installed_path(row) is not None), "pyramid")


def _network(name: str, generator: Generator | None) -> FeatureNetwork:
    if name == "squeezenet":
        return _on(load_squeezenet(), generator)
    if name == "efficientnet":
        return _on(load_efficientnet_lite0(), generator)
    if generator is None:
        raise InputError("The discriminator's distance needs a model.")
    judge = load_discriminator(generator.info.path)
    if judge is None:
        raise InputError(
            "This model's file holds no discriminator that LatentStudio knows.", "Use another distance."
        )
    return _on(DiscriminatorFeatures(judge), generator)


_Network = TypeVar("_Network", bound=FeatureNetwork)


def _on(network: _Network, generator: Generator | None) -> _Network:
    """The network where the generator is."""
    return network if generator is None else network.to(generator.device)


def as_rgb(images: Tensor) -> Tensor:
    """(N, 1, 3 or 4, H, W) -> (N, 3, H, W): grey is repeated, alpha dropped; masks pass with 1 channel."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]


def shrunk(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures (N, C, H, W) averaged down to a size; as they are where they are no larger."""
    if images.shape[2] <= size[0] and images.shape[3] <= size[1]:
        return images
    return F.interpolate(images, size=size, mode="area")


def _divided(measure: Measure, share: Tensor) -> Measure:
    return lambda images: measure(images) / share
