"""`blanket train expression`: the classifier of expressions that comes with the program."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, recall_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline

from blanket.errors import InputError
from blanket.eval.affect import CLASSES, SHAPE, features
from blanket.mesh import MeshNetwork
from blanket.train.labels import read_labels
from blanket.weights import record, weights_folder

MERGED = {"anger": "negative", "disgust": "negative", "sadness": "negative"}
"""Labels that become one class; others than these and the classes are left out."""
PENALTY = 0.003
"""scikit-learn's C, of 0.003 and 0.03 the better one across people."""
FOLDS = 5


@dataclass(frozen=True)
class Skill:
    """Across people: every face is judged by a classifier that never saw the person.
    accuracy: share that is right. recall: of each class, its mean the balanced accuracy."""

    accuracy: float
    recall: dict[str, float]
    faces: int


def train_expression(data: Path, output: Path) -> Skill:
    """Write ``expression.npz`` to the folder `output`, from the labelled sets in `data` that
    have a ``NAME_expressions.csv`` (columns ``name`` = stem, and ``expression``).

    Raises:
        InputError: there are no such labels, or fewer than five people of some class.
    """
    x, y, people = _faces(data)
    for name in CLASSES:
        if len(set(people[y == name])) < FOLDS:
            raise InputError(f"{data} has fewer than {FOLDS} people labelled {name}")
    model = _model(x, y)
    guess = cross_val_predict(model, x, y, groups=people, cv=GroupKFold(FOLDS))
    model.fit(x, y)
    # Whitened components and classifier are linear one after the other: folded into one.
    slope, constant = np.zeros((x.shape[1], len(CLASSES))), model["classify"].intercept_.copy()
    start = 0
    for name, columns in (("shape", slice(0, SHAPE)), ("texture", slice(SHAPE, None))):
        part = model["describe"].named_transformers_[name]
        end = start + part.n_components_
        basis = part.components_ / np.sqrt(part.explained_variance_)[:, None]
        slope[columns] = basis.T @ model["classify"].coef_[:, start:end].T
        constant -= part.mean_ @ slope[columns]
        start = end
    np.savez(
        output / "expression.npz",
        slope=slope.astype(np.float32),
        constant=constant.astype(np.float32),
    )
    if output == weights_folder():
        record("expression.npz")
    recall = recall_score(y, guess, labels=CLASSES, average=None)
    return Skill(
        accuracy=float(accuracy_score(y, guess)),
        recall={name: float(value) for name, value in zip(CLASSES, recall, strict=True)},
        faces=len(y),
    )


def _model(x: NDArray[np.float32], y: NDArray[np.str_]) -> Pipeline:
    """Multinomial logistic regression on whitened principal components of either part."""
    most = min(len(x) - len(x) // FOLDS - 1, SHAPE)
    parts = [
        ("shape", PCA(min(40, most), whiten=True, random_state=0), slice(0, SHAPE)),
        ("texture", PCA(min(80, most), whiten=True, random_state=0), slice(SHAPE, None)),
    ]
    classify = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=2000)
    return Pipeline([("describe", ColumnTransformer(parts)), ("classify", classify)])


def _faces(data: Path) -> tuple[NDArray[np.float32], NDArray[np.str_], NDArray[np.str_]]:
    """Features ``[N, F]``, classes and people ``[N]``. The meshes are read by the network, as
    they will be in use; the labels only say where to look."""
    network = MeshNetwork()
    rows, classes, people = [], [], []
    for labelled in read_labels(data):
        named = _expressions(data / f"{labelled.name}_expressions.csv")
        for path, mesh in zip(labelled.files, labelled.mesh, strict=True):
            expression = named.get(path.stem, "")
            expression = MERGED.get(expression, expression)
            if expression not in CLASSES:
                continue
            picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            rows.append(features(picture, network.follow(picture, mesh).mesh))
            classes.append(expression)
            # NAME_0001, NAME_0002, ... are pictures of one person.
            people.append(re.sub(r"_\d+$", "", path.stem))
    if not rows:
        raise InputError(f"no face in {data} has an expression (NAME_expressions.csv)")
    return np.stack(rows), np.array(classes), np.array(people)


def _expressions(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {row["name"]: row["expression"] for row in csv.DictReader(file)}
