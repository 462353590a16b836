"""Inventing faces with diffusers: real pipeline classes, tiny and with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from conftest import Demo

pytest.importorskip("diffusers", reason="diffusers (extra diffusion) runs the models")
pytest.importorskip("transformers", reason="transformers (extra diffusion) runs the models")
pytest.importorskip("onnx", reason="onnx (extra diffusion) makes the swapper")

import swappers as made
import tiny

import blanket
from blanket import align
from blanket.analysis import Analysis, Placements, analyse
from blanket.attributes import head_pose
from blanket.cli import main
from blanket.config import InpaintSettings
from blanket.detect import build_detector
from blanket.errors import BlanketError, InputError
from blanket.faces import Appearance
from blanket.image import Still, write_image
from blanket.inpaint.candidates import Checks
from blanket.inpaint.control import LANDMARKS, control_image
from blanket.inpaint.morphable import Morphable
from blanket.inpaint.pipe import InpaintPipe
from blanket.inpaint.portrait import portrait
from blanket.inpaint.upright import InpaintCrop, inpaint_crop
from blanket.mesh import MeshNetwork, covered
from blanket.presets import load_settings
from blanket.recognise import build_recogniser, distances
from blanket.resample import as_affine, blend
from blanket.store import find
from blanket.swap.source import source_crop
from blanket.swap.table import swapper_kind
from blanket.swap.warp import WarpMethod
from blanket.topology import SURFACE
from blanket.video import probe, read
from blanket.view import View, best_views

INFANT = Path(__file__).parents[2] / "shared" / "data" / "clips" / "infant.mp4"
needs_infant = pytest.mark.skipif(not INFANT.exists(), reason="shared/data is not here")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads cost these small networks more than they give."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of each kind, saved as models are published."""
    folder = tmp_path_factory.mktemp("models")
    tiny.sd_inpaint(folder / "sd")
    tiny.sd_inpaint(folder / "safe", safety=True)
    tiny.controlnet(folder / "control")
    tiny.sdxl_inpaint(folder / "xl")
    tiny.sdxl_refiner(folder / "refiner")
    tiny.controlnet(folder / "control_xl", xl=True)
    made.swapper(folder / "inswapper_128.onnx", 128, matrix=True)
    made.arcface(folder / "arcface.onnx")
    return folder


@cache
def followed(clip: Path) -> Analysis:
    chosen = load_settings()
    return analyse(read(clip), build_detector(chosen.detect), MeshNetwork(), chosen)


def best(clip: Path, at: float | None = None) -> tuple[View, Appearance]:
    analysis = followed(clip)
    track = max(analysis.tracks, key=lambda one: len(one.sightings))
    views = best_views(read(clip), analysis, Placements(analysis, load_settings()), at)
    assert track.appearance is not None
    return views[track.subject], track.appearance


def cropped(view: View, own: Appearance) -> InpaintCrop:
    given = InpaintSettings()
    return inpaint_crop(view, own, 512, given.context, given.grow, given.feather)


@pytest.fixture(scope="module")
def short_infant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of the clip in shared/data, with the hand in front."""
    path = tmp_path_factory.mktemp("infant") / "infant.mp4"
    pictures = [frame.rgb() for frame, _ in zip(read(INFANT), range(30), strict=False)]
    make_clip(path, pictures)
    return path


# The crop, the mask, and the way back.


@needs_infant
def test_the_crop_of_a_lying_infant_is_upright(short_infant: Path) -> None:
    view, own = best(short_infant)
    crop = cropped(view, own)
    reference = np.load(INFANT.with_name("infant_mesh.npz"))["mesh"][view.picture.index]
    assert abs(head_pose(reference)[2]) > 40
    assert abs(head_pose(align.apply(crop.matrix, reference))[2]) < 3
    assert abs(head_pose(crop.mesh)[2]) < 3


@needs_infant
def test_a_lying_infant_comes_back_as_it_was(short_infant: Path) -> None:
    _comes_back(*best(short_infant))


def test_what_is_not_changed_comes_back_as_it_was(demo: Demo) -> None:
    _comes_back(*best(demo.clip))


def _comes_back(view: View, own: Appearance) -> None:
    """An identity in the place of the model, on the frame as it is stored and as RGB."""
    crop = cropped(view, own)
    before = view.picture.rgb()
    # 16 bits deep, so that no weight of the mask is rounded to nothing.
    deep = np.zeros(before.shape[:2], np.uint16)
    full = np.full(crop.mask.shape, 2**16 - 1, np.uint16)
    blend([deep], [full], crop.mask, as_affine(crop.matrix))
    inside = deep > 0
    assert (deep > 0.99 * full.max()).sum() > 500
    stored, still = view.picture.copy(), Still(before.copy())
    for picture in (stored, still):
        picture.paste(crop.pixels, crop.mask, crop.matrix)
        change = np.abs(picture.rgb().astype(int) - before)
        assert change[inside].mean() <= 2
        assert change[~inside].max() == 0
    # In every plane: no luma outside, and no colour that a pixel outside shares.
    y, *colours = [new != old for new, old in zip(stored.planes, view.picture.planes, strict=True)]
    assert not (y & ~inside).any()
    for changed in colours:
        assert changed.any()
        assert not (np.repeat(np.repeat(changed, 2, 0), 2, 1) & ~inside).any()
    assert (view.picture.rgb() == before).all()


def test_the_mask_is_the_face_without_what_lies_in_front(demo: Demo) -> None:
    view, own = best(demo.clip)
    crop = cropped(view, own)
    assert crop.mask.min() == 0 and crop.mask.max() == 1
    assert set(np.unique(crop.to_paint)) == {0, 255}
    assert ((crop.mask > 0) == (crop.to_paint > 0)).all()
    x, y = np.round(crop.mesh[1, :2]).astype(int)
    assert crop.mask[y, x] == 1
    hidden = int(demo.truth.occluded[:, 0].argmax())
    covered = cropped(best(demo.clip, hidden / demo.truth.rate)[0], own)
    assert covered.mask.mean() < 0.97 * crop.mask.mean()


def test_control_images_show_edges_and_landmarks(demo: Demo) -> None:
    view, own = best(demo.clip)
    crop = cropped(view, own)
    edges = control_image("canny", crop.pixels, crop.mesh)
    assert set(np.unique(edges)) == {0, 255}
    drawn = control_image("landmarks", crop.pixels, crop.mesh)
    assert len(LANDMARKS) == 70 == len(set(LANDMARKS))
    for x, y in np.round(crop.mesh[list(LANDMARKS), :2]).astype(int):
        assert drawn[y, x].min() > 128
    assert drawn.mean() < 20


# Pipelines.


def settings(models: Path, **more: Any) -> InpaintSettings:
    given = {"model": str(models / "sd"), "steps": 3, "side": 64, "device": "cpu"} | more
    return InpaintSettings(**given)


def painted(chosen: InpaintSettings, seeds: tuple[int, ...] = (1, 2)) -> np.ndarray:
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255
    pipe = InpaintPipe(chosen)
    images, blocked = pipe(crop, mask, [crop] * len(chosen.controls), "a face", seeds)
    assert images.shape == (len(seeds), 64, 64, 3)
    assert images.dtype == np.uint8
    assert len(blocked) == len(seeds)
    return images


def test_the_same_seeds_give_the_same_faces(models: Path) -> None:
    both = painted(settings(models))
    assert (both == painted(settings(models))).all()
    assert (both[0] != both[1]).any()
    assert (both != painted(settings(models), (3, 4))).any()


def test_controlnets_are_heard(models: Path) -> None:
    control = {"kind": "canny", "model": str(models / "control"), "scale": 1.0}
    plain = painted(settings(models))
    one = painted(settings(models, controls=[control]))
    two = painted(settings(models, controls=[control, {**control, "kind": "landmarks"}]))
    assert (one != plain).any()
    assert (two != one).any()


def test_sdxl_with_a_controlnet_and_a_refiner(models: Path) -> None:
    control = {"kind": "landmarks", "model": str(models / "control_xl")}
    xl = str(models / "xl")
    plain = painted(settings(models, model=xl, steps=6, strength=0.6))
    controlled = painted(settings(models, model=xl, steps=6, strength=0.6, controls=[control]))
    refined = painted(
        settings(models, model=xl, steps=10, strength=0.6, refiner=str(models / "refiner"))
    )
    assert (controlled != plain).any()
    assert (refined != plain).any()


def test_a_lora_changes_the_face(models: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="peft (extra diffusion) adds LoRAs")
    import torch
    from diffusers import StableDiffusionInpaintPipeline

    pipe = StableDiffusionInpaintPipeline.from_pretrained(models / "sd", safety_checker=None)
    torch.manual_seed(3)
    pipe.unet.add_adapter(
        peft.LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    )
    layers = peft.get_peft_model_state_dict(pipe.unet)
    pipe.save_lora_weights(tmp_path, unet_lora_layers=layers, safe_serialization=True)
    [file] = tmp_path.glob("*.safetensors")
    plain = painted(settings(models))
    assert (painted(settings(models, loras=[str(file)])) != plain).any()
    none = painted(settings(models, loras=[str(tmp_path)], lora_scale=0.0))
    assert np.abs(none.astype(int) - plain).max() <= 1


def test_a_model_is_found_by_its_id(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = models.parent / "store"
    (store / "somebody").mkdir(parents=True, exist_ok=True)
    if not (store / "somebody" / "faces").exists():
        (store / "somebody" / "faces").symlink_to(models / "sd")
    monkeypatch.setenv("BLANKET_WEIGHTS", str(store))
    by_id = painted(settings(models, model="somebody/faces"))
    assert (by_id == painted(settings(models))).all()


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_a_model_of_which_parts_are_there_in_half_precision_only_is_loaded(
    models: Path, tmp_path: Path, variant: str | None
) -> None:
    import torch
    from diffusers import StableDiffusionInpaintPipeline

    pipe = StableDiffusionInpaintPipeline.from_pretrained(models / "sd", safety_checker=None)
    pipe.to(torch.float16).save_pretrained(tmp_path / "sd", variant="fp16")
    assert len(list(tmp_path.rglob("*.fp16.safetensors"))) == 3
    [vae] = (tmp_path / "sd" / "vae").glob("*.safetensors")
    vae.rename(vae.with_name(vae.name.replace(".fp16", "")))
    painted(settings(tmp_path, variant=variant))


def test_pickled_weights_are_never_read(models: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(models / "sd", tmp_path / "sd")
    [file] = (tmp_path / "sd" / "unet").glob("*.safetensors")
    file.rename(file.with_suffix(".bin"))
    with pytest.raises(BlanketError, match="safetensors"):
        InpaintPipe(settings(tmp_path))


@pytest.mark.parametrize(
    ("given", "tells"),
    [
        ({"scheduler": "Nonsense"}, "inpaint.scheduler 'Nonsense'"),
        ({"attention": "flash"}, "inpaint.attention"),
        ({"device": "cuda"}, "cuda"),
    ],
)
def test_what_cannot_be_is_one_sentence(models: Path, given: dict[str, Any], tells: str) -> None:
    import torch

    if given == {"device": "cuda"} and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises((BlanketError, InputError), match=tells) as refused:
        InpaintPipe(settings(models, **given))
    assert "\n" not in str(refused.value)


def test_attention_can_be_sliced(models: Path) -> None:
    plain = painted(settings(models)).astype(int)
    sliced = painted(settings(models, attention="slicing")).astype(int)
    assert np.abs(plain - sliced).max() <= 1


def test_a_safety_checker_is_asked(models: Path) -> None:
    assert InpaintPipe(settings(models, model=str(models / "safe"))).checks_safety
    assert not InpaintPipe(settings(models)).checks_safety
    painted(settings(models, model=str(models / "safe")))


# Candidates.


class Anybody:
    """A recogniser to whom faces differ as much as their mean brightness."""

    name = "anybody"
    metric = "euclidean"
    threshold = 3.0

    def embed(self, picture: np.ndarray, meshes: np.ndarray) -> np.ndarray:
        low, high = meshes[0, :SURFACE, :2].min(0).astype(int), meshes[0, :SURFACE, :2].max(0)
        inner = picture[low[1] : int(high[1]), low[0] : int(high[0])]
        return np.array([[inner.mean()]], np.float32)


def test_each_check_rejects_what_it_should(demo: Demo) -> None:
    view, own = best(demo.clip)
    crop = cropped(view, own)
    detector, network = build_detector(load_settings().detect), MeshNetwork()
    every = ("safe", "face", "pose", "age", "stranger")

    def failed(pixels: np.ndarray, age: str | None = None, blocked: bool = False) -> str | None:
        checks = Checks(every, detector, network, Anybody())
        return checks.look(pixels, crop.pixels, crop.mesh, age, blocked).failed

    # Another face on the same head: what a good candidate is.
    new = Morphable(distance=0.3).invent(own, np.random.default_rng(3), None)
    still = Still(crop.pixels.copy())
    placement = next(
        one
        for one in Placements(followed(demo.clip), load_settings()).at(view.picture.index)
        if np.abs(one.mesh - view.mesh).max() < 1
    )
    frame = view.picture.copy()
    WarpMethod(load_settings().swap).fit(new, own, None).swap([(frame, placement)])
    good = frame.sample(crop.matrix, (512, 512)).astype(int)
    good = (good * 0.95).clip(0, 255).astype(np.uint8)
    assert failed(good) is None
    assert failed(good, "adult") == "age"
    assert failed(good, blocked=True) == "safe"
    # The child itself.
    assert failed(crop.pixels) == "stranger"
    # No face, and a face that lies elsewhere.
    noise = np.random.default_rng(0).integers(0, 255, crop.pixels.shape, dtype=np.uint8)
    still.paste(noise, crop.mask, np.eye(2, 3, dtype=np.float32))
    assert failed(still.pixels) == "face"
    tilted = align.compose(
        np.array([[0.94, -0.34, 100], [0.34, 0.94, -70]], np.float32),
        np.eye(2, 3, dtype=np.float32),
    )
    assert failed(Still(good).sample(tilted, (512, 512))) in ("face", "pose")


def test_without_checks_everything_passes(demo: Demo) -> None:
    view, own = best(demo.clip)
    crop = cropped(view, own)
    checks = Checks((), build_detector(load_settings().detect), MeshNetwork(), None)
    noise = np.random.default_rng(0).integers(0, 255, crop.pixels.shape, dtype=np.uint8)
    looked = checks.look(noise, crop.pixels, crop.mesh, "infant", blocked=True)
    assert looked.failed is None


# The whole job.


def command(clip: Path, target: Path, models: Path, *more: str) -> list[str]:
    """As in the README, with the models at hand and few steps."""
    return [
        "anonymize", str(clip), "-o", str(target), "--preset", "diffusion",
        "--set", f"inpaint.model={models / 'sd'}", "--set", "inpaint.steps=2",
        "--set", "inpaint.side=64", "--set", "inpaint.candidates=2", *more,
    ]  # fmt: skip


UNCHECKED = "--set", "inpaint.checks=[]", "--set", "audit.effort=none"
"""The test swapper leaves the child as it is, which the audit would find."""


def test_the_whole_job_says_what_it_used(demo: Demo, models: Path, tmp_path: Path) -> None:
    target, report_at = tmp_path / "out.mp4", tmp_path / "out.json"
    status = main(
        command(
            demo.clip, target, models, *UNCHECKED, "--report", str(report_at),
            "--save-identity", str(tmp_path / "new.png"), "--identity-at", "1.0",
            "--set", f"swap.model={models / 'inswapper_128.onnx'}",
            "--set", f"swap.recogniser={models / 'arcface.onnx'}",
        )
    )  # fmt: skip
    assert status in (0, 3)
    report = blanket.Report.model_validate_json(report_at.read_text())
    assert report.preset == "diffusion"
    assert report.backends.identity == "diffusion"
    assert report.backends.swap == "inswapper"
    assert probe(target).frames == len(demo.truth.mesh) == report.totals.frames
    infant = report.tracks[0]
    assert infant.replaced_by["inswapper"] > 0.5 * report.totals.frames
    assert infant.identity is not None and infant.identity.trials is not None
    assert infant.identity.trials.checks == []
    assert infant.identity.trials.frame == round(demo.truth.rate)
    assert any("were not checked" in warning for warning in report.warnings)
    assert {one.setting for one in report.models} == {
        "inpaint.model", "swap.model", "swap.recogniser",
    }  # fmt: skip
    assert str(models) not in report.to_json()
    assert (tmp_path / "new.png").exists()


def stranger(path: Path, own: Appearance) -> Path:
    """A swapper that mixes a drawn face into every target: the face of nobody in the clip."""
    new = Morphable("adult", 0.9).invent(own, np.random.default_rng(0), None)
    _, kind = swapper_kind("uniface_256")
    drawn = source_crop(portrait(new, own.colour), kind)[0].transpose(1, 2, 0)
    return made.swapper(path, 256, picture=256, face=drawn)


def _ends_well(clip: Path, own: Appearance, models: Path, tmp_path: Path) -> blanket.Report:
    """The whole job at the preset's own size, audit and all, with no checks."""
    target, report_at = tmp_path / "out.mp4", tmp_path / "out.json"
    swapper = stranger(tmp_path / "uniface_256.onnx", own)
    status = main([
        "anonymize", str(clip), "-o", str(target), "--preset", "diffusion",
        "--set", f"inpaint.model={models / 'sd'}", "--set", f"swap.model={swapper}",
        "--set", "inpaint.checks=[]", "--set", "inpaint.steps=6", "--report", str(report_at),
    ])  # fmt: skip
    assert status == 0
    report = blanket.Report.model_validate_json(report_at.read_text())
    frames = probe(clip).frames
    assert probe(target).frames == report.totals.frames == frames
    assert report.totals.hidden == 0
    assert report.audit is not None and report.audit.verdict == "clean"
    assert any("were not checked" in warning for warning in report.warnings)
    assert {one.setting: one.name for one in report.models} == {
        "inpaint.model": "sd", "swap.model": "uniface_256.onnx",
    }  # fmt: skip
    assert all(one.identity.generator == "diffusion" for one in report.tracks if one.replaced)
    return report


@needs_infant
def test_a_lying_infant_is_somebody_else(short_infant: Path, models: Path, tmp_path: Path) -> None:
    _, own = best(short_infant)
    report = _ends_well(short_infant, own, models, tmp_path)
    assert report.totals.replaced == report.totals.frames == 30
    # The hand in front costs some.
    assert report.tracks[0].replaced_by["uniface"] >= 25
    pytest.importorskip("dlib", reason="dlib (extra eval) tells strangers")
    recogniser = build_recogniser("dlib")
    [track] = followed(short_infant).tracks
    apart = []
    for old, new in zip(read(short_infant), read(tmp_path / "out.mp4"), strict=True):
        sighting = track.sightings[old.index]
        if covered(sighting.occluded) < 0.02 * 255:
            assert sighting.mesh is not None
            one, two = (recogniser.embed(p.rgb(), sighting.mesh[None])[0] for p in (old, new))
            apart.append(float(distances(recogniser, one, two)))
    assert len(apart) > 5
    assert min(apart) > recogniser.threshold


def test_a_diffusion_face_is_carried_by_the_warp(demo: Demo, models: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", next(iter(read(demo.clip))).rgb())
    more = "--set", "swap.backend=warp", *UNCHECKED
    target = tmp_path / "out.png"
    report_at = tmp_path / "out.json"
    assert main(
        command(tmp_path / "in.png", target, models, *more, "--report", str(report_at))
    ) in (0, 3)
    report = blanket.Report.model_validate_json(report_at.read_text())
    assert report.tracks[0].replaced_by == {"warp": 1}
    assert report.tracks[0].identity.generator == "diffusion"


def test_noise_is_rejected_and_nothing_is_left(
    demo: Demo, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("dlib", reason="dlib (extra eval) tells strangers")
    more = "--set", "swap.backend=warp", "--set", "inpaint.recogniser=dlib", "--quiet"
    target = tmp_path / "out.mp4"
    assert main(command(demo.clip, target, models, *more, "--set", "inpaint.rounds=2")) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "none of 4 candidates for a new face passed the checks (" in said
    assert not list(tmp_path.iterdir())


def test_without_weights_one_sentence_says_what_is_missing(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setattr("blanket.models.hub_folder", lambda repository, store: None)
    monkeypatch.setattr("blanket.store.hub_folder", lambda repository, store: None)
    find.cache_clear()
    target = str(tmp_path / "out.mp4")
    assert main(["anonymize", str(demo.clip), "-o", target, "--preset", "diffusion"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "stable-diffusion-v1-5/stable-diffusion-inpainting, inswapper_128 and arcface" in said
    assert "run `blanket weights pull --preset diffusion`" in said
    assert not list(tmp_path.iterdir())
