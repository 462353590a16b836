"""Recognisers: crops and embeddings worked out by hand, on files with the published interfaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Demo
from hypothesis import given, settings
from hypothesis import strategies as st

from blanket import align
from blanket.errors import BlanketError, InputError
from blanket.faces import Image, Points
from blanket.recognise import RECOGNISERS, build_recogniser, distances
from blanket.templates import TEMPLATES, box_matrix, cut, template_matrix
from blanket.topology import SURFACE, five_points, load_topology
from blanket.video import read


def head(width: float, x: float, y: float, roll: float) -> Points:
    """The mean face, `width` pixels between the outer eye corners, rolled clockwise."""
    turn = np.radians(roll)
    matrix = np.array(
        [[np.cos(turn), -np.sin(turn), x], [np.sin(turn), np.cos(turn), y]], np.float32
    )
    matrix[:, :2] *= width
    return align.apply(matrix, load_topology().mean)


@given(
    st.floats(10, 300), st.floats(-50, 500), st.floats(-50, 500), st.floats(-180, 180),
    st.sampled_from(sorted(TEMPLATES)), st.sampled_from([112, 128, 256]),
)  # fmt: skip
def test_templates_are_met_at_every_roll(
    width: float, x: float, y: float, roll: float, template: str, side: int
) -> None:
    mesh = head(width, x, y, roll)
    five = align.apply(template_matrix(mesh, template, side), five_points(mesh))
    upright = head(width, x, y, 0)
    same = align.apply(template_matrix(upright, template, side), five_points(upright))
    np.testing.assert_allclose(five, same, atol=0.05)
    # Nobody's five points are quite those of a template.
    assert np.abs(five / side - TEMPLATES[template]).max() < 0.06


@given(
    st.floats(10, 300), st.floats(-50, 500), st.floats(-50, 500), st.floats(-180, 180),
    st.booleans(),
)  # fmt: skip
def test_boxes_are_upright_and_full(
    width: float, x: float, y: float, roll: float, square: bool
) -> None:
    mesh = head(width, x, y, roll)
    inside = align.apply(box_matrix(mesh, 160, square=square), mesh[:SURFACE, :2])
    low, high = (inside.min(0) + 0.5) / 160, (inside.max(0) + 0.5) / 160
    # The box begins above the mesh, at 0.13 of the mesh's height.
    assert high[1] == pytest.approx(1, abs=0.02)
    assert low[1] == pytest.approx(0.13 / 1.13, abs=0.02)
    if not square:
        np.testing.assert_allclose([low[0], high[0]], [0, 1], atol=0.02)
    else:
        assert low[0] == pytest.approx(1 - high[0], abs=0.02)
    larger = align.apply(box_matrix(mesh, 160, 1.5, square), mesh[:SURFACE, :2])
    np.testing.assert_allclose((larger - 79.5) * 1.5, inside - 79.5, atol=0.1)


def test_fine_pictures_are_filtered_before_they_are_cut() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = cut(stripes, np.array([[0.25, 0, 0], [0, 0.25, 0]], np.float32), 112)
    assert np.abs(crop[1:, 1:].astype(int) - 127).max() < 3
    same = cut(stripes, np.array([[1, 0, 0], [0, 1, 0]], np.float32), 112)
    np.testing.assert_array_equal(same, stripes[:112, :112])


QUARTERS = np.array([(200, 30, 90), (10, 220, 120), (60, 140, 250), (180, 170, 20)], np.uint8)


def quartered(mesh: Points, centre: Points) -> Image:
    """Four colours around a point, in quarters along the axes of a face."""
    matrix = template_matrix(mesh, "arcface_112_v2", 112)
    y, x = np.mgrid[:400, :400]
    local = align.apply(matrix, np.stack([x, y], -1).reshape(-1, 2).astype(np.float32))
    right, low = (local > centre).T
    return QUARTERS[(right + 2 * low)].reshape(400, 400, 3)


@pytest.mark.parametrize("roll", [0.0, 60.0, 180.0])
def test_arcface_sees_the_aligned_crop(roll: float, tmp_path: Path) -> None:
    networks = _networks()
    from blanket.recognise.arcface import ArcFaceRecogniser

    path = networks.embedding(tmp_path / "a.onnx", 112, 512)
    mesh = head(90, 190, 210, roll)
    picture = quartered(mesh, np.float32([55.5, 55.5]))
    [one] = ArcFaceRecogniser(path).embed(picture, mesh[None])
    expected = (QUARTERS.astype(np.float32) - 127.5) / 127.5
    np.testing.assert_allclose(one[:12], expected.ravel(), atol=0.03)
    assert one.shape == (512,)
    assert not one[12:].any()


@pytest.mark.parametrize("roll", [0.0, -75.0])
def test_sface_sees_the_aligned_crop(roll: float, tmp_path: Path) -> None:
    networks = _networks()
    from blanket.recognise.sface import SFaceRecogniser

    path = networks.embedding(tmp_path / "a.onnx", 112, 128)
    mesh = head(90, 190, 210, roll)
    picture = quartered(mesh, np.float32([55.5, 55.5]))
    [one] = SFaceRecogniser(path).embed(picture, mesh[None])
    np.testing.assert_allclose(one[:12], QUARTERS.ravel(), atol=4)
    assert not one[12:].any()


@pytest.mark.parametrize("roll", [0.0, 130.0])
def test_gender_and_age_are_read_from_the_upright_box(roll: float, tmp_path: Path) -> None:
    networks = _networks()
    from blanket.genderage import GenderAgeReader

    reader = GenderAgeReader(networks.genderage(tmp_path / "a.onnx"))
    picture = np.empty((600, 600, 3), np.uint8)
    picture[:] = 140, 33, 90
    read = reader.read(picture, np.stack([head(60, 290, 310, roll)] * 2))
    np.testing.assert_allclose(read.years, [33, 33], atol=0.01)
    np.testing.assert_allclose(read.man, 1 / (1 + np.exp(-50 / 64)), atol=1e-5)
    none = reader.read(picture, np.empty((0, 478, 3), np.float32))
    assert len(none.years) == len(none.man) == 0


def test_facenet_loads_published_parameters_and_nothing_else(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch", reason="FaceNet needs the extra facenet")
    facenet: Any = pytest.importorskip("facenet_pytorch", reason="FaceNet needs the extra facenet")
    from blanket.recognise.facenet import FaceNetRecogniser

    torch.manual_seed(0)
    # As they are published: with the layer that tells the 8,631 people of VGGFace2 apart.
    network = facenet.InceptionResnetV1(pretrained=None, classify=True, num_classes=8631).eval()
    path = tmp_path / "weights.pt"
    torch.save(network.state_dict(), path)
    recogniser = FaceNetRecogniser(path)
    mesh = head(80, 200, 200, 20)
    picture = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 8)
    one = recogniser.embed(picture, np.stack([mesh, head(80, 200, 200, 20)]))
    assert one.shape == (2, 512)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(one[0], one[1], atol=1e-5)
    crop = cut(picture, box_matrix(mesh, 160), 160).astype(np.float32)
    network.classify = False
    with torch.inference_mode():
        alike = network(torch.from_numpy((crop.transpose(2, 0, 1)[None] - 127.5) / 128)).numpy()
    np.testing.assert_allclose(one[:1], alike, atol=1e-5)
    assert recogniser.embed(picture, np.empty((0, 478, 3), np.float32)).shape == (0, 512)

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "run",))

    torch.save({"conv2d_1a.conv.weight": Trap()}, path)
    with pytest.raises(BlanketError, match=r"weights\.pt"):
        FaceNetRecogniser(path)
    assert not (tmp_path / "run").exists(), "nothing in a file of weights is run"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(BlanketError, match=r"weights\.pt"):
        FaceNetRecogniser(path)


def test_wrong_files_are_one_sentence(tmp_path: Path) -> None:
    networks = _networks()
    from blanket.genderage import GenderAgeReader
    from blanket.recognise.arcface import ArcFaceRecogniser
    from blanket.recognise.sface import SFaceRecogniser

    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    for kind in (ArcFaceRecogniser, SFaceRecogniser, GenderAgeReader):
        with pytest.raises(BlanketError, match=r"broken\.onnx"):
            kind(broken)
    wide = networks.embedding(tmp_path / "wide.onnx", 128, 512)
    for kind in (ArcFaceRecogniser, GenderAgeReader):
        with pytest.raises(BlanketError, match=r"wide\.onnx"):
            kind(wide)


@pytest.mark.parametrize("name", ["arcface", "sface", "facenet"])
def test_missing_weights_are_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "facenet":
        pytest.importorskip("facenet_pytorch", reason="FaceNet needs the extra facenet")
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path / name))
    with pytest.raises(BlanketError, match=f"blanket weights pull {name}"):
        build_recogniser(name)


def test_an_unknown_recogniser_is_one_sentence() -> None:
    with pytest.raises(InputError) as refused:
        build_recogniser("eigenfaces")
    assert all(name in str(refused.value) for name in RECOGNISERS)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_distances_are_those_of_their_metric(seed: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 5, 16))

    class Made:
        name, threshold, metric = "made", 0.5, "cosine"

        def embed(self, picture: Image, meshes: Points) -> Any: ...

    cosine = distances(Made(), a, b)  # type: ignore[arg-type]
    assert ((cosine >= 0) & (cosine <= 2)).all()
    np.testing.assert_allclose(distances(Made(), 3 * a, b), cosine)  # type: ignore[arg-type]
    np.testing.assert_allclose(distances(Made(), a, -a), 2)  # type: ignore[arg-type]


def test_dlib_knows_a_rolled_face_again(demo: Demo) -> None:
    pytest.importorskip("dlib", reason="dlib's recogniser needs the extra eval")
    recogniser = build_recogniser("dlib")
    frame = next(read(demo.clip)).rgb()
    mesh = demo.truth.mesh[0, :1]
    height, width = frame.shape[:2]
    [one] = recogniser.embed(frame, mesh)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 90, 1)
    matrix[:, 2] += (height - width) / 2 + np.array([0, 2 * (width - height) / 2])
    turned = cv2.warpAffine(frame, matrix, (height, width), borderMode=cv2.BORDER_REPLICATE)
    [other] = recogniser.embed(turned, align.apply(matrix, mesh[0])[None])
    assert distances(recogniser, one, other) < 0.2


def _networks() -> Any:
    pytest.importorskip("onnx", reason="onnx (extra train) makes the networks of these tests")
    import networks

    return networks
