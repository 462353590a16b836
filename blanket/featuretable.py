"""What faces do, as a table without faces: one row for each face in each frame.

Labs share these tables where they may not share video. docs/features.md describes every
column; `blanket.tablefile` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blanket.analysis import Analysis, Placements, analyse
from blanket.analysisfile import load_analysis
from blanket.attributes import eye_opening, head_pose, mouth_opening
from blanket.config import Settings
from blanket.cores import one_core_a_call
from blanket.detect import build_detector
from blanket.errors import InputError, counted
from blanket.eval.expression import ExpressionClassifier
from blanket.eval.gaze import eye_angles, gaze_direction
from blanket.faces import Array
from blanket.footage import length, pictures
from blanket.mesh import MeshNetwork, covered
from blanket.picture import Picture, enlarge_mesh
from blanket.presets import load_settings
from blanket.progress import Callback, silent, telling
from blanket.timeline import Placement
from blanket.topology import POINTS, five_points

_MARKS = "left_eye", "right_eye", "nose", "mouth_left", "mouth_right"
COLUMNS: dict[str, str] = {
    "frame": "number of the frame, from 0",
    "time": "seconds from the start of the file",
    "track": "number of the track: one face followed from when it comes to when it goes",
    "subject": "number of the person; tracks of one person share it",
    "state": "`read` off the picture, `bridged` between frames that were, or why not "
    "([rules](report.md#rules))",
    "score": "trust in the mesh, or score of the detection where there is no mesh, 0 to 1",
    "left": "of the box, pixels",
    "top": "of the box, pixels",
    "right": "of the box, pixels",
    "bottom": "of the box, pixels",
    **{
        f"{mark}_{axis}": f"of {text}, pixels"
        for mark, text in zip(
            _MARKS,
            (
                "the eye at the left of the upright face, its middle",
                "the eye at the right of the upright face, its middle",
                "the tip of the nose",
                "the corner of the mouth at the left of the upright face",
                "the corner of the mouth at the right of the upright face",
            ),
            strict=True,
        )
        for axis in "xy"
    },
    "dx": "how far the middle of the box moved to the right since the frame before, pixels",
    "dy": "how far it moved downwards, pixels",
    "yaw": "of the head, degrees, positive towards the right if its roll is taken out",
    "pitch": "of the head, degrees, positive downwards if its roll is taken out",
    "roll": "of the head, degrees, positive clockwise, 0 upright in the picture",
    "eyes_yaw": "of the eyes in the head, degrees, positive towards the right",
    "eyes_pitch": "of the eyes in the head, degrees, positive downwards",
    "gaze_yaw": "of head and eyes together, degrees, 0 into the camera, positive towards the "
    "right of the picture, whatever the roll",
    "gaze_pitch": "the same, positive towards the lower border of the picture",
    "left_eye_opening": "gap between the lids over the width of the eye, about 0 to 0.5",
    "right_eye_opening": "gap between the lids over the width of the eye, about 0 to 0.5",
    "mouth_opening": "gap between the inner lips over the distance of the outer eye corners",
    "occluded": "share of the face with something in front, 0 to 1",
}
"""What each column holds, in the order of the table."""
_WHOLE = {"frame": np.int64, "track": np.int64, "subject": np.int64}
_CHUNK = 512
"""Faces that are worked on together."""


@dataclass(frozen=True)
class Summary:
    """How complete the table is. expected: faces that every frame should show. frames_fewer:
    frames with fewer. longest_gap: most frames in a row with fewer; gap_first: the first of
    these, None where there is no such frame; gap_seconds: how long they last."""

    frames: int
    seconds: float
    faces: int
    tracks: int
    subjects: int
    frames_without: int
    expected: int
    frames_fewer: int
    longest_gap: int
    gap_first: int | None
    gap_seconds: float

    def __str__(self) -> str:
        """For a person to read, in one line."""
        text = (
            f"{counted(self.frames, 'frame')} ({self.seconds:.1f} s), "
            f"{counted(self.faces, 'face')} in {counted(self.tracks, 'track')} of "
            f"{counted(self.subjects, 'subject')}, "
            f"{counted(self.frames_without, 'frame')} without a face"
        )
        if self.expected > 1:
            text += f", {self.frames_fewer} with fewer than {self.expected}"
        if self.gap_first is not None:
            last = self.gap_first + self.longest_gap - 1
            where = (
                f"frames {self.gap_first} to {last}" if self.longest_gap > 1 else f"frame {last}"
            )
            text += (
                f"; longest gap {counted(self.longest_gap, 'frame')} "
                f"({self.gap_seconds:.2f} s), {where}"
            )
        return text


@dataclass(frozen=True)
class Features:
    """The table. columns: arrays of one length by name, as in `COLUMNS` and, with a classifier
    of expressions, one for each of its classes; in order of time; what is not known is NaN.
    width, height: of the picture as shown, pixels. times: ``[N]`` seconds of all frames, those
    without a face too. source: name of the video."""

    columns: Mapping[str, Array]
    width: int
    height: int
    times: NDArray[np.float64]
    source: str
    summary: Summary

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.columns["frame"])

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, with None for what is not known."""
        values = [_plain(self.columns[name]) for name in self.columns]
        for row in zip(*values, strict=True):
            yield dict(zip(self.columns, row, strict=True))

    def write(self, path: str | Path, overwrite: bool = False) -> None:
        """Write it as .csv, .parquet, .json (COCO) or .vtt (WebVTT), by the suffix.

        Raises:
            InputError, BlanketError: as `blanket.output.pending` does, or another suffix.
        """
        from blanket.tablefile import write_table

        write_table(self, Path(path), overwrite)


@one_core_a_call()
def features(
    source: str | Path,
    preset: str | Path | None = None,
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    analysis: str | Path | None = None,
    expression: ExpressionClassifier | None = None,
    progress: Callback | None = None,
) -> Features:
    """What the faces in a video or picture do, one row a face a frame.

    preset, overrides: see `blanket.presets.load_settings`. analysis: of an earlier run on the
    same file (docs/analysis.md), with its corrections, so that nothing is detected again.
    expression: a classifier, for a column of probabilities for each of its classes. progress:
    called with stage, done, total.

    Raises:
        InputError: a file or setting that cannot be used.
    """
    source = Path(source)
    if not source.exists():
        raise InputError(f"there is no file {source}")
    if analysis is not None:
        saved = load_analysis(Path(analysis))
        saved.refuse_other(source)
        if preset is not None:
            raise InputError(f"{saved.path.name} has its own settings: leave the preset out")
        settings = load_settings(saved.settings.model_dump(), overrides)
        found = saved.corrected()
    else:
        settings = load_settings(preset or "embedded", overrides)
        found = analyse(
            _told(source, "analyse", progress),
            build_detector(settings.detect),
            MeshNetwork(),
            settings,
        )
    known = table(found, settings, source.name)
    if expression is None:
        return known
    read_off = _expressions(
        _told(source, "expression", progress), expression, found, settings, len(known)
    )
    return replace(known, columns={**known.columns, **read_off})


def table(found: Analysis, settings: Settings, source: str) -> Features:
    """The table of an analysis. settings: of its run. source: name of the video."""
    placements = Placements(found, settings)
    every = (
        (index, placement) for index in range(found.frames) for placement in placements.at(index)
    )
    parts: dict[str, list[Array]] = {name: [] for name in COLUMNS}
    while chunk := [one for _, one in zip(range(_CHUNK), every, strict=False)]:
        for name, values in _columns(chunk, found.times).items():
            parts[name].append(values)
    columns = {
        name: np.concatenate(arrays) if arrays else np.empty(0, _WHOLE.get(name, np.float64))
        for name, arrays in parts.items()
    }
    columns["dx"], columns["dy"] = _movement(columns, found.cuts)
    return Features(
        columns, found.width, found.height, found.times, source,
        _summary(columns, found, settings.detect.expect_faces or 1),
    )  # fmt: skip


def _expressions(
    pictures: Iterable[Picture],
    classifier: ExpressionClassifier,
    found: Analysis,
    settings: Settings,
    rows: int,
) -> dict[str, Array]:
    """A column for each class: its probability in each of so many rows, NaN without a mesh."""
    values = np.full((rows, len(classifier.classes)), np.nan)
    placements, row = Placements(found, settings), 0
    full = (found.width, found.height)
    for picture in pictures:
        faces = placements.at(picture.index)
        small = picture.rgb(settings.track.analysis_side) if faces else None
        for face in faces:
            if small is not None and face.mesh is not None and face.rule is None:
                mesh = enlarge_mesh(face.mesh, full, (small.shape[1], small.shape[0]))
                values[row] = classifier.probabilities(small, mesh[None])[0]
            row += 1
    names = [f"expression_{name}" for name in classifier.classes]
    return dict(zip(names, values.T, strict=True))


def description(column: str) -> str:
    """What a column holds."""
    name = column.removeprefix("expression_")
    return COLUMNS.get(column) or f"probability of {name} by the classifier, 0 to 1"


def _told(source: Path, stage: str, progress: Callback | None) -> Iterator[Picture]:
    return telling(stage, pictures(source), length(source), progress or silent)


def _columns(chunk: Sequence[tuple[int, Placement]], times: Array) -> dict[str, Array]:
    """All columns of some faces, but for the movement."""
    index = np.array([frame for frame, _ in chunk], np.int64)
    faces = [placement for _, placement in chunk]
    box = np.stack([one.box for one in faces]).astype(np.float64)
    unknown = np.full((POINTS, 3), np.nan, np.float32)
    # The chunk may have no mesh at all, so all faces are computed, some of them unknown.
    meshed = np.array([one.rule is None and one.mesh is not None for one in faces])
    mesh = np.stack([unknown if one.mesh is None else one.mesh for one in faces])[meshed]
    read_off = {
        "marks": five_points(mesh).reshape(-1, 10),
        "pose": np.reshape(head_pose(mesh) if len(mesh) else [], (-1, 3)),
        "eyes": eye_angles(mesh),
        "gaze": _angles(gaze_direction(mesh)) if len(mesh) else np.empty((0, 2)),
        "opening": eye_opening(mesh),
        "mouth": mouth_opening(mesh)[:, None],
    }
    wide = {name: _spread(values, meshed) for name, values in read_off.items()}
    # The middle of the face crop is face.
    cover = [np.nan if one.occluded is None else covered(one.occluded) for one in faces]
    together = np.column_stack([*wide.values(), cover])
    marks = [f"{mark}_{axis}" for mark in _MARKS for axis in "xy"]
    names = [
        *marks, "yaw", "pitch", "roll", "eyes_yaw", "eyes_pitch", "gaze_yaw", "gaze_pitch",
        "left_eye_opening", "right_eye_opening", "mouth_opening", "occluded",
    ]  # fmt: skip
    sightings = [one.track.sightings.get(frame) for frame, one in chunk]
    score = [
        one.trust if seen is None or one.rule is None else seen.score
        for seen, one in zip(sightings, faces, strict=True)
    ]
    state = [
        one.rule or ("read" if seen is not None and seen.packed is not None else "bridged")
        for seen, one in zip(sightings, faces, strict=True)
    ]
    return {
        "frame": index,
        "time": times[index],
        "track": np.array([one.track.number for one in faces], np.int64),
        "subject": np.array([one.track.subject for one in faces], np.int64),
        "state": np.array(state, np.str_),
        "score": np.array(score, np.float64),
        **dict(zip(("left", "top", "right", "bottom"), box.T, strict=True)),
        **dict(zip(names, together.T, strict=True)),
    }


def _spread(values: Array, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values of some rows among all rows; NaN in the others."""
    whole = np.full((len(rows), values.shape[1]), np.nan)
    whole[rows] = values
    return whole


def _angles(direction: Array) -> NDArray[np.float64]:
    """Yaw and pitch ``[N, 2]``, degrees, of directions ``[N, 3]``."""
    x, y, z = direction.T
    return np.degrees(np.stack([np.arctan2(x, -z), np.arctan2(y, np.hypot(x, z))], 1))


def _movement(columns: Mapping[str, Array], cuts: Sequence[int]) -> Array:
    """dx, dy ``[2, N]``: NaN where the track was not in the frame before, in one shot."""
    middle = (
        np.stack([columns["left"] + columns["right"], columns["top"] + columns["bottom"]]).reshape(
            2, -1
        )
        / 2
    )
    moved = np.full(middle.shape, np.nan)
    order = np.lexsort((columns["frame"], columns["track"]))
    before, after = order[:-1], order[1:]
    follows = (
        (columns["track"][before] == columns["track"][after])
        & (columns["frame"][before] + 1 == columns["frame"][after])
        & ~np.isin(columns["frame"][after], cuts)
    )
    moved[:, after[follows]] = (middle[:, after] - middle[:, before])[:, follows]
    return moved


def _summary(columns: Mapping[str, Array], found: Analysis, expected: int) -> Summary:
    counts = np.bincount(columns["frame"], minlength=found.frames)
    steps = np.diff(found.times)
    usual = float(np.median(steps)) if len(steps) else 0.0
    lasting = np.append(steps, usual)[: found.frames]
    gap, first = 0, None
    for short, group in groupby(range(found.frames), key=lambda index: counts[index] < expected):
        frames = list(group)
        if short and len(frames) > gap:
            gap, first = len(frames), frames[0]
    return Summary(
        frames=found.frames,
        seconds=float(lasting.sum()),
        faces=len(columns["frame"]),
        tracks=len(np.unique(columns["track"])),
        subjects=len(np.unique(columns["subject"])),
        frames_without=int((counts == 0).sum()),
        expected=expected,
        frames_fewer=int((counts < expected).sum()),
        longest_gap=gap,
        gap_first=first,
        gap_seconds=0.0 if first is None else float(lasting[first : first + gap].sum()),
    )


def _plain(values: Array) -> list[Any]:
    if values.dtype.kind == "f":
        return [None if value != value else value for value in values.tolist()]
    return values.tolist()
