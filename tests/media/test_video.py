from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from latentstudio.errors import InputError, SaveError
from latentstudio.media.image import read_recipe_text
from latentstudio.media.video import VideoOptions, fitted, open_video, read_comment, video_format

FRAMES = 7


@pytest.fixture
def frames() -> list[np.ndarray]:
    """Coloured slopes that move; 48 wide, 32 high."""
    y, x = np.mgrid[:32, :48]
    return [
        np.stack([x * 4 + 5 * i, y * 6, np.full_like(x, 120 + 3 * i)], 2).clip(0, 255).astype(np.uint8)
        for i in range(FRAMES)
    ]


def write(
    path: Path, frames: list[np.ndarray], options: VideoOptions | None = None, comment: str = ""
) -> None:
    writer = open_video(path, options or VideoOptions(), frames[:2], comment)
    for frame in frames:
        writer.write(frame)
    writer.finish()


def decoded(path: Path) -> list[np.ndarray]:
    if path.suffix in (".gif", ".webp"):
        with Image.open(path) as image:
            return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".webp"])
def test_a_lossless_file_gives_every_pixel_back(tmp_path: Path, frames: list[np.ndarray], suffix: str):
    path = tmp_path / f"film{suffix}"
    write(path, frames, VideoOptions(25, quality="lossless"))
    np.testing.assert_array_equal(np.stack(decoded(path)), np.stack(frames))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("suffix", "most"), [(".mp4", 4), (".webm", 4), (".webp", 6), (".gif", 12)])
def test_a_usual_file_comes_close_to_every_frame(
    tmp_path: Path, frames: list[np.ndarray], suffix: str, most: float
):
    path = tmp_path / f"film{suffix}"
    write(path, frames)
    found = np.stack(decoded(path)).astype(int)
    assert found.shape == (FRAMES, 32, 48, 3)
    assert np.abs(found - np.stack(frames)).mean() < most


@pytest.mark.parametrize("rate", [12.5, 24, 29.97, 60])
def test_a_video_runs_at_the_rate_it_was_asked_for(tmp_path: Path, frames: list[np.ndarray], rate: float):
    path = tmp_path / "film.mp4"
    write(path, frames, VideoOptions(rate))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert float(stream.average_rate) == pytest.approx(rate, rel=1e-3)
        assert float(stream.duration * stream.time_base) == pytest.approx(FRAMES / rate, rel=1e-3)


def test_an_animation_for_the_web_repeats_and_keeps_the_time(tmp_path: Path, frames: list[np.ndarray]):
    path = tmp_path / "film.gif"
    write(path, frames, VideoOptions(30))
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        spans = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
    # A GIF counts in hundredths of a second; over the whole film it keeps step.
    assert sum(spans) == pytest.approx(FRAMES / 30 * 1000, abs=10)


def test_any_size_is_written_and_an_odd_side_grows_by_one(tmp_path: Path, frames: list[np.ndarray]):
    path = tmp_path / "film.mp4"
    write(path, frames, VideoOptions(size=(33, 21)))
    assert decoded(path)[0].shape == (22, 34, 3)
    write(path, frames, VideoOptions(size=(33, 21), quality="lossless"))
    assert decoded(path)[0].shape == (21, 33, 3)


def test_pictures_are_scaled_to_fit_on_black():
    white = np.full((10, 20, 3), 255, np.uint8)
    tall = fitted(white, (40, 60))
    assert tall.shape == (60, 40, 3)
    assert tall[:20].max() == 0
    assert tall[20:40].min() == 255
    assert fitted(white, None) is white


def test_a_folder_holds_numbered_pictures_with_their_recipes(tmp_path: Path, frames: list[np.ndarray]):
    folder = tmp_path / "film"
    for length in (5, 3):
        writer = open_video(folder, VideoOptions())
        for i in range(length):
            writer.write(frames[i], f"recipe {i}")
        writer.finish()
    assert sorted(p.name for p in folder.iterdir()) == [f"frame0000{i}.png" for i in range(3)]
    assert read_recipe_text(folder / "frame00002.png") == "recipe 2"


def test_what_is_given_up_leaves_the_older_file_alone(tmp_path: Path, frames: list[np.ndarray]):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"older")
    writer = open_video(path, VideoOptions())
    writer.write(frames[0])
    writer.give_up()
    writer.give_up()
    assert path.read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_video_carries_a_text(tmp_path: Path, frames: list[np.ndarray]):
    for name in ("film.mp4", "film.webm"):
        write(tmp_path / name, frames, comment='{"a": "Grüße"}')
        assert read_comment(tmp_path / name) == '{"a": "Grüße"}'
    (tmp_path / "no.mp4").write_bytes(b"nothing")
    with pytest.raises(InputError, match='"no'):
        read_comment(tmp_path / "no.mp4")


def test_what_can_t_be_written_is_told(tmp_path: Path, frames: list[np.ndarray]):
    with pytest.raises(InputError, match='"film'):
        video_format(Path("film.avi"))
    with pytest.raises(SaveError, match='"film'):
        write(tmp_path / "missing" / "film.mp4", frames)
    for wrong in ({"frame_rate": 0.0}, {"quality": "best"}, {"size": (0, 5)}, {"frame_rate": float("nan")}):
        with pytest.raises(InputError):
            VideoOptions(**wrong)
