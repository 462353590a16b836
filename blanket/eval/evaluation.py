"""An evaluation in the making: originals one after another, all methods at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

import blanket
from blanket.analysis import Analysis, analyse
from blanket.config import Settings
from blanket.detect import build_detector
from blanket.errors import BlanketError, InputError, worst
from blanket.eval.affect import Affect
from blanket.eval.blinks import LEAST_RATE, too_few_for_blinks
from blanket.eval.catalogue import METRICS
from blanket.eval.crowd import Looks, crowd_figures, looks_at
from blanket.eval.demographics import build_age_gender
from blanket.eval.frames import FrameTable
from blanket.eval.impression import Impressions
from blanket.eval.measure import measure
from blanket.eval.memory import Memory
from blanket.eval.observe import observe
from blanket.eval.page import write_page
from blanket.eval.people import PeopleFiles
from blanket.eval.reading import LEAST_SCORE, Networks, OriginalFaces, OriginalReader
from blanket.eval.results import (
    Estimate,
    MethodResult,
    Readers,
    Results,
    Sweep,
    VideoResult,
    summarise,
)
from blanket.eval.stills import WorstFrames
from blanket.footage import pictures
from blanket.mesh import MeshNetwork
from blanket.output import pending
from blanket.progress import Callback, silent, telling
from blanket.recognise import build_recogniser
from blanket.weights import checksums

RESULTS, FRAMES, PAGE = "results.json", "frames.parquet", "report.html"
FEW = 10
"""Identification among fewer people than this says little, which the results then say."""


@dataclass(frozen=True)
class Looking:
    """How an evaluation looks at videos.

    recogniser: its name, None for no figures on identity. every: read one in this many
    frames. look_every: of these, give one in this many to recogniser and detector and compare
    it as a picture. stills: keep stills of the worst frames, originals too, for the page.
    perceptual: also LPIPS and FID. memory: a folder that keeps what was read in originals.
    people: files of what other tools, and people, say of people and poses.
    """

    recogniser: str | None = "dlib"
    every: int = 1
    look_every: int = 5
    stills: bool = True
    perceptual: bool = False
    memory: Path | None = None
    people: PeopleFiles = field(default_factory=PeopleFiles)


class Evaluation:
    """An evaluation in the making: `video` for each original, then `finish`.

    methods: their names, in the order of tables. folder: where the files go, None for no
    files; they appear when they are complete. given: files and folders that were given, whose
    places the results do not tell. more: names of further files in the folder, to be written
    to `drafts`.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path | None,
        methods: Sequence[str],
        looking: Looking,
        given: Sequence[Path],
        *,
        overwrite: bool,
        progress: Callback | None,
        more: Sequence[str] = (),
    ) -> None:
        if looking.every < 1 or looking.look_every < 1:
            raise InputError("frames can be read every 1, 2, 3, ... frames, not fewer")
        looking.people.check(methods)
        self.settings, self._folder, self._methods = settings, folder, list(methods)
        self._looking, self._overwrite, self._more = looking, overwrite, more
        people = looking.people
        places = [*given, folder, looking.memory, *people.predictions.values(), people.annotations]
        self._given = [place for place in places if place is not None]
        self._progress = progress or silent
        self.detector = build_detector(settings.detect)
        self.network = MeshNetwork()
        name = looking.recogniser
        self._recogniser = None if name is None else build_recogniser(name)
        searching = settings.changed({"detect.threshold": LEAST_SCORE})
        self._networks = Networks(
            settings, self.network, build_detector(searching.detect), self._recogniser,
            Affect(), build_age_gender(),
        )  # fmt: skip
        self._worst = WorstFrames() if looking.stills and folder is not None else None
        self._impressions = Impressions(methods) if looking.perceptual else None
        self._memory = None
        if looking.memory is not None:
            sampling = {
                "recogniser": name, "every": looking.every, "look_every": looking.look_every,
                "detector": self.detector.name, "expression": self._networks.expression.name,
                "demographics": self._networks.demographics.name,
            }  # fmt: skip
            self._memory = Memory(looking.memory, settings, sampling)
        self._looks: dict[str, list[Looks]] = {name: [] for name in methods}
        self._videos: dict[str, list[VideoResult]] = {name: [] for name in methods}
        self._failed: dict[str, dict[str, str]] = {name: {} for name in methods}
        self._statuses: set[int] = set()
        self.warnings: list[str] = []
        self.drafts: dict[str, Path] = {}
        self._table: FrameTable | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._folder is None:
            return self
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the folder {self._folder} cannot be made ({error.strerror}): choose another name"
            ) from error
        with self._stack:
            # All of them are opened first: what cannot be written is known before the work.
            self.drafts = {
                name: self._stack.enter_context(pending(self._folder / name, self._overwrite))
                for name in (RESULTS, FRAMES, PAGE, *self._more)
            }
            self._table = self._stack.enter_context(FrameTable(self.drafts[FRAMES]))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def analyse(self, original: Path) -> Analysis:
        """Who is where in an original."""
        seen = telling("find", pictures(original), None, self._progress)
        return analyse(seen, self.detector, self.network, self.settings)

    def video(
        self,
        video: str,
        original: Path,
        outputs: Mapping[str, Path],
        analysis: Analysis | None = None,
        costs: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Measure the outputs of one original. costs: figures of each method's run, by key.

        A method of several that cannot be measured does not stop the others.
        """
        fit = {}
        for name, path in outputs.items():
            try:
                self._looking.people.check_video(video, name)
            except BlanketError as error:
                if len(outputs) == 1:
                    raise
                self.fail(video, error, name)
            else:
                fit[name] = path
        if not fit:
            return
        with ExitStack() as stack:
            source = self._source(original, analysis, stack)
            seen = observe(
                video, original, fit, source, self._networks, self.settings,
                every=self._looking.every, look_every=self._looking.look_every,
                worst=self._worst, impressions=self._impressions,
                progress=self._progress,
            )  # fmt: skip
        if not seen.subjects:
            self.warnings.append(f"{video}: no face was found in the original")
        if too_few_for_blinks(np.array(seen.times)):
            self.warnings.append(
                f"{video}: blinks were not measured, which takes {LEAST_RATE:.0f} frames a second"
            )
        for name, path in fit.items():
            faces, lost = seen.lost(name)
            try:
                values = measure(seen, name, self._recogniser, self._looking.people)
            except BlanketError as error:
                if len(outputs) == 1:
                    raise
                self.fail(video, error, name)
                continue
            if costs is not None:
                values |= costs[name]
            self._videos[name].append(
                VideoResult(
                    video=video,
                    output=path.name,
                    frames=seen.count,
                    frames_read=len(seen.frames),
                    frames_looked=len(seen.looked),
                    subjects=len(set(seen.subjects)),
                    faces=faces,
                    lost=lost,
                    values=values,
                )
            )
            if self._table is not None:
                self._table.add(seen, name, self._recogniser)
            if self._recogniser is not None:
                self._looks[name] += looks_at(seen, name)

    def _source(self, original: Path, analysis: Analysis | None, stack: ExitStack) -> OriginalFaces:
        """What reads the original, or remembers what was read."""
        if self._memory is not None and (known := self._memory.recall(original)) is not None:
            return known
        source = OriginalReader(self._networks, analysis or self.analyse(original), self.settings)
        if self._memory is None:
            return source
        return stack.enter_context(self._memory.keeping(original, source))

    def fail(self, video: str, error: BlanketError, method: str | None = None) -> None:
        """Note why a video has no result; of all methods where none is named. The first
        reason of a method stays."""
        message = _without_folders(str(error), self._given)
        self._statuses.add(error.exit_status)
        for name in self._methods if method is None else [method]:
            self._failed[name].setdefault(video, message)

    def finish(
        self,
        settings: Mapping[str, Settings | None],
        sweep: Sweep | None = None,
        variants: Mapping[str, str] | None = None,
    ) -> Results:
        """Write the files, if any, but those named `more`.

        settings: what each method ran with, None for another tool. sweep, variants: what was
        varied, and the method of which each is a variant.

        Raises:
            BlanketError: no video has a result; InputError where only inputs are to blame.
        """
        if not any(self._videos.values()):
            first = next((text for one in self._failed.values() for text in one.values()), "")
            to_blame = worst(self._statuses) == InputError.exit_status
            kind = InputError if to_blame else BlanketError
            raise kind(f"no video could be evaluated: {first}")
        results = self._results(settings, sweep, variants or {})
        if self._table is None:
            return results
        self._table.close()
        self.drafts[RESULTS].write_text(results.to_json(), encoding="utf-8")
        write_page(self.drafts[PAGE], results, self.drafts[FRAMES], self._worst)
        return results

    def _results(
        self,
        settings: Mapping[str, Settings | None],
        sweep: Sweep | None,
        variants: Mapping[str, str],
    ) -> Results:
        recogniser = self._recogniser
        methods = [
            MethodResult(
                name=name,
                variant_of=variants.get(name),
                settings=None if (ran := settings[name]) is None else ran.shareable(),
                videos=videos,
                failed=self._failed[name],
                summary=summarise(videos),
                overall=self._crowd(name),
            )
            for name, videos in self._videos.items()
        ]
        present = {key for method in methods for v in method.videos for key in v.values}
        present |= {key for method in methods for key in method.overall}
        return Results(
            blanket_version=blanket.__version__,
            every=self._looking.every,
            look_every=self._looking.look_every,
            readers=Readers(
                detector=self.detector.name,
                mesh=self.network.name,
                recogniser=None if recogniser is None else recogniser.name,
                recogniser_metric=None if recogniser is None else recogniser.metric,
                expression=self._networks.expression.name,
                demographics=self._networks.demographics.name,
                recogniser_threshold=None if recogniser is None else recogniser.threshold,
            ),
            settings=self.settings.shareable(),
            weights=dict(checksums()),
            metrics=[metric for metric in METRICS if metric.key in present],
            methods=methods,
            sweep=sweep,
            warnings=self.warnings,
            exit_status=worst(self._statuses),
        )

    def _crowd(self, name: str) -> dict[str, Estimate]:
        overall = {} if self._impressions is None else self._impressions.overall(name)
        if self._recogniser is None:
            return overall
        figures = crowd_figures(self._recogniser, self._looks[name])
        people = len({one.person for one in self._looks[name]})
        few = ""
        if "rank1" in figures and people < FEW:
            few = (
                f"identification among {people} people only: a guess at rank 1 is right in "
                f"{100 / people:.0f} %"
            )
        elif "rank1" not in figures and people > 1:
            few = (
                f"re-identification of {people} people was not measured, as it takes two looks at "
                "each of two people or more: put all recordings of a person into one folder, or "
                "lower look_every"
            )
        if few and few not in self.warnings:
            self.warnings.append(few)
        return figures | overall


_FOLDERS = re.compile(r"(?<![\w./\\:])(?:[A-Za-z]:)?[/\\](?:[^\s/\\]+[/\\])+")


def _without_folders(text: str, given: Iterable[Path]) -> str:
    """A message that names files as the results do. given: files and folders in it that may
    have spaces in their paths, or relative ones."""
    folders = {place if place.is_dir() else place.parent for place in given}
    folders |= {folder.absolute() for folder in folders}
    for folder in sorted(folders, key=lambda one: len(str(one)), reverse=True):
        if folder.name:
            place = rf"(?<![\w./\\-]){re.escape(str(folder))}"
            text = re.sub(rf"{place}[/\\]", "", text)
            text = re.sub(rf"{place}(?![\w-])", folder.name.replace("\\", r"\\"), text)
    return _FOLDERS.sub("", text)
