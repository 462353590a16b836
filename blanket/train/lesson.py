"""A lesson: batch after batch, the weights averaged, resumed where it was interrupted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, IterableDataset

from blanket.errors import InputError

log = logging.getLogger(__name__)

Batch = dict[str, np.ndarray]
Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What every lesson can be told: `steps` batches of `batch` samples, the folder of its
    checkpoints, and after how many steps one is written."""

    run: Path
    steps: int
    batch: int = 48
    seed: int = 0
    workers: int = 1
    checkpoint_every: int = 500
    device: str = "cpu"


@dataclass(frozen=True)
class Pace:
    """Parameters that learn at the same rate; peak: that rate at its greatest."""

    parameters: Iterable[nn.Parameter]
    peak: float


def learn(
    lesson: Lesson,
    networks: nn.Module,
    paces: list[Pace],
    samples: Callable[[int], IterableDataset[Batch]],
    losses: Callable[[nn.Module, Tensors], Tensors],
    keep: Callable[[nn.Module], None],
) -> None:
    """Teach `networks`, resuming from ``run/checkpoint.pt`` where there is one.

    samples: batches without end, from a seed. losses: what is to fall, by name; their sum is.
    keep: told the averaged networks with every checkpoint and at the end. Rates rise, then
    fall as a cosine does (Loshchilov and Hutter 2017); the average is exponential.
    """
    # OpenCV's thread pool does not survive the fork that starts the loader's worker.
    cv2.setNumThreads(1)
    lesson.run.mkdir(parents=True, exist_ok=True)
    device = device_of(lesson)
    # torch takes memory_format with a device, but does not declare it.
    networks.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(networks, multi_avg_fn=get_ema_multi_avg_fn(0.998), use_buffers=True)
    learnt = [list(pace.parameters) for pace in paces]
    optimizer = torch.optim.AdamW(
        [{"params": parameters} for parameters in learnt], lr=1e-3, weight_decay=0.02
    )
    step = 0
    checkpoint = lesson.run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        networks.load_state_dict(state["networks"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
        log.info("resumed at step %d", step)
    loader = DataLoader(
        samples(lesson.seed + step),
        batch_size=None,
        num_workers=lesson.workers,
        prefetch_factor=4 if lesson.workers else None,
    )
    started = time.monotonic()
    running: dict[str, float] = {}
    for batch in loader:
        if step >= lesson.steps:
            break
        warm = min(1.0, (step + 1) / 300)
        fall = 0.5 * (1 + np.cos(np.pi * min(step / lesson.steps, 1)))
        for group, pace in zip(optimizer.param_groups, paces, strict=True):
            group["lr"] = float(pace.peak * warm * max(fall, 0.004))
        there = {key: torch.as_tensor(value).to(device) for key, value in batch.items()}
        values = losses(networks, there)
        optimizer.zero_grad()
        torch.stack(list(values.values())).sum().backward()
        nn.utils.clip_grad_norm_([one for parameters in learnt for one in parameters], 2.0)
        optimizer.step()
        average.update_parameters(networks)
        step += 1
        for key, value in values.items():
            running[key] = 0.98 * running.get(key, value.item()) + 0.02 * value.item()
        if step % 50 == 0:
            pace_ms = (time.monotonic() - started) / 50 / lesson.batch * 1e3
            started = time.monotonic()
            text = " ".join(f"{key} {value:.4f}" for key, value in running.items())
            log.info("step %d: %s (%.1f ms a sample)", step, text, pace_ms)
        if step % lesson.checkpoint_every == 0 or step == lesson.steps:
            state = {
                "networks": networks.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
            }
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            keep(average.module)
            started = time.monotonic()


def device_of(lesson: Lesson) -> torch.device:
    """Where the lesson takes place; `InputError` where that is a GPU that is not there."""
    if lesson.device == "cuda" and not torch.cuda.is_available():
        raise InputError("torch finds no CUDA device here: train with --device cpu")
    return torch.device(lesson.device)


def pixels(crops: Tensor) -> Tensor:
    """RGB crops ``[B, S, S, 3]`` uint8 as the networks take them: ``[B, 3, S, S]``, -1..1."""
    planes = crops.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    return planes.contiguous(memory_format=torch.channels_last)


def robust(difference: Tensor) -> Tensor:
    """Smooth L1 (Girshick 2015) of differences in crop units, quadratic up to 0.02."""
    return nn.functional.smooth_l1_loss(
        difference, torch.zeros_like(difference), reduction="none", beta=0.02
    )
