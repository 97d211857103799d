"""Moving pictures on disk: MP4, WebM, GIF, WebP, or a folder of PNG pictures.

Owns the table of formats and the writing of frames one by one; a file takes its place when it is complete,
and what is given up leaves nothing behind. Knows no recipe. Any thread, one writer at a time on each.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray
from PIL import Image

from latentstudio.errors import InputError, SaveError
from latentstudio.media.image import write_png

Pixels = NDArray[np.uint8]
GOOD, HIGH, LOSSLESS = "good", "high", "lossless"
QUALITIES = (GOOD, HIGH, LOSSLESS)
MAX_SIDE = 16_384
# More pictures than this say nothing new about a film's colours.
PALETTE_PICTURES = 16
COLORS = 256
# The standard's number of the colours of high-definition television, which players expect.
BT709, LIMITED = 1, 1
METADATA_KEY = "comment"


@dataclass(frozen=True)
class Encoding:
    """How one quality of a format is written.

    Attributes:
        codec: the library's name of the encoder.
        pixels: the form of the pixels it takes.
        options: of the encoder.
    """

    codec: str
    pixels: str
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class VideoFormat:
    """One kind of file.

    Attributes:
        suffix: of the file's name; empty for a folder of pictures.
        words: what a person reads.
        container: the library's name of the file format.
        encodings: by quality.
        loops: whether players repeat it by themselves.
    """

    suffix: str
    words: str
    container: str = ""
    encodings: tuple[tuple[str, Encoding], ...] = ()
    loops: bool = False

    def encoding(self, quality: str) -> Encoding:
        """How a quality is written; the best there is where the format knows no such quality."""
        found = dict(self.encodings)
        return found.get(quality) or self.encodings[-1][1]


def _h264(crf: int) -> Encoding:
    return Encoding("libx264", "yuv420p", (("crf", str(crf)), ("preset", "medium")))


def _vp9(crf: int) -> Encoding:
    options = (("crf", str(crf)), ("b:v", "0"), ("deadline", "good"), ("cpu-used", "3"), ("row-mt", "1"))
    return Encoding("libvpx-vp9", "yuv420p", options)


FORMATS = (
    VideoFormat(
        ".mp4",
        "MP4 (H.264)",
        "mp4",
        (
            (GOOD, _h264(20)),
            (HIGH, _h264(12)),
            (LOSSLESS, Encoding("libx264rgb", "rgb24", (("crf", "0"), ("preset", "medium")))),
        ),
    ),
    VideoFormat(
        ".webm",
        "WebM (VP9)",
        "webm",
        (
            (GOOD, _vp9(30)),
            (HIGH, _vp9(16)),
            (LOSSLESS, Encoding("libvpx-vp9", "gbrp", (("lossless", "1"), ("row-mt", "1")))),
        ),
    ),
    VideoFormat(".gif", "GIF", "gif", ((HIGH, Encoding("gif", "pal8")),), loops=True),
    VideoFormat(
        ".webp",
        "WebP",
        "webp",
        (
            (GOOD, Encoding("libwebp_anim", "yuv420p", (("quality", "75"),))),
            (HIGH, Encoding("libwebp_anim", "yuv420p", (("quality", "92"),))),
            (LOSSLESS, Encoding("libwebp_anim", "bgra", (("lossless", "1"),))),
        ),
        loops=True,
    ),
    VideoFormat("", "PNG pictures in a folder"),
)


def video_format(path: Path) -> VideoFormat:
    """The format that a file's name asks for; a name without an ending is a folder of pictures.

    Raises:
        InputError: films can't be written to such a file.
    """
    found = next((f for f in FORMATS if f.suffix == path.suffix.lower()), None)
    if found is None:
        raise InputError(
            f'A film can\'t be written to "{path.name}".',
            "Use a name in .mp4, .webm, .gif or .webp, or one without an ending for a folder of pictures.",
        )
    return found


@dataclass(frozen=True)
class VideoOptions:
    """How a film is written.

    Attributes:
        frame_rate: pictures per second.
        size: (width, height) in pixels; None keeps the pictures'. They are scaled to fit, on black.
        quality: "good", "high" or "lossless".
    """

    frame_rate: float = 30.0
    size: tuple[int, int] | None = None
    quality: str = HIGH

    def __post_init__(self) -> None:
        if not 0 < self.frame_rate <= 1000:
            raise InputError("The frame rate must be more than 0 and at most 1000 pictures per second.")
        if self.quality not in QUALITIES:
            raise InputError(f'There is no quality "{self.quality}".', f"Use {', '.join(QUALITIES)}.")
        if self.size is not None and not all(1 <= side <= MAX_SIDE for side in self.size):
            raise InputError(f"A film's sides must be 1 to {MAX_SIDE} pixels long.")


class VideoWriter(Protocol):
    """Takes frames until it is finished or given up."""

    def write(self, pixels: Pixels, text: str | None = None) -> None:
        """The next frame, uint8 (H, W, 3), and what a PNG of it carries as its recipe."""

    def finish(self) -> None:
        """Complete the file and put it in its place."""

    def give_up(self) -> None:
        """Leave nothing behind; after `finish` it does nothing."""


def open_video(
    path: Path, options: VideoOptions, sample: Sequence[Pixels] = (), comment: str = ""
) -> VideoWriter:
    """Begin a file in the format that its name asks for.

    Args:
        path: where to.
        options: rate, size and quality.
        sample: some of the frames, from which a GIF takes its colours; only a GIF needs it.
        comment: text to carry in the metadata of MP4 and WebM.

    Raises:
        InputError: there is no such format.
        SaveError: the disk refuses.
    """
    kind = video_format(path)
    if not kind.suffix:
        return _PictureFolder(path, options)
    return _VideoFile(path, kind, options, sample, comment)


def fitted(pixels: Pixels, size: tuple[int, int] | None) -> Pixels:
    """The picture scaled to fit into (width, height), centred on black; None leaves it alone."""
    height, width = pixels.shape[:2]
    if size is None or size == (width, height):
        return pixels
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = Image.fromarray(pixels).resize(inner, Image.Resampling.LANCZOS)
    if inner == size:
        return np.asarray(scaled)
    sheet = Image.new("RGB", size)
    sheet.paste(scaled, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return np.asarray(sheet)


class _VideoFile:
    """One file of several frames."""

    def __init__(
        self,
        path: Path,
        kind: VideoFormat,
        options: VideoOptions,
        sample: Sequence[Pixels],
        comment: str,
    ) -> None:
        self._path, self._kind, self._options = path, kind, options
        self._encoding = kind.encoding(options.quality)
        self._rate = Fraction(options.frame_rate).limit_denominator(1001)
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._stream: Any = None
        self._count = 0
        self._palette = _palette([fitted(p, options.size) for p in sample]) if kind.suffix == ".gif" else None
        with _disk(path):
            container_options = {"loop": "0"} if kind.loops else {}
            self._container: Any = av.open(
                str(self._temporary), "w", format=kind.container, options=container_options
            )
        if comment and not kind.loops:
            self._container.metadata[METADATA_KEY] = comment

    def write(self, pixels: Pixels, text: str | None = None) -> None:
        """Encode a frame; the recipe has no place in a video."""
        pixels = fitted(pixels, self._options.size)
        with _disk(self._path):
            if self._stream is None:
                self._begin(pixels)
            frame = self._frame(pixels)
            frame.pts, frame.time_base = self._count, 1 / self._rate
            self._count += 1
            for packet in self._stream.encode(frame):
                self._container.mux(packet)

    def finish(self) -> None:
        """Write what the encoder still holds, and put the file in its place."""
        if self._stream is None:
            self.give_up()
            raise InputError("A film needs a picture.")
        with _disk(self._path):
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
            self._container = None
            self._temporary.replace(self._path)

    def give_up(self) -> None:
        """Remove the unfinished file."""
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(OSError, av.FFmpegError):
                container.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _begin(self, pixels: Pixels) -> None:
        encoding = self._encoding
        self._stream = self._container.add_stream(
            encoding.codec, rate=self._rate, options=dict(encoding.options)
        )
        height, width = pixels.shape[:2]
        if encoding.pixels == "yuv420p":
            # Colours are stored for two pixels at once: an odd side gets one more.
            height, width = height + height % 2, width + width % 2
            context = self._stream.codec_context
            if not self._kind.loops:
                context.colorspace = context.color_primaries = context.color_trc = BT709
                context.color_range = LIMITED
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, encoding.pixels

    def _frame(self, pixels: Pixels) -> av.VideoFrame:
        if self._palette is not None:
            image, table = self._palette
            indices = Image.fromarray(pixels).quantize(palette=image, dither=Image.Dither.FLOYDSTEINBERG)
            # The library's types leave out that this format takes a pair.
            pair: Any = (np.asarray(indices), table)
            return av.VideoFrame.from_ndarray(pair, format="pal8")
        height, width = pixels.shape[:2]
        pad = ((0, self._stream.height - height), (0, self._stream.width - width), (0, 0))
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(pixels, pad, "edge")), format="rgb24")
        if self._encoding.pixels == "rgb24":
            return frame
        space = Colorspace.ITU709 if not self._kind.loops else Colorspace.ITU601
        return frame.reformat(format=self._encoding.pixels, dst_colorspace=space)


class _PictureFolder:
    """A folder of numbered PNG pictures, each with its recipe."""

    def __init__(self, folder: Path, options: VideoOptions) -> None:
        self._folder, self._options, self._count = folder, options, 0
        with _disk(folder):
            folder.mkdir(exist_ok=True)

    def write(self, pixels: Pixels, text: str | None = None) -> None:
        """Write a picture; one of the same name from before is replaced."""
        # A recipe tells the picture as it was drawn, not as it was scaled.
        scaled = fitted(pixels, self._options.size)
        write_png(self._folder / f"frame{self._count:05d}.png", scaled, text)
        self._count += 1

    def finish(self) -> None:
        """Remove pictures of a longer film that stood here before."""
        for path in self._folder.glob("frame*.png"):
            number = path.stem.removeprefix("frame")
            if number.isdigit() and int(number) >= self._count:
                with _disk(path):
                    path.unlink()

    def give_up(self) -> None:
        """What is written are whole pictures: they stay."""


def _palette(sample: Sequence[Pixels]) -> tuple[Image.Image, NDArray[np.uint8]]:
    """One set of colours for all frames, so that still parts stand still; as a picture and as ARGB."""
    if not sample:
        raise InputError("A GIF's colours need some of its pictures.")
    step = max(1, len(sample) // PALETTE_PICTURES)
    chosen = [Image.fromarray(p) for p in sample[::step]]
    for picture in chosen:
        picture.thumbnail((256, 256))
    sheet = np.concatenate([np.asarray(picture) for picture in chosen])
    image = Image.fromarray(sheet).quantize(COLORS - 1, Image.Quantize.MEDIANCUT)
    rgb = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    table = np.zeros((COLORS, 4), np.uint8)
    table[:, 0] = 255
    table[: len(rgb), 1:] = rgb
    return image, table


@contextlib.contextmanager
def _disk(path: Path) -> Any:
    """Failures of the disk and of the encoder as one sentence."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise SaveError(
            f'Can\'t write "{path.name}": {getattr(error, "strerror", None) or error}.',
            "Choose another place, size or format.",
            path=path,
        ) from error


def read_comment(path: Path) -> str:
    """The text that a video carries in its metadata; empty where there is none.

    Raises:
        InputError: it is no video.
    """
    try:
        with av.open(str(path)) as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
            return str(tags.get(METADATA_KEY, ""))
    except (OSError, av.FFmpegError) as error:
        raise InputError(f'Can\'t read the video "{path.name}".', path=path) from error
