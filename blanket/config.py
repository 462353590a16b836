"""The settings of a run: typed, with what each of them means and its default."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from blanket.errors import InputError

Share = Annotated[float, Field(ge=0, le=1)]
DETECTORS = "centerface", "mtcnn", "retinaface", "scrfd", "yunet"


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise ValueError("should be odd")
    return kernel


Kernel = Annotated[int, Field(ge=3), AfterValidator(_odd)]
"""The side of an image filter, which has a middle."""


class Section(BaseModel):
    """Fields that are named together; wrong names and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DetectSettings(Section):
    """How faces are found.

    backend: the detector, or a list of several; auto is the best one whose weights are on
    this machine. combine: of several, every face that any of them finds (union), only those
    that all find (intersection), or one detector after another until there are as many faces
    as expected (cascade). expect_faces: how many faces every frame should show, where that
    is known; frames with fewer are suspect. max_side: pixels of the longer side of the copy
    that is searched. every: frames from one search to the next, at most half a second; it also
    searches where a face is lost, where something large comes in and where the scene changes.
    closely: frames from one search of a copy twice as large, for small faces, to the next.
    threshold: least score of a face, 0..1. turned: where a face is lost, also search copies
    turned by 90, 180 and 270 degrees.
    """

    backend: str | list[str] = "centerface"
    combine: Literal["union", "intersection", "cascade"] = "union"
    expect_faces: int | None = Field(default=None, ge=1)
    max_side: int = Field(default=640, ge=64)
    every: int = Field(default=12, ge=1)
    closely: int = Field(default=120, ge=1)
    threshold: Share = 0.35
    turned: bool = True

    @field_validator("backend", mode="before")
    @classmethod
    def _known(cls, backend: Any) -> Any:
        listed = backend if isinstance(backend, list) and backend else [backend]
        distinct = len(listed) == len({str(name) for name in listed})
        if backend == "auto" or (distinct and all(name in DETECTORS for name in listed)):
            return backend
        raise ValueError(
            f"should be auto, one of {', '.join(DETECTORS)}, or a list of some of these"
        )


class TrackSettings(Section):
    """How faces are followed.

    analysis_side: pixels of the longer side of the copy on which they are followed.
    min_trust: least confidence of a mesh that is used, 0..1. lookback: how many frames a
    face is followed back from its first detection. max_gap: the longest gap, in frames,
    that is bridged by interpolation; longer ones are hidden. smoothing: of the mesh over
    time, from 0 (none) to 1.
    """

    analysis_side: int = Field(default=1280, ge=128)
    min_trust: Share = 0.3
    lookback: int = Field(default=30, ge=0)
    max_gap: int = Field(default=8, ge=0)
    smoothing: Share = 0.9


class IdentitySettings(Section):
    """Whose face the new face is.

    generator: what invents it. seed: of the invention, the same seed gives the same face.
    image: a picture whose face is used instead. age: group of the new face; auto takes
    that of the face which it replaces. distance: how far an invented face should be from
    the one it replaces, in the measure of dlib's recogniser (0.6: another person); the
    farther, the less it looks like a child picked at random. at: seconds, the frame from
    which a generator that looks at one starts, instead of the best one.
    """

    generator: Literal["morphable", "diffusion"] = "morphable"
    seed: int = Field(default=0, ge=0)
    at: float | None = Field(default=None, ge=0)
    image: Annotated[Path | None, Field(strict=False)] = None
    age: Literal["auto", "infant", "child", "adult"] = "auto"
    distance: float = Field(default=0.68, ge=0, le=2)


Check = Literal["face", "pose", "age", "stranger", "safe"]
"""What a candidate for a new face is held to: one face is found in it; it lies as the
child's does; it is of the same age group; it is not the child to a recogniser; the model's
own safety checker lets it pass."""


class ControlSettings(Section):
    """A ControlNet. kind: what it is shown, edges or the landmarks of the mesh, drawn as
    OpenPose draws a face. model: as `InpaintSettings.model`. scale: how much it counts."""

    kind: Literal["canny", "landmarks"]
    model: str
    scale: float = Field(default=1.0, ge=0)


class InpaintSettings(Section):
    """How the generator ``diffusion`` invents a face.

    Models are named by their id on the Hugging Face Hub, by the path of a local folder, or
    as `blanket weights list` does. model: any inpainting model that diffusers' auto
    pipeline loads. variant: of its files, such as fp16. vae: used instead of its own.
    refiner: of SDXL, which takes over after the share refine_from of the steps. controls:
    ControlNets. loras: weights that are added to it, lora_scale: how strongly.

    scheduler: a class of diffusers, scheduler_options: its arguments; the model's own
    where it is left out. steps, guidance, strength: of the diffusion. prompt: in it, {age}
    becomes baby, child or adult.

    side: pixels of the square crop, a multiple of 8. context: how much lies around the face
    on each side, in shares of the face. grow: of the mask, beyond the outline of the mesh,
    feather: over which its edge fades; both in shares of the crop's side.

    candidates: made in one batch; rounds: how many batches, with further seeds, until one
    passes. checks: what each is held to. recogniser: for the check "stranger"; auto is
    arcface where its weights are there, otherwise dlib.

    device, dtype: where and how precisely it runs; auto is CUDA (bf16), then MPS (fp16),
    then CPU (fp32). offload: parts of the model wait in the main memory, by model or layer
    by layer; auto by model where the device has too little memory. compile: the denoiser is
    compiled first, which pays from some dozen batches on. attention: slicing and xformers
    save memory, else a backend of diffusers, where the model takes one.
    """

    model: str = "stable-diffusion-v1-5/stable-diffusion-inpainting"
    variant: str | None = None
    vae: str | None = None
    refiner: str | None = None
    refine_from: Share = 0.4
    controls: list[ControlSettings] = []
    loras: list[str] = []
    lora_scale: float = 1.0
    scheduler: str | None = "DPMSolverMultistepScheduler"
    scheduler_options: dict[str, Any] = {"algorithm_type": "dpmsolver++"}
    steps: int = Field(default=30, ge=1)
    guidance: float = Field(default=6.5, ge=0)
    strength: float = Field(default=1.0, gt=0, le=1)
    prompt: str = "photo of the face of a {age}, natural light, natural skin, sharp focus"
    negative_prompt: str = "painting, drawing, doll, make-up, deformed, blurry, text"
    side: int = Field(default=512, ge=64, multiple_of=8)
    context: float = Field(default=0.35, ge=0, le=2)
    grow: Share = 0.02
    feather: float = Field(default=0.02, gt=0, le=0.2)
    candidates: int = Field(default=4, ge=1)
    rounds: int = Field(default=3, ge=1)
    checks: list[Check] = ["face", "pose", "age", "stranger", "safe"]
    recogniser: str = "auto"
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    offload: Literal["auto", "none", "model", "layers"] = "auto"
    compile: bool = False
    attention: str | None = None


class SubjectSettings(Section):
    """Who is known by an ID, and whose faces are replaced.

    subject: ID of the person who is seen largest. gallery: a folder of known people, a
    folder of pictures for each, named by the ID; used instead of `subject`. key_file: the
    key that, with the ID, decides on a known person's new face. recogniser: what compares
    people with the gallery; auto is dlib's if it is installed, otherwise the built-in map.
    faces: whom to anonymise: all, only the subjects, only the others, or only the person who
    is seen largest. In doubt a face is replaced.
    """

    subject: str | None = Field(default=None, min_length=1)
    gallery: Annotated[Path | None, Field(strict=False)] = None
    key_file: Annotated[Path | None, Field(strict=False)] = None
    recogniser: Literal["auto", "arcface", "facenet", "sface", "dlib", "likeness"] = "auto"
    faces: Literal["all", "subjects", "others", "largest"] = "all"


class SwapSettings(Section):
    """How the new face is put on every frame.

    backend: what does it. light: how much of the scene's light the new face takes, 0..1.
    shape: how much of the new face's shape is taken, 0..1.

    The rest is of the backend ``neural``. model: an ONNX file by its path, or as `blanket
    weights list` calls it. kind: its row in ``blanket/swap/swappers.yaml``; the name of the
    file tells where it is left out. recogniser: makes the embeddings that the model was
    trained on; a name, or the path of an ONNX file of ArcFace. away: how far the new
    identity is pushed away from the child's, 0 to 0.35. side: pixels of the swapped face,
    a multiple of the model's own. restorer: sharpens the result, restored: how much of that
    is taken; fidelity: of CodeFormer, how closely it keeps to what it is given. parser: an
    ONNX file that tells the regions of a face; only those are painted. colour: how far the
    colours are matched to the frame's, 0..1. min_confidence: below it the fallback replaces
    the face, or it is hidden. batch: frames at once. device: auto is CUDA where it works.
    tensorrt: in place of plain CUDA, fp16: there in half precision.
    """

    backend: Literal["warp", "neural"] = "warp"
    light: Share = 1.0
    shape: Share = 1.0
    model: str = "inswapper_128"
    kind: str | None = None
    recogniser: str = "arcface"
    away: float = Field(default=0.2, ge=0, le=0.35)
    side: int | None = Field(default=None, ge=64)
    restorer: str | None = None
    restored: Share = 0.8
    fidelity: Share = 0.7
    parser: str | None = None
    colour: Share = 1.0
    min_confidence: Share = 0.3
    fallback: Literal["warp", "hide"] = "warp"
    batch: int = Field(default=8, ge=1)
    device: Literal["auto", "cuda", "cpu"] = "auto"
    tensorrt: bool = False
    fp16: bool = False


class MethodSettings(Section):
    """What is done to each face: a new face (blanket), or one of the usual baselines, which
    take nothing from the sections identity and swap.

    name: the method. The rest is of the baselines. region: the piece of the picture that is
    painted over: a box or ellipse along the head's axes, or the hull of the mesh. grow: its
    size over that of the face.

    kernel: side of the filter of the blurs in pixels of the full picture, odd, usually 5 to
    65; its standard deviation is what OpenCV derives, 0.3 ((kernel - 1) / 2 - 1) + 0.8. Null
    takes sigma instead. sigma: standard deviation as a share of the longer side of the
    face's box. weak_kernel: of feature-blur, over eyes, nose and mouth. top: of top-blur,
    the share of the box that is blurred, usually 0.5 to 0.7. min_score: of top-blur, least
    trust in a mesh that says where the top is; other faces are hidden whole. cells: of
    pixelate and downsample, how many pixels are left across the face. algorithm: of
    inpaint. mask_threshold: of inpaint, how sure it must be that a pixel is face and not
    something in front.
    """

    name: Literal[
        "blanket", "blur", "feature-blur", "top-blur", "motion-blur", "pixelate", "downsample",
        "blackbox", "inpaint",
    ] = "blanket"  # fmt: skip
    region: Literal["box", "ellipse", "hull"] = "box"
    grow: float = Field(default=1.2, ge=1)
    kernel: Kernel | None = None
    sigma: float = Field(default=0.1, gt=0, le=1)
    weak_kernel: Kernel = 3
    top: float = Field(default=0.6, gt=0, le=1)
    min_score: Share = 0.5
    cells: int = Field(default=8, ge=1)
    algorithm: Literal["telea", "navier-stokes"] = "telea"
    mask_threshold: Share = 0.5


class HideSettings(Section):
    """How a face that cannot be replaced is hidden.

    grow: size of the hidden ellipse over that of the face, at least 1.
    """

    grow: float = Field(default=1.6, ge=1)


class AuditSettings(Section):
    """How the output is looked at before it gets its name.

    effort: how hard; quick looks at every frame in the places that were found and searches
    the original now and then for others, thorough searches it at several sizes and turned,
    some ten times as long. search_every: frames from one search of quick to the next. recogniser:
    what tells whether the output still is the same person; auto takes dlib's for a thorough
    audit where it is installed, and otherwise the built-in measure. repairs: how often leaks
    are mended before the run fails. strict: hide whatever may be a face, too.
    """

    effort: Literal["none", "quick", "thorough"] = "quick"
    search_every: int = Field(default=12, ge=1)
    recogniser: Literal["auto", "dlib", "likeness", "none"] = "auto"
    repairs: int = Field(default=3, ge=0)
    strict: bool = False


class VideoSettings(Section):
    """How a video is written.

    codec: the encoder. quality: constant rate factor, 0 (best) to 63; x264 and x265 end at
    51. preset: of x264 and x265, their speed against the size of the file. audio: leave
    the sound out, because a voice identifies, or copy it.
    """

    codec: Literal["libx264", "libx265", "libvpx-vp9"] = "libx264"
    quality: int = Field(default=18, ge=0, le=63)
    preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast",
        "medium", "slow", "slower", "veryslow",
    ] = "superfast"  # fmt: skip
    audio: Literal["drop", "keep"] = "drop"


class Settings(Section):
    """All settings of a run; the defaults are the preset ``embedded``."""

    detect: DetectSettings = DetectSettings()
    track: TrackSettings = TrackSettings()
    identity: IdentitySettings = IdentitySettings()
    inpaint: InpaintSettings = InpaintSettings()
    subjects: SubjectSettings = SubjectSettings()
    swap: SwapSettings = SwapSettings()
    method: MethodSettings = MethodSettings()
    hide: HideSettings = HideSettings()
    audit: AuditSettings = AuditSettings()
    video: VideoSettings = VideoSettings()

    @classmethod
    def of(cls, values: Mapping[str, Any], changes: Iterable[tuple[str, Any]]) -> Settings:
        """Values by section, with changes by ``section.field`` in that order; the rest is as
        it is by default.

        Raises:
            InputError: an unknown setting, or a value that the setting cannot take.
        """
        whole = dict(values)
        for name, value in changes:
            section, _, field = name.partition(".")
            inner = whole.setdefault(section, {})
            if not field or not isinstance(inner, dict):
                raise InputError(_unknown(name))
            whole[section] = {**inner, field: value}
        try:
            return cls.model_validate(whole)
        except ValidationError as error:
            raise InputError(_explain(error)) from error

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """These settings with some values, by ``section.field``, replaced and checked."""
        return Settings.of(self.model_dump(), values.items())

    def shareable(self) -> dict[str, Any]:
        """The settings as JSON values; of a path only the name, since folders tell of people,
        and of subjects nothing."""
        values = self.model_dump(mode="json")
        if self.identity.image is not None:
            values["identity"]["image"] = self.identity.image.name
        for section, field in _MODELS:
            named = values[section][field]
            values[section][field] = (
                [_nameless(one) for one in named] if isinstance(named, list) else _nameless(named)
            )
        for control in values["inpaint"]["controls"]:
            control["model"] = _nameless(control["model"])
        # An ID may be a name, and which key was used is nobody's business.
        values["subjects"] |= {"subject": None, "gallery": None, "key_file": None}
        return values


_MODELS = (
    *(("inpaint", field) for field in ("model", "vae", "refiner", "loras", "recogniser")),
    *(("swap", field) for field in ("model", "recogniser", "restorer", "parser")),
)
"""Settings that may hold a path."""


def _nameless(model: str | None) -> str | None:
    """A model without the folders of its path; names and ids on the Hub stay whole."""
    if model is None:
        return None
    return Path(model).name if is_path(model) else model


def is_path(model: str) -> bool:
    """Whether a setting names a model by its path, not by a name or an id on the Hub."""
    path = Path(model)
    return path.is_absolute() or path.exists() or path.suffix in (".onnx", ".safetensors")


def _names() -> list[str]:
    return [
        f"{section}.{field}"
        for section, fields in Settings().model_dump().items()
        for field in fields
    ]


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, _names(), n=1, cutoff=0)[0]
    return f"there is no setting {name!r}: did you mean {nearest}?"


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong, in one sentence."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _unknown(name)
    if first["type"] == "model_type":
        return f"the section {name} must hold settings, not {first['input']!r}"
    demand = first["msg"].removeprefix("Input ").removeprefix("Value error, ")
    demand = demand.partition(" for <class")[0]
    return f"{name} cannot be {first['input']!r}: it {demand}"
