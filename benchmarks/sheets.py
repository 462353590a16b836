"""Contact sheets to look at: original above, output below, of both test clips.

Writes into FOLDER: infant.mp4 and adult.mp4 anonymised (unless they are there already) and
PNGs of every 25th frame whole and cut to the face, and of the frames with the hand. Numbers
do not replace that look: no row may be seen to be false at a glance, what is in front of the
face must stay in front, and nobody may recognise the child.

The sheets show the real clips: they stay out of the repository.

Exit status: 0 done, 2 no data or a wrong setting.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from clip import HAND, clips, ended, infant, parser, settings_of
from rich.console import Console

import blanket
from blanket.faces import Points
from blanket.progress import shown
from blanket.sheet import contact_sheet
from blanket.topology import SURFACE
from blanket.video import probe

Region = tuple[int, int, int, int]

_EVERY = 25


def main() -> int:
    """Make the sheets; returns the exit status."""
    made = parser(__doc__)
    made.add_argument("folder", type=Path, help="where to write; it is made if it is missing")
    made.add_argument("--seed", type=int, help="of the new faces")
    made.add_argument("--again", action="store_true", help="anonymise even if it is done already")
    options = made.parse_args()
    settings_of(options)
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    pairs = {}
    for name in ("infant", "adult"):
        source, output = clips(options.data) / f"{name}.mp4", folder / f"{name}.mp4"
        if not source.is_file():
            continue
        pairs[name] = [source, output]
        if options.again or not output.exists():
            with shown(Console(stderr=True)) as progress:
                report = blanket.anonymize(
                    source, output, overrides=options.changes, seed=options.seed,
                    save_identity=folder / f"{name}_identity.png", overwrite=True,
                    progress=progress,
                )  # fmt: skip
            report.write(output.with_suffix(".json"), overwrite=True)
    clip = infant(options.data)
    for name, videos in pairs.items():
        frames = range(0, probe(videos[0]).frames or 0, _EVERY)
        _sheet(videos, frames, folder / f"{name}_sheet.png")
    close = _region(clip.mesh, probe(clip.path).width, probe(clip.path).height)
    frames = range(0, len(clip.mesh), _EVERY)
    _sheet(pairs["infant"], frames, folder / "infant_face_sheet.png", close)
    hand = [frame for first, last in HAND for frame in range(first, last + 1, 4)]
    _sheet(pairs["infant"], hand, folder / "infant_hand_sheet.png", close)
    return 0


def _sheet(
    videos: list[Path], frames: range | list[int], target: Path, region: Region | None = None
) -> None:
    contact_sheet(videos, list(frames), target, tile=480, columns=4, region=region, overwrite=True)
    print(target)


def _region(meshes: Points, width: int, height: int) -> Region:
    """What holds the face in every frame, with a third of its size around it."""
    points = meshes[:, :SURFACE, :2]
    low, high = points.min((0, 1)), points.max((0, 1))
    margin = (high - low) / 3
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = np.minimum(high + margin, (width, height)).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


if __name__ == "__main__":
    sys.exit(ended(main))
