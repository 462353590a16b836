"""`blanket train mesh`: trains the face, eye and lips networks and exports them to ONNX."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from blanket import align
from blanket.crop import FACE_HALF, FACE_SIDE, PART_SIDE, Part, eye_part, lips_part, placement
from blanket.errors import InputError
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
from blanket.train.labels import read_labels
from blanket.train.networks import FaceNetwork, PartNetwork
from blanket.train.samples import Batch, Faces, Samples, load_faces, units, with_turned
from blanket.train.topology import build_topology, resting_meshes, write_topology
from blanket.weights import record, weights_folder

log = logging.getLogger(__name__)

_USUAL = 200
"""How many samples set the ranges of the exported networks' arithmetic."""


@dataclass(frozen=True)
class MeshTraining:
    """What `blanket train mesh` can be told. steps of `batch` samples; lr is the peak."""

    data: Path
    run: Path
    output: Path
    steps: int = 12_000
    batch: int = 48
    lr: float = 2.5e-3
    seed: int = 0
    workers: int = 1
    checkpoint_every: int = 500
    device: str = "cpu"


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
    # OpenCV's thread pool does not survive the fork that starts the loader's worker.
    cv2.setNumThreads(1)
    torch.manual_seed(training.seed)
    rng = np.random.default_rng(training.seed)
    training.run.mkdir(parents=True, exist_ok=True)
    sets = read_labels(training.data)
    if not (weights_folder() / "face_topology.npz").exists():
        write_topology(build_topology(resting_meshes(sets)), weights_folder())
    names = [f"{s.name}/{f.stem}" for s in sets for f in s.files]
    held = set(rng.permutation(names)[: max(len(names) // 15, 1)])
    faces = with_turned(load_faces(sets, skip=held), rng, 0.25)
    test = load_faces(sets, skip=set(), only=held)
    log.info("%d faces to learn from, %d held out", len(faces.mesh), len(test.mesh))

    if training.device == "cuda" and not torch.cuda.is_available():
        raise InputError("torch finds no CUDA device here: train with --device cpu")
    device = torch.device(training.device)
    # torch takes memory_format with a device, but does not declare it.
    networks = Networks().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(networks, multi_avg_fn=get_ema_multi_avg_fn(0.998), use_buffers=True)
    optimizer = torch.optim.AdamW(networks.parameters(), training.lr, weight_decay=0.02)
    step = 0
    checkpoint = training.run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        networks.load_state_dict(state["networks"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
        log.info("resumed at step %d", step)
    occluders = bank(rng, 500)
    usual = next(iter(Samples(faces, occluders, _USUAL, training.seed)))
    samples = Samples(faces, occluders, training.batch, training.seed + step)
    loader = DataLoader(
        samples,
        batch_size=None,
        num_workers=training.workers,
        prefetch_factor=4 if training.workers else None,
    )
    loss_of = _Losses(device)
    started, errors = time.monotonic(), {}
    running: dict[str, float] = {}
    for batch in loader:
        if step >= training.steps:
            break
        warm = min(1.0, (step + 1) / 300)
        fall = 0.5 * (1 + np.cos(np.pi * min(step / training.steps, 1)))
        for group in optimizer.param_groups:
            group["lr"] = float(training.lr * warm * max(fall, 0.004))
        losses = loss_of(networks, batch)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(networks.parameters(), 2.0)
        optimizer.step()
        average.update_parameters(networks)
        step += 1
        for key, value in losses.items():
            running[key] = 0.98 * running.get(key, value.item()) + 0.02 * value.item()
        if step % 50 == 0:
            pace = (time.monotonic() - started) / 50 / training.batch * 1e3
            started = time.monotonic()
            text = " ".join(f"{key} {value:.4f}" for key, value in running.items())
            log.info("step %d: %s (%.1f ms a sample)", step, text, pace)
        if step % training.checkpoint_every == 0 or step == training.steps:
            state = {
                "networks": networks.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
            }
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            for name in export_networks(average.module, training.output, usual):
                if training.output == weights_folder():
                    record(name)
            errors = held_out_errors(training.output, test)
            log.info("step %d, held out: %s", step, json.dumps(errors))
            started = time.monotonic()
    return errors


class _Losses:
    """Smooth L1 on points (lids, iris and lips weigh more, depth less), cross entropy on
    trust and on the occluder mask."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        face = torch.ones(POINTS, 3)
        face[list(LEFT_EYE + RIGHT_EYE + LEFT_IRIS + RIGHT_IRIS + OUTER_LIPS + INNER_LIPS)] = 2.5
        face[:, 2] *= 0.3
        self.face = (face / face.mean()).to(device)
        self.eye = self._part(eye_part(), LEFT_EYE + LEFT_IRIS)
        self.lips = self._part(lips_part(), INNER_LIPS + OUTER_LIPS)

    def _part(self, part: Part, core: tuple[int, ...]) -> Tensor:
        weight = 0.3 + part.weights[:, None].repeat(3, 1)
        weight[np.isin(part.vertices, core)] *= 2.5
        weight[:, 2] *= 0.2
        return torch.from_numpy(weight / weight.mean()).to(self.device)

    def __call__(self, networks: Networks, batch: Batch) -> dict[str, Tensor]:
        data = {key: torch.as_tensor(value).to(self.device) for key, value in batch.items()}
        face, eye, lips = (
            data[key]
            .permute(0, 3, 1, 2)
            .float()
            .div_(127.5)
            .sub_(1)
            .contiguous(memory_format=torch.channels_last)
            for key in ("face", "eye", "lips")
        )
        with torch.autocast(self.device.type, torch.bfloat16):
            points, trust, mask = networks.face(face)
            eye_points, lips_points = networks.eye(eye), networks.lips(lips)
        valid = data["valid"]
        off = points.float() - data["face_points"]
        share = valid / valid.sum().clamp(min=1)
        losses = {
            "face": (_robust(off) * self.face).mean((1, 2)) @ share,
            "eye": (_robust(eye_points.float() - data["eye_points"]) * self.eye).mean(),
            "lips": (_robust(lips_points.float() - data["lips_points"]) * self.lips).mean(),
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


def _robust(difference: Tensor) -> Tensor:
    return nn.functional.smooth_l1_loss(
        difference, torch.zeros_like(difference), reduction="none", beta=0.02
    )


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
