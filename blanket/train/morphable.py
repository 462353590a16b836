"""`blanket train morphable`: a gallery of clean synthetic faces that mix into new ones.

Exemplars and their linear combinations are a morphable model in the sense of Blanz &
Vetter (1999): textures on a common layout, shapes in correspondence. Each exemplar is
cleaned first, so that no mixture grows hair, glasses, teeth or background.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from blanket.align import rigid
from blanket.faces import Image, Points
from blanket.inpaint.clean import Zones, clean
from blanket.inpaint.likeness import Likeness, describe
from blanket.light import flatten
from blanket.recognise import build_recogniser
from blanket.texture import unwrap
from blanket.topology import MOUTH_LEFT, MOUTH_RIGHT, load_topology
from blanket.train.labels import LabelledSet, read_labels
from blanket.weights import record, weights_folder

log = logging.getLogger(__name__)

GROWN = 18.0
GROWN_KEPT = 160
"""Of faces older than `GROWN` years, how many the gallery keeps: the cleanest."""


REJECTED = frozenset(
    (
        "8", "37", "39", "44", "81", "98", "114", "127", "129", "152", "174", "209", "218",
        "232", "243", "264", "298", "305", "317", "319", "327", "332", "336", "343", "354",
        "359", "408", "432", "439", "440", "449", "470", "473", "497", "511", "547", "576",
        "612", "614", "619", "626", "628", "660", "681", "696", "747", "748", "761", "794",
        "807", "822", "827", "858", "873", "885", "888", "923", "956", "961", "997",
    )
)  # fmt: skip
"""Stems that a person struck out after looking at every cleaned texture: fringes over the
brows, hard shadows, glasses, that the measure of flaws below had let pass."""


@dataclass(frozen=True)
class Exemplar:
    """One cleaned face. texture ``[320, 320, 3]`` uint8; shape ``[478, 3]`` float32 on the
    mean face; age in years; gender 0 (woman) to 100 (man)."""

    texture: Image
    shape: Points
    age: float
    gender: float
    flaws: float


def build_morphable(data: Path, output: Path) -> Path:
    """Build ``morphable.npz`` in the folder `output` from the labelled sets in `data`.

    The set named in attributes with columns ``age``, ``gender`` and ``happy`` gives the
    exemplars; all colour sets teach the likeness map. Returns the path of the file.
    """
    sets = read_labels(data)
    likeness = _likeness([s for s in sets if s.name != "lfw"])
    rated = next(s for s in sets if s.attributes)
    shapes = neutral_shapes(rated)
    zones = Zones.build()
    exemplars = [e for e in _exemplars(rated, shapes, zones) if e is not None]
    young = [e for e in exemplars if e.age <= GROWN]
    grown = sorted((e for e in exemplars if e.age > GROWN), key=lambda e: e.flaws)[:GROWN_KEPT]
    kept = young + grown
    log.info("%d exemplars, %d of them younger than 6", len(kept), sum(e.age < 6 for e in kept))
    codes = [
        cv2.imencode(".webp", e.texture[..., ::-1], (cv2.IMWRITE_WEBP_QUALITY, 92))[1] for e in kept
    ]
    features = [describe(flatten(e.texture), e.shape) for e in kept]
    colours = [np.median(e.texture[zones.cheeks], axis=0) for e in kept]
    path = output / "morphable.npz"
    np.savez(
        path,
        codes=np.concatenate([code.ravel() for code in codes]),
        ends=np.cumsum([code.size for code in codes]),
        shapes=np.stack([e.shape for e in kept]).astype(np.float16),
        ages=np.array([e.age for e in kept], np.float32),
        genders=np.array([e.gender for e in kept], np.float32),
        features=likeness.code(np.stack(features)).astype(np.float16),
        colours=np.array(colours, np.float32),
        **{f"likeness_{key}": value for key, value in vars(likeness).items()},
    )
    if output == weights_folder():
        record("morphable.npz")
    return path


def neutral_shapes(rated: LabelledSet) -> Points:
    """Shapes ``[N, 478, 3]`` on the mean face with pose and expression taken out.

    Expression is what varies linearly with how happy the face is rated, how wide the mouth
    is opened and how wide it is stretched; each face is set to the resting value of those.
    """
    topology = load_topology()
    mean = topology.mean
    aligned = np.stack([rigid(mesh, mean) for mesh in rated.mesh])
    opening = np.linalg.norm(aligned[:, 13] - aligned[:, 14], axis=1)
    width = np.linalg.norm(aligned[:, MOUTH_LEFT] - aligned[:, MOUTH_RIGHT], axis=1)
    lids = np.linalg.norm(aligned[:, (159, 386)] - aligned[:, (145, 374)], axis=2).mean(1)
    happy = np.array([rated.attributes[f.stem]["happy"] for f in rated.files]) / 100
    cause = np.stack([opening, width, lids, happy], 1)
    rest = np.array([0.0, np.median(width[happy < 0.4]), np.median(lids), 0.3])
    centred = cause - cause.mean(0)
    slope, *_ = np.linalg.lstsq(
        centred, (aligned - aligned.mean(0)).reshape(len(aligned), -1), rcond=None
    )
    shapes = aligned - ((cause - rest) @ slope).reshape(aligned.shape)
    # Symmetric: a turned head's labels lean to one side.
    return ((shapes + shapes[:, topology.mirror] * (-1, 1, 1)) / 2).astype(np.float32)


def _exemplars(rated: LabelledSet, shapes: Points, zones: Zones) -> list[Exemplar | None]:
    found: list[Exemplar | None] = []
    for path, mesh, shape in zip(rated.files, rated.mesh, shapes, strict=True):
        ratings = rated.attributes[path.stem]
        texture = unwrap(cv2.imread(str(path))[..., ::-1], mesh)
        cleaned, flaws = clean(texture, mesh, zones)
        flaws += max(ratings["happy"] - 65, 0) / 100
        limit = 0.45 if ratings["age"] < 12 else 0.62
        usable = path.stem not in REJECTED and flaws < limit
        found.append(
            Exemplar(cleaned, shape, ratings["age"], ratings["gender"], flaws) if usable else None
        )
    return found


def _likeness(sets: list[LabelledSet]) -> Likeness:
    """The map from a texture and a shape to a recogniser's embedding and to age, taught on
    every colour face (ridge regression on principal components)."""
    mean, recogniser = load_topology().mean, build_recogniser("dlib")
    features, embeddings, ages, genders = [], [], [], []
    for labelled in sets:
        pictures = [cv2.imread(str(path))[..., ::-1] for path in labelled.files]
        embeddings += [
            recogniser.embed(picture, mesh[None])
            for picture, mesh in zip(pictures, labelled.mesh, strict=True)
        ]
        for path, picture, mesh in zip(labelled.files, pictures, labelled.mesh, strict=True):
            features.append(describe(flatten(unwrap(picture, mesh)), rigid(mesh, mean)))
            ratings = labelled.attributes.get(path.stem, {})
            ages.append(ratings.get("age", np.nan))
            genders.append(ratings.get("gender", np.nan))
    return Likeness.learn(
        np.stack(features), np.concatenate(embeddings), np.array(ages), np.array(genders)
    )
