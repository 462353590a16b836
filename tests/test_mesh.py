"""How eyes and lips are read closer, by an aim that serves for a few readings."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Demo

from blanket.attributes import eye_distance, eye_opening
from blanket.faces import Image, Points
from blanket.mesh import MeshNetwork, Reading
from blanket.topology import LEFT_EYE, RIGHT_EYE
from blanket.video import read

INFANT = 0
FRAMES = 12


@pytest.fixture(scope="module")
def network() -> MeshNetwork:
    return MeshNetwork()


@pytest.fixture(scope="module")
def seen(demo: Demo) -> list[tuple[Image, Points]]:
    """The first pictures of the clip, with the mesh that the infant was drawn by."""
    meshes = demo.truth.mesh[:, INFANT].astype(np.float32)
    return [(frame.rgb(), meshes[frame.index]) for frame in read(demo.clip)][:FRAMES]


def followed(network: MeshNetwork, seen: list[tuple[Image, Points]]) -> list[Reading]:
    """Each reading by the mesh and the aim of the one before."""
    readings = [network.follow(*seen[0])]
    for picture, _ in seen[1:]:
        readings.append(network.follow(picture, readings[-1].mesh, readings[-1].aim))
    return readings


def test_an_aim_serves_three_readings(
    network: MeshNetwork, seen: list[tuple[Image, Points]]
) -> None:
    aims = [reading.aim for reading in followed(network, seen)]
    assert all(aim is not None for aim in aims)
    ages = [aim.age for aim in aims if aim is not None]
    assert ages == [1, 2, 3] * (FRAMES // 3)


def test_it_reads_eyes_as_well_as_one_that_is_taken_anew(
    network: MeshNetwork, seen: list[tuple[Image, Points]]
) -> None:
    for reading, (picture, true) in zip(followed(network, seen), seen, strict=True):
        anew = network.follow(picture, reading.mesh)
        eyes = list(LEFT_EYE + RIGHT_EYE)
        off = np.linalg.norm((reading.mesh - anew.mesh)[eyes, :2], axis=-1).mean()
        assert off < 0.02 * eye_distance(true)
        assert np.abs(eye_opening(reading.mesh) - eye_opening(anew.mesh)).max() < 0.05


def test_a_face_that_has_moved_is_aimed_at_anew(
    network: MeshNetwork, seen: list[tuple[Image, Points]]
) -> None:
    picture, mesh = seen[0]
    aim = network.follow(picture, mesh).aim
    aside = mesh + np.float32(0.3 * eye_distance(mesh)) * np.array((1, 0, 0), np.float32)
    moved = network.follow(picture, aside, aim).aim
    assert aim is not None and moved is not None
    assert (aim.age, moved.age) == (1, 1)


def test_where_the_eyes_are_does_not_depend_on_how_old_an_aim_is(
    network: MeshNetwork, seen: list[tuple[Image, Points]]
) -> None:
    picture, mesh = seen[0]
    first = network.follow(picture, mesh)
    second = network.follow(picture, mesh, first.aim)
    assert np.array_equal(first.mesh, second.mesh)
