"""Does a face get out where it is hard to see? Ours and `deface` on the same hard clips.

Clips with known faces (two drawn ones, and infant.mp4 of the test data where it is there) are
made hard (`hardships.py`), anonymised with the preset `embedded`, and compared with their
originals face by face, where the ground truth says that a face is, not where a detector does.
A face counts where it is at least 20 pixels across, at least half of it lies in the picture, and
no more than 80 % of it is covered. It is leaked where the output shows it as it was
(`blanket.change`). deface runs at its default threshold, 0.2, and at 0.05, below which it blurs
more cloth than faces.

Writes the table (--table) and ends with status 1 if a bar is missed: no face leaked, and of
the faces at least 48 pixels across and half visible 90 % replaced, in every row.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from clip import ended, infant, machine, parser
from hardships import HARDSHIPS, Hardship, Shot, cut_every_second, encode, seen, width
from rich.console import Console

import blanket
from blanket.change import Patch
from blanket.crop import face_matrix
from blanket.demo import DemoClip
from blanket.errors import BlanketError
from blanket.mesh import MASK_SIDE
from blanket.video import read

_VISIBLE, _COVERED, _SMALLEST = 0.5, 0.8, 20.0
_WIDE, _REPLACED = 48.0, 0.9
_CLEAR = 100  # the frame of infant.mp4 from which no hand is at the face
_THRESHOLDS = 0.2, 0.05

console = Console(stderr=True)


@dataclass
class Count:
    """Faces of one row. fair: those that should be replaced rather than hidden."""

    faces: int = 0
    replaced: int = 0
    hidden: int = 0
    leaked: int = 0
    fair: int = 0
    fair_replaced: int = 0

    def add(self, other: Count) -> None:
        """The faces of another clip."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def main() -> int:
    """Run the benchmark; returns the exit status."""
    made = parser(__doc__)
    made.add_argument("--frames", type=int, default=60, help="of each clip (default: 60)")
    made.add_argument("--only", nargs="*", help="rows whose names hold one of these words")
    made.add_argument("--no-deface", action="store_true", help="leave deface out")
    made.add_argument("--table", type=Path, metavar="FILE", help="write the table there too")
    options = made.parse_args()
    clips = _clips(options.data, options.frames)
    rows: list[tuple[str, Count, list[Count]]] = []
    with tempfile.TemporaryDirectory() as folder:
        for hardship, sources in _rows(clips):
            if options.only and not any(word in hardship.name for word in options.only):
                continue
            ours, theirs = Count(), [Count() for _ in _THRESHOLDS]
            for name, shots in sources.items():
                hard = list(hardship.shots(shots))
                source = Path(folder) / "source.mp4"
                encode(source, hard, hardship.rate, hardship.quality)
                found = _ours(source, hard, options.changes)
                ours.add(found)
                console.print(f"{hardship.name}, {name}: {found}", highlight=False)
                if not options.no_deface:
                    for count, threshold in zip(theirs, _THRESHOLDS, strict=True):
                        count.add(_deface(source, hard, threshold))
            rows.append((hardship.name, ours, theirs))
    text = _table(rows, not options.no_deface)
    print(text)
    if options.table:
        options.table.write_text(text, encoding="utf-8")
    return 1 if any(_missed(count) for _, count, _ in rows) else 0


def _clips(data: Path, frames: int) -> dict[str, list[Shot]]:
    clips: dict[str, list[Shot]] = {}
    for seed in (0, 5):
        demo = DemoClip(seed, frames / 30)
        pictures = list(demo.frames())
        truth = demo.truth()
        clips[f"drawn {seed}"] = [
            Shot(
                picture,
                [mesh for mesh in meshes if np.isfinite(mesh).all()],
                [float(c) for c, m in zip(covers, meshes, strict=True) if np.isfinite(m).all()],
                demo.in_front(number),
            )
            for number, (picture, meshes, covers) in enumerate(
                zip(pictures, truth.mesh, truth.occluded, strict=True)
            )
        ]
    try:
        filmed = infant(data)
    except (BlanketError, SystemExit):
        console.print("without infant.mp4, which is not there", highlight=False)
        return clips
    clips["filmed"] = [
        Shot(
            frame.rgb(),
            [filmed.mesh[frame.index]],
            [0.0],
            np.zeros((frame.height, frame.width), bool),
        )
        for frame in read(filmed.path)
        if _CLEAR <= frame.index < _CLEAR + frames
    ]
    return clips


def _rows(clips: dict[str, list[Shot]]) -> list[tuple[Hardship, dict[str, list[Shot]]]]:
    few = {name: shots for name, shots in clips.items() if name != "drawn 5"}
    rows = [(hardship, few) for hardship in HARDSHIPS]
    other = clips.get("filmed", clips["drawn 5"])
    cut = {"in turn": cut_every_second(clips["drawn 0"], other)}
    cut["and back"] = cut_every_second(clips["drawn 5"], clips["drawn 0"])
    return [*rows, (Hardship("cut every second", iter), cut)]


def _ours(source: Path, shots: Sequence[Shot], changes: Sequence[str]) -> Count:
    target = source.with_name("ours.mp4")
    target.unlink(missing_ok=True)
    try:
        blanket.anonymize(source, target, overrides=changes)
    except BlanketError as error:
        console.print(f"no output: {error}", highlight=False)
        return Count()
    return _counted(source, target, shots)


def _deface(source: Path, shots: Sequence[Shot], threshold: float) -> Count:
    target = source.with_name("deface.mp4")
    target.unlink(missing_ok=True)
    beside = Path(sys.executable).parent / "deface"
    script = str(beside) if beside.exists() else shutil.which("deface")
    if script is None:
        console.print("There is no command deface: pip install deface.", highlight=False)
        raise SystemExit(2)
    command = [script, str(source), "-o", str(target), "--thresh", str(threshold)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return _counted(source, target, shots)


def _counted(source: Path, target: Path, shots: Sequence[Shot]) -> Count:
    count = Count()
    for shot, before, after in zip(shots, read(source), read(target), strict=False):
        for mesh, covered in zip(shot.faces, shot.covered, strict=True):
            share = seen(mesh, (before.width, before.height))
            if share < _VISIBLE or covered > _COVERED + 1e-6 or width(mesh) < _SMALLEST:
                continue
            box = np.concatenate([mesh[:, :2].min(0), mesh[:, :2].max(0)])
            to_cells, cells = face_matrix(mesh, MASK_SIDE), (MASK_SIDE, MASK_SIDE)
            front = cv2.warpAffine(shot.front.astype(np.float32), to_cells, cells)
            patch = Patch(before, box, mesh, front)
            if not patch.seen:
                continue
            change = patch.change(after)
            fair = width(mesh) >= _WIDE and share * (1 - covered) >= 0.5
            count.faces += 1
            count.fair += fair
            if change.untouched:
                count.leaked += 1
            elif change.hidden:
                count.hidden += 1
            else:
                count.replaced += 1
                count.fair_replaced += fair
    return count


def _missed(count: Count) -> bool:
    return count.leaked > 0 or not count.faces or count.fair_replaced < _REPLACED * count.fair


def _table(rows: Sequence[tuple[str, Count, list[Count]]], deface: bool) -> str:
    lines = [
        "# Where faces are hard to see",
        "",
        f"{machine()}; BLANKET {blanket.__version__}. A face in one frame counts as one. Made by",
        "`python benchmarks/leaks.py --table benchmarks/leaks.md`, which says what is counted.",
        "",
    ]
    head = ["", "faces", "replaced", "hidden", "leaked", "replaced where it should be", "bars met"]
    if deface:
        head += [f"deface at {threshold}: leaked" for threshold in _THRESHOLDS]
    lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, count, theirs in rows:
        share = f"{count.fair_replaced / count.fair:.1%} of {count.fair}" if count.fair else "-"
        cells = [name, count.faces, count.replaced, count.hidden, count.leaked, share]
        cells.append("**no**" if _missed(count) else "yes")
        if deface:
            cells += [other.leaked for other in theirs]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(ended(main))
