"""RT-DETR (Zhao et al. 2024): people in a picture, through transformers."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoImageProcessor, RTDetrForObjectDetection

from blanket.errors import BlanketError
from blanket.eval.estimators import Device, Person
from blanket.faces import Image

LEAST = 0.05
"""Score from which a detection is given: average precision wants the unsure ones too."""


class RtDetr:
    """See `blanket.eval.estimators.PersonDetector`. Only the class ``person`` is given.

    model: the folder of a repository in the form of transformers, such as
    ``PekingU/rtdetr_r50vd_coco_o365``.
    """

    def __init__(self, model: Path, device: Device = "cpu", least: float = LEAST) -> None:
        try:
            self._processor = AutoImageProcessor.from_pretrained(model, local_files_only=True)
            network = RTDetrForObjectDetection.from_pretrained(model, local_files_only=True)
        except (OSError, ValueError) as error:
            raise BlanketError(
                f"RT-DETR cannot be loaded from {model}: it must be a folder with "
                "config.json, model.safetensors and preprocessor_config.json"
            ) from error
        self._network = network.to(device).eval()
        labels = self._network.config.id2label
        people = [int(i) for i, label in labels.items() if label.lower() == "person"]
        if not people:
            raise BlanketError(f"the detector in {model} knows no class 'person'")
        self.name = f"rtdetr ({model.name})"
        self._person, self._device, self._least = people[0], device, least

    @torch.inference_mode()
    def detect(self, picture: Image) -> list[Person]:
        """See `blanket.eval.estimators.PersonDetector.detect`."""
        inputs = self._processor(images=picture, return_tensors="pt").to(self._device)
        outputs = self._network(**inputs)
        [found] = self._processor.post_process_object_detection(
            outputs, threshold=self._least, target_sizes=[picture.shape[:2]]
        )
        people = found["labels"] == self._person
        boxes = found["boxes"][people].float().cpu().numpy()
        scores = found["scores"][people].float().cpu().numpy()
        return [Person(boxes[i], float(scores[i])) for i in (-scores).argsort(kind="stable")]
