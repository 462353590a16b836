"""ViTPose (Xu et al. 2022): the 17 keypoints of COCO in each box, through transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import AutoImageProcessor, VitPoseForPoseEstimation

from blanket.errors import BlanketError
from blanket.eval.estimators import Device, Person
from blanket.faces import Image


class VitPose:
    """See `blanket.eval.estimators.PoseEstimator`.

    model: the folder of a repository in the form of transformers, such as
    ``usyd-community/vitpose-base-simple``.
    """

    def __init__(self, model: Path, device: Device = "cpu") -> None:
        try:
            self._processor = AutoImageProcessor.from_pretrained(model, local_files_only=True)
            network = VitPoseForPoseEstimation.from_pretrained(model, local_files_only=True)
        except (OSError, ValueError) as error:
            raise BlanketError(
                f"ViTPose cannot be loaded from {model}: it must be a folder with "
                "config.json, model.safetensors and preprocessor_config.json"
            ) from error
        self._network = network.to(device).eval()
        self.name = f"vitpose ({model.name})"
        self._device = device
        # ViTPose++ has an expert for each data set it was taught on; COCO is the first.
        self._experts = getattr(self._network.config.backbone_config, "num_experts", 1)

    @torch.inference_mode()
    def estimate(self, picture: Image, persons: list[Person]) -> list[Person]:
        """See `blanket.eval.estimators.PoseEstimator.estimate`. A pose's score is its box's times
        the mean of its keypoints', as top-down estimators are ranked on COCO."""
        if not persons:
            return []
        corners = np.stack([one.box for one in persons]).astype(np.float64)
        boxes = [np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)]
        inputs = self._processor(images=picture, boxes=boxes, return_tensors="pt")
        pixels = inputs["pixel_values"].to(self._device)
        expert = {}
        if self._experts > 1:
            expert["dataset_index"] = torch.zeros(len(pixels), dtype=torch.int64).to(self._device)
        outputs = self._network(pixel_values=pixels, **expert)
        [poses] = self._processor.post_process_pose_estimation(outputs, boxes=boxes)
        found = []
        for one, pose in zip(persons, poses, strict=True):
            places, scores = (pose[key].float().numpy() for key in ("keypoints", "scores"))
            keypoints = np.column_stack([places, scores.reshape(-1)])
            found.append(Person(one.box, one.score * float(scores.mean()), keypoints))
        return found
