"""One photo's result: what may be said, the numbers behind it, small pictures to look at.

Owns `Finding` and its line in a journal. NumPy and Pillow only, any thread.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentstudio.detection.calibration import Calibration
from latentstudio.detection.verdict import Framing, Verdict, judge
from latentstudio.errors import InputError
from latentstudio.media.image import png_bytes

# Pictures in results are for looking at; the numbers come from the full size.
SHOWN_PX = 256


@dataclass(frozen=True, eq=False)
class Finding:
    """One photo.

    Attributes:
        path: where it was.
        verdict: what may be said; None where it failed.
        error: why it failed, one sentence.
        values: the statistics by name.
        framing: how it came to the model's size.
        picture: uint8 (h, w, 3), the photo as it was measured, shrunk to be looked at.
        resynthesis: uint8 (h, w, 3), the model's closest picture, likewise.
        seconds: what measuring it took.
    """

    path: Path
    verdict: Verdict | None = None
    error: str = ""
    values: Mapping[str, float] | None = None
    framing: Framing | None = None
    picture: NDArray[np.uint8] | None = None
    resynthesis: NDArray[np.uint8] | None = None
    seconds: float = 0.0

    @property
    def difference(self) -> NDArray[np.uint8] | None:
        """Where the two differ, uint8 (h, w, 3): grey where they agree, doubled."""
        return (
            None
            if self.picture is None or self.resynthesis is None
            else difference_map(self.picture, self.resynthesis)
        )

    def judged(self, calibration: Calibration, prior: float) -> Finding:
        """The same measurements under another prior."""
        if self.values is None:
            return self
        return replace(self, verdict=judge(self.values, calibration, prior, self.framing))


def difference_map(a: NDArray[np.uint8], b: NDArray[np.uint8], gain: float = 2.0) -> NDArray[np.uint8]:
    """Signed differences around mid-grey, uint8 (H, W, 3)."""
    signed = 128 + gain * (a.astype(np.float32) - b.astype(np.float32))
    return np.asarray(np.clip(np.rint(signed), 0, 255).astype(np.uint8))


# --- lines of a journal ------------------------------------------------------------------------


def line_of(finding: Finding) -> dict[str, Any]:
    """A finding as a line, without its verdict: that depends on a prior."""
    if finding.error:
        return {"error": finding.error}
    assert finding.values is not None
    assert finding.framing is not None
    framing = finding.framing
    return {
        "values": {name: round(value, 6) for name, value in finding.values.items()},
        "framing": [list(framing.size), framing.was_cropped, framing.was_aligned],
        "seconds": round(finding.seconds, 3),
        "picture": encoded(finding.picture),
        "resynthesis": encoded(finding.resynthesis),
    }


def finding_of(line: Mapping[str, Any], path: Path) -> Finding:
    """The finding of a line, not yet judged.

    Raises:
        InputError: the line has another form.
    """
    try:
        (height, width), was_cropped, was_aligned = line["framing"]
        return Finding(
            path,
            values={str(name): float(value) for name, value in line["values"].items()},
            framing=Framing((int(height), int(width)), bool(was_cropped), bool(was_aligned)),
            picture=_decoded(line["picture"]),
            resynthesis=_decoded(line["resynthesis"]),
            seconds=float(line["seconds"]),
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise InputError("A line of the results has the wrong form.", "Remove the file.") from error


def encoded(picture: NDArray[np.uint8] | None) -> str:
    """A picture as PNG in base64; empty for none."""
    return "" if picture is None else base64.b64encode(png_bytes(picture)).decode()


def _decoded(text: str) -> NDArray[np.uint8] | None:
    if not text:
        return None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text)), formats=["PNG"]).convert("RGB"))
