"""Average precision: by hand, against pycocotools run from files, against another counter."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from blanket.errors import BlanketError, InputError
from blanket.eval.estimators import Person
from blanket.faces import Face

pytest.importorskip("pycocotools", reason="AP needs the extra 'eval'")
from blanket.eval.coco import (
    Dataset,
    Result,
    as_truth,
    face_results,
    on_frames,
    only_images,
    person_results,
)
from blanket.eval.cocofile import read_annotations, read_results
from blanket.eval.downstream import downstream_precision, human_precision
from blanket.eval.people import people_figures, people_files
from blanket.eval.precision import Kind, average_precision

FRAMES = range(12)


def poses(seed: int, noise: float, dropped: float, extra: float, boxed: bool) -> list[Result]:
    """Predictions on twelve frames with up to three people, moved by some noise; some are
    dropped, some invented."""
    people, rng = np.random.default_rng(7), np.random.default_rng(seed)
    results: list[Result] = []
    for frame in FRAMES:
        for _ in range(people.integers(0, 4)):
            corner, size = people.uniform(0, 300, 2), people.uniform(60, 200, 2)
            places = corner + people.uniform(0.05, 0.95, (17, 2)) * size
            if rng.random() < dropped:
                continue
            if rng.random() < extra:
                places = places[::-1] + 150
            places = places + rng.normal(0, noise, places.shape) * size
            result: Result = {
                "image_id": frame,
                "category_id": 1,
                "score": float(rng.uniform(0.1, 1)),
                "keypoints": np.column_stack([places, rng.uniform(0.2, 1, 17)]).ravel().tolist(),
            }
            if boxed:
                result["bbox"] = [*corner, *(size * rng.uniform(0.9, 1.1, 2))]
            results.append(result)
    return results


def reference(
    folder: Path, original: list[Result], output: list[Result], kind: Kind, library: str
) -> np.ndarray:
    """What a lab would do with the two files: both loaded as results, one as the truth."""
    (folder / "output.json").write_text(json.dumps(output))
    annotations = []
    for number, one in enumerate(original):
        x, y, v = np.reshape(one["keypoints"], (17, 3)).T
        box = one.get("bbox", [x.min(), y.min(), np.ptp(x), np.ptp(y)])
        annotations.append(
            {
                "id": number + 1,
                "image_id": one["image_id"],
                "category_id": 1,
                "keypoints": one["keypoints"],
                "num_keypoints": int((v > 0).sum()),
                "bbox": [float(edge) for edge in box],
                "area": float(box[2] * box[3]),
                "iscrowd": 0,
            }
        )
    truth = {
        "images": [{"id": frame} for frame in FRAMES],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "truth.json").write_text(json.dumps(truth))
    if library == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    else:
        faster = pytest.importorskip("faster_coco_eval", reason="a second counter")
        COCO, COCOeval = faster.COCO, faster.COCOeval_faster  # noqa: N806
    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCO(str(folder / "truth.json"))
        evaluation = COCOeval(judge, judge.loadRes(str(folder / "output.json")), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.asarray(evaluation.stats)[[0, 1, 2, 8 if kind == "bbox" else 5]]


@pytest.mark.parametrize("library", ["pycocotools", "faster_coco_eval"])
@pytest.mark.parametrize("kind", ["bbox", "keypoints"])
@pytest.mark.parametrize("boxed", [True, False])
def test_ap_is_that_of_the_reference(tmp_path: Path, library: str, kind: Kind, boxed: bool) -> None:
    original = poses(1, 0.0, 0.0, 0.0, boxed)
    output = poses(2, 0.04, 0.2, 0.2, boxed)
    (tmp_path / "predictions.json").write_text(json.dumps(output))
    found = average_precision(
        as_truth(original, FRAMES), read_results(tmp_path / "predictions.json"), kind
    )
    expected = reference(tmp_path, original, output, kind, library)
    assert 0.05 < expected[0] < 0.95
    np.testing.assert_allclose([found.ap, found.ap50, found.ap75, found.ar], expected, atol=1e-6)


def box(frame: int, x: float, score: float = 0.9, side: float = 100) -> Result:
    return {"image_id": frame, "category_id": 1, "score": score, "bbox": [x, 0, side, side]}


def test_both_ends_of_the_scale() -> None:
    original = poses(1, 0, 0, 0, True)
    truth = as_truth(original, FRAMES)
    for kind in ("bbox", "keypoints"):
        same = average_precision(truth, original, kind, confident=0)
        assert same.ap == pytest.approx(1) and same.missing == same.spurious == 0
        none = average_precision(truth, [], kind)
        assert none.ap == none.ar == 0
        assert none.missing == none.truth == len(original) and none.spurious == 0


def test_boxes_by_hand() -> None:
    truth = as_truth([box(0, 0), box(1, 0), box(2, 0)], range(4))
    # An IoU of 0.8: right at 0.50 to 0.80, seven of the ten thresholds.
    found = average_precision(truth, [box(0, 0), box(1, 11)], "bbox")
    # Precision 1 up to a recall of 2/3 (67 of 101 points), or of 1/3 (34) where strict.
    assert found.ap50 == pytest.approx(67 / 101)
    assert found.ap == pytest.approx((7 * 67 + 3 * 34) / 1010)
    assert (found.truth, found.missing, found.spurious, found.images) == (3, 1, 0, 4)


def test_missing_and_spurious_are_counted() -> None:
    truth = as_truth([box(0, 0), box(1, 0), box(2, 0, score=0.2)], range(4), least_score=0.5)
    output = [box(0, 0), box(0, 500), box(0, 700, score=0.3), box(1, 0, score=0.4), box(3, 0)]
    found = average_precision(truth, output, "bbox")
    # Frame 1 is only found without confidence; frame 3 has nobody in it.
    assert (found.truth, found.missing, found.spurious, found.images) == (2, 1, 2, 4)
    sure = average_precision(truth, output, "bbox", confident=0.1)
    assert (sure.missing, sure.spurious) == (0, 3)


def test_without_truth_nothing_is_perfect() -> None:
    found = average_precision(as_truth([], range(2)), [box(0, 0)], "bbox")
    assert np.isnan(found.ap) and np.isnan(found.ar)
    assert (found.truth, found.spurious, found.images) == (0, 1, 2)


def test_predictions_elsewhere_or_of_another_skeleton_are_refused() -> None:
    truth = as_truth([box(0, 0)], range(1))
    with pytest.raises(InputError, match="image 3, which has no truth"):
        average_precision(truth, [box(3, 0)], "bbox")
    with pytest.raises(InputError, match="out of range"):
        as_truth([box(3, 0)], range(1))
    with pytest.raises(InputError, match="category 7, of which the truth has none"):
        average_precision(truth, [{**box(0, 0), "category_id": 7}], "bbox")
    few = {**box(0, 0), "keypoints": [1, 2, 1] * 5}
    with pytest.raises(InputError, match="5 keypoints where 17 are expected"):
        average_precision(as_truth([few], range(1)), [few], "keypoints")
    sigmas = [0.05] * 5
    own = average_precision(as_truth([few], range(1)), [few], "keypoints", sigmas=sigmas)
    assert own.ap == pytest.approx(1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "a list of predictions"),
        ("[1]", "a list of predictions"),
        ('[{"image_id": 0, "category_id": 1}]', "prediction 0 lacks score"),
        (
            '[{"image_id": "a", "category_id": 1, "score": 1, "bbox": [0, 0, 1, 1]}]',
            "prediction 0: image_id: should be a valid integer",
        ),
        *(
            (
                json.dumps([{"image_id": 0, "category_id": 1, "score": 1, **nothing}]),
                "prediction 0 lacks a bbox or keypoints",
            )
            for nothing in ({}, {"bbox": None}, {"bbox": [], "keypoints": []})
        ),
        (
            '[{"image_id": 0, "category_id": 1, "score": NaN, "bbox": [0, 0, 1, 1]}]',
            "prediction 0: score: should be a finite number",
        ),
        *(
            (
                json.dumps([{"image_id": 0, "category_id": 1, "score": 1, **wrong}]),
                f"prediction 0: {field}",
            )
            for field, wrong in {
                "bbox: should be a valid list": {"bbox": "all"},
                r"bbox: List should have at least 4": {"bbox": [1, 2, 3]},
                r"keypoints\.0: should be a valid number": {"keypoints": [[1, 2, 1]] * 17},
                "score": {"bbox": [0, 0, 1, 1], "score": "high"},
                "category_id": {"bbox": [0, 0, 1, 1], "category_id": "person"},
            }.items()
        ),
        ("nonsense", "cannot be read as JSON"),
    ],
)
def test_files_that_are_no_predictions(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=message):
        read_results(tmp_path / "x.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_results(tmp_path / "absent.json")


def test_files_are_read_as_other_tools_write_them(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    given = {"image_id": 0, "category_id": 1, "score": 0.5}
    points, corners = {"keypoints": [1, 2, 1] * 17}, {"bbox": [0, 0, 9, 9]}
    for right, odd in (
        (points, {"category_id": 1.0, "image_id": 0.0, "bbox": []}),
        (points, {"image_id": "0", "bbox": None}),
        (corners, {"keypoints": None}),
        (corners, {"keypoints": []}),
    ):
        path.write_text(json.dumps([{**given, **right, **odd}]))
        assert read_results(path) == [{**given, **right}]
    mark = {"image_id": 0, "category_id": 1, **corners, "area": 81.0}
    boxed = {**mark, "iscrowd": False, "keypoints": [], "num_keypoints": 0}
    posed = {**mark, **points, "category_id": 1.0, "num_keypoints": 17.0}
    file = {
        "images": [{"id": 0, "file_name": None, "frame_id": "0"}, {"id": 1.0, "frame_id": None}],
        "annotations": [boxed, posed],
        "categories": [{"id": 1.0, "name": None}],
    }
    path.write_text(json.dumps(file))
    assert read_annotations(path) == {
        "images": [{"id": 0, "frame_id": 0}, {"id": 1}],
        "annotations": [
            {**mark, "iscrowd": 0, "num_keypoints": 0},
            {**mark, **points, "iscrowd": 0, "num_keypoints": 17},
        ],
        "categories": [{"id": 1}],
    }
    for area, message in ((None, "annotation 0 lacks area"), (np.nan, "finite number")):
        path.write_text(json.dumps({**file, "annotations": [{**mark, "area": area}]}))
        with pytest.raises(InputError, match=message):
            read_annotations(path)


def test_human_annotations(tmp_path: Path) -> None:
    person = poses(1, 0, 0, 0, True)[0]
    annotation = {**person, "id": 5, "image_id": 30, "area": 5000.0}
    del annotation["score"]
    file: Dataset = {
        "images": [{"id": 30, "file_name": "a.png"}, {"id": 31, "file_name": "b.png"}],
        "annotations": [annotation],
        "categories": [{"id": 1, "name": "person"}],
    }
    path = tmp_path / "human.json"
    path.write_text(json.dumps(file))
    truth = read_annotations(path)
    guess = {**person, "image_id": 30}
    assert average_precision(truth, [guess], "keypoints").ap == pytest.approx(1)
    only = only_images(truth, [31])
    assert [one["id"] for one in only["images"]] == [31] and not only["annotations"]
    del annotation["area"]
    path.write_text(json.dumps(file))
    with pytest.raises(InputError, match="annotation 0 lacks area"):
        read_annotations(path)
    annotation["area"] = 5000.0
    for image, message in (
        ({"file_name": "a.png"}, "image 0 lacks id"),
        ({"id": "a"}, "image 0: id: should be a valid integer"),
    ):
        path.write_text(json.dumps({**file, "images": [image]}))
        with pytest.raises(InputError, match=message):
            read_annotations(path)
    path.write_text("[]")
    with pytest.raises(InputError, match="no COCO annotation file"):
        read_annotations(path)


def test_annotations_are_put_on_frames() -> None:
    file: Dataset = {
        "images": [
            {"id": 70, "file_name": "infant/b.png", "frame_id": 4},
            {"id": 71, "file_name": "infant/a.png", "frame_id": 0},
        ],
        "annotations": [{"id": 1, "image_id": 70}],
        "categories": [],
    }
    by_frame = on_frames(file)
    assert [one["id"] for one in by_frame["images"]] == [4, 0]
    assert by_frame["annotations"] == [{"id": 1, "image_id": 4}]
    by_name = on_frames(file, {"a.png": 0, "b.png": 1})
    assert by_name["annotations"][0]["image_id"] == 1
    with pytest.raises(InputError, match=r"'a\.png', which is not there"):
        on_frames(file, {"b.png": 1})
    file["images"][1]["frame_id"] = 4
    with pytest.raises(InputError, match="two images"):
        on_frames(file)
    plain = {**file, "images": [{"id": 3}]}
    with pytest.raises(InputError, match="image 70, which is not listed"):
        on_frames(plain)


def test_downstream_of_files(tmp_path: Path) -> None:
    original, output = poses(1, 0, 0, 0, True), poses(2, 0.04, 0.2, 0.2, True)
    found = downstream_precision(original, output, FRAMES)
    assert set(found) == {"person", "pose"}
    truth = as_truth(original, FRAMES)
    assert found["pose"] == average_precision(truth, output, "keypoints")
    assert found["person"] == average_precision(truth, output, "bbox")
    # Every third frame: what lies between is left out on both sides.
    thinned = downstream_precision(original, output, range(0, 12, 3))
    assert thinned["pose"].images == 4 and thinned["pose"].truth < found["pose"].truth
    # An output in which nobody is found has lost all of it.
    gone = downstream_precision(original, [], FRAMES)
    assert gone["pose"].ap == gone["person"].ap == 0
    # Of other objects nothing is said.
    toys = [{**box(frame, 700), "category_id": 3} for frame in FRAMES]
    assert downstream_precision([*original, *toys], [*output, *toys[:5]], FRAMES) == found
    assert downstream_precision(original, toys, FRAMES) == gone
    # Nobody in a video is nothing to compare.
    assert people_figures(toys, toys, FRAMES) == {}
    # Without boxes, or poses, on one side nothing can be said of them.
    boxes, points = only("bbox", output), only("keypoints", output)
    assert set(downstream_precision(boxes, original, FRAMES)) == {"person"}
    for part, kind in ((boxes, "keypoints"), (points, "bbox")):
        with pytest.raises(InputError, match=f"original have {kind} and those on the output have"):
            downstream_precision(original, part, FRAMES)
    # What is seen where nobody was is spurious.
    invented = downstream_precision([], [box(0, 0), box(1, 0)], FRAMES)
    assert set(invented) == {"person"} and np.isnan(invented["person"].ap)
    assert (invented["person"].truth, invented["person"].spurious) == (0, 2)


def only(kind: Kind, results: list[Result]) -> list[Result]:
    other = "keypoints" if kind == "bbox" else "bbox"
    return [{key: one[key] for key in one if key != other} for one in results]


def test_boxes_and_poses_may_be_predictions_of_their_own() -> None:
    original, output = poses(1, 0, 0, 0, True), poses(2, 0.04, 0.2, 0.2, True)
    found = downstream_precision(
        [*only("bbox", original), *only("keypoints", original)],
        [*only("keypoints", output), *only("bbox", output)],
        FRAMES,
    )
    for kind, name in (("bbox", "person"), ("keypoints", "pose")):
        alone = downstream_precision(only(kind, original), only(kind, output), FRAMES)
        assert found[name] == alone[name] and 0 < alone[name].ap < 1


def test_people_that_were_marked() -> None:
    original = poses(1, 0, 0, 0, True)
    truth = as_truth(original, FRAMES)
    human = human_precision(truth, original, range(0, 12, 2))
    assert human["pose"].ap == pytest.approx(1) and human["pose"].images == 6
    # Toys that were marked too are not missed, nor are toys that were found spurious.
    toy = {**truth["annotations"][0], "id": 999, "category_id": 2}
    toys: Dataset = {
        **truth,
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "toy"}],
        "annotations": [*truth["annotations"], toy],
    }
    seen = [*original, {**original[0], "category_id": 2}, {**original[0], "category_id": 3}]
    expected = human_precision(truth, original, FRAMES)
    assert human_precision(toys, seen, FRAMES) == expected
    assert human_precision({**truth, "categories": [{"id": 1}]}, seen, FRAMES) == expected
    # Their number in the annotations is the annotators' own.
    renamed = [{**one, "category_id": 7} for one in truth["annotations"]]
    other = {**truth, "categories": [{"id": 7, "name": "person"}], "annotations": renamed}
    assert human_precision(other, original, FRAMES) == expected
    # However they are called, if they are all that was marked.
    for categories in (
        [{"id": 7, "name": "Person"}, {"id": 1, "name": "toy"}],
        [{"id": 7, "name": "infant"}],
        [{"id": 7}],
    ):
        called = {**other, "categories": categories}
        assert human_precision(called, original, FRAMES) == expected
    infants = [{"id": 7, "name": "infant"}, {"id": 2, "name": "toy"}]
    with pytest.raises(InputError, match="several categories and none is called 'person'"):
        human_precision({**other, "categories": infants}, original, FRAMES)
    # Who was marked by a box alone is passed over.
    boxed = only("bbox", truth["annotations"][:1])
    some = human_precision(
        {**truth, "annotations": [*boxed, *truth["annotations"][1:]]}, original, FRAMES
    )
    assert some["person"] == expected["person"]
    assert some["pose"].truth == expected["pose"].truth - 1
    assert some["pose"].ap == pytest.approx(1) and some["pose"].spurious == 0
    with pytest.raises(InputError, match="none of the frames"):
        human_precision(truth, original, [99])


def test_annotations_may_have_any_numbers() -> None:
    truth = as_truth([box(frame, 0) for frame in range(4)], range(4))
    for numbers in ([0, 1, 2, 3], [7, 7, 7, 7]):
        marks = [
            {**one, "id": number} for one, number in zip(truth["annotations"], numbers, strict=True)
        ]
        found = average_precision(
            {**truth, "annotations": marks}, [box(frame, 0) for frame in range(4)], "bbox"
        )
        assert found.ap == pytest.approx(1)
        assert (found.truth, found.missing, found.spurious) == (4, 0, 0)


def test_files_that_can_give_no_figure_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("[]")
    both = {"original": file, "mine": file}
    for predictions, marks, message in (
        ({}, file, "annotations are compared with predictions"),
        ({"original": file}, None, r"a method \(mine\) are needed too: NAME=FILE"),
        ({**both, "mine": tmp_path / "absent.json"}, None, "there is no file or folder .*absent"),
        (both, tmp_path / "absent.json", "there is no file or folder .*absent"),
    ):
        with pytest.raises(InputError, match=message):
            people_files(predictions, marks, ["a.mp4"]).check(["mine"])
    people_files(both, file, ["a.mp4"]).check(["mine"])


def test_a_file_is_of_one_video(tmp_path: Path) -> None:
    file, folder = tmp_path / "x.json", tmp_path / "folder"
    file.write_text("[]")
    folder.mkdir()
    videos = ["a.mp4", "b.mp4"]
    for predictions, marks in (({"original": file}, None), ({"original": folder}, file)):
        with pytest.raises(InputError, match=r"x\.json is one file for 2 videos"):
            people_files(predictions, marks, videos)
    people_files({"original": folder}, folder, videos)
    # Pictures are found in it by their names.
    people_files({"original": folder}, file, ["a.png", "b.png"])


def test_predictions_are_of_frames_of_the_video() -> None:
    right, wrong = [box(0, 0), box(1, 0)], [box(1, 0), box(2, 0)]
    assert people_figures(right, right, range(2))["person_ap"] == pytest.approx(100)
    for name, pair in {"original": (wrong, right), "output": (right, wrong)}.items():
        with pytest.raises(InputError, match=f"on the {name} for frame 2 of a video that has 2"):
            people_figures(*pair, range(2))


def test_detections_in_cocos_form() -> None:
    face = Face(np.array([10, 20, 40, 60], np.float32), 0.75, np.zeros((5, 2), np.float32))
    assert face_results(3, [face]) == [
        {"image_id": 3, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.75}
    ]
    marked = Person(face.box, 0.5, np.arange(51, dtype=np.float32).reshape(17, 3))
    [found] = person_results(2, [marked])
    assert found["keypoints"] == list(range(51))
    assert "keypoints" not in person_results(2, [Person(face.box, 0.5)])[0]


def tiny_rtdetr(folder: Path) -> Path:
    transformers = pytest.importorskip("transformers", reason="needs the extra 'downstream'")
    pytest.importorskip("torchvision", reason="needs the extra 'downstream'")
    import torch

    torch.manual_seed(0)
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.RTDetrConfig(
        backbone_config=backbone, encoder_hidden_dim=16, encoder_in_channels=[8, 8, 8],
        encoder_ffn_dim=16, encoder_attention_heads=2, d_model=16, num_queries=20,
        decoder_in_channels=[16, 16, 16], decoder_ffn_dim=16, decoder_layers=1,
        decoder_attention_heads=2, num_denoising=0, eval_size=None,
        id2label={0: "person", 1: "toy"}, label2id={"person": 0, "toy": 1},
    )  # fmt: skip
    transformers.RTDetrForObjectDetection(config).save_pretrained(folder)
    size = {"height": 64, "width": 64}
    transformers.RTDetrImageProcessor(size=size).save_pretrained(folder)
    return folder


def tiny_vitpose(folder: Path, experts: int = 1) -> Path:
    transformers = pytest.importorskip("transformers", reason="needs the extra 'downstream'")
    pytest.importorskip("torchvision", reason="needs the extra 'downstream'")
    import torch

    torch.manual_seed(0)
    backbone = transformers.VitPoseBackboneConfig(
        image_size=[64, 48], patch_size=[16, 16], hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, mlp_ratio=2, num_experts=experts, part_features=4,
        out_indices=[1],
    )  # fmt: skip
    config = transformers.VitPoseConfig(backbone_config=backbone, num_labels=17)
    transformers.VitPoseForPoseEstimation(config).save_pretrained(folder)
    size = {"height": 64, "width": 48}
    transformers.VitPoseImageProcessor(size=size).save_pretrained(folder)
    return folder


def test_people_are_found_by_rtdetr(tmp_path: Path) -> None:
    folder = tiny_rtdetr(tmp_path)
    from blanket.eval.estimators import build_person_detector
    from blanket.eval.rtdetr import RtDetr

    picture = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    everything = RtDetr(folder, least=0.0).detect(picture)
    scores = [one.score for one in everything]
    assert scores == sorted(scores, reverse=True) and 0 < len(scores) <= 40
    assert all(one.box.shape == (4,) and one.keypoints is None for one in everything)
    # In pixels of the picture, not of what the network sees.
    assert max(float(one.box[2]) for one in everything) > 64
    sure = build_person_detector(folder).detect(picture)
    assert len(sure) == sum(score > 0.05 for score in scores)
    with pytest.raises(BlanketError, match=r"RT-DETR cannot be loaded from .*absent"):
        build_person_detector(tmp_path / "absent")


@pytest.mark.parametrize("experts", [1, 3])
def test_poses_are_found_by_vitpose(tmp_path: Path, experts: int) -> None:
    folder = tiny_vitpose(tmp_path, experts)
    from blanket.eval.estimators import build_pose_estimator

    estimator = build_pose_estimator(folder)
    picture = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    boxes = np.array([[10, 10, 60, 80], [80, 20, 150, 85]], np.float32)
    found = estimator.estimate(
        picture, [Person(b, s) for b, s in zip(boxes, (0.9, 0.4), strict=True)]
    )
    for one, given, score in zip(found, boxes, (0.9, 0.4), strict=True):
        assert one.keypoints is not None and one.keypoints.shape == (17, 3)
        middle = (given[:2] + given[2:]) / 2
        reach = 1.4 * (given[2:] - given[:2]).max()
        assert (np.abs(one.keypoints[:, :2] - middle) < reach).all()
        assert one.score == pytest.approx(score * float(one.keypoints[:, 2].mean()), rel=1e-5)
    truth = as_truth(person_results(0, found), range(1))
    assert average_precision(truth, person_results(0, found), "keypoints").ap == pytest.approx(1)
    assert estimator.estimate(picture, []) == []
    with pytest.raises(BlanketError, match=r"ViTPose cannot be loaded from .*absent"):
        build_pose_estimator(tmp_path / "absent")
