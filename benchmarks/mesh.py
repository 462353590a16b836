"""How well the face mesh follows the infant of clips/infant.mp4.

Detects, tracks and smooths as the program does, once over the whole clip, and compares with
the reference mesh (MediaPipe, clips/infant_mesh.npz).

Errors: mean distance of the 478 points in the picture, over the distance between the outer
eye corners of the reference in the picture, frame by frame. Correlations are Pearson's over
time. Unoccluded: all frames but 16-28, 62-92 and 252-299, where a hand is at the face.
Jitter: mean length of the second difference of the points from frame to frame. The last
lines tell systematic differences, in axes that turn with the face.

Exit status: 0 all bars met, 1 a bar missed, 2 no data or a wrong setting.
"""

from __future__ import annotations

import sys

import numpy as np
from clip import (
    SIGNALS,
    Clip,
    Mask,
    Reader,
    Row,
    correlation,
    ended,
    eye_width,
    finish,
    infant,
    parser,
    second_difference,
    settings_of,
    signals,
    triples,
)

from blanket import align
from blanket.faces import Points
from blanket.topology import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    OVAL,
    RIGHT_EYE,
    RIGHT_IRIS,
    SURFACE,
    load_topology,
)

_BARS = {"eye opening": 0.93, "mouth opening": 0.90, "horizontal gaze": 0.88}
_REGIONS = {
    "outline": OVAL,
    "lids": LEFT_EYE + RIGHT_EYE,
    "irises": LEFT_IRIS + RIGHT_IRIS,
    "lips": OUTER_LIPS + INNER_LIPS,
}


def main() -> int:
    """Run the benchmark; returns the exit status."""
    options = parser(__doc__).parse_args()
    settings = settings_of(options)
    clip = infant(options.data)
    ours = Reader(settings)(clip.path)
    rows = [
        Row("frames with a mesh", float(_seen(ours).sum()), f"of {len(clip.mesh)}", 290, digits=0),
        *_errors(ours, clip),
        *_correlations(ours, clip),
        *_jitter(ours, clip),
        *_systematic(ours, clip),
    ]
    return finish("Mesh against the reference, infant.mp4", rows, options)


def _seen(meshes: Points) -> Mask:
    return np.asarray(np.isfinite(meshes).all((1, 2)))


def _errors(ours: Points, clip: Clip) -> list[Row]:
    away = np.linalg.norm(ours[..., :2] - clip.mesh[..., :2], axis=-1)
    away = 100 * away / eye_width(clip.mesh)[:, None]
    each, seen = away.mean(1), _seen(ours)
    use = clip.open & seen
    rows = [
        Row("mean error, unoccluded", float(each[use].mean()), "%", most=4.0, digits=2),
        Row("mean error, all frames", float(each[seen].mean()), "%", digits=2),
        Row(f"worst frame, unoccluded ({_worst(each, use)})", float(each[use].max()), "%",
            digits=2),
        Row(f"worst frame ({_worst(each, seen)})", float(each[seen].max()), "%", digits=2),
    ]  # fmt: skip
    for name, points in _REGIONS.items():
        value = float(away[use][:, list(points)].mean())
        rows.append(Row(f"mean error of the {name}, unoccluded", value, "%", digits=2))
    return rows


def _worst(each: np.ndarray, use: Mask) -> int:
    return int(np.argmax(np.where(use, each, -1)))


def _correlations(ours: Points, clip: Clip) -> list[Row]:
    a, b = signals(ours), signals(clip.mesh)
    return [
        Row(f"correlation of {name}", correlation(a[name], b[name], clip.open), "", _BARS.get(name))
        for name in SIGNALS
    ]


def _jitter(ours: Points, clip: Clip) -> list[Row]:
    rows = []
    steady = triples(clip.open & _seen(ours))
    for name, meshes in (("ours", ours), ("reference", clip.mesh)):
        length = np.linalg.norm(second_difference(meshes[..., :2]), axis=-1).mean(1)
        rows.append(Row(f"jitter, unoccluded, {name}", float(length[steady].mean()), "px",
                        digits=2))  # fmt: skip
    return rows


def _systematic(ours: Points, clip: Clip) -> list[Row]:
    """Mean differences to the reference over unoccluded frames, in the face's own axes."""
    use = clip.open & _seen(ours)
    mine, theirs = ours[use], clip.mesh[use]
    mean = load_topology().mean[:SURFACE, :2]
    to_face = align.similarity(theirs[:, :SURFACE, :2], mean)
    local = align.apply(to_face, mine)[..., :2] - align.apply(to_face, theirs)[..., :2]
    # The unit of the mean face is the distance of the outer eye corners.
    shift = 100 * local.mean((0, 1))
    pixels = (mine - theirs)[..., :2].mean((0, 1))
    change = align.similarity(theirs[:, :SURFACE, :2], mine[:, :SURFACE, :2])
    turn = np.degrees(np.arctan2(change[:, 1, 0], change[:, 0, 0]))
    rows = [
        Row("mean shift to the face's left (-) or right", float(shift[0]), "%", digits=2),
        Row("mean shift to its brow (-) or chin", float(shift[1]), "%", digits=2),
        Row("mean shift in the picture, x", float(pixels[0]), "px", digits=2),
        Row("mean shift in the picture, y", float(pixels[1]), "px", digits=2),
        Row("mean scale, ours over the reference", float(align.scale_of(change).mean())),
        Row("mean turn in the picture, clockwise", float(turn.mean()), "degrees", digits=2),
    ]
    a, b = signals(mine), signals(theirs)
    for name in ("eye opening", "mouth opening", "horizontal gaze", "yaw", "pitch"):
        unit = "degrees" if name in ("yaw", "pitch") else ""
        rows.append(Row(f"mean difference of {name}", float((a[name] - b[name]).mean()), unit))
        slope = float(np.polyfit(b[name], a[name], 1)[0])
        rows.append(Row(f"slope of {name}, ours over the reference", slope, digits=2))
    return rows


if __name__ == "__main__":
    sys.exit(ended(main))
