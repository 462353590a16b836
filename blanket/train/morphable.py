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
from blanket.appearance import appearance_of
from blanket.config import SwapSettings
from blanket.faces import Identity, Image, Points
from blanket.image import Still
from blanket.inpaint.clean import Zones, clean
from blanket.light import flatten
from blanket.likeness import Lesson, Likeness, describe
from blanket.mesh import MASK_SIDE
from blanket.recognise import Recogniser, build_recogniser
from blanket.swap.shape import ShapeChange, worn
from blanket.swap.warp import WarpSwapper
from blanket.texture import unwrap
from blanket.topology import MOUTH_LEFT, MOUTH_RIGHT, load_topology
from blanket.train.labels import LabelledSet, read_labels
from blanket.weights import record, weights_folder

log = logging.getLogger(__name__)

GROWN = 18.0
GROWN_KEPT = 86
"""Of faces older than `GROWN` years, how many the gallery keeps: the cleanest."""
COMPOSED, EACH, COUNTED = 9.0, 6, 3
"""Faces below these years are put on one another to teach the map: each wears so many, and
counts for so many photographs, since composites are what the map is asked about."""

REJECTED = frozenset(
    (
        "8", "37", "39", "43", "44", "53", "56", "87", "89", "98", "106", "142", "174", "188",
        "195", "202", "204", "206", "209", "224", "225", "227", "232", "241", "247", "252",
        "259", "264", "277", "280", "284", "285", "294", "298", "305", "307", "312", "317",
        "327", "331", "332", "334", "336", "337", "354", "358", "359", "369", "389", "399",
        "408", "426", "430", "432", "439", "440", "445", "449", "450", "454", "470", "473",
        "481", "488", "491", "497", "511", "515", "525", "526", "540", "547", "558", "563",
        "576", "586", "612", "614", "619", "624", "626", "628", "651", "653", "660", "669",
        "671", "673", "681", "696", "713", "718", "724", "727", "728", "748", "750", "758",
        "760", "761", "769", "776", "788", "794", "798", "807", "813", "816", "819", "821",
        "822", "827", "838", "841", "853", "857", "858", "859", "866", "870", "873", "874",
        "885", "886", "888", "907", "922", "923", "926", "956", "961", "984", "985", "990",
    )
)  # fmt: skip
"""Stems that a person struck out after looking at every cleaned texture: hair over or beside
the brows, painted lashes, hard shadows, glasses, that the measure of flaws below had let pass.
On another face they are smears, and to the likeness map they are far from everybody."""


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
    rated = next(s for s in sets if s.attributes)
    shapes = neutral_shapes(rated)
    zones = Zones.build()
    exemplars = [e for e in _exemplars(rated, shapes, zones) if e is not None]
    young = [e for e in exemplars if e.age <= GROWN]
    grown = sorted((e for e in exemplars if e.age > GROWN), key=lambda e: e.flaws)[:GROWN_KEPT]
    kept = young + grown
    recogniser = build_recogniser("dlib")
    lessons = [
        *_photographs([s for s in sets if s.name != "lfw"], recogniser),
        *_composites(rated, kept, recogniser, np.random.default_rng(0)) * COUNTED,
        *(Lesson(describe(flatten(e.texture), e.shape), None, e.age, e.gender) for e in kept),
    ]
    likeness = Likeness.learn(lessons)
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


def _photographs(sets: list[LabelledSet], recogniser: Recogniser) -> list[Lesson]:
    """Every colour face as it is."""
    mean = load_topology().mean
    lessons = []
    for labelled in sets:
        for path, mesh in zip(labelled.files, labelled.mesh, strict=True):
            picture = cv2.imread(str(path))[..., ::-1]
            ratings = labelled.attributes.get(path.stem, {})
            lessons.append(
                Lesson(
                    describe(flatten(unwrap(picture, mesh)), rigid(mesh, mean)),
                    recogniser.embed(picture, mesh[None])[0],
                    ratings.get("age"),
                    ratings.get("gender"),
                )
            )
    return lessons


def _composites(
    rated: LabelledSet, exemplars: list[Exemplar], recogniser: Recogniser, rng: np.random.Generator
) -> list[Lesson]:
    """Young faces that wear other young faces, as the swap paints them and goes beyond them.

    What the map is asked for later: whom a recogniser sees in the picture of a face that
    wears a given texture and has been given a certain shape.
    """
    worn_by = [
        (path, mesh)
        for path, mesh in zip(rated.files, rated.mesh, strict=True)
        if rated.attributes[path.stem]["age"] < COMPOSED
    ]
    young = [e for e in exemplars if e.age < COMPOSED]
    lessons = []
    for path, mesh in worn_by:
        picture = cv2.imread(str(path))[..., ::-1].copy()
        own = appearance_of(picture, mesh)
        for number in rng.choice(len(young), EACH, replace=False):
            new, beyond = young[number], rng.uniform(0, 1.5)
            identity = Identity(
                new.texture, new.shape + beyond * (new.shape - own.shape), "lesson", 0.0
            )
            still = Still(picture.copy())
            WarpSwapper(identity, own, SwapSettings()).paint(
                still, mesh, np.zeros((MASK_SIDE, MASK_SIDE), np.float32)
            )
            shape = worn(own.shape, ShapeChange(own.shape, identity.shape))
            features = describe(flatten(new.texture), shape)
            # Where the face now is; the recogniser finds its own landmarks there.
            found = recogniser.embed(still.pixels, mesh[None])[0]
            lessons.append(Lesson(features, found, None, None))
    return lessons
