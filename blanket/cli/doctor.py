"""`blanket doctor`: what works here, what does not, and the commands that mend it."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Print devices, versions, weights, and what each preset still lacks.

    Exit status: 0, or 1 where something is broken (not where something is only absent).
    """
    from blanket.doctor import diagnose

    findings = diagnose()
    width = max(len(one.topic) for one in findings)
    for one in findings:
        mark = "!" if one.problem else " "
        typer.echo(f"{mark} {one.topic:<{width}}  {one.text}")
    if any(one.problem for one in findings):
        raise typer.Exit(1)
