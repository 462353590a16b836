"""The seam: whether one can see where the change ends.

Any method changes a region of the frame, its own or a box, and what a viewer sees first is
the step at its outline. The region is read off the pictures, so that the measure is the same
for every method, those included that say nothing of themselves.
"""

from __future__ import annotations

import cv2
import numpy as np

from blanket.eval.fidelity import Mask, check_sizes, luma
from blanket.faces import Image

CHANGED = 6.0
"""Levels by which a pixel has to differ, after a little smoothing: more than video coding
changes by."""
SMOOTHED = 1.5
"""Standard deviation of that smoothing, pixels."""
REACH = 4
"""Pixels to either side of the outline in which a step belongs to it: smoothing moves the
outline of a strong change outwards by two or three."""


def changed_region(original: Image, output: Image, near: Mask) -> Mask:
    """The part of a frame that the method changed, ``[H, W]``: pixels that differ by more than
    `CHANGED` levels in some colour, small holes closed, as far as they hang together with a
    face.

    near: ``[H, W]``, where the faces are (`blanket.eval.fidelity.face_region`).

    Raises:
        InputError: the frames differ in size.
    """
    check_sizes(original, output)
    away = original.astype(np.float32) - output
    away = cv2.GaussianBlur(away, (0, 0), SMOOTHED)
    changed = (np.abs(away).max(-1) > CHANGED).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    changed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, disc)
    _, parts = cv2.connectedComponents(changed)
    ours = np.unique(parts[near & (parts > 0)])
    return np.isin(parts, ours) & (parts > 0)


def seam(original: Image, output: Image, region: Mask) -> float:
    """The boundary artefact score of a frame, in levels of luma a pixel, 0 and up:

    S = mean over the outline of max(0, g(output) - g(original))

    g: the steepest change of luma across the outline, |dY/dn|, within 4 pixels of it, n its
    normal and the derivative Sobel's. What was an edge before is no artefact, so the identity
    gives 0; a black box over skin gives half the step. It is a measure of this project's own,
    in the spirit of blocking measures (Wang et al. 2002), which compare the step at a known
    boundary with that around it.

    region: ``[H, W]``, the changed region; 0 where it is empty, or fills the frame.

    Raises:
        InputError: the frames differ in size.
    """
    check_sizes(original, output)
    if not region.any() or region.all():
        return 0.0
    inside = region.astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(
        1 - inside, cv2.DIST_L2, 5
    )
    smooth = cv2.GaussianBlur(distance, (0, 0), 2.0)
    normal = np.stack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)])
    normal /= np.maximum(np.linalg.norm(normal, axis=0), 1e-6)
    disc = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    steepest = []
    for picture in (original, output):
        y = luma(picture)
        slope = np.stack([cv2.Sobel(y, cv2.CV_32F, 1, 0), cv2.Sobel(y, cv2.CV_32F, 0, 1)]) / 8
        steepest.append(cv2.dilate(np.abs((slope * normal).sum(0)), disc))
    outline = np.abs(distance) <= 1
    # Where the region meets the border of the frame there is nothing beyond it to compare.
    outline[[0, -1], :] = outline[:, [0, -1]] = False
    if not outline.any():
        return 0.0
    return float(np.maximum(steepest[1] - steepest[0], 0)[outline].mean())
