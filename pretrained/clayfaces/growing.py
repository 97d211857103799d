"""A trained generator and its judge at twice the size, as good as before from the first step.

Owns what is taken over and what begins anew. The generator's new block adds nothing to the enlarged picture
at first; the judge looks at four times as many pixels through the same first layer, as if the picture had
been halved. So nothing that was learnt is lost.

Source: Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation" (the idea;
there the new block is faded in by a share that rises).
"""

from __future__ import annotations

from torch import Tensor, nn

FIRST_NOISE = 0.1  # strength of the finest block's noise at first


def grown_generator(arrays: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Weights of a larger network that draws what the smaller one drew, enlarged.

    Args:
        arrays: of the smaller network.
        network: the larger one with random weights; its additional blocks keep theirs.

    Raises:
        ValueError: the smaller network has a layer that the larger one lacks, or of another shape.
    """
    state = {key: value.clone() for key, value in network.state_dict().items()}
    new = state.keys() - arrays.keys()
    for key in new:
        if ".torgb.weight" in key or ".torgb.bias" in key:
            state[key].zero_()
        elif key.endswith("noise_strength"):
            state[key].fill_(FIRST_NOISE)  # at nothing the slope is nothing on average
    return with_coarse(state, arrays)


def at_this_size(arrays: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Weights for a network of as many, of more, or of fewer pixels; of fewer, the coarse blocks of them."""
    own = network.state_dict()
    if len(arrays) > len(own):
        return {key: arrays[key] for key in own}
    return grown_generator(arrays, network) if len(arrays) < len(own) else arrays


def with_coarse(arrays: dict[str, Tensor], coarse: dict[str, Tensor]) -> dict[str, Tensor]:
    """A larger network's weights with all that a smaller one has in common with it from there.

    Args:
        arrays: of the larger network; its finest blocks are kept.
        coarse: of the smaller one.

    Raises:
        ValueError: the smaller one has a layer that the larger one lacks, or of another shape.
    """
    for key, value in coarse.items():
        if key not in arrays or arrays[key].shape != value.shape:
            raise ValueError(f"{key} of the smaller network has no place in the larger one")
    return arrays | coarse


def grown_discriminator(arrays: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Weights of a judge that folds larger blocks, and judges as the smaller one does the shrunk picture.

    Args:
        arrays: of the smaller judge.
        network: the larger one; all but its first layer has the same shapes.
    """
    state = network.state_dict()
    small, large = arrays["fromrgb.weight"], state["fromrgb.weight"]
    fold = round((small.shape[1] / 3) ** 0.5)
    side = round((large.shape[1] / small.shape[1]) ** 0.5)  # pixels for each of before
    by_pixel = small.reshape(len(small), 3, fold, fold)
    spread = by_pixel.repeat_interleave(side, 2).repeat_interleave(side, 3).reshape(large.shape)
    # Each of four pixels counts a quarter; the equalised gain of four times the inputs is half as large.
    weight: Tensor = spread / side
    return arrays | {"fromrgb.weight": weight}
