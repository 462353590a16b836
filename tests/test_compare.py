"""`blanket compare`: both ends of every scale, the tables, crowds, sweeps and the cache."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import make_clip, scene
from conftest import Demo
from pages import driven, dumped, found

import blanket
from blanket.cli import main
from blanket.errors import InputError
from blanket.eval.page import write_page
from blanket.eval.results import Estimate, Results, Summary
from blanket.eval.tables import latex
from blanket.video import read

pytest.importorskip("pyarrow", reason="pyarrow (extra eval) is not installed")
pytest.importorskip("dlib", reason="dlib-bin (extra eval) is not installed")
pytest.importorskip("jinja2", reason="jinja2 (extra eval) is not installed")


ODD = r"a|b{c}^$\d"


@pytest.fixture(scope="module")
def ends(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison of the original itself and of a black box."""
    folder = tmp_path_factory.mktemp("ends")
    for name in ("same", "black"):
        (folder / name).mkdir()
    shutil.copy(demo.clip, folder / "same" / demo.clip.name)
    pictures = []
    for frame, meshes in zip(read(demo.clip), demo.truth.mesh, strict=True):
        picture = frame.rgb()
        for mesh in meshes[np.isfinite(meshes).all((1, 2))]:
            low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
            room = 0.15 * (high - low)
            (x0, y0), (x1, y1) = (low - room).astype(int), (high + room).astype(int)
            cv2.rectangle(picture, (x0, y0), (x1, y1), (0, 0, 0), -1)
        pictures.append(picture)
    make_clip(folder / "black" / demo.clip.name, pictures)
    options = (
        f"compare {demo.clip} -o {folder / 'made'} --methods= --cache {folder / 'cache'} "
        f"--add same={folder / 'same'} --add black={folder / 'black'}"
    )
    assert main(options.split()) == 0
    return folder


@pytest.fixture(scope="module")
def results(ends: Path) -> Results:
    return Results.model_validate_json((ends / "made" / "results.json").read_text("utf-8"))


def values(results: Results, name: str) -> dict[str, float | None]:
    method = next(method for method in results.methods if method.name == name)
    return dict(method.videos[0].values)


BEST = {
    "faces_kept": 100, "landmarks_within": 100, "face_ap": 100, "face_ap50": 100,
    "faces_missing": 0, "faces_spurious": 0, "psnr_outside": 100, "ssim_outside": 1, "seam": 0,
    "flicker": 1, "gaze_error": 0,
    **{f"landmarks_{n}_{kind}": best for n in (5, 68, 478) for kind, best in
       (("error", 0), ("r", 1))},
    "landmarks_in_face_r": 1, "expression_kept": 100, "expression_cosine": 1, "age_error": 0,
    "gender_kept": 100,
    **{f"{key}_{kind}": best
       for key in ("eye", "mouth", "yaw", "pitch", "roll", "gaze_x", "gaze_y")
       for kind, best in (("error", 0), ("r", 1))},
}  # fmt: skip


def test_the_original_is_perfect_to_use_and_hides_nobody(results: Results) -> None:
    same = values(results, "same")
    for key, best in BEST.items():
        assert same[key] == pytest.approx(best, abs=1e-6), key
    for key in ("identity_distance", "identity_distance_low", "identity_distance_nearest"):
        assert same[key] == pytest.approx(0, abs=1e-6)
    assert same["verified"] == 100


def test_a_black_box_is_of_no_use_and_hides_everybody(results: Results) -> None:
    black = values(results, "black")
    assert black["faces_kept"] == 0 and black["landmarks_within"] == 0
    assert black["face_ap"] == 0 and black["faces_missing"] == 100
    for key in BEST:
        if key.endswith("_r"):
            assert black[key] == 0, key
        elif key.endswith("_error"):
            # Nothing was found whose error could be told: that is no value, not a good one.
            assert black[key] is None, key
    assert black["expression_kept"] == black["gender_kept"] == 0
    # The recogniser has to say something of every place, and errs now and then.
    assert (black["verified"] or 0) < 15
    assert (black["identity_distance"] or 0) > 0.6
    assert (black["identity_distance_nearest"] or 0) > 0.55
    assert (black["seam"] or 0) > 5 and (black["flicker"] or 0) < 1
    # A box hides more than the face.
    assert (black["psnr_outside"] or 0) < 30


def test_lost_faces_are_counted(results: Results) -> None:
    same, black = (method.videos[0] for method in results.methods)
    assert same.faces == black.faces > 0
    assert (same.lost, black.lost) == (0, black.faces)


def test_what_a_crowd_is_needed_for_is_said(results: Results) -> None:
    for method in results.methods:
        figures = method.overall
        assert set(figures) == {"rank1", "eer", "parrot_rank1", "parrot_eer"}
        assert all(0 <= one.value <= 100 for one in figures.values())
    assert any("a guess at rank 1 is right in 50 %" in text for text in results.warnings)


def test_the_tables_say_the_same(ends: Path, results: Results) -> None:
    made = ends / "made"
    rows = list(csv.DictReader(io.StringIO((made / "table.csv").read_text("utf-8"))))
    assert len(rows) == len(results.metrics) * 2
    for row in rows:
        method = next(one for one in results.methods if one.name == row["method"])
        if row["metric"] in method.summary:
            assert float(row["value"]) == method.summary[row["metric"]].mean
    markdown = (made / "table.md").read_text("utf-8").splitlines()
    assert len({line.count("|") for line in markdown}) == 1
    assert "| Faces kept (%) ↑ | **100.0** | 0.0 |" in markdown
    assert "| Yaw, error (°) ↓ | 0.00 | \N{EN DASH} |" in markdown
    latex = (made / "table.tex").read_text("utf-8")
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{lr@{\,}lr@{\,}l}"):
        assert part in latex
    assert r"Faces kept (\%) $\uparrow$ & $\mathbf{100.0}$ &  & $0.0$ & \\" in latex
    assert r"Yaw, error ($^\circ$) $\downarrow$ & $0.00$ &  & -- & \\" in latex


def test_the_table_in_latex_has_one_width_and_spaces_how_sure_figures_are(
    results: Results,
) -> None:
    first, second = results.methods
    sure = {"rank1": Estimate(value=0, low=-1.5, high=20)}
    spread = {"faces_kept": Summary(mean=50, sd=2.5, videos=2)}
    first = first.model_copy(update={"overall": sure, "summary": first.summary | spread})
    second = second.model_copy(update={"name": ODD + "%_&~#"})
    table = latex(results.model_copy(update={"methods": [first, second]}))
    assert r"$\mathbf{50.0}$ & $\pm\,2.5$ &" in table
    assert re.search(r" & \$\S*0\.0\S*\$ & \$\[-1\.5, 20\.0\]\$ & ", table)
    rows = [line for line in table.splitlines() if line.endswith(r"\\")]
    for row in rows:
        spans = [int(number) for number in re.findall(r"\\multicolumn\{(\d)\}", row)]
        bare = re.sub(r"\\[\\%_&#${}]", "", row)
        assert bare.count("&") + 1 + sum(spans) - len(spans) == 5, row
        assert bare.count("$") % 2 == 0 and bare.count("{") == bare.count("}")
        assert not re.search(r"[%#~_^]", re.sub(r"\$[^$]*\$", "", bare)), row


def test_the_table_is_latex(ends: Path, tmp_path: Path) -> None:
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("pdflatex is not installed")
    import subprocess

    table = (ends / "made" / "table.tex").read_text("utf-8")
    text = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}" + table
    (tmp_path / "a.tex").write_text(text + "\\end{document}", encoding="utf-8")
    subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "a.tex"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip


def test_the_page_shows_one_method_at_a_time(ends: Path, tmp_path: Path) -> None:
    script = """(() => {
      const shown = () => [...document.querySelectorAll('.method')].map(
        part => part.getClientRects().length > 0);
      const first = shown();
      document.querySelector('[data-choose="1"]').click();
      const pressed = [...document.querySelectorAll('[data-choose]')].map(
        button => button.getAttribute('aria-pressed'));
      return JSON.stringify({first, then: shown(), pressed});
    })()"""
    seen = json.loads(found(ends / "made" / "report.html", tmp_path, script))
    assert seen == {
        "first": [True, False], "then": [False, True], "pressed": ["false", "true"],
    }  # fmt: skip
    text = dumped(ends / "made" / "report.html", tmp_path)
    assert 'class="lost"' in text and "better" in text


@pytest.mark.parametrize(("count", "paper", "width"), [(9, "A4", 182), (14, "A4 landscape", 269)])
def test_nothing_of_a_wide_table_is_printed_beyond_the_paper(
    ends: Path, results: Results, tmp_path: Path, count: int, paper: str, width: int
) -> None:
    first, second = results.methods
    again = [*first.videos, first.videos[0].model_copy(update={"video": "other.mp4"})]
    sure = {"rank1": Estimate(value=41.7, low=32.7, high=64.3)}
    spread = {key: Summary(mean=-0.987, sd=0.123, videos=2) for key in first.summary}
    wide = first.model_copy(update={"videos": again, "overall": sure, "summary": spread})
    further = [
        wide.model_copy(update={"name": f"deepprivacy{number}"}) for number in range(count - 2)
    ]
    page = tmp_path / "report.html"
    many = results.model_copy(update={"methods": [first, second, *further]})
    write_page(page, many, ends / "made" / "frames.parquet", None)
    assert f"size: {paper};" in page.read_text("utf-8")
    script = """() => [...document.querySelectorAll("table th, table td")].filter(cell =>
      cell.getBoundingClientRect().right > innerWidth + 1
      || (cell.scrollWidth > cell.clientWidth + 1 && !cell.querySelector(".hidden"))
    ).map(cell => cell.textContent)"""
    with driven() as browser:
        # What the margins of the page leave of the paper.
        size = {"width": round(width / 25.4 * 96), "height": 800}
        tab = browser.new_context(viewport=size).new_page()
        tab.emulate_media(media="print")
        tab.goto(page.as_uri())
        beyond = tab.evaluate(script)
    assert beyond == []


def test_a_remembered_original_gives_the_same_figures(
    ends: Path, results: Results, demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blanket.eval import evaluation

    def searched(*_: object) -> None:
        raise AssertionError("the original was searched again")

    monkeypatch.setattr(evaluation, "analyse", searched)
    [kept] = (ends / "cache").iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    again = blanket.evaluate(
        demo.clip, ends / "same" / demo.clip.name, tmp_path / "made", cache=ends / "cache"
    )
    assert dict(again.methods[0].videos[0].values) == values(results, "same")
    # Read otherwise, it is another reading.
    with pytest.raises(AssertionError, match="searched again"):
        blanket.evaluate(demo.clip, demo.clip, tmp_path / "more", every=2, cache=ends / "cache")
    kept.write_bytes(b"nothing")
    with pytest.raises(InputError, match="delete it"):
        blanket.evaluate(demo.clip, demo.clip, tmp_path / "other", cache=ends / "cache")


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", [scene()])
    (tmp_path / "more").mkdir()
    shutil.copy(clip, tmp_path / "more" / "a.mp4")
    (tmp_path / "notes.txt").touch()
    for inputs, message in {
        (tmp_path / "missing.mp4",): "there is no file",
        (tmp_path / "notes.txt",): "no video or picture",
        (clip, tmp_path / "more"): "have one name",
        (): "no video or picture to compare",
    }.items():
        with pytest.raises(InputError, match=message):
            blanket.compare(inputs, tmp_path / "made", [])
    options: list[tuple[dict[str, Any], str]] = [
        ({"methods": []}, "no method to compare: name one"),
        ({"methods": ["nosuch"]}, "no method 'nosuch': choose of .*, deepprivacy2$"),
        ({"methods": [], "add": {"other": tmp_path / "nosuch"}}, "no folder .*nosuch"),
    ]
    for given, message in options:
        with pytest.raises(InputError, match=message):
            blanket.compare([clip], tmp_path / "made", **given)
    with pytest.raises(InputError, match="must lie outside the input folder"):
        blanket.compare([tmp_path / "more"], tmp_path / "more" / "made", ["blackbox"])
    assert not (tmp_path / "made").exists() and not (tmp_path / "more" / "made").exists()
    assert main(["compare", str(clip), "-o", str(tmp_path / "x"), "--add", "odd"]) == 2
    assert main(["compare", str(clip), "-o", str(tmp_path / "x"), "--sweep", "odd"]) == 2


def test_looks_at_a_person_are_split_between_gallery_and_probes() -> None:
    from blanket.eval.crowd import Looks, crowd_figures
    from blanket.recognise import build_recogniser

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(8, 128)).astype(np.float32)

    def looks(noise: float, shift: float) -> list[Looks]:
        made = []
        for number, centre in enumerate(centres):
            for video in ("a", "b"):
                before = centre + rng.normal(size=(20, 128)).astype(np.float32) * 0.01
                after = centre * (1 - shift) + rng.normal(size=(20, 128)).astype(np.float32) * noise
                made.append(Looks(f"child{number}", f"{video}.mp4", before, after))
        return made

    recogniser = build_recogniser("dlib")
    kept = crowd_figures(recogniser, looks(0.01, 0.0))
    assert kept["rank1"].value == kept["tar_1e-3"].value == 100
    assert kept["eer"].value == 0
    gone = crowd_figures(recogniser, looks(1.0, 1.0))
    assert gone["rank1"].value == pytest.approx(100 / 8, abs=10)
    assert gone["rank5"].value == pytest.approx(100 * 5 / 8, abs=15)
    low, value, high = gone["eer"].low, gone["eer"].value, gone["eer"].high
    assert low is not None and high is not None and low <= value <= high
    assert value == pytest.approx(50, abs=10)
    assert crowd_figures(recogniser, []) == {}
    one = [Looks("a", "a.mp4", centres[:1], centres[:1])]
    assert crowd_figures(recogniser, one) == {}


@pytest.fixture(scope="module")
def swept(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep over four frames of the demo."""
    folder = tmp_path_factory.mktemp("swept")
    pictures = [frame.rgb() for frame, _ in zip(read(demo.clip), range(4), strict=False)]
    clip = make_clip(folder / "clip.avi", pictures)
    options = (
        f"compare {clip} -o {folder / 'made'} --methods blur,feature-blur "
        "--sweep kernel=5,65 --recogniser none --no-stills --look-every 2"
    )
    assert main(options.split()) == 0
    return folder / "made"


def test_a_setting_is_swept(swept: Path) -> None:
    results = Results.model_validate_json((swept / "results.json").read_text("utf-8"))
    names = [f"{method} kernel={k}" for method in ("blur", "feature-blur") for k in (5, 65)]
    assert [method.name for method in results.methods] == names
    assert results.sweep is not None and results.sweep.setting == "method.kernel"
    assert results.sweep.values == dict(zip(names, (5, 65, 5, 65), strict=True))
    for method in results.methods:
        assert method.settings is not None
        assert method.settings["method"]["name"] == method.variant_of
        assert method.settings["method"]["kernel"] == results.sweep.values[method.name]
        cost = method.videos[0].values
        assert (cost["frames_per_second"] or 0) > 0 and (cost["peak_memory"] or 0) > 50
    weak, strong = (method.videos[0].values for method in results.methods[:2])
    assert (weak["psnr_outside"] or 0) > (strong["psnr_outside"] or 0)
    assert (weak["landmarks_within"] or 0) >= (strong["landmarks_within"] or 0)
    assert "What the setting changes" in (swept / "report.html").read_text("utf-8")


def test_the_benchmark_of_kernels_draws_a_sweep(swept: Path, tmp_path: Path) -> None:
    script = Path(__file__).parent.parent / "benchmarks" / "kernels.py"
    figure = tmp_path / "kernels.svg"
    ran = subprocess.run(
        [sys.executable, script, swept / "results.json", "--figure", figure],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split(" | ")[0] for line in ran.stdout.splitlines()]
    assert rows[0].startswith("| kernel") and rows[2:] == ["| 5", "| 65"]
    assert figure.read_text("utf-8").count('class="line') == 4


def test_a_setting_that_a_method_does_not_use_is_told(
    demo: Demo, swept: Path, tmp_path: Path
) -> None:
    frame = next(iter(read(demo.clip))).rgb()
    clip = make_clip(tmp_path / "clip.mp4", [frame])
    results = blanket.compare(
        [clip], tmp_path / "made", ["blackbox", "pixelate"], sweep=("cells", (4, 8)),
        recogniser=None,
    )  # fmt: skip
    told = "clip.mp4: blackbox is the same whatever the value that is swept"
    assert [one for one in results.warnings if "swept" in one] == [told]
    used = Results.model_validate_json((swept / "results.json").read_text("utf-8"))
    assert not [one for one in used.warnings if "swept" in one]


def test_every_input_has_an_output_of_its_own(tmp_path: Path) -> None:
    clips = [
        make_clip(tmp_path / "a.mp4", [scene(), scene()]),
        make_clip(tmp_path / "a.wmv", [scene()] * 3, codec="wmv2"),
    ]
    results = blanket.compare(clips, tmp_path / "made", ["blackbox"], recogniser=None)
    [method] = results.methods
    assert [(one.video, one.output, one.frames) for one in method.videos] == [
        ("a.mp4", "a.mp4", 2), ("a.wmv", "a.wmv.mp4", 3),
    ]  # fmt: skip
    assert not method.failed
    made = (tmp_path / "made/outputs/blackbox").iterdir()
    assert {path.name for path in made} == {"a.mp4", "a.wmv.mp4"}


def test_every_method_has_its_outputs(swept: Path) -> None:
    for method in ("blur", "feature-blur"):
        for kernel in (5, 65):
            assert (
                sum(1 for _ in read(swept / "outputs" / f"{method} kernel={kernel}" / "clip.avi"))
                == 4
            )


def test_a_method_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", [scene(), scene()])
    (tmp_path / "more").mkdir()
    results = blanket.compare(
        [clip], tmp_path / "made", ["blackbox"], add={"other": tmp_path / "more"}, recogniser=None
    )
    black, other = results.methods
    assert [video.video for video in black.videos] == ["a.mp4"] and not black.failed
    assert not other.videos and "pairs go by name" in other.failed["a.mp4"]


def test_an_output_that_does_not_fit_is_left_out_alone(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", [scene(phase=k / 9) for k in range(3)])
    wrong = {"short": [scene()], "long": [scene()] * 5, "small": [scene(width=128)] * 3}
    options = ["compare", str(clip), "-o", str(tmp_path / "made"), "--methods", "blackbox, blur"]
    for name, pictures in wrong.items():
        (tmp_path / name).mkdir()
        make_clip(tmp_path / name / "a.mp4", pictures)
        options += ["--add", f"{name}={tmp_path / name}"]
    assert main([*options, "--recogniser", "none"]) == 2
    made = tmp_path / "made"
    results = Results.model_validate_json((made / "results.json").read_text("utf-8"))
    assert [(one.name, len(one.videos), len(one.failed)) for one in results.methods] == [
        ("blackbox", 1, 0), ("blur", 1, 0), ("short", 0, 1), ("long", 0, 1), ("small", 0, 1),
    ]  # fmt: skip
    reasons = {one.name: one.failed["a.mp4"] for one in results.methods[2:]}
    assert "ends after 1 frame and" in reasons["short"]
    assert "goes on after 3 frames" in reasons["long"]
    assert "128x120 pixels" in reasons["small"]
    assert (made / "table.md").exists()
    for name in ("results.json", "report.html"):
        assert str(tmp_path) not in (made / name).read_text("utf-8")


def test_a_broken_video_is_named_once_and_its_status_is_that_of_a_broken_video(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    broken = tmp_path / "in" / "sub" / "broken.mp4"
    broken.write_bytes(b"nothing")
    made = tmp_path / "made"
    options = ["-o", str(made), "--methods", "blackbox,blur", "--recogniser", "none"]
    add = ["--methods", "", "--add", f"other={tmp_path / 'in' / 'sub'}"]
    for alone in ([], add):
        assert main(["compare", str(broken), *options, *alone]) == 2
        [error] = capsys.readouterr().err.splitlines()
        assert error.startswith("error: ") and error.count("broken.mp4") == 1
    assert main(["compare", str(tmp_path / "in"), *options]) == 2
    make_clip(tmp_path / "in" / "good.mp4", [scene(), scene()])
    assert main(["compare", str(tmp_path / "in"), *options]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert errors[1].startswith("error: sub/broken.mp4 cannot be read as a video")
    assert len(errors) == 2 and errors[1].count("broken.mp4") == 1
    page = (made / "report.html").read_text("utf-8")
    assert "blur: sub/broken.mp4 cannot be read as a video" in page
    (tmp_path / "out").mkdir()
    make_clip(tmp_path / "out" / "good.mp4", [scene(), scene()])
    (tmp_path / "out" / "sub").mkdir()
    (tmp_path / "out" / "sub" / "broken.mp4").write_bytes(b"nothing")
    evaluate = ["eval", str(tmp_path / "in"), str(tmp_path / "out"), "--recogniser", "none"]
    assert main(evaluate) == 2
    assert "\nerror: sub/broken.mp4 cannot be read" in capsys.readouterr().err


def test_predictions_that_cannot_be_read_stop_only_their_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blanket.eval import evaluation

    looked: list[tuple[str, list[str]]] = []

    def observe(*given: Any, **options: Any) -> Any:
        looked.append((given[0], list(given[2])))
        return as_it_is(*given, **options)

    as_it_is = evaluation.observe
    monkeypatch.setattr(evaluation, "observe", observe)
    (tmp_path / "made by others").mkdir()
    clip = make_clip(tmp_path / "made by others" / "a.mp4", [scene(), scene()])
    box = {"image_id": 0, "category_id": 1, "score": 0.9, "bbox": [10, 10, 50, 50]}
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps([box]), encoding="utf-8")
    bad.write_text("[", encoding="utf-8")
    results = blanket.compare(
        [clip], tmp_path / "made", [], add=dict.fromkeys(("one", "two"), clip.parent),
        predictions={"original": good, "one": bad, "two": good}, recogniser=None,
    )  # fmt: skip
    one, two = results.methods
    unread = "the predictions on one: bad.json cannot be read"
    assert not one.videos and one.failed["a.mp4"].startswith(unread)
    assert two.videos[0].values["person_ap"] == pytest.approx(100) and not two.failed
    # What a page shows and what FID compares is of videos that are measured.
    assert looked == [("a.mp4", ["two"])]
    with pytest.raises(InputError, match=r"the predictions on one: .*bad\.json"):
        blanket.compare(
            [clip], tmp_path / "more", [], add={"one": clip.parent},
            predictions={"original": good, "one": bad}, recogniser=None,
        )  # fmt: skip
    assert len(looked) == 1


def test_every_method_fails_for_a_reason_of_its_own(tmp_path: Path) -> None:
    box = {"image_id": 0, "category_id": 1, "score": 0.9, "bbox": [10, 10, 50, 50]}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / "json" / name).mkdir(parents=True)
        for video in ("a", "b"):
            make_clip(tmp_path / name / f"{video}.mp4", [scene(), scene()])
            (tmp_path / "json" / name / f"{video}.json").write_text(json.dumps([box]), "utf-8")
    shutil.copytree(tmp_path / "one", tmp_path / "originals")
    shutil.copytree(tmp_path / "json/one", tmp_path / "json/original")
    (tmp_path / "json/one/b.json").write_text("[", "utf-8")
    (tmp_path / "two/b.mp4").unlink()
    results = blanket.compare(
        [tmp_path / "originals"], tmp_path / "made", [],
        add={name: tmp_path / name for name in ("one", "two")}, recogniser=None,
        predictions={name: tmp_path / "json" / name for name in ("original", "one", "two")},
    )  # fmt: skip
    for method, reason in zip(results.methods, ("cannot be read", "pairs go by name"), strict=True):
        assert [video.video for video in method.videos] == ["a.mp4"]
        assert list(method.failed) == ["b.mp4"] and reason in method.failed["b.mp4"]


def test_figures_of_fewer_videos_are_not_compared(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for video in ("a.mp4", "b.mp4"):
            make_clip(tmp_path / name / video, [scene(), scene()])
    (tmp_path / "two" / "b.mp4").unlink()
    options = ["--methods", "blackbox,blur", "--recogniser", "none", "--look-every", "1"]
    options += ["--add", f"{ODD}={tmp_path / 'two'}", "-o", str(tmp_path / "made")]
    assert main(["compare", str(tmp_path / "one"), *options]) == 2
    results = Results.model_validate_json((tmp_path / "made/results.json").read_text("utf-8"))
    title = results.metric("ssim_outside").title
    tables = {k: (tmp_path / f"made/table.{k}").read_text("utf-8") for k in ("md", "tex")}
    [row] = [line for line in tables["md"].splitlines() if line.startswith(f"| {title}")]
    *best, other = row.split(" | ")[1:]
    # The other is better, in the one video that it has.
    assert all(one.startswith("**0.9") and one.endswith("**") for one in best)
    assert other == "1.0000 (1 of 2) |"
    [row] = [line for line in tables["tex"].splitlines() if line.startswith(f"{title} ")]
    assert r"& $\mathbf{0.9" in row and row.endswith(r"$ & (1 of 2) \\")
    page = (tmp_path / "made/report.html").read_text("utf-8")
    for text in (*tables.values(), page):
        assert "(1 of 2)" in text and "(n of m): over only n of the m" in text
    # Its name means something in Markdown and in LaTeX.
    assert tables["md"].startswith(r"| | blackbox | blur | a\|b{c}^\$\\d |")
    tex = r"a\textbar{}b\{c\}\textasciicircum{}\$\textbackslash{}d"
    heads = " & ".join(rf"\multicolumn{{2}}{{c}}{{{name}}}" for name in ("blackbox", "blur", tex))
    assert f" & {heads} " in tables["tex"]


def test_a_figure_without_a_video_that_failed_is_of_fewer(tmp_path: Path) -> None:
    box = {"image_id": 0, "category_id": 1, "score": 0.9, "bbox": [10, 10, 50, 50]}
    for name in ("one", "two", "json"):
        (tmp_path / name).mkdir()
    for video in ("a", "b"):
        make_clip(tmp_path / "one" / f"{video}.mp4", [scene(), scene()])
        (tmp_path / "json" / f"{video}.json").write_text(json.dumps([box]), encoding="utf-8")
    shutil.copy(tmp_path / "one/a.mp4", tmp_path / "two/a.mp4")
    blanket.compare(
        [tmp_path / "one"], tmp_path / "made", [], recogniser=None,
        add={name: tmp_path / name for name in ("one", "two")},
        predictions=dict.fromkeys(("original", "two"), tmp_path / "json"),
    )  # fmt: skip
    table = (tmp_path / "made/table.md").read_text("utf-8")
    # Nobody else has it, and the first measured the video in which the second failed.
    assert "| Person detection AP (%) \u2191 | \N{EN DASH} | 100.0 (1 of 2) |\n" in table


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("kernel=4", "kernel"),
        ("nonsense=1", "nonsense"),
        ("nonsense.kernel=1", "no setting 'nonsense.kernel'"),
        ("kernel", "not of the form"),
        ("detect.threshold=0.2,0.5", "followed once for all methods"),
        ("track.lookback=0,30", "followed once for all methods"),
    ],
)
def test_a_sweep_that_cannot_be_is_an_error(tmp_path: Path, sweep: str, message: str) -> None:
    from blanket.eval.compare import parse_sweep

    clip = make_clip(tmp_path / "a.mp4", [scene()])
    with pytest.raises(InputError, match=message):
        blanket.compare([clip], tmp_path / "made", ["blur"], sweep=parse_sweep(sweep))
    with pytest.raises(InputError, match="nonsense"):
        blanket.compare([clip], tmp_path / "made", ["nonsense"])
