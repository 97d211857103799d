"""Training on heads of smooth and of grained clay: what the factors tell, and what only noise can.

Where the grains of a head lie is drawn at random, so no z can know it. Every head of a batch is drawn twice.
Without noise it is compared with the smooth head, pixel by pixel. With noise it is judged against grained
heads by the discriminator; and what the noise changed is compared with what the grain changed, by how much of
it lies where, never by where each grain is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from clay_data import Bank, Pictures
from clay_grids import save_grid
from growing import FIRST_NOISE
from picture_terms import EPSILON, regression
from plan import Plan
from torch import Tensor
from trainer import Trainer


class GrainTrainer(Trainer):
    """`Trainer` whose pictures are there twice, smooth and grained."""

    def __init__(
        self,
        pictures: Pictures,
        bank: Bank,
        device: str = "cpu",
        channels: list[int] | None = None,
        fold: int | None = None,
    ):
        assert pictures.grained is not None
        super().__init__(pictures, bank, device, channels, fold)
        # From nothing, too, noise must be heard before it can learn; what is taken over brings its own.
        finest = f"blocks.b{pictures.images.shape[-1]}."
        for net in (self.g, self.g_ema):
            for name, parameter in net.named_parameters():
                if name.startswith(finest) and name.endswith("noise_strength"):
                    torch.nn.init.constant_(parameter, FIRST_NOISE)
        self._told: dict[str, float] = {}  # what a step without noise has no news of

    def train_step(self, plan: Plan) -> dict[str, float]:
        """One step of everything the plan asks for; the losses."""
        self._set_rates(plan)
        told = dict(self._told)
        if self.step % plan.noisy_every:
            plan = replace(plan, grained=0.0, adversarial=0.0)
        smooth, grained, features, z = (t.to(self.device) for t in self.pictures.pairs(plan.batch))
        mixed = int(plan.batch * plan.mixing) if plan.adversarial else 0
        with torch.set_grad_enabled(not plan.d_only):
            ws = self._latents(features, z, plan.via_z, 0)
            noisy = ws.new_zeros(0)
            if plan.grained or plan.adversarial:
                noisy = self.g.synthesis(self._mixed(ws, mixed), "random")
        loss = torch.zeros((), device=self.device)
        if plan.adversarial:
            shown, known = self._told_features(features, plan, mixed)
            self._discriminator_step(plan, grained, noisy.detach(), shown, known, told)
        if not plan.d_only:
            plain = self.g.synthesis(ws, "none")
            loss = plan.pixel * regression(plain, smooth, plan, told)
            if plan.perceptual:
                loss = loss + plan.perceptual * self._perceptual(plain, smooth, told)
            if plan.distil and self.step % 2 == 0:
                loss = loss + plan.distil * self._distil(told)
            if plan.grained:
                # The picture without noise is the regression's; here it only says what noise changed.
                change = (noisy - plain.detach())[mixed:]
                loss = loss + plan.grained * texture(change, (grained - smooth)[mixed:], told)
            if plan.matching:
                loss = loss + plan.matching * self._matching(plain, smooth, told)
            if plan.adversarial:
                loss = loss + plan.adversarial * self._doubt(noisy, shown, known, told)
            self._step_generator(loss, plan)
        self._count(plan)
        self._told = told
        return told

    def _matching(self, plain: Tensor, smooth: Tensor, told: dict[str, float]) -> Tensor:
        """How differently the discriminator sees heads without noise and the drawn ones."""
        self.d.requires_grad_(False)
        loss = self._apart(self.d.look(plain)[1], smooth, 0, told)
        self.d.requires_grad_(True)
        return loss

    def _doubt(self, noisy: Tensor, shown: Tensor, known: Tensor, told: dict[str, float]) -> Tensor:
        """What the discriminator holds against heads with noise."""
        self.d.requires_grad_(False)
        loss = F.softplus(-self.d(noisy, shown, known)).mean()
        self.d.requires_grad_(True)
        told["g"] = float(loss.detach())
        return loss

    @torch.no_grad()
    def snapshot(self, folder: Path) -> dict[str, float]:
        """The figures of `Trainer`, grain as a share of the drawn heads', and randoms with noise."""
        told = super().snapshot(folder)
        assert self.pictures.grained is not None
        smooth, _, z = self.pictures.held_out()
        real = self.pictures.grained[: len(smooth)].float() / 127.5 - 1
        w = self.g_ema.mapping_network(z[:64].to(self.device), None)
        plain, noisy = (self.g_ema.synthesis(w, noise).cpu() for noise in ("none", "random"))
        told["grain"] = float((noisy - plain).abs().mean() / (real - smooth)[:64].abs().mean())
        z = torch.randn(64, self.g.info.z_dim, generator=torch.Generator().manual_seed(7)).to(self.device)
        save_grid(self.g_ema.synthesis(self.g_ema.mapping(z), "random").cpu(), folder / "random_noise.png", 8)
        save_grid(torch.stack([real[:40], noisy[:40]], 1).flatten(0, 1), folder / "pairs_noise.png", 16)
        return told


def energy(change: Tensor) -> tuple[Tensor, Tensor]:
    """How much (N, 3, H, W) holds, by patches of 8 pixels: in all, and of what pairs of pixels share."""
    # Not the magnitude itself, whose slope at nothing would keep noise from ever beginning.
    size = (change.square() + EPSILON).sqrt()
    coarse = (F.avg_pool2d(change, 2).square() + EPSILON).sqrt()
    return F.avg_pool2d(size, 8), F.avg_pool2d(coarse, 4)


def texture(change: Tensor, wanted: Tensor, told: dict[str, float]) -> Tensor:
    """L1 between how much two changes hold, patch by patch; where each grain is does not count."""
    loss = torch.zeros((), device=change.device)
    for a, b in zip(energy(change), energy(wanted), strict=True):
        loss = loss + (a - b).abs().mean() / b.mean() / 2
    told["texture"] = float(loss.detach())
    return loss
