"""From frames to pixels along the timeline, and how moments are written.

Owns the arithmetic; plain values, any thread.
"""

from __future__ import annotations

from dataclasses import dataclass

LEFT_PX, RIGHT_PX = 16.0, 28.0
LEAST_TICK_PX = 64.0
MOST_PX = 64.0
# An empty place after the end, so that a film can grow by hand.
MARGIN = 1.06
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Scale:
    """A view of the timeline.

    Attributes:
        pixels: per frame.
        first: the frame at the left edge.
        width: of the view, in pixels.
    """

    pixels: float
    first: float
    width: float

    @classmethod
    def fitting(cls, frames: int, width: float) -> Scale:
        """All frames in view, with some room after them."""
        room = max(1.0, width - LEFT_PX - RIGHT_PX)
        return cls(min(MOST_PX, room / max(1.0, frames * MARGIN)), 0.0, width)

    def x(self, frame: float) -> float:
        """Where a frame stands."""
        return LEFT_PX + (frame - self.first) * self.pixels

    def frame(self, x: float) -> float:
        """What stands at a place."""
        return (x - LEFT_PX) / self.pixels + self.first

    def zoomed(self, factor: float, x: float, frames: int) -> Scale:
        """Closer or farther, with what is under `x` standing still."""
        least = Scale.fitting(frames, self.width).pixels
        pixels = min(max(self.pixels * factor, least), MOST_PX)
        return Scale(pixels, self.frame(x) - (x - LEFT_PX) / pixels, self.width).bounded(frames)

    def moved(self, by_px: float, frames: int) -> Scale:
        """Scrolled."""
        return Scale(self.pixels, self.first + by_px / self.pixels, self.width).bounded(frames)

    def bounded(self, frames: int) -> Scale:
        """Without empty room before the beginning, and with little after the end."""
        room = (self.width - LEFT_PX - RIGHT_PX) / self.pixels
        first = min(max(self.first, 0.0), max(0.0, frames * MARGIN - room))
        return Scale(self.pixels, first, self.width)

    def tick_s(self, frame_rate: float) -> float:
        """Seconds between two labels of the ruler."""
        second_px = self.pixels * frame_rate
        return next((step for step in STEPS_S if step * second_px >= LEAST_TICK_PX), STEPS_S[-1])


def time_words(frame: float, frame_rate: float) -> str:
    """A moment as minutes, seconds and hundredths: 0:02.50."""
    hundredths = round(frame / frame_rate * 100)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def tick_words(seconds: float) -> str:
    """A label of the ruler: 0:02, or 0:02.5 where there are parts of seconds."""
    tenths = round(seconds * 10)
    words = f"{tenths // 600}:{tenths // 10 % 60:02d}"
    return words if tenths % 10 == 0 else f"{words}.{tenths % 10}"
