"""What an audit found taken back into the tracks, so that the next rendering covers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from blanket.analysis import Analysis
from blanket.config import Settings
from blanket.copies import copies
from blanket.detect import overlap
from blanket.faces import Face, Image, Points
from blanket.mesh import MeshNetwork
from blanket.picture import Picture
from blanket.subjects import assign_subjects
from blanket.topology import OVAL, five_points, load_topology
from blanket.track import Sighting, Track
from blanket.tracker import Tracker
from blanket.verdict import Finding

_WIDER = 1.3
"""A box that is hidden again, because a face still showed, over the box of the face."""


class _Nothing:
    """A detector that leaves it to the audit."""

    name = "audit"

    def detect(self, picture: Image) -> list[Face]:
        """See `blanket.detect.Detector`."""
        return []


def repaired(
    analysis: Analysis,
    findings: Sequence[Finding],
    pictures: Iterable[Picture],
    network: MeshNetwork,
    settings: Settings,
) -> Analysis:
    """The analysis with the faces of some findings.

    Faces that were missed are followed from where they were found, to be replaced, or
    hidden where that cannot be. Faces that showed in spite of what was done are hidden, and
    those that showed nevertheless are hidden once more, wider.

    pictures: of the original. network: what follows faces. settings: of the run.
    """
    tracks = [replace(track, hidden=dict(track.hidden)) for track in analysis.tracks]
    by_number = {track.number: track for track in tracks}
    missed: dict[int, list[Finding]] = {}
    again: list[Finding] = []
    for finding in findings:
        track = None if finding.track is None else by_number[finding.track]
        if finding.track is None and finding.reason in ("missed", "doubtful"):
            missed.setdefault(finding.frame, []).append(finding)
        elif track is None or track.hidden.get(finding.frame) == "leak":
            again.append(finding)
        else:
            track.hidden[finding.frame] = "leak"
    new = _followed(missed, pictures, network, settings) if missed else []
    new += _boxes(again)
    first = max(by_number, default=-1) + 1
    for number, track in enumerate(new, first):
        track.number = number
    assign_subjects(new, tracks)
    return replace(analysis, tracks=tracks + new)


def _followed(
    missed: dict[int, list[Finding]],
    pictures: Iterable[Picture],
    network: MeshNetwork,
    settings: Settings,
) -> list[Track]:
    tracker = Tracker(_Nothing(), network, settings)
    for copy in copies(pictures, settings.track):
        found = missed.get(copy.index, [])
        tracker.step(copy, [_face(np.array(one.box, np.float32)) for one in found])
    return tracker.finish()


def _face(box: Points) -> Face:
    """A face in a box, upright for want of better knowledge; the network tries others."""
    mean = load_topology().mean
    outline = mean[list(OVAL), :2]
    low, high = outline.min(0), outline.max(0)
    scale = (box[2:] - box[:2]) / (high - low)
    return Face(box, 1.0, ((five_points(mean) - low) * scale + box[:2]).astype(np.float32))


def _boxes(findings: Sequence[Finding]) -> list[Track]:
    """Places to be hidden, whatever else is done there: a track for each that goes on."""
    tracks: list[Track] = []
    for finding in findings:
        box = _wider(np.array(finding.box, np.float32))
        for track in tracks:
            last = track.sightings.get(finding.frame - 1)
            if last is not None and overlap(last.box, box) > 0.3 and track.last < finding.frame:
                break
        else:
            track = Track(0)
            tracks.append(track)
        track.sightings[finding.frame] = Sighting(box, rule="leak")
    return tracks


def _wider(box: Points) -> Points:
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * _WIDER
    return np.concatenate([middle - half, middle + half])
