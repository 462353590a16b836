"""People and their poses, as the estimators that a lab works with find them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from blanket.extras import needs
from blanket.faces import Image, Points
from blanket.store import find

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Person:
    """One person in one picture. box: ``[4]`` float32, x0, y0, x1, y1 in pixels. score: 0..1.
    keypoints: ``[K, 3]`` float32, x, y in pixels and score; None where none were looked for."""

    box: Points
    score: float
    keypoints: Points | None = None


class PersonDetector(Protocol):
    """Anything that finds people. name: what reports call it."""

    name: str

    def detect(self, picture: Image) -> list[Person]:
        """The people in an RGB picture ``[H, W, 3]``, best first."""
        ...


class PoseEstimator(Protocol):
    """Anything that finds the keypoints of people. name: what reports call it."""

    name: str

    def estimate(self, picture: Image, persons: list[Person]) -> list[Person]:
        """The same people in an RGB picture ``[H, W, 3]``, with keypoints; the score is the
        pose's, by which average precision ranks them."""
        ...


def build_person_detector(model: Path | None = None, device: Device = "cpu") -> PersonDetector:
    """RT-DETR of a folder; by default the one that `blanket weights pull rtdetr` fetches.

    Raises:
        BlanketError: it is not installed, or the model is not there.
    """
    with needs("downstream", "finding people"):
        from blanket.eval.rtdetr import RtDetr
    return RtDetr(model or find("rtdetr"), device)


def build_pose_estimator(model: Path | None = None, device: Device = "cpu") -> PoseEstimator:
    """ViTPose of a folder; by default the one that `blanket weights pull vitpose` fetches.

    Raises:
        BlanketError: it is not installed, or the model is not there.
    """
    with needs("downstream", "finding poses"):
        from blanket.eval.vitpose import VitPose
    return VitPose(model or find("vitpose"), device)
