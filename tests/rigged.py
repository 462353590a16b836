"""A rigged hand of boxes, written as a glTF binary with the joints of WebXR's hands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pygltflib import (
    FLOAT,
    GLTF2,
    UNSIGNED_SHORT,
    Accessor,
    Attributes,
    Buffer,
    BufferView,
    Mesh,
    Node,
    Primitive,
    Scene,
    Skin,
)

_PHALANGES = ("metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip")


def _joints() -> dict[str, tuple[float, float, float]]:
    """Where each joint is, metres: fingers along -z, the back of the hand along y."""
    joints = {"wrist": (0.0, 0.0, 0.0)}
    for k, name in enumerate(("metacarpal", "phalanx-proximal", "phalanx-distal", "tip")):
        joints[f"thumb-{name}"] = (-0.03 - 0.01 * k, 0.0, -0.02 - 0.025 * k)
    for i, finger in enumerate(("index", "middle", "ring", "pinky")):
        for k, name in enumerate(_PHALANGES):
            joints[f"{finger}-finger-{name}"] = (-0.03 + 0.02 * i, 0.0, -0.02 - 0.04 * k)
    return joints


def write_hand(path: Path, leave_out: str | None = None) -> Path:
    """Write the hand, without one of its joints if asked to; returns `path`."""
    joints = {name: where for name, where in _joints().items() if name != leave_out}
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * 0.01
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    box = np.array([t for a, b, c, d in faces for t in ((a, b, c), (a, c, d))])
    count = len(joints)
    vertices = np.concatenate([corners + where for where in joints.values()])
    triangles = np.concatenate([box + 8 * i for i in range(count)])
    owner = np.zeros((8 * count, 4), np.uint16)
    owner[:, 0] = np.repeat(np.arange(count), 8)
    share = np.tile(np.array((1, 0, 0, 0), np.float32), (8 * count, 1))
    inverse = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    inverse[:, 3, :3] = -np.array(list(joints.values()))
    parts = [
        (vertices.astype(np.float32), FLOAT, "VEC3"),
        (np.tile(np.array((0, 1, 0), np.float32), (8 * count, 1)), FLOAT, "VEC3"),
        (owner, UNSIGNED_SHORT, "VEC4"),
        (share, FLOAT, "VEC4"),
        (triangles.astype(np.uint16).ravel(), UNSIGNED_SHORT, "SCALAR"),
        (inverse, FLOAT, "MAT4"),
    ]
    blob, views, accessors = b"", [], []
    for i, (array, kind, shape) in enumerate(parts):
        views.append(BufferView(buffer=0, byteOffset=len(blob), byteLength=array.nbytes))
        accessors.append(
            Accessor(bufferView=i, byteOffset=0, componentType=kind, count=len(array), type=shape)
        )
        blob += array.tobytes() + b"\0" * (-array.nbytes % 4)
    attributes = Attributes(POSITION=0, NORMAL=1, JOINTS_0=2, WEIGHTS_0=3)
    scene = GLTF2(
        scene=0,
        scenes=[Scene(nodes=list(range(count + 1)))],
        nodes=[Node(name=name) for name in joints] + [Node(mesh=0, skin=0)],
        meshes=[Mesh(primitives=[Primitive(attributes=attributes, indices=4)])],
        skins=[Skin(joints=list(range(count)), inverseBindMatrices=5)],
        accessors=accessors,
        bufferViews=views,
        buffers=[Buffer(byteLength=len(blob))],
    )
    scene.set_binary_blob(blob)
    scene.save_binary(str(path))
    return path
