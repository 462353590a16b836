"""Every method on every input, with the same faces, timed and evaluated: one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from filecmp import cmp
from pathlib import Path
from typing import Any, get_args

import yaml

from blanket.config import MethodSettings, Settings
from blanket.container import written_as
from blanket.cores import one_core_a_call
from blanket.errors import BlanketError, InputError
from blanket.eval.cost import Meter
from blanket.eval.deepprivacy2 import DeepPrivacy2
from blanket.eval.evaluation import Evaluation, Looking
from blanket.eval.pairs import match
from blanket.eval.people import people_files
from blanket.eval.reading import side_by_side
from blanket.eval.results import Results, Sweep
from blanket.eval.tables import comma_separated, latex, markdown
from blanket.job import work
from blanket.media import is_image, is_video, media_in
from blanket.output import pending
from blanket.pipeline import Run
from blanket.presets import load_settings
from blanket.progress import Callback

OUTPUTS = "outputs"
TABLES = {"table.md": markdown, "table.csv": comma_separated, "table.tex": latex}
METHODS = ("blanket", "blur", "pixelate", "blackbox")
_KNOWN = (*get_args(MethodSettings.model_fields["name"].annotation), DeepPrivacy2.name)
_AFTER_FOLLOWING = {"track.max_gap", "track.smoothing"}
"""Settings of following that count only when a method paints."""


@dataclass(frozen=True)
class Contender:
    """What is compared. name: in tables. settings: of its run, or None where folder holds
    another tool's outputs, or tool makes them. base, value: the method and the value of a
    sweep."""

    name: str
    settings: Settings | None
    folder: Path | None = None
    tool: DeepPrivacy2 | None = None
    base: str | None = None
    value: Any = None


@one_core_a_call()
def compare(
    inputs: Sequence[str | Path],
    output: str | Path,
    methods: Sequence[str] = METHODS,
    preset: str | Path = "embedded",
    *,
    add: Mapping[str, str | Path] | None = None,
    sweep: tuple[str, Sequence[Any]] | None = None,
    deepprivacy2: DeepPrivacy2 | None = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    seed: int | None = None,
    recogniser: str | None = "dlib",
    every: int = 1,
    look_every: int = 5,
    stills: bool = True,
    perceptual: bool = False,
    cache: str | Path | None = None,
    predictions: Mapping[str, str | Path] | None = None,
    annotations: str | Path | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> Results:
    """Run methods on the same inputs with the same faces, time them, and evaluate them.

    inputs: videos, pictures, folders of them. output: a folder for what `blanket.evaluate`
    writes, for the table in Markdown, CSV and LaTeX, and for the outputs, in
    ``outputs/METHOD``. methods: see `blanket.config.MethodSettings`. add: outputs of other
    tools, by name: folders with a file for each input. sweep: a setting, ``section.field`` or
    a field of ``method``, and its values; every method of ours is run with each of them. It
    can be none of finding and following, which are done once for all methods.
    deepprivacy2: what the method of that name is run by. Otherwise as
    `blanket.evaluate` and `blanket.anonymize`.

    Raises:
        InputError: a file, folder, method or setting that cannot be used.
        BlanketError: no method has a result. One that fails does not stop the others.
    """
    videos, folder = named(inputs), Path(output)
    for path in map(Path, inputs):
        if path.is_dir() and folder.resolve().is_relative_to(path.resolve()):
            raise InputError("the output folder must lie outside the input folder")
    added = {name: Path(path) for name, path in (add or {}).items()}
    for name, path in added.items():
        if not path.is_dir():
            raise InputError(f"there is no folder {path}, of which {name} should be added")
    for name in methods:
        if name not in _KNOWN:
            raise InputError(f"there is no method {name!r}: choose of {', '.join(_KNOWN)}")
    if not methods and not added:
        raise InputError("there is no method to compare: name one, or add another tool's outputs")
    settings = load_settings(preset, overrides)
    if seed is not None:
        settings = settings.changed({"identity.seed": seed})
    own = [name for name in methods if name != DeepPrivacy2.name]
    contenders = _contenders(settings, own, sweep)
    if len(own) < len(methods):
        if deepprivacy2 is None:
            raise InputError(
                "deepprivacy2 runs from a checkout of its own: name it (--deepprivacy2 FOLDER)"
            )
        tool = deepprivacy2 if seed is None else replace(deepprivacy2, seed=seed)
        contenders.append(Contender(DeepPrivacy2.name, None, tool=tool))
    contenders += [Contender(name, None, path) for name, path in added.items()]
    names = [one.name for one in contenders]
    if len(set(names)) < len(names):
        raise InputError(f"two methods have the same name: {', '.join(sorted(names))}")
    looking = Looking(
        recogniser, every, look_every, stills, perceptual, None if cache is None else Path(cache),
        people_files(predictions, annotations, videos),
    )  # fmt: skip
    with Evaluation(
        settings, folder, names, looking, [*map(Path, inputs), *added.values()],
        overwrite=overwrite, progress=progress, more=list(TABLES),
    ) as evaluation:  # fmt: skip
        for video, path in videos.items():
            try:
                _one(
                    evaluation, contenders, video, path, folder / OUTPUTS, Path(preset).name,
                    overwrite, progress,
                )  # fmt: skip
            except BlanketError as error:
                if len(videos) == 1:
                    raise
                evaluation.fail(video, error)
        results = evaluation.finish(
            {one.name: one.settings for one in contenders},
            _swept(contenders, sweep),
            {one.name: one.base for one in contenders if one.base is not None},
        )
        for name, form in TABLES.items():
            evaluation.drafts[name].write_text(form(results), encoding="utf-8")
        return results


def named(inputs: Sequence[str | Path]) -> dict[str, Path]:
    """The videos and pictures of files and folders, by the names that tell them apart.

    Raises:
        InputError: a file is missing, or is no video or picture, or two have one name.
    """
    found: dict[str, Path] = {}
    for path in map(Path, inputs):
        if path.is_dir():
            more = {one.relative_to(path).as_posix(): one for one in media_in(path)}
        elif not path.exists():
            raise InputError(f"there is no file or folder {path}")
        elif is_image(path) or is_video(path):
            more = {path.name: path}
        else:
            raise InputError(f"{path} is no video or picture")
        for name in more.keys() & found.keys():
            raise InputError(f"{found[name]} and {more[name]} have one name: rename one of them")
        found |= more
    if not found:
        raise InputError("there is no video or picture to compare methods on")
    return found


def _contenders(
    settings: Settings, methods: Sequence[str], sweep: tuple[str, Sequence[Any]] | None
) -> list[Contender]:
    if sweep is not None:
        _refuse_without_effect(_setting(sweep[0]))
    made = []
    for method in methods:
        # A method is measured as it is: an audit would mend what it leaves.
        own = settings.changed({"method.name": method, "audit.effort": "none"})
        if sweep is None:
            made.append(Contender(method, own))
            continue
        setting, values = _setting(sweep[0]), sweep[1]
        short = setting.removeprefix("method.")
        for value in values:
            name = f"{method} {short}={value}"
            made.append(Contender(name, own.changed({setting: value}), base=method, value=value))
    return made


def _setting(name: str) -> str:
    return name if "." in name else f"method.{name}"


def _refuse_without_effect(setting: str) -> None:
    section = setting.partition(".")[0]
    if section not in Settings.model_fields:
        raise InputError(f"there is no setting {setting!r} to sweep")
    if section in ("detect", "track") and setting not in _AFTER_FOLLOWING:
        raise InputError(
            f"{setting} cannot be swept, because faces are found and followed once for all "
            "methods: run it once with each value"
        )


def parse_sweep(text: str) -> tuple[str, list[Any]]:
    """``kernel=5,15,25`` as the setting and its values, which are YAML.

    Raises:
        InputError: it is not of that form.
    """
    name, equals, values = text.partition("=")
    try:
        found = [yaml.safe_load(value) for value in values.split(",")]
    except yaml.YAMLError as error:
        raise InputError(f"the values of {text!r} are not YAML") from error
    if not equals or not name.strip() or any(value is None for value in found):
        raise InputError(f"{text!r} is not of the form setting=value,value,...")
    return name.strip(), found


def _swept(
    contenders: Sequence[Contender], sweep: tuple[str, Sequence[Any]] | None
) -> Sweep | None:
    if sweep is None:
        return None
    values = {one.name: one.value for one in contenders if one.base is not None}
    return Sweep(setting=_setting(sweep[0]), values=values)


def _one(
    evaluation: Evaluation,
    contenders: Sequence[Contender],
    video: str,
    path: Path,
    folder: Path,
    preset: str,
    overwrite: bool,
    progress: Callback | None,
) -> None:
    """Run and evaluate all methods on one input. A method that fails does not stop the others."""
    analysis = None
    if any(one.settings is not None for one in contenders):
        analysis = evaluation.analyse(path)
    outputs: dict[str, Path] = {}
    costs: dict[str, dict[str, float]] = {}
    for one in contenders:
        try:
            if one.folder is not None:
                found = match(Path(video), one.folder, media_in(one.folder))
                if found is None:
                    raise InputError(f"{one.folder} has no file for {video}: pairs go by name")
                made = found
                _checked_frames(path, made)
                cost: dict[str, float] = {}
            else:
                made = folder / one.name / video
                if written_as(made) != made:
                    # The whole name: a.mp4 and a.wmv may be beside each other.
                    made = made.with_name(f"{made.name}.mp4")
                made.parent.mkdir(parents=True, exist_ok=True)
                if one.tool is not None:
                    cost = _run_tool(one.tool, path, made, overwrite)
                else:
                    assert one.settings is not None and analysis is not None
                    run = Run(one.settings, preset, overwrite, progress, analysis=analysis)
                    # What has found the faces, for the report.
                    used = run.backends
                    used.detector, used.network = evaluation.detector, evaluation.network
                    cost = _run(run, path, made, analysis.frames, overwrite)
            outputs[one.name], costs[one.name] = made, cost
        except BlanketError as error:
            evaluation.fail(video, error, one.name)
    if outputs:
        _tell_what_has_no_effect(evaluation, contenders, video, outputs)
        evaluation.video(video, path, outputs, analysis, costs)


def _tell_what_has_no_effect(
    evaluation: Evaluation,
    contenders: Sequence[Contender],
    video: str,
    outputs: Mapping[str, Path],
) -> None:
    """Warn of methods that make the same of all values of a sweep."""
    swept: dict[str, list[Path]] = {}
    for one in contenders:
        if one.base is not None and one.name in outputs:
            swept.setdefault(one.base, []).append(outputs[one.name])
    for method, made in swept.items():
        if len(made) > 1 and all(cmp(made[0], other, shallow=False) for other in made[1:]):
            evaluation.warnings.append(
                f"{video}: {method} is the same whatever the value that is swept"
            )


def _run_tool(tool: DeepPrivacy2, source: Path, target: Path, overwrite: bool) -> dict[str, float]:
    """As `_run`; the memory of another program is not ours to measure."""
    with Meter() as meter:
        tool(source, target, overwrite)
    return {"frames_per_second": meter.cost.frames_per_second(_checked_frames(source, target))}


def _checked_frames(original: Path, output: Path) -> int:
    """How many frames an output of another tool has. One that does not fit is refused alone,
    lest it takes the others with it."""
    return sum(1 for _ in side_by_side(original, {"": output}))


def _run(run: Run, source: Path, target: Path, frames: int, overwrite: bool) -> dict[str, float]:
    """Write what a method makes of an input; what that cost, by key."""
    with pending(target, overwrite) as draft, Meter() as meter:
        work(run, source, draft, target, None)
    cost = meter.cost
    figures = {
        "frames_per_second": cost.frames_per_second(frames),
        "peak_memory": cost.peak_memory / 1e6,
    }
    return figures if cost.gpu_memory is None else figures | {"gpu_memory": cost.gpu_memory / 1e6}
