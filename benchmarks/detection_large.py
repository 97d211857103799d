"""The statistics of a few pictures under a large generator, where a whole calibration takes hours on a CPU.

    python -m benchmarks.detection_large ffhq-mobile-1024 PHOTO... [--own 4] [--steps 40] [--frame faces]

Prints one row for each of the generator's own pictures and each photo. It fits nothing and gives no verdict:
a handful of pictures can show that the two kinds differ, not where a threshold belongs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from latentstudio.cli.model_argument import model_path
from latentstudio.detection.making import FIRST_SEED
from latentstudio.detection.measuring import measure_pictures, own_picture
from latentstudio.detection.photos import FACES, FRAMES, open_photo
from latentstudio.detection.protocol import Protocol
from latentstudio.models.registry import load_generator

SHOWN = ("distance", "explained", "coarsest", "worst", "gain", "falling", "further", "further_falling")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection_large", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("photos", type=Path, nargs="*")
    parser.add_argument("--own", type=int, default=4)
    parser.add_argument("--psi", type=float, nargs=2, default=(0.5, 1.0))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--further-steps", type=int, default=10)
    parser.add_argument("--plus-steps", type=int, default=0)
    parser.add_argument("--samples", type=int, default=32, help="samples that a start is chosen from")
    parser.add_argument("--distance", default="pyramid")
    parser.add_argument("--frame", choices=FRAMES, default=FACES)
    options = parser.parse_args()
    generator = load_generator(model_path(options.model), "cpu")
    projection = Protocol.for_model(generator.info).projection.changed(
        steps=options.steps, start_samples=options.samples, distance=options.distance
    )
    protocol = Protocol(projection, 1, options.further_steps, options.plus_steps)
    pictures = []
    for i in range(options.own):
        seed = (FIRST_SEED + i) % 2**32
        psi = float(np.random.RandomState(seed).uniform(*options.psi))
        pictures.append((f"own, seed {seed}, psi {psi:.2f}", own_picture(generator, seed, psi)))
    pictures += [(p.name, open_photo(p, generator.info, options.frame).image) for p in options.photos]
    print(f"{options.model} {generator.info.sha256[:12]}: {protocol.words}\n")
    print(f"| picture | {' | '.join(SHOWN)} | seconds |\n{'|---' * (len(SHOWN) + 2)}|", flush=True)
    for name, picture in pictures:
        steps = measure_pictures(generator, [picture], protocol)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                (measured,) = end.value
                break
        values = " | ".join(f"{measured.values[key]:.2f}" for key in SHOWN)
        print(f"| {name} | {values} | {measured.seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
