"""A diffusion pipeline: loaded as the settings say, and run on one crop."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blanket.config import InpaintSettings
from blanket.errors import BlanketError, InputError
from blanket.extras import needs
from blanket.faces import Image
from blanket.models import Model, model_path

with needs("diffusion", "the generator diffusion"):
    import diffusers
    import torch
    import transformers
    from PIL import Image as PilImage

log = logging.getLogger(__name__)
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_SPARE = 1.6, 3 << 30
"""Memory that a run needs, as a factor of the weights and bytes on top."""


class InpaintPipe:
    """A pipeline on its device.

    models: all that were loaded. checks_safety: whether it has a safety checker.
    """

    def __init__(self, settings: InpaintSettings) -> None:
        self._settings = settings
        self._device, self._dtype, name = _device(settings)
        self._described = f"{self._device}, {name}"
        self.models: list[Model] = []
        _quiet()
        # 1. The pipeline and its parts.
        controls = [
            self._part(diffusers.ControlNetModel, "controls", control.model)
            for control in settings.controls
        ]
        given: dict[str, Any] = {}
        if controls:
            given["controlnet"] = controls if len(controls) > 1 else controls[0]
        if settings.vae is not None:
            given["vae"] = self._part(diffusers.AutoencoderKL, "vae", settings.vae)
        self._pipe = self._part(
            diffusers.AutoPipelineForInpainting, "model", settings.model, **given
        )
        self._refiner = None
        if settings.refiner is not None:
            shared = {
                part: getattr(self._pipe, part)
                for part in ("vae", "text_encoder_2")
                if getattr(self._pipe, part, None) is not None
            }
            self._refiner = self._part(
                diffusers.AutoPipelineForInpainting, "refiner", settings.refiner, **shared
            )
        # 2. What is changed in it.
        for number, lora in enumerate(settings.loras):
            self._add(lora, f"lora{number}")
        if settings.loras:
            names = [f"lora{number}" for number in range(len(settings.loras))]
            self._pipe.set_adapters(names, [settings.lora_scale] * len(names))
        for pipe in self._pipes:
            self._schedule(pipe)
            self._place(pipe)
        self.checks_safety = getattr(self._pipe, "safety_checker", None) is not None

    def __call__(
        self,
        crop: Image,
        mask: NDArray[np.uint8],
        controls: Sequence[Image],
        prompt: str,
        seeds: Sequence[int],
    ) -> tuple[NDArray[np.uint8], list[bool]]:
        """Candidates ``[N, S, S, 3]``, and which of them the safety checker blocked.

        crop: ``[S, S, 3]``. mask: ``[S, S]``, 255 where it is painted. controls: what each
        ControlNet is shown. seeds: one for each candidate.
        """
        try:
            return self._painted(crop, mask, controls, prompt, seeds)
        except torch.cuda.OutOfMemoryError:
            if len(seeds) == 1:
                raise BlanketError(
                    "the device has too little memory for the model: set inpaint.offload=model, "
                    "or inpaint.offload=layers for less still"
                ) from None
        torch.cuda.empty_cache()
        half = len(seeds) // 2
        log.info("too little memory for %d candidates at once: in two halves", len(seeds))
        parts = [self(crop, mask, controls, prompt, some) for some in (seeds[:half], seeds[half:])]
        return np.concatenate([p[0] for p in parts]), [b for p in parts for b in p[1]]

    def _painted(
        self,
        crop: Image,
        mask: NDArray[np.uint8],
        controls: Sequence[Image],
        prompt: str,
        seeds: Sequence[int],
    ) -> tuple[NDArray[np.uint8], list[bool]]:
        settings, side = self._settings, crop.shape[0]
        pictures = [PilImage.fromarray(control) for control in controls]
        scales = [control.scale for control in settings.controls]
        asked: dict[str, Any] = {
            "prompt": prompt,
            "negative_prompt": settings.negative_prompt or None,
            "image": PilImage.fromarray(crop),
            "mask_image": PilImage.fromarray(mask),
            "height": side,
            "width": side,
            "num_images_per_prompt": len(seeds),
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.guidance,
            "strength": settings.strength,
            # On the CPU, so that every device draws the same noise.
            "generator": [torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            "output_type": "np",
        }
        if pictures:
            many = len(pictures) > 1
            asked["control_image"] = pictures if many else pictures[0]
            asked["controlnet_conditioning_scale"] = scales if many else scales[0]
        with torch.inference_mode(), _deterministic():
            if self._refiner is None:
                done = self._pipe(**_taken(self._pipe, asked))
            else:
                # The share of the steps that the refiner leaves is counted from the noise
                # that the strength leaves, diffusers counts from pure noise.
                turn = 1 - settings.strength * (1 - settings.refine_from)
                first = {**asked, "denoising_end": turn, "output_type": "latent"}
                latents = self._pipe(**_taken(self._pipe, first)).images
                second = {
                    **asked,
                    "prompt": [prompt] * len(seeds),
                    "negative_prompt": [settings.negative_prompt] * len(seeds),
                    "num_images_per_prompt": 1,
                    "image": latents,
                    "denoising_start": turn,
                }
                done = self._refiner(**_taken(self._refiner, second))
        blocked = getattr(done, "nsfw_content_detected", None) or [False] * len(seeds)
        images = (np.nan_to_num(done.images).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        return images, [bool(one) for one in blocked]

    @property
    def _pipes(self) -> list[Any]:
        return [pipe for pipe in (self._pipe, self._refiner) if pipe is not None]

    def _part(self, kind: Any, setting: str, value: str, **given: Any) -> Any:
        """A pipeline or a part of one, from a folder; only safetensors are read."""
        path = model_path(value)
        try:
            with warnings.catch_warnings():
                # The name that version 0.35 knows.
                warnings.filterwarnings("ignore", "`torch_dtype` is deprecated")
                part = kind.from_pretrained(
                    path,
                    torch_dtype=self._dtype,
                    variant=_variant(path, self._settings.variant),
                    use_safetensors=True,
                    local_files_only=True,
                    **given,
                )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            log.debug("why:", exc_info=True)
            raise BlanketError(
                f"inpaint.{setting} {_name(value, path)} cannot be loaded by diffusers "
                f"({_first_line(error)}): a whole model with safetensors is needed"
            ) from error
        self.models.append(Model(f"inpaint.{setting}", path, _name(value, path), self._described))
        return part

    def _add(self, lora: str, name: str) -> None:
        path = model_path(lora)
        folder, file = (path.parent, path.name) if path.is_file() else (path, None)
        with needs("diffusion", "a LoRA"):
            import peft  # noqa: F401
        try:
            self._pipe.load_lora_weights(
                str(folder), weight_name=file, adapter_name=name, use_safetensors=True
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise BlanketError(
                f"inpaint.loras {_name(lora, path)} does not fit the model ({_first_line(error)})"
            ) from error
        self.models.append(Model("inpaint.loras", path, _name(lora, path), self._described))

    def _schedule(self, pipe: Any) -> None:
        name = self._settings.scheduler
        if name is None:
            return
        kind: Any = getattr(diffusers, name, None)
        if not name.endswith("Scheduler") or not hasattr(kind, "from_config"):
            raise InputError(f"inpaint.scheduler {name!r} is no scheduler of diffusers")
        pipe.scheduler = kind.from_config(pipe.scheduler.config, **self._settings.scheduler_options)

    def _place(self, pipe: Any) -> None:
        settings = self._settings
        pipe.set_progress_bar_config(disable=True)
        offload = settings.offload
        if offload == "auto":
            offload = "model" if _short(pipe, self._device) else "none"
        if offload == "none" or self._device == "cpu":
            pipe.to(self._device)
        elif offload == "model":
            pipe.enable_model_cpu_offload(device=self._device)
        else:
            pipe.enable_sequential_cpu_offload(device=self._device)
        denoiser = getattr(pipe, "unet", None) or pipe.transformer
        if settings.attention is not None:
            _attend(pipe, denoiser, settings.attention)
        if settings.compile:
            denoiser.compile()


def _device(settings: InpaintSettings) -> tuple[str, Any, str]:
    device: str = settings.device
    dtype: str = settings.dtype
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if here[name])
    if not here[device]:
        raise BlanketError(
            f"torch finds no {device} device: see `blanket doctor`, or set inpaint.device=auto"
        )
    if dtype == "auto":
        dtype = {"cuda": "bf16", "mps": "fp16"}.get(device, "fp32")
    return device, _TYPES[dtype], dtype


def _short(pipe: Any, device: str) -> bool:
    """Whether a CUDA device has too little free memory for a whole pipeline."""
    if device != "cuda":
        return False
    parts = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    size = sum(p.numel() * p.element_size() for part in parts for p in part.parameters())
    free, _ = torch.cuda.mem_get_info()
    return bool(free < _SPARE[0] * size + _SPARE[1])


def _attend(pipe: Any, denoiser: Any, attention: str) -> None:
    try:
        if attention == "slicing":
            pipe.enable_attention_slicing()
        elif attention == "xformers":
            pipe.enable_xformers_memory_efficient_attention()
        elif not any(
            hasattr(getattr(module, "processor", None), "_attention_backend")
            for module in denoiser.modules()
        ):
            raise ValueError("the model takes no backends")
        else:
            denoiser.set_attention_backend(attention)
    except (ValueError, RuntimeError, ImportError) as error:
        raise InputError(
            f"inpaint.attention cannot be {attention!r} ({_first_line(error)}): choose slicing, "
            "xformers, or leave it out"
        ) from error


def _taken(pipe: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Of the arguments those that this kind of pipeline takes."""
    known = inspect.signature(pipe.__call__).parameters
    left = sorted(name for name in asked if name not in known and asked[name] is not None)
    if left:
        log.warning("%s takes no %s", type(pipe).__name__, ", ".join(left))
    return {name: value for name, value in asked.items() if name in known}


def _variant(path: Path, variant: str | None) -> str | None:
    """The variant, if the folder has files of it; half precision where some part of the model
    has nothing else, which is what `blanket weights pull` fetches."""
    parts: dict[Path, list[bool]] = {}
    wanted = variant or "fp16"
    for file in path.rglob("*.safetensors"):
        is_one = f".{wanted}." in file.name or f".{wanted}-" in file.name
        parts.setdefault(file.parent, []).append(is_one)
    chosen = any if variant is not None else all
    return wanted if any(chosen(part) for part in parts.values()) else None


def _deterministic() -> Any:
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)


def _quiet() -> None:
    """Only errors: the rest is about packages that are not needed here."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()


def _name(value: str, path: Path) -> str:
    return path.name if Path(value).exists() else value


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")[:160]
