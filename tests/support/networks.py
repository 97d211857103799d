"""Networks that several rooms test with, and whether two of them are one function."""

import torch

from latentstudio.models.architectures.stylegan2_compact import build, compact_config
from latentstudio.models.generator import Generator


def with_classes() -> Generator:
    """A compact StyleGAN2 with three classes and random weights, in no file."""
    config = compact_config([10, 8], z_dim=8, w_dim=8, mapping_layers=2)
    config["mapping"] |= {
        "c_dim": 3,
        "embed": {"in_features": 3, "out_features": 8},
        "layers": [{**config["mapping"]["layers"][0], "in_features": 16}, config["mapping"]["layers"][1]],
    }
    torch.manual_seed(1)
    return build(config).requires_grad_(False).eval()


def assert_same_function(mine: Generator, plain: Generator) -> set[str]:
    """Pictures of w (3, 8) with noise, and all slopes, agree; the names of what has slopes."""
    for name, parameter in mine.named_parameters():
        if "noise_strength" in name:
            parameter.data.fill_(0.3)
    plain.load_state_dict(mine.state_dict())
    maps = mine.draw_noise(0, 3)
    results = []
    for net in (mine, plain):
        w = torch.linspace(-2, 2, 24).reshape(3, 8).requires_grad_()
        images = net.synthesis(w, noise_maps=maps)
        (images * torch.linspace(0, 1, images.numel()).reshape(images.shape)).sum().backward()
        grads = {name: p.grad for name, p in net.named_parameters() if p.grad is not None}
        results.append((images.detach(), {"w": w.grad, **grads}))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-4, atol=1e-5)
    assert results[0][1].keys() == results[1][1].keys()
    for name, grad in results[0][1].items():
        torch.testing.assert_close(grad, results[1][1][name], rtol=1e-3, atol=1e-4, msg=name)
    return set(results[0][1])
