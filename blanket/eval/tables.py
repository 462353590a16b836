"""The table of an evaluation: figures down, methods across, as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
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
NONE = "\N{EN DASH}"


def groups(results: Results) -> Iterator[tuple[str, list[Metric]]]:
    """The title of every group of figures that has any, and its metrics."""
    for key, title in GROUPS.items():
        metrics = [metric for metric in results.metrics if metric.group == key]
        if metrics:
            yield title, metrics


def cell(method: MethodResult, metric: Metric) -> tuple[str, str]:
    """A figure of a method as text, and how sure it is: ± the standard deviation over videos,
    or, for a figure of all videos at once, the bootstrap interval; empty where there is none."""
    step = 10.0**-metric.digits
    if (summary := method.summary.get(metric.key)) is not None:
        spread = "" if summary.sd is None else f"± {label(summary.sd, step)}"
        return label(summary.mean, step), spread
    if (one := method.overall.get(metric.key)) is not None:
        if one.low is None or one.high is None:
            return label(one.value, step), ""
        ends = f"[{label(one.low, step)}, {label(one.high, step)}]"
        return label(one.value, step), ends
    return NONE, ""


def value_of(method: MethodResult, key: str) -> float | None:
    """A figure of a method: the mean over videos, or that of all videos at once."""
    if key in method.summary:
        return method.summary[key].mean
    return method.overall[key].value if key in method.overall else None


def best_of(results: Results) -> dict[str, set[str]]:
    """The best methods by figure, ties included, as their printed values compare. None where
    no way is better or a method stands alone."""
    best: dict[str, set[str]] = {}
    for metric in results.metrics:
        if metric.better is None or len(results.methods) < 2:
            continue
        means = {
            method.name: round(value, metric.digits)
            for method in results.methods
            if (value := value_of(method, metric.key)) is not None
        }
        if means:
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
    names = [method.name for method in results.methods]
    lines = [
        f"| | {' | '.join(names)} |",
        f"|---|{'---:|' * len(names)}",
    ]
    for title, metrics in groups(results):
        lines.append(f"| **{title}** |{' |' * len(names)}")
        for metric in metrics:
            cells = []
            for method in results.methods:
                mean, spread = cell(method, metric)
                text = f"{mean} {spread}".rstrip()
                cells.append(f"**{text}**" if method.name in best.get(metric.key, ()) else text)
            lines.append(f"| {heading(metric)} | {' | '.join(cells)} |")
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
    """A table in LaTeX; needs the package booktabs."""
    best = best_of(results)
    names = [method.name for method in results.methods]
    lines = [
        "% needs \\usepackage{booktabs}",
        rf"\begin{{tabular}}{{l{'r' * len(names)}}}",
        r"\toprule",
        " & ".join(["", *map(_escaped, names)]) + r" \\",
    ]
    for title, metrics in groups(results):
        lines.append(r"\midrule")
        lines.append(rf"\multicolumn{{{len(names) + 1}}}{{l}}{{\emph{{{_escaped(title)}}}}} \\")
        for metric in metrics:
            unit = f" ({_escaped(metric.unit)})" if metric.unit else ""
            row = [f"{_escaped(metric.title)}{unit}{_LATEX[metric.better]}"]
            for method in results.methods:
                mean, sure = cell(method, metric)
                if mean == NONE:
                    row.append("--")
                    continue
                number = rf"\mathbf{{{mean}}}" if method.name in best.get(metric.key, ()) else mean
                spread = f" {sure}".replace("±", r"\pm").rstrip()
                row.append(f"${number}{spread}$".replace("\N{MINUS SIGN}", "-"))
            lines.append(" & ".join(row) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    signs = {"%": r"\%", "_": r"\_", "&": r"\&", "#": r"\#", "\N{DEGREE SIGN}": r"$^\circ$"}
    return "".join(signs.get(letter, letter) for letter in text)
