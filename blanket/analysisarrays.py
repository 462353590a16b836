"""The arrays of an analysis: tracks, looks and new faces, packed for the file beside its text."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blanket.analysis import Analysis
from blanket.analysistext import Document, IdentityPart
from blanket.faces import Array, Identity, Photograph
from blanket.mesh import MASK_SIDE
from blanket.topology import POINTS
from blanket.track import Sighting, Track


def pack(analysis: Analysis, faces: Sequence[Identity]) -> dict[str, Array]:
    """The arrays of an analysis and of new faces, by name."""
    rows = [
        (track.number, frame, track.sightings[frame])
        for track in analysis.tracks
        for frame in sorted(track.sightings)
    ]
    sightings = [one for _, _, one in rows]
    meshed = [one for one in sightings if one.packed is not None]
    looks = [(track.number, *look) for track in analysis.tracks for look in track.album.taken]
    hidden = [
        (track.number, frame, rule)
        for track in analysis.tracks
        for frame, rule in sorted(track.hidden.items())
    ]
    photographs = [one.photograph for one in faces if one.photograph is not None]
    return {
        "times": analysis.times,
        "track": np.array([number for number, _, _ in rows], np.int32),
        "frame": np.array([frame for _, frame, _ in rows], np.int32),
        "box": _stack([one.box[:4] for one in sightings], (4,), np.float32),
        "trust": np.array([one.trust for one in sightings], np.float64),
        "score": np.array([one.score for one in sightings], np.float64),
        "rule": np.array([one.rule or "" for one in sightings], "U16"),
        "meshed": np.array([one.packed is not None for one in sightings], bool),
        "mesh": _stack([one.packed for one in meshed], (POINTS, 3), np.int16),
        "mesh_low": _stack([one.box[4:7] for one in meshed], (3,), np.float32),
        "mesh_span": np.array([one.box[7] for one in meshed], np.float32),
        "occluded": _stack([one.occluded for one in meshed], (MASK_SIDE, MASK_SIDE), np.uint8),
        "look_track": np.array([number for number, _, _ in looks], np.int32),
        "look_frame": np.array([frame for _, frame, _ in looks], np.int32),
        "look_clear": np.array([clear for _, _, clear in looks], np.float64),
        "hidden_track": np.array([number for number, _, _ in hidden], np.int32),
        "hidden_frame": np.array([frame for _, frame, _ in hidden], np.int32),
        "hidden_rule": np.array([rule for _, _, rule in hidden], "U16"),
        "identity_texture": _stack([one.texture for one in faces], (0, 0, 3), np.uint8),
        "identity_shape": _stack([one.shape for one in faces], (POINTS, 3), np.float32),
        "photograph": _stack([one.pixels for one in photographs], (0, 0, 3), np.uint8),
        "photograph_mesh": _stack([one.mesh for one in photographs], (POINTS, 3), np.float32),
    }


@dataclass(frozen=True)
class Unpacked:
    """What the arrays hold. times: ``[N]`` seconds of every frame. identities: by subject.
    looks: frame and clearness of every look at a face, by the number of its track."""

    times: NDArray[np.float64]
    tracks: list[Track]
    identities: dict[int, Identity]
    looks: dict[int, list[tuple[int, float]]]


def unpack(arrays: Mapping[str, Array], document: Document) -> Unpacked:
    """What the arrays hold that a text belongs to.

    Raises:
        KeyError, ValueError: they lack some of what the text says.
    """
    tracks = {part.track: Track(part.track, {}, part.subject) for part in document.tracks}
    for number, frame, sighting in _sightings(arrays):
        tracks[number].sightings[frame] = sighting
    for number, frame, rule in _rows(arrays, "hidden_track", "hidden_frame", "hidden_rule"):
        tracks[number].hidden[frame] = rule
    looks: dict[int, list[tuple[int, float]]] = {}
    for number, frame, clear in _rows(arrays, "look_track", "look_frame", "look_clear"):
        looks.setdefault(number, []).append((frame, clear))
    identities = dict(_identities(document.identities, arrays))
    return Unpacked(arrays["times"], list(tracks.values()), identities, looks)


def _stack(arrays: Sequence[Array | None], shape: tuple[int, ...], dtype: Any) -> Array:
    return np.array(arrays, dtype) if arrays else np.empty((0, *shape), dtype)


def _sightings(arrays: Mapping[str, Array]) -> Iterator[tuple[int, int, Sighting]]:
    row = 0
    names = ("track", "frame", "trust", "score", "rule", "meshed")
    for (number, frame, trust, score, rule, meshed), box in zip(
        _rows(arrays, *names), arrays["box"], strict=True
    ):
        if meshed:
            low, span = arrays["mesh_low"][row], arrays["mesh_span"][row]
            whole = np.concatenate([box, low, [span]]).astype(np.float32)
            cover = zlib.compress(arrays["occluded"][row].tobytes(), 1)
            yield number, frame, Sighting(whole, trust, None, arrays["mesh"][row], cover, score)
            row += 1
        else:
            yield number, frame, Sighting(box, trust, rule or None, None, b"", score)


def _identities(
    parts: Sequence[IdentityPart], arrays: Mapping[str, Array]
) -> Iterator[tuple[int, Identity]]:
    photographs = zip(arrays["photograph"], arrays["photograph_mesh"], strict=True)
    for part, texture, shape in zip(
        parts, arrays["identity_texture"], arrays["identity_shape"], strict=True
    ):
        taken = Photograph(*next(photographs)) if part.photograph else None
        face = Identity(texture, shape, part.origin, part.distance, taken, tag=part.subject_tag)
        yield part.subject, face


def _rows(arrays: Mapping[str, Array], *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(arrays[name].tolist() for name in names), strict=True)
