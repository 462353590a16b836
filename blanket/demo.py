"""`blanket demo`: a clip of an infant that does not exist, with its ground truth, and what
`blanket.anonymize` makes of it.

Nothing in it was ever filmed: the faces are samples of the morphable model, everything
else is drawn (`puppet`, `cloth`, `occluders`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.anonymiser import anonymize
from blanket.attributes import head_angles
from blanket.demo_scene import Scene
from blanket.demo_story import Moment, Story
from blanket.errors import InputError
from blanket.faces import Image
from blanket.output import pending
from blanket.progress import Callback, silent, telling
from blanket.sheet import contact_sheet
from blanket.topology import OVAL

CLIP, TRUTH, ANONYMIZED = "demo.mp4", "demo_truth.npz", "anonymized.mp4"
REPORT, SHEET = "report.json", "contact_sheet.png"
FACES = 2
INFANT, VISITOR = range(FACES)
_BT709 = 1
_COVERS = 0.5  # from which alpha on the hand covers a pixel
_LONGEST = 600.0  # seconds; the truth of all frames is held in memory


@dataclass(frozen=True)
class Truth:
    """What a demo clip shows, exactly.

    mesh: ``[T, 2, 478, 3]`` float32 pixels of the picture, NaN where a face is absent; face
    0 is the infant, 1 the visitor. visible: ``[T, 2]`` bool, at least half of the face's
    outline lies in the picture. occluded: ``[T, 2]`` float32, the share of that part of the
    outline that the hand covers. pose: ``[T, 2, 3]`` float32, yaw, pitch and roll in degrees
    as in `blanket.attributes.head_pose` (NaN where absent). rate: frames a second. seed: of
    the clip.
    """

    mesh: NDArray[np.float32]
    visible: NDArray[np.bool_]
    occluded: NDArray[np.float32]
    pose: NDArray[np.float32]
    rate: float
    seed: int

    def save(self, path: Path) -> None:
        """As compressed NumPy arrays under these names, and `identity` ``[2]``: the numbers
        of the two people, which no other seed shares."""
        with path.open("wb") as file:
            np.savez_compressed(
                file, mesh=self.mesh, visible=self.visible, occluded=self.occluded,
                pose=self.pose, rate=self.rate, seed=self.seed,
                identity=np.array([FACES * self.seed + k for k in range(FACES)]),
            )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Truth:
        """What `save` wrote."""
        with np.load(path) as file:
            return cls(
                file["mesh"], file["visible"], file["occluded"], file["pose"],
                float(file["rate"]), int(file["seed"]),
            )  # fmt: skip


class DemoClip:
    """The clip, frame by frame. The same arguments give the same bytes.

    seed: another one, other people and other small movements. seconds: its length. width,
    height: pixels. rate: frames a second.
    """

    def __init__(
        self,
        seed: int = 0,
        seconds: float = 8.0,
        width: int = 1280,
        height: int = 720,
        rate: int = 30,
    ) -> None:
        self.seed, self.rate, self.width, self.height = seed, rate, width, height
        self.count = max(round(seconds * rate), 1)
        people, motion = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
        self._scene = Scene(people, width, height)
        self._story = Story(motion, self.count, rate, width, height)
        self._mesh = np.full((self.count, FACES, 478, 3), np.nan, np.float32)
        self._pose = np.full((self.count, FACES, 3), np.nan, np.float32)
        self._visible = np.zeros((self.count, FACES), bool)
        self._occluded = np.zeros((self.count, FACES), np.float32)

    def frames(self) -> Iterator[Image]:
        """Every picture ``[H, W, 3]`` in order; fills in the truth."""
        ahead: list[Future[Image]] = []
        workers = max(min(os.cpu_count() or 1, 4), 1)
        with ThreadPoolExecutor(workers) as pool:
            for number in range(self.count):
                ahead.append(pool.submit(self._frame, number))
                if len(ahead) > 2 * workers:
                    yield ahead.pop(0).result()
            for future in ahead:
                yield future.result()

    def in_front(self, number: int) -> NDArray[np.bool_]:
        """What of a frame the hand covers, ``[H, W]``, whatever is behind it."""
        return self._scene.frame(self._story.at(number), number)[1] > _COVERS

    def truth(self) -> Truth:
        """The ground truth of the frames that were drawn."""
        return Truth(
            self._mesh, self._visible, self._occluded, self._pose, float(self.rate), self.seed
        )

    def _frame(self, number: int) -> Image:
        moment = self._story.at(number)
        picture, cover = self._scene.frame(moment, number)
        self._note(number, moment, cover)
        return picture

    def _note(self, number: int, moment: Moment, cover: NDArray[np.float32]) -> None:
        actors = ((self._scene.infant, moment.infant), (self._scene.visitor, moment.visitor))
        for face, (puppet, pose) in enumerate(actors):
            if pose is None:
                continue
            mesh = puppet.mesh(pose)
            outline = cv2.convexHull(mesh[list(OVAL), :2])
            inside = np.zeros(cover.shape, np.uint8)
            cv2.fillPoly(inside, [np.round(outline).astype(np.int32)], 1)
            seen = float(inside.sum())
            if seen == 0:
                continue
            self._mesh[number, face] = mesh
            self._pose[number, face] = head_angles(pose.rotation())
            self._visible[number, face] = seen >= 0.5 * cv2.contourArea(outline)
            self._occluded[number, face] = float((inside * (cover > _COVERS)).sum()) / seen


def make_demo(
    folder: str | Path,
    seed: int = 0,
    seconds: float = 8.0,
    overwrite: bool = False,
    progress: Callback | None = None,
    *,
    width: int = 1280,
    height: int = 720,
    rate: int = 30,
) -> Path:
    """Make the clip, replace its faces, and show both side by side.

    folder: gets ``demo.mp4``, ``demo_truth.npz`` (see `Truth`), ``anonymized.mp4``,
    ``report.json`` and ``contact_sheet.png``; made if it is missing. seconds: up to 600.
    progress: called with stage, done, total. Returns the path of the contact sheet.

    Raises:
        InputError: the clip would be too long, one of the files exists and `overwrite` is
            false, or `folder` cannot be written.
    """
    if not 0 < seconds <= _LONGEST:
        raise InputError(f"the clip can be up to {_LONGEST:g} seconds long, not {seconds:g}")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made: {error.strerror}") from error
    paths = [folder / name for name in (CLIP, TRUTH, ANONYMIZED, REPORT, SHEET)]
    clip, truth, anonymized, report, sheet = paths
    for path in paths:
        if path.exists() and not overwrite:
            raise InputError(
                f"{path} exists already: choose another folder or allow overwriting (--overwrite)"
            )
    # 1. The clip and its truth.
    demo = DemoClip(seed, seconds, width, height, rate)
    with ExitStack() as stack:
        draft = stack.enter_context(pending(clip, overwrite))
        _encode(draft, demo, progress or silent)
        demo.truth().save(stack.enter_context(pending(truth, overwrite)))
    # 2. The same clip with faces that belong to nobody.
    done = anonymize(clip, anonymized, seed=seed, overwrite=overwrite, progress=progress)
    with pending(report, overwrite) as draft:
        draft.write_text(done.to_json(), encoding="utf-8")
    # 3. Both, one above the other.
    shown = np.unique(np.linspace(0, demo.count - 1, 12).round().astype(int)).tolist()
    contact_sheet([clip, anonymized], shown, sheet, columns=4, overwrite=overwrite)
    return sheet


def _encode(path: Path, demo: DemoClip, progress: Callback) -> None:
    with av.open(str(path), "w") as container:
        container.metadata["comment"] = "Synthetic: nobody in this video exists (BLANKET demo)"
        stream: Any = container.add_stream("libx264", rate=Fraction(demo.rate))
        stream.width, stream.height, stream.pix_fmt = demo.width, demo.height, "yuv420p"
        stream.options = {"crf": "16", "preset": "veryfast"}
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1
        for picture in telling("draw", demo.frames(), demo.count, progress):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=_BT709, dst_color_range=1
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
