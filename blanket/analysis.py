"""Who is where in a video: what detection, tracking and meshing found, as one noun.

It is worked out once and used by everything that follows: rendering with any method, the
audit, the evaluation, the table of features.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanket.config import Settings
from blanket.copies import copies
from blanket.detect import Detector
from blanket.detect.ensemble import Ensemble
from blanket.mesh import MeshNetwork
from blanket.picture import Picture
from blanket.subjects import assign_subjects
from blanket.timeline import Placement, Timeline
from blanket.track import Track
from blanket.tracker import Tracker


@dataclass
class Analysis:
    """What was found in one video or picture.

    width, height: pixels, as shown. times: ``[N]`` float64, seconds of every frame. cuts:
    frames at which the scene changes. tracks: every face that was followed, in order of
    appearance.
    """

    width: int
    height: int
    times: NDArray[np.float64]
    cuts: list[int]
    tracks: list[Track]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.times)


class Placements:
    """Where the faces of an analysis are, frame after frame in order of time.

    Meshes are smoothed and gaps are bridged or hidden as the settings say; memory does not
    grow with the length of the video.
    """

    def __init__(self, analysis: Analysis, settings: Settings) -> None:
        chosen = settings.track
        # A face seen only at one search may be there until the searches beside it.
        self._timelines = [
            Timeline(
                track,
                analysis.cuts,
                chosen.max_gap,
                chosen.smoothing,
                settings.detect.every,
                (analysis.width, analysis.height),
            )
            for track in analysis.tracks
        ]

    def at(self, index: int) -> list[Placement]:
        """The faces of a frame, smaller and farther ones first."""
        found: list[Placement] = []
        for timeline in self._timelines:
            if not timeline.covers(index):
                timeline.rest()
            elif placement := timeline.at(index):
                found.append(placement)
        return sorted(found, key=lambda one: float(np.prod(one.box[2:4] - one.box[:2])))


def analyse(
    pictures: Iterable[Picture], detector: Detector, network: MeshNetwork, settings: Settings
) -> Analysis:
    """Detect, track, mesh: look at every picture of a video once, in order."""
    tracker = Tracker(detector, network, settings)
    times: list[float] = []
    width = height = 0
    counted = detector if isinstance(detector, Ensemble) else None
    for copy in copies(pictures, settings.track):
        if counted:
            counted.frame = copy.index
        tracker.step(copy)
        times.append(copy.time)
        width, height = copy.full
    if counted:
        counted.frame = None
    tracks = tracker.finish()
    assign_subjects(tracks)
    return Analysis(width, height, np.array(times, np.float64), tracker.cuts, tracks)
