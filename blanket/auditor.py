"""Looks at an output as an attacker would: does any frame still show a face of the original?

What was written is decoded and compared with the original, frame by frame, wherever there
is a face: in the places that an analysis of the original knows, and in those that a search
of its own finds (`blanket.witness`). A face is covered when its pixels have changed by more
than the coding explains (`blanket.change`), and when nothing takes it for the same person
(`blanket.persons`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from blanket.analysis import Analysis, analyse
from blanket.attributes import head_pose
from blanket.change import Change, Patch
from blanket.config import Settings
from blanket.cores import one_core_a_call
from blanket.detect import Detector, build_detector
from blanket.errors import InputError
from blanket.flags import is_framed
from blanket.footage import length, pictures
from blanket.media import is_image
from blanket.mesh import MeshNetwork, covered
from blanket.persons import build_persons
from blanket.picture import Picture
from blanket.presets import load_settings
from blanket.progress import Callback, silent, telling
from blanket.scrutiny import scrutinise, thorough
from blanket.trial import Trial
from blanket.verdict import AuditReport
from blanket.witness import Place, Witness

Effort = Literal["quick", "thorough"]

_LOOKS = {"quick": 25, "thorough": 10}
"""Frames from one look of a recogniser at a face to the next."""
_FRONTAL, _FREE = 35.0, 0.15
"""Degrees of yaw and share in front of it up to which a recogniser is asked about a face."""
_FLAT = 1.0
"""Levels of detail below which there is none but noise."""


@one_core_a_call()
def audit(
    original: str | Path,
    anonymized: str | Path,
    preset: str | Path = "embedded",
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    effort: Effort = "thorough",
    progress: Callback | None = None,
) -> AuditReport:
    """Compare an output, of this program or of any other, with its original.

    original, anonymized: two videos or two pictures of the same frames; their sizes may
    differ. preset, overrides: see `blanket.presets.load_settings`. effort: how hard to look
    for faces in the original. progress: called with stage, done, total.

    Raises:
        InputError: a file that cannot be read, or two that are not of the same frames.
    """
    original, anonymized = Path(original), Path(anonymized)
    settings = load_settings(preset, overrides).changed({"audit.effort": effort})
    for path in (original, anonymized):
        if not path.exists():
            raise InputError(f"there is no file {path}")
    if is_image(original) != is_image(anonymized):
        raise InputError(
            f"{original.name} and {anonymized.name} must both be pictures or both videos"
        )
    progress = progress or silent
    network, detector = MeshNetwork(), build_detector(settings.detect)
    searched = telling("search", pictures(original), length(original), progress)
    if effort == "thorough":
        settings = thorough(settings)
        analysis = scrutinise(searched, network, settings)
    else:
        analysis = analyse(searched, detector, network, settings)
    auditor = Auditor(detector, network, settings)
    pairs = side_by_side(original, anonymized, analysis.frames, progress)
    return auditor(analysis, pairs, original.name, anonymized.name)


class Auditor:
    """Compares outputs with their original.

    detector, network: what searches the original for more, None where nothing shall.
    settings: of the run.
    """

    def __init__(
        self, detector: Detector | None, network: MeshNetwork | None, settings: Settings
    ) -> None:
        self._detector, self._network, self._settings = detector, network, settings
        self._effort: Effort = "thorough" if settings.audit.effort == "thorough" else "quick"
        self._persons = build_persons(settings.audit.recogniser, self._effort == "thorough")
        self._deeper: Analysis | None = None

    def look_deeper(self, original: Path, progress: Callback) -> None:
        """Search the original thoroughly, once, for all audits that follow."""
        if self._deeper is None:
            searched = telling("search", pictures(original), length(original), progress)
            self._deeper = scrutinise(searched, self._network or MeshNetwork(), self._settings)
            self._effort = "thorough"

    def __call__(
        self,
        analysis: Analysis,
        pairs: Iterable[tuple[Picture, Picture]],
        original: str,
        anonymized: str,
    ) -> AuditReport:
        """The verdict on an output.

        analysis: of the original, as the output was made with it, or else the only one. pairs:
        the frames of both side by side. original, anonymized: names of the files, for the
        report.
        """
        trial = Trial(analysis, self._persons, self._settings)
        witness = Witness(analysis, self._settings, self._deeper)
        every = self._settings.audit.search_every
        for before, after in pairs:
            places = witness.at(before.index)
            due = before.index % every == min(every, analysis.frames) // 2
            if due and self._detector is not None and self._network is not None:
                trial.searched += 1
                places += witness.searched(before, self._detector, self._network, self._settings)
            for place in places:
                self._judge(trial, place, before, after)
        return trial.report(
            original, anonymized, self._effort, self._detector.name if self._detector else None
        )

    def _judge(self, trial: Trial, place: Place, before: Picture, after: Picture) -> None:
        patch = Patch(before, place.box, place.mesh, place.occluded)
        # Where a face was not seen, a flat place is a wall, and looks the same when it is hidden.
        if not patch.seen or (not place.seen and patch.detail < _FLAT):
            return
        look = place.mesh is not None and before.index % _LOOKS[self._effort] == 0
        trial.sharpness(before.index, place, patch.detail)
        if look and is_framed(before, place.box):
            trial.flag(before.index, "framed")
        change = patch.change(after)
        if change.untouched:
            trial.find(before.index, place, place.untouched, place.reason, change)
        elif change.unclear:
            trial.find(before.index, place, "suspect", "unclear", change)
        else:
            trial.clear(before.index, "hidden" if change.hidden else "replaced")
            trial.kept(before.index, place, change)
            if look and not change.hidden:
                self._recognise(trial, place, before, after, change)

    def _recognise(
        self, trial: Trial, place: Place, before: Picture, after: Picture, change: Change
    ) -> None:
        """Ask the recogniser, where it can tell."""
        mesh, persons = place.mesh, self._persons
        same_size = (before.width, before.height) == (after.width, after.height)
        if persons is None or mesh is None or place.track is None or not same_size:
            return
        veiled = 0.0 if place.occluded is None else covered(place.occluded)
        if veiled > _FREE or abs(head_pose(mesh)[0]) > _FRONTAL:
            return
        distance = persons.distance(before, after, mesh)
        trial.distance(place, distance)
        if distance < persons.doubtful:
            sure: Literal["leak", "suspect"] = "leak" if distance < persons.same else "suspect"
            trial.find(before.index, place, sure, "same-person", change)


def side_by_side(
    original: Path, anonymized: Path, frames: int, progress: Callback
) -> Iterator[tuple[Picture, Picture]]:
    """The frames of two files, original and output, which must both have as many."""
    told = telling("audit", pictures(original), frames, progress)
    both = zip_longest(told, pictures(anonymized))
    for before, after in both:
        if before is None or after is None:
            raise InputError(
                f"{anonymized.name} does not have the {frames} frames of {original.name}, "
                "so that they cannot be compared"
            )
        yield before, after
