"""DeepPrivacy2's command line, played by a stand-in: what is asked, checked and said."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip, scene
from conftest import Demo

from blanket.cli import main
from blanket.errors import BlanketError, InputError
from blanket.eval.deepprivacy2 import DeepPrivacy2, check
from blanket.eval.results import Results
from blanket.image import read_image, write_image
from blanket.video import probe, read

# It takes the options of the real anonymize.py, paints every picture grey, and misbehaves
# as the file `how` beside it says.
STAND_IN = """
import argparse, json, sys
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("config_path")
parser.add_argument("-i", "--input_path", type=Path, required=True)
parser.add_argument("-o", "--output_path", type=Path, required=True)
parser.add_argument("--max-res", type=int)
parser.add_argument("--track", action="store_true")
parser.add_argument("--multi-modal-truncation", "--mt", action="store_true")
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
here = Path(__file__).parent
(here / "asked.json").write_text(json.dumps(vars(options), default=str))
assert Path(options.config_path).is_file(), "configurations are relative to the checkout"
how = (here / "how").read_text() if (here / "how").exists() else ""
if how == "module":
    import detectron2_which_is_not_there
if how == "memory":
    sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB")
if how == "network":
    raise OSError("<urlopen error [Errno -2] Name or service not known>")
if how == "other":
    raise ValueError("the tensor is not what it was")
if how == "nothing":
    sys.exit(0)
import av, numpy as np
from PIL import Image
def one(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".png":
        Image.new("RGB", Image.open(source).size, (90, 90, 90)).save(target)
        return
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = made.add_stream("libx264", rate=30)
        first = next(given.decode(video=0))
        stream.width, stream.height = first.width, first.height
        if how == "small":
            stream.width //= 2
        stream.pix_fmt = "yuv420p"
        count = 1 + sum(1 for _ in given.decode(video=0)) - (how == "short")
        grey = np.full((stream.height, stream.width, 3), 90, np.uint8)
        for _ in range(count):
            made.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
        made.mux(stream.encode())
if options.input_path.is_dir():
    for path in options.input_path.rglob("*.*"):
        if path.suffix == ".avi":
            raise AttributeError("'str' object has no attribute 'parent'")
        if path.suffix in (".png", ".mp4", ".mov"):
            one(path, options.output_path / path.relative_to(options.input_path))
else:
    one(options.input_path, options.output_path)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    pytest.importorskip("PIL", reason="the stand-in writes pictures with Pillow")
    folder = tmp_path / "deep_privacy2"
    (folder / "configs" / "anonymizers").mkdir(parents=True)
    (folder / "anonymize.py").write_text(STAND_IN)
    for name in ("face", "face_fdf128"):
        (folder / "configs" / "anonymizers" / f"{name}.py").write_text("# its settings\n")
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", [scene(phase=i / 5) for i in range(7)])


def method(checkout: Path, **given: object) -> DeepPrivacy2:
    return DeepPrivacy2(checkout, Path(sys.executable), **given)  # type: ignore[arg-type]


def test_a_video_comes_back_frame_by_frame(checkout: Path, clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    method(checkout, config="face_fdf128", seed=7)(clip, target)
    frames = [frame.rgb() for frame in read(target)]
    assert len(frames) == 7
    assert (probe(target).width, probe(target).height) == (160, 120)
    assert abs(int(np.median(frames[3])) - 90) <= 3
    asked = (checkout / "asked.json").read_text()
    for part in ('"track": true', '"multi_modal_truncation": true', '"seed": 7', "face_fdf128.py"):
        assert part in asked
    assert [path.name for path in tmp_path.glob(".*")] == []


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_picture_and_a_folder(checkout: Path, clip: Path, tmp_path: Path) -> None:
    given, out = tmp_path / "given", tmp_path / "all"
    (given / "inner").mkdir(parents=True)
    write_image(given / "a.png", scene())
    (given / "inner" / "b.mov").write_bytes(clip.read_bytes())
    # Names that the tool itself does not take.
    make_clip(given / "inner" / "c.avi", [scene()] * 3)
    (given / "d.mts").write_bytes(clip.read_bytes())
    method(checkout)(given / "a.png", tmp_path / "one.png")
    assert (read_image(tmp_path / "one.png") == 90).all()
    method(checkout)(given, out)
    assert files_in(out) == ["a.png", "d.mp4", "inner/b.mp4", "inner/c.mp4"]
    assert sum(1 for _ in read(out / "inner" / "c.mp4")) == 3
    with pytest.raises(InputError, match="exists already"):
        method(checkout)(given, out)
    method(checkout)(given, out, overwrite=True)
    (given / "inner" / "b.mp4").write_bytes(clip.read_bytes())
    with pytest.raises(InputError, match=r"two videos .* one \.mp4"):
        method(checkout)(given, out, overwrite=True)


def test_what_fits_is_kept(checkout: Path, clip: Path, tmp_path: Path) -> None:
    given, out = tmp_path / "given", tmp_path / "all"
    given.mkdir()
    clip.rename(given / "clip.mp4")
    write_image(given / "a.png", scene())
    (checkout / "how").write_text("short")
    with pytest.raises(BlanketError, match=r"made 6 frames of clip\.mp4"):
        method(checkout)(given, out)
    assert files_in(out) == ["a.png"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("module", r"its Python lacks a package .*detectron2"),
        ("memory", "GPU's memory is too small"),
        ("network", "could not fetch its weights"),
        ("other", "the tensor is not what it was"),
        ("nothing", r"wrote nothing for clip\.mp4"),
        ("short", r"made 6 frames of clip\.mp4, which has 7"),
        ("small", r"made 80x120 pixels of clip\.mp4"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    checkout: Path, clip: Path, tmp_path: Path, how: str, said: str
) -> None:
    (checkout / "how").write_text(how)
    with pytest.raises(BlanketError, match=said) as refused:
        method(checkout)(clip, tmp_path / "out.mp4")
    assert "\n" not in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "deep_privacy2"]


def test_a_wrong_checkout_or_python_is_one_sentence(
    checkout: Path, clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"no checkout of DeepPrivacy2: it has no anonymize\.py"):
        method(tmp_path)
    absent = DeepPrivacy2(checkout, tmp_path / "no-python")
    with pytest.raises(InputError, match="name the Python"):
        absent(clip, tmp_path / "out.mp4")


def test_finished_outputs_are_checked_too(clip: Path, tmp_path: Path) -> None:
    check(clip, clip)
    other = make_clip(tmp_path / "other.mp4", [scene()] * 3)
    with pytest.raises(BlanketError, match="made 3 frames"):
        check(clip, other)
    with pytest.raises(BlanketError, match="wrote nothing"):
        check(clip, tmp_path / "absent.mp4")


def test_it_is_compared_like_any_method(demo: Demo, checkout: Path, tmp_path: Path) -> None:
    for package in ("pyarrow", "jinja2"):
        pytest.importorskip(package, reason=f"{package} (extra eval) is not installed")
    options = f"compare {demo.clip} -o {tmp_path / 'made'} --methods deepprivacy2 --recogniser none"
    assert main(options.split()) == 2, "without a checkout"
    tool = f" --deepprivacy2 {checkout} --deepprivacy2-python {sys.executable}"
    assert main((options + tool + " --deepprivacy2-config face_fdf128").split()) == 0
    assert "face_fdf128.py" in (checkout / "asked.json").read_text()
    written = (tmp_path / "made" / "results.json").read_text("utf-8")
    [method] = Results.model_validate_json(written).methods
    assert method.name == "deepprivacy2" and not method.failed
    assert (tmp_path / "made" / "outputs" / "deepprivacy2" / demo.clip.name).is_file()
