"""``report.html``: the evaluation as one page that needs nothing but itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from blanket.errors import about
from blanket.eval import plots
from blanket.eval.axis import label
from blanket.eval.frames import Person, people
from blanket.eval.results import MethodResult, Results
from blanket.eval.signals import SIGNALS
from blanket.eval.stills import KINDS, Still, WorstFrames
from blanket.eval.tables import PARTIAL, any_partial, best_of, cell, groups, value_of
from blanket.eval.traces import Values
from blanket.extras import needs

MOST_VIDEOS = 12
"""Videos whose traces are drawn; all of them are in the table of frames. Pictures, and videos
of which one frame was read, have no traces."""


@dataclass
class _Drawn:
    """What the page takes from the table of frames. traces: by video, then method, a list of
    SVG. distances: by video and person, the time and the distance of each method. samples:
    by figure and method, values of all videos."""

    traces: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    distances: dict[str, dict[str, tuple[Values, Values]]] = field(default_factory=dict)
    samples: dict[str, dict[str, list[Values]]] = field(default_factory=dict)


_SAMPLED = ("distance", "landmarks_68_error")


def write_page(path: Path, results: Results, frames: Path, worst: WorstFrames | None) -> None:
    """Write the page. frames: the table (`blanket.eval.frames`). worst: stills, if any."""
    with needs("eval", "the page"):
        from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("blanket.eval"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    drawn = _draw(results, frames)
    text = environment.get_template("report.html").render(
        results=results,
        sums=_sums(results),
        groups=list(groups(results)),
        cell=cell,
        best=best_of(results),
        partial=PARTIAL if any_partial(results) else None,
        scatters=_scatters(results),
        sweeps=_sweeps(results),
        distributions=_distributions(results, drawn),
        distances=_distances(results, drawn),
        traces=drawn.traces,
        left_out=max(len(_moving(results)) - MOST_VIDEOS, 0),
        stills=_stills(results, worst),
        kinds=KINDS,
        about=about,
        colours=plots.COLOURS,
        few=plots.FEW,
    )
    path.write_text(text, encoding="utf-8")


def _moving(results: Results) -> list[str]:
    """The videos that have something to draw over time."""
    return list(
        dict.fromkeys(
            v.video for method in results.methods for v in method.videos if v.frames_read > 1
        )
    )


def _sums(results: Results) -> dict[str, Any]:
    videos = {v.video: v for method in results.methods for v in method.videos}.values()
    return {
        "videos": len(videos),
        "frames": sum(v.frames for v in videos),
        "read": sum(v.frames_read for v in videos),
        "looked": sum(v.frames_looked for v in videos),
        "faces": sum(v.faces for v in videos),
        "subjects": sum(v.subjects for v in videos),
        "failed": {m.name: m.failed for m in results.methods if m.failed},
    }


# Traces.


def _draw(results: Results, frames: Path) -> _Drawn:
    drawn = _Drawn({}, {}, {key: {m.name: [] for m in results.methods} for key in _SAMPLED})
    shown = set(_moving(results)[:MOST_VIDEOS])
    for person in people(frames):
        for key in _SAMPLED:
            values = person.column(key)
            drawn.samples[key][person.method].append(values[np.isfinite(values)])
        if person.video not in shown:
            continue
        title, time = _title(results, person), person.column("time")
        if len(time) > 1:
            drawn.traces.setdefault(title, {})[person.method] = _traces(person, time)
        distance = person.column("distance")
        looked = np.isfinite(distance)
        if np.count_nonzero(looked) > 1:
            drawn.distances.setdefault(title, {})[person.method] = time[looked], distance[looked]
    return drawn


def _title(results: Results, person: Person) -> str:
    several = any(
        v.subjects > 1 and v.video == person.video for m in results.methods for v in m.videos
    )
    return f"{person.video}, person {person.subject}" if several else person.video


def _traces(person: Person, time: Values) -> list[str]:
    found = []
    for key, signal in SIGNALS.items():
        before, after = person.column(f"{key}_original"), person.column(f"{key}_output")
        agrees = signal.agreement(before, after)
        r = "" if np.isnan(agrees.correlation) else f"r = {label(agrees.correlation, 0.01)}"
        time_, before_, after_ = _spaced(time, before, after)
        found.append(
            plots.trace(time_, before_, after_, signal.title, signal.unit, signal.least, r)
        )
    return found


def _spaced(time: Values, *columns: Values) -> tuple[Values, ...]:
    """With a NaN where frames are missing, so that no line is drawn over the gap."""
    if len(time) < 3:
        return time, *columns
    step = float(np.median(np.diff(time)))
    gaps = np.flatnonzero(np.diff(time) > 1.5 * step) + 1
    return (
        np.insert(time, gaps, time[gaps - 1] + step),
        *(np.insert(column, gaps, np.nan) for column in columns),
    )


def _distances(results: Results, drawn: _Drawn) -> dict[str, list[tuple[str, str]]]:
    threshold = results.readers.recogniser_threshold
    if threshold is None:
        return {}
    highest = [threshold, *(d.max() for one in drawn.distances.values() for _, d in one.values())]
    top = float(max(highest)) * 1.06
    names = [method.name for method in results.methods]
    return {
        title: [
            (
                name,
                plots.distance_over_time(
                    *lines[name], [line for other, line in lines.items() if other != name],
                    name, threshold, top, names.index(name),
                ),
            )
            for name in names
            if name in lines
        ]
        for title, lines in drawn.distances.items()
    }  # fmt: skip


def _distributions(results: Results, drawn: _Drawn) -> list[str]:
    found = []
    threshold = results.readers.recogniser_threshold
    pooled = {
        key: {name: np.concatenate([*parts, np.zeros(0)]) for name, parts in methods.items()}
        for key, methods in drawn.samples.items()
    }
    if threshold is not None:
        mark = (threshold, f"threshold {threshold:g}")
        found.append(plots.distributions(pooled["distance"], "Identity distance", "", 0.1, mark))
    found.append(
        plots.distributions(
            pooled["landmarks_68_error"], "Landmark error (68)", "% of eye distance", 1.0, None
        )
    )
    return found


# Privacy against utility.

_PLANES = (
    ("attributes_r", "identity_distance"),
    ("landmarks_within", "identity_distance"),
    ("face_ap", "verified"),
)
"""Figures of use along, figures of privacy up, such as have a value where faces are lost.
attributes_r: the mean of `_FOLLOWED`."""
_FOLLOWED = ("eye_r", "mouth_r", "yaw_r", "pitch_r", "roll_r", "gaze_x_r")


def _scatters(results: Results) -> list[str]:
    found = []
    for across, up in _PLANES:
        points = []
        for number, method in enumerate(results.methods):
            x, y = _mean(method, across), _mean(method, up)
            if x is not None and y is not None:
                points.append(plots.Point(method.name, x[0], y[0], x[1], y[1], number))
        if points:
            found.append(plots.scatter(points, _named(results, across), _named(results, up)))
    return found


def _named(results: Results, key: str) -> plots.Quantity:
    if key == "attributes_r":
        title = "Correlation of eyes, mouth, pose, gaze (mean)"
        return plots.Quantity(title, "higher", percent=False)
    metric = results.metric(key)
    unit = f" ({metric.unit})" if metric.unit else ""
    return plots.Quantity(metric.title + unit, metric.better or "higher", metric.unit == "%")


def _mean(method: MethodResult, key: str) -> tuple[float, float | None] | None:
    if key == "attributes_r":
        parts = [method.summary[one].mean for one in _FOLLOWED if one in method.summary]
        return (float(np.mean(parts)), None) if parts else None
    one = method.summary.get(key)
    return None if one is None else (one.mean, one.sd)


# Sweeps.

_OVER = ("face_ap", "landmarks_68_error", "landmarks_within", "identity_distance", "faces_kept")


def _sweeps(results: Results) -> list[str]:
    """Figures over the value that was varied, a line a method, where it is a number."""
    if results.sweep is None:
        return []
    lines: dict[str, dict[str, list[tuple[float, float]]]] = {key: {} for key in _OVER}
    for method in results.methods:
        value = results.sweep.values.get(method.name)
        if method.variant_of is None or not isinstance(value, int | float):
            continue
        for key in _OVER:
            if (figure := value_of(method, key)) is not None:
                lines[key].setdefault(method.variant_of, []).append((float(value), figure))
    setting = results.sweep.setting.rpartition(".")[2]
    return [
        plots.sweep({n: sorted(line) for n, line in one.items()}, setting, _named(results, key))
        for key, one in lines.items()
        if one
    ]


# Stills.


def _stills(
    results: Results, worst: WorstFrames | None
) -> Mapping[str, Sequence[tuple[str, str, Still, str, str]]]:
    """By method: the title, the value, the still, and both pictures as data addresses."""
    if worst is None:
        return {}
    found = {}
    for method in results.methods:
        rows = []
        measured = {video.video for video in method.videos}
        for kind, still in worst.of(method.name).items():
            if still.video not in measured:
                continue
            bad = KINDS[kind]
            value = label(still.value, 10.0**-bad.digits) + bad.unit
            rows.append((bad.title, value, still, _address(still.before), _address(still.after)))
        if rows:
            found[method.name] = rows
    return found


def _address(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
