"""Age and gender, as they look: whether the new face keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from blanket.align import rigid
from blanket.appearance import SIDE
from blanket.eval.traces import paired
from blanket.faces import Image, Points
from blanket.genderage import GenderAge
from blanket.inpaint.morphable import load_likeness
from blanket.light import flatten
from blanket.likeness import describe
from blanket.manifest import entry
from blanket.store import present
from blanket.texture import unwrap
from blanket.topology import load_topology


class AgeGender(Protocol):
    """Anything that says how old and how male a face looks.

    name: what reports call it.
    """

    name: str

    def read(self, picture: Image, meshes: Points) -> GenderAge:
        """The faces of a picture ``[H, W, 3]``. meshes: ``[N, 478, 3]`` pixels."""
        ...


class LikenessAgeGender:
    """See `AgeGender`: the map that also chooses new faces (`blanket.likeness`).

    It comes with the installation, and it is no independent witness of faces that were
    chosen by it: report another one where there is one.
    """

    name = "likeness"

    def read(self, picture: Image, meshes: Points) -> GenderAge:
        """See `AgeGender.read`."""
        if not len(meshes):
            return GenderAge(np.empty(0, np.float32), np.empty(0, np.float32))
        mean, likeness = load_topology().mean, load_likeness()
        features = np.stack(
            [describe(flatten(unwrap(picture, mesh, SIDE)), rigid(mesh, mean)) for mesh in meshes]
        )
        man, years = likeness.man(features) / 100, likeness.years(features)
        return GenderAge(man.astype(np.float32), years.astype(np.float32))


def build_age_gender() -> AgeGender:
    """What reads age and gender: InsightFace's network where its weights are on this machine,
    or else the likeness map; the reader's name says which it was."""
    if present(entry("genderage")):
        from blanket.genderage import GenderAgeReader

        return GenderAgeReader()
    return LikenessAgeGender()


@dataclass(frozen=True)
class DemographicAgreement:
    """age_error: mean absolute difference in years over frames found in both. gender_kept:
    share of the original's frames in which the output looks of the same gender (0.5 between
    them); a lost frame is not kept."""

    age_error: float
    gender_kept: float


def demographic_agreement(original: GenderAge, output: GenderAge) -> DemographicAgreement:
    """How age and gender agree: a row a frame, NaN where no face was found."""
    before, after = paired(original.years, output.years)
    male = paired(original.man, output.man)
    known = np.isfinite(before)
    found = known & np.isfinite(after)
    same = (male[0][found] >= 0.5) == (male[1][found] >= 0.5)
    return DemographicAgreement(
        age_error=float(np.abs(after - before)[found].mean()) if found.any() else np.nan,
        gender_kept=float(same.sum() / known.sum()) if known.any() else np.nan,
    )
