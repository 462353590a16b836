"""The page for looking at an analysis: what it serves, to whom, and that it works by mouse."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from clips import make_clip, psnr, scene
from conftest import Demo, Saved
from pages import driven

from blanket.analysisfile import load_analysis, save_audit
from blanket.cli import main
from blanket.corrections import written
from blanket.errors import InputError
from blanket.review.desk import Desk
from blanket.review.server import ReviewServer
from blanket.seek import Reel
from blanket.verdict import AuditReport, Finding, Span
from blanket.video import read


@pytest.fixture(scope="module")
def made(saved: Saved, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip, its output, and the analysis that it was made with."""
    folder = tmp_path_factory.mktemp("review")
    shutil.copy(saved.clip, folder / "clip.mp4")
    shutil.copy(saved.out, folder / "out.mp4")
    text = saved.copy(folder)
    save_audit(text, verdicts(48))
    return folder


def verdicts(frames: int) -> AuditReport:
    """A leak in frame 20, and two doubtful frames after it."""
    box = (10.0, 10.0, 60.0, 60.0)

    def finding(frame: int, verdict: Any, reason: Any) -> Finding:
        values = {"frame": frame, "verdict": verdict, "reason": reason, "track": None}
        return Finding(**values, box=box, correlation=0.99)

    def span(first: int, last: int, verdict: Any, *flags: Any) -> Span:
        return Span(first_frame=first, last_frame=last, verdict=verdict, flags=list(flags))

    return AuditReport.model_construct(
        blanket_version="0", original="clip.mp4", anonymized="out.mp4", effort="quick",
        detector="centerface", searched=2, recogniser=None, same_person_below=None,
        verdict="leak", frames=frames,
        totals={"no-face": 0, "replaced": frames - 3, "hidden": 0, "suspect": 2, "leak": 1},
        spans=[
            span(0, 19, "replaced"), span(20, 20, "leak"), span(21, 22, "suspect", "tiny"),
            span(23, frames - 1, "replaced"),
        ],
        findings=[
            finding(20, "leak", "untouched"), finding(21, "suspect", "unclear"),
            finding(22, "suspect", "unclear"),
        ],
        tracks=[],
    )  # fmt: skip


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed at will."""
    return Path(shutil.copytree(made, tmp_path / "review"))


@pytest.fixture
def server(folder: Path) -> Iterator[ReviewServer]:
    server = ReviewServer(Desk(folder / "clip.yaml", None, None))
    server.start()
    yield server
    server.stop()


def ask(
    server: ReviewServer, place: str, body: Any = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    content = None if body is None else json.dumps(body)
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    connection.request("GET" if body is None else "POST", place, content, headers)
    answer = connection.getresponse()
    return answer, answer.read()


def state(server: ReviewServer) -> dict[str, Any]:
    return dict(json.loads(ask(server, f"/{server.token}/state")[1]))


# Frames.


def test_any_frame_is_found_exactly(demo: Demo) -> None:
    frames = [(frame.time, frame.planes[0].copy()) for frame in read(demo.clip)]
    times = np.array([time for time, _ in frames])
    order = np.random.default_rng(0).permutation(len(frames)).tolist()
    with Reel(demo.clip, times) as reel:
        for index in [*order, *range(len(frames) - 1, -1, -1)]:
            frame = reel.frame(index)
            assert frame.index == index
            assert np.array_equal(frame.planes[0], frames[index][1])
        with pytest.raises(InputError, match="no frame 48"):
            reel.frame(48)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("long.mp4", {"g": "30", "bf": "3", "open-gop": "1", "crf": "20"}),
        ("irregular.mkv", {"g": "12", "crf": "20"}),
        ("no-stamps.avi", {"g": "12", "bf": "0", "crf": "20"}),
        ("turned.mp4", {"g": "250", "crf": "20"}),
    ],
)
def test_in_whatever_file(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    pictures = [scene(96, 64, phase=index / 7) for index in range(90)]
    stamps = None
    if name.startswith("irregular"):
        stamps = (np.arange(90) * 2 + np.arange(90) % 3 % 2).tolist()
    rotation = 90 if name.startswith("turned") else 0
    clip = make_clip(tmp_path / name, pictures, time_stamps=stamps, rotation=rotation, **options)
    truth = [(frame.time, frame.rgb()) for frame in read(clip)]
    with Reel(clip, np.array([time for time, _ in truth])) as reel:
        for index in (70, 3, 69, 71, 0, 89, 31, 30, 29, 28, 64):
            assert np.array_equal(reel.frame(index).rgb(), truth[index][1]), index


def test_from_many_threads(demo: Demo) -> None:
    truth = [(frame.time, frame.planes[0].copy()) for frame in read(demo.clip)]
    wrong = []
    with Reel(demo.clip, np.array([time for time, _ in truth])) as reel:

        def some(start: int) -> None:
            for index in range(start, len(truth), 5):
                if not np.array_equal(reel.frame(index).planes[0], truth[index][1]):
                    wrong.append(index)

        threads = [threading.Thread(target=some, args=(start,)) for start in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


# To whom it is served.


def test_only_to_who_has_the_address(server: ReviewServer) -> None:
    own = f"/{server.token}/"
    assert server.server_address[0] == "127.0.0.1"
    assert ask(server, own)[0].status == 200
    assert ask(server, "/")[0].status == 403
    assert ask(server, "/state")[0].status == 403
    assert ask(server, f"/{server.token[:-1]}x/state")[0].status == 403
    # A site whose name was made to lead here, and a page of another site.
    port = server.server_port
    assert ask(server, own, Host=f"evil.example:{port}")[0].status == 403
    assert ask(server, own, Host="127.0.0.1")[0].status == 403
    assert ask(server, own, Origin="http://evil.example")[0].status == 403
    assert ask(server, own, Host=f"localhost:{port}")[0].status == 200


def test_what_may_be_asked(server: ReviewServer, folder: Path) -> None:
    own = f"/{server.token}"
    for place in (
        "/x",
        "/original/",
        "/original/-1",
        "/../clip.mp4",
        "/page/page.js",
        "/output/1/2",
        f"/original/{'9' * 5000}",
    ):
        assert ask(server, own + place)[0].status == 404, place
    assert ask(server, own + "/original/999")[0].status == 409
    before = (folder / "clip.yaml").read_bytes()
    for body, kind in (({"corrections": []}, "text/plain"), ([1], "application/json")):
        assert ask(server, own + "/corrections", body, **{"Content-Type": kind})[0].status == 400
    length = {"Content-Length": "9" * 5000}
    assert ask(server, own + "/corrections", {}, **length)[0].status == 400
    assert ask(server, own + "/nothing", {})[0].status == 404
    assert (folder / "clip.yaml").read_bytes() == before


def test_nothing_is_kept_or_fetched_elsewhere(server: ReviewServer, folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    for place in ("", "page.css", "page.js", "timeline.js", "icon.svg", "state", "original/3"):
        answer, body = ask(server, f"/{server.token}/{place}")
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        if place != "original/3":
            addresses = body.replace(b"http://www.w3.org/2000/svg", b"")
            assert b"http://" not in addresses and b"https://" not in addresses
    assert sorted(path.name for path in folder.iterdir()) == before


def test_the_frames_are_those_of_the_files(server: ReviewServer, folder: Path) -> None:
    for which, name in (("original", "clip.mp4"), ("output", "out.mp4")):
        truth = [frame.rgb() for frame in read(folder / name)]
        for index in (40, 7):
            body = ask(server, f"/{server.token}/{which}/{index}")[1]
            seen = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
            assert psnr(seen, truth[index]) > 30
            assert psnr(seen, truth[index]) > psnr(seen, truth[index - 5])


# What it shows, and corrections.


def test_what_it_shows(server: ReviewServer) -> None:
    shown = state(server)
    assert shown["original"] == "clip.mp4" and shown["output"] == "out.mp4"
    assert len(shown["times"]) == 48
    assert shown["tracks"][0]["runs"] == [[0, 47, "replaced"]]
    assert len(shown["tracks"][0]["boxes"]) == 48
    assert [run[2] for run in shown["verdicts"]] == ["replaced", "leak", "suspect", "replaced"]
    assert [one["last"] - one["first"] for one in shown["findings"]] == [0, 1]
    assert (
        shown["command"] == "blanket anonymize clip.mp4 -o out.mp4 --analysis clip.yaml --overwrite"
    )


def test_corrections_go_into_the_file(server: ReviewServer, folder: Path) -> None:
    rows = [{"hide": 0, "frames": "4-6"}, {"add": [5, 5, 50, 60], "frames": 9}]
    body = {"corrections": rows, "revision": state(server)["revision"]}
    answer, told = ask(server, f"/{server.token}/corrections", body)
    assert answer.status == 200
    shown = json.loads(told)
    assert shown["tracks"][0]["runs"][1] == [4, 6, "by-hand"]
    assert shown["tracks"][-1]["added"]
    saved = load_analysis(folder / "clip.yaml")
    assert [written(one) for one in saved.corrections] == shown["corrections"]
    # What was shown is no longer what is in the file.
    answer, told = ask(server, f"/{server.token}/corrections", body)
    assert answer.status == 409 and "changed meanwhile" in json.loads(told)["error"]
    # And what does not fit is told in a sentence, and not written.
    body = {"corrections": [{"drop": 77}], "revision": shown["revision"]}
    answer, told = ask(server, f"/{server.token}/corrections", body)
    assert answer.status == 409 and "track 77, which there is not" in json.loads(told)["error"]
    assert load_analysis(folder / "clip.yaml").corrections == saved.corrections


def test_what_is_said_again_is_kept_once(server: ReviewServer, folder: Path) -> None:
    drop = {"drop": 0, "frames": "4-6", "note": "a doll"}
    whose = [{"assign": 1, "subject": 5}, {"assign": 1, "subject": 6}]
    missed = {"add": [5, 5, 50, 60], "frames": 9}
    rows = [drop, *whose, missed, {"drop": 0, "frames": "4-6"}, whose[0], missed, {"drop": 0}]
    body = {"corrections": rows, "revision": state(server)["revision"]}
    assert ask(server, f"/{server.token}/corrections", body)[0].status == 200
    # What is said last counts; every face that was missed is a track of its own.
    assert [written(one) for one in load_analysis(folder / "clip.yaml").corrections] == [
        whose[1], missed, drop, whose[0], missed, {"drop": 0},
    ]  # fmt: skip


def rendered(server: ReviewServer) -> dict[str, Any]:
    for _ in range(600):
        told = dict(json.loads(ask(server, f"/{server.token}/progress")[1]))
        if told["stage"] is None:
            return told
        time.sleep(0.1)
    raise AssertionError("it was not rendered within a minute")


def test_rendering_again(server: ReviewServer, folder: Path) -> None:
    own = f"/{server.token}"
    rows = [{"drop": 0, "frames": "4-6"}]
    body = {"corrections": rows, "revision": state(server)["revision"]}
    assert ask(server, own + "/corrections", body)[0].status == 200
    old = ask(server, own + "/output/5")[1]
    assert ask(server, own + "/render", {})[0].status == 200
    assert ask(server, own + "/render", {})[0].status == 409
    told = rendered(server)
    assert "replaced" in told["said"], told
    assert ask(server, own + "/output/5")[1] != old
    assert [written(one) for one in load_analysis(folder / "clip.yaml").corrections] == rows


def test_an_output_that_is_not_there_yet(folder: Path) -> None:
    (folder / "out.mp4").unlink()
    desk = Desk(folder / "clip.yaml", None, None)
    assert desk.state()["rendered"] is None
    with pytest.raises(InputError, match="not rendered yet"):
        desk.picture("output", 3)


def test_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: ReviewServer) -> None:
        assert ask_main(self) == 200
        raise KeyboardInterrupt

    def ask_main(server: ReviewServer) -> int:
        worker = threading.Thread(target=server.handle_request)
        worker.start()
        status = ask(server, urlsplit(server.address).path)[0].status
        worker.join()
        return status

    monkeypatch.setattr(ReviewServer, "serve_forever", interrupted)
    text = str(folder / "clip.yaml")
    assert main(["review", text, "--no-browser"]) == 0
    assert "http://127.0.0.1:" in capsys.readouterr().err
    (folder / "clip.mp4").rename(folder / "elsewhere.mp4")
    assert main(["review", text, "--no-browser"]) == 2
    assert "name the original with --original" in capsys.readouterr().err
    assert main(["review", text, "--no-browser", "--original", str(folder / "elsewhere.mp4")]) == 0
    assert main(["review", text, "--no-browser", "--original", str(folder / "out.mp4")]) == 2
    assert "another file" in capsys.readouterr().err


# In a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with driven() as browser:
        yield browser


@pytest.fixture
def page(browser: Any, server: ReviewServer) -> Iterator[Any]:
    """The page in a browser; it may not complain, nor ask anybody else for anything."""
    context = browser.new_context(viewport={"width": 1400, "height": 860})
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if message.type == "error" else None
    )
    page.on(
        "request",
        lambda request: (
            wrong.append(request.url)
            if not request.url.startswith((server.address, f"blob:{server.address[:-44]}"))
            else None
        ),
    )
    page.goto(server.address)
    at(page, 0)
    yield page
    context.close()
    assert not wrong


def at(page: Any, index: int) -> None:
    """Wait until a frame is shown."""
    page.locator(f"body[data-shown='{index}']").wait_for()


def corrections(folder: Path, count: int) -> list[dict[str, Any]]:
    """What is in the file, once there are so many of them."""
    for _ in range(300):
        found = [written(one) for one in load_analysis(folder / "clip.yaml").corrections]
        if len(found) == count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{found} are not {count} corrections")


def drag(page: Any, box: tuple[float, float, float, float], width: int = 640) -> None:
    """Draw a box, in pixels of the video, over the original."""
    place = page.locator("#original").bounding_box()
    scale = place["width"] / width
    corners = [(place["x"] + x * scale, place["y"] + y * scale) for x, y in (box[:2], box[2:])]
    page.mouse.move(*corners[0])
    page.mouse.down()
    page.mouse.move(*corners[1], steps=3)
    page.mouse.up()


def test_stepping_and_jumping(page: Any) -> None:
    page.keyboard.press("ArrowRight")
    at(page, 1)
    page.keyboard.press("Shift+ArrowRight")
    at(page, 11)
    page.keyboard.press("n")
    at(page, 20)
    assert page.locator("#verdict").inner_text() == "leak"
    page.keyboard.press("n")
    at(page, 21)
    assert page.locator("#verdict").inner_text() == "suspect, tiny"
    page.keyboard.press("End")
    at(page, 47)
    page.locator("#findings button").first.click()
    at(page, 20)
    line = page.locator("#timeline canvas")
    box = line.bounding_box()
    line.click(position={"x": box["width"] - 9, "y": 20})
    at(page, 47)


def test_what_is_painted_is_the_frame(page: Any, folder: Path) -> None:
    page.keyboard.press("b")
    page.locator("#number").fill("20")
    page.locator("#number").press("Enter")
    at(page, 20)
    for which, name in (("original", "clip.mp4"), ("output", "out.mp4")):
        address = page.evaluate("which => document.getElementById(which).toDataURL()", which)
        data = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
        seen = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        truth = [frame.rgb() for frame in read(folder / name)]
        assert psnr(seen, truth[20]) > 30
        assert psnr(seen, truth[20]) > max(psnr(seen, truth[18]), psnr(seen, truth[22]))


def test_correcting_by_mouse_and_key(page: Any, folder: Path) -> None:
    # A box on frames 4 to 8 that moves.
    page.locator("#number").fill("4")
    page.locator("#number").press("Enter")
    at(page, 4)
    drag(page, (20, 20, 80, 90))
    for _ in range(4):
        page.locator("[data-key=ArrowRight]").click()
    at(page, 8)
    drag(page, (60, 20, 120, 90))
    page.locator("#add").click()
    [added] = corrections(folder, 1)
    assert np.allclose(added["add"], (20, 20, 80, 90), atol=2)
    assert np.allclose(added["to"], (60, 20, 120, 90), atol=2)
    assert added["frames"] == "4-8"
    # Track 0 is hidden in a range.
    page.locator("#original").focus()
    for key in ("0", "i", "ArrowRight", "ArrowRight", "o", "h"):
        page.keyboard.press(key)
    assert corrections(folder, 2)[1] == {"hide": 0, "frames": "8-10"}
    # Track 1 is a picture on the wall, and track 0 somebody else.
    page.locator("[data-track='1'] button", has_text="Picture").click()
    assert corrections(folder, 3)[2] == {"picture": 1}
    subject = page.locator("[data-track='0'] input")
    subject.fill("5")
    subject.press("Enter")
    assert corrections(folder, 4)[3] == {"assign": 0, "subject": 5}
    # One is taken back.
    page.locator("#corrections .bad").nth(1).click()
    assert [next(iter(one)) for one in corrections(folder, 3)] == ["add", "picture", "assign"]
    # The infant is clicked on, and is no face after all.
    page.keyboard.press("Escape")
    left, top, right, bottom = state_boxes(folder)
    place = page.locator("#original").bounding_box()
    scale = place["width"] / 640
    page.mouse.click(
        place["x"] + (left + right) / 2 * scale, place["y"] + (top + bottom) / 2 * scale
    )
    page.keyboard.press("d")
    assert corrections(folder, 4)[3] == {"drop": 0}


def test_a_key_that_is_pressed_twice_counts_once(page: Any, folder: Path) -> None:
    for key in ("0", "d", "d", "h", "d"):
        page.keyboard.press(key)
    page.locator("#corrections li", has_text="is hidden").wait_for()
    page.locator("#corrections li:last-child", has_text="no face").wait_for()
    assert corrections(folder, 2) == [{"hide": 0}, {"drop": 0}]
    assert page.locator("#message").inner_text() == "saved"


def state_boxes(folder: Path) -> list[float]:
    """Where the infant is in frame 10."""
    box = load_analysis(folder / "clip.yaml").found.tracks[0].sightings[10].box[:4]
    return [float(edge) for edge in box]


def test_rendering_by_mouse(page: Any, folder: Path) -> None:
    before = (folder / "out.mp4").read_bytes()
    page.locator("[data-track='0'] button", has_text="Hide").click()
    corrections(folder, 1)
    page.locator("#stale", has_text="render again").wait_for()
    page.locator("#render").click()
    page.locator("#message.good", has_text="rendered:").wait_for()
    assert (folder / "out.mp4").read_bytes() != before
    assert page.locator("#stale").inner_text() == ""
