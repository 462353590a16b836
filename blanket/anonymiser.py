"""Anonymises one video or picture: what is asked for, what is refused, and then the work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from blanket.analysisfile import load_analysis, refuse_unsaveable
from blanket.chosen import gallery_decides, refuse_contradictions
from blanket.clashes import files_of, refuse_clashes
from blanket.config import Settings
from blanket.cores import one_core_a_call
from blanket.corrections import named
from blanket.errors import InputError
from blanket.image import refuse_suffix
from blanket.job import work
from blanket.media import is_image
from blanket.output import pending, refuse_existing
from blanket.pipeline import Run
from blanket.presets import load_settings
from blanket.progress import Callback
from blanket.report import Report


@one_core_a_call()
def anonymize(
    source: str | Path,
    target: str | Path,
    preset: str | Path | None = None,
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    seed: int | None = None,
    identity: str | Path | None = None,
    identity_at: float | None = None,
    save_identity: str | Path | None = None,
    subject: str | None = None,
    key_file: str | Path | None = None,
    gallery: str | Path | None = None,
    faces: Literal["all", "subjects", "others", "largest"] | None = None,
    audio: Literal["drop", "keep"] | None = None,
    method: str | None = None,
    analysis: str | Path | None = None,
    save_analysis: str | Path | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> Report:
    """Replace every face in a video or a picture.

    source, target: files; the target appears when it is complete. preset, overrides: see
    `blanket.presets.load_settings`; None is ``embedded``, or the settings of the analysis.
    seed: the same one gives the same new faces. identity: a picture whose face is used
    instead. identity_at: seconds, the frame from which a face is invented, by a generator
    that starts from one. subject, key_file, gallery, faces: who is known and whom to
    anonymise, see `blanket.config.SubjectSettings`. save_identity: where to save a picture
    of the new face (of the first person). audio: leave the sound out or copy it. method:
    ``blanket``, or a baseline in its place (`blanket.config.MethodSettings`). analysis: of an
    earlier run on the same file, with its corrections, so that nothing is detected again.
    save_analysis: where to save this one; see docs/analysis.md for both. progress: called
    with stage, done, total.

    Raises:
        InputError: a file or setting that cannot be used.
        BlanketError: anything else that one sentence explains. Nothing is left under the
            target's name on any error.
    """
    source, target = Path(source), Path(target)
    saved = None if analysis is None else load_analysis(Path(analysis))
    if saved is not None and preset is not None:
        raise InputError(
            f"{saved.path.name} has its own settings: leave the preset out, "
            "and change single settings by name"
        )
    base = saved.settings.model_dump() if saved else preset or "embedded"
    known = {"subject": subject, "gallery": gallery, "key_file": key_file, "faces": faces}
    settings = settings_of(base, overrides, seed, identity, identity_at, audio, method, known)
    by_hand = saved is not None and bool(named(saved.corrections))
    refuse_contradictions(settings, by_hand, saved is not None and saved.decided(settings))
    if saved is not None and gallery_decides(settings):
        raise InputError(
            "who is left is decided on when a video is analysed: leave the gallery out to keep "
            "that, or analyse the video anew with it"
        )
    portrait_at = None if save_identity is None else Path(save_identity)
    refuse_clashes(
        [source, *files_of(preset, settings)], [target, portrait_at],
        None if analysis is None else Path(analysis),
        None if save_analysis is None else Path(save_analysis),
    )  # fmt: skip
    reported = [source, target, preset, settings.identity.image, save_analysis]
    refuse_unreportable(Path(path).name for path in reported if path is not None)
    if not source.exists():
        raise InputError(f"there is no file {source}")
    if is_image(source) != is_image(target):
        raise InputError(f"{source.name} and {target.name} must both be pictures or both videos")
    if portrait_at is not None:
        refuse_suffix(portrait_at)
        refuse_existing(portrait_at, overwrite)
    if saved is not None:
        saved.refuse_other(source)
    if save_analysis is not None:
        refuse_unsaveable(Path(save_analysis), overwrite)
    name = saved.preset if saved else Path(preset or "embedded").name
    run = Run(settings, name, overwrite, progress, saved, save_analysis)
    with pending(target, overwrite) as draft:
        return work(run, source, draft, target, portrait_at)


def settings_of(
    preset: str | Path | Mapping[str, Any],
    overrides: Sequence[str] | Mapping[str, Any],
    seed: int | None,
    identity: str | Path | None,
    identity_at: float | None,
    audio: str | None,
    method: str | None,
    known: Mapping[str, str | Path | None],
) -> Settings:
    """The settings that the arguments of `anonymize` ask for. known: of the section subjects."""
    settings = load_settings(preset, overrides)
    given: dict[str, Any] = {}
    if seed is not None:
        given["identity.seed"] = seed
    if identity is not None:
        given["identity.image"] = str(identity)
    if identity_at is not None:
        given["identity.at"] = identity_at
    if audio is not None:
        given["video.audio"] = audio
    if method is not None:
        given["method.name"] = method
    given |= {f"subjects.{name}": value for name, value in known.items() if value is not None}
    settings = settings.changed(given) if given else settings
    if identity is not None and settings.method.name != "blanket":
        raise InputError(
            f"the method {settings.method.name} gives nobody a new face: leave the identity out"
        )
    return settings


def refuse_unreportable(names: Iterable[str]) -> None:
    """Raise InputError where a name cannot stand in a report, which is UTF-8."""
    for name in names:
        shown = name.encode(errors="backslashreplace").decode()
        if shown != name:
            raise InputError(f"the file name {shown} is not valid UTF-8: rename it")
