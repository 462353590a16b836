"""Speed and memory of the networks of the diffusion presets, at random weights.

    python benchmarks/gpu.py [--full] [--device cuda|cpu]

Stage 1: `blanket.inpaint.pipe.InpaintPipe` beside the bare diffusers call with the same
settings. Stage 2: `blanket.swap.neural.NeuralMethod.swapped` beside the bare ONNX Runtime
session on the same batch. Full sizes (Stable Diffusion 1.5 at 512, XL at 1024, a 128 swapper of
inswapper's layers) on CUDA or with --full, small ones otherwise. Writes a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from onnx import TensorProto, helper, numpy_helper, save
from PIL import Image
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from blanket.config import InpaintSettings, SwapSettings
from blanket.inpaint.pipe import InpaintPipe
from blanket.swap.network import normalised
from blanket.swap.neural import NeuralMethod

SMALL = {"channels": (32, 64, 64, 64), "text": 64, "side": 64, "steps": 4, "candidates": 2}
FULL = {"steps": 30, "candidates": 4}


def tokenizer(folder: Path) -> CLIPTokenizer:
    """Knows single letters only."""
    letters = [chr(c) for c in range(97, 123)]
    names = [*letters, *(letter + "</w>" for letter in letters)]
    vocabulary = {name: number for number, name in enumerate(names)}
    vocabulary |= {"<|startoftext|>": 52, "<|endoftext|>": 53}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def text_encoder(width: int, layers: int, heads: int, projected: bool = False) -> Any:
    """A text encoder of CLIP's form."""
    config = CLIPTextConfig(
        vocab_size=49408, hidden_size=width, intermediate_size=4 * width,
        num_hidden_layers=layers, num_attention_heads=heads, projection_dim=width,
        bos_token_id=52, eos_token_id=53, pad_token_id=53,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def vae(channels: tuple[int, ...]) -> AutoencoderKL:
    """The autoencoder that both have."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=channels, layers_per_block=2, latent_channels=4, sample_size=512,
    )  # fmt: skip


def scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip


def sd15(folder: Path, full: bool) -> Path:
    """Stable Diffusion 1.5 inpainting at random weights; its true sizes if full."""
    channels = (320, 640, 1280, 1280) if full else SMALL["channels"]
    width = 768 if full else SMALL["text"]
    unet = UNet2DConditionModel(
        sample_size=64, in_channels=9, out_channels=4, block_out_channels=channels,
        layers_per_block=2, cross_attention_dim=width, attention_head_dim=8,
    )  # fmt: skip
    text = text_encoder(768, 12, 12) if full else text_encoder(width, 2, 4)
    StableDiffusionInpaintPipeline(
        vae=vae((128, 256, 512, 512) if full else (32, 32, 64, 64)), text_encoder=text,
        tokenizer=tokenizer(folder / "tokenizer"), unet=unet, scheduler=scheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def sdxl(folder: Path, full: bool) -> Path:
    """Stable Diffusion XL inpainting at random weights; its true sizes if full."""
    width = 1280 if full else SMALL["text"]
    first = text_encoder(768, 12, 12) if full else text_encoder(width, 2, 4)
    second = text_encoder(width, 32, 20, True) if full else text_encoder(width, 2, 4, True)
    both = 2048 if full else 2 * width
    unet = UNet2DConditionModel(
        sample_size=128, in_channels=9, out_channels=4, layers_per_block=2,
        block_out_channels=(320, 640, 1280) if full else (32, 64, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10) if full else (1, 1, 2),
        attention_head_dim=(5, 10, 20) if full else 8, cross_attention_dim=both,
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=width + 6 * 256,
    )  # fmt: skip
    StableDiffusionXLInpaintPipeline(
        vae=vae((128, 256, 512, 512) if full else (32, 32, 64, 64)), text_encoder=first,
        text_encoder_2=second, tokenizer=tokenizer(folder / "tokenizer"),
        tokenizer_2=tokenizer(folder / "tokenizer_2"), unet=unet, scheduler=scheduler(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def inswapper(path: Path, full: bool) -> Path:
    """A swapper of inswapper's form at random weights: convolutions down to a quarter, six
    blocks of two convolutions each scaled and shifted by the source, and up again."""
    width = 1024 if full else 64
    rng = np.random.default_rng(0)
    nodes: list[Any] = []
    weights: list[Any] = []

    def held(array: Any) -> str:
        name = f"w{len(weights)}"
        weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(kind: str, *inputs: str, **options: Any) -> str:
        name = f"n{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], **options))
        return name

    def random(*shape: int) -> str:
        scale = 1 / np.sqrt(np.prod(shape[1:]))
        return held((rng.normal(size=shape) * scale).astype(np.float32))

    def convolved(x: str, fan_in: int, fan_out: int, kernel: int, stride: int = 1) -> str:
        return add("Conv", x, random(fan_out, fan_in, kernel, kernel), strides=[stride] * 2,
                   pads=[kernel // 2] * 4)  # fmt: skip

    axes, small = held(np.array([2, 3], np.int64)), held(np.float32(1e-5))
    x = add("LeakyRelu", convolved("target", 3, width // 8, 7))
    for step in (8, 4, 2):
        stride = 2 if step > 2 else 1
        x = add("LeakyRelu", convolved(x, width // step, width // step * 2, 3, stride))
    for _ in range(6):
        before = x
        for last in (False, True):
            y = convolved(x, width, width, 3)
            mean = add("ReduceMean", y, axes=[2, 3], keepdims=1)
            away = add("Sub", y, mean)
            power = add("ReduceMean", add("Mul", away, away), axes=[2, 3], keepdims=1)
            y = add("Div", away, add("Sqrt", add("Add", power, small)))
            style = add("MatMul", "source", random(512, 2 * width))
            half = held(np.array([width, width], np.int64))
            nodes.append(
                helper.make_node(
                    "Split", [style, half], [f"a{len(nodes)}", f"b{len(nodes)}"], axis=1
                )
            )
            scale, shift = nodes[-1].output
            y = add("Add", add("Mul", y, add("Unsqueeze", scale, axes)),
                    add("Unsqueeze", shift, axes))  # fmt: skip
            x = y if last else add("Relu", y)
        x = add("Add", before, x)
    for step in (1, 2):
        double = held(np.array([1, 1, 2, 2], np.float32))
        x = add("Resize", x, "", double, mode="linear")
        x = add("LeakyRelu", convolved(x, width // step, width // step // 2, 3))
    x = add("Tanh", convolved(x, width // 4, 3, 7))
    half_grey = held(np.float32(0.5))
    nodes.append(helper.make_node("Add", [add("Mul", x, half_grey), half_grey], ["output"]))
    weights.append(numpy_helper.from_array(np.eye(512, dtype=np.float32), "emap"))
    inputs = [
        helper.make_tensor_value_info("target", TensorProto.FLOAT, [1, 3, 128, 128]),
        helper.make_tensor_value_info("source", TensorProto.FLOAT, [1, 512]),
    ]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, 128, 128])
    graph = helper.make_graph(nodes, "swapper", inputs, [output], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    save(model, path)
    return path


def arcface(path: Path) -> Path:
    """A recogniser that is loaded, but not timed."""
    nodes = [
        helper.make_node("AveragePool", ["input"], ["p"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["output"]),
    ]
    weight = numpy_helper.from_array(np.ones((147, 512), np.float32), "w")
    graph = helper.make_graph(
        nodes, "recogniser",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 512])], [weight],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    save(model, path)
    return path


def timed(calls: dict[str, Callable[[], Any]], device: str, rounds: int) -> dict[str, float]:
    """The median seconds of calls that take turns, so that both see the same machine."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if device == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def memory(device: str) -> float:
    """GiB: the peak on the device since the last call, or of the process."""
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**30
        torch.cuda.reset_peak_memory_stats()
        return peak
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def stage1(name: str, folder: Path, kind: Any, side: int, device: str, full: bool) -> str:
    size = FULL if full else SMALL
    dtype = "bf16" if device == "cuda" else "fp32"
    chosen = InpaintSettings(
        model=str(folder), side=side, steps=size["steps"], candidates=size["candidates"],
        device=device, dtype=dtype, scheduler=None, offload="none",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : -side // 4, side // 4 : -side // 4] = 255
    seeds = list(range(size["candidates"]))
    ours = InpaintPipe(chosen)
    bare = kind.from_pretrained(
        folder, torch_dtype=getattr(torch, "bfloat16" if device == "cuda" else "float32"),
        local_files_only=True,
    ).to(device)  # fmt: skip
    bare.set_progress_bar_config(disable=True)

    def alone() -> Any:
        with torch.inference_mode():
            return bare(
                prompt="a face", negative_prompt=chosen.negative_prompt,
                image=Image.fromarray(crop), mask_image=Image.fromarray(mask), height=side,
                width=side, num_images_per_prompt=len(seeds), num_inference_steps=chosen.steps,
                guidance_scale=chosen.guidance, strength=1.0, output_type="np",
                generator=[torch.Generator("cpu").manual_seed(s) for s in seeds],
            ).images  # fmt: skip

    seconds = timed(
        {"ours": lambda: ours(crop, mask, [], "a face", seeds), "bare": alone}, device, 3
    )
    what = f"{name}, {side}x{side}, {len(seeds)} candidates, {chosen.steps} steps, {dtype}"
    return _row(what, seconds, memory(device))


def stage2(folder: Path, device: str, full: bool) -> str:
    inswapper(folder / "inswapper_128.onnx", full)
    chosen = SwapSettings(
        backend="neural", model=str(folder / "inswapper_128.onnx"), device=device, batch=8,
        recogniser=str(arcface(folder / "arcface.onnx")),
    )  # fmt: skip
    method = NeuralMethod(chosen)
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 255, (chosen.batch, 128, 128, 3), dtype=np.uint8)
    source = rng.normal(size=(1, 512)).astype(np.float32) / 22
    feeds = {"target": normalised(crops, method.kind), "source": source.repeat(chosen.batch, 0)}
    session = method.network._session
    seconds = timed(
        {"ours": lambda: method.swapped(crops, source), "bare": lambda: session.run(None, feeds)},
        device, 5,
    )  # fmt: skip
    size = (folder / "inswapper_128.onnx").stat().st_size / 2**20
    what = f"128 swapper ({size:.0f} MiB), batch of {chosen.batch}, {method.network.device}"
    return _row(what, seconds, memory(device))


def _row(what: str, seconds: dict[str, float], peak: float) -> str:
    ratio = seconds["ours"] / seconds["bare"]
    return f"| {what} | {seconds['ours']:.3f} | {seconds['bare']:.3f} | {ratio:.2f} | {peak:.1f} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--full", action="store_true")
    arguments.add_argument("--device", choices=("cuda", "cpu"), default=None)
    asked = arguments.parse_args()
    device = asked.device or ("cuda" if torch.cuda.is_available() else "cpu")
    full = asked.full or device == "cuda"
    where = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or "CPU"
    sizes = "full" if full else "small"
    print(f"Measured on: {where}, {torch.get_num_threads()} threads, {sizes} sizes,")
    print(f"torch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}\n")
    print("| what | seconds | bare call, s | ratio | peak memory, GiB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(stage2(folder, device, full), flush=True)
        sides = (512, 1024) if full else (SMALL["side"], SMALL["side"])
        made = sd15(folder / "sd15", full)
        print(stage1("SD 1.5", made, StableDiffusionInpaintPipeline, sides[0], device, full),
              flush=True)  # fmt: skip
        made = sdxl(folder / "sdxl", full)
        print(stage1("SDXL", made, StableDiffusionXLInpaintPipeline, sides[1], device, full),
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
