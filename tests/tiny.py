"""Models of other people's kinds, tiny and with random or known weights, made for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BLOCKS: dict[str, Any] = {
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "norm_num_groups": 4,
}


def _text_encoder(width: int, projected: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=300, hidden_size=width, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=77, projection_dim=width,
        bos_token_id=256, eos_token_id=257, pad_token_id=257,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def _tokenizer(folder: Path) -> Any:
    """Knows single letters only."""
    from transformers import CLIPTokenizer

    letters = [chr(c) for c in range(97, 123)]
    names = [*letters, *(letter + "</w>" for letter in letters)]
    vocabulary = {name: number for number, name in enumerate(names)}
    vocabulary |= {"<|startoftext|>": 256, "<|endoftext|>": 257}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def _vae() -> Any:
    """Eight pixels to a latent, as published: a tiny model can paint 512 pixels."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 8, 8, 16), norm_num_groups=4, latent_channels=4, sample_size=64,
    )  # fmt: skip


def _unet(channels: int, width: int, **more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16, in_channels=channels, out_channels=4, cross_attention_dim=width,
        attention_head_dim=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **BLOCKS, **more,
    )  # fmt: skip


def _scheduler() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                         clip_sample=False, set_alpha_to_one=False, steps_offset=1)  # fmt: skip


def sd_inpaint(folder: Path, safety: bool = False) -> Path:
    """Stable Diffusion inpainting (a UNet of 9 channels), saved as a model is published."""
    import torch
    from diffusers import StableDiffusionInpaintPipeline

    torch.manual_seed(0)
    checker = extractor = None
    if safety:
        from diffusers.pipelines.stable_diffusion.safety_checker import (
            StableDiffusionSafetyChecker,
        )
        from transformers import CLIPConfig, CLIPImageProcessor

        layers = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
                  "num_attention_heads": 2, "projection_dim": 8}  # fmt: skip
        config = CLIPConfig(
            text_config={**layers, "vocab_size": 300},
            vision_config={**layers, "image_size": 32, "patch_size": 16},
            projection_dim=8,
        )
        checker = StableDiffusionSafetyChecker(config)
        extractor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)
    pipe = StableDiffusionInpaintPipeline(
        vae=_vae(), text_encoder=_text_encoder(8), tokenizer=_tokenizer(folder / "tokenizer"),
        unet=_unet(9, 8), scheduler=_scheduler(), safety_checker=checker,
        feature_extractor=extractor, requires_safety_checker=safety,
    )  # fmt: skip
    pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def sdxl_inpaint(folder: Path) -> Path:
    """Stable Diffusion XL inpainting."""
    import torch
    from diffusers import StableDiffusionXLInpaintPipeline

    torch.manual_seed(0)
    pipe = StableDiffusionXLInpaintPipeline(
        vae=_vae(), text_encoder=_text_encoder(8), text_encoder_2=_text_encoder(8, True),
        tokenizer=_tokenizer(folder / "tokenizer"),
        tokenizer_2=_tokenizer(folder / "tokenizer_2"),
        unet=_unet(9, 16, **_xl(6)), scheduler=_scheduler(),
    )  # fmt: skip
    pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def sdxl_refiner(folder: Path) -> Path:
    """The refiner of Stable Diffusion XL: one text encoder, four channels."""
    import torch
    from diffusers import StableDiffusionXLImg2ImgPipeline

    torch.manual_seed(0)
    pipe = StableDiffusionXLImg2ImgPipeline(
        vae=_vae(), text_encoder=None, tokenizer=None, text_encoder_2=_text_encoder(8, True),
        tokenizer_2=_tokenizer(folder / "tokenizer_2"), unet=_unet(4, 8, **_xl(5)),
        scheduler=_scheduler(), requires_aesthetics_score=True,
    )  # fmt: skip
    pipe.save_pretrained(folder, safe_serialization=True)
    return folder


def _xl(numbers: int) -> dict[str, Any]:
    """What SDXL's UNet is told beside the prompt: so many numbers, 8 channels each."""
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 8 * numbers + 8,
        "transformer_layers_per_block": 1,
        "use_linear_projection": True,
    }


def controlnet(folder: Path, xl: bool = False) -> Path:
    """A ControlNet that fits the pipelines above, with weights that do something."""
    import torch
    from diffusers import ControlNetModel

    torch.manual_seed(0)
    unet = _unet(4, 16, **_xl(6)) if xl else _unet(4, 8)
    net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8, 16))
    with torch.no_grad():
        for block in [*net.controlnet_down_blocks, net.controlnet_mid_block]:
            block.weight.normal_(0, 0.5)
        net.controlnet_cond_embedding.conv_out.weight.normal_(0, 0.5)
    net.save_pretrained(folder, safe_serialization=True)
    return folder
