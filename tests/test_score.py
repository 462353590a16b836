"""`blanket score` and `blanket predict`, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Demo

from blanket.cli import main

pytest.importorskip("pycocotools", reason="scoring needs the extra 'eval'")
from test_eval_coco import FRAMES, poses, reference, tiny_rtdetr, tiny_vitpose

from blanket.eval.coco import as_truth
from blanket.eval.scores import Scores


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions on an original and on an output."""
    paths = tmp_path / "before.json", tmp_path / "after.json"
    for path, one in zip(
        paths, (poses(1, 0, 0, 0, False), poses(2, 0.04, 0.2, 0.2, False)), strict=True
    ):
        path.write_text(json.dumps(one))
    return paths


def test_files_are_scored_as_pycocotools_would(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = files
    out = tmp_path / "scores.json"
    assert main(f"score {before} {after} -o {out}".split()) == 0
    found = Scores.model_validate_json(out.read_text("utf-8"))
    original, output = (json.loads(path.read_text()) for path in files)
    expected = reference(tmp_path, original, output, "keypoints", "pycocotools")
    pose = found.against_original["pose"]
    np.testing.assert_allclose([pose.ap, pose.ap50, pose.ap75, pose.ar], expected, atol=1e-6)
    assert set(found.against_original) == {"pose"} and found.annotations is None
    assert found.original == "before.json" and found.output == "after.json"
    assert f"AP {pose.ap:.4f}, {pose.missing} of {pose.truth} missing" in capsys.readouterr().err
    assert main(f"score {before} {after} -o {out}".split()) == 2
    assert "exists" in capsys.readouterr().err


def test_both_are_scored_against_what_people_marked(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = files
    marked = as_truth(json.loads(before.read_text()), FRAMES)
    for image in marked["images"]:
        image["frame_id"] = image["id"]
        image["id"] += 500
    for one in marked["annotations"]:
        one["image_id"] += 500
    annotations, out = tmp_path / "marked.json", tmp_path / "scores.json"
    annotations.write_text(json.dumps(marked))
    assert main(f"score {before} {after} --annotations {annotations} -o {out}".split()) == 0
    found = Scores.model_validate_json(out.read_text("utf-8"))
    assert found.original_against_annotations["pose"].ap == pytest.approx(1)
    against = found.output_against_annotations["pose"].ap
    assert against == pytest.approx(found.against_original["pose"].ap)
    assert "the output against the annotations, pose" in capsys.readouterr().err


def test_nothing_to_find_has_no_score(tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("[]")
    after, out = tmp_path / "after.json", tmp_path / "scores.json"
    after.write_text(json.dumps(poses(1, 0, 0, 0, True)))
    assert main(f"score {after} {tmp_path / 'none.json'} -o {out}".split()) == 0
    found = Scores.model_validate_json(out.read_text("utf-8"))
    assert found.against_original["pose"].ap == 0
    assert found.against_original["pose"].missing == found.against_original["pose"].truth > 0


def test_nobody_in_the_original_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none, after = tmp_path / "none.json", tmp_path / "after.json"
    none.write_text("[]")
    person = {"image_id": 4, "category_id": 1, "score": 0.9, "bbox": [0, 0, 9, 9]}
    after.write_text(json.dumps([person]))
    assert main(f"score {none} {after}".split()) == 0
    assert "AP no value, 0 of 0 missing, 1 spurious, in 1 image\n" in capsys.readouterr().err
    assert main(f"score {none} {none}".split()) == 0
    assert "warning: neither file has a prediction" in capsys.readouterr().err


def test_files_without_a_person_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toys = tmp_path / "toys.json"
    toys.write_text(
        json.dumps([{"image_id": 4, "category_id": 3, "score": 0.9, "bbox": [0, 0, 9, 9]}])
    )
    assert main(f"score {toys} {toys}".split()) == 2
    assert "no prediction is of a person, which is category_id 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--sigmas 0.1,x", "numbers parted by commas"),
        ("--sigmas 0.1,0", "above 0"),
        ("--sigmas 0.1,0.2", "17 keypoints where 2 are expected"),
        ("--annotations {before}", "no COCO annotation file"),
        ("--overwrite -o {before}", "replace its own input"),
    ],
)
def test_wrong_use_is_one_sentence(
    files: tuple[Path, Path], options: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = files
    assert main(f"score {before} {after} {options.format(before=before)}".split()) == 2
    assert message in capsys.readouterr().err


def test_the_fields_are_those_that_are_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "score.md").read_text("utf-8")
    schema = Scores.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for name in part["properties"]:
            assert f"`{name}`" in text, name


def test_a_video_is_predicted_and_scored(demo: Demo, tmp_path: Path) -> None:
    networks = f"--detector {tiny_rtdetr(tmp_path / 'd')} --pose {tiny_vitpose(tmp_path / 'p')}"
    before, out = tmp_path / "before.json", tmp_path / "scores.json"
    assert main(f"predict {demo.clip} -o {before} --every 30 {networks}".split()) == 0
    assert {one["image_id"] for one in json.loads(before.read_text())} == {0, 30}
    assert main(f"score {before} {before} -o {out}".split()) == 0
    found = Scores.model_validate_json(out.read_text("utf-8"))
    assert found.against_original["pose"].ap == pytest.approx(1)
    boxes = tmp_path / "boxes.json"
    assert main(f"predict {demo.clip} -o {boxes} --every 30 --no-poses {networks}".split()) == 0
    assert all("keypoints" not in one for one in json.loads(boxes.read_text()))


def test_models_that_are_not_here_are_one_sentence(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torchvision", reason="needs the extra 'downstream'")
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert main(f"predict {demo.clip} -o {tmp_path / 'x.json'}".split()) == 1
    assert "blanket weights pull rtdetr" in capsys.readouterr().err
    assert not (tmp_path / "x.json").exists()
