"""Variational autoencoders of plain layers, against torch's own layers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from seam_checks import check_claimed_by, check_seam, close, load
from torch import nn

from latentstudio.errors import InputError

NAME = "vae-state-dict"


class MLP(nn.Module):
    """The appendix's encoder and decoder."""

    def __init__(self, side: int = 16, hidden: int = 30, z_dim: int = 5, classes: int = 0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(side * side + classes, hidden)
        self.fc21, self.fc22 = nn.Linear(hidden, z_dim), nn.Linear(hidden, z_dim)
        self.fc3, self.fc4 = nn.Linear(z_dim + classes, hidden), nn.Linear(hidden, side * side)

    def mean(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc21(torch.relu(self.fc1(x.flatten(1))))

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.fc4(torch.relu(self.fc3(z))))


class Convolutional(nn.Module):
    """Strided convolutions, a dense mean, transposed convolutions."""

    def __init__(self, colours: int = 3) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(colours, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 4, 2, 1), nn.ReLU()
        )
        self.fc_mu, self.fc_var = nn.Linear(12 * 64, 6), nn.Linear(12 * 64, 6)
        self.decoder_input = nn.Linear(6, 12 * 64)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(12, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, colours, 4, 2, 1)
        )

    def mean(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc_mu(self.encoder(x).flatten(1))

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.decoder(self.decoder_input(z).reshape(-1, 12, 8, 8)))


class Joined(nn.Module):
    """One encoder that gives mean and spread together."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(256, 20), nn.ReLU(), nn.Linear(20, 8))
        self.decoder = nn.Sequential(nn.Linear(4, 20), nn.ReLU(), nn.Linear(20, 256), nn.Sigmoid())

    def mean(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)[:, :4]

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.decoder(z)


@pytest.mark.parametrize("make", [MLP, lambda: MLP(20, 17, 3), Convolutional, Joined])
@pytest.mark.parametrize("root", ["", "state_dict", "model_state_dict"])
def test_decoder_and_encoder_give_what_torchs_layers_give(tmp_path: Path, make, root: str) -> None:
    torch.manual_seed(2)
    network = make()
    arrays = network.state_dict()
    torch.save({root: arrays} if root else arrays, tmp_path / "v.pth")
    check_claimed_by(tmp_path / "v.pth", NAME)
    generator = load(tmp_path / "v.pth")
    info = generator.info
    assert info.has_encoder
    z = torch.randn(3, info.z_dim)
    plain = network.decode(z).detach().reshape(3, info.img_channels, *info.img_size)
    close(generator(z), plain)
    # The encoder reads [0, 1]; pictures come in [-1, 1].
    close(generator.encode(plain * 2 - 1), network.mean(plain).detach())
    assert generator.encode(torch.zeros(1, info.img_channels, 40, 30)).shape == (1, info.z_dim)
    check_seam(generator)


def test_sigmoid_pictures_are_rounded_from_zero_to_one(tmp_path: Path) -> None:
    torch.save(MLP().state_dict(), tmp_path / "v.pth")
    levels = load(tmp_path / "v.pth").to_uint8(
        torch.tensor([0.0, 0.4 / 255, 0.6 / 255, 1.0]).reshape(1, 1, 2, 2)
    )
    assert levels.flatten().tolist() == [0, 0, 1, 255]


def test_a_conditional_decoder_takes_a_class_and_has_no_encoder(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = MLP(classes=4)
    torch.save(network.state_dict(), tmp_path / "v.pth")
    generator, z, c = load(tmp_path / "v.pth"), torch.randn(2, 5), torch.eye(4)[:2]
    assert (generator.info.z_dim, generator.info.c_dim) == (5, 4)
    close(generator(z, c), network.decode(torch.cat([z, c], 1)).detach().reshape(2, 1, 16, 16))
    with pytest.raises(InputError, match="no encoder"):
        generator.encode(torch.zeros(1, 1, 16, 16))


@pytest.mark.parity
def test_the_real_digits_reconstruct(shared: Path) -> None:
    path = shared / "weights" / "csinva_mnist" / "mnist_vae_weights_vae_epoch_25.pth"
    check_claimed_by(path, NAME)
    generator = load(path)
    torch.manual_seed(0)
    img = generator(torch.randn(20, 20))
    assert generator.info.img_size == (28, 28)
    assert 0.05 < float(img.mean()) < 0.25
    again = generator(generator.encode(img * 2 - 1))
    assert float((again - img).abs().mean()) < 0.03
