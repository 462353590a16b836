"""Who paints which face, and what of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakSet

import numpy as np

from blanket import align
from blanket.analysis import Analysis
from blanket.appearance import Look
from blanket.faces import Appearance, Identity
from blanket.image import Still
from blanket.mesh import MASK_SIDE, Reading
from blanket.models import Model
from blanket.picture import Picture
from blanket.presets import load_settings
from blanket.render import Renderer
from blanket.tally import Tally
from blanket.timeline import Placement
from blanket.topology import load_topology
from blanket.track import Sighting, Track
from blanket.view import View

FRAMES = 10
"""In which each of the faces is seen, one after the other."""


class Numbered(Still):
    def __init__(self, number: int) -> None:
        super().__init__(np.zeros((240, 320, 3), np.uint8))
        self.index = number


class Pen:
    """Puts nothing on."""

    def swap(self, faces: Sequence[tuple[Picture, Placement]]) -> list[bool]:
        return [True] * len(faces)


class Pens:
    """Knows how many of its pens there are."""

    name, looks, batch = "pen", False, 3

    def __init__(self) -> None:
        self.models: list[Model] = []
        self.alive: WeakSet[Pen] = WeakSet()
        self.made = 0

    def fit(self, identity: Identity, own: Appearance, view: View | None) -> Pen:
        pen = Pen()
        self.alive.add(pen)
        self.made += 1
        return pen


def seen(number: int) -> Track:
    """A face that is there for a while after the ones before."""
    mesh = align.apply(np.array([[60, 0, 160], [0, 60, 120]]), load_topology().mean)
    clear = np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)
    sighting = Sighting.of_reading(Reading(mesh, 0.9, clear, np.eye(2, 3, dtype=np.float32)), mesh)
    first = number * FRAMES
    track = Track(number, {first + i: sighting for i in range(FRAMES)})
    track.album.add(Look.taken(first, np.zeros((240, 320, 3), np.uint8), mesh, 1.0))
    return track


def test_what_paints_a_face_goes_with_it() -> None:
    """It keeps megabytes: with faces that come and go they would add up."""
    tracks = [seen(number) for number in range(6)]
    # The first one comes back.
    tracks[0].sightings.update(tracks[3].sightings)
    frames = FRAMES * len(tracks)
    analysis = Analysis(320, 240, np.arange(frames) / 25, [], tracks)
    identity = Identity(np.zeros((320, 320, 3), np.uint8), load_topology().mean, "", 1.0)
    pens = Pens()
    painter = Renderer(load_settings(), analysis, [pens], {0: identity}, {}, Tally())
    held = []
    for index, picture in enumerate(painter(map(Numbered, range(frames)))):
        assert picture.index == index
        held.append(len(pens.alive))
    assert max(held) == 2
    assert held[-1] == 1
    assert pens.made == len(tracks)
