"""What faces do, as a table: against the truth of the demo clip, and in every form."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip
from conftest import Demo, Saved

import blanket
from blanket.analysis import Analysis
from blanket.attributes import eye_opening, head_pose, mouth_opening
from blanket.cli import main
from blanket.config import Settings
from blanket.demo import INFANT
from blanket.errors import BlanketError, InputError
from blanket.featuretable import COLUMNS, Features, table
from blanket.image import write_image
from blanket.topology import five_points
from blanket.track import Sighting, Track
from blanket.video import read


@pytest.fixture(scope="module")
def features(demo: Demo) -> Features:
    return blanket.features(demo.clip, overrides={"detect.expect_faces": 2})


def of_infant(features: Features, demo: Demo) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the infant where it is in clear view from the front, and the true meshes."""
    columns = features.columns
    rows = np.flatnonzero(columns["track"] == 0)
    frames = columns["frame"][rows]
    true = demo.truth.mesh[frames, INFANT]
    clear = (demo.truth.occluded[frames, INFANT] < 0.02) & (np.abs(head_pose(true)[:, 0]) < 30)
    return rows[clear], true[clear]


def test_one_row_a_face_a_frame(features: Features, demo: Demo) -> None:
    columns = features.columns
    assert list(columns) == list(COLUMNS)
    assert len(set(zip(columns["frame"], columns["track"], strict=True))) == len(features)
    assert (np.diff(columns["frame"]) >= 0).all()
    assert set(columns["frame"][columns["track"] == 0]) == set(range(48))
    assert np.array_equal(columns["time"], features.times[columns["frame"]])
    assert len(features) >= 0.95 * demo.truth.visible.sum()


@pytest.mark.parametrize(
    ("name", "read_off", "least"),
    [
        ("yaw", lambda m: head_pose(m)[:, 0], 0.95),
        ("roll", lambda m: head_pose(m)[:, 2], 0.98),
        ("mouth_opening", mouth_opening, 0.9),
        ("left_eye_opening", lambda m: eye_opening(m)[:, 0], 0.85),
    ],
)
def test_what_the_face_does(features: Features, demo: Demo, name, read_off, least) -> None:  # type: ignore[no-untyped-def]
    rows, true = of_infant(features, demo)
    assert len(rows) > 15
    assert np.corrcoef(features.columns[name][rows], read_off(true))[0, 1] > least


def test_where_its_points_are(features: Features, demo: Demo) -> None:
    rows, true = of_infant(features, demo)
    unit = np.ptp(true[:, :468, 0], axis=1)
    for place, name in enumerate(("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")):
        found = np.stack([features.columns[f"{name}_{axis}"][rows] for axis in "xy"], 1)
        away = np.linalg.norm(found - five_points(true)[:, place], axis=1)
        assert (away / unit).mean() < 0.06, name


def test_movement_is_from_frame_to_frame(features: Features) -> None:
    columns = features.columns
    rows = np.flatnonzero(columns["track"] == 0)
    middle = (columns["left"] + columns["right"])[rows] / 2
    assert np.isnan(columns["dx"][rows[0]])
    assert np.allclose(columns["dx"][rows[1:]], np.diff(middle))


def test_a_hand_is_seen_in_front(features: Features, demo: Demo) -> None:
    occluded = features.columns["occluded"][features.columns["track"] == 0]
    truth = demo.truth.occluded[:, INFANT]
    assert occluded[truth > 0.1].mean() > occluded[truth < 0.01].mean() + 0.05


def sightings(frames: dict[int, tuple[float, str | None]]) -> Track:
    return Track(
        0,
        {
            index: Sighting(np.float32([x, 10, x + 20, 40]), 0.0, rule, score=0.7)  # type: ignore[arg-type]
            for index, (x, rule) in frames.items()
        },
    )


def test_what_is_not_known_is_empty() -> None:
    track = sightings({2: (10, "no-mesh"), 3: (13, "no-mesh"), 6: (30, "too-small")})
    times = np.arange(10) / 25
    found = Analysis(100, 80, times, [0, 6], [replace(track)])
    settings = Settings().changed({"detect.every": 1})
    rows = list(table(found, settings, "a.mp4").rows())
    assert [row["frame"] for row in rows] == [1, 2, 3, 4, 6, 7]
    assert [row["state"] for row in rows][1] == "no-mesh"
    assert rows[2]["dx"] == pytest.approx(3)
    # Frame 6 begins another scene.
    assert rows[4]["dx"] is None and rows[0]["dx"] is None
    assert rows[1]["yaw"] is None and rows[1]["nose_x"] is None and rows[1]["occluded"] is None
    assert rows[1]["score"] == pytest.approx(0.7)


def test_the_summary() -> None:
    found = Analysis(100, 80, np.arange(10) / 25, [0], [sightings({4: (10, "by-hand")})])
    summary = table(found, Settings(), "a.mp4").summary
    assert (summary.frames, summary.faces, summary.tracks) == (10, 1, 1)
    assert summary.frames_without == summary.frames_fewer == 9
    assert (summary.longest_gap, summary.gap_first) == (5, 5)
    assert summary.gap_seconds == pytest.approx(0.2)
    assert "longest gap 5 frames (0.20 s), frames 5 to 9" in str(summary)
    assert "1 face in 1 track of 1 subject, 9 frames without a face" in str(summary)
    two = table(found, Settings().changed({"detect.expect_faces": 2}), "a.mp4").summary
    assert (two.frames_without, two.frames_fewer, two.longest_gap) == (9, 10, 10)
    assert "10 with fewer than 2" in str(two)


def test_csv(features: Features, tmp_path: Path) -> None:
    features.write(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == len(features)
    for name in ("frame", "time", "left", "gaze_yaw", "dy", "occluded"):
        told = np.array([float(row[name] or "nan") for row in rows])
        assert np.allclose(told, features.columns[name], atol=1e-4, equal_nan=True)
    with pytest.raises(InputError):
        features.write(tmp_path / "a.csv")


def test_parquet(features: Features, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow (extra features) reads it")
    features.write(tmp_path / "a.parquet")
    told = parquet.read_table(tmp_path / "a.parquet")
    assert told.column_names == list(COLUMNS)
    assert told.to_pylist() == list(features.rows())
    assert told.schema.field("yaw").metadata[b"description"] == COLUMNS["yaw"].encode()


def test_coco(features: Features, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features.write(tmp_path / "a.json")
    told = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert len(told["images"]) == 48
    assert len(told["annotations"]) == len(features)
    first = told["annotations"][0]
    x, y, width, height = first["bbox"]
    assert first["num_keypoints"] == len(told["categories"][0]["keypoints"]) == 5
    for px, py, seen in np.reshape(first["keypoints"], (5, 3)):
        assert seen == 2 and x < px < x + width and y < py < y + height
    assert first["attributes"]["yaw"] == pytest.approx(features.columns["yaw"][0], abs=1e-4)
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools reads it")
    loaded = coco.COCO(str(tmp_path / "a.json"))
    assert len(loaded.getAnnIds(imgIds=[0])) == 1


def test_webvtt(features: Features, tmp_path: Path) -> None:
    features.write(tmp_path / "a.vtt")
    text = (tmp_path / "a.vtt").read_text("utf-8")
    assert text.startswith("WEBVTT\n\n")
    cue = re.compile(
        r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})\n<v track (\d+)>(.+)\n"
    )
    covered: dict[int, float] = {}
    starts = []
    for h, m, s, h2, m2, s2, track, said in cue.findall(text):
        start, end = (
            3600 * int(h) + 60 * int(m) + float(s),
            3600 * int(h2) + 60 * int(m2) + float(s2),
        )
        assert end > start and said.startswith("subject ")
        starts.append(start)
        covered[int(track)] = covered.get(int(track), 0) + end - start
    assert starts == sorted(starts)
    # The infant is in every frame of the clip.
    assert covered[0] == pytest.approx(48 / 15, abs=0.05)


def test_webvtt_of_any_name(features: Features, tmp_path: Path) -> None:
    replace(features, source="a --> b --->\n\n<i>.mp4").write(tmp_path / "a.vtt")
    head, note, cue, *_ = (tmp_path / "a.vtt").read_text("utf-8").split("\n\n")
    assert head == "WEBVTT" and cue.startswith("00:00:00.000 --> ")
    assert note.startswith("NOTE faces in a → b -→ <i>.mp4, by blanket")


def test_from_an_analysis(features: Features, saved: Saved, tmp_path: Path) -> None:
    again = blanket.features(saved.clip, analysis=saved.text)
    for name, values in features.columns.items():
        assert np.array_equal(again.columns[name], values, equal_nan=values.dtype.kind == "f"), name
    text = saved.corrected(tmp_path, "{drop: 0}")
    assert 0 not in blanket.features(saved.clip, analysis=text).columns["track"]
    with pytest.raises(InputError, match="another file"):
        blanket.features(saved.out, analysis=saved.text)


def test_a_picture_and_a_video_without_a_face(demo: Demo, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", next(iter(read(demo.clip))).rgb())
    assert len(blanket.features(tmp_path / "a.png")) == 1
    grey = [np.full((96, 128, 3), 100, np.uint8)] * 3
    empty = blanket.features(make_clip(tmp_path / "grey.mp4", grey))
    assert len(empty) == 0
    assert empty.summary.longest_gap == 3
    for suffix in (".csv", ".json", ".vtt"):
        empty.write(tmp_path / f"grey{suffix}")


class Bright:
    """Tells bright faces from dark ones."""

    name = "bright"
    classes = "bright", "dark"

    def probabilities(self, picture: np.ndarray, meshes: np.ndarray) -> np.ndarray:
        x, y = meshes[0, :468, :2].mean(0).astype(int)
        bright = picture[y - 5 : y + 5, x - 5 : x + 5].mean() / 255
        return np.array([[bright, 1 - bright]], np.float32)


def test_expressions_by_a_classifier(features: Features, demo: Demo, tmp_path: Path) -> None:
    table = blanket.features(demo.clip, expression=Bright())
    assert list(table.columns) == [*COLUMNS, "expression_bright", "expression_dark"]
    bright = table.columns["expression_bright"]
    # Where only a box is known, nobody can say.
    meshed = np.isfinite(table.columns["yaw"])
    assert (np.isfinite(bright) == meshed).all() and meshed.mean() > 0.9
    # As the frame says at the middle of the face.
    frames = {frame.index: frame.rgb() for frame in read(demo.clip)}
    row = int(np.flatnonzero(table.columns["frame"] == 30)[0])
    x, y = (round(float(table.columns[f"nose_{axis}"][row])) for axis in "xy")
    assert bright[row] == pytest.approx(
        frames[30][y - 5 : y + 5, x - 5 : x + 5].mean() / 255, abs=0.15
    )
    table.write(tmp_path / "a.csv")
    assert "expression_dark" in (tmp_path / "a.csv").read_text("utf-8").splitlines()[0]


def test_all_columns_are_documented() -> None:
    page = (Path(__file__).parents[1] / "docs" / "features.md").read_text("utf-8")
    for name, text in COLUMNS.items():
        assert f"| `{name}` | {text} |" in page


def test_the_command(demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, csv_at, vtt = str(demo.clip), tmp_path / "a.csv", tmp_path / "a.vtt"
    assert main(["features", clip, "-o", str(csv_at), "-o", str(vtt), "--expect-faces", "2"]) == 0
    assert csv_at.exists() and vtt.exists()
    assert "with fewer than 2" in capsys.readouterr().err
    pytest.importorskip("skimage", reason="scikit-image (extra eval) classifies expressions")
    again = ["features", clip, "-o", str(csv_at), "--overwrite", "--expression", "--quiet"]
    assert main(again) == 0
    assert "expression_happiness" in csv_at.read_text("utf-8")
    assert main(["features", clip, "-o", str(csv_at)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["features", clip, "-o", str(tmp_path / "a.xlsx")]) == 2
    assert "a table is one of .csv, .parquet, .json, .vtt" in capsys.readouterr().err
    assert main(["features", str(tmp_path / "none.mp4"), "-o", str(tmp_path / "b.csv")]) == 2


def test_without_pyarrow(
    features: Features, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(BlanketError, match=r"pip install 'blanket\[features\]'"):
        features.write(tmp_path / "a.parquet")
    assert not list(tmp_path.iterdir())
