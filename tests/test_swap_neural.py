"""Neural swappers as linear maps that are known: what goes in, what comes out, what is painted."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Demo
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="onnx (extra insightface) makes the files")

import swappers as made

import blanket
from blanket import align
from blanket.analysis import Analysis, Placements, analyse
from blanket.config import SwapSettings
from blanket.detect import build_detector
from blanket.errors import BlanketError, InputError
from blanket.faces import Photograph
from blanket.image import Still, write_image
from blanket.inpaint.morphable import Morphable
from blanket.inpaint.portrait import portrait
from blanket.mask import face_mask
from blanket.mesh import MeshNetwork
from blanket.presets import load_settings
from blanket.swap.boost import apart, together
from blanket.swap.colour import match_colour
from blanket.swap.network import Network, normalised
from blanket.swap.neural import NeuralMethod
from blanket.swap.source import converted, pushed
from blanket.swap.table import swapper_kind, swappers
from blanket.templates import TEMPLATES, template_matrix
from blanket.timeline import Placement
from blanket.topology import five_points
from blanket.video import read
from blanket.view import View


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test file of every kind of network, under its published name."""
    folder = tmp_path_factory.mktemp("files")
    made.swapper(folder / "inswapper_128.onnx", 128, matrix=True)
    made.swapper(folder / "inswapper_128_fp16.onnx", 128, matrix=True, half=True)
    made.swapper(folder / "hyperswap_1a_256.onnx", 256)
    made.swapper(folder / "ghost_1_256.onnx", 256)
    made.swapper(folder / "simswap_256.onnx", 256)
    made.swapper(folder / "uniface_256.onnx", 256, picture=256)
    made.identity_swapper(folder / "same_inswapper.onnx", 128)
    made.constant_swapper(folder / "grey_inswapper.onnx", 128, 0.5)
    made.arcface(folder / "arcface.onnx")
    made.converter(folder / "crossface_ghost.onnx")
    made.converter(folder / "crossface_simswap.onnx")
    made.restorer(folder / "gfpgan_1.4.onnx")
    made.restorer(folder / "codeformer.onnx", fidelity=True)
    made.parser(folder / "bisenet_resnet_34.onnx")
    return folder


def swap_settings(files: Path, model: str = "inswapper_128.onnx", **more: Any) -> SwapSettings:
    given = {"backend": "neural", "model": str(files / model), "device": "cpu"}
    given |= {"recogniser": str(files / "arcface.onnx"), "away": 0.0} | more
    return SwapSettings(**given)


@cache
def followed(clip: Path) -> Analysis:
    chosen = load_settings()
    return analyse(read(clip), build_detector(chosen.detect), MeshNetwork(), chosen)


def some_faces(demo: Demo, count: int = 3) -> list[tuple[Still, Placement]]:
    """The infant in the first frames, as pictures that can be painted on."""
    analysis = followed(demo.clip)
    track = max(analysis.tracks, key=lambda one: len(one.sightings))
    placements = Placements(analysis, load_settings())
    found = []
    for frame in read(demo.clip):
        for placement in placements.at(frame.index):
            if placement.track is track and placement.mesh is not None:
                found.append((Still(frame.rgb()), placement))
        if len(found) == count:
            return found
    raise AssertionError("the clip has too few faces")


def fitted(demo: Demo, method: NeuralMethod, view: View | None = None) -> Any:
    own = some_faces(demo, 1)[0][1].track.appearance
    assert own is not None
    identity = Morphable().invent(own, np.random.default_rng(0), None)
    return method.fit(identity, own, view)


# Geometry and normalisation.


@pytest.mark.parametrize("kind", swappers())
def test_the_crop_is_aligned_as_the_network_learnt_it(demo: Demo, kind: str) -> None:
    row = swappers()[kind]
    for turn in (0.0, 1.0, 2.5):
        spin = np.array([[np.cos(turn), -np.sin(turn), 90], [np.sin(turn), np.cos(turn), 40]])
        mesh = align.apply(spin.astype(np.float32), some_faces(demo, 1)[0][1].mesh)
        matrix = template_matrix(mesh, row.template, row.size)
        points = align.apply(matrix, five_points(mesh))
        # No similarity brings five points onto five others; none is better on the whole.
        error = np.linalg.norm(points - TEMPLATES[row.template] * row.size, axis=1)
        assert error.mean() < 0.05 * row.size
        assert points[0, 0] < points[1, 0] and points[3, 1] > points[2, 1]


def test_pixels_are_normalised_by_the_table() -> None:
    crop = np.zeros((1, 2, 2, 3), np.uint8)
    crop[0, 0, 1] = 255, 51, 0
    _, inswapper = swapper_kind("inswapper_128")
    assert normalised(crop, inswapper)[0, :, 0, 1] == pytest.approx([1, 0.2, 0], abs=1e-6)
    _, hyperswap = swapper_kind("hyperswap_1a_256")
    assert normalised(crop, hyperswap)[0, :, 0, 1] == pytest.approx([1, -0.6, -1], abs=1e-6)
    _, simswap = swapper_kind("simswap_256")
    by_hand = [(1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, -0.406 / 0.225]
    assert normalised(crop, simswap)[0, :, 0, 1] == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.parametrize(
    ("model", "mean", "std", "denormalise"),
    [
        ("inswapper_128.onnx", 0.0, 1.0, False),
        ("inswapper_128_fp16.onnx", 0.0, 1.0, False),
        ("hyperswap_1a_256.onnx", 0.5, 0.5, True),
        ("ghost_1_256.onnx", 0.5, 0.5, True),
        ("uniface_256.onnx", 0.5, 0.5, True),
    ],
)
def test_what_a_swapper_gives_is_what_it_should(
    files: Path, monkeypatch: pytest.MonkeyPatch, model: str, mean: float, std: float,
    denormalise: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv("BLANKET_WEIGHTS", str(files))
    blanket.store.find.cache_clear()
    method = NeuralMethod(swap_settings(files, model))
    rng = np.random.default_rng(1)
    crops = rng.integers(60, 160, (3, method.kind.size, method.kind.size, 3), dtype=np.uint8)
    if method.kind.source == "picture":
        source = np.full((1, 3, 256, 256), 0.3, np.float32)
        said = np.full(3, 0.03)
    else:
        source = rng.normal(size=(1, 512)).astype(np.float32)
        source /= np.linalg.norm(source)
        said = source[0] @ made.tint()
    target = (crops / 255 - mean) / std
    waves = made.pattern(method.kind.size)[..., None]
    output = made.KEEP * target + made.LIFT + said + waves
    pixels = (output * std + mean if denormalise else output) * 255
    assert np.abs(method.swapped(crops, source) - pixels.clip(0, 255)).max() < 0.3


# The embedding.


def test_an_embedding_goes_through_the_matrix() -> None:
    rng = np.random.default_rng(2)
    row, matrix = rng.normal(size=(1, 512)).astype(np.float32), made.emap()
    _, kind = swapper_kind("inswapper_128")
    by_hand = row @ matrix / np.linalg.norm(row)
    assert converted(row, kind, None, matrix) == pytest.approx(by_hand, abs=1e-6)


def test_an_embedding_goes_through_the_converter(files: Path) -> None:
    row = np.linspace(-1, 1, 512, dtype=np.float32)[None]
    network = Network(files / "crossface_ghost.onnx")
    _, ghost = swapper_kind("ghost_1_256")
    assert converted(row, ghost, network, None) == pytest.approx(3 * row, abs=1e-6)
    _, simswap = swapper_kind("simswap_256")
    unit = row / np.linalg.norm(row)
    assert converted(row, simswap, network, None) == pytest.approx(unit, abs=1e-6)


@given(st.floats(0, 0.35), st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_an_embedding_is_pushed_away(away: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    new, child = (rng.normal(size=(1, 8)).astype(np.float32) * scale for scale in (20, 3))
    s, t = new / np.linalg.norm(new), child / np.linalg.norm(child)
    moved = pushed(new, child, away)
    by_hand = s * (1 + away) - t * away
    assert moved == pytest.approx(by_hand / np.linalg.norm(by_hand) * np.linalg.norm(new), abs=1e-3)
    assert float((moved * t).sum()) <= float((new * t).sum()) + 1e-3


def test_the_child_is_pushed_away_from(demo: Demo, files: Path) -> None:
    picture, placement = some_faces(demo, 1)[0]
    view = View(picture, placement.mesh, placement.occluded, 0.0)
    sources = {}
    for away in (0.0, 0.3):
        method = NeuralMethod(swap_settings(files, away=away))
        sources[away] = fitted(demo, method, view)._source @ made.emap().T
    recogniser = blanket.recognise.arcface.ArcFaceRecogniser(files / "arcface.onnx")
    child = recogniser.embed(picture.rgb(), placement.mesh[None])
    child /= np.linalg.norm(child)
    near = {away: float((row * child).sum()) for away, row in sources.items()}
    assert near[0.3] < near[0.0] - 0.01


# Batches and pixel boost.


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
@settings(deadline=None, max_examples=20)
def test_pixel_boost_takes_apart_and_puts_together(factor: int, count: int, side: int) -> None:
    crops = np.arange(count * (factor * side) ** 2 * 3).reshape(
        count, factor * side, factor * side, 3
    )
    small = apart(crops, factor)
    assert small.shape == (count * factor**2, side, side, 3)
    assert (small[0] == crops[0, ::factor, ::factor]).all()
    assert (small[factor**2 - 1] == crops[0, factor - 1 :: factor, factor - 1 :: factor]).all()
    assert (together(small, factor) == crops).all()


def test_pixel_boost_gives_what_every_pixel_should_be(files: Path) -> None:
    method = NeuralMethod(swap_settings(files, side=512))
    crops = np.random.default_rng(3).integers(50, 150, (2, 512, 512, 3), dtype=np.uint8)
    source = np.zeros((1, 512), np.float32)
    waves = np.repeat(np.repeat(made.pattern(128), 4, 0), 4, 1)[..., None]
    by_hand = made.KEEP * crops + (made.LIFT + waves) * 255
    assert np.abs(method.swapped(crops, source) - by_hand).max() < 0.01


def test_a_fixed_batch_is_set_free(files: Path) -> None:
    assert Network(files / "inswapper_128.onnx").takes_batches


def test_a_file_that_takes_one_face_only_is_given_one_at_a_time(tmp_path: Path) -> None:
    stiff = Network(made.swapper(tmp_path / "stiff.onnx", 128, stiff=True))
    free = Network(made.swapper(tmp_path / "free.onnx", 128))
    assert not stiff.takes_batches
    rng = np.random.default_rng(4)
    feeds = {"target": rng.normal(size=(3, 3, 128, 128)), "source": rng.normal(size=(3, 512))}
    assert stiff.run(feeds) == pytest.approx(free.run(feeds), abs=1e-5)


def test_a_file_that_is_no_network_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(BlanketError, match=r"broken\.onnx"):
        Network(tmp_path / "broken.onnx")


def test_a_file_without_the_matrix_is_refused(files: Path, tmp_path: Path) -> None:
    made.swapper(tmp_path / "inswapper_128.onnx", 128)
    with pytest.raises(BlanketError, match="no embedding matrix"):
        NeuralMethod(swap_settings(tmp_path, recogniser=str(files / "arcface.onnx")))


def test_unknown_files_and_sizes_are_refused(files: Path) -> None:
    with pytest.raises(InputError, match=r"swap\.kind"):
        swapper_kind("mystery.onnx")
    assert swapper_kind("mystery.onnx", "ghost")[0] == "ghost"
    with pytest.raises(InputError, match="multiple of 128"):
        NeuralMethod(swap_settings(files, side=200))


# What is painted.


def test_outside_of_the_face_no_bit_changes(demo: Demo, files: Path) -> None:
    faces = some_faces(demo)
    before = [picture.pixels.copy() for picture, _ in faces]
    sure = fitted(demo, NeuralMethod(swap_settings(files, side=256))).swap(faces)
    assert sure == [True] * len(faces)
    for (picture, placement), old in zip(faces, before, strict=True):
        # A pixel beyond the hull takes part in the resampling of one that is in it.
        points = placement.mesh[:468, :2].astype(np.float32)
        near = cv2.pointPolygonTest
        hull = cv2.convexHull(points)
        changed = np.argwhere((picture.pixels != old).any(-1))
        assert len(changed) > 500
        assert all(near(hull, (float(x), float(y)), True) > -2 for y, x in changed[::17])


def test_the_painted_face_is_the_one_that_came_out(demo: Demo, files: Path) -> None:
    faces = some_faces(demo, 1)
    picture, placement = faces[0]
    method = NeuralMethod(swap_settings(files, colour=0.0))
    swapper = fitted(demo, method)
    matrix = template_matrix(placement.mesh, "arcface_128", 128)
    crop = picture.sample(matrix, (128, 128)).astype(np.float32)
    said = swapper._source[0] @ made.tint() * 255
    assert swapper.swap(faces) == [True]
    after = picture.sample(matrix, (128, 128)).astype(np.float32)
    by_hand = made.KEEP * crop + (made.LIFT + made.pattern(128)[..., None]) * 255 + said
    by_hand = by_hand.clip(0, 255)
    assert np.abs(after - by_hand)[50:78, 50:78].mean() < 3


def test_several_frames_at_once_are_as_one_after_the_other(demo: Demo, files: Path) -> None:
    together_, alone = some_faces(demo), some_faces(demo)
    method = NeuralMethod(swap_settings(files))
    fitted(demo, method).swap(together_)
    one_by_one = fitted(demo, method)
    for face in alone:
        one_by_one.swap([face])
    for (a, _), (b, _) in zip(together_, alone, strict=True):
        assert np.abs(a.pixels.astype(int) - b.pixels).max() <= 1


@pytest.mark.parametrize("model", ["same_inswapper.onnx", "grey_inswapper.onnx"])
def test_no_face_or_the_same_face_is_not_painted(demo: Demo, files: Path, model: str) -> None:
    faces = some_faces(demo)
    before = [picture.pixels.copy() for picture, _ in faces]
    assert fitted(demo, NeuralMethod(swap_settings(files, model, colour=0.0))).swap(faces) == [
        False
    ] * len(faces)
    for (picture, _), old in zip(faces, before, strict=True):
        assert (picture.pixels == old).all()


def test_what_lies_in_front_is_not_painted(demo: Demo, files: Path) -> None:
    analysis = followed(demo.clip)
    index = int(demo.truth.occluded[:, 0].argmax())
    placements = Placements(analysis, load_settings())
    frame = next(f for f in read(demo.clip) if f.index == index)
    placement = placements.at(index)[0]
    changed = {}
    for covered in (True, False):
        cover = placement.occluded if covered else np.zeros_like(placement.occluded)
        face = Placement(placement.track, placement.box, 1.0, None, placement.mesh, cover)
        still = Still(frame.rgb())
        method = NeuralMethod(swap_settings(files, "inswapper_128.onnx", min_confidence=0.0))
        fitted(demo, method).swap([(still, face)])
        changed[covered] = int((still.pixels != frame.rgb()).any(-1).sum())
    assert changed[True] < changed[False]


def test_a_parser_leaves_out_what_is_no_face(demo: Demo, files: Path) -> None:
    parser = str(files / "bisenet_resnet_34.onnx")
    changed = []
    for chosen in (None, parser):
        faces = some_faces(demo, 1)
        picture, placement = faces[0]
        old = picture.pixels.copy()
        method = NeuralMethod(swap_settings(files, parser=chosen, min_confidence=0.0))
        fitted(demo, method).swap(faces)
        matrix = template_matrix(placement.mesh, "arcface_128", 128)
        diff = (picture.pixels != old).any(-1).astype(np.float32)
        changed.append(cv2.warpAffine(diff, matrix, (128, 128)))
    assert changed[1][:, 80:].mean() < 0.2 * changed[0][:, 80:].mean()
    assert changed[1][:, :48].mean() > 0.7 * changed[0][:, :48].mean()


def restored(files: Path, demo: Demo, **more: Any) -> np.ndarray:
    faces = some_faces(demo, 1)
    picture, placement = faces[0]
    method = NeuralMethod(swap_settings(files, **more))
    assert fitted(demo, method).swap(faces) == [True]
    matrix = template_matrix(placement.mesh, "arcface_128", 128)
    return picture.sample(matrix, (128, 128))[50:78, 50:78].astype(np.float32)


def test_a_restorer_works_on_the_swapped_face(demo: Demo, files: Path) -> None:
    plain = restored(files, demo)
    # It adds a tenth of what is -1 to 1: an eighth of what is 0 to 255, less a half.
    bright = restored(files, demo, restorer=str(files / "gfpgan_1.4.onnx"), restored=1.0)
    assert (bright - plain).mean() == pytest.approx(0.1 * 0.5 * 255, abs=2)
    half = restored(files, demo, restorer=str(files / "gfpgan_1.4.onnx"), restored=0.5)
    assert (half - plain).mean() == pytest.approx(0.05 * 0.5 * 255, abs=2)
    codeformer = str(files / "codeformer.onnx")
    faithful = restored(files, demo, restorer=codeformer, restored=1.0, fidelity=1.0)
    assert np.abs(faithful - plain).mean() < 2


# Parts.


def test_colours_are_matched_by_mean_and_spread() -> None:
    rng = np.random.default_rng(8)
    scene = rng.normal((150, 110, 90), 8, (64, 64, 3)).clip(0, 255).astype(np.float32)
    face = rng.normal((90, 120, 150), 10, (64, 64, 3)).clip(0, 255).astype(np.float32)
    mask = np.ones((64, 64), np.float32)
    matched = match_colour(face, scene, mask, 1.0)
    assert matched.mean((0, 1)) == pytest.approx(scene.mean((0, 1)), abs=2)
    assert (match_colour(face, scene, mask, 0.0) == face).all()
    halfway = match_colour(face, scene, mask, 0.5)
    assert halfway == pytest.approx((face + matched) / 2, abs=1e-3)


def test_a_face_mask_is_one_inside_and_nothing_beyond(demo: Demo) -> None:
    mesh = some_faces(demo, 1)[0][1].mesh
    mesh = align.apply(template_matrix(mesh, "ffhq_512", 256), mesh)
    hull = cv2.convexHull(np.ascontiguousarray(mesh[:468, :2]))
    for grow, fade in ((0.0, 10.0), (8.0, 4.0)):
        mask = face_mask(mesh, 256, grow, fade)
        for y, x in np.argwhere(mask > 0)[::101]:
            assert cv2.pointPolygonTest(hull, (float(x), float(y)), True) > -grow - 1.5
        depth = np.array([[cv2.pointPolygonTest(hull, (float(x), float(y)), True)
                           for x in range(0, 256, 16)] for y in range(0, 256, 16)])  # fmt: skip
        assert (mask[::16, ::16][depth > fade + 1.5] == 1).all()


def test_every_identity_has_a_picture(demo: Demo) -> None:
    own = some_faces(demo, 1)[0][1].track.appearance
    identity = Morphable().invent(own, np.random.default_rng(0), None)
    drawn = portrait(identity, own.colour)
    assert isinstance(drawn, Photograph)
    assert MeshNetwork().follow(drawn.pixels, drawn.mesh).trust > 0.5


# The whole job.

UNAUDITED = {"audit.effort": "none"}
"""The test swapper leaves the child as it is, which the audit would find."""


def run(demo: Demo, target: Path, **overrides: Any) -> blanket.Report:
    given = {"swap.backend": "neural", "swap.device": "cpu", **UNAUDITED, **overrides}
    return blanket.anonymize(demo.clip, target, overrides=given)


def run_on_a_picture(demo: Demo, folder: Path, **overrides: Any) -> blanket.Report:
    write_image(folder / "in.png", some_faces(demo, 1)[0][0].pixels)
    given = {"swap.backend": "neural", "swap.device": "cpu", **UNAUDITED, **overrides}
    return blanket.anonymize(folder / "in.png", folder / "out.png", overrides=given)


def test_a_morphable_face_is_carried_by_a_neural_swapper(
    demo: Demo, files: Path, tmp_path: Path
) -> None:
    report = run(
        demo, tmp_path / "out.mp4",
        **{"swap.model": str(files / "inswapper_128.onnx"),
           "swap.recogniser": str(files / "arcface.onnx"), "swap.batch": 5},
    )  # fmt: skip
    assert report.backends.swap == "inswapper"
    assert report.backends.identity == "morphable"
    assert report.totals.frames == len(demo.truth.mesh)
    infant = report.tracks[0]
    assert infant.replaced_by["inswapper"] > 0.8 * report.totals.frames
    names = {one.setting: one.name for one in report.models}
    assert names == {"swap.model": "inswapper_128.onnx", "swap.recogniser": "arcface.onnx"}
    assert "/" not in report.settings["swap"]["model"]


@pytest.mark.parametrize(
    ("fallback", "hidden"), [("warp", 0), ("hide", None)], ids=["warp", "hide"]
)
def test_where_it_is_not_sure_another_takes_over(
    demo: Demo, files: Path, tmp_path: Path, fallback: str, hidden: int | None
) -> None:
    given = {"swap.model": str(files / "grey_inswapper.onnx"), "swap.colour": 0.0,
             "swap.recogniser": str(files / "arcface.onnx"), "swap.fallback": fallback}  # fmt: skip
    report = run_on_a_picture(demo, tmp_path, **given)
    by = report.tracks[0].replaced_by
    assert "inswapper" not in by
    if fallback == "warp":
        assert by["warp"] == report.tracks[0].replaced
        assert any("replaced by warp" in warning for warning in report.warnings)
    else:
        assert by == {}
        assert report.tracks[0].hidden_by["low-confidence"] > 0
        assert report.exit_status == 3


def test_where_it_breaks_another_takes_over(
    demo: Demo, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, faces: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("blanket.swap.neural.NeuralSwapper.swap", broken)
    report = run_on_a_picture(
        demo, tmp_path,
        **{"swap.model": str(files / "inswapper_128.onnx"),
           "swap.recogniser": str(files / "arcface.onnx")},
    )  # fmt: skip
    assert set(report.tracks[0].replaced_by) == {"warp"}
    assert report.totals.hidden == sum(sum(t.hidden_by.values()) for t in report.tracks)


def test_what_is_missing_is_one_sentence(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stores: Callable[[], None]
) -> None:
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path / "empty"))
    stores()
    with pytest.raises(BlanketError) as refused:
        run(demo, tmp_path / "out.mp4")
    assert str(refused.value) == (
        "inswapper_128 and arcface are not on this machine: "
        "run `blanket weights pull inswapper_128 arcface`"
    )
    with pytest.raises(BlanketError) as refused:
        run(demo, tmp_path / "out.mp4", **{"swap.model": str(tmp_path / "inswapper_x.onnx")})
    assert "give the path of a file" in str(refused.value)
    assert not (tmp_path / "out.mp4").exists()


@pytest.fixture
def stores() -> Callable[[], None]:
    """Forgets where weights were found."""
    from blanket.store import find

    find.cache_clear()
    return find.cache_clear
