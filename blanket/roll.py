"""How a head lies in a frame, steadily: a hand over the face misleads a mesh by several
degrees, but no head turns that far from one frame to the next and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blanket.attributes import head_pose

if TYPE_CHECKING:
    from blanket.analysis import Analysis
    from blanket.timeline import Placement

_AROUND = 1.0
"""Seconds to either side that are looked at."""
_DRIFT = 1.6
"""Degrees by which a head rolls in a second, as a random walk."""
_NOISE, _COVERED, _DISTRUSTED = 0.5, 10.0, 30.0
"""Standard deviation of a reading in degrees, in the open; what it grows by for a face that is
wholly covered, and for a trust of one less than the best. Measured on a lying infant whose hand
passes over its face: covered to a quarter and with 0.15 less trust, readings are off by 6; some
more doubt than that does best."""
_ROUNDS = 20
_INNER = slice(8, 40)
"""Cells of the occlusion map in which the face is."""

Values = NDArray[np.float64]


def steady_roll(analysis: Analysis, placement: Placement, frame: int) -> float:
    """Roll of a head in a frame, degrees clockwise, from what is read in it and in those
    around it, up to the next cut. placement: its own, in this frame, with a mesh."""
    assert placement.mesh is not None and placement.occluded is not None
    times, cuts = analysis.times, analysis.cuts
    # 1. Readings: of the frame itself, which may lie in a gap, and of those around it.
    meshes, trusts, covers, seen = (
        [placement.mesh], [placement.trust], [placement.occluded], [times[frame]],
    )  # fmt: skip
    for index, sighting in placement.track.sightings.items():
        there = min(index, frame), max(index, frame)
        if index == frame or abs(times[index] - times[frame]) > _AROUND:
            continue
        mesh = sighting.mesh
        if mesh is None or any(there[0] < cut <= there[1] for cut in cuts):
            continue
        meshes.append(mesh)
        trusts.append(sighting.trust)
        covers.append((sighting.occluded / np.float32(255)).astype(np.float32))
        seen.append(times[index])
    # 2. How far each may be off.
    trust = np.array(trusts)
    covered = np.stack(covers)[:, _INNER, _INNER].mean((1, 2))
    doubt = _NOISE + _COVERED * covered + _DISTRUSTED * (trust.max() - trust)
    # 3. In order of time.
    order = np.argsort(seen)
    rolls = np.unwrap(head_pose(np.stack(meshes))[order, 2], period=360)
    steady = smoothed(rolls, doubt[order], np.array(seen)[order])
    return float(steady[int(np.argmin(order))])


def smoothed(rolls: Values, doubt: Values, times: Values) -> Values:
    """Rolls ``[N]``, degrees, as a random walk that explains them: the least squares over
    both, each reading by its doubt (a standard deviation, degrees), one that is farther off
    than that by less (Huber 1964). times: ``[N]`` seconds, growing."""
    stiff = 1 / (_DRIFT**2 * np.maximum(np.diff(times), 1e-3))
    walk = np.diag(np.append(stiff, 0) + np.insert(stiff, 0, 0))
    walk -= np.diag(stiff, 1) + np.diag(stiff, -1)
    steady = rolls.copy()
    for _ in range(_ROUNDS):
        weight = 1 / (doubt**2 * np.maximum(np.abs(rolls - steady) / doubt, 1))
        steady = np.linalg.solve(walk + np.diag(weight), weight * rolls)
    return steady
