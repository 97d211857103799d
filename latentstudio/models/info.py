"""What a generator is and where it comes from, as plain values.

Owns the facts about a loaded network that window, command line and recipes read; nothing here computes
or knows torch. Safe on any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from latentstudio.latent.spaces import W_PLUS, W, Z


@dataclass(frozen=True)
class Provenance:
    """Where weights come from; travels in the own format's metadata.

    Attributes:
        title: a name for people.
        licence: as found with the weights.
        caution: what the licence does not clear (training data, non-commercial).
        origin: "bundled:ID", "catalogue:ID" or a file name.
        source: who trained it and where it was published.
        source_sha256: hash of the file it was converted from; empty for an original.
        z_names: names of the leading coordinates of z, where they have a meaning.
        class_names: names of the classes, where known.
    """

    title: str = ""
    licence: str = ""
    caution: str = ""
    origin: str = ""
    source: str = ""
    source_sha256: str = ""
    z_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """A number that a family lets a person set when a model is loaded, such as ProGAN's depth.

    Attributes:
        name: key in the config.
        low: smallest value.
        high: largest value.
        default: what the file itself says.
        whole: whether only whole numbers make sense.
    """

    name: str
    low: float
    high: float
    default: float
    whole: bool = False


@dataclass(frozen=True)
class GeneratorInfo:
    """What a generator is, as plain values.

    Attributes:
        architecture: key of the architecture in the registry, such as "stylegan2".
        family: the name a person knows, such as "StyleGAN2".
        z_dim: length of z.
        w_dim: length of one row of ws.
        c_dim: number of classes; 0 for an unconditional model.
        num_ws: rows of ws.
        img_resolution: the longer side of the picture, in pixels.
        img_channels: 1, 3 or 4.
        img_size: (height, width) in pixels.
        has_noise: whether some stage reads noise.
        has_mapping: whether w differs from z.
        has_transform: whether the synthesis takes a 3 x 3 transform.
        has_encoder: whether `encode` turns pictures into latents.
        truncates_in_synthesis: whether truncation_psi acts in the stages (BigGAN's batch-norm
            statistics) rather than on the latent.
        z_shape: (channels, height, width) where z is a map laid out flat; None for a plain vector.
        options: numbers that may be set when the model is loaded.
        parameters: number of weights.
        sha256: hash of the file it was loaded from; empty when built in memory.
        path: that file or folder as text; empty when built in memory.
        provenance: title, licence, origin.
        notes: facts about this file worth a line in the model panel.
    """

    architecture: str
    family: str
    z_dim: int
    w_dim: int
    c_dim: int
    num_ws: int
    img_resolution: int
    img_channels: int
    img_size: tuple[int, int]
    has_noise: bool
    has_mapping: bool = True
    has_transform: bool = False
    has_encoder: bool = False
    truncates_in_synthesis: bool = False
    z_shape: tuple[int, int, int] | None = None
    options: tuple[Option, ...] = ()
    parameters: int = 0
    sha256: str = ""
    path: str = ""
    provenance: Provenance = field(default_factory=Provenance)
    notes: tuple[str, ...] = ()

    @property
    def spaces(self) -> tuple[str, ...]:
        """The spaces this model has, of "z", "w", "w+"."""
        return (Z, W, W_PLUS) if self.has_mapping else ((Z, W_PLUS) if self.num_ws > 1 else (Z,))


@dataclass(frozen=True)
class StageInfo:
    """One step of the synthesis.

    Attributes:
        name: unique within the generator, such as "b64.conv1".
        resolution: (height, width) of what it gives out.
        ws_rows: the rows of ws it reads.
        noise: indices into `noise_shapes` of the noise inputs it reads.
        reads_transform: whether the transform changes it.
        reads_truncation: whether truncation_psi changes it, besides what it did to ws.
    """

    name: str
    resolution: tuple[int, int]
    ws_rows: tuple[int, ...]
    noise: tuple[int, ...] = ()
    reads_transform: bool = False
    reads_truncation: bool = False
