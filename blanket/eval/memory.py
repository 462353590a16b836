"""What was read in an original, kept in a file for the next evaluation of the same original.

Another method's output of it is then read without searching, following and recognising the
original again. The file holds meshes and embeddings of the person's own face: keep it as
you would keep the original.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import blanket
from blanket.config import Settings
from blanket.errors import InputError
from blanket.eval.reading import Original, OriginalFaces, Seen
from blanket.faces import Face, Points
from blanket.output import pending
from blanket.picture import Picture
from blanket.topology import POINTS
from blanket.weights import checksums, sha256

_FORM = 1


class Memory:
    """A folder of such files. sampling: what else the reading depends on, such as the name of
    the recogniser and which frames it looks at."""

    def __init__(self, folder: Path, settings: Settings, sampling: Mapping[str, Any]) -> None:
        self._folder = folder
        chosen = settings.model_dump(mode="json", include={"detect", "track"})
        self._of = {
            "form": _FORM, "version": blanket.__version__, "weights": dict(checksums()),
            "settings": chosen, "sampling": dict(sampling),
        }  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)

    def recall(self, original: Path) -> OriginalFaces | None:
        """What was read in the original before; None where it was not, or read otherwise."""
        path = self._path(original)
        if not path.exists():
            return None
        try:
            with np.load(path) as file:
                return Remembered({name: file[name] for name in file.files})
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is damaged: delete it") from error

    @contextmanager
    def keeping(self, original: Path, source: OriginalFaces) -> Iterator[OriginalFaces]:
        """Yield the same source, and keep what is read from it when that has gone well."""
        noting = Noting(source)
        yield noting
        # A face's own measures are nobody else's business.
        path = self._path(original)
        with pending(path, overwrite=True, private=True) as draft, draft.open("wb") as file:
            np.savez(file, allow_pickle=False, **noting.arrays())

    def _path(self, original: Path) -> Path:
        # The content counts, not the name: a video that was cut anew is another one.
        told = json.dumps([self._of, sha256(original)], sort_keys=True)
        return self._folder / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.npz"


class Noting:
    """Passes on what a source reads, and notes it."""

    def __init__(self, source: OriginalFaces) -> None:
        self._source = source
        self._faces: list[tuple[int, Original]] = []
        self._found: list[tuple[int, Face]] = []

    def faces(self, picture: Picture, look: bool) -> list[Original]:
        """See `blanket.eval.reading.OriginalFaces`."""
        faces = self._source.faces(picture, look)
        self._faces += [(picture.index, face) for face in faces]
        return faces

    def detections(self, picture: Picture) -> list[Face]:
        """See `blanket.eval.reading.OriginalFaces`."""
        faces = self._source.detections(picture)
        self._found += [(picture.index, face) for face in faces]
        return faces

    def arrays(self) -> dict[str, np.ndarray]:
        """What was noted."""
        seen = [face.seen for _, face in self._faces]
        looked = [k for k, one in enumerate(seen) if one.looks]
        names = seen[looked[0]].looks if looked else ()
        return {
            "frame": np.array([frame for frame, _ in self._faces], np.int64),
            "track": np.array([face.track for _, face in self._faces], np.int64),
            "subject": np.array([face.subject for _, face in self._faces], np.int64),
            "place": _meshes([face.place for _, face in self._faces]),
            "mesh": _meshes([one.mesh for one in seen]),
            "trust": np.array([one.trust for one in seen]),
            "looked": np.array(looked, np.int64),
            **{f"look_{n}": np.stack([seen[k].looks[n] for k in looked]) for n in names},
            "found": np.array([frame for frame, _ in self._found], np.int64),
            "box": np.array([face.box for _, face in self._found], np.float32).reshape(-1, 4),
            "score": np.array([face.score for _, face in self._found]),
            "points": np.array([f.points for _, f in self._found], np.float32).reshape(-1, 5, 2),
        }


class Remembered:
    """What `Noting` noted; see `blanket.eval.reading.OriginalFaces`."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._a = arrays
        rows = {int(k): row for row, k in enumerate(arrays["looked"])}
        names = [name for name in arrays if name.startswith("look_")]
        self._looks = {
            k: {name.removeprefix("look_"): arrays[name][row] for name in names}
            for k, row in rows.items()
        }

    def faces(self, picture: Picture, look: bool) -> list[Original]:
        """See `blanket.eval.reading.OriginalFaces`."""
        a = self._a
        return [
            Original(
                int(a["track"][k]),
                int(a["subject"][k]),
                a["place"][k],
                Seen(a["mesh"][k], float(a["trust"][k]), self._looks.get(int(k), {})),
            )
            for k in self._rows("frame", picture.index)
        ]

    def detections(self, picture: Picture) -> list[Face]:
        """See `blanket.eval.reading.OriginalFaces`."""
        a = self._a
        return [
            Face(a["box"][k], float(a["score"][k]), a["points"][k])
            for k in self._rows("found", picture.index)
        ]

    def _rows(self, name: str, index: int) -> range:
        # Frames were noted in order.
        frames = self._a[name]
        first, end = np.searchsorted(frames, index, "left"), np.searchsorted(frames, index, "right")
        return range(int(first), int(end))


def _meshes(meshes: list[Points]) -> Points:
    return np.array(meshes, np.float32).reshape(-1, POINTS, 3)
