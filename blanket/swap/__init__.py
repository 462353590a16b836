"""Stage 2: the new face on every frame. Two small protocols, one file a way to do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from blanket.config import Settings
from blanket.faces import Appearance, Identity
from blanket.models import Model
from blanket.picture import Picture
from blanket.timeline import Placement

if TYPE_CHECKING:
    from blanket.view import View


class Swapper(Protocol):
    """Puts one identity on one track, in order of time."""

    def swap(self, faces: Sequence[tuple[Picture, Placement]]) -> list[bool]:
        """Paint the new face over the next faces of the track, each in its own picture.

        Returns for each whether it was painted; the others are left as they were, because
        what would have been painted is not to be trusted.
        """
        ...


class SwapMethod(Protocol):
    """A way to put faces on frames, with the networks that it has loaded.

    name: what the report calls it. looks: whether it needs the best view of the face that
    is replaced (`blanket.view`); otherwise it is given none. batch: how many frames it
    wants at once. models: those made by others that it has loaded.
    """

    name: str
    looks: bool
    batch: int
    models: list[Model]

    def fit(self, identity: Identity, own: Appearance, view: View | None) -> Swapper:
        """What puts an identity on one track.

        identity: the new face. own, view: what the face that it replaces looks like.
        """
        ...


def build_methods(settings: Settings) -> list[SwapMethod]:
    """The method that the settings name, then what takes over where it is not sure."""
    from blanket.swap.warp import WarpMethod

    warp, chosen = WarpMethod(settings.swap), settings.swap
    if chosen.backend == "warp":
        return [warp]
    from blanket.swap.neural import NeuralMethod

    neural = NeuralMethod(chosen)
    return [neural, warp] if chosen.fallback == "warp" else [neural]
