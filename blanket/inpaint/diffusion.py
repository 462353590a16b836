"""New faces by inpainting: a diffusion model paints the child's face out of its best frame."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np

from blanket.config import IdentitySettings, InpaintSettings
from blanket.detect import Detector
from blanket.errors import BlanketError
from blanket.faces import Appearance, Identity, Photograph, Trials
from blanket.inpaint.candidates import Checks
from blanket.inpaint.control import control_image
from blanket.inpaint.morphable import age_group, years_of
from blanket.inpaint.photographed import photographed
from blanket.inpaint.pipe import InpaintPipe
from blanket.inpaint.upright import inpaint_crop
from blanket.manifest import entry
from blanket.mesh import MeshNetwork
from blanket.recognise import Recogniser, build_recogniser
from blanket.store import present
from blanket.swap.source import load_recogniser
from blanket.view import View

log = logging.getLogger(__name__)
AGES = {"infant": "baby", "child": "child", "adult": "adult"}


class Diffusion:
    """See `blanket.inpaint.IdentityGenerator`.

    In the steps of BLANKET (Hadera et al. 2025), with the roll taken out first. detector,
    network: look at candidates. models: that were loaded.
    """

    name = "diffusion"
    looks = True

    def __init__(
        self,
        settings: InpaintSettings,
        identity: IdentitySettings,
        detector: Detector,
        network: MeshNetwork,
    ) -> None:
        self._settings, self._age = settings, identity.age
        self.pipe = InpaintPipe(settings)
        self.models = self.pipe.models
        # Held to what can be checked: many models have no safety checker.
        self._wanted = tuple(
            check for check in settings.checks if check != "safe" or self.pipe.checks_safety
        )
        recogniser = _recogniser(settings.recogniser) if "stranger" in self._wanted else None
        self._checks = Checks(self._wanted, detector, network, recogniser)

    def invent(self, own: Appearance, rng: np.random.Generator, view: View | None) -> Identity:
        """The best of several faces that the model paints over the child's.

        Raises:
            BlanketError: none passes the checks.
        """
        assert view is not None
        settings = self._settings
        # 1. An upright crop with context, and a mask without what lies in front.
        crop = inpaint_crop(
            view, own, settings.side, settings.context, settings.grow, settings.feather
        )
        # 2. What it is told.
        asked = None if self._age == "auto" else self._age
        group = asked or age_group(years_of(own))
        prompt = settings.prompt.replace("{age}", AGES[group])
        controls = [control_image(one.kind, crop.pixels, crop.mesh) for one in settings.controls]
        # 3. Candidates, until one passes.
        rejected: Counter[str] = Counter()
        made = 0
        for _ in range(settings.rounds):
            seeds = [int(seed) for seed in rng.integers(2**31, size=settings.candidates)]
            made += len(seeds)
            painted, blocked = self.pipe(crop.pixels, crop.to_paint, controls, prompt, seeds)
            judged = [
                self._checks.look(crop.back(view, one), crop.pixels, crop.mesh, asked, bad)
                for one, bad in zip(painted, blocked, strict=True)
            ]
            rejected.update(one.failed for one in judged if one.failed is not None)
            passed = [one for one in judged if one.failed is None]
            if passed:
                break
            log.info("none of %d candidates passed the checks: further seeds", len(judged))
        else:
            raise BlanketError(_none_passed(settings, rejected))
        # 4. The best of them, as the frame shows it.
        best = max(passed, key=lambda one: one.merit)
        trials = Trials(view.picture.index, made, self._wanted, dict(rejected))
        return photographed(Photograph(best.pixels, best.mesh), own, self.name, trials)


def _none_passed(settings: InpaintSettings, rejected: Counter[str]) -> str:
    listed = ", ".join(f"{check}: {count}" for check, count in rejected.most_common())
    return (
        f"none of {settings.rounds * settings.candidates} candidates for a new face passed the "
        f"checks ({listed}): take another frame (--identity-at), another seed, or more of them "
        "(inpaint.rounds)"
    )


def _recogniser(name: str) -> Recogniser:
    """The recogniser of a name; auto is arcface where its weights are there, or else dlib."""
    if name != "auto":
        return load_recogniser(name)
    return build_recogniser("arcface" if present(entry("arcface")) else "dlib")
