"""What is traced over time: one value a frame, read off a mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from blanket.attributes import eye_opening, head_pose, mouth_opening
from blanket.eval.angles import angle_agreement
from blanket.eval.gaze import eye_angles
from blanket.eval.traces import Agreement, Values, agreement, read_found
from blanket.faces import Points


@dataclass(frozen=True)
class Signal:
    """One trace. title, unit: as plots and tables name it. least: the least span of a plot's
    axis, so that noise is not blown up. angle: it is in degrees and goes round."""

    title: str
    unit: str
    least: float
    angle: bool = False

    def agreement(self, before: Values, after: Values) -> Agreement:
        """How the output's trace ``[N]`` agrees with the original's, NaN for no face."""
        compare = angle_agreement if self.angle else agreement
        return compare(before, after)


SIGNALS: Mapping[str, Signal] = {
    "eye": Signal("Eye opening", "of eye width", 0.2),
    "mouth": Signal("Mouth opening", "of eye distance", 0.2),
    "yaw": Signal("Yaw", "degrees", 10, angle=True),
    "pitch": Signal("Pitch", "degrees", 10, angle=True),
    "roll": Signal("Roll", "degrees", 10, angle=True),
    "gaze_x": Signal("Gaze, horizontal", "degrees", 20, angle=True),
    "gaze_y": Signal("Gaze, vertical", "degrees", 20, angle=True),
}
"""Openings are ratios (`blanket.attributes`), the mean of both eyes; gaze is that of the eyes
in the head (`blanket.eval.gaze`)."""


def read_signals(meshes: Points) -> dict[str, Values]:
    """Every signal ``[N]`` of meshes ``[N, 478, 3]``, NaN where there is no face."""
    pose = read_found(head_pose, meshes)
    gaze = read_found(eye_angles, meshes)
    return {
        "eye": read_found(_eyes, meshes),
        "mouth": read_found(mouth_opening, meshes),
        "yaw": pose[:, 0],
        "pitch": pose[:, 1],
        "roll": pose[:, 2],
        "gaze_x": gaze[:, 0],
        "gaze_y": gaze[:, 1],
    }


def _eyes(meshes: Points) -> Values:
    return np.asarray(eye_opening(meshes).mean(-1), np.float64)
