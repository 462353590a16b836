"""``frames.parquet``: everything that was read, a row a face a frame (see docs/eval.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from blanket.eval.fidelity import psnr
from blanket.eval.identity import same_frame_distances
from blanket.eval.landmarks import SCHEMES, normalised_error
from blanket.eval.measure import HIGHEST
from blanket.eval.observation import Observation, Party
from blanket.eval.signals import SIGNALS, read_signals
from blanket.eval.traces import Values
from blanket.extras import needs
from blanket.recognise import Recogniser

with needs("eval", "the table of frames"):
    import pyarrow as pa
    import pyarrow.parquet as pq

_FACE = {
    "method": pa.string(),
    "video": pa.string(),
    "frame": pa.int32(),
    "time": pa.float64(),
    "subject": pa.int32(),
    "track": pa.int32(),
    "trust_original": pa.float32(),
    "trust_output": pa.float32(),
    "lost": pa.bool_(),
    "distance": pa.float32(),
}
_READ = {
    **{f"{key}_{side}": pa.float32() for key in SIGNALS for side in ("original", "output")},
    **{f"landmarks_{points}_error": pa.float32() for points in SCHEMES},
}
_WHOLE = {
    name: pa.float32()
    for name in (
        "psnr_outside", "ssim_outside", "seam", "warping_original", "warping_output",
        "detected_original", "detected_output",
    )
}  # fmt: skip
SCHEMA = pa.schema({**_FACE, **_READ, **_WHOLE})


class FrameTable:
    """Writes the table, a row group a person of a video of a method, so that memory does not
    grow with the number of videos."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Complete the file."""
        self._writer.close()

    def add(self, observation: Observation, method: str, recogniser: Recogniser | None) -> None:
        """The rows of a video of a method."""
        party, original = observation.outputs[method], observation.original
        times = np.array(observation.times)
        frames = np.array(observation.frames, np.int32)
        for person in observation.people(method):
            here = np.flatnonzero(person.rows >= 0)
            rows = person.rows[here]
            before, after = person.before[here], person.after[here]
            trusts = [np.array(p.trusts, np.float32)[rows] for p in (original, party)]
            distance = np.full(len(person.rows), np.nan)
            if recogniser is not None and len(person.looked):
                distance[person.looked] = same_frame_distances(
                    recogniser, person.looks_before["embedding"], person.looks_after["embedding"]
                )
            columns: dict[str, Any] = {
                "method": [method] * len(here),
                "video": [observation.video] * len(here),
                "frame": frames[here],
                "time": times[here],
                "subject": np.full(len(here), person.number, np.int32),
                "track": np.array(observation.tracks, np.int32)[rows],
                "trust_original": trusts[0],
                "trust_output": trusts[1],
                "lost": (trusts[0] >= observation.min_trust) & (trusts[1] < observation.min_trust),
                "distance": distance[here].astype(np.float32),
            }
            sides = {"original": read_signals(before), "output": read_signals(after)}
            for side, signals in sides.items():
                for key, values in signals.items():
                    columns[f"{key}_{side}"] = values.astype(np.float32)
            for points in SCHEMES:
                error = 100 * normalised_error(before, after, points)
                columns[f"landmarks_{points}_error"] = error.astype(np.float32)
            columns |= {key: values[here] for key, values in _whole(observation, method).items()}
            # A figure that is missing is null, as the format has it, not NaN.
            arrays = [pa.array(columns[f.name], f.type, from_pandas=True) for f in SCHEMA]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))


def _whole(observation: Observation, method: str) -> dict[str, Values]:
    """Figures of whole pictures ``[N]`` of all frames that were read."""
    frames, party = observation.frames, observation.outputs[method]
    warping = [observation.warping[method].get(frame) for frame in frames]
    errors = observation.picture_values(method, "error_outside")
    return {
        "psnr_outside": np.array([min(psnr(error), HIGHEST) for error in errors]),
        "ssim_outside": observation.picture_values(method, "ssim_outside"),
        "seam": observation.picture_values(method, "seam"),
        "warping_original": np.array([np.nan if w is None else w.original for w in warping]),
        "warping_output": np.array([np.nan if w is None else w.output for w in warping]),
        "detected_original": _counts(observation.original, frames, observation.least_score),
        "detected_output": _counts(party, frames, observation.least_score),
    }


def _counts(party: Party, frames: list[int], least_score: float) -> Values:
    """How many faces the detector is sure of, NaN where it did not look."""
    found = [party.detections.get(frame) for frame in frames]
    return np.array(
        [
            np.nan if faces is None else sum(face.score >= least_score for face in faces)
            for faces in found
        ]
    )


class Person:
    """The rows of one person in one video of one method, as columns ``[N]``."""

    def __init__(self, table: pa.Table) -> None:
        first = table.slice(0, 1).to_pylist()[0]
        self.method: str = first["method"]
        self.video: str = first["video"]
        self.subject: int = first["subject"]
        self._table = table

    def column(self, name: str) -> Values:
        """A column of numbers, NaN where it has none."""
        column = self._table[name].cast(pa.float64()).combine_chunks()
        return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def people(path: Path) -> Iterator[Person]:
    """What `FrameTable` wrote, person by person."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            if table.num_rows:
                yield Person(table)
