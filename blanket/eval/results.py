"""What an evaluation found: the file ``results.json`` (see docs/eval.md).

Like the report of a run it holds names of files without their folders, and nothing of a
picture.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, NonNegativeInt

from blanket.document import Document, FileName, Part

Group = Literal["privacy", "attributes", "downstream", "picture", "cost"]
Better = Literal["higher", "lower"]


class Metric(Part):
    """What a figure means."""

    key: str = Field(description="its name in `values` and `summary`")
    title: str = Field(description="what a table calls it")
    unit: str = Field(description="of its values; empty for a plain number")
    group: Group = Field(description="what it is about")
    better: Better | None = Field(description="which way is better; null for neither")
    digits: NonNegativeInt = Field(description="decimals that a table shows")
    description: str = Field(description="how it is measured, and how a lost face is scored")


class Summary(Part):
    """A figure over the videos of a method."""

    mean: float = Field(description="over the videos that have a value, each counted once")
    sd: float | None = Field(description="standard deviation (n - 1); null for a single video")
    videos: NonNegativeInt = Field(description="how many videos have a value")


class Estimate(Part):
    """A figure of all videos at once."""

    value: float = Field(description="the figure")
    low: float | None = Field(description="lower end of its 95 % bootstrap interval; null for none")
    high: float | None = Field(description="upper end of it; null for none")


class VideoResult(Part):
    """What was found in one video or picture that a method made."""

    video: str = Field(description="path of the original below its folder, forward slashes")
    output: FileName = Field(description="name of the output, without its folder")
    frames: NonNegativeInt = Field(description="frames of the file")
    frames_read: NonNegativeInt = Field(description="of these, frames that were read")
    frames_looked: NonNegativeInt = Field(
        description="of these, frames in which recogniser, detector and pictures were compared"
    )
    subjects: NonNegativeInt = Field(description="people in the original")
    faces: NonNegativeInt = Field(description="faces read in the original, summed over frames")
    lost: NonNegativeInt = Field(
        description="of these, faces that were no longer found where they had been"
    )
    values: dict[str, float | None] = Field(
        description="each figure by its key; null where it has no value"
    )


class MethodResult(Part):
    """One method, over all videos."""

    name: str = Field(description="what tables call it")
    variant_of: str | None = Field(
        description="the method of which this is one setting of a sweep; null without a sweep"
    )
    settings: dict[str, Any] | None = Field(
        description="all settings it ran with, by section; null for outputs of another tool"
    )
    videos: list[VideoResult] = Field(description="what was found in each video")
    failed: dict[str, str] = Field(description="why a video has no result, by path")
    summary: dict[str, Summary] = Field(description="each figure over the videos, by its key")
    overall: dict[str, Estimate] = Field(description="figures that need all videos at once, by key")


class Readers(Part):
    """What read the faces."""

    detector: str = Field(description="what found them")
    mesh: str = Field(description="what read the 478 points")
    expression: str = Field(description="what named expressions")
    demographics: str = Field(
        description="what named ages and genders; `likeness` is the map that also chooses new "
        "faces, and so no independent witness of them"
    )
    recogniser: str | None = Field(description="what told who is who; null where none did")
    recogniser_metric: Literal["euclidean", "cosine"] | None = Field(
        description="how its embeddings are compared; cosine means 1 - cosine similarity"
    )
    recogniser_threshold: float | None = Field(
        description="two faces nearer than this are one person, as its makers say"
    )


class Sweep(Part):
    """A setting that was tried at several values."""

    setting: str = Field(description="its name, `section.field`")
    values: dict[str, Any] = Field(description="its value, by the name of the method")


class Results(Document):
    """An evaluation of one or more methods on the same originals."""

    blanket_version: str = Field(description="version of the program")
    every: int = Field(ge=1, description="every this many frames were read")
    look_every: int = Field(
        ge=1,
        description="of the frames read, every this many were given to recogniser and detector "
        "and compared as pictures",
    )
    readers: Readers = Field(description="what read the faces")
    settings: dict[str, Any] = Field(description="settings of the readers, by section")
    weights: dict[str, str] = Field(description="SHA-256 of each weights file, by name")
    metrics: list[Metric] = Field(description="what the figures mean, in the order of tables")
    methods: list[MethodResult] = Field(description="what was found, method by method")
    sweep: Sweep | None = Field(description="what was varied; null where nothing was")
    warnings: list[str] = Field(description="what the reader should know, in sentences")
    exit_status: int = Field(
        default=0,
        exclude=True,
        description="of the command: the worst that any failure has alone; not in the file",
    )

    def metric(self, key: str) -> Metric:
        """The metric of a key."""
        return next(metric for metric in self.metrics if metric.key == key)


def summarise(videos: list[VideoResult]) -> dict[str, Summary]:
    """Mean and standard deviation over videos of every figure that has a value."""
    summary = {}
    for key in dict.fromkeys(key for video in videos for key in video.values):
        values = [v for video in videos if (v := video.values.get(key)) is not None]
        if values:
            sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
            summary[key] = Summary(mean=float(np.mean(values)), sd=sd, videos=len(values))
    return summary
