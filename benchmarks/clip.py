"""What the benchmarks share: the test clip and its reference, a reader, and their tables."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

import blanket
from blanket.analysis import Placements, analyse
from blanket.attributes import (
    eye_opening,
    head_pose,
    horizontal_gaze,
    iris_position,
    mouth_opening,
    rest_shape,
)
from blanket.config import Settings
from blanket.detect import build_detector
from blanket.errors import BlanketError
from blanket.faces import Points
from blanket.mesh import MeshNetwork
from blanket.output import pending
from blanket.presets import load_settings
from blanket.progress import Callback, shown
from blanket.topology import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from blanket.video import Frame, probe, read

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

HAND = ((16, 28), (62, 92), (252, 299))
"""First and last frames with a hand over or at the face of infant.mp4 (its data README)."""

_NO_DATA = 2
_MISSED = 1


@dataclass(frozen=True)
class Row:
    """One line of a table. value: None where it could not be measured. unit: printed behind
    the value. least, most: the bar; neither for a figure that is only shown."""

    name: str
    value: float | None
    unit: str = ""
    least: float | None = None
    most: float | None = None
    digits: int = 3

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; None without a bar. What was not measured misses it."""
        if self.least is None and self.most is None:
            return None
        if self.value is None or not np.isfinite(self.value):
            return False
        low = self.least is None or self.value >= self.least
        return low and (self.most is None or self.value <= self.most)

    def cells(self) -> list[str]:
        """What the table shows: name, value, bar, whether it is met."""
        value = "not measured" if self.value is None else self._said(self.value)
        bars = [
            f"{sign} {self._said(bar)}"
            for sign, bar in (("≥", self.least), ("≤", self.most))
            if bar is not None
        ]
        return [self.name, value, " and ".join(bars) or "-", _YES_NO[self.met]]

    def _said(self, number: float) -> str:
        return f"{number:.{self.digits}f} {self.unit}".strip()


_YES_NO = {True: "yes", False: "**no**", None: "-"}


def parser(text: str | None) -> argparse.ArgumentParser:
    """A command line with what all benchmarks take. text: the script's docstring."""
    made = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--data",
        type=Path,
        default=Path("../shared/data"),
        help="folder with clips/infant.mp4 and clips/infant_mesh.npz (default: %(default)s)",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    made.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="SECTION.FIELD=VALUE",
        help="change one setting of the embedded preset; can be repeated",
    )
    return made


@dataclass(frozen=True)
class Clip:
    """A test clip. path: the video. mesh: ``[N, 478, 3]`` float32 pixels, the reference
    (MediaPipe Face Mesh 0.10.21). open: ``[N]`` bool, False where a hand is at the face."""

    path: Path
    mesh: Points
    open: Mask


def infant(data: Path) -> Clip:
    """The clip that the bars are about. Ends the process with status 2 where it is absent."""
    folder = clips(data)
    with np.load(folder / "infant_mesh.npz") as file:
        mesh = file["mesh"].astype(np.float32)
    clear = np.ones(len(mesh), np.bool_)
    for first, last in HAND:
        clear[first : last + 1] = False
    return Clip(folder / "infant.mp4", mesh, clear)


def clips(data: Path) -> Path:
    """The folder of clips. Ends the process with status 2 where it is absent."""
    folder = data / "clips"
    for name in ("infant.mp4", "infant_mesh.npz"):
        if not (folder / name).is_file():
            print(f"There is no {folder / name}: name the data folder by --data.", file=sys.stderr)
            raise SystemExit(_NO_DATA)
    return folder


def ended(main: Callable[[], int]) -> int:
    """The exit status of a script: that of `main`, or 2 and one sentence on a known error."""
    try:
        return main()
    except BlanketError as error:
        print(f"error: {error}", file=sys.stderr)
        return _NO_DATA


def settings_of(options: argparse.Namespace) -> Settings:
    """The embedded preset with the changes of ``--set``."""
    return load_settings("embedded", options.changes)


class Reader:
    """Reads the face of a video as the program does: detect, track, mesh, smooth."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._detector = build_detector(settings.detect)
        self._network = MeshNetwork()

    def __call__(self, video: Path) -> Points:
        """The mesh of the face that is seen longest, ``[N, 478, 3]`` float32 pixels; NaN in
        frames where there is none or it would be hidden."""
        with shown(Console(stderr=True)) as progress:
            analysis = analyse(
                self._told(video, progress), self._detector, self._network, self._settings
            )
        longest = max(analysis.tracks, key=lambda one: len(one.sightings), default=None)
        meshes = np.full((analysis.frames, 478, 3), np.nan, np.float32)
        placements = Placements(analysis, self._settings)
        for index in range(analysis.frames):
            for placement in placements.at(index):
                if placement.track is longest and placement.mesh is not None:
                    meshes[index] = placement.mesh
        return meshes

    def _told(self, video: Path, progress: Callback) -> Iterator[Frame]:
        total = probe(video).frames
        for done, frame in enumerate(read(video), 1):
            yield frame
            progress(f"read {video.name}", done, total)


SIGNALS = (
    "eye opening",
    "eye opening, left",
    "eye opening, right",
    "mouth opening",
    "horizontal gaze",
    "horizontal gaze, left",
    "horizontal gaze, right",
    "yaw",
    "pitch",
    "roll",
)


def signals(meshes: Points) -> dict[str, Values]:
    """What is read off meshes ``[N, 478, 3]``: by name (`SIGNALS`), ``[N]`` each, NaN where
    the mesh is. As in `blanket.attributes`, angles in degrees and by the face's own shape."""
    eyes, gaze = eye_opening(meshes), iris_position(meshes)[..., 0]
    pose = np.full((len(meshes), 3), np.nan)
    seen = np.isfinite(meshes).all((1, 2))
    if seen.any():
        pose[seen] = head_pose(meshes[seen], rest_shape(meshes[seen]))
    pose[seen] = np.degrees(np.unwrap(np.radians(pose[seen]), axis=0))
    columns = [
        eyes.mean(-1), eyes[:, 0], eyes[:, 1], mouth_opening(meshes),
        horizontal_gaze(meshes), gaze[:, 0], gaze[:, 1], pose[:, 0], pose[:, 1], pose[:, 2],
    ]  # fmt: skip
    return dict(zip(SIGNALS, columns, strict=True))


def correlation(a: Values, b: Values, use: Mask) -> float:
    """Pearson's over the frames of `use` in which both are known; NaN for fewer than 3."""
    use = use & np.isfinite(a) & np.isfinite(b)
    if use.sum() < 3:
        return float("nan")
    return float(np.corrcoef(a[use], b[use])[0, 1])


def eye_width(meshes: Points) -> Values:
    """Distance between the outer eye corners in the picture plane ``[N]``, pixels."""
    between = meshes[..., RIGHT_EYE_OUTER, :2] - meshes[..., LEFT_EYE_OUTER, :2]
    return np.asarray(np.linalg.norm(between, axis=-1), np.float64)


def second_difference(values: NDArray[np.floating]) -> Values:
    """``x[t+1] - 2 x[t] + x[t-1]`` along the first axis, ``[N - 2, ...]``."""
    return np.asarray(values[2:] - 2 * values[1:-1] + values[:-2], np.float64)


def triples(use: Mask) -> Mask:
    """``[N - 2]``: whether a frame and both its neighbours are in use."""
    return np.asarray(use[2:] & use[1:-1] & use[:-2])


def finish(title: str, rows: Sequence[Row], options: argparse.Namespace) -> int:
    """Print the table, write the JSON, and return the exit status: 1 if a bar is missed."""
    print(f"### {title}\n")
    print(f"{machine()}; BLANKET {blanket.__version__}{_changes(options.changes)}\n")
    print("| | measured | bar | met |\n|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row.cells()) + " |")
    missed = [row.name for row in rows if row.met is False]
    print(f"\n{len(missed)} bars missed: {'; '.join(missed)}" if missed else "\nAll bars are met.")
    if options.json is not None:
        document = {
            "title": title,
            "machine": machine(),
            "version": blanket.__version__,
            "changes": options.changes,
            "rows": [_entry(row) for row in rows],
        }
        with pending(options.json, overwrite=True) as draft:
            draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return _MISSED if missed else 0


def _entry(row: Row) -> dict[str, object]:
    known = row.value is not None and np.isfinite(row.value)
    return {
        "name": row.name,
        "value": row.value if known else None,
        "unit": row.unit,
        "least": row.least,
        "most": row.most,
        "met": row.met,
    }


def _changes(changes: Sequence[str]) -> str:
    return f", changed: {', '.join(changes)}" if changes else ""


def machine() -> str:
    """The processor's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    has = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has else os.cpu_count()
    return f"{name}, {cores} cores"
