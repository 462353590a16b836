"""`blanket train mesh`: trains the face, eye and lips networks and exports them to ONNX."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from blanket import align
from blanket.crop import FACE_HALF, FACE_SIDE, PART_SIDE, Part, eye_part, lips_part, placement
from blanket.occluders import bank
from blanket.session import open_session
from blanket.topology import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    POINTS,
    RIGHT_EYE,
    RIGHT_IRIS,
    load_topology,
)
from blanket.train.export import export_networks
from blanket.train.labels import LabelledSet, read_labels
from blanket.train.lesson import Lesson, Pace, Tensors, device_of, learn, pixels, robust
from blanket.train.networks import FaceNetwork, PartNetwork
from blanket.train.samples import Faces, Samples, load_faces, units, with_turned
from blanket.train.topology import build_topology, resting_meshes, write_topology
from blanket.weights import record, weights_folder

log = logging.getLogger(__name__)

USUAL = 200
"""How many samples set the ranges of the exported networks' arithmetic."""


_PEAK = 2.5e-3
"""The greatest rate at which the networks learn."""


@dataclass(frozen=True, kw_only=True)
class MeshTraining(Lesson):
    """What `blanket train mesh` can be told. data: labelled faces; output: the folder of
    what is exported."""

    data: Path
    output: Path
    steps: int = 12_000


class Networks(nn.Module):
    """The three networks, trained side by side on crops of the same pictures."""

    def __init__(self) -> None:
        super().__init__()
        mean = load_topology().mean
        self.face = FaceNetwork(_mean_points(mean, None, FACE_SIDE, FACE_HALF))
        self.eye = PartNetwork(_mean_points(mean, eye_part(), PART_SIDE, eye_part().half))
        self.lips = PartNetwork(_mean_points(mean, lips_part(), PART_SIDE, lips_part().half))


def _mean_points(mean: np.ndarray, part: Part | None, side: int, half: float) -> Tensor:
    if part is None:
        matrix = placement(side, half)
        return torch.from_numpy(units(align.apply(matrix, mean), side))
    middle = mean[list(part.centre), :2].mean(0)
    matrix = placement(side, half, (middle[0], middle[1]))
    return torch.from_numpy(units(align.apply(matrix, mean[part.vertices]), side))


def train_mesh(training: MeshTraining) -> dict[str, float]:
    """Train, resuming from ``run/checkpoint.pt`` where there is one; export; return the
    errors on held-out faces (fractions of the distance between the outer eye corners)."""
    device = device_of(training)
    torch.manual_seed(training.seed)
    rng = np.random.default_rng(training.seed)
    sets = read_labels(training.data)
    if not (weights_folder() / "face_topology.npz").exists():
        write_topology(build_topology(resting_meshes(sets)), weights_folder())
    faces, test = split(sets, rng)
    networks = Networks()
    occluders = bank(rng, 500)
    usual = next(iter(Samples(faces, occluders, USUAL, training.seed)))
    errors: dict[str, float] = {}

    def keep(average: nn.Module) -> None:
        for name in export_networks(dict(average.named_children()), training.output, usual):
            if training.output == weights_folder():
                record(name)
        errors.update(held_out_errors(training.output, test))
        log.info("held out: %s", json.dumps(errors))

    learn(
        training,
        networks,
        [Pace(networks.parameters(), _PEAK)],
        lambda seed: Samples(faces, occluders, training.batch, seed),
        _Losses(device),
        keep,
    )
    return errors


def split(sets: list[LabelledSet], rng: np.random.Generator) -> tuple[Faces, Faces]:
    """Faces to learn from, turned ones among them, and one in fifteen held out."""
    names = [f"{s.name}/{f.stem}" for s in sets for f in s.files]
    held = set(rng.permutation(names)[: max(len(names) // 15, 1)])
    faces = with_turned(load_faces(sets, skip=held), rng, 0.25)
    test = load_faces(sets, skip=set(), only=held)
    log.info("%d faces to learn from, %d held out", len(faces.mesh), len(test.mesh))
    return faces, test


class _Losses:
    """Smooth L1 on points (lids, iris and lips weigh more, depth less), cross entropy on
    trust and on the occluder mask."""

    def __init__(self, device: torch.device) -> None:
        self._device = device.type
        face = torch.ones(POINTS, 3)
        face[list(LEFT_EYE + RIGHT_EYE + LEFT_IRIS + RIGHT_IRIS + OUTER_LIPS + INNER_LIPS)] = 2.5
        face[:, 2] *= 0.3
        self._face = (face / face.mean()).to(device)
        self._eye = _part_weights(eye_part(), LEFT_EYE + LEFT_IRIS).to(device)
        self._lips = _part_weights(lips_part(), INNER_LIPS + OUTER_LIPS).to(device)

    def __call__(self, networks: nn.Module, data: Tensors) -> Tensors:
        face, eye, lips = (pixels(data[key]) for key in ("face", "eye", "lips"))
        with torch.autocast(self._device, torch.bfloat16):
            points, trust, mask = networks.get_submodule("face")(face)
            eye_points = networks.get_submodule("eye")(eye)
            lips_points = networks.get_submodule("lips")(lips)
        valid = data["valid"]
        off = points.float() - data["face_points"]
        share = valid / valid.sum().clamp(min=1)
        losses = {
            "face": (robust(off) * self._face).mean((1, 2)) @ share,
            "eye": (robust(eye_points.float() - data["eye_points"]) * self._eye).mean(),
            "lips": (robust(lips_points.float() - data["lips_points"]) * self._lips).mean(),
        }
        # Trust is what the error is worth: 1 for a perfect mesh, 1/e at 8 % of a crop's
        # half, 0 where there is no face.
        error = off[..., :2].detach().norm(dim=-1).mean(1)
        target = valid * torch.exp(-error / 0.08)
        cross_entropy = nn.functional.binary_cross_entropy_with_logits
        losses["trust"] = 0.03 * cross_entropy(trust.float(), target)
        # A face painted over a hand is seen at once, a hand's width of skin left is not: what
        # is covered weighs more.
        truth = data["mask"].float() / 255
        covered = cross_entropy(mask.float(), truth, 1 + 2 * truth, reduction="none")
        losses["mask"] = 0.6 * (covered.mean((1, 2)) @ share)
        return losses


def _part_weights(part: Part, core: tuple[int, ...]) -> Tensor:
    """``[n, 3]``: what an error of each of a part's points costs, 1 on average; depth costs
    less, what lies in `core` more."""
    weight = 0.3 + part.weights[:, None].repeat(3, 1)
    weight[np.isin(part.vertices, core)] *= 2.5
    weight[:, 2] *= 0.2
    return torch.from_numpy(weight / weight.mean())


def held_out_errors(exported: Path, faces: Faces) -> dict[str, float]:
    """Mean point errors of the networks in a folder on lightly changed held-out faces, in outer
    eye distances."""
    samples = Samples(faces, bank(np.random.default_rng(1), 4), 1, seed=0, hard=1e-9)
    rng = np.random.default_rng(0)
    totals: dict[str, list[float]] = {"face": [], "eye": [], "lips": []}
    halves = {"face": FACE_HALF, "eye": eye_part().half, "lips": lips_part().half}
    sessions = {key: open_session(exported / f"{key}_mesh.onnx") for key in halves}
    count = min(300, len(faces.mesh))
    drawn = (samples.sample(rng) for _ in repeat(None))
    for one in islice((one for one in drawn if one["valid"]), count):
        for key, half in halves.items():
            points = sessions[key].run(["points"], {"pixels": one[key][None]})[0][0]
            off = (points - one[f"{key}_points"])[:, :2]
            totals[key].append(float(np.linalg.norm(off, axis=1).mean()) * half)
    return {key: round(float(np.mean(values)), 5) for key, values in totals.items()}
