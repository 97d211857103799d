"""One run of the clay faces' training: what to do now, the networks, one step, and a look at it.

Owns `Trainer`; when to save and when to stop is `train.py`'s. CPU or CUDA.

Sources: Karras et al., "A Style-Based Generator Architecture" (style mixing) and "Analyzing and Improving the
Image Quality of StyleGAN" (lazy regularisation); Mescheder et al., "Which Training Methods for GANs do
actually Converge?" (R1).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from checkpoints import Checkpoint, read_checkpoint
from clay_data import Bank, Pictures
from clay_grids import save_grid
from growing import at_this_size, grown_discriminator, with_coarse
from picture_terms import detail, regression, seen_by
from plan import Plan
from sharing import agree, processes
from torch import Tensor
from trainable import (
    CHANNELS,
    W_DIM,
    Discriminator,
    Embedding,
    mapping_config,
    new_generator,
    parameter_groups,
)

from latentstudio import formats
from latentstudio.models.architectures import stylegan2_compact
from latentstudio.models.architectures.stylegan2 import Mapping, StyleGAN2
from latentstudio.models.clay_factors import FactorNetwork

FINE_GAIN = 0.05  # of convolutions with fewer than 45 channels going in


def _adam(groups: list[dict[str, Any]], beta1: float) -> torch.optim.Adam:
    return torch.optim.Adam(groups, lr=0.0, betas=(beta1, 0.99), fused=True)


class Trainer:
    """Networks, optimisers and counters of one run.

    Args:
        pictures: what is learnt.
        bank: fresh latents with their features, for the mapping.
        device: "cpu" or "cuda".
        channels: of the synthesis; None for the usual ones.
        fold: of the discriminator; by default larger pictures are seen through larger blocks, so that it
            can grow with them and costs no more.
        generator: to be trained in place of a new compact one.
    """

    def __init__(
        self,
        pictures: Pictures,
        bank: Bank,
        device: str = "cpu",
        channels: list[int] | None = None,
        fold: int | None = None,
        generator: StyleGAN2 | None = None,
    ):
        self.pictures, self.bank, self.device = pictures, bank, device
        size = pictures.images.shape[-1]
        levels = int(np.log2(size)) - 1
        self.g = (generator or new_generator(channels or CHANNELS[:levels])).to(device)
        self.m = Embedding(bank.features.mean(0), bank.features.std(0)).to(device)
        d_channels = (192, 192, 128, 64, 32, 16)[:levels]
        fold = fold or max(2, size // 32)
        self.d = Discriminator(size, d_channels, fold=fold, told=bank.features.shape[1])
        self.d.to(device, memory_format=torch.channels_last)
        self.g_ema, self.m_ema = (copy.deepcopy(net).requires_grad_(False).eval() for net in (self.g, self.m))
        self.g.compute_dtype = self.d.compute_dtype = self.g_ema.compute_dtype = torch.bfloat16
        self.mapping_width = W_DIM
        self._make_g_optimiser()
        self.d_optimiser = _adam([{"params": list(self.d.parameters())}], 0.0)
        self.step, self.shown, self.seconds = 0, 0, 0.0
        self.w_scale = 1.0
        self.critic: FactorNetwork | None = None

    def _make_g_optimiser(self) -> None:
        embedding = {"params": list(self.m.parameters()), "factor": 1.0, "part": "embedding"}
        *synthesis, mapping = parameter_groups(self.g)
        groups = [*synthesis, embedding, mapping]
        self.g_optimiser = _adam(groups, 0.9)

    # --- starting and going on --------------------------------------------------------------

    def start_from(self, checkpoint: Path, steps: int = 800) -> float:
        """Take over an earlier generator.

        Of a checkpoint that `pack.py --checkpoint` wrote, the embedding comes along. Otherwise it is fitted
        to the generator's mapping; the share of w that it leaves unexplained is returned.
        """
        if checkpoint.suffix == ".safetensors":
            self._take_over(read_checkpoint(checkpoint))
            return 0.0
        spec = stylegan2_compact.convert(formats.read_checkpoint(checkpoint))
        arrays = {name: torch.from_numpy(np.array(value)) for name, value in spec.arrays.items()}
        self.g.load_state_dict(arrays)
        with torch.no_grad():
            z = self.bank.z
            w = torch.cat([self.g.mapping_network(part, None) for part in z.split(4096)])
        variance = w.var(0).sum()
        optimiser = _adam([{"params": list(self.m.parameters()), "lr": 2e-3}], 0.9)
        loss = torch.zeros(())
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = 3e-3 * (1 - step / steps) + 1e-5
            i = torch.randint(len(z), (512,))
            loss = (self.m(self.bank.features[i]) - w[i]).square().sum(1).mean() / variance
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        self.g_ema.load_state_dict(self.g.state_dict())
        self.m_ema.load_state_dict(self.m.state_dict())
        return float(loss)

    def _take_over(self, checkpoint: Checkpoint) -> None:
        self.set_mapping(checkpoint.mapping_width)
        parts = checkpoint.parts
        if parts["d"] and len(parts["g_ema"]) <= len(self.g.state_dict()):
            # Not of more pixels: coarse blocks learn alone, without a judge.
            self.d.load_state_dict(grown_discriminator(parts["d"], self.d))
        generator = at_this_size(parts["g_ema"], self.g)
        for net in (self.g, self.g_ema):
            net.load_state_dict(generator)
        for embedding in (self.m, self.m_ema):
            embedding.load_state_dict(parts["m_ema"])
        self.step, self.shown, self.seconds = checkpoint.counters

    def take_coarse(self, state: dict[str, Any]) -> None:
        """Go on with all but the finest blocks as a run of fewer pixels left them (its `state()`)."""
        for name in ("g", "g_ema"):
            net = getattr(self, name)
            net.load_state_dict(with_coarse(net.state_dict(), state[name]))
        for name in ("m", "m_ema"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.shown, self.seconds = state["counters"]

    def set_mapping(self, width: int, arrays: dict[str, Tensor] | None = None) -> None:
        """Give the generator a mapping of another width; everything else goes on as it was.

        Args:
            width: of its hidden layers.
            arrays: its weights, as `fit_mapping.py` writes them; None for random ones.
        """
        before = self.g_optimiser.state_dict()
        mapping = Mapping(mapping_config(width))
        if arrays is not None:
            mapping.load_state_dict(arrays)
        self.g.mapping_network = mapping.to(self.device)
        self.g_ema.mapping_network = copy.deepcopy(self.g.mapping_network).requires_grad_(False)
        self.g.config["mapping"] = self.g_ema.config["mapping"] = mapping_config(width)
        self.mapping_width = width
        self._make_g_optimiser()
        now = self.g_optimiser.state_dict()
        # The mapping's parameters come last, so the others keep their numbers.
        kept = {i for group in now["param_groups"][:-1] for i in group["params"]}
        now["state"] = {i: value for i, value in before["state"].items() if i in kept}
        self.g_optimiser.load_state_dict(now)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on."""
        nets = {name: getattr(self, name).state_dict() for name in ("g", "m", "d", "g_ema", "m_ema")}
        optimisers = {name: getattr(self, name).state_dict() for name in ("g_optimiser", "d_optimiser")}
        counters = {"counters": (self.step, self.shown, self.seconds), "mapping_width": self.mapping_width}
        return {**nets, **optimisers, **counters}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        if state.get("mapping_width", W_DIM) != self.mapping_width:
            self.set_mapping(state["mapping_width"])
        parts = [group["part"] for group in self.g_optimiser.param_groups]
        names = ["g", "m", "g_ema", "m_ema"]
        # A run from before its parameters were grouped, or its discriminator built, this way goes on with
        # new moments, or a new discriminator.
        groups = [
            [len(group["params"]) for group in optimiser["param_groups"]]
            for optimiser in (state["g_optimiser"], self.g_optimiser.state_dict())
        ]
        if groups[0] == groups[1]:
            names.append("g_optimiser")
        now = {key: value.shape for key, value in self.d.state_dict().items()}
        if now == {key: value.shape for key, value in state["d"].items()}:
            names += ["d", "d_optimiser"]
        for name in names:
            getattr(self, name).load_state_dict(state[name])
        for group, part in zip(self.g_optimiser.param_groups, parts, strict=True):
            group["part"] = part
        self.step, self.shown, self.seconds = state["counters"]

    # --- one step ---------------------------------------------------------------------------

    def train_step(self, plan: Plan) -> dict[str, float]:
        """One step of everything the plan asks for; the losses."""
        self._set_rates(plan)
        real, features, z = (t.to(self.device) for t in self.pictures.batch(plan.batch))
        told: dict[str, float] = {}
        adversarial = plan.adversarial > 0
        mixed = int(plan.batch * plan.mixing) if adversarial else 0
        ws = self._latents(features, z, plan.via_z, mixed)
        with torch.set_grad_enabled(not plan.d_only):
            fake = self.g.synthesis(ws, "random" if adversarial else "none")
        if adversarial:
            shown, known = self._told_features(features, plan, mixed)
            self._discriminator_step(plan, real, fake.detach(), shown, known, told)
        if not plan.d_only:
            loss = plan.pixel * regression(fake[mixed:], real[mixed:], plan, told)
            if plan.perceptual:
                loss = loss + plan.perceptual * self._perceptual(fake[mixed:], real[mixed:], told)
            if plan.distil and self.step % 2 == 0:
                loss = loss + plan.distil * self._distil(told)
            if adversarial:
                loss = loss + self._opinion(plan, real, fake, shown, known, told)
            self._step_generator(loss, plan)
        self._count(plan)
        return told

    def _step_generator(self, loss: Tensor, plan: Plan) -> None:
        self.g_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        agree(self.g_optimiser)
        self.g_optimiser.step()
        self._average(plan.ema)

    def _count(self, plan: Plan) -> None:
        self.step += 1
        self.shown += plan.batch * processes()

    def _told_features(self, features: Tensor, plan: Plan, mixed: int) -> tuple[Tensor, Tensor]:
        """What the discriminator is told a head should show, standardised, and where that counts."""
        shown = ((features - self.m.mean) / self.m.std).clamp(-4, 4)
        known = (torch.rand(len(features), 1, device=self.device) < plan.told).float()
        known[:mixed] = 0.0  # a mixed head has no features
        return shown, known

    def _set_rates(self, plan: Plan) -> None:
        shares = {
            "synthesis": 1.0,
            "newest": plan.newest_lr,
            "embedding": plan.embedding_lr,
            "mapping": plan.mapping_lr,
        }
        for group in self.g_optimiser.param_groups:
            fine = plan.fine_lr if FINE_GAIN < group["factor"] < 1 else 1.0
            group["lr"] = plan.lr * group["factor"] * shares[group["part"]] * fine
            group["betas"] = (plan.beta1, 0.99)
        self.d_optimiser.param_groups[0]["lr"] = plan.d_lr

    def _latents(self, features: Tensor, z: Tensor, via_z: float, mixed: int) -> Tensor:
        """ws (N, num_ws, w_dim): the first `mixed` of them with the styles of two heads."""
        count = round(len(z) * via_z)
        parts = []
        if count:
            parts.append(self.g.mapping_network(z[:count], None))
        if count < len(z):
            parts.append(self.m(features[count:]))
        w = torch.cat(parts)
        with torch.no_grad():
            self.g.mapping_network.w_avg.lerp_(w.mean(0), 0.005)
            self.w_scale = 0.99 * self.w_scale + 0.01 * float(w.var(0).sum())
        return self._mixed(w[:, None].expand(-1, self.g.info.num_ws, -1), mixed)

    @staticmethod
    def _mixed(ws: Tensor, mixed: int) -> Tensor:
        """The first `mixed` of ws (N, num_ws, w_dim) with another head's styles from some layer on."""
        if not mixed:
            return ws
        row = torch.arange(ws.shape[1], device=ws.device)[None, :, None]
        cut = torch.randint(1, ws.shape[1], (mixed, 1, 1), device=ws.device)
        return torch.cat([torch.where(row >= cut, ws.roll(1, 0)[:mixed], ws[:mixed]), ws[mixed:]])

    def _perceptual(self, fake: Tensor, real: Tensor, told: dict[str, float]) -> Tensor:
        """L1 between what a network that reads factors sees of both, at all its levels, and its reading.

        Not the network that the results are judged by.
        """
        if self.critic is None:
            raise SystemExit("The plan asks for a perceptual loss; name its network with --critic.")
        loss = torch.zeros((), device=self.device)
        with torch.autocast(fake.device.type, torch.bfloat16):
            for a, b in zip(seen_by(self.critic, fake), seen_by(self.critic, real), strict=True):
                loss = loss + (a - b).abs().float().mean() / b.abs().float().mean().clamp(min=1e-3).detach()
        told["perceptual"] = float(loss.detach())
        return loss

    def _distil(self, told: dict[str, float]) -> Tensor:
        """How far the mapping's w is from the embedding's, as a share of the variance."""
        z, features = (t.to(self.device) for t in self.bank.batch(512))
        with torch.no_grad():
            w = self.m(features)
        loss = (self.g.mapping_network(z, None) - w).square().sum(1).mean() / w.var(0).sum()
        told["distil"] = float(loss.detach())
        return loss

    def _opinion(
        self, plan: Plan, real: Tensor, fake: Tensor, shown: Tensor, known: Tensor, told: dict[str, float]
    ) -> Tensor:
        """What the discriminator holds against the fakes, and how differently it sees them.

        Source of the second: Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with
        Conditional GANs" (feature matching).
        """
        mixed = int(plan.batch * plan.mixing)
        self.d.requires_grad_(False)
        score, seen = self.d.look(fake, shown, known)
        loss = plan.adversarial * F.softplus(-score).mean()
        told["g"] = float(F.softplus(-score.detach()).mean())
        if plan.matching:
            loss = loss + plan.matching * self._apart(seen, real, mixed, told)
        self.d.requires_grad_(True)
        return loss

    def _apart(self, seen: list[Tensor], real: Tensor, mixed: int, told: dict[str, float]) -> Tensor:
        """How differently the discriminator sees the drawn pictures, all levels alike."""
        with torch.no_grad():
            _, wanted = self.d.look(real)
        apart = torch.zeros((), device=self.device)
        for a, b in zip(seen, wanted, strict=True):
            size = b.abs().float().mean().clamp(min=1e-3)
            apart = apart + (a[mixed:] - b[mixed:]).abs().float().mean() / size / len(seen)
        told["matching"] = float(apart.detach())
        return apart

    def _discriminator_step(
        self, plan: Plan, real: Tensor, fake: Tensor, shown: Tensor, known: Tensor, told: dict[str, float]
    ) -> None:
        """Non-saturating loss with a lazy gradient penalty on real pictures."""
        real_score, fake_score = self.d(real, shown, known), self.d(fake, shown, known)
        loss = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
        self.d_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if plan.r1 > 0 and self.step % 16 == 0:
            part = slice(0, max(len(real) // 2, 4))
            leaf = real[part].detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(
                self.d(leaf, shown[part], known[part]).sum(), leaf, create_graph=True
            )
            (slope.square().sum((1, 2, 3)).mean() * (plan.r1 * 8)).backward()
        agree(self.d_optimiser)
        self.d_optimiser.step()
        told["d"] = float(loss.detach())
        told["real>0"] = float((real_score > 0).float().mean())
        told["fake>0"] = float((fake_score > 0).float().mean())

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        now = [*self.g.parameters(), *self.m.parameters()]
        averaged = [*self.g_ema.parameters(), *self.m_ema.parameters()]
        torch._foreach_lerp_(averaged, now, 1 - min(decay, (self.step + 1) / (self.step + 10)))
        self.g_ema.mapping_network.w_avg.copy_(self.g.mapping_network.w_avg)

    # --- looking at it ----------------------------------------------------------------------

    @torch.no_grad()
    def snapshot(self, folder: Path) -> dict[str, float]:
        """Held-out figures of the averaged weights, by both ways to w, and a grid of pairs and randoms."""
        real, features, z = self.pictures.held_out()
        told: dict[str, float] = {}
        net = self.g_ema
        for name in ("features", "z"):
            source = features if name == "features" else z
            way = self.m_ema if name == "features" else (lambda z: net.mapping_network(z, None))
            made = torch.cat(
                [net.synthesis(way(part.to(self.device)), "none").cpu() for part in source.split(64)]
            )
            made = made.clamp(-1, 1)
            error = -10 * ((made - real).square().mean((1, 2, 3)) / 4).log10()
            told[f"psnr_{name}"] = float(error.mean())
            told[f"detail_{name}"] = float(detail(made) / detail(real))
            for group, chosen in self.pictures.groups.items():
                told[f"psnr_{name}_{group}"] = float(error[chosen].mean())
            pairs = torch.stack([real[:40], made[:40]], 1).flatten(0, 1)
            save_grid(pairs, folder / f"pairs_{name}.png", 16)
        z = torch.randn(64, net.info.z_dim, generator=torch.Generator().manual_seed(7)).to(self.device)
        save_grid(net.synthesis(net.mapping(z), "none").cpu(), folder / "random.png", 8)
        return told
