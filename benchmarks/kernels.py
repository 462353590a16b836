"""What the kernel of a blur leaves: a table and a figure of a sweep.

    blanket compare CLIPS -o DIR --methods blur,feature-blur --sweep kernel=5,15,25,35,45,55,65
    python benchmarks/kernels.py DIR/results.json --figure kernels.svg

The known result (Jiang et al., Effect of face blurring on human pose estimation, Sensors
2022): with a larger kernel the average precision of detectors falls slowly and the error of
landmarks steeply, and a blur that is weak over eyes, nose and mouth keeps landmarks better.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from blanket.eval import plots
from blanket.eval.results import MethodResult, Results
from blanket.eval.tables import cell, value_of

FIGURES = (
    "face_ap", "faces_kept", "landmarks_68_error", "landmarks_within", "identity_distance",
)  # fmt: skip
DRAWN = ("face_ap", "landmarks_68_error")
STYLE = """
svg { font-family: system-ui, "Liberation Sans", Arial, sans-serif; background: #fff; }
text { fill: #1d1f22; font-size: 12px; }
.tick { fill: #5d636b; font-size: 11px; }
.grid { stroke: #e9ebee; }
path { fill: none; stroke-width: 2; }
.line.m0 { stroke: #0072b2; } .dot.m0, .text-m0 { fill: #0072b2; }
.line.m1 { stroke: #d55e00; } .dot.m1, .text-m1 { fill: #d55e00; }
"""


def main() -> None:
    """Print the table; write the figure where one is asked for."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("results", type=Path)
    made.add_argument("--figure", type=Path, metavar="SVG")
    options = made.parse_args()
    results = Results.model_validate_json(options.results.read_text(encoding="utf-8"))
    if results.sweep is None:
        raise SystemExit("these are no results of a sweep")
    by_value: dict[float, dict[str, MethodResult]] = defaultdict(dict)
    for method in results.methods:
        if method.variant_of is not None:
            by_value[float(results.sweep.values[method.name])][method.variant_of] = method
    names = list(dict.fromkeys(m.variant_of for m in results.methods if m.variant_of))
    setting = results.sweep.setting.rpartition(".")[2]
    print(_table(results, by_value, names, setting))
    if options.figure:
        options.figure.write_text(_figure(results, by_value, names, setting), encoding="utf-8")


def _table(
    results: Results,
    by_value: dict[float, dict[str, MethodResult]],
    names: list[str],
    setting: str,
) -> str:
    # Without a recogniser there is no distance.
    known = {metric.key: metric for metric in results.metrics}
    metrics = [known[key] for key in FIGURES if key in known]
    titles = [f"{m.title}{f' ({m.unit})' if m.unit else ''}, {n}" for m in metrics for n in names]
    lines = [f"| {setting} | {' | '.join(titles)} |", "|---:" * (len(titles) + 1) + "|"]
    for value in sorted(by_value):
        cells = [cell(results, by_value[value][n], m)[0] for m in metrics for n in names]
        lines.append(f"| {value:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(
    results: Results,
    by_value: dict[float, dict[str, MethodResult]],
    names: list[str],
    setting: str,
) -> str:
    panels = []
    for number, key in enumerate(DRAWN):
        metric = results.metric(key)
        lines = {
            name: [
                (value, figure)
                for value in sorted(by_value)
                if (figure := value_of(by_value[value][name], key)) is not None
            ]
            for name in names
        }
        title = f"{metric.title} ({metric.unit})"
        up = plots.Quantity(title, metric.better or "higher", percent=False)
        panel = plots.sweep(lines, f"{setting} (pixels)", up)
        panels.append(
            panel.replace("<svg ", f'<svg x="{number * 440}" width="420" height="280" ', 1)
        )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 280" width="860" height="280">'
        f"<style>{STYLE}</style>{''.join(panels)}</svg>\n"
    )


if __name__ == "__main__":
    main()
