"""Training on heads of smooth and of grained clay: what the factors tell, and what only noise can.

Where the grains of a head lie is drawn at random, so no z can know it. Half of a batch is drawn without noise
and compared with the smooth heads, pixel by pixel. The other half is drawn with noise and judged against the
grained ones: by the discriminator, and by how much fine detail lies where, but never by where each grain is.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from clay_data import Bank, Pictures
from clay_grids import save_grid
from plan import Plan
from sharing import agree, processes
from torch import Tensor
from trainer import Trainer


class GrainTrainer(Trainer):
    """`Trainer` whose pictures are there twice, smooth and grained."""

    def __init__(
        self, pictures: Pictures, bank: Bank, device: str = "cpu", channels: list[int] | None = None
    ):
        assert pictures.grained is not None
        super().__init__(pictures, bank, device, channels, fold=max(2, pictures.images.shape[-1] // 32))

    def train_step(self, plan: Plan) -> dict[str, float]:
        """One step of everything the plan asks for; the losses."""
        self._set_rates(plan)
        told: dict[str, float] = {}
        half = plan.batch // 2
        with torch.set_grad_enabled(not plan.d_only):
            if plan.d_only:
                loss = torch.zeros((), device=self.device)
            else:
                loss = self._smooth_loss(plan, half if plan.grained else plan.batch, told)
            if plan.grained:
                loss = loss + self._grained_loss(plan, half, told)
        if not plan.d_only:
            self.g_optimiser.zero_grad(set_to_none=True)
            loss.backward()
            agree(self.g_optimiser)
            self.g_optimiser.step()
            self._average(plan.ema)
        self.step += 1
        self.shown += plan.batch * processes()
        return told

    def _smooth_loss(self, plan: Plan, count: int, told: dict[str, float]) -> Tensor:
        """Without noise, against the smooth heads: every pixel is known."""
        real, features, z = (t.to(self.device) for t in self.pictures.batch(count))
        fake = self.g.synthesis(self._latents(features, z, plan.via_z, 0), "none")
        loss = plan.pixel * self._regression(fake, real, plan, told)
        if plan.perceptual:
            loss = loss + plan.perceptual * self._perceptual(fake, real, told)
        if plan.matching:
            loss = loss + plan.matching * self._matching(fake, real, told)
        if plan.distil and self.step % 2 == 0:
            loss = loss + plan.distil * self._distil(told)
        return loss

    def _matching(self, fake: Tensor, real: Tensor, told: dict[str, float]) -> Tensor:
        self.d.requires_grad_(False)
        _, seen = self.d.look(fake)
        loss = self._apart(seen, real, 0, told)
        self.d.requires_grad_(True)
        return loss

    def _grained_loss(self, plan: Plan, count: int, told: dict[str, float]) -> Tensor:
        """With noise, against the grained heads; trains the discriminator on the way."""
        real, features, z = (t.to(self.device) for t in self.pictures.batch(count, grained=True))
        mixed = int(count * plan.mixing) if plan.adversarial else 0
        fake = self.g.synthesis(self._latents(features, z, plan.via_z, mixed), "random")
        loss = torch.zeros((), device=self.device)
        if not plan.d_only:
            loss = loss + plan.grained * texture(fake[mixed:], real[mixed:], told)
            # What a grain can't change is compared all the same.
            coarse, wanted = F.avg_pool2d(fake[mixed:], 8), F.avg_pool2d(real[mixed:], 8)
            loss = loss + plan.pixel * (coarse - wanted).abs().mean()
        if plan.adversarial:
            shown = ((features - self.m.mean) / self.m.std).clamp(-4, 4)
            known = (torch.rand(count, 1, device=self.device) < plan.told).float()
            known[:mixed] = 0.0
            with torch.enable_grad():
                self._discriminator_step(plan, real, fake.detach(), shown, known, told)
            if not plan.d_only:
                self.d.requires_grad_(False)
                score = self.d(fake, shown, known)
                self.d.requires_grad_(True)
                loss = loss + plan.adversarial * F.softplus(-score).mean()
                told["g"] = float(F.softplus(-score.detach()).mean())
        return loss

    @torch.no_grad()
    def snapshot(self, folder: Path) -> dict[str, float]:
        """The figures of `Trainer`, grain as a share of the drawn heads', and randoms with noise."""
        told = super().snapshot(folder)
        assert self.pictures.grained is not None
        smooth, _, z = self.pictures.held_out()
        real = self.pictures.grained[: len(smooth)].float() / 127.5 - 1
        count = 64
        w = self.g_ema.mapping_network(z[:count].to(self.device), None)
        made = [self.g_ema.synthesis(w, noise).cpu() for noise in ("none", "random")]
        added = (detail(real[:count]) - detail(smooth[:count])).mean()
        told["grain"] = float((detail(made[1]) - detail(made[0])).mean() / added)
        z = torch.randn(64, self.g.info.z_dim, generator=torch.Generator().manual_seed(7)).to(self.device)
        save_grid(self.g_ema.synthesis(self.g_ema.mapping(z), "random").cpu(), folder / "random_noise.png", 8)
        save_grid(torch.stack([real[:40], made[1][:40]], 1).flatten(0, 1), folder / "pairs_noise.png", 16)
        return told


def detail(images: Tensor) -> Tensor:
    """How much of a picture (N, 3, H, W) a small blur takes away, by patches of 8: (N, 3, H/8, W/8)."""
    fine = images - F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    # Not the magnitude itself, whose slope at nothing would keep noise from ever beginning.
    return F.avg_pool2d((fine.square() + 1e-5).sqrt(), 8)


def texture(fake: Tensor, real: Tensor, told: dict[str, float]) -> Tensor:
    """L1 between how much fine detail both have, patch by patch; where each grain is makes no difference."""
    loss = (detail(fake) - detail(real)).abs().mean() / detail(real).mean()
    told["texture"] = float(loss.detach())
    return loss
