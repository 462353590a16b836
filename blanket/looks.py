"""Looks at faces, taken again from a video: an analysis keeps none of their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from blanket.appearance import Album, Look
from blanket.picture import Picture, enlarge_mesh
from blanket.track import Track


def look_again(
    tracks: Sequence[Track],
    taken: Mapping[int, Sequence[tuple[int, float]]],
    pictures: Iterable[Picture],
    side: int,
) -> None:
    """Fill the albums of tracks anew.

    taken: frame and clearness of each look, by the track's number. pictures: all of the video,
    in order; most are only counted. side: of the analysis copy (`TrackSettings`).
    """
    wanted: dict[int, list[tuple[Track, float]]] = {}
    for track in tracks:
        for frame, clear in taken.get(track.number, ()):
            wanted.setdefault(frame, []).append((track, clear))
    looks: dict[tuple[int, int], Look] = {}
    for picture in pictures if wanted else ():
        if picture.index not in wanted:
            continue
        small = picture.rgb(side)
        full, size = (picture.width, picture.height), (small.shape[1], small.shape[0])
        for track, clear in wanted.pop(picture.index):
            sighting = track.sightings[picture.index]
            mesh = sighting.mesh
            assert mesh is not None
            mine = enlarge_mesh(mesh, full, size)
            looks[track.number, picture.index] = Look.taken(
                picture.index, small, mine, clear, sighting.occluded
            )
        if not wanted:
            break
    for track in tracks:
        # In the order in which they were taken, which is not that of the frames.
        frames = (frame for frame, _ in taken.get(track.number, ()))
        track.album = Album([looks[track.number, frame] for frame in frames])
