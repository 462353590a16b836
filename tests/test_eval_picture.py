"""The picture: fidelity, flicker, seam, perceptual distances, and what a method costs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import psnr as plain_psnr
from clips import scene
from pages import found
from test_attributes import SCALE, face
from test_eval_identity import Given, observed

import blanket
from blanket.config import Settings
from blanket.errors import InputError
from blanket.eval.catalogue import METRICS
from blanket.eval.flicker import WarpingError, flicker, optical_flow, warping_error
from blanket.eval.results import MethodResult, Readers, Results, VideoResult, summarise
from blanket.eval.seam import changed_region, seam
from blanket.eval.stills import WorstFrames
from blanket.image import Still

pytest.importorskip("skimage", reason="SSIM needs the extra 'eval'")
from blanket.eval.fidelity import error_outside, face_region, luma, psnr, ssim_outside
from blanket.eval.measure import measure
from blanket.eval.observation import Observation
from blanket.eval.people import PeopleFiles

HEIGHT, WIDTH = 120, 160


def disc(radius: int = 30, at: tuple[int, int] = (80, 60)) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    return cv2.circle(mask, at, radius, 1, -1).astype(bool)


def noisy(picture: np.ndarray, seed: int, sigma: float = 8) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.uint8)


def test_psnr_outside_by_hand() -> None:
    original, region = scene(), disc()
    output = original.copy()
    output[region] = 0
    assert error_outside(original, output, region) == 0
    assert psnr(error_outside(original, output, region)) == np.inf
    output[~region] = original[~region] - 2
    assert error_outside(original, output, region) == 4
    assert psnr(4.0) == pytest.approx(10 * np.log10(255**2 / 4))
    # Of a video errors are averaged, not decibels; a frame that is all face is left out.
    assert psnr(np.array([0, 8, np.nan])) == pytest.approx(psnr(4.0))
    assert np.isnan(psnr(np.array([np.nan])))
    assert np.isnan(error_outside(original, output, np.ones_like(region)))
    everywhere = error_outside(original, noisy(original, 0), np.zeros_like(region))
    assert psnr(everywhere) == pytest.approx(plain_psnr(original, noisy(original, 0)), abs=1e-3)


def test_ssim_outside_is_the_references() -> None:
    from skimage.metrics import structural_similarity

    original, nowhere = scene(), np.zeros((HEIGHT, WIDTH), bool)
    output = noisy(original, 1)
    assert ssim_outside(original, original, nowhere) == pytest.approx(1)
    expected = structural_similarity(
        luma(original), luma(output), data_range=255, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )[1].mean()  # fmt: skip
    assert ssim_outside(original, output, nowhere) == pytest.approx(expected, abs=1e-5)
    # What happens within the face does not reach the windows outside it.
    region, hidden = disc(), original.copy()
    hidden[region] = 0
    assert ssim_outside(original, hidden, region) == pytest.approx(1, abs=1e-6)
    assert np.isnan(ssim_outside(original, output, np.ones_like(nowhere)))
    assert np.isnan(ssim_outside(original[:5], output[:5], nowhere[:5]))


def test_sizes_must_agree() -> None:
    original, smaller = scene(), scene(80, 60)
    for compared in (error_outside, ssim_outside, changed_region, seam):
        with pytest.raises(InputError, match="original is 160x120 and the output 80x60"):
            compared(original, smaller, disc())
    with pytest.raises(InputError, match="only pictures of one size"):
        warping_error((original, original), (original, smaller), disc())


def test_the_region_of_a_face_is_its_hull_grown() -> None:
    mesh = face()
    plain = face_region(mesh[None], 600, 800, grown=0)
    grown = face_region(mesh[None], 600, 800, grown=0.2)
    assert grown[plain].all()
    assert grown.sum() / plain.sum() == pytest.approx(1.44, rel=0.02)
    assert not face_region(np.empty((0, 478, 3), np.float32), 20, 30).any()
    assert abs(np.nonzero(plain)[1].mean() - 400) < 0.1 * SCALE


def textured(shift: float = 0.0) -> np.ndarray:
    """A picture with something to follow everywhere, moved to the right by pixels."""
    rng = np.random.default_rng(3)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH + 40, 3)), (0, 0), 3)
    picture = (128 + 45 * grain / grain.std()).clip(0, 255).astype(np.float32)
    matrix = np.array([[1, 0, shift - 20], [0, 1, 0]], np.float32)
    return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT)).astype(np.uint8)


def test_the_flow_finds_what_moved() -> None:
    flow = optical_flow(textured(), textured(2.0))[20:-20, 20:-20]
    assert np.median(flow[..., 0]) == pytest.approx(2, abs=0.1)
    assert np.median(flow[..., 1]) == pytest.approx(0, abs=0.1)


def test_flicker_of_what_moves_with_the_face_is_none() -> None:
    first, second = textured(), textured(2.0)
    same = warping_error((first, second), (first, second), disc())
    assert same.original == same.output
    assert flicker([same]) == 1
    # The light of every other frame changes: 30 levels over the face.
    brighter = np.where(disc()[..., None], np.maximum(second, 30) - np.uint8(30), second)
    found = warping_error((first, second), (first, brighter), disc())
    assert np.sqrt(found.output) == pytest.approx(30 / 255, rel=0.1)
    assert flicker([found]) > 5
    black = [np.where(disc(40)[..., None], np.uint8(0), one) for one in (first, second)]
    assert flicker([warping_error((first, second), (black[0], black[1]), disc())]) == 0


def test_flicker_pools_by_pixels_and_leaves_out_what_cannot_be_measured() -> None:
    errors = [WarpingError(1, 4, 30), WarpingError(3, 2, 10), WarpingError(np.nan, np.nan, 0)]
    assert flicker(errors) == pytest.approx(np.sqrt(140 / 60))
    assert np.isnan(flicker(errors[2:]))
    assert np.isnan(flicker([WarpingError(0, 1, 5)]))
    still = textured()
    nothing = warping_error((still, still), (still, still), np.zeros((HEIGHT, WIDTH), bool))
    assert nothing.pixels == 0 and np.isnan(nothing.original)


def test_the_changed_region_is_read_off_the_pictures() -> None:
    original, near = noisy(scene(), 0, 1), disc(12)
    output = noisy(original, 1, 1.5)
    assert not changed_region(original, output, near).any()
    boxed = output.copy()
    boxed[30:90, 50:110] = 0
    boxed[:15, :15] = 255  # elsewhere: not at a face
    found = changed_region(original, boxed, near)
    # Smoothing puts its outline some three pixels outside.
    assert found[30:90, 50:110].all() and not found[:, :45].any()
    assert seam(original, boxed, found) > 40
    assert not found[:15, :15].any()


def test_a_seam_is_a_step_that_was_not_there() -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[30:90, 50:110] = True
    boxed = np.where(region[..., None], np.uint8(28), grey)
    # A hard step of 100 levels is a slope of 50 a pixel.
    assert seam(grey, boxed, region) == pytest.approx(50, rel=0.03)
    assert seam(grey, grey, region) == 0
    assert seam(boxed, boxed, region) == 0
    assert seam(boxed, grey, region) == 0  # an edge that went is none that came
    soft = cv2.GaussianBlur(boxed, (0, 0), 8)
    assert seam(grey, soft, region) < 8
    assert seam(grey, boxed, np.zeros_like(region)) == 0
    assert seam(grey, boxed, np.ones_like(region)) == 0
    # Where the region leaves the frame there is no outline.
    left = np.zeros_like(region)
    left[:, :80] = True
    half = np.where(left[..., None], np.uint8(28), grey)
    assert seam(grey, half, left) == pytest.approx(50, rel=0.03)


def test_lpips_with_a_backbone_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchmetrics", reason="LPIPS needs the extra 'downstream'")
    torchvision = pytest.importorskip("torchvision", reason="needs the extra 'downstream'")
    import torch

    from blanket.eval.perceptual import Lpips

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.manual_seed(0)
    weights = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    place = tmp_path / "hub" / "checkpoints" / weights.url.rpartition("/")[2]
    place.parent.mkdir(parents=True)
    torch.save(torchvision.models.squeezenet1_1().state_dict(), place)
    measure, original = Lpips("squeeze"), scene()
    assert measure(original, original) == pytest.approx(0, abs=1e-6)
    light, heavy = (measure(original, noisy(original, 0, s)) for s in (5, 60))
    assert 0 < light < heavy
    with pytest.raises(InputError, match="only pictures of one size"):
        measure(original, scene(80, 60))


def test_frechet_distance_is_its_formula() -> None:
    pytest.importorskip("torch_fidelity", reason="FID needs the extra 'downstream'")
    import torch
    from scipy.linalg import sqrtm

    from blanket.eval.perceptual import Frechet

    class Colours(torch.nn.Module):
        """Mean colour and its spread: six features."""

        num_features = 6

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            flat = pictures.flatten(2).double()
            return torch.cat([flat.mean(-1), flat.std(-1)], 1)

    rng = np.random.default_rng(0)
    first = rng.integers(0, 255, (40, 32, 32, 3), np.uint8)
    second = (first[::-1] * rng.uniform(0.5, 1, (40, 1, 1, 1))).astype(np.uint8)
    network = Colours()

    def moments(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = network(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())).numpy()
        return values.mean(0), np.cov(values.T)

    (m, c), (n, d) = moments(first), moments(second)
    expected = ((m - n) ** 2).sum() + np.trace(c + d - 2 * sqrtm(c @ d).real)

    def distance(original: np.ndarray, output: np.ndarray) -> float:
        metric = Frechet(network)
        for pictures, real in ((original, True), (output, False)):
            for one in pictures:
                metric.add(one, real)
        return metric.value()

    assert distance(first, second) == pytest.approx(expected, rel=1e-3)
    assert distance(first, first) == pytest.approx(0, abs=1e-3)
    with pytest.raises(InputError, match="at least two pictures"):
        distance(first, second[:1])


def test_cost_sees_time_and_the_peak_of_memory() -> None:
    pytest.importorskip("psutil", reason="cost needs the extra 'eval'")
    import time

    from blanket.eval.cost import Cost, Meter

    with Meter() as small:
        time.sleep(0.1)
    with Meter() as large:
        block = np.ones(25_000_000)  # 200 MB
        time.sleep(0.1)
        del block
    assert small.cost.seconds >= 0.1
    assert large.cost.peak_memory - small.cost.peak_memory > 150e6
    assert Cost(2.0, 0, None).frames_per_second(60) == 30
    torch = sys.modules.get("torch")
    assert (large.cost.gpu_memory is None) == (torch is None or not torch.cuda.is_available())


def page(
    folder: Path, videos: Sequence[Observation], stills: Sequence[str] = (), shown: str = "a.mp4"
) -> Path:
    """The page of videos. stills: the methods that have a worst frame. shown: its video."""
    pytest.importorskip("pyarrow", reason="the page needs the extra 'eval'")
    pytest.importorskip("jinja2", reason="the page needs the extra 'eval'")
    from blanket.eval.frames import FrameTable
    from blanket.eval.page import write_page

    methods = []
    with FrameTable(folder / "frames.parquet") as table:
        for name in videos[0].outputs:
            found = []
            for video in videos:
                table.add(video, name, Given())
                values = measure(video, name, Given(), PeopleFiles())
                found.append(
                    VideoResult(
                        video=video.video, output=video.video, frames=video.count,
                        frames_read=video.count, frames_looked=len(video.looked), subjects=1,
                        faces=video.count, lost=0, values=values,
                    )
                )  # fmt: skip
            methods.append(
                MethodResult(
                    name=name, variant_of=None, settings=None, videos=found, failed={},
                    summary=summarise(found), overall={},
                )
            )  # fmt: skip
    worst, still = WorstFrames(), Still(scene())
    for name in stills:
        worst.offer(name, "distance", 1.0, shown, still, still, face())
    readers = Readers(
        detector="d", mesh="m", expression="e", demographics="a", recogniser="given",
        recogniser_metric="euclidean", recogniser_threshold=0.6,
    )  # fmt: skip
    results = Results(
        blanket_version=blanket.__version__, every=1, look_every=1, readers=readers,
        settings=Settings().shareable(), weights={}, metrics=list(METRICS), methods=methods,
        sweep=None, warnings=[],
    )  # fmt: skip
    write_page(folder / "report.html", results, folder / "frames.parquet", worst)
    return folder / "report.html"


def test_what_has_not_changed_has_100_decibels_everywhere(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="the table needs the extra 'eval'")
    video = observed("a.mp4", [0.9], [True])
    page(tmp_path, [video])
    assert measure(video, "mine", None, PeopleFiles())["psnr_outside"] == 100
    assert set(pq.read_table(tmp_path / "frames.parquet")["psnr_outside"].to_pylist()) == {100}


def test_pictures_have_no_traces(tmp_path: Path) -> None:
    pictures = [observed(f"{k}.jpg", [0.9], [True], frames=1) for k in range(20)]
    text = page(tmp_path, pictures, ["mine"], "3.jpg").read_text("utf-8")
    assert "over time</h2>" not in text and "face lost</p>" not in text
    assert "Traces read" not in text and "Worst frames" in text
    assert "Method by method" not in page(tmp_path, pictures).read_text("utf-8")
    # They take no video's place among those that are drawn.
    text = page(tmp_path, [*pictures, observed("z.mp4", [0.9], [True])]).read_text("utf-8")
    assert text.count("original and output over time") == 7
    assert "more videos are in" not in text and text.count("Identity distance over time, ") == 1


def test_a_video_that_was_not_measured_is_not_shown(tmp_path: Path) -> None:
    videos = [observed("a.mp4", [0.9], [True])]
    assert "Worst frames" in page(tmp_path, videos, ["mine"]).read_text("utf-8")
    text = page(tmp_path, videos, ["mine"], "failed.mp4").read_text("utf-8")
    assert "Worst frames" not in text and "data:image" not in text


def test_percentages_that_are_equal_have_an_axis_of_percentages(tmp_path: Path) -> None:
    text = page(tmp_path, [observed("a.mp4", [0.9], [True])]).read_text("utf-8")
    [plane] = re.findall(r"<svg[^>]*against Landmarks.*?</svg>", text)
    ticks = [float(one) for one in re.findall(r'"tick"[^>]*middle">([^<]*)<', plane)]
    # All faces are kept.
    assert min(ticks) >= 90 and max(ticks) == 100 and len(ticks) >= 4


def test_the_link_to_the_worst_frames_finds_those_that_are_shown(tmp_path: Path) -> None:
    names = ("one", "two", "three")
    video = observed("a.mp4", [0.9], [True], methods=names)
    script = """(() => {
      const [, two, three] = document.querySelectorAll('[data-choose]');
      const target = () => {
        document.querySelector('.banner a').click();
        const found = document.querySelector(document.querySelector('.banner a').hash);
        return found.getBoundingClientRect().height > 40 && found.parentElement.dataset.method;
      };
      const first = target();
      three.click();
      const last = target();
      two.click();
      return JSON.stringify([first, last, target()]);
    })()"""
    made = page(tmp_path, [video], ["two", "three"])
    assert json.loads(found(made, tmp_path, script)) == ["1", "2", "1"]
