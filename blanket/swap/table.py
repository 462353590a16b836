"""What is known of other people's swappers, restorers and parsers, from ``swappers.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict

from blanket.errors import InputError

Colour = tuple[float, float, float]
Template = Literal["arcface_112_v1", "arcface_112_v2", "arcface_128", "ffhq_512"]


class Kind(BaseModel):
    """Networks of one form. files: parts of the names of their files. size: pixels of the
    side of the crops that they take. mean, std: per channel, of RGB 0..1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[str, ...]
    size: int
    mean: Colour
    std: Colour


class SwapperKind(Kind):
    """Face swappers. template: of the crop (`blanket.templates`). source: what they are told
    the new face by, an ArcFace embedding or a crop of its picture. converter, matrix, unit:
    what is done to the embedding first. source_template, source_size: of that crop.
    denormalise: the output is times std plus mean, otherwise 0..1."""

    template: Template
    source: Literal["embedding", "picture"]
    denormalise: bool
    converter: str | None = None
    matrix: bool = False
    unit: bool = False
    source_template: Template = "ffhq_512"
    source_size: int = 256


class RestorerKind(Kind):
    """Restorers. fidelity: they are told how closely to keep to what they are given."""

    template: Template
    denormalise: bool
    fidelity: bool = False


class ParserKind(Kind):
    """Parsers of regions. face: the classes that are face."""

    face: tuple[int, ...]


AnyKind = TypeVar("AnyKind", SwapperKind, RestorerKind, ParserKind)


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(Path(__file__).with_name("swappers.yaml").read_text(encoding="utf-8"))


def swappers() -> dict[str, SwapperKind]:
    """All kinds of swappers, by name."""
    return {name: SwapperKind.model_validate(row) for name, row in _tables()["swappers"].items()}


def swapper_kind(model: str, kind: str | None = None) -> tuple[str, SwapperKind]:
    """The kind of a swapper, with its name.

    model: name or path of the file. kind: a name in the table, where the file's does not tell.

    Raises:
        InputError: no row fits.
    """
    known = swappers()
    if kind is None:
        return _match(known, model, "swap.model", ", or name its kind in swap.kind")
    if kind not in known:
        raise InputError(f"swap.kind cannot be {kind!r}: choose one of {', '.join(known)}")
    return kind, known[kind]


def restorer_kind(model: str) -> tuple[str, RestorerKind]:
    """The kind of a restorer, with its name. Raises InputError where no row fits."""
    rows = _tables()["restorers"].items()
    known = {name: RestorerKind.model_validate(row) for name, row in rows}
    return _match(known, model, "swap.restorer")


def parser_kind(model: str) -> tuple[str, ParserKind]:
    """The kind of a parser, with its name. Raises InputError where no row fits."""
    rows = _tables()["parsers"].items()
    known = {name: ParserKind.model_validate(row) for name, row in rows}
    return _match(known, model, "swap.parser")


def _match(
    known: dict[str, AnyKind], model: str, setting: str, otherwise: str = ""
) -> tuple[str, AnyKind]:
    file = Path(model).name.lower()
    for name, row in known.items():
        if any(part in file for part in row.files):
            return name, row
    raise InputError(
        f"{setting} {Path(model).name!r} is none of {', '.join(known)}: rename the file after "
        f"what it is{otherwise}"
    )
