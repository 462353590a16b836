"""What a run did, face by face: the file that ``--report`` writes (see docs/report.md).

A report can be published beside its video: it holds names of files without their folders,
and nothing of the original picture.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from blanket.document import Document, FileName, FrameRange, Part
from blanket.errors import worst
from blanket.verdict import AuditReport

Rule = Literal[
    "no-mesh",
    "low-trust",
    "gap",
    "too-small",
    "low-confidence",
    "error",
    "picture",
    "by-hand",
    "leak",
    "border",
]


class BackendsReport(Part):
    """What did each stage."""

    detect: str = Field(description="the detector")
    mesh: str = Field(description="what follows the 478 points of a face")
    identity: str | None = Field(description="what made the new faces; null for a baseline")
    gallery: str | None = Field(
        description="what compared people with the gallery: a recogniser, or `likeness` for the "
        "built-in map; null without a gallery"
    )
    swap: str | None = Field(description="what put them on the frames; null for a baseline")
    execution_provider: str = Field(description="ONNX Runtime's name for the processor used")


class ModelReport(Part):
    """A model made by others that was used."""

    setting: str = Field(description="the setting that names it")
    name: str = Field(description="name of the file or folder, or its id on the Hugging Face Hub")
    checksum: str = Field(
        description="SHA-256 of the file, or of a folder's weights; of the Hub the commit"
    )
    device: str = Field(description="what it ran on, and in which precision")


class DetectorReport(Part):
    """What one detector found. A face in a copy turned by a quarter counts like any other."""

    detector: str = Field(description="its name")
    pictures: NonNegativeInt = Field(description="pictures that it searched, turned copies too")
    faces: NonNegativeInt = Field(description="faces that it found in them")
    alone: NonNegativeInt = Field(
        description="of these, faces that another detector looked for and did not find"
    )
    seconds: float = Field(ge=0, description="seconds that this took")


class DetectionReport(Part):
    """How faces were found, and where it is worth a look whether all were."""

    combine: Literal["union", "intersection", "cascade"] = Field(
        description="how several detectors were put together"
    )
    detectors: list[DetectorReport] = Field(
        description="what each of them found; none where a saved analysis was used"
    )
    disputed: list[FrameRange] = Field(
        description="frames in which one detector missed what another found"
    )
    expected_faces: int | None = Field(
        ge=1, description="faces that every frame should show; null where that is not known"
    )
    fewer: list[FrameRange] = Field(
        description="suspect frames: those in which fewer faces were seen than expected"
    )


class VideoReport(Part):
    """The video as it was written; a picture has one frame and no duration."""

    width: int = Field(ge=1, description="pixels, as shown (upright, square pixels)")
    height: int = Field(ge=1, description="pixels, as shown (upright, square pixels)")
    frames: NonNegativeInt = Field(description="number of frames")
    duration: float = Field(ge=0, description="seconds")
    frame_rate: float = Field(ge=0, description="frames a second, the mean where it varies")
    codec: str = Field(description="the encoder, or the format of a picture")


class TrialsReport(Part):
    """How the candidates for a new face fared."""

    frame: NonNegativeInt = Field(description="number of the frame that they were made from")
    made: NonNegativeInt = Field(description="how many were made")
    checks: list[str] = Field(description="what each of them was held to, by name")
    rejected: dict[str, NonNegativeInt] = Field(
        description="how many were rejected, by the check that they failed first"
    )


class LeftReport(Part):
    """A face that was left as it is, because the settings say so."""

    track: NonNegativeInt = Field(description="number of the track")
    subject: NonNegativeInt = Field(description="number of the person")
    first_frame: NonNegativeInt = Field(description="number of the first frame in which it shows")
    last_frame: NonNegativeInt = Field(description="number of the last one")
    frames: NonNegativeInt = Field(description="frames in which it was seen")
    why: str = Field(description="why this person was left, in words")


class IdentityReport(Part):
    """The new face of a track."""

    generator: str = Field(
        description="what made it: `morphable`, `diffusion`, `keyed`, or `given`"
    )
    seed: int | None = Field(
        description="what it was made from; null for a given picture or a known subject"
    )
    subject_tag: str | None = Field(
        description="of a known subject, a short name that the key decides on: the same in all "
        "videos, and nothing to anyone without the key; null for others"
    )
    distance: float | None = Field(
        ge=0,
        description="how far it is from the original face, in the generator's own measure; "
        "null where that was not measured",
    )
    trials: TrialsReport | None = Field(
        description="how the candidates fared; null where it was not chosen among pictures"
    )


class TrackReport(Part):
    """One face followed through consecutive frames."""

    track: NonNegativeInt = Field(description="number of the track, from 0")
    subject: NonNegativeInt = Field(
        description="number of the person, from 0; tracks of one person share a new face"
    )
    first_frame: NonNegativeInt = Field(description="number of its first frame, from 0")
    last_frame: NonNegativeInt = Field(description="number of its last frame")
    frames: NonNegativeInt = Field(description="frames in which the face was: replaced + hidden")
    replaced: NonNegativeInt = Field(
        description="frames in which it was replaced, or treated by a baseline"
    )
    replaced_by: dict[str, NonNegativeInt] = Field(
        description="what replaced it: frames by swapper or baseline"
    )
    hidden: NonNegativeInt = Field(description="frames in which it was blurred out instead")
    hidden_by: dict[Rule, NonNegativeInt] = Field(description="why it was hidden: frames by rule")
    confidence: float = Field(ge=0, le=1, description="mean trust in the mesh, 0 to 1")
    occluded: float = Field(
        ge=0, le=1, description="mean share of the face with something in front, 0 to 1"
    )
    age_group: str | None = Field(
        description="of the new face: `infant`, `child` or `adult`; null for a baseline"
    )
    identity: IdentityReport | None = Field(
        description="the new face; null where every frame was hidden, and for a baseline"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.frames != self.replaced + self.hidden:
            raise ValueError(f"track {self.track}: frames must be replaced or hidden")
        if self.replaced != sum(self.replaced_by.values()):
            raise ValueError(f"track {self.track}: replaced frames must each have a swapper")
        if self.hidden != sum(self.hidden_by.values()):
            raise ValueError(f"track {self.track}: hidden frames must each have a rule")
        return self


class Totals(Part):
    """The sums over all tracks. A face in one frame counts as one."""

    frames: NonNegativeInt = Field(description="frames written")
    frames_with_faces: NonNegativeInt = Field(description="of these, frames with a face")
    faces: NonNegativeInt = Field(description="faces in all frames: replaced + hidden")
    tracks: NonNegativeInt = Field(description="number of tracks")
    replaced: NonNegativeInt = Field(description="faces replaced, or treated by a baseline")
    hidden: NonNegativeInt = Field(description="faces blurred out instead")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.faces != self.replaced + self.hidden:
            raise ValueError("every face must be replaced or hidden")
        return self


class Report(Document):
    """What a run did to one video or picture."""

    blanket_version: str = Field(description="version of the program")
    source: FileName = Field(description="name of the input file, without its folder")
    target: FileName = Field(description="name of the output file, without its folder")
    preset: FileName = Field(description="name of the preset, or of its file without its folder")
    settings: dict[str, Any] = Field(description="all settings used, by section")
    method: str = Field(description="what was done to faces: `blanket`, or a baseline's name")
    seed: int = Field(description="what the new faces were made from")
    backends: BackendsReport = Field(description="what did each stage")
    weights: dict[str, str] = Field(description="SHA-256 of each weights file, by name")
    models: list[ModelReport] = Field(description="models made by others that were used")
    video: VideoReport = Field(description="what was written")
    detection: DetectionReport = Field(description="how faces were found")
    tracks: list[TrackReport] = Field(description="every face that was followed")
    left: list[LeftReport] = Field(description="faces that were left as they are")
    totals: Totals = Field(description="the sums over all tracks")
    audit: AuditReport | None = Field(
        description="what an attacker would find in the output; null where nobody looked"
    )
    timings_s: dict[str, float] = Field(
        description="seconds spent, by stage; what is audited while it is written is part of "
        "`replace`"
    )
    notes: list[str] = Field(description="what could not be kept as it was, in sentences")
    warnings: list[str] = Field(description="what the user should look at, in sentences")

    @property
    def exit_status(self) -> int:
        """Of the command: 0, 3 where a face had to be hidden, or 4 where one shows, which only
        a baseline leaves so."""
        if self.audit is not None and self.audit.leaks:
            return 4
        return 3 if self.totals.hidden else 0


class Failure(Part):
    """Why a file of a folder has no output."""

    message: str = Field(description="one sentence")
    exit_status: int = Field(
        description="2 where the file is to blame, 4 where a face would show, otherwise 1"
    )


class FolderReport(Document):
    """What a run did to a folder. Paths are relative to it, with forward slashes."""

    files: dict[str, Report] = Field(description="the report of each file done, by path")
    failed: dict[str, Failure] = Field(description="what went wrong with the others, by path")

    @property
    def exit_status(self) -> int:
        """The worst of all files: 4 before 1 before 2 before 3 before 0."""
        statuses = {failure.exit_status for failure in self.failed.values()} | {
            report.exit_status for report in self.files.values()
        }
        return worst(statuses)
