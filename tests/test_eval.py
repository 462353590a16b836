"""`blanket eval`: what it reads in two videos, its files, and its page in a real browser."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from clips import make_clip, scene
from conftest import Demo
from pages import found
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import blanket
from blanket.cli import main
from blanket.errors import BlanketError, InputError
from blanket.eval import plots
from blanket.eval.axis import label, spread
from blanket.eval.labels import place_labels, text_width
from blanket.eval.pairs import paired
from blanket.eval.results import Results
from blanket.faces import Image
from blanket.image import Still, write_image
from blanket.video import read

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow (extra eval) is not installed")
pytest.importorskip("dlib", reason="dlib-bin (extra eval) is not installed")
pytest.importorskip("jinja2", reason="jinja2 (extra eval) is not installed")


@pytest.fixture(scope="module")
def evaluated(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an evaluation of the demo, made on the command line."""
    folder = tmp_path_factory.mktemp("eval") / "made"
    options = f"eval {demo.clip} {demo.anonymized} -o {folder} --name blanket --every 2"
    assert main(options.split()) == 0
    return folder


@pytest.fixture(scope="module")
def results(evaluated: Path) -> Results:
    return Results.model_validate_json((evaluated / "results.json").read_text("utf-8"))


def test_every_face_of_every_frame_is_read(results: Results, demo: Demo) -> None:
    [method] = results.methods
    [video] = method.videos
    assert method.name == "blanket" and method.settings is None
    assert video.frames == len(demo.truth.mesh)
    assert video.frames_read == -(-video.frames // 2)
    assert video.frames_looked == -(-video.frames_read // results.look_every)
    assert video.subjects == 2
    shown = int(np.isfinite(demo.truth.mesh[::2, :, 0, 0]).sum())
    assert 0.8 * shown < video.faces <= 1.1 * shown
    assert 0 <= video.lost < video.faces


def test_every_figure_is_explained_and_every_explanation_used(results: Results) -> None:
    keys = [metric.key for metric in results.metrics]
    assert len(keys) == len(set(keys))
    [method] = results.methods
    assert set(method.videos[0].values) | set(method.overall) == set(keys)
    assert not set(method.videos[0].values) & set(method.overall)
    assert all(metric.description and metric.title for metric in results.metrics)
    assert set(method.summary) == {k for k, v in method.videos[0].values.items() if v is not None}
    assert all(one.sd is None and one.videos == 1 for one in method.summary.values())


def test_the_new_face_is_another_one_that_behaves_alike(results: Results) -> None:
    values = {key: one.mean for key, one in results.methods[0].summary.items()}
    assert values["identity_distance"] > 0.3
    assert values["faces_kept"] > 90
    assert values["mouth_r"] > 0.5 and values["landmarks_68_r"] > 0.5
    assert values["landmarks_68_error"] < 15


def test_the_table_of_frames_has_a_row_a_face_a_frame(evaluated: Path, results: Results) -> None:
    table = pq.read_table(evaluated / "frames.parquet")
    [video] = results.methods[0].videos
    rows = table.to_pylist()
    assert len(rows) == len({(row["frame"], row["subject"]) for row in rows})
    assert sum(row["trust_original"] >= 0.3 for row in rows) == video.faces
    assert sum(row["lost"] for row in rows) == video.lost
    looked = {row["frame"] for row in rows if row["distance"] is not None}
    assert all(frame % (2 * results.look_every) == 0 for frame in looked)
    distances = [row["distance"] for row in rows if row["distance"] is not None]
    assert min(distances) > 0
    assert {row["method"] for row in rows} == {"blanket"}


def test_the_columns_are_those_that_are_documented(evaluated: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "eval.md").read_text("utf-8")
    for name in pq.read_schema(evaluated / "frames.parquet").names:
        assert f"`{name}`" in text, name


def test_the_fields_are_those_that_are_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "eval.md").read_text("utf-8")
    definitions = Results.model_json_schema()
    parts = [definitions, *definitions["$defs"].values()]
    for part in parts:
        for name in part.get("properties", {}):
            assert f"`{name}`" in text, name


class Outside(HTMLParser):
    """Collects everything that a page would have to fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "action", "poster") and value:
                self.links.append(value)


def test_the_page_needs_nothing_but_itself(evaluated: Path) -> None:
    text = (evaluated / "report.html").read_text("utf-8")
    outside = Outside()
    outside.feed(text)
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in outside.links)
    assert "@import" not in text and not re.search(r"url\(", text)
    assert "http" not in re.sub(r"http-equiv", "", text)


def test_the_page_warns_of_the_faces_it_shows(evaluated: Path) -> None:
    text = (evaluated / "report.html").read_text("utf-8")
    assert "This page shows original faces." in text
    assert "data:image/jpeg" in text


def test_the_browser_shows_what_was_found(
    evaluated: Path, results: Results, tmp_path: Path
) -> None:
    script = """JSON.stringify({
      errors: [...document.images].filter(i => !i.complete || !i.naturalWidth).length,
      images: document.images.length,
      rows: Object.fromEntries([...document.querySelectorAll('tr[data-metric]')].map(
        r => [r.dataset.metric, r.querySelector('td').firstChild.textContent.trim()])),
      empty: [...document.querySelectorAll('svg')].filter(
        s => s.getBoundingClientRect().height < 40).length,
      nan: [document.querySelector('main').innerText,
        ...[...document.querySelectorAll('svg')].map(s => s.outerHTML)].some(
        t => /\\b(nan|inf)\\b/i.test(t)),
      plots: document.querySelectorAll('svg').length,
      wide: document.documentElement.scrollWidth > innerWidth,
    })"""
    seen = json.loads(found(evaluated / "report.html", tmp_path, script))
    assert seen["errors"] == 0 and seen["images"] >= 8
    assert seen["plots"] > 10 and seen["empty"] == 0
    assert not seen["wide"]
    assert not seen["nan"]
    summary, overall = results.methods[0].summary, results.methods[0].overall
    figures = {key: one.mean for key, one in summary.items()}
    figures |= {key: one.value for key, one in overall.items()}
    assert set(seen["rows"]) == {metric.key for metric in results.metrics}
    for metric in results.metrics:
        text = seen["rows"][metric.key].replace("\N{MINUS SIGN}", "-")
        if metric.key in figures:
            rounding = 0.51 * 10.0**-metric.digits
            assert float(text) == pytest.approx(figures[metric.key], abs=rounding)
        else:
            assert text == "\N{EN DASH}"


def test_a_page_without_stills_holds_no_picture(demo: Demo, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    results = blanket.evaluate(
        demo.clip, demo.anonymized, folder, every=8, look_every=3, recogniser=None, stills=False
    )
    text = (folder / "report.html").read_text("utf-8")
    assert "data:image" not in text and "shows original faces" not in text
    assert results.readers.recogniser is None
    assert not any(metric.key.startswith("identity") for metric in results.metrics)
    assert results.methods[0].videos[0].frames_read == 6


def test_pictures_are_videos_of_one_frame(demo: Demo, tmp_path: Path) -> None:
    for name, clip in {"a": demo.clip, "b": demo.anonymized}.items():
        (tmp_path / name).mkdir()
        write_image(tmp_path / name / "one.png", next(iter(read(clip))).rgb())
    results = blanket.evaluate(tmp_path / "a", tmp_path / "b", tmp_path / "made")
    [video] = results.methods[0].videos
    assert (video.video, video.frames, video.faces) == ("one.png", 1, 1)
    # There is nothing to correlate in a single frame, and much to measure.
    assert video.values["yaw_r"] is None
    assert video.values["yaw_error"] is not None and video.values["identity_distance"] is not None


def test_one_picture_of_each_person_is_no_gallery(demo: Demo, tmp_path: Path) -> None:
    for name, clip in {"a": demo.clip, "b": demo.anonymized}.items():
        for person in ("anna", "bob"):
            (tmp_path / name / person).mkdir(parents=True)
            write_image(tmp_path / name / person / "one.png", next(iter(read(clip))).rgb())
    results = blanket.evaluate(tmp_path / "a", tmp_path / "b", tmp_path / "made")
    assert "rank1" not in results.methods[0].overall
    [warning] = results.warnings
    assert warning.startswith("re-identification of 2 people was not measured")


def test_a_video_without_a_face_has_no_figures(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", [scene(phase=k / 9) for k in range(4)])
    results = blanket.evaluate(clip, clip, tmp_path / "made")
    [video] = results.methods[0].videos
    assert video.faces == 0 and video.frames == 4
    assert all(value is None for key, value in video.values.items() if key.endswith("_r"))
    assert results.warnings == ["a.mp4: no face was found in the original"]
    assert "no face was found" in (tmp_path / "made" / "report.html").read_text("utf-8")


@pytest.mark.parametrize("count", [3, 5])
def test_other_lengths_are_an_error(tmp_path: Path, count: int) -> None:
    pictures = [scene(phase=k / 9) for k in range(5)]
    a = make_clip(tmp_path / "a.mp4", pictures[:4])
    b = make_clip(tmp_path / "b.mp4", pictures[:count])
    with pytest.raises(InputError, match=r"after [34] frames"):
        blanket.evaluate(a, b, tmp_path / "made")
    assert not list((tmp_path / "made").iterdir())


def test_other_sizes_and_kinds_are_errors(tmp_path: Path) -> None:
    a = make_clip(tmp_path / "a.mp4", [scene()])
    b = make_clip(tmp_path / "b.mp4", [scene(width=128)])
    write_image(tmp_path / "c.png", scene())
    with pytest.raises(
        InputError, match=r"output \S*b\.mp4 has 128x120 .* original \S*a\.mp4 160x120"
    ):
        blanket.evaluate(a, b, tmp_path / "made")
    with pytest.raises(InputError, match="both be pictures or both videos"):
        blanket.evaluate(a, tmp_path / "c.png", tmp_path / "made")
    with pytest.raises(InputError, match="both be files or both folders"):
        blanket.evaluate(a, tmp_path, tmp_path / "made")
    with pytest.raises(InputError, match="there is no file"):
        blanket.evaluate(a, tmp_path / "missing.mp4", tmp_path / "made")


def test_a_folder_goes_on_after_a_file_that_fails(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_clip(tmp_path / name / "good.mp4", [scene()])
    make_clip(tmp_path / "a" / "odd.mp4", [scene(), scene()])
    make_clip(tmp_path / "b" / "odd.mp4", [scene()])
    made = tmp_path / "made"
    assert main(["eval", str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(made)]) == 2
    texts = {name: (made / name).read_text("utf-8") for name in ("results.json", "report.html")}
    [method] = Results.model_validate_json(texts["results.json"]).methods
    assert [video.video for video in method.videos] == ["good.mp4"]
    assert method.failed["odd.mp4"].startswith(
        "the output odd.mp4 ends after 1 frame and the original odd.mp4 does not"
    )
    assert "ends after 1 frame and" in texts["report.html"]
    assert not any(str(tmp_path) in text for text in texts.values())


def test_an_original_without_an_output_counts_for_nothing_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a/one.mp4", "a/sub/two.mp4", "a/three.mp4", "b/one.mp4", "c/four.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        make_clip(tmp_path / name, [scene()])
    made = tmp_path / "made"
    command = ["eval", str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(made)]
    assert main([*command, "--recogniser", "none"]) == 0
    warning = (
        "without an output, and so counted for nothing: sub/two.mp4, three.mp4 (2 of 3 inputs)"
    )
    texts = {name: (made / name).read_text("utf-8") for name in ("results.json", "report.html")}
    said = [*texts.values(), capsys.readouterr().err]
    assert all(warning in text for text in said)
    [method] = Results.model_validate_json(texts["results.json"]).methods
    assert [video.video for video in method.videos] == ["one.mp4"] and not method.failed
    with pytest.raises(InputError, match=r"c has no file for any in .*a: pairs go by name"):
        blanket.evaluate(tmp_path / "a", tmp_path / "c", tmp_path / "other")


def test_reasons_name_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("anna smith", "out of it"):
        Path(name).mkdir()
        for video in ("good.mp4", "odd.mp4"):
            make_clip(Path(name) / video, [scene()])
    Path("out of it/odd.mp4").write_bytes(b"nothing")
    results = blanket.evaluate("anna smith", "out of it", "made", recogniser=None)
    reason = results.methods[0].failed["odd.mp4"]
    assert reason.startswith("odd.mp4 cannot be read as a video")


def test_without_a_folder_the_table_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b").mkdir()
    for name in ("a.mp4", "b/a.mp4"):
        make_clip(Path(name), [scene(), scene()])
    before = sorted(tmp_path.rglob("*"))
    assert main("eval a.mp4 b/a.mp4 --name mine --recogniser none".split()) == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert capsys.readouterr().out.startswith("| | mine |\n|---|---:|\n")


def test_a_file_is_no_folder_to_write_to(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", [scene()])
    (tmp_path / "made").touch()
    with pytest.raises(InputError, match="made cannot be made"):
        blanket.evaluate(clip, clip, tmp_path / "made")


def test_the_working_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_clip(tmp_path / name / "one.mp4", [scene()])
    monkeypatch.chdir(tmp_path / "b")
    [method] = blanket.evaluate("../a", ".", tmp_path / "made", recogniser=None).methods
    assert method.name == "b"


def test_outputs_go_by_name(tmp_path: Path) -> None:
    for name in ("a/x/one.avi", "a/two.png", "b/x/one.mp4", "b/two.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    pairs, alone = paired(tmp_path / "a", tmp_path / "b")
    assert not alone
    assert {name: pair[1].name for name, pair in pairs.items()} == {
        "two.png": "two.jpg", "x/one.avi": "one.mp4",
    }  # fmt: skip
    (tmp_path / "b/two.webp").touch()
    with pytest.raises(InputError, match=r"several files for two.png"):
        paired(tmp_path / "a", tmp_path / "b")
    (tmp_path / "a/three.png").touch()
    (tmp_path / "b/two.webp").unlink()
    pairs, alone = paired(tmp_path / "a", tmp_path / "b")
    assert list(pairs) == ["two.png", "x/one.avi"] and alone == ["three.png"]


def test_nothing_is_overwritten_unasked(evaluated: Path, demo: Demo) -> None:
    before = (evaluated / "results.json").read_bytes()
    assert main(["eval", str(demo.clip), str(demo.anonymized), "-o", str(evaluated)]) == 2
    assert (evaluated / "results.json").read_bytes() == before


def test_nothing_to_evaluate_is_an_error(tmp_path: Path) -> None:
    for name, count in {"a": 2, "b": 1}.items():
        (tmp_path / name).mkdir()
        for video in ("x.mp4", "y.mp4"):
            make_clip(tmp_path / name / video, [scene()] * count)
    with pytest.raises(BlanketError, match="no video could be evaluated"):
        blanket.evaluate(tmp_path / "a", tmp_path / "b", tmp_path / "made")


def _people(seed: int, noise: float) -> list[dict[str, Any]]:
    """A person in each of six frames, box and keypoints, as an estimator writes them."""
    rng, found = np.random.default_rng(seed), []
    body = np.random.default_rng(9).uniform(20, 100, (17, 2))
    for frame in range(6):
        points = body + frame + rng.normal(0, noise, body.shape)
        (x, y), (w, h) = points.min(0), np.ptp(points, axis=0)
        found.append({
            "image_id": frame, "category_id": 1, "score": float(rng.uniform(0.5, 1)),
            "bbox": [float(v) for v in (x, y, w, h)],
            "keypoints": np.column_stack([points, np.ones(17)]).ravel().tolist(),
        })  # fmt: skip
    return found


def test_poses_of_another_tool_are_scored_as_coco_does(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", [scene(phase=k / 9) for k in range(6)])
    predictions = {"original": _people(0, 0), "mine": _people(1, 3)}
    for name, people in predictions.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(people), encoding="utf-8")
    marks = {
        "images": [{"id": k} for k in (1, 3)],
        "annotations": [
            {**one, "id": one["image_id"], "area": one["bbox"][2] * one["bbox"][3]}
            for one in _people(2, 1)
            if one["image_id"] in (1, 3)
        ],
        "categories": [{"id": 1, "name": "person"}],
    }
    (tmp_path / "marks.json").write_text(json.dumps(marks), encoding="utf-8")
    options = (
        f"eval {clip} {clip} -o {tmp_path / 'made'} --name mine --recogniser none "
        f"--predictions original={tmp_path / 'original.json'} "
        f"--predictions mine={tmp_path / 'mine.json'} --annotations {tmp_path / 'marks.json'}"
    )
    assert main(options.split()) == 0
    results = Results.model_validate_json((tmp_path / "made/results.json").read_text("utf-8"))
    values = results.methods[0].videos[0].values
    for key, kind in (("person_ap", "bbox"), ("pose_ap", "keypoints")):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": k} for k in range(6)],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": [
                {**one, "id": k + 1, "iscrowd": 0, "num_keypoints": 17,
                 "area": one["bbox"][2] * one["bbox"][3]}
                for k, one in enumerate(predictions["original"])
            ],
        }  # fmt: skip
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(predictions["mine"]), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
        assert values[key] == pytest.approx(100 * judge.stats[0], abs=1e-4), key
        assert 0.05 < judge.stats[0] < 1
    assert values["pose_missing"] == values["pose_spurious"] == 0
    marked, best = values["pose_ap_marked"], values["pose_ap_marked_original"]
    assert marked is not None and best is not None and 0 < marked <= best
    assert "Pose AP" in (tmp_path / "made/report.html").read_text("utf-8")


def test_predictions_need_their_original(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", [scene()])
    for names, message in {("mine",): "original=FILE", ("original", "other"): "'other'"}.items():
        with pytest.raises(InputError, match=message):
            blanket.evaluate(
                clip, clip, tmp_path / "made", name="mine", recogniser=None,
                predictions=dict.fromkeys(names, tmp_path / "x.json"),
            )  # fmt: skip


class Stub:
    """Stands for a network that would have to be fetched: the mean difference of pictures."""

    def __init__(self) -> None:
        self._seen: dict[bool, list[float]] = {True: [], False: []}

    def __call__(self, original: Image, output: Image) -> float:
        assert original.shape == output.shape == (256, 256, 3)
        return float(np.abs(original.astype(float) - output).mean())

    def add(self, picture: Image, original: bool) -> None:
        self._seen[original].append(float(picture.mean()))

    def value(self) -> float:
        return abs(float(np.mean(self._seen[True]) - np.mean(self._seen[False])))


def test_close_ups_go_to_lpips_and_fid(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = ModuleType("blanket.eval.perceptual")
    stub.Lpips = stub.Frechet = Stub  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    results = blanket.evaluate(
        demo.clip, demo.anonymized, tmp_path / "made", every=12, look_every=2, recogniser=None,
        perceptual=True, stills=False,
    )  # fmt: skip
    [method] = results.methods
    assert (method.videos[0].values["lpips"] or 0) > 1
    assert method.overall["fid"].value > 0
    assert [metric.key for metric in results.metrics if metric.group == "picture"][-2:] == [
        "lpips", "fid",
    ]  # fmt: skip


def test_the_worst_frame_is_kept() -> None:
    from blanket.eval.stills import WorstFrames

    place = np.random.default_rng(0).uniform(40, 90, (478, 3)).astype(np.float32)
    worst = WorstFrames()
    shown = [Still(scene()), Still(scene(phase=1))]
    for value in (3.0, 7.0, np.nan, 5.0, 7.0):
        worst.offer("blur", "landmarks", value, f"{value}.mp4", *shown, place)
        worst.offer("blur", "distance", value, f"{value}.mp4", *shown, place)
    kept = worst.of("blur")
    assert kept["landmarks"].value == 7 and kept["distance"].value == 3
    assert kept["landmarks"].before.startswith(b"\xff\xd8")
    assert kept["landmarks"].before != kept["landmarks"].after
    assert worst.of("pixelate") == {}


def test_ticks_are_round_and_inside() -> None:
    axis = spread([0.13, 0.71], 0, 100)
    assert [label(tick, 0.2) for tick in axis.ticks(4)] == ["0.2", "0.4", "0.6"]
    assert axis(axis.low) == 0 and axis(axis.high) == 100
    assert label(-0.001, 0.1) == "0.0" and label(-2.5, 0.5) == "\N{MINUS SIGN}2.5"
    # What is constant keeps a span to be drawn in.
    assert spread([3, 3], 0, 1, least=2)(3) == pytest.approx(0.5)


def test_the_names_of_many_points_in_one_place_do_not_touch() -> None:
    rng = np.random.default_rng(0)
    names = [f"method number {number}" for number in range(14)]
    places = [(140 + x, 190 + y) for x, y in rng.normal(0, 12, (14, 2))]
    frame = (48.0, 26.0, 504.0, 356.0)
    found = place_labels(names, places, frame)
    for a, b in combinations([one.box for one in found], 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    for one, (x, y) in zip(found, places, strict=True):
        assert one.box[0] >= frame[0] and one.box[2] <= frame[2] + 14
        away = np.hypot(*(np.clip(p, *ends) - p for p, ends in
                          ((x, one.box[::2]), (y, one.box[1::2]))))  # fmt: skip
        # A name that is not beside its point is led to.
        assert one.line is not None or away < 12
    # One that has room is where one would look for it.
    [alone] = place_labels(["alone"], [(200, 150)], frame)
    assert (alone.x, alone.y, alone.anchor, alone.line) == (209, 154, "start", None)


def test_a_cloud_lies_within_its_axis_whatever_strays() -> None:
    rng = np.random.default_rng(0)
    samples = {
        "wide": rng.normal(0.7, 0.3, 3000).clip(0), "narrow": rng.normal(0.1, 0.02, 200).clip(0),
        "stray": np.concatenate([rng.normal(0.5, 0.05, 999), [90.0]]),
        "few": np.array([0.2, 1.1]), "same": np.zeros(50), "none": np.zeros(0),
    }  # fmt: skip
    svg = plots.distributions(samples, "Identity distance", "", 0.1, (0.6, "threshold"))
    grid = [float(x) for x in re.findall(r'"grid" x1="([\d.]+)"', svg)]
    drawn = re.findall(r'class="cloud m\d+" d="M([^"]*)Z"', svg)
    assert len(drawn) == 5
    left = 14 + max(text_width(name, 12) for name in samples)
    for path in drawn:
        points = np.array([pair.split(",") for pair in path.split("L")], float)
        assert points[:, 0].min() >= left and points[:, 0].max() <= 480 - 12
        heights = points[1:-1, 1].max() - points[1:-1, 1]
        assert heights.max() == pytest.approx(26, abs=0.5)
        # Its end at the right is that of the density, not that of the axis.
        assert heights[-1] < 0.05 * heights.max()
    # One value of a thousand does not squeeze the rest.
    assert len(grid) > 3 and max(grid) - min(grid) > 200


def test_every_one_of_fourteen_methods_has_a_colour_of_its_own() -> None:
    css = (Path(plots.__file__).parent / "templates" / "report.css").read_text("utf-8")
    light, dark = css.split("prefers-color-scheme: dark")
    for text in (light, dark):
        colours = dict(re.findall(r"--m(\d+): (#\w+);", text))
        assert list(map(int, colours)) == list(range(plots.COLOURS)) == list(range(14))
        assert len(set(colours.values())) == 14


def test_an_output_with_the_whole_name_of_its_original_is_its_pair(tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    for folder, names in ((inputs, ("a.mp4", "a.wmv")), (outputs, ("a.mp4", "a.wmv.mp4"))):
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    found, _ = paired(inputs, outputs)
    assert found["a.mp4"][1].name == "a.mp4"
    assert found["a.wmv"][1].name == "a.wmv.mp4"
    # A picture is made into no video.
    for path in (inputs / "b.png", outputs / "b.jpg", outputs / "b.png.mp4"):
        path.touch()
    assert paired(inputs, outputs)[0]["b.png"][1].name == "b.jpg"
