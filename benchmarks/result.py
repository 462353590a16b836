"""What the result is worth: identity gone, use kept, nothing else touched, on infant.mp4.

Anonymises clips/infant.mp4 and measures the output. With --output FILE the output is kept
there, its report beside it as FILE with the suffix .json; where FILE exists it is only
measured.

Frames: replaced and hidden, from the report.
Identity: Euclidean distance of dlib's face descriptors (0.6 is its threshold for "the same
person"), with dlib's own 68 landmarks found in the picture that is measured. Original and
output alike are turned upright by the roll of the original's reference mesh, and the box is
that mesh's from the brows down, so that both are looked at in the same place.
Use: Pearson's correlation over time, unoccluded frames, of what our own mesh networks read
from the original and from the output.
Outside: PSNR of the stored luma (Y as decoded, squared error pooled over all frames) outside
the convex hull of the reference mesh grown by 15 % about its centre. The next lines, without
a bar, tell where a loss comes from: far away there is only the encoder.
Flicker: mean absolute second difference of the luma over time, on the face laid out flat by
the reference mesh, output over original; frames without a hand. A smoother face flickers
less too, so read it together with a look at the video.

Exit status: 0 all bars met, 1 a bar missed, 2 no data or a wrong setting.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from clip import (
    Clip,
    Mask,
    Reader,
    Row,
    Values,
    correlation,
    ended,
    finish,
    infant,
    parser,
    second_difference,
    settings_of,
    signals,
    triples,
)
from numpy.typing import NDArray
from rich.console import Console

import blanket
from blanket.config import Settings
from blanket.errors import InputError
from blanket.faces import Image, Points
from blanket.progress import shown
from blanket.recognise import Recogniser, build_recogniser
from blanket.report import Report
from blanket.texture import atlas, unwrap
from blanket.topology import SURFACE
from blanket.video import Frame, read

_USE = ("eye opening", "mouth opening", "yaw", "pitch", "roll", "horizontal gaze")
_FLAT = 160
"""Side of the texture in which flicker is measured, in texels; an infant's face in the clip
is a little larger than that, so it is not the sampling that flickers."""


def main() -> int:
    """Run the benchmark; returns the exit status."""
    made = parser(__doc__)
    made.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="keep the output there, or measure it if it exists (default: a temporary file)",
    )
    made.add_argument("--all", action="store_true", help="identity on all frames, not every 3rd")
    made.add_argument("--seed", type=int, help="of the new face")
    options = made.parse_args()
    settings = settings_of(options)
    clip = infant(options.data)
    with tempfile.TemporaryDirectory() as folder:
        output = options.output or Path(folder) / "out.mp4"
        told = output.with_suffix(".json")
        if not output.exists():
            with shown(Console(stderr=True)) as progress:
                report = blanket.anonymize(
                    clip.path, output, overrides=options.changes, seed=options.seed,
                    progress=progress,
                )  # fmt: skip
            report.write(told, overwrite=True)
        found = _measure(clip, output, 1 if options.all else 3)
        rows = [
            *_frames(told, clip),
            *_identity(found, clip),
            *_use(clip, output, settings),
            *_outside(found),
            *_flicker(found, clip),
        ]
    return finish(f"Result, infant.mp4{_seeded(options.seed)}", rows, options)


def _seeded(seed: int | None) -> str:
    return "" if seed is None else f", seed {seed}"


# Identity.


def _pairs(descriptors: Values) -> float:
    """Mean distance over all pairs of descriptors ``[N, 128]``."""
    squares = (descriptors**2).sum(1)
    apart = squares[:, None] + squares - 2 * descriptors @ descriptors.T
    return float(np.sqrt(apart[np.triu_indices(len(descriptors), 1)].clip(0)).mean())


def _identity(found: _Found, clip: Clip) -> list[Row]:
    before, after = np.array(found.before), np.array(found.after)
    away = np.linalg.norm(before - after, axis=1)
    clear = clip.open[found.looked]
    within = _pairs(before)
    return [
        Row("identity: mean distance to the same frame", float(away.mean()), "", 0.62),
        Row("identity: 5th percentile of it", float(np.percentile(away, 5)), "", 0.55),
        Row("identity: mean distance, unoccluded", float(away[clear].mean())),
        Row("identity: smallest distance", float(away.min())),
        Row("identity: mean pair within the original", within),
        Row("identity: mean pair within the output", _pairs(after), most=within),
        Row("identity: mean pair within the original, unoccluded", _pairs(before[clear])),
        Row("identity: mean pair within the output, unoccluded", _pairs(after[clear])),
        *_answers(np.array(found.answers)),
    ]


def _answers(answers: Values) -> list[Row]:
    """How far a descriptor moves for noise in the picture. answers: ``[N, 2]``, in the original
    and in the output."""
    before, after = answers.mean(0)
    return [
        Row("identity: moved by noise of 4 levels, original", float(before)),
        Row("identity: moved by noise of 4 levels, output", float(after)),
        Row("identity: moved by noise, output over original", float(after / before), digits=2),
    ]


# Use.


def _use(clip: Clip, output: Path, settings: Settings) -> list[Row]:
    reader = Reader(settings)
    before, after = reader(clip.path), reader(output)
    a, b = signals(before), signals(after)
    rows = [
        Row(f"use: correlation of {name}", correlation(a[name], b[name], clip.open), "", 0.95)
        for name in _USE
    ]
    both = clip.open & np.isfinite(before).all((1, 2)) & np.isfinite(after).all((1, 2))
    unseen = int((clip.open & ~both).sum())
    rows.append(Row("use: unoccluded frames that could not be read", unseen, digits=0))
    for name in _USE:
        unit = "degrees" if name in ("yaw", "pitch", "roll") else ""
        change = float((b[name] - a[name])[both].mean())
        rows.append(Row(f"use: mean change of {name}", change, unit))
        slope = float(np.polyfit(a[name][both], b[name][both], 1)[0])
        rows.append(Row(f"use: slope of {name}, output over original", slope, digits=2))
    return rows


# Pictures.


@dataclass
class _Error:
    """Squared error of luma, summed over frames. by_frame: mean squared error of each."""

    total: float = 0.0
    samples: int = 0
    by_frame: list[float] = field(default_factory=list)

    def add(self, difference: NDArray[np.float32], where: Mask) -> None:
        """difference: ``[H, W]`` in levels of 255."""
        squares = difference[where].astype(np.float64) ** 2
        self.total += float(squares.sum())
        self.samples += squares.size
        self.by_frame.append(float(squares.mean()) if squares.size else 0.0)

    def psnr(self) -> float:
        """In dB, pooled."""
        return _decibels(self.total / max(self.samples, 1))


def _decibels(error: float) -> float:
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@dataclass
class _Found:
    """What one pass over both videos measures.

    looked: frames with a descriptor. before, after: those, ``[128]`` each. answers: how far
    noise moves some of them, in original and output. outside, ring, far: luma error outside
    the hull grown by 15 %, between 15 and 40 %, and beyond 100 %. flicker: mean absolute
    second difference of original and output ``[N - 2, 2]``.
    """

    looked: list[int] = field(default_factory=list)
    before: list[Values] = field(default_factory=list)
    after: list[Values] = field(default_factory=list)
    answers: list[tuple[float, float]] = field(default_factory=list)
    outside: _Error = field(default_factory=_Error)
    ring: _Error = field(default_factory=_Error)
    far: _Error = field(default_factory=_Error)
    flicker: list[tuple[float, float]] = field(default_factory=list)


def _measure(clip: Clip, output: Path, every: int) -> _Found:
    found, recogniser = _Found(), build_recogniser("dlib")
    inside = atlas(_FLAT).inside
    last: list[NDArray[np.float32]] = []
    count = 0
    with shown(Console(stderr=True)) as progress:
        for old, new in _together(clip.path, output):
            mesh = clip.mesh[old.index]
            a, b = _luma(old), _luma(new)
            near, middle, broad = (_hull(mesh, grown, a.shape) for grown in (1.15, 1.4, 2.0))
            found.outside.add(b - a, ~near)
            found.ring.add(b - a, middle & ~near)
            found.far.add(b - a, ~broad)
            flat = np.stack([unwrap(a, mesh, _FLAT)[inside], unwrap(b, mesh, _FLAT)[inside]])
            last = [*last[-2:], flat]
            if len(last) == 3:
                moved = np.abs(second_difference(np.stack(last)))[0].mean(1)
                found.flicker.append((float(moved[0]), float(moved[1])))
            if old.index % every == 0:
                found.looked.append(old.index)
                found.before.append(recogniser.embed(old.rgb(), mesh[None])[0])
                found.after.append(recogniser.embed(new.rgb(), mesh[None])[0])
            if old.index % (10 * every) == 0:
                in_old = _moved_by_noise(recogniser, old.rgb(), mesh)
                found.answers.append((in_old, _moved_by_noise(recogniser, new.rgb(), mesh)))
            count += 1
            progress("measure", count, len(clip.mesh))
    return found


def _moved_by_noise(recogniser: Recogniser, picture: Image, mesh: Points) -> float:
    noise = np.random.default_rng(0).normal(0, 4, picture.shape)
    noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
    one, other = (recogniser.embed(seen, mesh[None])[0] for seen in (picture, noisy))
    return float(np.linalg.norm(one - other))


def _together(a: Path, b: Path) -> Iterator[tuple[Frame, Frame]]:
    try:
        yield from zip(read(a), read(b), strict=True)
    except ValueError as error:
        raise InputError(f"{b} has not as many frames as {a}") from error


def _luma(frame: Frame) -> NDArray[np.float32]:
    """Y as stored, ``[H, W]``, scaled to levels of 255 where it is deeper than 8 bit."""
    plane = frame.planes[0]
    depth = frame.info.bit_depth if plane.dtype == np.uint16 else 8
    return plane.astype(np.float32) * np.float32(255 / (2**depth - 1))


def _hull(mesh: Points, grown: float, shape: tuple[int, ...]) -> Mask:
    """``[H, W]`` bool: the convex hull of a mesh, scaled about its centre of area."""
    hull = cv2.convexHull(mesh[:SURFACE, :2].astype(np.float32))[:, 0]
    moments = cv2.moments(hull)
    centre = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    larger = centre + grown * (hull - centre)
    canvas = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(canvas, np.round(larger * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    return np.asarray(canvas > 0)


def _outside(found: _Found) -> list[Row]:
    worst = int(np.argmax(found.outside.by_frame))
    least = _decibels(found.outside.by_frame[worst])
    return [
        Row("outside: PSNR, hull grown by 15 %", found.outside.psnr(), "dB", 40, digits=1),
        Row(f"outside: PSNR of the worst frame ({worst})", least, "dB", digits=1),
        Row("outside: PSNR between 15 and 40 %", found.ring.psnr(), "dB", digits=1),
        Row("outside: PSNR beyond 100 %", found.far.psnr(), "dB", digits=1),
    ]


def _flicker(found: _Found, clip: Clip) -> list[Row]:
    before, after = np.array(found.flicker)[triples(clip.open)].mean(0)
    return [
        Row("flicker of the original", float(before), "levels", digits=2),
        Row("flicker of the output", float(after), "levels", digits=2),
        Row("flicker, output over original", float(after / before), digits=2),
    ]


# Frames.


def _frames(told: Path, clip: Clip) -> list[Row]:
    """From the report: of the person with the most frames. Not measured without a report."""
    done = replaced = None
    if told.is_file():
        tracks = Report.model_validate_json(told.read_text(encoding="utf-8")).tracks
        people = {track.subject for track in tracks}
        frames = {p: sum(t.frames for t in tracks if t.subject == p) for p in people}
        main = max(frames, key=lambda person: frames[person], default=None)
        done = float(frames[main]) if main is not None else 0.0
        replaced = float(sum(t.replaced for t in tracks if t.subject == main))
    total = len(clip.mesh)
    return [
        Row("frames replaced or hidden", done, "frames", total, digits=0),
        Row("frames replaced", replaced, "frames", 290, digits=0),
    ]


if __name__ == "__main__":
    sys.exit(ended(main))
