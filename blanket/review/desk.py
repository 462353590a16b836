"""One analysis under review: what the page shows, the corrections, rendering again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from blanket.analysis import Analysis
from blanket.analysisfile import SavedAnalysis, load_analysis, save_corrections
from blanket.corrections import corrected, once, read_corrections, written
from blanket.errors import BlanketError, InputError, counted
from blanket.media import is_image
from blanket.seek import Reel
from blanket.timeline import Timeline
from blanket.track import Track
from blanket.verdict import AuditReport

_SIDE = 1920
"""Pixels of the longer side of the frames that the page gets."""
_QUALITY = 88


class Desk:
    """What the page asks for, from any thread.

    path: the analysis. original, output: the video and its anonymised copy, which need not
    exist yet.

    Raises:
        InputError: the analysis cannot be used, or is not of this original.
    """

    def __init__(self, path: Path, original: Path | None, output: Path | None) -> None:
        self._path = path
        saved = load_analysis(path)
        self._original = original or path.with_name(saved.source)
        self._output = output or path.with_name(saved.output)
        if not self._original.exists():
            raise InputError(
                f"there is no file {self._original}: name the original with --original"
            )
        if is_image(self._original):
            raise InputError("only videos are reviewed: open the two pictures side by side")
        saved.refuse_other(self._original)
        saved.corrected()
        self._times = saved.found.times
        self._reels: dict[str, tuple[float, Reel]] = {}
        self._lock = threading.Lock()
        self._rendering: dict[str, Any] = {"stage": None}
        self._known: tuple[str, SavedAnalysis] | None = None

    def state(self) -> dict[str, Any]:
        """All that the page shows but the frames."""
        saved, revision = self._read()
        analysis = saved.corrected()
        tracks = [_track(track, analysis, saved) for track in analysis.tracks]
        return {
            "revision": revision,
            "original": self._original.name,
            "output": self._output.name,
            "rendered": self._stamp("output"),
            "width": analysis.width,
            "height": analysis.height,
            "times": np.round(analysis.times, 4).tolist(),
            "cuts": analysis.cuts,
            "tracks": tracks,
            "audited": saved.audit is not None,
            "verdicts": _audited(saved.audit) if saved.audit else _done(tracks, analysis.frames),
            "findings": _findings(saved.audit) if saved.audit else [],
            "corrections": [written(one) for one in saved.corrections],
            "rendering": self._rendering,
            "command": self._command(),
        }

    def progress(self) -> dict[str, Any]:
        """How far rendering is: stage (None: it is not being rendered), done, total; then
        what was said, or an error."""
        return self._rendering

    def picture(self, which: str, index: int) -> bytes:
        """A frame of the ``original`` or of the ``output`` as a JPEG.

        Raises:
            InputError: there is no such frame.
        """
        frame = self._reel(which).frame(index).rgb(_SIDE)
        quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
        done, data = cv2.imencode(".jpg", frame[..., ::-1], quality)
        if not done:
            raise BlanketError(f"frame {index} cannot be shown")
        return bytes(data)

    def correct(self, corrections: Any, revision: str) -> None:
        """Write corrections into the analysis, each once, in place of those that are in it.

        revision: of the text that they were made for.

        Raises:
            InputError: one of them does not fit, the text has changed since, or it is being
                rendered.
        """
        with self._lock:
            if self._rendering["stage"] is not None:
                raise InputError("wait until it is rendered")
            saved, current = self._read()
            if current != revision:
                raise InputError(f"{self._path.name} has changed meanwhile: load the page again")
            new = once(read_corrections(corrections))
            corrected(saved.found, new)
            save_corrections(self._path, new)
            self._known = self._revision(), replace(saved, corrections=new)

    def render(self) -> None:
        """Render again, in the background; `state` says how far it is."""
        with self._lock:
            if self._rendering["stage"] is not None:
                raise InputError("it is being rendered already")
            self._rendering = {"stage": "start", "done": 0, "total": None}
        threading.Thread(target=self._render, name="render", daemon=True).start()

    def _render(self) -> None:
        from blanket.anonymiser import anonymize

        def told(stage: str, done: int, total: int | None) -> None:
            self._rendering = {"stage": stage, "done": done, "total": total}

        try:
            report = anonymize(
                self._original, self._output, analysis=self._path, save_analysis=self._path,
                overwrite=True, progress=told,
            )  # fmt: skip
            sums = report.totals
            faces = counted(sums.faces, "face")
            said = f"{faces}: {sums.replaced} replaced, {sums.hidden} hidden"
            self._rendering = {"stage": None, "said": said, "warnings": report.warnings}
        except BlanketError as error:
            self._rendering = {"stage": None, "error": str(error)}
        except Exception as error:
            self._rendering = {"stage": None, "error": f"internal error: {error}"}

    def _read(self) -> tuple[SavedAnalysis, str]:
        """The analysis as it is in the file, and which text that is."""
        revision = self._revision()
        if self._known is None or self._known[0] != revision:
            self._known = revision, load_analysis(self._path)
        return self._known[1], revision

    def _revision(self) -> str:
        return hashlib.sha256(self._path.read_bytes()).hexdigest()

    def _reel(self, which: str) -> Reel:
        """The frames of a file; of a new one where it has been written again."""
        path = self._original if which == "original" else self._output
        stamp = self._stamp(which)
        if stamp is None:
            raise InputError(f"{path.name} is not rendered yet")
        with self._lock:
            if which in self._reels and self._reels[which][0] != stamp:
                self._reels.pop(which)[1].close()
            if which not in self._reels:
                self._reels[which] = stamp, Reel(path, self._times)
            return self._reels[which][1]

    def _stamp(self, which: str) -> float | None:
        path = self._original if which == "original" else self._output
        return path.stat().st_mtime if path.exists() else None

    def _command(self) -> str:
        return (
            f"blanket anonymize {self._original.name} -o {self._output.name} "
            f"--analysis {self._path.name} --overwrite"
        )


def _track(track: Track, analysis: Analysis, saved: SavedAnalysis) -> dict[str, Any]:
    """A track: where it is and what is done with it, in runs of frames."""
    settings = saved.settings
    line = Timeline(track, analysis.cuts, settings.track.max_gap, 0.0, settings.detect.every)
    boxes: list[list[int]] = []
    runs: list[list[Any]] = []
    start = None
    for index in range(analysis.frames):
        if not line.covers(index):
            continue
        sighting = track.sightings.get(index)
        plain = index not in track.dropped and index not in track.hidden
        if plain and sighting is not None and sighting.packed is not None:
            box, what = sighting.box[:4], "replaced"
        else:
            placement = line.at(index)
            if placement is None:
                continue
            box, what = placement.box[:4], placement.rule or "replaced"
        start = index if start is None else start
        boxes += [[] for _ in range(index - start - len(boxes))]
        boxes.append([round(float(edge)) for edge in box])
        if runs and runs[-1][1] == index - 1 and runs[-1][2] == what:
            runs[-1][1] = index
        else:
            runs.append([index, index, what])
    return {
        "track": track.number,
        "subject": track.subject,
        "added": track.number not in {one.number for one in saved.found.tracks},
        "first": track.first,
        "last": track.last,
        "start": start,
        "boxes": boxes,
        "runs": runs,
    }


def _audited(audit: AuditReport) -> list[list[Any]]:
    """Runs of frames: first, last, the verdict, and what else makes them worth a look."""
    return [
        [span.first_frame, span.last_frame, span.verdict, [str(flag) for flag in span.flags]]
        for span in audit.spans
    ]


def _findings(audit: AuditReport) -> list[dict[str, Any]]:
    """What the audit found, that of one face in consecutive frames as one."""
    found: list[dict[str, Any]] = []
    running: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in audit.findings:
        key = one.track, one.verdict, one.reason
        before = running.get(key)
        if before is not None and before["last"] >= one.frame - 1:
            before["last"] = one.frame
            before["boxes"].append(one.box)
            continue
        running[key] = {
            "first": one.frame, "last": one.frame, "verdict": one.verdict,
            "reason": one.reason, "track": one.track, "boxes": [one.box],
        }  # fmt: skip
        found.append(running[key])
    return found


def _done(tracks: Sequence[dict[str, Any]], frames: int) -> list[list[Any]]:
    """The same where there is no audit: what was done with the faces."""
    done = ["no-face"] * frames
    for track in tracks:
        for first, last, what in track["runs"]:
            for index in range(first, last + 1):
                if what != "replaced":
                    done[index] = "hidden"
                elif done[index] == "no-face":
                    done[index] = "replaced"
    runs: list[list[Any]] = []
    for index, what in enumerate(done):
        if runs and runs[-1][2] == what:
            runs[-1][1] = index
        else:
            runs.append([index, index, what, []])
    return runs
