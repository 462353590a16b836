"""The table of an evaluation: figures down, methods across, as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from blanket.eval.axis import label
from blanket.eval.results import MethodResult, Metric, Results

GROUPS = {
    "privacy": "De-identification",
    "attributes": "Attributes",
    "downstream": "Detectors and estimators",
    "picture": "Picture",
    "cost": "Cost",
}
_ARROWS = {"higher": "\u2191", "lower": "\u2193", None: ""}
_LATEX = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", None: ""}
_LATEX_SIGNS = {
    **{sign: f"\\{sign}" for sign in "%_&#${}"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\N{DEGREE SIGN}": r"$^\circ$",
}
NONE = "\N{EN DASH}"
PARTIAL = "(n of m): over only n of the m videos that could have this figure; never marked as best."
"""What a table says of figures that are so marked."""


def groups(results: Results) -> Iterator[tuple[str, list[Metric]]]:
    """The title of every group of figures that has any, and its metrics."""
    for key, title in GROUPS.items():
        metrics = [metric for metric in results.metrics if metric.group == key]
        if metrics:
            yield title, metrics


def cell(results: Results, method: MethodResult, metric: Metric) -> tuple[str, str, str]:
    """A figure of a method as text, how sure it is, and of how many videos it is.

    How sure: ± the standard deviation over videos, or, for a figure of all videos at once, the
    bootstrap interval; empty where there is none. Of how many: ``(1 of 2)`` where other methods
    have the figure in further videos, or measured one in which this method failed, otherwise
    empty.
    """
    step, sure = 10.0**-metric.digits, ""
    if (summary := method.summary.get(metric.key)) is not None:
        value = summary.mean
        if summary.sd is not None:
            sure = f"± {label(summary.sd, step)}"
    elif (one := method.overall.get(metric.key)) is not None:
        value = one.value
        if one.low is not None and one.high is not None:
            sure = f"[{label(one.low, step)}, {label(one.high, step)}]"
    else:
        return NONE, "", ""
    own, every = _videos(method, metric.key), _wanted(results, method, metric.key)
    return label(value, step), sure, "" if own == every else f"({len(own)} of {len(every)})"


def any_partial(results: Results) -> bool:
    """Whether `cell` says of any figure that it is of fewer videos than others."""
    return any(cell(results, one, m)[2] for one in results.methods for m in results.metrics)


def _videos(method: MethodResult, key: str) -> set[str]:
    """The videos in which a method has a figure."""
    if key in method.overall:
        return {video.video for video in method.videos}
    return {video.video for video in method.videos if video.values.get(key) is not None}


def _wanted(results: Results, method: MethodResult, key: str) -> set[str]:
    """The videos in which a method should have a figure: those in which any method has it, and
    those in which it failed and any other did not."""
    having = set().union(*(_videos(one, key) for one in results.methods))
    measured = {video.video for one in results.methods for video in one.videos}
    return having | (measured & method.failed.keys())


def value_of(method: MethodResult, key: str) -> float | None:
    """A figure of a method: the mean over videos, or that of all videos at once."""
    if key in method.summary:
        return method.summary[key].mean
    return method.overall[key].value if key in method.overall else None


def best_of(results: Results) -> dict[str, set[str]]:
    """The best methods by figure, ties included, as their printed values compare, of those
    whose `cell` says nothing of fewer videos. None where no way is better or fewer than two
    such methods have it."""
    best: dict[str, set[str]] = {}
    for metric in results.metrics:
        if metric.better is None:
            continue
        means = {
            method.name: round(value, metric.digits)
            for method in results.methods
            if (value := value_of(method, metric.key)) is not None
            and _videos(method, metric.key) == _wanted(results, method, metric.key)
        }
        if len(means) > 1:
            top = (max if metric.better == "higher" else min)(means.values())
            best[metric.key] = {name for name, mean in means.items() if mean == top}
    return best


def heading(metric: Metric) -> str:
    """Title, unit, and which way is better."""
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{metric.title}{unit} {_ARROWS[metric.better]}".rstrip()


def markdown(results: Results) -> str:
    """A table in Markdown; the best values are bold."""
    best = best_of(results)
    names = [re.sub(r"[\\|*`<$]", r"\\\g<0>", method.name) for method in results.methods]
    lines = [
        f"| | {' | '.join(names)} |",
        f"|---|{'---:|' * len(names)}",
    ]
    for title, metrics in groups(results):
        lines.append(f"| **{title}** |{' |' * len(names)}")
        for metric in metrics:
            cells = []
            for method in results.methods:
                text = " ".join(part for part in cell(results, method, metric) if part)
                cells.append(f"**{text}**" if method.name in best.get(metric.key, ()) else text)
            lines.append(f"| {heading(metric)} | {' | '.join(cells)} |")
    if any_partial(results):
        lines += ["", PARTIAL]
    return "\n".join(lines) + "\n"


def comma_separated(results: Results) -> str:
    """A table in CSV, a row a method and figure, with all digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "metric", "unit", "better", "value", "sd", "videos", "low", "high"])
    for method in results.methods:
        for metric in results.metrics:
            one, whole = method.summary.get(metric.key), method.overall.get(metric.key)
            figures: list[float | int | str | None] = [""] * 5
            if one is not None:
                figures = [one.mean, one.sd, one.videos, "", ""]
            elif whole is not None:
                figures = [whole.value, "", len(method.videos), whole.low, whole.high]
            writer.writerow([method.name, metric.key, metric.unit, metric.better or "", *figures])
    return text.getvalue()


def latex(results: Results) -> str:
    """A table in LaTeX; needs the package booktabs.

    A method has two columns, of figures and of how sure they are: in one the figures would not
    stand below each other.
    """
    best = best_of(results)
    names = [rf"\multicolumn{{2}}{{c}}{{{_escaped(method.name)}}}" for method in results.methods]
    wide = 1 + 2 * len(names)
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{tabular}{l" + r"r@{\,}l" * len(names) + "}",
        r"\toprule",
        " & ".join(["", *names]) + r" \\",
    ]
    for title, metrics in groups(results):
        lines.append(r"\midrule")
        lines.append(rf"\multicolumn{{{wide}}}{{l}}{{\emph{{{_escaped(title)}}}}} \\")
        for metric in metrics:
            unit = f" ({_escaped(metric.unit)})" if metric.unit else ""
            row = [f"{_escaped(metric.title)}{unit}{_LATEX[metric.better]}"]
            for method in results.methods:
                mean, sure, part = cell(results, method, metric)
                if mean == NONE:
                    row += ["--", ""]
                    continue
                number = rf"\mathbf{{{mean}}}" if method.name in best.get(metric.key, ()) else mean
                spread = f"${sure}$".replace("± ", r"\pm\,") if sure else ""
                row += [f"${number}$", f"{spread} {part}".strip()]
            lines.append(" & ".join(row).rstrip().replace("\N{MINUS SIGN}", "-") + r" \\")
    lines.append(r"\bottomrule")
    if any_partial(results):
        lines.append(rf"\multicolumn{{{wide}}}{{l}}{{\footnotesize {PARTIAL}}} \\")
    lines.append(r"\end{tabular}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return "".join(_LATEX_SIGNS.get(letter, letter) for letter in text)
