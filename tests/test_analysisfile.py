"""A saved analysis: rendering from it, correcting it by hand, and what is not in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import Demo, Saved

import blanket
from blanket.analysisfile import SavedAnalysis, load_analysis, save_analysis, save_corrections
from blanket.cli import main
from blanket.corrections import KINDS, read_corrections, written
from blanket.errors import InputError
from blanket.image import read_image, write_image
from blanket.key import write_key
from blanket.report import Report
from blanket.video import read


@pytest.fixture(scope="module")
def plain(saved: Saved, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes of the analysis without corrections, its other pixels to the bit."""
    target = tmp_path_factory.mktemp("plain") / "a.mp4"
    lossless(saved.clip, target, saved.text)
    return target


def differing(a: Path, b: Path) -> dict[int, np.ndarray]:
    """Where two videos differ: by frame, ``[H, W]`` bool."""
    pairs = zip(read(a), read(b), strict=True)
    apart = {one.index: (one.rgb() != two.rgb()).any(-1) for one, two in pairs}
    return {index: where for index, where in apart.items() if where.any()}


def lossless(source: Path, target: Path, analysis: Path | None = None, **options: object) -> Report:
    """A run whose frames outside the faces are those of the source to the bit."""
    return blanket.anonymize(
        source, target, analysis=analysis, overrides={"video.quality": 0}, **options
    )


def test_the_same_bytes_come_of_it(saved: Saved, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    report = blanket.anonymize(saved.clip, again, analysis=saved.text)
    assert again.read_bytes() == saved.out.read_bytes()
    assert report.tracks == saved.report.tracks
    assert report.backends == saved.report.backends
    assert report.seed == 5


def test_the_verdicts_are_in_it(saved: Saved, tmp_path: Path) -> None:
    audit = load_analysis(saved.text).audit
    assert audit is not None
    assert audit == saved.report.audit
    assert len(audit.verdicts()) == 48
    text = saved.corrected(tmp_path, "{hide: 0, frames: 3-5}")
    report = blanket.anonymize(
        saved.clip, tmp_path / "a.mp4", analysis=text, save_analysis=text, overwrite=True
    )
    again = load_analysis(text)
    assert again.audit == report.audit
    assert again.audit is not None and again.audit.verdicts()[3:6] == ["hidden"] * 3
    assert [written(one) for one in again.corrections] == [{"hide": 0, "frames": "3-5"}]


def test_nothing_is_detected_again(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a detector or a mesh network was built")

    monkeypatch.setattr("blanket.backends.build_detector", refused)
    monkeypatch.setattr("blanket.backends.MeshNetwork", refused)
    # The audit looks for itself.
    report = blanket.anonymize(
        saved.clip, tmp_path / "again.mp4", analysis=saved.text,
        overrides={"audit.effort": "none"},
    )  # fmt: skip
    assert report.totals == saved.report.totals


def test_saved_again_it_is_the_same(saved: Saved, tmp_path: Path) -> None:
    text = saved.corrected(tmp_path, "{hide: 0, frames: 3-5, note: lips}")
    again = tmp_path / "again.yaml"
    blanket.anonymize(saved.clip, tmp_path / "out.mp4", analysis=text, save_analysis=again)
    old, new = load_analysis(text), load_analysis(again)
    assert new.corrections == old.corrections
    with np.load(text.with_suffix(".npz")) as a, np.load(again.with_suffix(".npz")) as b:
        assert {name: a[name].tobytes() for name in a} == {name: b[name].tobytes() for name in b}


def test_another_seed_invents_anew(saved: Saved, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    blanket.anonymize(saved.clip, other, analysis=saved.text, seed=11)
    direct = tmp_path / "direct.mp4"
    blanket.anonymize(saved.clip, direct, seed=11)
    assert other.read_bytes() == direct.read_bytes() != saved.out.read_bytes()


def test_a_picture_has_one_too(saved: Saved, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", next(iter(read(saved.clip))).rgb())
    text = tmp_path / "in.yaml"
    blanket.anonymize(tmp_path / "in.png", tmp_path / "a.png", save_analysis=text)
    blanket.anonymize(tmp_path / "in.png", tmp_path / "b.png", analysis=text)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_dropped_face_is_left_as_it_is(saved: Saved, plain: Path, tmp_path: Path) -> None:
    text = saved.corrected(tmp_path, "{drop: 0, frames: 10-12}")
    less = lossless(saved.clip, tmp_path / "b.mp4", text)
    assert saved.report.tracks[0].frames - less.tracks[0].frames == 3
    assert "track 0 is left as it is in frames 10-12" in less.warnings[0]
    assert set(differing(plain, tmp_path / "b.mp4")) >= {10, 11, 12}
    for before, after in zip(read(saved.clip), read(tmp_path / "b.mp4"), strict=True):
        if before.index in (10, 11, 12):
            assert np.abs(before.rgb().astype(int) - after.rgb()).mean() < 1


def test_a_dropped_track_is_dropped_throughout(saved: Saved, tmp_path: Path) -> None:
    rows = [f"{{drop: {track.track}}}" for track in saved.report.tracks]
    report = lossless(saved.clip, tmp_path / "out.mp4", saved.corrected(tmp_path, *rows))
    assert report.totals.faces == 0
    assert len(report.warnings) == len(rows)


def test_an_added_box_is_hidden_where_it_is(saved: Saved, plain: Path, tmp_path: Path) -> None:
    text = saved.corrected(
        tmp_path, "{add: [20, 20, 60, 70], to: [60, 20, 100, 70], frames: 4-8, note: a mirror}"
    )
    report = lossless(saved.clip, tmp_path / "b.mp4", text)
    added = report.tracks[-1]
    assert added.hidden_by == {"by-hand": 5}
    assert (added.first_frame, added.last_frame) == (4, 8)
    assert report.exit_status == 3
    changed = {
        index: where
        for index, where in differing(plain, tmp_path / "b.mp4").items()
        if where[:100, :140].mean() > 0.05
    }
    assert set(changed) == {4, 5, 6, 7, 8}
    middles = [np.flatnonzero(changed[index][45, :140]).mean() for index in (4, 8)]
    assert middles[1] - middles[0] > 25


def test_what_is_to_be_hidden_is_not_replaced(saved: Saved, tmp_path: Path) -> None:
    text = saved.corrected(tmp_path, "{hide: 0, frames: 7}", "{picture: 1}")
    report = blanket.anonymize(saved.clip, tmp_path / "out.mp4", analysis=text)
    assert report.tracks[0].hidden_by["by-hand"] == 1
    assert report.tracks[1].replaced == 0
    assert set(report.tracks[1].hidden_by) == {"picture"}


def test_a_track_is_assigned_to_a_person(saved: Saved, tmp_path: Path) -> None:
    text = saved.corrected(tmp_path, "{assign: 0, subject: 4}")
    report = blanket.anonymize(saved.clip, tmp_path / "out.mp4", analysis=text)
    assert report.tracks[0].subject == 4
    assert report.tracks[0].replaced == saved.report.tracks[0].replaced
    assert report.notes == ["track 0 is subject 4, as a correction says"]
    assert (tmp_path / "out.mp4").read_bytes() != saved.out.read_bytes()


def test_the_text_keeps_what_a_person_wrote(saved: Saved, tmp_path: Path) -> None:
    text = saved.copy(tmp_path)
    mine = "# seen by me\n" + text.read_text("utf-8")
    text.write_text(mine, "utf-8")
    rows = [{"drop": 0, "frames": "3-9"}, {"add": [1.0, 2.0, 3.5, 4.0], "frames": 2}]
    save_corrections(text, read_corrections(rows))
    assert load_analysis(text).corrections == read_corrections(rows)
    assert text.read_text("utf-8").startswith(mine.partition("corrections: []")[0])
    save_corrections(text, [])
    assert text.read_text("utf-8") == mine


def test_a_person_can_read_it(saved: Saved) -> None:
    values = yaml.safe_load(saved.text.read_text("utf-8"))
    assert values["video"]["name"] == saved.clip.name
    assert values["output"] == "out.mp4"
    assert values["tracks"][0]["frames"] == saved.report.tracks[0].frames
    assert max(map(len, saved.text.read_text("utf-8").splitlines())) < 320
    # Of where the files lie, nothing: folders tell of people.
    assert str(saved.clip.parent) not in saved.text.read_text("utf-8")


def test_no_pixel_of_the_original_is_in_it(saved: Saved) -> None:
    frames = [frame.rgb() for frame in read(saved.clip)]
    with np.load(saved.text.with_suffix(".npz"), allow_pickle=False) as file:
        pictures = {name for name in file if file[name].dtype == np.uint8}
        assert pictures == {"occluded", "identity_texture", "photograph"}
        assert len(file["photograph"]) == 0
        # Eight levels of cover, and a face of which no patch is in any frame.
        assert set(np.unique(file["occluded"])) <= set(range(0, 256, 32))
        patch = file["identity_texture"][0, 100:116, 150:166].astype(int)
    for frame in frames[::8]:
        assert np.abs(frame[100:116, 150:166] - patch).mean() > 1
    assert load_analysis(saved.text).found.tracks[0].appearance is None


def test_all_of_it_is_documented(saved: Saved) -> None:
    page = (Path(__file__).parents[1] / "docs" / "analysis.md").read_text("utf-8")
    values = yaml.safe_load(saved.text.read_text("utf-8"))
    with np.load(saved.text.with_suffix(".npz")) as file:
        names = {*file, *values, *values["video"], *values["tracks"][0], *KINDS}
    assert not {name for name in names if f"`{name}`" not in page}


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_only_its_owner_can_read_it(saved: Saved, tmp_path: Path) -> None:
    text = tmp_path / "a.yaml"
    before = os.umask(0)
    try:
        found = load_analysis(saved.text)
        save_analysis(
            text, saved.clip, "out.mp4", found.found, {}, found.settings, "embedded",
            found.backends,
        )  # fmt: skip
        for _ in range(2):
            for path in (text, text.with_suffix(".npz")):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
            save_corrections(text, [])
    finally:
        os.umask(before)


def test_it_knows_whose_face_a_key_decided_on(saved: Saved, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", next(iter(read(saved.clip))).rgb())
    write_key(tmp_path / "lab.key")
    text = tmp_path / "in.yaml"
    first = blanket.anonymize(
        tmp_path / "in.png", tmp_path / "a.png", subject="S07", key_file=tmp_path / "lab.key",
        save_analysis=text,
    )  # fmt: skip
    assert "S07" not in text.read_text("utf-8")
    again = blanket.anonymize(tmp_path / "in.png", tmp_path / "b.png", analysis=text)
    assert again.tracks == first.tracks
    assert first.tracks[0].identity is not None
    assert first.tracks[0].identity.subject_tag is not None


def test_it_belongs_to_one_file(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"clip\.yaml is the analysis of another file"):
        blanket.anonymize(saved.out, tmp_path / "out.mp4", analysis=saved.text)
    text = saved.copy(tmp_path)
    text.with_suffix(".npz").unlink()
    with pytest.raises(InputError, match=r"needs clip\.npz beside it"):
        load_analysis(text)
    text.with_suffix(".npz").write_bytes(b"something else")
    with pytest.raises(InputError, match="keep the two files together"):
        load_analysis(text)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("{drop: 9}", "correction 1 is of track 9, which there is not"),
        ("{drop: 0, frames: 40-4}", "correction 1: frames: should be frames in order"),
        ("{drop: 0, frames: some}", "correction 1: frames: should be a frame such as 40"),
        ("{drop: 0, frames: 4-99}", "of frame 99, but the last frame is 47"),
        ("{drop: 0, hide: 0}", "correction 1 must have one of drop, hide"),
        ("{drop: -1}", "correction 1: drop"),
        ("{dorp: 0}", "correction 1 must have one of drop, hide"),
        ("{picture: 0, frames: 1-2}", "correction 1: frames"),
        ("{add: [10, 10, 5, 20], frames: 3}", "a box is left, top, right, bottom"),
        ("{add: [10, 10, .inf, 20], frames: 3}", "a box is left, top, right, bottom"),
        ("{add: [900, 10, 950, 20], frames: 3}", "outside the picture of 640x360"),
        ("{add: [10, 10, 20, 20]}", "correction 1: frames: Field required"),
        ("just words", "correction 1 must have one of"),
        ("{drop: 0", "is not YAML"),
    ],
)
def test_a_wrong_correction_is_told_in_one_sentence(
    saved: Saved, tmp_path: Path, row: str, sentence: str
) -> None:
    text = saved.corrected(tmp_path, row)
    with pytest.raises(InputError) as caught:
        load_analysis(text).corrected()
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe\x00", "is no analysis"),
        (b"a: [", "is not YAML"),
        (b"[1, 2]", "is no analysis of blanket"),
        (b"format: blanket-analysis\nversion: 7\n", "of form 7"),
        (b"format: blanket-analysis\nversion: 1\n", "Field required"),
    ],
)
def test_what_is_no_analysis_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        load_analysis(tmp_path / "a.yaml")


def test_an_empty_list_of_corrections_may_be_left_out(saved: Saved, tmp_path: Path) -> None:
    text = saved.copy(tmp_path)
    text.write_text(text.read_text("utf-8").replace("corrections: []", "corrections:"))
    assert load_analysis(text).corrections == []


def test_the_command(saved: Saved, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = saved.corrected(tmp_path, "{drop: 0, frames: 10-12}")
    clip, out = str(saved.clip), str(tmp_path / "out.mp4")
    assert main(["anonymize", clip, "-o", out, "--analysis", str(text)]) in (0, 3)
    assert "warning: out.mp4: track 0 is left as it is" in capsys.readouterr().err
    run = ["anonymize", clip, "-o", str(tmp_path / "b.mp4"), "--analysis", str(text)]
    assert main([*run, "--preset", "embedded"]) == 2
    assert "has its own settings" in capsys.readouterr().err
    assert main(["anonymize", clip, "-o", out, "--save-analysis", str(text)]) == 2
    assert main([*run, "--save-analysis", str(tmp_path / "a.npz")]) == 2
    assert "an analysis is a .yaml file" in capsys.readouterr().err
    assert main(["anonymize", str(tmp_path), "-o", "/x/y", "--save-analysis", "a.yaml"]) == 2
    assert not (tmp_path / "b.mp4").exists()


def test_it_outlives_a_run_that_fails(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[None]:
        raise blanket.errors.BlanketError("the disk is full")

    monkeypatch.setattr("blanket.render.Renderer.__call__", broken)
    with pytest.raises(blanket.errors.BlanketError):
        blanket.anonymize(saved.clip, tmp_path / "out.mp4", save_analysis=tmp_path / "a.yaml")
    assert isinstance(load_analysis(tmp_path / "a.yaml"), SavedAnalysis)
    assert not (tmp_path / "out.mp4").exists()


def test_a_given_face_need_not_be_given_again(saved: Saved, demo: Demo, tmp_path: Path) -> None:
    face = tmp_path / "face.png"
    write_image(face, next(iter(read(demo.anonymized))).rgb())
    text = tmp_path / "a.yaml"
    blanket.anonymize(saved.clip, tmp_path / "a.mp4", identity=face, save_analysis=text)
    assert read_image(face).any()
    face.unlink()
    report = blanket.anonymize(saved.clip, tmp_path / "b.mp4", analysis=text)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert report.tracks[0].identity is not None
    assert report.tracks[0].identity.generator == "given"
