"""One pass over an original and all outputs of it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from blanket.attributes import eye_opening, head_pose, mouth_opening
from blanket.eval.angles import angle_difference
from blanket.eval.gaze import angle_between, gaze_direction
from blanket.eval.landmarks import normalised_error
from blanket.eval.observation import Observation
from blanket.eval.reading import Original, OriginalFaces, Readers, Seen, side_by_side
from blanket.eval.stills import WorstFrames
from blanket.faces import Points
from blanket.recognise import Recogniser, distances


def observe(
    video: str,
    original: Path,
    outputs: Mapping[str, Path],
    source: OriginalFaces,
    readers: Readers,
    *,
    min_trust: float,
    every: int,
    look_every: int,
    worst: WorstFrames | None = None,
    told: Callable[[int], None] = lambda frames: None,
) -> Observation:
    """Read the faces of a video in the original and in every output.

    video: what to call it. outputs: by method. source: the original's faces. every: frames
    from one that is read to the next. look_every: of those, how many from one that the
    recogniser and the detector look at to the next. worst: keeps stills. told: called with
    the number of frames done.

    Raises:
        InputError: as `blanket.eval.reading.side_by_side`.
    """
    seen = Observation(video, list(outputs), min_trust)
    for before, afters in side_by_side(original, outputs):
        seen.count += 1
        told(seen.count)
        if before.index % every:
            continue
        look = len(seen.frames) % look_every == 0
        seen.frames.append(before.index)
        seen.times.append(before.time)
        faces = source.faces(before, look)
        places = [face.place for face in faces]
        read = {name: readers.faces(after, places, look) for name, after in afters.items()}
        seen.add_faces(faces, read)
        if look:
            seen.looked.add(before.index)
            seen.original.detections[before.index] = source.detections(before)
            for name, after in afters.items():
                seen.outputs[name].detections[before.index] = readers.detections(after)
        if worst is not None:
            for name, after in afters.items():
                for face, one in zip(faces, read[name], strict=True):
                    bad = _badness(face, one, min_trust, readers.recogniser)
                    for kind, value in bad.items():
                        worst.offer(name, kind, value, video, before, after, face.place)
    return seen


def _badness(
    face: Original, output: Seen, min_trust: float, recogniser: Recogniser | None
) -> dict[str, float]:
    """How bad a frame is, by the kinds of `blanket.eval.stills`."""
    found: dict[str, float] = {}
    if recogniser is not None and output.embedding is not None and face.seen.embedding is not None:
        found["distance"] = float(distances(recogniser, face.seen.embedding, output.embedding))
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
