"""Following faces, with a detector and a mesh network whose answers are known."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest

from blanket import align
from blanket.appearance import Album, Look
from blanket.config import Settings
from blanket.copies import copies
from blanket.detect import detect_turned, overlap, suppress
from blanket.faces import Face, Image
from blanket.image import Still
from blanket.mesh import MASK_SIDE, Aim, Reading
from blanket.presets import load_settings
from blanket.topology import five_points, load_topology
from blanket.track import Track, mesh_box
from blanket.tracker import Tracker

SIZE = 60.0
TURNED = 255  # the corner of a turned copy is not the one with the number
Where = Callable[[int], list[tuple[float, float]]]


def mesh_at(x: float, y: float) -> np.ndarray:
    matrix = np.array([[SIZE, 0, x], [0, SIZE, y]])
    return align.apply(matrix, load_topology().mean)


class World:
    """Faces at known places. A picture tells its number in the colour of its corner.

    where: the faces of a frame. seen: what the detector finds of them. trust: of a mesh.
    """

    name = "world"

    def __init__(self, where: Where, seen: Where | None = None, trust: float = 0.9) -> None:
        self.where, self.seen, self.trust = where, seen or where, trust
        self.searches: list[int] = []

    def detect(self, picture: Image) -> list[Face]:
        index = int(picture[0, 0, 0])
        if index == TURNED:
            return []
        self.searches.append(index)
        faces = []
        for x, y in self.seen(index):
            mesh = mesh_at(x, y)
            faces.append(Face(mesh_box(mesh), 0.9, five_points(mesh)))
        return faces

    def find(self, picture: Image, face: Face) -> Reading:
        return self._nearest(picture, (face.box[:2] + face.box[2:]) / 2)

    def follow(self, picture: Image, mesh: np.ndarray, aim: Aim | None) -> Reading:
        return self._nearest(picture, mesh[:468, :2].mean(0))

    def _nearest(self, picture: Image, middle: np.ndarray) -> Reading:
        places = self.where(int(picture[0, 0, 0]))
        best = min(places, key=lambda p: float(np.hypot(*(middle - p))), default=None)
        near = best is not None and float(np.hypot(*(middle - best))) < SIZE
        mesh = mesh_at(*(best if near and best else middle))
        clear = np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)
        return Reading(mesh, self.trust if near else 0.0, clear, np.eye(2, 3, dtype=np.float32))


class Numbered(Still):
    def __init__(self, number: int) -> None:
        pixels = np.full((360, 640, 3), TURNED, np.uint8)
        pixels[:8, :8] = number
        super().__init__(pixels)
        self.index = number


def follow(world: World, frames: int, settings: Settings | None = None) -> list[Track]:
    settings = settings or load_settings()
    tracker = Tracker(world, world, settings)  # type: ignore[arg-type]
    for copy in copies(map(Numbered, range(frames)), settings.track):
        tracker.step(copy)
    return tracker.finish()


def test_one_face_is_one_track_and_rarely_searched() -> None:
    world = World(lambda i: [(200 + 3 * i, 180)])
    (track,) = follow(world, 40)
    assert sorted(track.sightings) == list(range(40))
    assert all(s.packed is not None for s in track.sightings.values())
    assert len(set(world.searches)) <= 5


def test_a_face_that_is_found_late_is_followed_back() -> None:
    world = World(lambda i: [(300, 180)], seen=lambda i: [(300, 180)] if i >= 20 else [])
    (track,) = follow(world, 40)
    assert track.first == 0


def test_it_is_followed_back_no_further_than_it_is_there() -> None:
    world = World(
        lambda i: [(300, 180)] if i >= 9 else [], seen=lambda i: [(300, 180)] if i >= 20 else []
    )
    (track,) = follow(world, 40)
    assert track.first == 9


def test_two_faces_that_cross_stay_two_tracks() -> None:
    tracks = follow(World(lambda i: [(120 + 10 * i, 120), (520 - 10 * i, 260)]), 40)
    assert len(tracks) == 2
    xs = [np.mean(t.sightings[39].box[[0, 2]]) for t in tracks]
    assert xs[0] == pytest.approx(510, abs=8) and xs[1] == pytest.approx(130, abs=8)


def test_a_face_that_goes_behind_another_is_still_there() -> None:
    front = (300.0, 180.0)
    world = World(lambda i: [front, (370.0 - i, 180.0)] if i < 15 else [front])
    tracks = follow(world, 40)
    assert len(tracks) == 2
    last = tracks[1].sightings[tracks[1].last]
    assert tracks[1].last == 15 and last.rule == "low-trust" and last.packed is None
    assert np.mean(last.box[[0, 2]]) == pytest.approx(356, abs=8)


def test_forty_faces() -> None:
    places = [(40.0 + 80 * (n % 8), 40.0 + 70 * (n // 8)) for n in range(40)]
    global SIZE
    before, SIZE = SIZE, 26.0
    try:
        tracks = follow(World(lambda i: places), 4)
    finally:
        SIZE = before
    assert len(tracks) == 40


def test_a_face_whose_mesh_is_not_trusted_is_kept_as_a_box() -> None:
    (track,) = follow(World(lambda i: [(200, 180)], trust=0.2), 26)
    assert {s.rule for s in track.sightings.values()} == {"no-mesh"}
    assert all(s.packed is None for s in track.sightings.values())


@pytest.mark.parametrize(
    ("y", "trust", "meshed"), [(30, 0.4, False), (30, 0.6, True), (180, 0.4, True)]
)
def test_a_doubtful_mesh_is_hidden_where_the_border_cuts_the_face_off(
    y: float, trust: float, meshed: bool
) -> None:
    (track,) = follow(World(lambda i: [(300, y)], trust=trust), 20)
    assert sorted(track.sightings) == list(range(20))
    assert {s.packed is not None for s in track.sightings.values()} == {meshed}


def test_a_face_that_is_lost_for_a_while_is_the_same_track() -> None:
    world = World(lambda i: [] if 12 <= i < 24 else [(200, 180)])
    (track,) = follow(world, 40)
    assert {0, 11, 24, 39} <= set(track.sightings)


def looks_in_memory() -> int:
    gc.collect()
    return sum(isinstance(one, Look) for one in gc.get_objects())


def test_looks_at_a_face_that_has_gone_are_let_go() -> None:
    """However many faces come and go, memory holds the looks at those that are there."""

    def one_after_the_other(i: int) -> list[tuple[float, float]]:
        return [(100.0 + 2 * i, 180.0)] if i % 80 < 30 else []

    world, before = World(one_after_the_other), looks_in_memory()
    settings = load_settings()
    tracker = Tracker(world, world, settings)  # type: ignore[arg-type]
    held = []
    for copy in copies(map(Numbered, range(190)), settings.track):
        tracker.step(copy)
        if copy.index % 80 == 29:
            held.append(looks_in_memory() - before)
    tracks = tracker.finish()
    assert len(tracks) == 3
    assert held[0] == held[1] == held[2] > 0
    assert looks_in_memory() == before
    assert all(track.album.taken and track.appearance is not None for track in tracks)


def test_a_closed_album_says_what_it_said() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    cover = np.full((MASK_SIDE, MASK_SIDE), 224, np.uint8)
    looks = [Look.taken(i, picture, mesh_at(90.0 + i, 100.0), 0.1 * i, cover) for i in range(6)]
    album, before = Album(looks), Album(looks).appearance()
    album.close()
    after = album.appearance()
    assert album.taken == [(look.frame, look.clear) for look in looks]
    assert before is not None and after is not None and after.frames == before.frames
    for name in ("texture", "spread", "flat", "shape", "colour", "worn"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_an_empty_room_has_no_tracks() -> None:
    assert follow(World(lambda i: []), 20) == []


def test_a_turned_copy_shows_what_the_upright_does_not() -> None:
    class OnlyUpright:
        name = "upright"

        def detect(self, picture: Image) -> list[Face]:
            height, width = picture.shape[:2]
            y, x = np.argwhere(picture[..., 0] > 200).mean(0)
            if width > height or x > width / 2:
                return []
            box = np.array([x - 5, y - 10, x + 5, y + 10], np.float32)
            points = np.tile(np.array([x, y], np.float32), (5, 1))
            return [Face(box, 0.8, points)]

    picture = np.zeros((100, 160, 3), np.uint8)
    picture[70:74, 30:34] = 255
    (face,) = detect_turned(OnlyUpright(), picture)
    assert face.points[0] == pytest.approx([31.5, 71.5], abs=0.6)
    assert face.box == pytest.approx([21.5, 66.5, 41.5, 76.5], abs=0.6)


def test_overlap_and_suppression() -> None:
    a, b = np.array([0, 0, 10, 10.0]), np.array([5, 0, 15, 10.0])
    assert overlap(a, b) == pytest.approx(1 / 3)
    assert overlap(a, a) == 1
    assert overlap(a, a + 20) == 0
    points = np.zeros((5, 2), np.float32)
    faces = [Face(a, 0.9, points), Face(b, 0.8, points), Face(a + 20, 0.7, points)]
    assert [f.score for f in suppress(faces)] == [0.9, 0.7]
