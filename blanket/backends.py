"""What a run works with: detector, networks, what invents faces, what paints and what audits.

Each is made when it is first asked for: with an analysis they are seldom needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from blanket.analysisfile import SavedAnalysis
from blanket.auditor import Auditor
from blanket.config import Settings
from blanket.detect import build_detector
from blanket.detect.ensemble import Ensemble
from blanket.gallery import Gallery, build_comparer
from blanket.inpaint import IdentityGenerator, build_generator
from blanket.mesh import MeshNetwork
from blanket.models import require
from blanket.report import BackendsReport, ModelReport
from blanket.swap import build_methods


class Backends:
    """The backends that settings ask for.

    preset: name of the settings. saved: of an earlier run on the same file. fresh: whether
    nothing is known of the file, so that all are needed, and a missing one is told at once.
    """

    def __init__(
        self, settings: Settings, preset: str, saved: SavedAnalysis | None, fresh: bool
    ) -> None:
        self._settings, self._saved, self._fresh = settings, saved, fresh
        self._baseline = settings.method.name != "blanket"
        if not self._baseline:
            require(settings, preset, invents=fresh)
        self.methods = [] if self._baseline else build_methods(settings)
        if fresh:
            _ = self.detector, self.network
            if not self._baseline:
                _ = self.generator
        _ = self.gallery

    @cached_property
    def detector(self) -> Ensemble:
        """What finds faces."""
        return build_detector(self._settings.detect)

    @cached_property
    def network(self) -> MeshNetwork:
        """What reads their meshes."""
        return MeshNetwork()

    @cached_property
    def generator(self) -> IdentityGenerator:
        """What invents new ones."""
        return build_generator(self._settings, self.detector, self.network)

    @cached_property
    def gallery(self) -> Gallery | None:
        """Who is known by pictures."""
        asked = self._settings.subjects
        if asked.gallery is None:
            return None
        comparer = build_comparer(asked.recogniser)
        return Gallery(asked.gallery, comparer, self.detector, self.network)

    @cached_property
    def auditor(self) -> Auditor:
        """What looks at the output, with a detector of its own: what blinded the run's must not
        blind the audit. Its searches do not count; where the analysis was given it makes none,
        unless the last audit of it found something."""
        saved = self._saved
        if saved is None:
            searched = not self._fresh
        else:
            searched = saved.audit is not None and not saved.audit.leaks
        if searched:
            return Auditor(None, None, self._settings)
        return Auditor(build_detector(self._settings.detect), self.network, self._settings)

    def models(self) -> Iterator[ModelReport]:
        """The models of others that were used."""
        # A generator that was not needed has not been made.
        used = self.generator.models if "generator" in vars(self) else []
        for one in [*used, *(model for method in self.methods for model in method.models)]:
            yield ModelReport(
                setting=one.setting, name=one.name, checksum=one.checksum, device=one.device
            )

    def report(self) -> BackendsReport:
        """Their names."""
        swap = None if self._baseline else self.methods[0].name
        gallery = None if self.gallery is None else self.gallery.comparer.name
        if self._saved is not None:
            identity = None
            if not self._baseline:
                known = self._saved.invented(self._settings)
                identity = self._saved.backends.identity if known else self.generator.name
            changed = {"identity": identity, "swap": swap, "gallery": gallery}
            return self._saved.backends.model_copy(update=changed)
        return BackendsReport(
            detect=self.detector.name, mesh=self.network.name,
            identity=None if self._baseline else self.generator.name, gallery=gallery, swap=swap,
            execution_provider=self.network.provider,
        )  # fmt: skip
