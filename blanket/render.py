"""Every face of every frame: replaced, or hidden where it cannot be."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from blanket.analysis import Analysis, Placements
from blanket.config import Settings
from blanket.faces import Identity
from blanket.obfuscate.hide import hide
from blanket.obfuscate.region import HeadBox
from blanket.picture import Picture
from blanket.report import Rule
from blanket.swap import SwapMethod, Swapper
from blanket.tally import Tally
from blanket.timeline import Placement
from blanket.track import Track
from blanket.view import View

log = logging.getLogger(__name__)
AnyPicture = TypeVar("AnyPicture", bound=Picture)
Faces = Sequence[tuple[Picture, Placement]]


class Renderer:
    """Paints pictures in order of time.

    analysis: who is where. methods: what replaces faces; the first that is sure of a face
    does it. identities: the new faces, views: the best views that methods ask for, both by
    subject. tally: counts.
    """

    def __init__(
        self,
        settings: Settings,
        analysis: Analysis,
        methods: Sequence[SwapMethod],
        identities: Mapping[int, Identity],
        views: Mapping[int, View],
        tally: Tally,
    ) -> None:
        self._settings, self._methods = settings, methods
        self._identities, self._views, self._tally = identities, views, tally
        self._placements = Placements(analysis, settings)
        self._lasts = {track.number: track.last for track in analysis.tracks}
        self._swappers: dict[tuple[int, str], Swapper] = {}

    def __call__(self, pictures: Iterable[AnyPicture]) -> Iterator[AnyPicture]:
        """The pictures, with every face replaced or hidden in place.

        As many are held back as the methods want at once.
        """
        most = max(method.batch for method in self._methods)
        held: list[AnyPicture] = []
        found: list[list[Placement]] = []
        for picture in pictures:
            placed = self._placements.at(picture.index)
            # Held together while the same faces lie behind one another in the same order,
            # so that what is painted later is looked at as late as it would be alone.
            if held and (len(held) == most or _tracks(placed) != _tracks(found[-1])):
                yield from self._painted(held, found)
                held, found = [], []
            held.append(picture)
            found.append(placed)
        yield from self._painted(held, found)

    def _painted(
        self, pictures: list[AnyPicture], found: list[list[Placement]]
    ) -> list[AnyPicture]:
        for of_track in zip(*found, strict=True):
            self._cover(list(zip(pictures, of_track, strict=True)))
        return pictures

    def _cover(self, faces: Faces) -> None:
        """Replace or hide one track in some pictures."""
        done: dict[int, str] = {}
        rules: dict[int, Rule] = {}
        for picture, placement in faces:
            if placement.rule is not None:
                rules[picture.index] = placement.rule
        for method in self._methods:
            left = [f for f in faces if f[1].rule is None and f[0].index not in done]
            for start in range(0, len(left), method.batch):
                some = left[start : start + method.batch]
                for (picture, _), rule in zip(some, self._tried(method, some), strict=True):
                    if rule is None:
                        done[picture.index] = method.name
                    else:
                        rules[picture.index] = rule
        for picture, placement in faces:
            by = done.get(picture.index)
            rule = None if by else rules[picture.index]
            if rule is not None:
                hide(picture, HeadBox.of(placement), self._settings.hide.grow)
            self._tally.count(picture.index, placement, rule, by)

    def _tried(self, method: SwapMethod, faces: Faces) -> Sequence[Rule | None]:
        """Put the new face on, and say for each why it could not be."""
        try:
            first, placement = faces[0]
            sure = self._swapper(method, placement.track, first.index).swap(faces)
        except Exception:
            # Whatever went wrong, the face must not get out.
            where = ", ".join(str(picture.index) for picture, _ in faces)
            log.warning("frame %s: a face could not be replaced by %s", where, method.name)
            log.debug("why:", exc_info=True)
            return ["error"] * len(faces)
        return [None if one else "low-confidence" for one in sure]

    def _swapper(self, method: SwapMethod, track: Track, frame: int) -> Swapper:
        key = track.number, method.name
        if key not in self._swappers:
            # Each keeps megabytes: those of faces that have gone make room.
            self._swappers = {
                other: swapper
                for other, swapper in self._swappers.items()
                if self._lasts[other[0]] >= frame
            }
            own = track.appearance
            if own is None:
                raise ValueError(f"track {track.number} has a mesh but was never seen")
            identity, view = self._identities[track.subject], self._views.get(track.subject)
            self._swappers[key] = method.fit(identity, own, view)
        return self._swappers[key]


def _tracks(placed: list[Placement]) -> list[int]:
    return [placement.track.number for placement in placed]
