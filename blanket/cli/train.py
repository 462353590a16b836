"""`blanket train`: makes the files in weights/ anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from blanket.cli.console import say
from blanket.errors import counted
from blanket.extras import needs
from blanket.weights import weights_folder

Data = Annotated[Path, typer.Option("--data", help="Folder of labelled faces.")]

Run = Annotated[Path, typer.Option(help="Folder of checkpoints; resumed from there.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Number of batches.")]
Size = Annotated[int | None, typer.Option(min=1, help="Faces in a batch.")]
Device = Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train.")]

train = typer.Typer(help="Makes the files in weights/ anew.", no_args_is_help=True)


@train.command("mesh")
def train_mesh(
    data: Data,
    run: Run = Path("runs/mesh"),
    steps: Steps = None,
    batch: Size = None,
    device: Device = "cpu",
) -> None:
    """Train the networks that find the 478 points of a face."""
    with needs("train", "training"):
        from blanket.train import mesh

    training = mesh.MeshTraining(
        data=data,
        run=run,
        output=weights_folder(),
        device=device,
        **_given(steps=steps, batch=batch),
    )
    for name, error in mesh.train_mesh(training).items():
        say(f"held-out error, {name}: {error:.2%} of the distance between the outer eye corners")


@train.command("cover")
def train_cover(
    data: Data,
    hand: Annotated[Path, typer.Option(help="A rigged hand with WebXR's joints, a .glb file.")],
    run: Run = Path("runs/cover"),
    steps: Steps = None,
    batch: Size = None,
    device: Device = "cpu",
) -> None:
    """Teach the trained face network what hands in front of a face look like."""
    with needs("train", "training"):
        from blanket.train import cover

    weights = weights_folder()
    training = cover.CoverTraining(
        data=data,
        hand=hand,
        run=run,
        source=weights,
        output=weights,
        device=device,
        **_given(steps=steps, batch=batch),
    )
    skill = cover.train_cover(training)
    say(f"covered, seen over seen or there: {skill['cover']:.1%}")
    say(f"of bare faces taken for something in front: {skill['taken']:.1%}")


def _given(**sizes: int | None) -> dict[str, int]:
    """Those that were given: the others are as the training has them."""
    return {name: size for name, size in sizes.items() if size is not None}


@train.command("morphable")
def train_morphable(data: Data) -> None:
    """Build the statistical model that new faces are drawn from."""
    with needs("train", "training"):
        from blanket.train import morphable

    morphable.build_morphable(data, weights_folder())


@train.command("expression")
def train_expression(data: Data) -> None:
    """Train the classifier of expressions that evaluation uses."""
    with needs("train", "training"):
        from blanket.train import expression

    skill = expression.train_expression(data, weights_folder())
    say(f"across people, {counted(skill.faces, 'face')}: {skill.accuracy:.1%} right")
    for name, recall in skill.recall.items():
        say(f"recall of {name}: {recall:.1%}")
