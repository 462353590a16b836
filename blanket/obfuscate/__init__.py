"""Faces made unrecognisable without a new one: the usual baselines, and the fail-safe.

Every baseline works on the same faces as the replacement does, on boxes, ellipses or hulls
of the mesh, at the picture's own resolution. Boxes and ellipses lie along the head's axes.
What blurring does to pose estimation is measured by Jiang et al. (Effect of face blurring
on human pose estimation, Sensors 2022), what it leaves of gaze and expression by Wilson et
al. (Practical digital disguises, arXiv 2204.03559, 2022).
"""

from __future__ import annotations

from collections.abc import Callable

from blanket.config import MethodSettings
from blanket.faces import Points
from blanket.obfuscate.blur import blur, feature_blur, motion_blur, top_blur
from blanket.obfuscate.coarse import downsample, pixelate
from blanket.obfuscate.fill import blackbox, inpaint
from blanket.obfuscate.region import HeadBox, outline_of
from blanket.picture import Picture
from blanket.report import Rule
from blanket.timeline import Placement

Effect = Callable[[Picture, HeadBox, Points, Placement, MethodSettings], None]

EFFECTS: dict[str, Effect] = {
    "blur": blur,
    "feature-blur": feature_blur,
    "top-blur": top_blur,
    "motion-blur": motion_blur,
    "pixelate": pixelate,
    "downsample": downsample,
    "blackbox": blackbox,
    "inpaint": inpaint,
}
"""What is done to the convex outline of a face, by the name of the method."""
_OF_A_MESH = {"feature-blur", "top-blur"}


class Obfuscation:
    """One of the baselines. name: what the report calls it."""

    def __init__(self, settings: MethodSettings) -> None:
        self.name: str = settings.name
        self._settings = settings
        self._effect = EFFECTS[settings.name]
        self._of_a_mesh = settings.name in _OF_A_MESH or settings.region == "hull"

    def treat(self, picture: Picture, placement: Placement) -> Rule | None:
        """Paint over the face, in place; or say why it has to be hidden instead.

        That is where the method needs a mesh and there is none, and, for the blur of the
        upper part, where the face's trust is below the threshold for it.
        """
        settings = self._settings
        if self._of_a_mesh and placement.mesh is None:
            return placement.rule or "no-mesh"
        if settings.name == "top-blur" and placement.trust < settings.min_score:
            return "low-trust"
        head = HeadBox.of(placement)
        outline = outline_of(head, settings.region, settings.grow, placement.mesh)
        self._effect(picture, head, outline, placement, settings)
        return None
