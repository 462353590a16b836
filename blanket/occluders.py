"""Things that pass in front of faces, drawn for training and the demo: hands above all.

A hand is a union of tapered capsules (palm, bent fingers, forearm) with the height of a
round body over each, so that one light shades it as it shades the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Occluder:
    """shade: ``[S, S, 3]`` float32, colour where `skin` is False, else a factor on skin
    colour (around 1). alpha: ``[S, S]`` float32, 0..1. skin: it takes a skin's colour."""

    shade: Float
    alpha: Float
    skin: bool


def hand(rng: np.random.Generator, size: int = 192) -> Occluder:
    """A hand with its forearm, in a random pose (open, curled, fist), size in pixels."""
    capsules = _hand_capsules(rng) * size
    turn = rng.uniform(0, 2 * np.pi)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).astype(np.float32)
    grid = (grid - size / 2) @ spin.T.astype(np.float32) + size / 2
    height = np.full((size, size), -1.0, np.float32)
    crease = np.zeros((size, size), np.float32)
    for ax, ay, bx, by, ra, rb, lift in capsules:
        start, along = np.array([ax, ay]), np.array([bx - ax, by - ay])
        t = ((grid - start) @ along / max(along @ along, 1e-6)).clip(0, 1)
        distance = np.linalg.norm(grid - start - t[..., None] * along, axis=-1)
        radius = ra + (rb - ra) * t
        body = np.sqrt((radius**2 - distance**2).clip(0)) + lift
        inside = distance < radius
        overlap = inside & (height > 0)
        crease[overlap] = np.maximum(crease[overlap], np.exp(-np.abs(body - height)[overlap] / 1.5))
        height = np.where(inside, np.maximum(height, body), height)
    alpha = (height >= 0).astype(np.float32)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.7)
    smooth = cv2.GaussianBlur(height.clip(0), (0, 0), 1.2)
    normal = _normals(smooth)
    light = rng.normal(size=3)
    light[2] = abs(light[2]) + rng.uniform(0.5, 2)
    light /= np.linalg.norm(light)
    lambert = (normal @ light.astype(np.float32)).clip(0)
    ambient = rng.uniform(0.35, 0.75)
    shade = ambient + (1 - ambient) * lambert / max(float(np.mean(lambert[alpha > 0.5])), 0.2)
    shade *= 1 - rng.uniform(0.0, 0.18) * cv2.GaussianBlur(crease, (0, 0), 0.8)
    colour = shade[..., None] * (1 + cloud(rng, size, 0.025, 3))
    # Fingertips and knuckles are redder than the palm, shadows on skin are warmer.
    red = cloud(rng, size, 0.08, 1)
    colour *= 1 + red * np.array([0.6, -0.5, -0.5], np.float32)
    colour *= 1 + (1 - shade.clip(0, 1))[..., None] * np.array([0.12, -0.04, -0.06], np.float32)
    return Occluder(colour.astype(np.float32), alpha, skin=True)


def _hand_capsules(rng: np.random.Generator) -> Float:
    """``[n, 7]``: start, end, start and end radius, lift, as fractions of the picture."""
    chubby = rng.uniform(0.75, 1.35)
    palm = 0.13 * rng.uniform(0.85, 1.15)
    curl = rng.choice([0.0, 0.35, 0.75, 1.0], p=[0.3, 0.25, 0.2, 0.25])
    wrist, knuckles = 0.6, 0.45
    width = palm * rng.uniform(0.75, 1.0)
    parts: list[tuple[float, ...]] = [
        (0.5 - width * 0.4, knuckles, 0.5 - width * 0.25, wrist, palm * 0.6, palm * 0.55, 0),
        (0.5 + width * 0.4, knuckles, 0.5 + width * 0.25, wrist, palm * 0.6, palm * 0.55, 0),
        (0.5, knuckles, 0.5, wrist, palm * 0.7, palm * 0.6, 0),
    ]
    lean = rng.normal(0, 0.25)
    arm = palm * rng.uniform(0.55, 0.85)
    parts.append((0.5, wrist, 0.5 + lean, 1.3, arm, arm * rng.uniform(1.0, 1.5), -0.01))
    spread = rng.uniform(0.02, 0.22)
    for i, length in enumerate((0.19, 0.22, 0.21, 0.16)):
        x = 0.5 + (i - 1.5) * width * 0.55
        y = knuckles - 0.02
        angle = -np.pi / 2 + (i - 1.5) * spread + rng.normal(0, 0.08)
        radius = 0.032 * chubby * rng.uniform(0.9, 1.1)
        bend = (curl + rng.normal(0, 0.15)).clip(0, 1.1)
        length *= rng.uniform(0.8, 1.1) * (1.15 - 0.35 * (chubby - 0.75))
        lift = 0.01
        for joint, share in enumerate((0.45, 0.3, 0.25)):
            # A bent finger is foreshortened, then points back at the palm.
            seen = length * share * np.cos(bend * np.pi * (0.25 + 0.45 * joint))
            end = (x + np.cos(angle) * seen, y + np.sin(angle) * seen)
            parts.append((x, y, *end, radius, radius * 0.92, lift + 0.02 * bend * joint))
            x, y = end
            radius *= 0.92
            angle += rng.normal(0, 0.1)
    side = rng.choice([-1, 1])
    x, y = 0.5 + side * width * 0.9, wrist - 0.05
    angle = -np.pi / 2 + side * rng.uniform(0.2, 1.2) * (1 - 1.5 * curl * rng.uniform(0, 1))
    for share in (0.6, 0.4):
        length = 0.16 * share * rng.uniform(0.8, 1.2)
        end = (x + np.cos(angle) * length, y + np.sin(angle) * length)
        parts.append((x, y, *end, 0.04 * chubby, 0.034 * chubby, 0.015))
        x, y = end
        angle -= side * rng.uniform(-0.2, 0.5)
    return np.array(parts, np.float32)


def thing(rng: np.random.Generator, size: int = 192) -> Occluder:
    """A toy, bottle, cloth or bar: a smooth or angular blob with a plain or striped look."""
    kind = rng.integers(4)
    canvas = np.zeros((size, size), np.uint8)
    if kind == 0:
        count = rng.integers(3, 9)
        angles = np.sort(rng.uniform(0, 2 * np.pi, count))
        radii = rng.uniform(0.12, 0.45, count) * size
        points = size / 2 + np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None]
        cv2.fillPoly(canvas, [points.astype(np.int32)], 255)
        if rng.random() < 0.6:
            canvas = cv2.GaussianBlur(canvas, (0, 0), size * 0.04)
            canvas = (canvas > 127).astype(np.uint8) * 255
    elif kind == 1:
        axes = tuple(int(v) for v in rng.uniform(0.1, 0.4, 2) * size)
        centre = (size // 2, size // 2)
        cv2.ellipse(canvas, centre, axes, rng.uniform(0, 180), 0, 360, 255, -1)
    elif kind == 2:
        start, end = rng.uniform(-0.2, 1.2, (2, 2)) * size
        width = int(rng.uniform(0.05, 0.3) * size)
        cv2.line(canvas, start.astype(int).tolist(), end.astype(int).tolist(), 255, width)
    else:
        field = cv2.resize(rng.normal(size=(5, 5)).astype(np.float32), (size, size), None, 0, 0, 2)
        yy, xx = np.mgrid[:size, :size] / size - 0.5
        canvas = ((field - 6 * (xx**2 + yy**2) > 0) * 255).astype(np.uint8)
    alpha = cv2.GaussianBlur(canvas, (0, 0), 0.7).astype(np.float32) / 255
    plain = rng.uniform(5, 250, 3).astype(np.float32)
    colour: NDArray[np.floating] = np.ones((size, size, 3), np.float32) * plain
    if rng.random() < 0.4:
        stripe = np.sin(np.arange(size) * rng.uniform(0.1, 0.9) + rng.uniform(0, 6)) > 0
        pattern = stripe[:, None] if rng.random() < 0.5 else stripe[None, :]
        colour = np.where(pattern[..., None], colour, rng.uniform(5, 250, 3))
    depth = cv2.distanceTransform(canvas, cv2.DIST_L2, 3)
    normal = _normals(np.sqrt(depth) * rng.uniform(0.5, 4))
    light = rng.normal(size=3) + (0, 0, 1.5)
    shade = 0.6 + 0.5 * (normal @ (light / np.linalg.norm(light)).astype(np.float32)).clip(0)
    colour = colour * shade[..., None] * (1 + cloud(rng, size, 0.1, 1))
    return Occluder(colour.astype(np.float32), alpha, skin=False)


def bank(rng: np.random.Generator, count: int) -> list[Occluder]:
    """`count` occluders, two of three of them hands."""
    return [hand(rng) if i % 3 else thing(rng) for i in range(count)]


def paste(
    picture: Float,
    occluder: Occluder,
    centre: tuple[float, float],
    size: float,
    skin: Float,
    rng: np.random.Generator,
) -> Float:
    """Draw an occluder, with its soft shadow, into `picture` in place; returns its mask.

    picture: ``[H, W, 3]`` float32 0..255. centre, size: pixels. skin: ``[3]``, the colour
    that a skin-coloured occluder takes. Returns ``[H, W]`` float32 0..1.
    """
    side = occluder.alpha.shape[0]
    mask = np.zeros(picture.shape[:2], np.float32)
    half = int(size * 0.72) + 12
    x0, y0 = max(int(centre[0]) - half, 0), max(int(centre[1]) - half, 0)
    window = picture[y0 : int(centre[1]) + half, x0 : int(centre[0]) + half]
    if window.size == 0:
        return mask
    height, width = window.shape[:2]
    angle = rng.uniform(0, 360)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, size / side)
    matrix[:, 2] += np.array(centre) - side / 2 - (x0, y0)
    if rng.random() < 0.5:
        matrix = matrix @ np.array([[-1, 0, side - 1], [0, 1, 0], [0, 0, 1]])
    alpha = cv2.warpAffine(occluder.alpha, matrix, (width, height))
    colour = cv2.warpAffine(occluder.shade, matrix, (width, height))
    if occluder.skin:
        colour *= skin.astype(np.float32)
    if rng.random() < 0.3:
        kernel = motion_kernel(int(rng.integers(3, 12)), rng.uniform(0, np.pi))
        colour = cv2.filter2D(colour * alpha[..., None], -1, kernel)
        alpha = cv2.filter2D(alpha, -1, kernel)
        colour /= np.maximum(alpha, 1e-3)[..., None]
    if rng.random() < 0.6:
        shift = np.array([[1, 0, rng.normal(0, 4)], [0, 1, rng.normal(0, 4)]], np.float32)
        shadow = cv2.warpAffine(alpha, shift, (width, height))
        shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(2, 7)) * rng.uniform(0, 0.45)
        window *= 1 - shadow[..., None]
    window += (colour - window) * alpha[..., None]
    mask[y0 : y0 + height, x0 : x0 + width] = alpha
    return mask


def motion_kernel(length: int, angle: float) -> Float:
    """``[length, length]`` filter of a straight movement at `angle` (radians), sum 1."""
    kernel = np.zeros((length, length), np.float32)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    middle = np.full(2, length / 2)
    start, end = ((middle + s * reach).astype(int).tolist() for s in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return kernel / max(float(kernel.sum()), 1.0)


def _normals(height: Float) -> Float:
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) / 8
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) / 8
    normal = np.stack([-dx, -dy, np.ones_like(dx)], -1)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def cloud(rng: np.random.Generator, size: int, amount: float, channels: int) -> Float:
    """Low-frequency and fine noise ``[size, size, channels]`` with zero mean."""
    coarse = rng.normal(0, amount, (6, 6, channels)).astype(np.float32)
    fine = rng.normal(0, amount / 3, (size // 2, size // 2, channels)).astype(np.float32)
    shape = (size, size, channels)
    total = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC).reshape(shape)
    return total + cv2.resize(fine, (size, size)).reshape(shape)
