"""Weights of others: pulled, locked, verified, found offline, and licences accepted."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirror import Mirror, serve

from blanket import manifest as manifest_module
from blanket import store
from blanket.cli import main
from blanket.errors import BlanketError, InputError
from blanket.hub import worth_fetching
from blanket.manifest import entry, manifest, needed, read_manifest
from blanket.presets import presets
from blanket.weights import checksums, weights_folder

FREE, BOUND, FIRST = b"free for all" * 1000, b"not for sale" * 999, b"nobody published its sum"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zipped(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.onnx", content)
    return held.getvalue()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A server, a manifest of what is on it, and an empty store."""
    pack = zipped(one=FREE, two=BOUND)
    with serve() as served:
        served.files = {
            "/free.onnx": FREE, "/bound.onnx": BOUND, "/first.onnx": FIRST, "/pack.zip": pack,
        }  # fmt: skip
        at = served.address
        common = 'maker = "somebody"\npurpose = "to test"\n'
        (tmp_path / "manifest.toml").write_text(
            f'[free]\nfile = "free.onnx"\nlicence = "MIT"\nurls = ["{at}/free.onnx"]\n'
            f'size = {len(FREE)}\nsha256 = "{sha(FREE)}"\npresets = ["embedded"]\n{common}'
            f'[bound]\nfile = "bound.onnx"\nlicence = "NC-9"\nnon_commercial = true\n'
            f'urls = ["{at}/gone", "{at}/bound.onnx"]\nsha256 = "{sha(BOUND)}"\n{common}'
            f'[first]\nfile = "first.onnx"\nlicence = "MIT"\nurls = ["{at}/first.onnx"]\n{common}'
            + "".join(
                f'[{name}]\nfile = "{name}.onnx"\nlicence = "MIT"\nurls = ["{at}/pack.zip"]\n'
                f'{common}[{name}.archive]\nmember = "{name}.onnx"\nsha256 = "{sha(pack)}"\n'
                for name in ("one", "two", "three")
            )
        )
        monkeypatch.setattr(manifest_module, "weights_folder", lambda: tmp_path)
        monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path / "store"))
        monkeypatch.delenv("BLANKET_MIRROR", raising=False)
        for cached in (manifest, store.find):
            cached.cache_clear()
        yield served
    for cached in (manifest, store.find):
        cached.cache_clear()


def pull(*names: str, accept: bool = False) -> list[Path]:
    store.find.cache_clear()
    return store.pull(
        [entry(name) for name in names], accept, lambda stage, done, total: None, 0.01
    )


def test_pulled_weights_are_found(mirror: Mirror) -> None:
    assert not store.present(entry("free"))
    [path] = pull("free")
    assert path == store.find("free") == store.store_folder() / "free.onnx"
    assert path.read_bytes() == FREE
    assert len(mirror.asked) == 1
    pull("free")
    assert len(mirror.asked) == 1, "what is there is not fetched again"


def test_a_licence_that_forbids_commercial_use_must_be_accepted(mirror: Mirror) -> None:
    with pytest.raises(InputError, match=r"NC-9 .*--accept-licence"):
        pull("free", "bound")
    assert mirror.asked == []
    assert [path.read_bytes() for path in pull("free", "bound", accept=True)] == [FREE, BOUND]
    # Once it is here, nobody is asked again.
    pull("bound")


def test_the_first_download_is_the_one_ever_after(mirror: Mirror) -> None:
    [path] = pull("first")
    assert sha(FIRST) in (store.store_folder() / store.LOCK).read_text()
    path.write_bytes(b"something else")
    store.find.cache_clear()
    with pytest.raises(BlanketError, match=r"blanket weights pull first"):
        store.find("first")
    path.unlink()
    mirror.files["/first.onnx"] = b"the maker changed it in silence"
    with pytest.raises(BlanketError, match="another checksum"):
        pull("first")


def test_a_changed_file_is_refused(mirror: Mirror) -> None:
    [path] = pull("free")
    path.write_bytes(FREE[:-1] + b"?")
    assert main(["weights", "verify"]) == 1
    store.find.cache_clear()
    with pytest.raises(BlanketError, match="is not the file that it should be"):
        store.find("free")


def test_one_archive_serves_several_and_is_thrown_away(mirror: Mirror) -> None:
    assert [path.read_bytes() for path in pull("one", "two")] == [FREE, BOUND]
    assert [path for path, _ in mirror.asked] == ["/pack.zip"]
    assert sorted(path.name for path in store.store_folder().iterdir()) == [
        "lock.toml", "one.onnx", "two.onnx",
    ]  # fmt: skip


def test_an_archive_without_its_member_is_one_sentence(mirror: Mirror) -> None:
    with pytest.raises(BlanketError, match=r"pack\.zip does not hold three\.onnx"):
        pull("three")
    assert not store.present(entry("three"))


def test_a_mirror_of_ones_own_comes_first(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.files["/lab/free.onnx"] = FREE
    monkeypatch.setenv("BLANKET_MIRROR", f"{mirror.address}/lab/")
    pull("free")
    assert [path for path, _ in mirror.asked] == ["/lab/free.onnx"]


def test_a_folder_filled_elsewhere_serves_without_a_network(mirror: Mirror) -> None:
    folder = store.store_folder()
    folder.mkdir()
    (folder / "free.onnx").write_bytes(FREE)
    (folder / "first.onnx").write_bytes(FIRST)
    assert store.find("free").read_bytes() == FREE
    assert store.find("first").read_bytes() == FIRST
    assert mirror.asked == []


def test_what_is_missing_is_said_with_its_command(mirror: Mirror) -> None:
    with pytest.raises(BlanketError, match=r"run `blanket weights pull free`") as refused:
        store.find("free")
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="blanket weights list"):
        store.find("nonsense")


def test_the_commands(mirror: Mirror, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "pull"]) == 2
    assert main(["weights", "pull", "bound"]) == 2
    assert main(["weights", "pull", "nonsense"]) == 2
    assert main(["weights", "pull", "--preset", "nonsense"]) == 2
    assert main(["weights", "pull", "--preset", "embedded"]) == 0
    assert main(["weights", "pull", "bound", "--accept-licence"]) == 0
    assert main(["weights", "verify", "free", "bound"]) == 0
    capsys.readouterr()
    assert main(["weights", "path", "free"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_bytes() == FREE
    assert main(["weights", "list"]) == 0
    listed = capsys.readouterr().out
    lines = {line.split()[0]: line.split() for line in listed.splitlines()}
    assert lines["free"][1] == "yes" and lines["first"][1] == "no"
    assert "NC-9" in lines["bound"]


# The manifest that comes with the program.


def test_the_manifest_tells_what_the_issue_of_a_licence_needs() -> None:
    entries = read_manifest(weights_folder() / "manifest.toml")
    for one in entries.values():
        assert one.purpose and one.maker and one.licence
        assert all(url.startswith("https://") for url in one.urls)
        assert set(one.presets) <= set(presets()) | {"diffusion", "diffusion-sdxl"}
        if "non-commercial" in one.licence or one.licence == "unknown":
            assert one.non_commercial, one.name
    # Nothing pickled, but for the one format that facenet-pytorch has.
    suffixes = {Path(one.file).suffix for one in entries.values() if one.file}
    assert suffixes <= {".onnx", ".npz", ".pt"}


def test_the_manifest_knows_all_that_was_trained_here() -> None:
    trained = {one.file for one in read_manifest(weights_folder() / "manifest.toml").values()
               if one.trained_by}  # fmt: skip
    assert trained == set(checksums())


def test_the_default_preset_needs_nothing() -> None:
    assert needed("embedded") == []


# The Hub.

_HUB = """
import sys
from pathlib import Path
from blanket.errors import BlanketError
from blanket.hub import hub_folder, pull_hub
store = Path(sys.argv[1])
before = hub_folder("lab/tiny", store)
try:
    after = pull_hub("lab/tiny", store, "tiny", "diffusion")
except BlanketError as error:
    print("error:", error)
else:
    print(before, sorted(path.name for path in after.iterdir()), sep="|")
"""


def hub(tmp_path: Path, **environment: str) -> str:
    """What a process of its own says: the Hub's library reads its settings when imported."""
    run = subprocess.run(
        [sys.executable, "-c", _HUB, str(tmp_path / "store")],
        env=os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"} | environment,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


@pytest.fixture
def hub_mirror() -> Iterator[Mirror]:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub (extra diffusion) is absent")
    import json

    files = {
        "config.json": b"{}", "model.fp16.safetensors": b"tensors", "model.bin": b"a pickle",
        "model.safetensors": b"the same tensors in full",
    }  # fmt: skip
    commit = "c" * 40
    with serve() as served:
        told = {
            "_id": "1", "id": "lab/tiny", "modelId": "lab/tiny", "sha": commit, "private": False,
            "siblings": [{"rfilename": name} for name in files],
        }  # fmt: skip
        tree = [
            {"type": "file", "oid": sha(content)[:40], "size": len(content), "path": name}
            for name, content in files.items()
        ]
        for revision in ("main", commit):
            served.files[f"/api/models/lab/tiny/revision/{revision}"] = json.dumps(told).encode()
            served.files[f"/api/models/lab/tiny/tree/{revision}?recursive=true&expand=false"] = (
                json.dumps(tree).encode()
            )
        for name, content in files.items():
            served.files[f"/lab/tiny/resolve/{commit}/{name}"] = content
        served.headers = {"X-Repo-Commit": commit}
        yield served


def test_a_repository_comes_from_the_hub_without_pickles(
    hub_mirror: Mirror, tmp_path: Path
) -> None:
    said = hub(tmp_path, HF_ENDPOINT=hub_mirror.address)
    assert said == "None|['config.json', 'model.fp16.safetensors']"
    # From then on without a network.
    said = hub(tmp_path, HF_ENDPOINT="http://127.0.0.1:1", HF_HUB_OFFLINE="1")
    assert said.endswith("|['config.json', 'model.fp16.safetensors']") and "None" not in said


def test_a_repository_without_its_weights_is_fetched_again(
    hub_mirror: Mirror, tmp_path: Path
) -> None:
    hub(tmp_path, HF_ENDPOINT=hub_mirror.address)
    [weights] = (tmp_path / "hf").rglob("model.fp16.safetensors")
    weights.unlink()
    said = hub(tmp_path, HF_ENDPOINT=hub_mirror.address)
    assert said == "None|['config.json', 'model.fp16.safetensors']"


def test_weights_are_fetched_in_one_precision() -> None:
    weights = "diffusion_pytorch_model"
    pipeline = [
        "model_index.json", "README.md", "sd_xl_refiner_1.0.safetensors", "vae/config.json",
        f"vae/{weights}.safetensors", f"unet/{weights}.fp16.safetensors",
        f"unet/{weights}.safetensors", f"unet/{weights}.bin", "tokenizer/merges.txt",
        "text_encoder/model.fp16-00001-of-00002.safetensors",
        "text_encoder/model.fp16-00002-of-00002.safetensors",
        "text_encoder/model-00001-of-00001.safetensors",
    ]  # fmt: skip
    assert set(worth_fetching(pipeline)) == {
        "model_index.json", "vae/config.json", f"vae/{weights}.safetensors",
        f"unet/{weights}.fp16.safetensors", "tokenizer/merges.txt",
        "text_encoder/model.fp16-00001-of-00002.safetensors",
        "text_encoder/model.fp16-00002-of-00002.safetensors",
    }  # fmt: skip
    part = ["config.json", f"{weights}.safetensors", f"{weights}_twins.safetensors"]
    assert worth_fetching(part) == part[:2]
    assert worth_fetching(["my_lora.safetensors"]) == ["my_lora.safetensors"]


@pytest.mark.parametrize(
    ("name", "extra"),
    [("rtdetr", "downstream"), ("vitpose", "downstream"), ("sd15-inpainting", "diffusion")],
)
def test_a_repository_without_its_library_names_the_extra_that_runs_it(
    name: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert main(["weights", "pull", name, "--accept-licence"]) == 1
    assert f"pip install 'blanket[{extra}]'" in capsys.readouterr().err


def test_offline_without_the_repository_is_one_sentence(hub_mirror: Mirror, tmp_path: Path) -> None:
    said = hub(tmp_path, HF_ENDPOINT=hub_mirror.address, HF_HUB_OFFLINE="1")
    assert said.startswith("error: tiny is not on this machine") and "HF_HUB_OFFLINE" in said
    assert hub_mirror.asked == []


def test_a_hub_that_cannot_be_reached_is_one_sentence(hub_mirror: Mirror, tmp_path: Path) -> None:
    said = hub(tmp_path, HF_ENDPOINT="http://127.0.0.1:1")
    assert said.startswith("error: tiny") and "\n" not in said


def test_a_repository_in_the_offline_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / "store" / "lab" / "tiny").mkdir(parents=True)
    (tmp_path / "store" / "lab" / "tiny" / "config.json").write_text("{}")
    assert hub(tmp_path).endswith("|['config.json']")
