"""Every face of every frame, treated by one of the usual baselines instead of replaced."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TypeVar

from blanket.analysis import Analysis, Placements
from blanket.config import Settings
from blanket.obfuscate import Obfuscation
from blanket.obfuscate.hide import hide
from blanket.obfuscate.region import HeadBox
from blanket.picture import Picture
from blanket.report import Rule
from blanket.tally import Tally
from blanket.timeline import Placement

log = logging.getLogger(__name__)
AnyPicture = TypeVar("AnyPicture", bound=Picture)


class BaselineRenderer:
    """Paints pictures in order of time, as `blanket.render.Renderer` does, on the same faces.

    settings: with the method. analysis: who is where. tally: counts.
    """

    def __init__(self, settings: Settings, analysis: Analysis, tally: Tally) -> None:
        self._settings, self._tally = settings, tally
        self._placements = Placements(analysis, settings)
        self._obfuscation = Obfuscation(settings.method)

    def __call__(self, pictures: Iterable[AnyPicture]) -> Iterator[AnyPicture]:
        """The pictures, with every face treated, or hidden where that cannot be."""
        for picture in pictures:
            for placement in self._placements.at(picture.index):
                rule = self._treat(picture, placement)
                if rule is not None:
                    hide(picture, HeadBox.of(placement), self._settings.hide.grow)
                by = None if rule else self._obfuscation.name
                self._tally.count(picture.index, placement, rule, by)
            yield picture

    def _treat(self, picture: Picture, placement: Placement) -> Rule | None:
        try:
            return self._obfuscation.treat(picture, placement)
        except Exception:
            # Whatever went wrong, the face must not get out.
            log.warning("frame %d: a face could not be treated and is hidden", picture.index)
            log.debug("why:", exc_info=True)
            return "error"
