"""Age and gender, as they look: whether the new face keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from blanket.align import rigid
from blanket.eval.traces import Values, paired
from blanket.faces import Array, Image, Points
from blanket.inpaint.likeness import describe
from blanket.inpaint.morphable import load_likeness
from blanket.light import flatten
from blanket.texture import unwrap
from blanket.topology import load_topology


class AgeGender(Protocol):
    """Anything that says how old and how male a face looks.

    name: what reports call it.
    """

    name: str

    def estimate(self, picture: Image, meshes: Points) -> tuple[Values, Values]:
        """Years ``[N]`` and how male, 0 to 1, ``[N]``, of the faces in a picture ``[H, W, 3]``.

        meshes: ``[N, 478, 3]`` pixels, where the faces are.
        """
        ...


class LikenessAgeGender:
    """See `AgeGender`: the map that also chooses new faces (`blanket.inpaint.likeness`).

    It comes with the installation, and it is no independent witness of faces that were
    chosen by it: report another one where there is one.
    """

    name = "likeness"

    def estimate(self, picture: Image, meshes: Points) -> tuple[Values, Values]:
        """See `AgeGender.estimate`."""
        if not len(meshes):
            return np.empty(0), np.empty(0)
        mean, map_ = load_topology().mean, load_likeness()
        features = np.stack(
            [describe(flatten(unwrap(picture, mesh)), rigid(mesh, mean)) for mesh in meshes]
        )
        years, male = map_.years(features), map_.man(features) / 100
        return years.astype(np.float64), male.astype(np.float64)


@dataclass(frozen=True)
class DemographicAgreement:
    """age_original, age_output: years, medians over the frames with a face. age_error:
    mean absolute difference in years over frames found in both. gender_kept: share of the
    original's frames in which the output looks of the same gender (0.5 between them); a lost
    frame is not kept. frames, lost: see `blanket.eval.traces`."""

    age_original: float
    age_output: float
    age_error: float
    gender_kept: float
    frames: int
    lost: int


def demographic_agreement(
    original_years: Array, output_years: Array, original_male: Array, output_male: Array
) -> DemographicAgreement:
    """How age and gender agree, traces ``[N]`` of an `AgeGender`, NaN where no face was found."""
    before, after = paired(original_years, output_years)
    male = paired(original_male, output_male)
    known, seen = np.isfinite(before), np.isfinite(after)
    found = known & seen
    same = (male[0][found] >= 0.5) == (male[1][found] >= 0.5)
    return DemographicAgreement(
        age_original=float(np.median(before[known])) if known.any() else np.nan,
        age_output=float(np.median(after[seen])) if seen.any() else np.nan,
        age_error=float(np.abs(after - before)[found].mean()) if found.any() else np.nan,
        gender_kept=float(same.sum() / known.sum()) if known.any() else np.nan,
        frames=int(known.sum()),
        lost=int((known & ~seen).sum()),
    )
