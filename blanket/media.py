"""Which files are pictures and which are videos, by their names."""

from __future__ import annotations

from pathlib import Path

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts"}
    | {".wmv", ".flv", ".3gp", ".ogv", ".mxf"}
)


def is_image(path: Path) -> bool:
    """Whether the name is that of a still picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_video(path: Path) -> bool:
    """Whether the name is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def media_in(folder: Path) -> list[Path]:
    """All pictures and videos below a folder, sorted; hidden files and folders left out."""
    found = [
        path
        for path in folder.rglob("*")
        if (is_image(path) or is_video(path))
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return sorted(found)
