"""The table of features as files: CSV, Parquet, COCO and WebVTT."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import blanket
from blanket.errors import InputError
from blanket.extras import needs
from blanket.featuretable import Features, description
from blanket.output import pending, refuse_existing

_POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


def refuse_unwritable(path: Path, overwrite: bool) -> None:
    """Raise where a table could not be written under such a name: before the work, not after.

    Raises:
        InputError: another suffix, or the file exists and `overwrite` is false.
        BlanketError: pyarrow is missing.
    """
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"a table is one of {', '.join(_WRITERS)}, and {path.name} is none")
    refuse_existing(path, overwrite)
    if path.suffix.lower() == ".parquet":
        with needs("features", "a Parquet table"):
            import pyarrow  # noqa: F401


def write_table(features: Features, path: Path, overwrite: bool) -> None:
    """Write the table under `path`, in the form that its suffix names.

    Raises:
        InputError, BlanketError: as `refuse_unwritable` and `blanket.output.pending` do.
    """
    refuse_unwritable(path, overwrite)
    with pending(path, overwrite) as draft:
        _WRITERS[path.suffix.lower()](features, draft)


def _csv(features: Features, path: Path) -> None:
    """Numbers to four decimals (a ten-thousandth of a pixel or degree), empty where unknown."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(features.columns)
        for row in features.rows():
            writer.writerow(
                round(value, 4) if isinstance(value, float) else value for value in row.values()
            )


def _parquet(features: Features, path: Path) -> None:
    """The description of each column is in its metadata, that of the video in the file's."""
    import pyarrow
    from pyarrow import parquet

    arrays = [
        pyarrow.array(values, from_pandas=values.dtype.kind == "f")
        for values in features.columns.values()
    ]
    schema = pyarrow.schema(
        [
            pyarrow.field(name, array.type, metadata={"description": description(name)})
            for name, array in zip(features.columns, arrays, strict=True)
        ],
        metadata={
            "blanket_version": blanket.__version__,
            "width": str(features.width),
            "height": str(features.height),
            "frames": str(len(features.times)),
        },
    )
    parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), path)


def _coco(features: Features, path: Path) -> None:
    """COCO's keypoint annotations: an image for each frame, an annotation for each face."""
    document = {
        "info": {
            "description": f"faces in {features.source}",
            "version": blanket.__version__,
        },
        "images": [
            {
                "id": index,
                "file_name": f"{index:06d}.png",
                "width": features.width,
                "height": features.height,
                "time": round(float(time), 6),
            }
            for index, time in enumerate(features.times)
        ],
        "annotations": [_annotation(number, row) for number, row in enumerate(features.rows(), 1)],
        "categories": [
            {
                "id": 1,
                "name": "face",
                "supercategory": "person",
                "keypoints": list(_POINTS),
                "skeleton": [],
            }
        ],
    }
    path.write_text(json.dumps(document), encoding="utf-8")


def _annotation(number: int, row: dict[str, Any]) -> dict[str, Any]:
    width, height = row["right"] - row["left"], row["bottom"] - row["top"]
    known = row["nose_x"] is not None
    keypoints: list[float] = []
    for point in _POINTS:
        x, y = row[f"{point}_x"], row[f"{point}_y"]
        keypoints += [round(x, 2), round(y, 2), 2] if known else [0, 0, 0]
    told = {f"{point}_{axis}" for point in _POINTS for axis in "xy"}
    told |= {"frame", "time", "left", "top", "right", "bottom", "score"}
    rest = {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in row.items()
        if name not in told
    }
    return {
        "id": number,
        "image_id": row["frame"],
        "category_id": 1,
        "bbox": [round(value, 2) for value in (row["left"], row["top"], width, height)],
        "area": round(width * height, 2),
        "iscrowd": 0,
        "num_keypoints": len(_POINTS) if known else 0,
        "keypoints": keypoints,
        "score": round(row["score"], 4),
        "attributes": rest,
    }


def _webvtt(features: Features, path: Path) -> None:
    """A cue for each stretch in which a face does the same, to the steps of `_STEPS`."""
    times = features.times
    steps = np.diff(times)
    ends = np.append(times[1:], times[-1:] + (float(np.median(steps)) if len(steps) else 1.0))
    # An arrow or an empty line would end the note.
    source = " ".join(features.source.split()).replace("-->", "→")
    lines = ["WEBVTT", "", f"NOTE faces in {source}, by blanket {blanket.__version__}", ""]
    for first, last, track, text in sorted(_cues(features)):
        lines += [
            f"{_stamp(times[first])} --> {_stamp(ends[last])}",
            f"<v track {track}>{text}",
            "",
        ]
    path.write_text("\n".join(lines), encoding="utf-8")


_STEPS = {
    "yaw": (15, "{:+.0f}°"),
    "pitch": (15, "{:+.0f}°"),
    "roll": (15, "{:+.0f}°"),
    "left_eye_opening": (0.1, "{:.1f}"),
    "right_eye_opening": (0.1, "{:.1f}"),
    "mouth_opening": (0.1, "{:.1f}"),
}
"""Of the values that a cue tells, and how it writes them."""


def _cues(features: Features) -> Iterator[tuple[int, int, int, str]]:
    """First and last frame, track and text of every stretch."""
    running: dict[int, tuple[int, int, str]] = {}
    levels: dict[int, dict[str, float]] = {}
    for row in features.rows():
        frame, track = row["frame"], row["track"]
        text = _said(row, levels.setdefault(track, {}))
        first, last, said = running.get(track, (frame, frame, text))
        if said != text or frame > last + 1:
            yield first, last, track, said
            first, said = frame, text
        running[track] = first, frame, said
    for track, (first, last, said) in running.items():
        yield first, last, track, said


def _said(row: dict[str, Any], levels: dict[str, float]) -> str:
    """What a face does; `levels`, what was said before, are changed where it does otherwise."""
    who = f"subject {row['subject']}"
    if row["yaw"] is None:
        return f"{who}: face, {row['state']}"
    for name, (step, _) in _STEPS.items():
        # A value between two steps would go back and forth with every frame.
        if name not in levels or abs(row[name] - levels[name]) > 0.75 * step:
            levels[name] = step * round(row[name] / step) + 0.0
    told = (
        f"{name.replace('_', ' ')} {form.format(levels[name])}"
        for name, (_, form) in _STEPS.items()
    )
    return f"{who}: {', '.join(told)}"


def _stamp(seconds: float) -> str:
    minutes, thousandths = divmod(max(round(seconds * 1000), 0), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"


_WRITERS: dict[str, Callable[[Features, Path], None]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".json": _coco,
    ".vtt": _webvtt,
}
