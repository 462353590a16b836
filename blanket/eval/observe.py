"""One pass over an original and all outputs of it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blanket.attributes import eye_opening, head_pose, mouth_opening
from blanket.config import Settings
from blanket.eval.angles import angle_difference
from blanket.eval.fidelity import psnr
from blanket.eval.gaze import angle_between, gaze_direction
from blanket.eval.impression import Impressions
from blanket.eval.landmarks import normalised_error
from blanket.eval.observation import Observation
from blanket.eval.reading import Networks, Original, OriginalFaces, Seen, side_by_side
from blanket.eval.stills import WorstFrames
from blanket.eval.whole import Whole, shrunk
from blanket.faces import Image, Points
from blanket.picture import Picture
from blanket.progress import Callback, telling
from blanket.recognise import Recogniser, distances


def observe(
    video: str,
    original: Path,
    outputs: Mapping[str, Path],
    source: OriginalFaces,
    networks: Networks,
    settings: Settings,
    *,
    every: int,
    look_every: int,
    worst: WorstFrames | None,
    impressions: Impressions | None,
    progress: Callback,
) -> Observation:
    """Read the faces of a video in the original and in every output.

    video: what to call it. outputs: by method. source: the original's faces. settings: of
    the networks. every: frames from one that is read to the next. look_every: of those, how
    many from one that the recogniser and the detector look at to the next. worst: keeps
    stills. impressions: looks at close-ups, if anything does.

    Raises:
        InputError: as `blanket.eval.reading.side_by_side`.
    """
    min_trust = settings.track.min_trust
    seen = Observation(video, list(outputs), min_trust, settings.detect.threshold)
    last: _Looked | None = None
    for before, afters in telling("read", side_by_side(original, outputs), None, progress):
        seen.count += 1
        if last is not None:
            # The frame after one that was looked at, whether it is read or not.
            last.follow(seen, networks, before, afters)
            last = None
        if before.index % every:
            continue
        look = len(seen.frames) % look_every == 0
        seen.frames.append(before.index)
        seen.times.append(before.time)
        faces = source.faces(before, look)
        places = [face.place for face in faces]
        read = {name: networks.faces(after, places, look) for name, after in afters.items()}
        seen.add_faces(faces, read)
        if look:
            seen.looked.add(before.index)
            seen.original.detections[before.index] = source.detections(before)
            last = _Looked(before.index, networks.whole(before, places), {})
            for name, after in afters.items():
                seen.outputs[name].detections[before.index] = networks.detections(after)
                copy = networks.copy(after)
                figures = last.whole.figures(copy)
                last.outputs[name] = shrunk(copy)
                if impressions is not None:
                    figures["lpips"] = impressions.look(name, before, after, places)
                seen.pictures[name][before.index] = figures
        if worst is not None:
            for name, after in afters.items():
                change = seen.pictures[name].get(before.index, {}).get("error_outside", np.nan)
                for face, one in zip(faces, read[name], strict=True):
                    bad = _badness(face, one, min_trust, networks.recogniser)
                    bad["outside"] = psnr(change)
                    for kind, value in bad.items():
                        worst.offer(name, kind, value, video, before, after, face.place)
    return seen


@dataclass
class _Looked:
    """A frame that was looked at, kept until the next one has come. outputs: shrunk, by
    method."""

    index: int
    whole: Whole
    outputs: dict[str, Image]

    def follow(
        self, seen: Observation, networks: Networks, before: Picture, afters: Mapping[str, Picture]
    ) -> None:
        """Take the next frame."""
        if not self.whole.region.any():
            return
        following = shrunk(networks.copy(before))
        for name, after in afters.items():
            seen.warping[name][self.index] = self.whole.warping(
                following, self.outputs[name], shrunk(networks.copy(after))
            )


def _badness(
    face: Original, output: Seen, min_trust: float, recogniser: Recogniser | None
) -> dict[str, float]:
    """How bad a frame is, by the kinds of `blanket.eval.stills`."""
    found: dict[str, float] = {}
    if recogniser is not None and "embedding" in output.looks:
        pair = face.seen.looks["embedding"], output.looks["embedding"]
        found["distance"] = float(distances(recogniser, *pair))
    if face.seen.trust < min_trust:
        return found
    if output.trust < min_trust:
        return found | {"lost": output.trust}
    a, b = face.seen.mesh[None], output.mesh[None]
    return found | {
        "landmarks": 100 * float(normalised_error(a, b, 68)[0]),
        "pose": float(np.abs(angle_difference(head_pose(a), head_pose(b))).max()),
        "gaze": float(angle_between(gaze_direction(a), gaze_direction(b))[0]),
        "eye": float(np.abs(eye_opening(a).mean() - eye_opening(b).mean())),
        "mouth": _change(mouth_opening, a, b),
    }


def _change(read: Callable[[Points], object], a: Points, b: Points) -> float:
    return float(np.abs(np.asarray(read(a)) - np.asarray(read(b))).max())
