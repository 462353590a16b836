"""What a candidate for a new face is held to, and which of several is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blanket.align import rigid
from blanket.attributes import eye_distance, head_pose
from blanket.config import Check
from blanket.detect import Detector
from blanket.faces import Image, Points
from blanket.inpaint.morphable import age_group, load_likeness
from blanket.light import flatten
from blanket.likeness import describe
from blanket.mesh import MeshNetwork
from blanket.recognise import Recogniser, distances
from blanket.texture import unwrap
from blanket.topology import SURFACE, load_topology

SEEN = 0.5
"""Trust in the mesh from which on a face is seen."""
TURN = 12.0
"""Degrees by which yaw, pitch or roll may differ from the child's."""
AWAY = 0.12
"""Mean distance of the mesh from the child's, in distances between the outer eye corners."""
OLDER = 1.7
"""Factor by which a new face may look older or younger; age groups are three times apart."""
_TEXTURE = 64


@dataclass(frozen=True)
class Candidate:
    """A candidate as its frame shows it, upright. pixels: ``[S, S, 3]``. mesh: ``[478, 3]``.
    failed: the first check that it fails. merit: the larger the better; of those that pass,
    how surely a face is seen, how near it lies to the child's, how unlike the child it is."""

    pixels: Image
    mesh: Points
    failed: Check | None
    merit: float


class Checks:
    """Holds candidates to some checks.

    wanted: the checks. recogniser: for "stranger".
    """

    def __init__(
        self,
        wanted: Sequence[Check],
        detector: Detector,
        network: MeshNetwork,
        recogniser: Recogniser | None,
    ) -> None:
        self._wanted, self._detector = set(wanted), detector
        self._network, self._recogniser = network, recogniser

    def look(
        self, pixels: Image, child: Image, mesh: Points, age: str | None, blocked: bool
    ) -> Candidate:
        """A candidate, judged.

        pixels, child: ``[S, S, 3]``, the crop with the new face and as it was. mesh: ``[478,
        3]``, of the child in the crop. age: group that it must be of, None for the child's
        age. blocked: by the safety checker.
        """
        reading = self._network.follow(pixels, mesh)
        # Where no face is seen, what was painted is taken to lie where it should.
        found = reading.mesh if reading.trust >= SEEN else mesh
        turn = float(np.abs(head_pose(found) - head_pose(mesh)).max())
        apart = np.linalg.norm(found[:SURFACE, :2] - mesh[:SURFACE, :2], axis=1).mean()
        apart /= float(eye_distance(mesh))
        far = 1.0
        if self._recogniser is not None:
            one, other = (
                self._recogniser.embed(picture, points[None])[0]
                for picture, points in ((pixels, found), (child, mesh))
            )
            far = float(distances(self._recogniser, one, other)) / self._recogniser.threshold
        passed: dict[Check, bool] = {
            "safe": not blocked,
            "face": reading.trust >= SEEN and self._one_face(pixels, mesh),
            "pose": turn <= TURN and apart <= AWAY,
            "age": _of_age(_years(pixels, found), _years(child, mesh), age),
            "stranger": far > 1,
        }
        failed = next((c for c, good in passed.items() if c in self._wanted and not good), None)
        near = max(1 - float(apart) / AWAY, 0.0)
        return Candidate(pixels, found, failed, reading.trust * (0.5 + near) * min(far, 1.3))

    def _one_face(self, pixels: Image, mesh: Points) -> bool:
        """Whether the detector finds exactly one face where the child's was."""
        low, high = mesh[:SURFACE, :2].min(0), mesh[:SURFACE, :2].max(0)
        middles = [(f.box[:2] + f.box[2:4]) / 2 for f in self._detector.detect(pixels)]
        return sum(bool((low < m).all() and (m < high).all()) for m in middles) == 1


def _years(pixels: Image, mesh: Points) -> float:
    """How old a face looks in one picture."""
    texture = unwrap(pixels, mesh, _TEXTURE)
    shape = rigid(mesh, load_topology().mean)
    return float(load_likeness().years(describe(flatten(texture), shape)))


def _of_age(years: float, child: float, group: str | None) -> bool:
    # Against the child in the same picture, whose light and pose mislead the reader as much.
    if group is None:
        return max(years, child) / max(min(years, child), 1e-6) < OLDER
    return age_group(years) == group
