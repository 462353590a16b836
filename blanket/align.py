"""Similarity transforms between point sets, and the roll-normalised crops they define."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> Matrix:
    """The rotation, scale and shift that bring `source` nearest to `target`.

    source, target: ``[..., N, 2]``. Returns ``[..., 2, 3]`` float32. Least squares in closed
    form, with points as complex numbers (Umeyama 1991 without reflection).
    """
    # In double precision, whatever the points are in.
    w = np.full(source.shape[-2], 1 / source.shape[-2])
    s = source[..., 0] + 1j * source[..., 1]
    t = target[..., 0] + 1j * target[..., 1]
    s_mean = (s * w).sum(-1, keepdims=True)
    t_mean = (t * w).sum(-1, keepdims=True)
    s_centred, t_centred = s - s_mean, t - t_mean
    power = (w * np.abs(s_centred) ** 2).sum(-1)
    turn = (w * s_centred.conj() * t_centred).sum(-1) / np.maximum(power, 1e-12)
    shift = t_mean[..., 0] - turn * s_mean[..., 0]
    rows = [turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag]
    return np.stack(rows, axis=-1).reshape(*turn.shape, 2, 3).astype(np.float32)


def apply(matrix: NDArray[np.floating], points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Points ``[..., N, 2 or 3]`` moved by ``[..., 2, 3]``; z is scaled with x and y."""
    linear = matrix[..., :2]
    moved = points[..., :2] @ np.swapaxes(linear, -1, -2) + matrix[..., None, :, 2]
    if points.shape[-1] == 3:
        scale = scale_of(matrix)[..., None, None]
        moved = np.concatenate([moved, points[..., 2:] * scale], axis=-1)
    return moved.astype(np.float32)


def invert(matrix: NDArray[np.floating]) -> Matrix:
    """The inverse of affine maps ``[..., 2, 3]``."""
    # By hand: the general routine takes ten times as long for a matrix as small as this.
    linear = np.asarray(matrix[..., :2], np.float64)
    inverse = linear[..., ::-1, ::-1].swapaxes(-1, -2) * ((1, -1), (-1, 1))
    inverse = inverse / _determinant(linear)[..., None, None]
    shift = -(inverse @ matrix[..., 2:])
    return np.concatenate([inverse, shift], axis=-1).astype(np.float32)


def compose(outer: NDArray[np.floating], inner: NDArray[np.floating]) -> Matrix:
    """The affine map that applies `inner` first, then `outer`, both ``[..., 2, 3]``."""
    linear = outer[..., :2] @ inner[..., :2]
    shift = outer[..., :2] @ inner[..., 2:] + outer[..., 2:]
    return np.concatenate([linear, shift], axis=-1).astype(np.float32)


def scale_of(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much the maps ``[..., 2, 3]`` enlarge lengths."""
    return np.sqrt(np.abs(_determinant(np.asarray(matrix[..., :2], np.float64))))


def _determinant(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    product = linear[..., 0, 0] * linear[..., 1, 1] - linear[..., 0, 1] * linear[..., 1, 0]
    return np.asarray(product, np.float64)


def rigid_fit(
    source: NDArray[np.floating], target: NDArray[np.floating]
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Rotation ``[3, 3]``, scale and shift ``[3]`` that bring points ``[N, 3]`` nearest to
    others (Umeyama 1991)."""
    s_mean, t_mean = source.mean(0, np.float64), target.mean(0, np.float64)
    s, t = source - s_mean, target - t_mean
    u, singular, vt = np.linalg.svd(t.T @ s)
    flip = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * flip) @ vt
    scale = float((singular * flip).sum() / max(float((s**2).sum()), 1e-12))
    return rotation, scale, t_mean - scale * rotation @ s_mean


def rigid(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float32]:
    """`source` ``[N, 3]`` turned, scaled and shifted onto `target`."""
    rotation, scale, shift = rigid_fit(source, target)
    return (scale * source @ rotation.T + shift).astype(np.float32)
