"""Every face of every frame: replaced, or hidden where it cannot be."""

from __future__ import annotations

import logging

import numpy as np

from blanket.analysis import Analysis, Placements
from blanket.attributes import head_pose
from blanket.config import Settings
from blanket.faces import Identity
from blanket.obfuscate import hide
from blanket.picture import Picture
from blanket.report import Rule
from blanket.swap import Swapper, build_swapper
from blanket.tally import Tally
from blanket.timeline import Placement
from blanket.topology import SURFACE
from blanket.track import Track

log = logging.getLogger(__name__)


class Renderer:
    """Paints pictures in order of time.

    analysis: who is where. identities: the new faces, by subject. tally: counts.
    """

    def __init__(
        self,
        settings: Settings,
        analysis: Analysis,
        identities: dict[int, Identity],
        tally: Tally,
    ) -> None:
        self._settings, self._identities, self._tally = settings, identities, tally
        self._placements = Placements(analysis, settings)
        self._swappers: dict[int, Swapper] = {}

    def __call__(self, picture: Picture) -> None:
        """Replace or hide every face of the picture, in place."""
        for placement in self._placements.at(picture.index):
            rule = placement.rule or self._replace(picture, placement)
            if rule is not None:
                self._hide(picture, placement)
            self._tally.count(picture.index, placement, rule)

    def _replace(self, picture: Picture, placement: Placement) -> Rule | None:
        """Put the new face on; the rule "error" where that failed."""
        try:
            self._swapper(placement.track).swap(picture, placement)
        except Exception:
            # Whatever went wrong, the face must not get out.
            log.warning("frame %d: a face could not be replaced and is hidden", picture.index)
            log.debug("why:", exc_info=True)
            return "error"
        return None

    def _swapper(self, track: Track) -> Swapper:
        if track.number not in self._swappers:
            own = track.appearance
            if own is None:
                raise ValueError(f"track {track.number} has a mesh but was never seen")
            identity = self._identities[track.subject]
            self._swappers[track.number] = build_swapper(self._settings, identity, own)
        return self._swappers[track.number]

    def _hide(self, picture: Picture, placement: Placement) -> None:
        box, angle = placement.box, 0.0
        if placement.mesh is not None:
            # As large as the face is along its own axes, not along those of the picture.
            angle = float(np.radians(head_pose(placement.mesh)[2]))
            cos, sin = np.cos(angle), np.sin(angle)
            xy = placement.mesh[:SURFACE, :2]
            upright = xy @ np.array([[cos, -sin], [sin, cos]], np.float32)
            half = np.ptp(upright, axis=0) / 2
            middle = (box[:2] + box[2:4]) / 2
            box = np.concatenate([middle - half, middle + half])
        hide(picture, box, angle, self._settings.hide.grow)
