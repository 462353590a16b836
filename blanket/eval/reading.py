"""The same faces in an original and in what methods made of it, frame after frame.

Faces are looked for in the original alone. In an output each is read where the original has
it, by the same networks: whoever compares the two knows where to look, and so does an
attacker. Nothing is left out because a face can no longer be found: the recogniser looks at
that place all the same, and the mesh network says how little it trusts what it reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blanket.analysis import Analysis, Placements
from blanket.config import Settings
from blanket.detect import Detector
from blanket.errors import InputError, counted
from blanket.eval.demographics import AgeGender
from blanket.eval.expression import ExpressionClassifier
from blanket.eval.whole import Whole
from blanket.faces import Face, Image, Points
from blanket.footage import pictures, size
from blanket.media import is_image
from blanket.mesh import MeshNetwork
from blanket.picture import Picture, enlarge_mesh, enlarge_points
from blanket.recognise import Recogniser
from blanket.topology import POINTS

LEAST_SCORE = 0.05
"""Detections down to this score are kept for the precision-recall curve."""


@dataclass(frozen=True)
class Seen:
    """One face as it is read in one picture.

    mesh: ``[478, 3]`` float32 pixels of the full picture. trust: 0..1, of the mesh. looks:
    what closer looks found, float32 by name, empty in frames without one: ``embedding``
    ``[D]``, ``expression`` ``[C]`` probabilities, ``demographics`` ``[2]``, years and the
    probability of a man.
    """

    mesh: Points
    trust: float
    looks: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Original:
    """One face of the original in one frame: who it is, where, and how it is read there.

    place: ``[478, 3]`` pixels, the smoothed mesh; original and outputs are read there.
    """

    track: int
    subject: int
    place: Points
    seen: Seen


class Networks:
    """What reads faces, the same for the original and every output.

    side: pixels of the longer side of the copy that is read. detector: gives scores from
    `LEAST_SCORE` on. recogniser: None for no figures on identity. expression, demographics:
    what names expressions, ages and genders.
    """

    def __init__(
        self,
        settings: Settings,
        network: MeshNetwork,
        detector: Detector,
        recogniser: Recogniser | None,
        expression: ExpressionClassifier,
        demographics: AgeGender,
    ) -> None:
        self.side, self.detect_side = settings.track.analysis_side, settings.detect.max_side
        self.network, self.detector, self.recogniser = network, detector, recogniser
        self.expression, self.demographics = expression, demographics

    def copy(self, picture: Picture) -> Image:
        """The copy of a picture that is read and compared, ``[h, w, 3]``."""
        return picture.rgb(self.side)

    def whole(self, picture: Picture, places: list[Points]) -> Whole:
        """The copy of an original with its faces, for other pictures to be compared with.

        places: meshes ``[478, 3]`` in pixels of the picture.
        """
        small = self.copy(picture)
        full, size = (picture.width, picture.height), (small.shape[1], small.shape[0])
        shrunk = [enlarge_mesh(place, full, size) for place in places]
        return Whole.of(small, np.stack(shrunk) if shrunk else np.empty((0, POINTS, 3), np.float32))

    def faces(self, picture: Picture, places: list[Points], look: bool) -> list[Seen]:
        """Every face read at its place (meshes ``[478, 3]`` in pixels of the picture).

        look: look closer, too. The recogniser is told the same places; expression, age and
        gender are those of the mesh that is read.
        """
        if not places:
            return []
        small = self.copy(picture)
        full, size = (picture.width, picture.height), (small.shape[1], small.shape[0])
        shrunk = [enlarge_mesh(place, full, size) for place in places]
        readings = [self.network.follow(small, place) for place in shrunk]
        looks: list[dict[str, NDArray[np.float32]]] = [{} for _ in places]
        if look:
            meshes = np.stack([reading.mesh for reading in readings])
            groups = self.demographics.read(small, meshes)
            found = {
                "expression": self.expression.probabilities(small, meshes),
                "demographics": np.stack([groups.years, groups.man], axis=-1),
            }
            if self.recogniser is not None:
                found["embedding"] = self.recogniser.embed(small, np.stack(shrunk))
            looks = [{name: rows[k] for name, rows in found.items()} for k in range(len(places))]
        return [
            Seen(enlarge_mesh(reading.mesh, size, full), reading.trust, one)
            for reading, one in zip(readings, looks, strict=True)
        ]

    def detections(self, picture: Picture) -> list[Face]:
        """Faces that the detector finds anywhere, in pixels of the picture, best first."""
        small = picture.rgb(self.detect_side)
        full, size = (picture.width, picture.height), (small.shape[1], small.shape[0])
        return [
            Face(
                enlarge_points(face.box.reshape(2, 2), size, full).ravel(),
                face.score,
                enlarge_points(face.points, size, full),
            )
            for face in self.detector.detect(small)
        ]


class OriginalFaces(Protocol):
    """What is read in the original, frame by frame in order: worked out, or remembered."""

    def faces(self, picture: Picture, look: bool) -> list[Original]:
        """The faces that have a mesh. look: look closer, too."""
        ...

    def detections(self, picture: Picture) -> list[Face]:
        """See `Networks.detections`."""
        ...


class OriginalReader:
    """Reads the original as the frames come, at the places that the analysis found."""

    def __init__(self, networks: Networks, analysis: Analysis, settings: Settings) -> None:
        self._networks = networks
        self._placements = Placements(analysis, settings)

    def faces(self, picture: Picture, look: bool) -> list[Original]:
        """See `OriginalFaces`."""
        placed = [
            (one.track, one.mesh)
            for one in self._placements.at(picture.index)
            if one.mesh is not None
        ]
        seen = self._networks.faces(picture, [mesh for _, mesh in placed], look)
        return [
            Original(track.number, track.subject, mesh, one)
            for (track, mesh), one in zip(placed, seen, strict=True)
        ]

    def detections(self, picture: Picture) -> list[Face]:
        """See `OriginalFaces`."""
        return self._networks.detections(picture)


def side_by_side(
    original: Path, outputs: Mapping[str, Path]
) -> Iterator[tuple[Picture, dict[str, Picture]]]:
    """The frames of an original, each with the same frame of every output, by name.

    Raises:
        InputError: an output has another size, or more or fewer frames, than the original,
            or cannot be read.
    """
    for path in outputs.values():
        refuse_other_size(original, path)
    with ExitStack() as stack:
        streams = {
            name: stack.enter_context(closing(pictures(path))) for name, path in outputs.items()
        }
        count = 0
        for picture in stack.enter_context(closing(pictures(original))):
            frame = {name: next(stream, None) for name, stream in streams.items()}
            for name, one in frame.items():
                if one is None:
                    raise InputError(
                        f"the output {outputs[name]} ends after {counted(count, 'frame')} and "
                        f"the original {original} does not: both must have the same frames"
                    )
            yield picture, {name: one for name, one in frame.items() if one is not None}
            count += 1
        for name, stream in streams.items():
            if next(stream, None) is not None:
                raise InputError(
                    f"the output {outputs[name]} goes on after {counted(count, 'frame')}, where "
                    f"the original {original} ends: both must have the same frames"
                )


def refuse_other_size(original: Path, output: Path) -> None:
    """Raise InputError where the two are not both pictures or videos, of one size."""
    if is_image(original) != is_image(output):
        raise InputError(
            f"the original {original} and the output {output} must both be pictures or both videos"
        )
    (w, h), (v, u) = size(original), size(output)
    if (w, h) != (v, u):
        raise InputError(
            f"the output {output} has {v}x{u} pixels and the original {original} {w}x{h}: sizes "
            "must agree"
        )
