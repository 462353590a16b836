"""What is done with a track in each frame: smoothing, bridging, hiding."""

from __future__ import annotations

import numpy as np
import pytest

from blanket import align
from blanket.attributes import eye_opening
from blanket.faces import Points
from blanket.mesh import MASK_SIDE, Reading
from blanket.timeline import Timeline
from blanket.topology import load_topology
from blanket.track import LONGEST_HIDDEN_GAP, Sighting, Track

SIZE = 120.0


def mesh_at(x: float, y: float = 300.0, roll: float = 0.0) -> np.ndarray:
    cos, sin = SIZE * np.cos(roll), SIZE * np.sin(roll)
    return align.apply(np.array([[cos, -sin, x], [sin, cos, y]]), load_topology().mean)


def sighting(mesh: np.ndarray, cover: int = 0) -> Sighting:
    occluded = np.full((MASK_SIDE, MASK_SIDE), cover, np.uint8)
    return Sighting.of_reading(Reading(mesh, 0.9, occluded, np.eye(2, 3, dtype=np.float32)), mesh)


def track_of(meshes: dict[int, np.ndarray]) -> Track:
    return Track(0, {index: sighting(mesh) for index, mesh in meshes.items()})


def timeline(track: Track, cuts: list[int] | None = None, smoothing: float = 0.5) -> Timeline:
    return Timeline(track, cuts or [], max_gap=8, smoothing=smoothing, linger=12)


def placed_meshes(line: Timeline, frames: int) -> list[Points]:
    meshes = []
    for index in range(frames):
        placed = line.at(index)
        assert placed is not None and placed.mesh is not None
        meshes.append(placed.mesh)
    return meshes


def test_a_packed_mesh_keeps_its_place() -> None:
    mesh = mesh_at(3000.0, 1800.0, 1.0)
    found = sighting(mesh).mesh
    assert found is not None
    assert np.abs(found - mesh).max() < 0.01


def test_accelerated_movement_is_followed_without_lag() -> None:
    meshes = {i: mesh_at(100 + 6 * i + 0.8 * i * i, roll=0.03 * i) for i in range(30)}
    line = timeline(track_of(meshes))
    for i in range(6, 24):
        placed = line.at(i)
        assert placed is not None and placed.mesh is not None
        assert np.abs(placed.mesh - meshes[i])[:, :2].max() < 0.4


def test_jitter_is_taken_out() -> None:
    rng = np.random.default_rng(0)
    meshes = {
        i: mesh_at(200 + rng.normal(0, 0.6), 300 + rng.normal(0, 0.6))
        + rng.normal(0, 0.5, (478, 3)).astype(np.float32)
        for i in range(40)
    }
    line = timeline(track_of(meshes))
    smooth = np.stack(placed_meshes(line, 40))
    raw = np.stack([meshes[i] for i in range(40)])
    assert np.abs(np.diff(smooth, 2, axis=0)).mean() < 0.55 * np.abs(np.diff(raw, 2, axis=0)).mean()


def test_a_blink_stays_as_fast_as_it_is() -> None:
    meshes = {i: mesh_at(200.0) for i in range(20)}
    for i in (9, 10, 11):
        for up, low in ((160, 144), (159, 145), (158, 153), (387, 373), (386, 374), (385, 380)):
            meshes[i][up] = meshes[i][low]
    line = timeline(track_of(meshes))
    opened = [eye_opening(mesh).mean() for mesh in placed_meshes(line, 20)]
    assert max(opened[9:12]) < 0.1 * opened[0]
    assert min(opened[:8] + opened[13:]) > 0.9 * opened[0]


def test_without_smoothing_the_reading_is_used() -> None:
    meshes = {i: mesh_at(200.0 + (i % 2)) for i in range(10)}
    line = timeline(track_of(meshes), smoothing=0.0)
    placed = line.at(5)
    assert placed is not None and placed.mesh is not None
    assert np.abs(placed.mesh - meshes[5]).max() < 0.01


def test_a_short_gap_is_bridged_and_a_long_one_hidden() -> None:
    meshes = {i: mesh_at(100.0 + 2 * i) for i in [*range(10), *range(16, 26), *range(50, 60)]}
    line = timeline(track_of(meshes))
    for i in range(10, 16):
        placed = line.at(i)
        assert placed is not None and placed.rule is None and placed.mesh is not None
        assert np.abs(placed.mesh - mesh_at(100.0 + 2 * i))[:, :2].max() < 1.5
    for i in range(26, 50):
        placed = line.at(i)
        assert placed is not None and placed.rule == "gap"
        middle = (placed.box[0] + placed.box[2]) / 2
        assert middle == pytest.approx(100.0 + 2 * i, abs=3)


def test_after_a_very_long_gap_the_face_was_away() -> None:
    meshes = {i: mesh_at(100.0) for i in [*range(5), *range(10 + LONGEST_HIDDEN_GAP, 80)]}
    assert timeline(track_of(meshes)).at(30) is None


def test_nothing_is_bridged_across_a_cut() -> None:
    meshes = {i: mesh_at(100.0) for i in [*range(10), *range(14, 20)]}
    line = timeline(track_of(meshes), cuts=[12])
    assert line.at(11) is None
    assert line.at(13) is None


def test_a_box_without_a_mesh_is_hidden_with_its_rule_and_around() -> None:
    box = np.array([10, 10, 60, 70], np.float32)
    track = Track(0, {24: Sighting(box, 0.1, "no-mesh"), 36: Sighting(box + 12, 0.1, "no-mesh")})
    line = timeline(track)
    assert line.at(24).rule == "no-mesh"  # type: ignore[union-attr]
    between = line.at(30)
    assert between is not None and between.rule == "gap"
    np.testing.assert_allclose(between.box, box + 6)
    assert line.at(13).rule == "no-mesh"  # type: ignore[union-attr]
    assert line.at(48).rule == "no-mesh"  # type: ignore[union-attr]
    assert line.at(11) is None and line.at(49) is None


def test_low_trust_between_good_meshes_is_bridged() -> None:
    track = track_of({i: mesh_at(100.0) for i in [*range(6), *range(8, 14)]})
    box = np.array([0, 0, 200, 400], np.float32)
    for i in (6, 7):
        track.sightings[i] = Sighting(box, 0.15, "low-trust")
    placed = timeline(track).at(6)
    assert placed is not None and placed.rule is None


@pytest.mark.parametrize(("pace", "comes"), [(0.6, False), (6.0, True)])
def test_only_who_moves_comes_in_at_the_border(pace: float, comes: bool) -> None:
    # The first reading of a face that stands still is off by as much as a hundredth of it.
    track = track_of({60 + i: mesh_at(300 + pace * i) for i in range(10)})
    line = Timeline(track, [], max_gap=8, smoothing=0.5, linger=1500, size=(640, 480))
    before = line.at(40)
    assert (before is not None) is comes
    assert before is None or before.rule == "border"


def covers(levels: list[int]) -> list[float]:
    """How much of a face lies behind something in each frame, by what was read there."""
    track = Track(0, {i: sighting(mesh_at(100.0), level) for i, level in enumerate(levels)})
    return [float(timeline(track).at(i).occluded.mean()) for i in range(len(levels))]  # type: ignore[union-attr]


def test_a_reading_of_cover_that_stands_alone_counts_for_less() -> None:
    assert max(covers([0, 0, 0, 0, 255, 0, 0, 0, 0])) < 0.5


def test_cover_that_wavers_is_steadied() -> None:
    assert np.ptp(covers([224, 160] * 8)[4:-4]) < 0.5 * (224 - 160) / 255


def test_what_has_gone_covers_nothing_from_that_frame_on() -> None:
    found = covers([224] * 8 + [0] * 8)
    assert min(found[:7]) > 0.6 and max(found[8:]) == 0.0
