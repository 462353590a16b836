"""`blanket train cover`: teaches the face network what hands look like.

The second lesson, after `blanket.train.mesh`. The points that the network sees stay as they are,
and so does all that is measured on them: only what it says of things in front is learnt anew.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from blanket.occluders import thing
from blanket.session import open_session
from blanket.train.covered import Covered
from blanket.train.export import export_networks
from blanket.train.exported import read_exported
from blanket.train.graft import graft
from blanket.train.hands import drawn_hand, load_hand
from blanket.train.labels import read_labels
from blanket.train.lesson import Batch, Lesson, Pace, Tensors, device_of, learn, pixels
from blanket.train.mesh import USUAL, Networks, split
from blanket.weights import record, weights_folder

log = logging.getLogger(__name__)

_DECODER = ("up_", "narrow", "mask")
"""What the names of the layers begin with that only the occluder mask needs."""
_PEAK = 1e-3
"""The greatest rate at which they learn."""


@dataclass(frozen=True, kw_only=True)
class CoverTraining(Lesson):
    """What `blanket train cover` can be told. data: labelled faces; hand: a rigged hand
    (`blanket.train.hands`); source: the folder of the exported network that learns; output: the
    folder to which it is exported; occluders: how many are drawn beforehand."""

    data: Path
    hand: Path
    source: Path
    output: Path
    steps: int = 2500
    occluders: int = 1200


def train_cover(training: CoverTraining) -> dict[str, float]:
    """Train, resuming from ``run/checkpoint.pt`` where there is one; export; return, on faces
    held out, ``cover``: what is covered and said to be over what is either, and ``taken``: the
    share of bare faces that is taken for something in front."""
    device = device_of(training)
    torch.manual_seed(training.seed)
    rng = np.random.default_rng(training.seed)
    hand = load_hand(training.hand)
    faces, test = split(read_labels(training.data), rng)
    count = training.occluders
    occluders = [drawn_hand(hand, rng) if i % 4 else thing(rng) for i in range(count)]
    # The source may be what is written, too.
    before = training.run / "before.onnx"
    if not before.exists():
        training.run.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(training.source / "face_mesh.onnx", before)
    face = Networks().face
    read_exported(before, face)
    face.requires_grad_(False)
    decoder = [p for name, p in face.named_parameters() if name.startswith(_DECODER)]
    for parameter in decoder:
        parameter.requires_grad_(True)
    # What was folded into the convolutions when they were exported stays there.
    learner = nn.ModuleDict({"face": face}).eval()
    usual = next(iter(Covered(faces, occluders, USUAL, training.seed)))
    examined = next(iter(Covered(test, occluders, USUAL, training.seed)))
    skill: dict[str, float] = {}

    def keep(average: nn.Module) -> None:
        for name in export_networks(dict(average.named_children()), training.output, usual):
            graft(training.output / name, before, _DECODER)
            if training.output == weights_folder():
                record(name)
        skill.update(_skill(training.output, examined))
        log.info("held out: %s", json.dumps(skill))

    learn(
        training,
        learner,
        [Pace(decoder, _PEAK)],
        lambda seed: Covered(faces, occluders, training.batch, seed),
        partial(_losses, device.type),
        keep,
    )
    return skill


def _losses(device: str, networks: nn.Module, data: Tensors) -> Tensors:
    """Cross entropy on the occluder mask."""
    with torch.autocast(device, torch.bfloat16):
        _, _, mask = networks.get_submodule("face")(pixels(data["face"]))
    truth = data["mask"].float() / 255
    # A face painted over a hand is seen at once, a hand's width of skin left is not: what is
    # covered weighs more. Beside the face hardly anything depends on it.
    weight = (1 + 1.5 * truth) * (0.15 + data["near"].float() / 255)
    cross_entropy = nn.functional.binary_cross_entropy_with_logits
    return {"mask": cross_entropy(mask.float(), truth, weight)}


def _skill(exported: Path, seen: Batch) -> dict[str, float]:
    """As `train_cover` returns it, of the networks in a folder."""
    face = open_session(exported / "face_mesh.onnx")
    said = np.asarray(face.run(["occluded"], {"pixels": seen["face"]})[0]) > 0.5
    near, true = seen["near"] > 127, seen["mask"] > 127
    both, either = (said & true & near).sum(), ((said | true) & near).sum()
    bare = near & (seen["mask"].max((1, 2)) == 0)[:, None, None]
    return {
        "cover": round(float(both / max(either, 1)), 4),
        "taken": round(float(said[np.asarray(bare)].mean()), 4),
    }
