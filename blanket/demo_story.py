"""What happens in the demo clip: poses over time, at the speed of a real infant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanket.puppet import Pose

Curve = tuple[tuple[float, float], ...]

# Share of the clip, value.
_ROLL: Curve = ((0, 26), (0.10, 20), (0.34, 66), (0.46, 75), (0.60, 66), (0.80, 30), (1, 22))
_YAW: Curve = (
    (0, -8), (0.10, 16), (0.22, -24), (0.34, 12), (0.44, 32), (0.54, 4), (0.66, -6), (0.76, -50),
    (0.82, -46), (0.92, 0), (1, 14),
)  # fmt: skip
_PITCH: Curve = (
    (0, 3),
    (0.14, -9),
    (0.28, 11),
    (0.40, -14),
    (0.52, 4),
    (0.70, 9),
    (0.86, -6),
    (1, 2),
)
_MOUTH: Curve = (
    (0, 0), (0.05, 0), (0.09, 0.7), (0.13, 0.1), (0.17, 0.9), (0.22, 0), (0.30, 0),
    (0.35, 0.5), (0.39, 0.1), (0.43, 1.0), (0.49, 0.9), (0.53, 0), (0.70, 0), (0.76, 0.6),
    (0.80, 0), (0.86, 0.75), (0.90, 0.25), (0.94, 0.8), (1, 0.1),
)  # fmt: skip
_BLINKS = (0.035, 0.16, 0.27, 0.385, 0.50, 0.69, 0.79, 0.905)
_HAND: Curve = ((0, 0), (0.52, 0), (0.58, 1), (0.64, 1), (0.70, 0), (1, 0))
_VISIT: Curve = ((0, 0), (0.68, 0), (0.80, 1), (1, 1))
BLINK_SECONDS = 0.16


@dataclass(frozen=True)
class Moment:
    """One frame: the poses of the infant and of the visitor (None: not there), and how far
    the hand has come in, 0 (out of the picture) to 1."""

    infant: Pose
    visitor: Pose | None
    hand: float


class Story:
    """The demo's motion. count: frames. rate: frames a second. width, height: pixels."""

    def __init__(
        self, rng: np.random.Generator, count: int, rate: float, width: int, height: int
    ) -> None:
        self._count, self._rate = count, rate
        self._width, self._height = width, height
        self._phase = rng.uniform(0, 2 * np.pi, 12)

    def at(self, frame: int) -> Moment:
        """What is seen in one frame."""
        share = frame / max(self._count - 1, 1)
        seconds = frame / self._rate
        unit = self._height / 720
        sway = [np.sin(0.9 * (1 + 0.13 * k) * seconds + p) for k, p in enumerate(self._phase)]
        roll = _along(_ROLL, share) + 1.5 * sway[0]
        yaw = _along(_YAW, share) + 1.2 * sway[1]
        pitch = _along(_PITCH, share) + 1.0 * sway[2]
        # The eyes lead the head, and follow something that wanders.
        ahead = _along(_YAW, min(share + 0.035, 1)) - _along(_YAW, share)
        gaze = 0.8 * ahead + 15 * np.sin(1.9 * seconds + self._phase[3])
        down = 5 + 9 * np.sin(1.3 * seconds + self._phase[4])
        infant = Pose(
            x=0.5 * self._width
            + unit * (-75 + 70 * np.sin(np.radians(roll - 20)) + 10 * sway[5] + 0.5 * yaw),
            y=0.50 * self._height + unit * (9 * sway[6] + 0.8 * pitch),
            scale=unit * (192 + 8 * sway[7]),
            yaw=yaw,
            pitch=pitch,
            roll=roll,
            blink=self._blink(_BLINKS, frame),
            mouth=_along(_MOUTH, share),
            gaze=(float(np.clip(gaze, -24, 24)), float(down)),
            lean=10 + 0.55 * roll,
        )
        return Moment(
            infant, self._visitor(share, seconds, frame, unit, sway), _along(_HAND, share)
        )

    def _visitor(
        self, share: float, seconds: float, frame: int, unit: float, sway: list[float]
    ) -> Pose | None:
        come = _along(_VISIT, share)
        if come <= 0:
            return None
        return Pose(
            x=self._width + unit * (210 - 408 * come + 6 * sway[8]),
            y=0.37 * self._height + unit * (46 * (1 - come) + 5 * sway[9]),
            scale=unit * 112,
            yaw=-14 - 12 * come + 9 * sway[10],
            pitch=6 + 3 * sway[11],
            roll=20 - 32 * come + 2 * sway[3],
            blink=self._blink((0.76, 0.87, 0.96), frame),
            mouth=0.18 + 0.16 * float(np.sin(3.1 * seconds)),
            gaze=(float(-10 + 8 * sway[4]), 8.0),
            lean=-4 + 6 * (1 - come),
        )

    def _blink(self, times: tuple[float, ...], frame: int) -> float:
        """0 open to 1 shut: shut fast, opened slower, shut in one whole frame at least."""
        closing = max(0.4 * BLINK_SECONDS * self._rate, 1.3)
        opening = max(0.8 * BLINK_SECONDS * self._rate, 1.6)
        most = 0.0
        for time in times:
            away = frame - round(time * (self._count - 1))
            # Shut in the frame itself, and for another half a frame on either side.
            far = max(abs(away) - 0.5, 0) / (closing if away < 0 else opening)
            most = max(most, float(1 - _smooth(np.clip(far, 0, 1))))
        return most


def _along(curve: Curve, share: float) -> float:
    """A value between its keys, at rest at each (monotone between them)."""
    times, values = np.array(curve).T
    i = int(np.clip(np.searchsorted(times, share, side="right") - 1, 0, len(times) - 2))
    part = (share - times[i]) / (times[i + 1] - times[i])
    return float(values[i] + (values[i + 1] - values[i]) * _smooth(np.clip(part, 0, 1)))


def _smooth(x: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    return x * x * (3 - 2 * x)
