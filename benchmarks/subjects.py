"""Known subjects: is the new face of a key one person in two videos, and another key's another?

For each of many keys the new face is put on frames of two videos, and dlib's recogniser says
how far the results are apart: those of the same key (below 0.6: one person), and those of one
key and the next (above 0.6: two people). The same for the portraits of the new faces.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.clip import Values
from blanket.analysis import Placements, analyse
from blanket.detect import build_detector
from blanket.faces import Appearance, Identity
from blanket.image import Still
from blanket.inpaint.keyed import NUMBERS, keyed_face
from blanket.inpaint.portrait import portrait
from blanket.key import keyed_numbers
from blanket.mesh import MeshNetwork
from blanket.presets import load_settings
from blanket.recognise import Recogniser, build_recogniser
from blanket.swap import build_methods
from blanket.timeline import Placement
from blanket.video import read

SUBJECT = "S01"
FRAMES, EVERY = 41, 20


class Worn:
    """One video: some frames of it, and the face that is seen largest in them."""

    def __init__(self, path: Path, recogniser: Recogniser) -> None:
        self._settings, self._recogniser = load_settings(), recogniser
        network, detector = MeshNetwork(), build_detector(self._settings.detect)
        frames = list(itertools.islice(read(path), FRAMES))
        found = analyse(frames, detector, network, self._settings)
        track = max(found.tracks, key=lambda one: len(one.sightings))
        assert track.appearance is not None
        self.own: Appearance = track.appearance
        placements = Placements(found, self._settings)
        self._frames: list[tuple[Any, Placement]] = []
        for frame in frames:
            placed = [one for one in placements.at(frame.index) if one.track is track]
            if frame.index % EVERY == EVERY // 2 and placed and placed[0].mesh is not None:
                self._frames.append((frame.rgb(), placed[0]))
        self.original = self._seen([pixels for pixels, _ in self._frames])

    def wear(self, identity: Identity) -> tuple[Values, Values]:
        """What the recogniser makes of a new face on this video, and of its portrait."""
        swapper = build_methods(self._settings)[0].fit(identity, self.own, None)
        painted = []
        for pixels, placement in self._frames:
            still = Still(pixels.copy())
            swapper.swap([(still, placement)])
            painted.append(still.rgb())
        taken = portrait(identity, self.own.colour)
        alone = self._recogniser.embed(taken.pixels, taken.mesh[None])[0]
        return self._seen(painted), np.asarray(alone, np.float64)

    def _seen(self, pictures: list[Any]) -> Values:
        rows = [
            self._recogniser.embed(pixels, placement.mesh[None])[0]
            for pixels, (_, placement) in zip(pictures, self._frames, strict=True)
            if placement.mesh is not None
        ]
        return np.mean(rows, axis=0, dtype=np.float64)


def run(
    first: Annotated[Path, typer.Argument(help="A video.")],
    second: Annotated[Path, typer.Argument(help="Another one.")],
    keys: Annotated[int, typer.Option(min=2, help="How many keys are drawn.")] = 100,
    group: Annotated[str, typer.Option(help="infant, child, woman or man.")] = "infant",
) -> None:
    """Print the table for two videos."""
    recogniser = build_recogniser("dlib")
    videos = [Worn(path, recogniser) for path in (first, second)]
    worn = np.empty((2, keys, 128))
    alone = np.empty((2, keys, 128))
    for number in range(keys):
        drawn = keyed_numbers(number.to_bytes(32, "big"), SUBJECT, NUMBERS)
        identity = keyed_face(drawn, group)
        for n, video in enumerate(videos):
            worn[n, number], alone[n, number] = video.wear(identity)
    print(f"originals: {np.linalg.norm(videos[0].original - videos[1].original):.3f} apart")
    print("| what is compared | 5 % | median | 95 % | as it should be |")
    print("|---|---|---|---|---|")
    for name, seen in (("put on the videos", worn), ("portraits", alone)):
        same = np.linalg.norm(seen[0] - seen[1], axis=1)
        other = np.linalg.norm(seen[0] - np.roll(seen[1], 1, axis=0), axis=1)
        _row(f"{name}, same key, two videos", same, same < recogniser.threshold)
        _row(f"{name}, two keys, two videos", other, other > recogniser.threshold)
        apart = np.linalg.norm(seen[0] - np.roll(seen[0], 1, axis=0), axis=1)
        _row(f"{name}, two keys, first video", apart, apart > recogniser.threshold)
    for n in (0, 1):
        away = np.linalg.norm(worn[n] - videos[n].original, axis=1)
        _row(f"to the person, video {n + 1}", away, away > recogniser.threshold)


def _row(name: str, values: Values, right: Any) -> None:
    low, middle, high = np.percentile(values, [5, 50, 95])
    print(f"| {name} | {low:.3f} | {middle:.3f} | {high:.3f} | {right.mean():.0%} |")


if __name__ == "__main__":
    sys.exit(typer.run(run))
