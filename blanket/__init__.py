"""BLANKET: replaces faces in research video by faces that belong to nobody.

`anonymize` does the whole job for one video or picture, `anonymize_folder` for a folder;
both say what they did in a `Report`. `evaluate` measures what any anonymiser made, against the
originals, `compare` runs several methods and measures them side by side; `audit` looks
for faces that got out. `features` is a table of what faces do, without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blanket.anonymiser import anonymize
    from blanket.auditor import audit
    from blanket.eval.compare import compare
    from blanket.eval.evaluate import evaluate
    from blanket.eval.results import Results
    from blanket.featuretable import Features, features
    from blanket.folder import anonymize_folder
    from blanket.report import FolderReport, Report
    from blanket.verdict import AuditReport

__version__ = "0.1.0"
__all__ = [
    "AuditReport",
    "Features",
    "FolderReport",
    "Report",
    "Results",
    "__version__",
    "anonymize",
    "anonymize_folder",
    "audit",
    "compare",
    "evaluate",
    "features",
]

_HOMES = {
    "AuditReport": "blanket.verdict",
    "Features": "blanket.featuretable",
    "FolderReport": "blanket.report",
    "Report": "blanket.report",
    "Results": "blanket.eval.results",
    "anonymize": "blanket.anonymiser",
    "anonymize_folder": "blanket.folder",
    "audit": "blanket.auditor",
    "compare": "blanket.eval.compare",
    "evaluate": "blanket.eval.evaluate",
    "features": "blanket.featuretable",
}


def __getattr__(name: str) -> Any:
    # On first use: `blanket --help` must not wait for OpenCV and ONNX Runtime.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
