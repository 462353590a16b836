"""DeepPrivacy2 (Hukkelås & Lindseth, WACV 2023) as a method to compare with.

It runs from a checkout of its own repository, in a Python of its own: its packages do not
go together with ours. Nothing of it is part of this program.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blanket.errors import BlanketError, InputError, counted
from blanket.footage import pictures, size
from blanket.media import is_video, media_in
from blanket.output import pending, refuse_existing

_ERRORS = {
    "out of memory": "the GPU's memory is too small for it",
    "No module named": "its Python lacks a package ({last}): install its requirements there",
    "urlopen error": "it could not fetch its weights: run it once where there is a network",
    "Max retries exceeded": "it could not fetch its weights: run it once where there is a network",
    "HTTPError": "it could not fetch its weights ({last})",
    "CUDA driver": "its torch does not fit the machine's CUDA driver ({last})",
}
"""What its errors mean, by a piece of what it prints."""


@dataclass(frozen=True)
class DeepPrivacy2:
    """Runs ``anonymize.py`` of a checkout on videos, pictures and folders of them.

    checkout: of hukkelas/deep_privacy2. python: the interpreter with its packages. config:
    ``face`` (FDF256), or ``face_fdf128`` for small faces. seed: of its latents.
    """

    checkout: Path
    python: Path
    config: Literal["face", "face_fdf128"] = "face"
    seed: int = 0

    name = "deepprivacy2"

    def __post_init__(self) -> None:
        for part in (self._script, self._settings):
            if not part.is_file():
                raise InputError(
                    f"{self.checkout} is no checkout of DeepPrivacy2: it has no "
                    f"{part.relative_to(self.checkout)}"
                )

    def __call__(self, source: Path, target: Path, overwrite: bool = False) -> None:
        """Anonymise a file, or all of a folder into a folder like it.

        An output appears under its name only when it is complete and has as many frames and
        pixels as its input. Videos of a folder are written as .mp4.

        Raises:
            InputError: the input, the checkout or its Python cannot be used.
            BlanketError: it failed, or what it wrote does not fit the input.
        """
        if source.is_dir():
            media = media_in(source)
            if not media:
                raise InputError(f"there is no video or picture in {source}")
            target.mkdir(parents=True, exist_ok=True)
            outs = {path: target / path.relative_to(source) for path in media}
            outs = {path: out.with_suffix(_suffix(path)) for path, out in outs.items()}
            if len(set(outs.values())) < len(outs):
                raise InputError(f"two videos in {source} would both be written as one .mp4")
        else:
            outs = {source: target}
        for out in outs.values():
            refuse_existing(out, overwrite)
        beside = target if source.is_dir() else target.parent
        with tempfile.TemporaryDirectory(dir=beside, prefix=".deepprivacy2-") as folder:
            self._all(outs, Path(folder), source.name, overwrite)

    def _all(self, outs: dict[Path, Path], folder: Path, name: str, overwrite: bool) -> None:
        """Run once on all files, by links with names that it takes: it looks at nothing but
        the suffix, keeps the name, and stumbles over .avi in folders."""
        given, made = folder / "given", folder / "made"
        given.mkdir()
        links = {path: f"{number}{_suffix(path)}" for number, path in enumerate(outs)}
        for path, link in links.items():
            (given / link).symlink_to(path.resolve())
        self._run(given, made, name)
        refused: BlanketError | None = None
        for path, out in outs.items():
            try:
                check(path, made / links[path])
            except BlanketError as error:
                # What fits is kept: it may have taken hours.
                refused = refused or error
                continue
            out.parent.mkdir(parents=True, exist_ok=True)
            with pending(out, overwrite) as draft:
                shutil.move(made / links[path], draft)
        if refused is not None:
            raise refused

    @property
    def _script(self) -> Path:
        return self.checkout / "anonymize.py"

    @property
    def _settings(self) -> Path:
        return self.checkout / "configs" / "anonymizers" / f"{self.config}.py"

    def command(self, source: Path, target: Path) -> list[str]:
        """The command line that is run, in the folder of the checkout, on two folders."""
        # A path is the caller's, not the checkout's; a link may be a virtual environment.
        python = self.python.absolute() if len(self.python.parts) > 1 else self.python
        # One latent a person, which takes multi-modal truncation (Mokady et al. 2022).
        keeping = ["--track", "--mt"]
        return [
            str(python), "anonymize.py",
            str(self._settings.relative_to(self.checkout)),
            "-i", str(source.absolute()), "-o", str(target.absolute()),
            "--seed", str(self.seed), *keeping,
        ]  # fmt: skip

    def _run(self, source: Path, target: Path, name: str) -> None:
        try:
            run = subprocess.run(
                self.command(source, target), cwd=self.checkout, capture_output=True, text=True,
                errors="replace", stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise InputError(
                f"{self.python} cannot be run ({error.strerror}): name the Python in which "
                "DeepPrivacy2 is installed"
            ) from error
        if run.returncode:
            raise BlanketError(f"DeepPrivacy2 failed on {name}: {_said(run)}")


def check(source: Path, made: Path) -> None:
    """Refuse an output that cannot be compared with its input frame by frame.

    source, made: videos or pictures.

    Raises:
        BlanketError: it is missing, cannot be read, or has other frames or another size.
    """
    if not made.is_file() or not made.stat().st_size:
        raise BlanketError(f"DeepPrivacy2 wrote nothing for {source.name}")
    wanted, got = _shape(source), _shape(made)
    if wanted[1:] != got[1:]:
        raise BlanketError(
            f"DeepPrivacy2 made {got[1]}x{got[2]} pixels of {source.name}, which has "
            f"{wanted[1]}x{wanted[2]}: convert the input to upright frames with square pixels"
        )
    if wanted[0] != got[0]:
        raise BlanketError(
            f"DeepPrivacy2 made {counted(got[0], 'frame')} of {source.name}, which has "
            f"{wanted[0]}: convert the input to a constant frame rate"
        )


def _shape(path: Path) -> tuple[int, int, int]:
    """Frames, width, height. Frames are counted: what a file says of itself is a guess."""
    return sum(1 for _ in pictures(path)), *size(path)


def _suffix(path: Path) -> str:
    """What videos and pictures are called for it, and written as."""
    return ".mp4" if is_video(path) else path.suffix


def _said(run: subprocess.CompletedProcess[str]) -> str:
    """One sentence from what it printed."""
    lines = (run.stderr.strip() or run.stdout.strip()).splitlines() or ["it says no reason"]
    last = lines[-1].strip()
    for piece, meaning in _ERRORS.items():
        if piece in run.stderr:
            return meaning.format(last=last)
    if run.returncode < 0:
        return f"it was killed by signal {-run.returncode}"
    return last
