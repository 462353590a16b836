"""The evaluation of any anonymiser's output against the originals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import blanket
from blanket.analysis import Analysis, analyse
from blanket.config import Settings, load_settings
from blanket.detect import build_detector
from blanket.errors import BlanketError, InputError
from blanket.eval.catalogue import METRICS
from blanket.eval.frames import FrameTable
from blanket.eval.measure import measure
from blanket.eval.observe import observe
from blanket.eval.page import write_page
from blanket.eval.pairs import paired
from blanket.eval.reading import LEAST_SCORE, Reading, pictures
from blanket.eval.reading import Readers as Networks
from blanket.eval.results import MethodResult, Readers, Results, VideoResult, summarise
from blanket.eval.stills import WorstFrames
from blanket.mesh import MeshNetwork
from blanket.output import pending
from blanket.picture import Picture
from blanket.progress import Callback
from blanket.recognise import build_recogniser
from blanket.weights import checksums

RESULTS, FRAMES, PAGE = "results.json", "frames.parquet", "report.html"


def evaluate(
    original: str | Path,
    anonymized: str | Path,
    output: str | Path,
    preset: str | Path = "embedded",
    *,
    name: str | None = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    recogniser: str | None = "dlib",
    every: int = 1,
    look_every: int = 5,
    stills: bool = True,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> Results:
    """Measure how well identities are gone and how much of the use is left.

    original, anonymized: two videos, two pictures, or two folders paired by name. output: a
    folder for ``results.json``, ``frames.parquet`` and ``report.html``. preset, overrides:
    how the originals' faces are found, see `blanket.config.load_settings`. name: of the
    method, in tables; that of the output by default. recogniser: see
    `blanket.recognise.build_recogniser`; None for no figures on identity. every: read every
    this many frames. look_every: of these, give every this many to recogniser and detector.
    stills: put stills of the worst frames, originals too, into the page.

    Raises:
        InputError: a file or setting that cannot be used; two files that do not belong
            together: other sizes, other numbers of frames.
    """
    original, anonymized = Path(original), Path(anonymized)
    settings = load_settings(preset, overrides)
    pairs = paired(original, anonymized)
    method = name or anonymized.stem
    with Evaluation(
        settings, Path(output), [method], recogniser=recogniser, every=every,
        look_every=look_every, stills=stills, overwrite=overwrite, progress=progress,
    ) as evaluation:  # fmt: skip
        for video, (before, after) in pairs.items():
            if len(pairs) == 1:
                evaluation.video(video, before, {method: after})
                continue
            try:
                evaluation.video(video, before, {method: after})
            except BlanketError as error:
                evaluation.fail(video, str(error))
        return evaluation.finish({method: None})


class Evaluation:
    """An evaluation in the making: `video` for each original, then `finish`.

    methods: their names, in the order of tables. folder: where the files go; they appear
    when they are complete. Arguments otherwise as `evaluate`.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        methods: Sequence[str],
        *,
        recogniser: str | None,
        every: int,
        look_every: int,
        stills: bool,
        overwrite: bool,
        progress: Callback | None,
    ) -> None:
        if every < 1 or look_every < 1:
            raise InputError("frames can be read every 1, 2, 3, ... frames, not fewer")
        self.settings, self._folder, self._methods = settings, folder, list(methods)
        self._every, self._look_every, self._overwrite = every, look_every, overwrite
        self._progress = progress or (lambda stage, done, total: None)
        self.detector = build_detector(settings.detect)
        self.network = MeshNetwork()
        self._recogniser = None if recogniser is None else build_recogniser(recogniser)
        searching = settings.changed({"detect.threshold": LEAST_SCORE})
        self._readers = Networks(
            settings, self.network, build_detector(searching.detect), self._recogniser
        )
        self._worst = WorstFrames() if stills else None
        self._videos: dict[str, list[VideoResult]] = {name: [] for name in methods}
        self._failed: dict[str, dict[str, str]] = {name: {} for name in methods}
        self.warnings: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._stack:
            # All of them are opened first: what cannot be written is known before the work.
            self._drafts = {
                name: self._stack.enter_context(pending(self._folder / name, self._overwrite))
                for name in (RESULTS, FRAMES, PAGE)
            }
            self._table = self._stack.enter_context(FrameTable(self._drafts[FRAMES]))
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
        found = analyse(
            self._told("find", pictures(original)), self.detector, self.network, self.settings
        )
        self._progress("find", found.frames, found.frames)
        return found

    def video(
        self,
        video: str,
        original: Path,
        outputs: Mapping[str, Path],
        analysis: Analysis | None = None,
        costs: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Measure the outputs of one original. costs: figures of each method's run, by key."""
        analysis = analysis or self.analyse(original)
        if not analysis.tracks:
            self.warnings.append(f"{video}: no face was found in the original")
        frames = analysis.frames
        seen = observe(
            video, original, outputs, Reading(self._readers, analysis, self.settings),
            self._readers, self.settings, every=self._every,
            look_every=self._look_every, worst=self._worst,
            told=lambda done: self._progress("read", done, frames),
        )  # fmt: skip
        for name, path in outputs.items():
            faces, lost = seen.lost(name)
            values = measure(seen, name, self._recogniser)
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
            self._table.add(seen, name, self._recogniser)

    def fail(self, video: str, message: str, method: str | None = None) -> None:
        """Note why a video has no result; of all methods where none is named."""
        for name in self._methods if method is None else [method]:
            self._failed[name][video] = message

    def finish(self, settings: Mapping[str, Settings | None]) -> Results:
        """Write the files. settings: what each method ran with, None for another tool.

        Raises:
            BlanketError: no video has a result.
        """
        if not any(self._videos.values()):
            first = next((text for one in self._failed.values() for text in one.values()), "")
            raise BlanketError(f"no video could be evaluated: {first}")
        results = self._results(settings)
        self._table.close()
        self._drafts[RESULTS].write_text(results.to_json(), encoding="utf-8")
        write_page(self._drafts[PAGE], results, self._drafts[FRAMES], self._worst)
        return results

    def _results(self, settings: Mapping[str, Settings | None]) -> Results:
        recogniser = self._recogniser
        methods = []
        for name in self._methods:
            videos, ran = self._videos[name], settings[name]
            methods.append(
                MethodResult(
                    name=name,
                    settings=None if ran is None else ran.shareable(),
                    videos=videos,
                    failed=self._failed[name],
                    summary=summarise(videos),
                    overall={},
                )
            )
        present = {key for videos in self._videos.values() for v in videos for key in v.values}
        return Results(
            blanket_version=blanket.__version__,
            every=self._every,
            look_every=self._look_every,
            readers=Readers(
                detector=self.detector.name,
                mesh=self.network.name,
                recogniser=None if recogniser is None else recogniser.name,
                recogniser_metric=None if recogniser is None else recogniser.metric,
                recogniser_threshold=None if recogniser is None else recogniser.threshold,
            ),
            settings=self.settings.shareable(),
            weights=dict(checksums()),
            metrics=[metric for metric in METRICS if metric.key in present],
            methods=methods,
            warnings=self.warnings,
        )

    def _told(self, stage: str, frames: Iterator[Picture]) -> Iterator[Picture]:
        for frame in frames:
            yield frame
            self._progress(stage, frame.index + 1, None)
