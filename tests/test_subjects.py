"""Known people: keys, the faces they decide on, galleries, and who is left as they are."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Demo
from hypothesis import given
from hypothesis import strategies as st

import blanket
from blanket.analysis import Analysis
from blanket.appearance import Look
from blanket.chosen import choose, chosen_before, largest
from blanket.cli import main
from blanket.demo import INFANT, VISITOR
from blanket.errors import BlanketError, InputError
from blanket.faces import Appearance
from blanket.image import write_image
from blanket.inpaint import keyed
from blanket.inpaint.keyed import NUMBERS, keyed_face, keyed_identity, load_group
from blanket.inpaint.morphable import load_likeness
from blanket.key import keyed_numbers, keyed_tag, read_key, write_key
from blanket.light import flatten
from blanket.likeness import describe
from blanket.report import Report
from blanket.templates import box_matrix, cut
from blanket.track import Sighting, Track
from blanket.video import read

KEY = bytes(range(32))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "a.key"
    path.write_text(KEY.hex() + "\n")
    path.chmod(0o600)
    return path


def test_a_key_is_new_private_and_never_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = os.umask(0)
    try:
        assert main(["key", "new", "-o", str(tmp_path / "a.key")]) == 0
        assert main(["key", "new", "-o", str(tmp_path / "b.key")]) == 0
    finally:
        os.umask(before)
    a, b = (tmp_path / name for name in ("a.key", "b.key"))
    assert read_key(a) != read_key(b)
    assert len(read_key(a)) == 32
    assert (a.stat().st_mode & 0o777) == 0o600
    content = a.read_text()
    assert main(["key", "new", "-o", str(a)]) == 2
    assert a.read_text() == content, "a key is never replaced"
    told = "".join(capfd.readouterr())
    assert content.strip()[:8] not in told


@pytest.mark.parametrize("text", ["", "nothing of the kind", "00ff", "é" * 40, "0" * 33])
def test_what_is_no_key_is_refused_without_showing_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_key(path)
    assert "\n" not in str(refused.value)
    assert len(text) < 5 or text[:5] not in str(refused.value)
    with pytest.raises(InputError):
        read_key(tmp_path / "missing.key")
    with pytest.raises(InputError):
        write_key(tmp_path / "missing" / "a.key")


def test_numbers_are_those_of_the_standards() -> None:
    digest = hmac.new(KEY, b"S01", hashlib.sha256).digest()
    stream = hashlib.shake_256(digest).digest(16)
    expected = [int.from_bytes(stream[n : n + 8], "little") / 2**64 for n in (0, 8)]
    np.testing.assert_allclose(keyed_numbers(KEY, "S01", 2), expected, rtol=1e-15)
    # RFC 4231, test case 2: what the digest is taken from.
    digest = hmac.new(b"Jefe", b"what do ya want for nothing?", hashlib.sha256).hexdigest()
    assert digest.startswith("5bdcc146bf60754e6a042426089575c7")


@given(st.binary(min_size=16, max_size=40), st.text(min_size=1, max_size=20))
def test_numbers_depend_on_key_and_subject_alone(key: bytes, subject: str) -> None:
    numbers = keyed_numbers(key, subject, 8)
    assert ((numbers >= 0) & (numbers < 1)).all()
    np.testing.assert_array_equal(numbers, keyed_numbers(key, subject, 8))
    np.testing.assert_array_equal(numbers[:3], keyed_numbers(key, subject, 3))
    assert not np.array_equal(numbers, keyed_numbers(key + b"x", subject, 8))
    assert not np.array_equal(numbers, keyed_numbers(key, subject + "x", 8))
    assert keyed_tag(key, subject) != keyed_tag(key + b"x", subject)


def test_an_id_is_the_same_however_it_is_typed() -> None:
    assert keyed_tag(KEY, "Zo\u00eb") == keyed_tag(KEY, "Zoe\u0308")


def own_of(group: str) -> Appearance:
    return load_group(group).average


@pytest.mark.parametrize("group", ["infant", "child", "woman", "man"])
def test_a_keyed_face_is_decided_on_by_its_numbers(group: str) -> None:
    numbers = keyed_numbers(KEY, "S01", NUMBERS)
    one, other = keyed_face(numbers, group), keyed_face(numbers.copy(), group)
    assert one.texture.tobytes() == other.texture.tobytes()
    assert one.shape.tobytes() == other.shape.tobytes()
    assert one.texture.shape == (320, 320, 3)
    assert one.distance > 0.1, "not the average"
    another = keyed_face(keyed_numbers(KEY, "S02", NUMBERS), group)
    like = load_likeness()
    apart = [like.embed(describe(flatten(f.texture), f.shape)) for f in (one, another)]
    assert np.linalg.norm(apart[0] - apart[1]) > 0.1


def test_the_last_digits_of_a_machine_do_not_matter() -> None:
    numbers = keyed_numbers(KEY, "S01", NUMBERS)
    face = keyed_face(numbers, "infant")
    near = keyed_face((numbers + 1e-9).clip(0, 1 - 1e-12), "infant")
    np.testing.assert_allclose(near.shape, face.shape, atol=1e-4)
    assert np.abs(near.texture.astype(int) - face.texture).max() <= 1


def test_a_face_that_looks_like_the_person_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = keyed_numbers(KEY, "S01", NUMBERS)
    distance = keyed_identity(numbers, own_of("man"), "infant").distance
    assert distance >= keyed.LEAST
    monkeypatch.setattr(keyed, "LEAST", distance + 0.01)
    with pytest.raises(BlanketError, match="another ID"):
        keyed_identity(numbers, own_of("man"), "infant")


@pytest.fixture(scope="module")
def gallery(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of both people of the demo clip."""
    folder = tmp_path_factory.mktemp("subjects")
    truth = demo.truth
    clear = truth.visible & (truth.occluded < 0.1) & (np.abs(truth.pose[..., 0]) < 30)
    frames = {frame.index: frame.rgb() for frame in read(demo.clip)}
    for who, name in ((INFANT, "anna"), (VISITOR, "bea")):
        seen = np.flatnonzero(clear[:, who])
        for number in seen[[len(seen) // 4, len(seen) // 2]]:
            home = folder / name
            home.mkdir(exist_ok=True)
            matrix = box_matrix(truth.mesh[number, who], 200, grow=2, square=True)
            write_image(home / f"{number}.png", cut(frames[int(number)], matrix, 200))
    return folder


def test_a_subject_is_the_same_in_two_videos(demo: Demo, key_file: Path, tmp_path: Path) -> None:
    files = [(demo.clip, "a.mp4", 0), (demo.anonymized, "b.mp4", 5)]
    faces, reports = [], []
    for source, name, seed in files:
        report = blanket.anonymize(
            source, tmp_path / name, subject="anna", key_file=key_file, seed=seed,
            overrides=["identity.age=infant"], save_analysis=tmp_path / f"{name}.yaml",
        )  # fmt: skip
        reports.append(report)
        with np.load(tmp_path / f"{name}.npz") as arrays:
            faces.append(arrays["identity_texture"][0].tobytes())
    assert faces[0] == faces[1]
    tags = [next(t.identity for t in r.tracks if t.subject == 0) for r in reports]
    assert all(tag is not None and tag.subject_tag == keyed_tag(KEY, "anna") for tag in tags)
    assert all(tag is not None and tag.generator == "keyed" and tag.seed is None for tag in tags)
    for report in reports:
        text = report.to_json()
        assert "anna" not in text
        assert key_file.name not in text
        assert Report.model_validate_json(text) == report
    for path in tmp_path.glob("*.yaml"):
        assert "anna" not in path.read_text()


@pytest.mark.parametrize("recogniser", ["likeness", "dlib"])
def test_a_gallery_says_who_is_who(
    demo: Demo, gallery: Path, key_file: Path, tmp_path: Path, recogniser: str
) -> None:
    if recogniser == "dlib":
        pytest.importorskip("dlib", reason="dlib's recogniser needs the extra eval")
    report = blanket.anonymize(
        demo.clip, tmp_path / "out.mp4", gallery=gallery, key_file=key_file,
        overrides={"subjects.recogniser": recogniser},
    )  # fmt: skip
    assert report.backends.gallery == recogniser
    infant = max(report.tracks, key=lambda track: track.frames)
    assert infant.identity is not None
    assert infant.identity.subject_tag == keyed_tag(KEY, "anna")
    assert all(
        one.identity is None or one.identity.subject_tag != keyed_tag(KEY, "anna")
        for one in report.tracks
        if one.subject != infant.subject
    )
    assert report.left == []
    assert "anna" not in report.to_json()


def test_whoever_is_left_is_told(demo: Demo, tmp_path: Path) -> None:
    out, text = tmp_path / "out.mp4", tmp_path / "out.json"
    status = main(f"anonymize {demo.clip} -o {out} --faces largest --report {text} --quiet".split())
    report = Report.model_validate_json(text.read_text())
    assert status == report.exit_status
    [visitor] = {one.subject for one in report.left}
    assert visitor not in {track.subject for track in report.tracks}
    assert report.left[0].why.endswith("not the person who is seen largest")
    assert any("left as it is" in warning for warning in report.warnings)
    # The visitor is as before, the infant is not.
    truth = demo.truth
    number = int(np.flatnonzero(truth.visible[:, VISITOR] & truth.visible[:, INFANT])[-1])
    before, after = (
        next(f.rgb() for f in read(path) if f.index == number) for path in (demo.clip, out)
    )
    changes = []
    for who in (VISITOR, INFANT):
        matrix = box_matrix(truth.mesh[number, who], 64)
        a, b = (cut(one, matrix, 64).astype(int)[16:48, 16:48] for one in (before, after))
        changes.append(np.abs(a - b).mean())
    assert changes[0] < 4 < changes[1]


def test_others_are_left_only_when_they_are_nobody_of_the_gallery(
    demo: Demo, gallery: Path, tmp_path: Path
) -> None:
    report = blanket.anonymize(
        demo.clip, tmp_path / "out.mp4", gallery=gallery, faces="subjects",
        overrides=["subjects.recogniser=likeness"],
    )  # fmt: skip
    assert report.left == [], "both are in the gallery"
    assert {track.identity.generator for track in report.tracks if track.identity} == {"morphable"}


@pytest.mark.parametrize(
    "options",
    [
        {"subject": "anna"},
        {"faces": "others"},
        {"faces": "subjects"},
        {"gallery": "G"},
        {"key_file": "K"},
        {"subject": "anna", "gallery": "G", "key_file": "K"},
        {"subject": "anna", "key_file": "K", "identity": "face.png"},
        {"subject": "anna", "key_file": "missing.key"},
        {"gallery": "empty", "key_file": "K"},
        {"gallery": "faceless", "key_file": "K"},
        {"gallery": "missing", "key_file": "K"},
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    options: dict[str, Any], demo: Demo, gallery: Path, key_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "faceless" / "anna").mkdir(parents=True)
    write_image(tmp_path / "faceless" / "anna" / "a.png", np.full((90, 90, 3), 80, np.uint8))
    known = {"G": gallery, "K": key_file}
    names = ("empty", "faceless", "missing", "missing.key", "face.png")
    known |= {name: tmp_path / name for name in names}
    given_ = {name: known.get(value, value) for name, value in options.items()}
    with pytest.raises(InputError) as refused:
        blanket.anonymize(demo.clip, tmp_path / "out.mp4", **given_)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out.mp4").exists()


class MadeGallery:
    """Distances that are told, by the size of a person's first box."""

    class Comparer:
        name, threshold = "made", 0.6

    comparer = Comparer()

    def __init__(self, *known: dict[str, float]) -> None:
        self._known = list(known)

    def distances(self, own: Appearance, view: Any) -> dict[str, float]:
        return self._known[view]


def people(*spans: Sequence[int]) -> tuple[Analysis, dict[int, Any]]:
    """An analysis with a person for each span of frames; earlier ones are larger."""
    tracks = []
    grey, free = np.full((64, 64, 3), 90, np.uint8), np.zeros((64, 64), np.uint8)
    look = Look(0, grey, own_of("child").shape, 1.0, free)
    for number, span in enumerate(spans):
        side = 90 - 20 * number
        box = np.array([0, 0, side, side], np.float32)
        track = Track(number, {frame: Sighting(box) for frame in span}, number)
        track.album.add(look)
        tracks.append(track)
    found = Analysis(100, 100, np.arange(20) / 10, [0], tracks)
    return found, {number: number for number in range(len(spans))}


def test_nobody_is_two_people_at_the_same_time() -> None:
    found, views = people(range(10), range(5, 15), range(16, 20))
    known = [{"a": 0.4, "b": 0.59}, {"a": 0.3, "b": 0.7}, {"a": 0.5, "b": 0.9}]
    chosen = choose(found, views, None, MadeGallery(*known), "all")  # type: ignore[arg-type]
    assert chosen.names == {1: "a", 0: "b", 2: "a"}
    assert chosen.left == {}


@pytest.mark.parametrize(
    ("faces", "left"), [("all", set()), ("subjects", {2}), ("others", {0}), ("largest", {1, 2, 3})]
)
def test_in_doubt_a_face_is_replaced(faces: Any, left: set[int]) -> None:
    found, views = people(range(10), range(10), range(10), range(10))
    # Surely known, perhaps known, surely unknown, never seen well.
    views.pop(3)
    known = [{"a": 0.3}, {"a": 0.5}, {"a": 0.9}]
    gallery = MadeGallery(*known)
    chosen = choose(found, views, None, gallery, faces)  # type: ignore[arg-type]
    assert set(chosen.left) == left


@pytest.mark.parametrize(("faces", "left"), [("subjects", {1}), ("others", {0}), ("all", set())])
def test_a_single_subject_is_the_one_seen_largest(faces: Any, left: set[int]) -> None:
    found, _ = people(range(10), range(10))
    assert largest(found) == 0
    chosen = choose(found, {}, "anna", None, faces)
    assert chosen.names == {0: "anna"}
    assert set(chosen.left) == left


@pytest.mark.parametrize(("faces", "left"), [("subjects", {1}), ("others", {0, 2})])
def test_what_was_chosen_before_is_changed_by_hand_alone(faces: Any, left: set[int]) -> None:
    found, _ = people(range(10), range(10), range(10), range(10, 20))
    before = {1: "is nobody of the gallery", 2: "..."} if faces == "subjects" else {0: "..."}
    # Track 3 was left too; a person says that it is person 0 in the one case, 1 in the other.
    before[3] = "..."
    put_right, _ = people(range(10), range(10), range(10), range(10, 20))
    put_right.tracks[3].subject = 0 if faces == "subjects" else 1
    chosen = chosen_before(put_right, found, before, faces, {2: "anna"})
    assert chosen.names == {2: "anna"}
    assert set(chosen.left) == left


def test_a_person_says_who_is_who(demo: Demo, key_file: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "a.yaml", tmp_path / "again.mp4"
    blanket.anonymize(demo.clip, tmp_path / "a.mp4", save_analysis=first)
    text = first.read_text()
    assert "corrections: []" in text
    first.write_text(
        text.replace("corrections: []", "corrections:\n- {assign: 0, subject: 0, id: anna}")
    )
    report = blanket.anonymize(demo.clip, again, analysis=first, key_file=key_file)
    tagged = {one.track: one.identity.subject_tag for one in report.tracks if one.identity}
    assert tagged[0] == keyed_tag(KEY, "anna")
    assert "anna" not in report.to_json()


def test_nobody_is_nobody() -> None:
    nobody, _ = people()
    assert choose(nobody, {}, "anna", None, "largest").names == {}
