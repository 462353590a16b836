"""Reports of any kind: typed, documented, written as JSON, complete or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints

from blanket.output import pending

FileName = Annotated[str, StringConstraints(pattern=r"^[^/]+$")]
FrameRange = tuple[NonNegativeInt, NonNegativeInt]
"""First and last number of consecutive frames."""


class Part(BaseModel):
    """A part of a report; frozen once it is made, and without fields nobody documented."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(Part):
    """A report that stands alone in a file."""

    schema_version: Literal[1] = Field(default=1, description="of this form of report")

    def to_json(self) -> str:
        """The report as indented JSON with a line break at its end."""
        return self.model_dump_json(indent=2) + "\n"

    def write(self, path: str | Path, overwrite: bool = False) -> None:
        """Write it as JSON; complete or not at all.

        Raises:
            InputError, BlanketError: as `blanket.output.pending` does.
        """
        with pending(Path(path), overwrite) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8")


def frame_ranges(frames: Iterable[int]) -> list[FrameRange]:
    """Numbers of frames as ranges, in order."""
    ranges: list[FrameRange] = []
    for frame in sorted(frames):
        if ranges and ranges[-1][1] >= frame - 1:
            ranges[-1] = (ranges[-1][0], frame)
        else:
            ranges.append((frame, frame))
    return ranges
