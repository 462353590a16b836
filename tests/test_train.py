"""Training on a handful of drawn faces: it runs, resumes, and exports what the program reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from conftest import Demo

from blanket.crop import FACE_SIDE, PART_SIDE, eye_part, lips_part
from blanket.demo import INFANT
from blanket.errors import InputError
from blanket.image import write_image
from blanket.occluders import bank, paste
from blanket.topology import load_topology
from blanket.train.labels import read_labels
from blanket.train.pose import turned
from blanket.video import read


@pytest.fixture(scope="module")
def data(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled set of frames of the demo clip, as `blanket train` reads it."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "drawn").mkdir()
    names, meshes = [], []
    for frame in read(demo.clip):
        if frame.index % 3 == 0:
            names.append(f"f{frame.index}")
            write_image(folder / "drawn" / f"f{frame.index}.jpg", frame.rgb())
            meshes.append(np.round(demo.truth.mesh[frame.index, INFANT] * 16).astype(np.int16))
    np.savez(folder / "drawn_mesh.npz", names=np.array(names), mesh_16ths=np.stack(meshes))
    rows = [f"{name},{1 + i},{10 * i % 100},{(i * 37) % 100}" for i, name in enumerate(names)]
    table = "\n".join(["stimulus,age,happy,gender", *rows])
    (folder / "drawn_attributes.csv").write_text(table + "\n")
    return folder


def test_labels_are_read(data: Path, demo: Demo) -> None:
    (labelled,) = read_labels(data)
    assert labelled.name == "drawn"
    assert np.abs(labelled.mesh[1] - demo.truth.mesh[3, INFANT]).max() <= 1 / 32 + 1e-3
    assert labelled.attributes["f3"]["age"] == 2
    with pytest.raises(InputError, match="No labelled faces"):
        read_labels(data / "drawn")


def test_a_turned_head_keeps_its_labels(data: Path, demo: Demo) -> None:
    frame = next(iter(read(demo.clip))).rgb()
    side = min(frame.shape[:2])
    mesh = demo.truth.mesh[0, INFANT].copy()
    middle = int(np.clip(mesh[:468, 0].mean(), side / 2, frame.shape[1] - side / 2))
    square = frame[:side, middle - side // 2 : middle + side // 2]
    mesh[:, 0] -= middle - side // 2
    picture, moved = turned(square, mesh, 0.0, 0.0, load_topology())
    assert np.abs(moved - mesh).max() < 1e-2
    assert np.abs(picture.astype(int) - square[: len(picture)]).mean() < 2
    _, moved = turned(square, mesh, 0.5, 0.0, load_topology())
    assert moved[1, 0] != pytest.approx(mesh[1, 0], abs=2)


def test_occluders_cover_what_their_mask_says() -> None:
    rng = np.random.default_rng(0)
    for occluder in bank(rng, 6):
        picture = np.full((200, 200, 3), 60, np.float32)
        before = picture.copy()
        mask = paste(picture, occluder, (100, 100), 180, np.array([200, 150, 120]), rng)
        changed = np.abs(picture - before).max(-1)
        assert mask.min() >= 0 and mask.max() <= 1.0001
        assert changed[mask > 0.9].mean() > changed[mask == 0].mean()


def test_mesh_training_runs_resumes_and_exports(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    pytest.importorskip("onnx", reason="training needs the extra 'train'")
    from blanket.train.mesh import MeshTraining, train_mesh

    def training(steps: int) -> MeshTraining:
        return MeshTraining(
            data=data,
            run=tmp_path / "run",
            output=tmp_path / "out",
            steps=steps,
            batch=4,
            workers=0,
            checkpoint_every=2,
        )

    errors = train_mesh(training(2))
    assert set(errors) == {"face", "eye", "lips"}
    assert all(np.isfinite(value) and value > 0 for value in errors.values())
    first = (tmp_path / "out" / "face_mesh.onnx").read_bytes()
    train_mesh(training(4))
    assert (tmp_path / "out" / "face_mesh.onnx").read_bytes() != first
    shapes = {
        "face": (FACE_SIDE, [(3, 478, 3), (3,), (3, 48, 48)]),
        "eye": (PART_SIDE, [(3, len(eye_part().vertices), 3)]),
        "lips": (PART_SIDE, [(3, len(lips_part().vertices), 3)]),
    }
    for name, (side, expected) in shapes.items():
        session = onnxruntime.InferenceSession(tmp_path / "out" / f"{name}_mesh.onnx")
        out = session.run(None, {"pixels": np.zeros((3, side, side, 3), np.uint8)})
        assert [array.shape for array in out] == expected


def test_exported_networks_say_in_eight_bits_what_they_said_in_training(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
    onnx = pytest.importorskip("onnx", reason="training needs the extra 'train'")
    from blanket.train.export import export_networks
    from blanket.train.mesh import Networks

    torch.manual_seed(0)
    networks = Networks().eval()
    rng = np.random.default_rng(0)
    crops = {}
    for name, side in {"face": FACE_SIDE, "eye": PART_SIDE, "lips": PART_SIDE}.items():
        torch.nn.init.normal_(getattr(networks, name).points.weight, 0, 0.03)
        coarse = rng.integers(0, 256, (40, 6, 6, 3), np.uint8)
        crops[name] = np.stack([cv2.resize(one, (side, side)) for one in coarse])
    export_networks(dict(networks.named_children()), tmp_path, crops)
    for name, pixels in crops.items():
        path = tmp_path / f"{name}_mesh.onnx"
        (points, *_) = onnxruntime.InferenceSession(path).run(None, {"pixels": pixels})
        with torch.no_grad():
            said = getattr(networks, name)(
                torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
            )
        truth = (said[0] if name == "face" else said).numpy()
        # Before training, crops hardly differ in what is said of them.
        assert np.std(points - truth) < 0.2 * np.std(truth - truth.mean(0))
        rounded = [node for node in onnx.load(path).graph.node if node.op_type == "QuantizeLinear"]
        assert len(rounded) >= 10


def test_an_exported_network_is_read_back(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
    pytest.importorskip("onnx", reason="training needs the extra 'train'")
    from blanket.train.export import export_networks
    from blanket.train.exported import read_exported
    from blanket.train.mesh import Networks

    torch.manual_seed(0)
    networks = Networks()
    pixels = torch.randn(8, 3, PART_SIDE, PART_SIDE)
    torch.nn.init.normal_(networks.eye.points.weight, 0, 0.03)
    for _ in range(3):
        networks.eye(pixels)  # so that batch normalisation has something to fold
    crops = np.random.default_rng(0).integers(0, 256, (20, PART_SIDE, PART_SIDE, 3), np.uint8)
    export_networks({"eye": networks.eye}, tmp_path, {"eye": crops})
    again = Networks().eye
    read_exported(tmp_path / "eye_mesh.onnx", again)
    with torch.no_grad():
        said, told = networks.eye.eval()(pixels), again.eval()(pixels)
    assert float((said - told).std()) < 0.1 * float((said - said.mean(0)).std())


def test_a_rigged_hand_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("pygltflib", reason="training needs the extra 'train'")
    from rigged import write_hand

    from blanket.train.hands import drawn_hand, load_hand

    hand = load_hand(write_hand(tmp_path / "hand.glb"))
    covered = []
    for seed in range(8):
        drawn = drawn_hand(hand, np.random.default_rng(seed), 96)
        assert drawn.skin
        assert drawn.shade.shape == (96, 96, 3) and drawn.alpha.shape == (96, 96)
        assert np.isfinite(drawn.shade).all() and drawn.shade.min() >= 0
        assert drawn.alpha.min() >= 0 and drawn.alpha.max() <= 1
        covered.append(float(drawn.alpha.mean()))
        again = drawn_hand(hand, np.random.default_rng(seed), 96)
        assert np.array_equal(drawn.shade, again.shade)
    assert min(covered) > 0.05 and max(covered) < 0.9
    assert len(set(covered)) == 8
    with pytest.raises(InputError, match="no joint thumb-tip"):
        load_hand(write_hand(tmp_path / "thumbless.glb", leave_out="thumb-tip"))
    (tmp_path / "text.glb").write_text("no hand")
    with pytest.raises(InputError, match="no rigged hand"):
        load_hand(tmp_path / "text.glb")


def test_the_lesson_on_hands_leaves_points_as_they_are(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    pytest.importorskip("onnx", reason="training needs the extra 'train'")
    pytest.importorskip("pygltflib", reason="training needs the extra 'train'")
    from rigged import write_hand

    from blanket.train.cover import CoverTraining, train_cover
    from blanket.weights import weights_folder

    def training(steps: int) -> CoverTraining:
        return CoverTraining(
            data=data,
            hand=write_hand(tmp_path / "hand.glb"),
            source=weights_folder(),
            output=tmp_path / "out",
            run=tmp_path / "run",
            steps=steps,
            batch=4,
            workers=0,
            checkpoint_every=2,
            occluders=8,
        )

    skill = train_cover(training(2))
    assert set(skill) == {"cover", "taken"}
    assert all(0 <= value < 1 for value in skill.values())
    first = (tmp_path / "out" / "face_mesh.onnx").read_bytes()
    train_cover(training(12))
    assert (tmp_path / "out" / "face_mesh.onnx").read_bytes() != first
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["face_mesh.onnx"]
    picture = cv2.imread(str(next((data / "drawn").glob("*.jpg"))))[None, ..., ::-1]
    crop = np.stack([cv2.resize(picture[0], (FACE_SIDE, FACE_SIDE))])
    (points, trust, before), (same, sure, after) = (
        onnxruntime.InferenceSession(folder / "face_mesh.onnx").run(None, {"pixels": crop})
        for folder in (weights_folder(), tmp_path / "out")
    )
    assert np.array_equal(points, same)
    assert np.array_equal(trust, sure)
    assert np.abs(before - after).max() > 1e-3


def test_expression_training_tells_people_apart(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="training needs the extra 'train'")
    from blanket.eval.affect import CLASSES, SHAPE
    from blanket.train.expression import train_expression

    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match="has an expression"):
        train_expression(data, out)
    # Every face twice, so that each class has five people.
    names = np.load(data / "drawn_mesh.npz")["names"]
    folder = tmp_path / "labelled"
    shutil.copytree(data, folder)
    with np.load(data / "drawn_mesh.npz") as file:
        meshes = file["mesh_16ths"]
    twins = [f"twin{i}_0001" for i in range(len(names))]
    for name, twin in zip(names, twins, strict=True):
        shutil.copy(folder / "drawn" / f"{name}.jpg", folder / "drawn" / f"{twin}.jpg")
    np.savez(
        folder / "drawn_mesh.npz",
        names=np.array([*names, *twins]),
        mesh_16ths=np.concatenate([meshes, meshes]),
    )
    labels = ["happiness", "anger", "neutral", "surprise", "fear"]
    rows = [f"{name},{labels[i % 5]}" for i, name in enumerate([*names, *twins])]
    (folder / "drawn_expressions.csv").write_text("\n".join(["name,expression", *rows]) + "\n")
    skill = train_expression(folder, out)
    assert skill.faces == sum(i % 5 != 4 for i in range(2 * len(names)))
    assert set(skill.recall) == set(CLASSES) and 0 <= skill.accuracy <= 1
    with np.load(out / "expression.npz") as file:
        assert file["slope"].shape[1] == file["constant"].shape[0] == len(CLASSES)
        assert file["slope"].shape[0] > SHAPE and np.isfinite(file["slope"]).all()
    with pytest.raises(InputError, match="fewer than 5 people labelled happiness"):
        (folder / "drawn_expressions.csv").write_text("\n".join(["name,expression", *rows[:3]]))
        train_expression(folder, out)
