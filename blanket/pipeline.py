"""The main job: video in, the same video with faces that belong to nobody out.

    detect -> track -> mesh -> inpaint -> swap -> write -> audit + report

Two passes over the file, in constant memory: the first finds and follows every face, the second
replaces them, and what is written is looked at at once (`blanket.live`), or in a third where it
cannot be: does a face still show? What does is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from blanket.analysis import Analysis, Placements, analyse
from blanket.analysisfile import SavedAnalysis, save_analysis, save_audit
from blanket.auditor import side_by_side
from blanket.backends import Backends
from blanket.baseline import BaselineRenderer
from blanket.chosen import appearances, choose, chosen_before, gallery_decides
from blanket.config import Settings
from blanket.corrections import named, told
from blanket.errors import LeakError
from blanket.faces import Identity
from blanket.inpaint.keyed import NUMBERS, keyed_identity
from blanket.key import keyed_numbers, keyed_tag, read_key
from blanket.live import Judge
from blanket.picture import Picture
from blanket.progress import Callback, silent
from blanket.render import AnyPicture, Renderer
from blanket.repair import repaired
from blanket.stretch import joined, taken_apart
from blanket.tally import Tally
from blanket.verdict import AuditReport, Finding, frames_said
from blanket.view import View, best_views

Paint = Callable[[Iterable[AnyPicture]], Iterator[AnyPicture]]
"""The pictures of the original, painted in place, in order."""


@dataclass(frozen=True)
class Done:
    """What came of the way through. verdict: None where nobody asked for one."""

    analysis: Analysis
    identities: dict[int, Identity]
    verdict: AuditReport | None


class Run:
    """One run through a file: the backends of its settings, and what they did."""

    def __init__(
        self,
        settings: Settings,
        preset: str,
        overwrite: bool,
        progress: Callback | None,
        saved: SavedAnalysis | None = None,
        save_to: str | Path | None = None,
        analysis: Analysis | None = None,
    ) -> None:
        """saved, analysis: of an earlier run on the same file, read from a file or at hand."""
        self.settings, self.preset, self.overwrite = settings, preset, overwrite
        self.progress = progress or silent
        self.saved, self._analysis = saved, analysis
        self._save_to, self._has_saved = None if save_to is None else Path(save_to), False
        self._baseline = settings.method.name != "blanket"
        # New faces that were invented before, by the same settings.
        self._known = {} if saved is None else saved.invented(settings)
        self._left: dict[int, str] = {}
        self.tally = Tally()
        with self.tally.timed("start"):
            key_file = settings.subjects.key_file
            self._key = None if key_file is None else read_key(key_file)
            fresh = saved is None and analysis is None
            self.backends = Backends(settings, preset, saved, fresh)

    def through(
        self,
        source: Path,
        draft: Path,
        target: Path,
        pictures: Callable[[str], Iterator[AnyPicture]],
        write: Callable[[Paint[AnyPicture], Judge | None], AuditReport | None],
    ) -> Done:
        """The way through, until nothing leaks.

        pictures: the original once more, for a stage. write: makes the draft of what is
        painted, and where it can and a judge is given, brings the verdict on it.

        Raises:
            LeakError: something leaks however often it is mended.
        """
        tally, identities, names = self.tally, dict[int, Identity](), None
        with tally.timed("analyse"):
            analysis = self.analysis_of(pictures("analyse"))
        for repairs_left in range(self.settings.audit.repairs, -1, -1):
            with tally.timed("invent"):
                if names is None and gallery_decides(self.settings):
                    side = self.settings.track.analysis_side
                    analysis = taken_apart(analysis, pictures("look"), side)
                views = self.look(analysis, pictures("look"))
                if names is None:
                    names = self.choose(analysis, views)
                    if gallery_decides(self.settings):
                        numbers = joined(analysis, names)
                        names = {numbers[who]: name for who, name in names.items()}
                        views = self.look(analysis, pictures("look"))
                    self._tell_who_is_left(analysis)
                identities = self.invent(analysis, views, names, identities)
            self._save(source, target, analysis, identities)
            with tally.timed("replace"):
                painted = self.renderer(analysis, identities, views)
                verdict = write(painted, self.judge(analysis, source, target))
            with tally.timed("audit"):
                verdict = self.audit(analysis, source, draft, target, verdict)
            if self._save_to is not None and verdict is not None:
                save_audit(self._save_to, verdict)
            open_findings = self._to_mend(verdict)
            if not open_findings:
                return Done(analysis, identities, verdict)
            if repairs_left:
                with tally.timed("repair"):
                    analysis = self.repaired(analysis, open_findings, pictures("repair"))
        raise LeakError(
            f"a face would show in {frames_said(open_findings)}, so {target.name} is not "
            "written: look at these frames, and correct the analysis (--save-analysis)"
        )

    # The stages, in order.

    def analysis_of(self, pictures: Iterable[Picture]) -> Analysis:
        """Detect, track, mesh: who is where; or as it was saved, and corrected since."""
        if self._analysis is not None:
            analysis = self._analysis
        elif self.saved is not None:
            self.saved.look_again(pictures)
            analysis = self.saved.corrected()
            for kind, text in map(told, self.saved.corrections):
                (self.tally.warnings if kind == "warning" else self.tally.notes).append(text)
        else:
            used = self.backends
            analysis = analyse(pictures, used.detector, used.network, self.settings)
        return analysis

    def look(self, analysis: Analysis, pictures: Iterable[Picture]) -> dict[int, View]:
        """The best view of each person, by subject, where a later stage asks for it."""
        gallery, known = self.backends.gallery, self._known
        if self._baseline and gallery is None:
            return {}
        strangers = any(one.appearance and one.subject not in known for one in analysis.tracks)
        looks = gallery is not None or any(method.looks for method in self.backends.methods)
        if not looks and not (strangers and self.backends.generator.looks):
            return {}
        placements = Placements(analysis, self.settings)
        return best_views(pictures, analysis, placements, self.settings.identity.at)

    def choose(self, analysis: Analysis, views: Mapping[int, View]) -> dict[int, str]:
        """Who is known, by subject; whoever is to be left is dropped from the analysis."""
        asked = self.settings.subjects
        saved = self.saved
        by_hand = named(saved.corrections) if saved else {}
        if saved is not None and saved.decided(self.settings):
            chosen = chosen_before(analysis, saved.found, saved.left, asked.faces, by_hand)
        else:
            gallery = self.backends.gallery
            chosen = choose(analysis, views, asked.subject, gallery, asked.faces, by_hand)
        self._left = chosen.left
        # One for all: there may be hundreds of tracks, and frames by the hundred thousand.
        everywhere = set(range(analysis.frames))
        for track in analysis.tracks:
            if track.number in chosen.left:
                track.dropped = everywhere
        if asked.gallery is not None and not chosen.names:
            self.tally.warnings.append("nobody of the gallery was recognised")
        return chosen.names

    def invent(
        self,
        analysis: Analysis,
        views: Mapping[int, View],
        names: Mapping[int, str],
        known: Mapping[int, Identity],
    ) -> dict[int, Identity]:
        """Inpaint: a new face for each person, by subject; none for a baseline. names: of
        those who are known by an ID. known: those who have a new face."""
        if self._baseline:
            return {}
        identities, chosen = {**self._known, **known}, self.settings.identity
        for who, own in appearances(analysis).items():
            if self._key is not None and who in names and who not in known:
                numbers = keyed_numbers(self._key, names[who], NUMBERS)
                face = keyed_identity(numbers, own, chosen.age)
                identities[who] = replace(face, tag=keyed_tag(self._key, names[who]))
                if chosen.age == "auto":
                    self.tally.notes.append(
                        f"the age group of a subject (person {who}) was read off this video: "
                        "where it could be another in the next, set identity.age in all"
                    )
            elif who not in identities:
                rng = np.random.default_rng([chosen.seed, who])
                identities[who] = self.backends.generator.invent(own, rng, views.get(who))
        return identities

    def renderer(
        self,
        analysis: Analysis,
        identities: Mapping[int, Identity],
        views: Mapping[int, View],
    ) -> Renderer | BaselineRenderer:
        """Swap, or hide: what paints the frames, in order."""
        if self._baseline:
            return BaselineRenderer(self.settings, analysis, self.tally)
        methods = self.backends.methods
        return Renderer(self.settings, analysis, methods, identities, views, self.tally)

    def judge(self, analysis: Analysis, source: Path, target: Path) -> Judge | None:
        """What looks at an output while it is being written, where that is enough."""
        if self.settings.audit.effort != "quick":
            return None
        return lambda pairs: self.backends.auditor(analysis, pairs, source.name, target.name)

    def audit(
        self,
        analysis: Analysis,
        source: Path,
        draft: Path,
        target: Path,
        verdict: AuditReport | None,
    ) -> AuditReport | None:
        """Does any frame of what was written still show a face? verdict: what was found while
        it was being written."""
        if self.settings.audit.effort == "none":
            return None
        auditor = self.backends.auditor

        def looked() -> AuditReport:
            pairs = side_by_side(source, draft, analysis.frames, self.progress)
            return auditor(analysis, pairs, source.name, target.name)

        if self.settings.audit.effort == "thorough":
            auditor.look_deeper(source, self.progress)
        if verdict is None:
            verdict = looked()
        else:
            self.progress("audit", verdict.frames, verdict.frames)
        if any(finding.reason == "missed" for finding in verdict.leaks):
            # Where one was missed there are more: now it pays to look everywhere.
            auditor.look_deeper(source, self.progress)
            verdict = looked()
        return verdict

    def repaired(
        self, analysis: Analysis, findings: Sequence[Finding], pictures: Iterable[Picture]
    ) -> Analysis:
        """What leaked, taken back into the tracks."""
        self.tally.again()
        self.tally.notes.append(f"mended after the audit: {frames_said(findings)}")
        return repaired(analysis, findings, pictures, self.backends.network, self.settings)

    def _to_mend(self, verdict: AuditReport | None) -> list[Finding]:
        # A baseline is as good as it is: what it leaves is told, not mended.
        if verdict is None or self._baseline:
            return []
        return verdict.findings if self.settings.audit.strict else verdict.leaks

    # What surrounds them.

    def _tell_who_is_left(self, analysis: Analysis) -> None:
        faces = self.settings.subjects.faces
        for track in analysis.tracks:
            if track.number in self._left:
                self.tally.leave(track, f"faces are {faces}, and this {self._left[track.number]}")

    def _save(
        self, source: Path, target: Path, analysis: Analysis, identities: dict[int, Identity]
    ) -> None:
        """Save the analysis, before anything that may fail."""
        if self._save_to is None:
            return
        found = self.saved.found if self.saved else analysis
        corrections = self.saved.corrections if self.saved else []
        save_analysis(
            self._save_to, source, target.name, found, identities, self.settings, self.preset,
            self.backends.report(), self._left, corrections, self.overwrite or self._has_saved,
        )  # fmt: skip
        self._has_saved = True
