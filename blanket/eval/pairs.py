"""Which output belongs to which original: files, or folders paired by name."""

from __future__ import annotations

from pathlib import Path

from blanket.errors import InputError
from blanket.media import is_image, media_in


def paired(original: Path, output: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """Original and output by the name of the video, and the names of originals without output.

    original, output: two files, or two folders. In folders a file belongs to the one at the
    same place with the same name, or, where there is none, with the same name but for its
    suffix.

    Raises:
        InputError: a file or folder is missing, there is nothing to compare, no original has
            an output, or one has several.
    """
    for path in (original, output):
        if not path.exists():
            raise InputError(f"there is no file or folder {path}")
    if original.is_dir() != output.is_dir():
        raise InputError(f"{original} and {output} must both be files or both folders")
    if not original.is_dir():
        return {original.name: (original, output)}, []
    originals = media_in(original)
    if not originals:
        raise InputError(f"there is no video or picture in {original}")
    outputs = media_in(output)
    pairs, alone = {}, []
    for path in originals:
        name = path.relative_to(original)
        if (found := match(name, output, outputs)) is None:
            alone.append(name.as_posix())
        else:
            pairs[name.as_posix()] = (path, found)
    if not pairs:
        raise InputError(f"{output} has no file for any in {original}: pairs go by name")
    return pairs, alone


def match(name: Path, folder: Path, outputs: list[Path]) -> Path | None:
    """The output in a folder, of all of them, for an original of a relative name; None where
    there is none.

    Raises:
        InputError: there are several.
    """
    exact, whole = folder / name, folder / f"{name}.mp4"
    if exact in outputs:
        return exact
    if whole in outputs and not is_image(name):
        return whole
    alike = [
        path
        for path in outputs
        if path.relative_to(folder).with_suffix("") == name.with_suffix("")
        and is_image(path) == is_image(name)
    ]
    if len(alike) > 1:
        names = ", ".join(path.name for path in alike)
        raise InputError(f"{folder} has several files for {name.as_posix()}: {names}")
    return alike[0] if alike else None
