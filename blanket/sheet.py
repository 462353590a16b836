"""Contact sheets: the original above, the output below, frame by frame, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from blanket.faces import Image
from blanket.image import write_image
from blanket.output import pending
from blanket.video import probe, read


def contact_sheet(
    videos: Sequence[Path],
    frames: Sequence[int],
    target: Path,
    *,
    tile: int = 320,
    columns: int,
    region: tuple[int, int, int, int] | None = None,
    overwrite: bool,
) -> None:
    """Write a PNG of the given frames of several videos of the same length.

    videos: first the original. frames: numbers, increasing. tile: width in pixels of one
    picture. columns: pictures in a row. region: x0, y0, x1, y1 in pixels, to cut out.
    """
    picked = [_picked(video, set(frames), tile, region) for video in videos]
    rows = []
    for start in range(0, len(frames), columns):
        some = frames[start : start + columns]
        for pictures in picked:
            row = [pictures[number] for number in some]
            blank = np.zeros_like(row[0])
            rows.append(np.hstack(row + [blank] * (columns - len(row))))
        rows.append(np.full((6, rows[-1].shape[1], 3), 40, np.uint8))
    with pending(target, overwrite) as draft:
        write_image(draft, np.vstack(rows[:-1]))


def _picked(
    video: Path, frames: set[int], tile: int, region: tuple[int, int, int, int] | None
) -> dict[int, Image]:
    info = probe(video)
    x0, y0, x1, y1 = region or (0, 0, info.width, info.height)
    size = (tile, max(round(tile * (y1 - y0) / (x1 - x0)), 1))
    found: dict[int, Image] = {}
    for frame in read(video):
        if frame.index in frames:
            cut = frame.rgb()[y0:y1, x0:x1]
            shrink = size[0] < x1 - x0
            found[frame.index] = cv2.resize(
                cut, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
            )
        if frame.index >= max(frames):
            break
    return found
