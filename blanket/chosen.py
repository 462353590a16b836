"""Who is known by an ID, and who is left as they are.

In doubt a face is replaced: somebody is left only where the gallery says clearly who it is,
or is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from blanket.analysis import Analysis
from blanket.config import Settings
from blanket.errors import InputError
from blanket.faces import Appearance
from blanket.gallery import Gallery
from blanket.view import View

SURE = 0.7
"""Nearer than this share of the recogniser's threshold, somebody is surely the known person."""


@dataclass
class Chosen:
    """names: IDs by subject. left: why a face is left as it is, by the number of its track."""

    names: dict[int, str] = field(default_factory=dict)
    left: dict[int, str] = field(default_factory=dict)


def gallery_decides(settings: Settings) -> bool:
    """Whether a gallery says who is left as they are."""
    chosen = settings.subjects
    return chosen.gallery is not None and chosen.faces in ("subjects", "others")


def refuse_contradictions(settings: Settings, by_hand: bool = False, decided: bool = False) -> None:
    """Raise InputError where the settings of subjects do not go together.

    by_hand: somebody is named in an analysis file. decided: it says who is left.
    """
    chosen = settings.subjects
    known = chosen.subject is not None or chosen.gallery is not None
    asked, known = known, known or by_hand
    if chosen.subject is not None and chosen.gallery is not None:
        raise InputError("give a subject or a gallery: the gallery says who is who")
    if chosen.key_file is not None and not known:
        raise InputError(
            "a key needs to know whose face it decides on: give a subject or a gallery"
        )
    if chosen.faces in ("subjects", "others") and not known and not decided:
        raise InputError(f"faces {chosen.faces} needs to know the subjects: give a gallery")
    if asked and chosen.key_file is None and chosen.faces in ("all", "largest"):
        raise InputError(
            "a subject's new face is decided on by a key: give a key file, or make one with "
            "`blanket key new -o FILE`"
        )
    if chosen.key_file is not None and settings.identity.image is not None:
        raise InputError("a new face comes from a picture or from a key, not from both")


def largest(analysis: Analysis) -> int | None:
    """The person who is seen largest: by the area of the face, summed over the frames."""
    areas: dict[int, float] = {}
    for track in analysis.tracks:
        boxes = [one.box for one in track.sightings.values()]
        area = sum(float(np.prod(box[2:4] - box[:2])) for box in boxes)
        areas[track.subject] = areas.get(track.subject, 0.0) + area
    return max(areas, key=lambda subject: areas[subject], default=None)


def appearances(analysis: Analysis) -> dict[int, Appearance]:
    """What each person looks like, by subject; nobody who was never seen well, or is left."""
    found: dict[int, Appearance] = {}
    for track in analysis.tracks:
        if track.appearance is not None and not track.dropped >= track.sightings.keys():
            found.setdefault(track.subject, track.appearance)
    return found


def choose(
    analysis: Analysis,
    views: Mapping[int, View],
    subject: str | None,
    gallery: Gallery | None,
    faces: Literal["all", "subjects", "others", "largest"],
    by_hand: Mapping[int, str] = MappingProxyType({}),
) -> Chosen:
    """Names for the people of a video, and who of them is left.

    views: by subject, for the gallery. subject: ID of the person who is seen largest, where
    there is no gallery. faces: whom to anonymise. by_hand: IDs by subject, as a person says,
    which come before any others.
    """
    chosen = Chosen()
    everybody = {track.subject for track in analysis.tracks}
    first = largest(analysis)
    away: dict[int, Mapping[str, float]] = {}
    if gallery is not None:
        away = {
            person: gallery.distances(own, views[person])
            for person, own in appearances(analysis).items()
            if person in views
        }
        chosen.names = _matched(analysis, away, gallery.comparer.threshold)
    elif subject is not None and first is not None:
        chosen.names = {first: subject}
    chosen.names |= by_hand
    for person in everybody:
        why = None
        if faces == "largest" and person != first:
            why = "is not the person who is seen largest"
        elif faces == "subjects" and gallery is None and person not in chosen.names:
            why = "is not the subject"
        elif faces == "subjects" and gallery is not None and person not in by_hand:
            known = away.get(person)
            if known is not None and min(known.values()) > gallery.comparer.threshold:
                why = "is nobody of the gallery"
        elif faces == "others" and person in chosen.names:
            sure = (
                gallery is None
                or person in by_hand
                or away[person][chosen.names[person]] < SURE * gallery.comparer.threshold
            )
            why = "is a subject" if sure else None
        if why is not None:
            its = (track.number for track in analysis.tracks if track.subject == person)
            chosen.left |= dict.fromkeys(its, why)
    return chosen


def chosen_before(
    analysis: Analysis,
    found: Analysis,
    left: Mapping[int, str],
    faces: Literal["all", "subjects", "others", "largest"],
    by_hand: Mapping[int, str],
) -> Chosen:
    """What was chosen when an analysis was made, but for what a person has put right since.

    analysis: with the corrections. found: without. left: as in `Chosen`. faces, by_hand: as in
    `choose`.
    """
    chosen = Chosen(dict(by_hand), dict(left))
    was = {track.number: track.subject for track in found.tracks}
    replaced = {track.subject for track in found.tracks if track.number not in left}
    for track in analysis.tracks:
        moved = track.subject != was.get(track.number, track.subject)
        if track.subject in by_hand and faces == "others":
            chosen.left.setdefault(track.number, "is a subject")
        elif track.subject in by_hand or (moved and track.subject in replaced):
            chosen.left.pop(track.number, None)
    return chosen


def _matched(
    analysis: Analysis, away: Mapping[int, Mapping[str, float]], threshold: float
) -> dict[int, str]:
    """The nearest pairs first; nobody is two people who are seen at the same time."""
    seen: dict[int, set[int]] = {}
    for track in analysis.tracks:
        seen.setdefault(track.subject, set()).update(track.seen)
    pairs = sorted(
        (distance, person, name)
        for person, known in away.items()
        for name, distance in known.items()
        if distance < threshold
    )
    names: dict[int, str] = {}
    for _, person, name in pairs:
        twins = [other for other, its in names.items() if its == name]
        if person not in names and not any(seen[person] & seen[other] for other in twins):
            names[person] = name
    return names
