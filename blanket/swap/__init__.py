"""Stage 2: the new face on every frame. A small protocol, one file a way to do it."""

from __future__ import annotations

from typing import Protocol

from blanket.config import Settings
from blanket.faces import Appearance, Identity
from blanket.picture import Picture
from blanket.timeline import Placement


class Swapper(Protocol):
    """Puts one identity on one track, frame after frame in order of time."""

    name: str

    def swap(self, picture: Picture, placement: Placement) -> None:
        """Paint the new face into the picture, in place."""
        ...


def build_swapper(settings: Settings, identity: Identity, own: Appearance) -> Swapper:
    """The swapper that the settings name, for one track.

    identity: the new face. own: what the face that it replaces looks like.
    """
    from blanket.swap.warp import WarpSwapper

    return WarpSwapper(identity, own, settings.swap)
