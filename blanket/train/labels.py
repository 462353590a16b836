"""Pictures with 478-point labels, as `blanket train` reads them from a folder.

A data folder holds, for each set, a folder of JPEGs ``NAME/`` and ``NAME_mesh.npz`` with
``names`` [N] (file stems) and ``mesh_16ths`` [N, 478, 3] int16, sixteenths of a pixel.
``NAME_attributes.csv`` (column ``stimulus`` = stem, then numbers) and
``NAME_expressions.csv`` (columns ``name`` = stem, ``expression``) are optional.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blanket.errors import InputError
from blanket.faces import Points


@dataclass(frozen=True)
class LabelledSet:
    """name; files: N paths; mesh: ``[N, 478, 3]`` float32 pixels; attributes by stem."""

    name: str
    files: list[Path]
    mesh: Points
    attributes: dict[str, dict[str, float]]


def read_labels(data: Path) -> list[LabelledSet]:
    """Every labelled set in `data`, by name.

    Raises InputError where the folder has none or a set's file is not of the form above.
    """
    sets = []
    for path in sorted(data.glob("*_mesh.npz")):
        name = path.name.removesuffix("_mesh.npz")
        with np.load(path) as file:
            if not {"names", "mesh_16ths"} <= set(file.files):
                raise InputError(f"{path} has no arrays 'names' and 'mesh_16ths'.")
            mesh = file["mesh_16ths"].astype(np.float32) / 16
            names = [str(stem) for stem in file["names"]]
        if mesh.shape != (len(names), 478, 3):
            raise InputError(f"{path}: mesh_16ths is {mesh.shape}, not [N, 478, 3].")
        files = [data / name / f"{stem}.jpg" for stem in names]
        sets.append(LabelledSet(name, files, mesh, _attributes(data / f"{name}_attributes.csv")))
    if not sets:
        raise InputError(f"No labelled faces (NAME/ and NAME_mesh.npz) in {data}.")
    return sets


def _attributes(path: Path) -> dict[str, dict[str, float]]:
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {
            row["stimulus"]: {key: float(value) for key, value in row.items() if key != "stimulus"}
            for row in csv.DictReader(file)
        }
