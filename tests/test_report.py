"""The report: what it holds, what it refuses to hold, and that it is documented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError
from reports import a_report

from blanket.document import Part
from blanket.errors import InputError
from blanket.report import Failure, FolderReport, Report, Rule, Totals, TrackReport

DOCS = Path(__file__).parents[1] / "docs"


def _parts(part: type[Part]) -> list[type[Part]]:
    return [part, *(below for child in part.__subclasses__() for below in _parts(child))]


def test_every_field_is_described_in_the_code_and_on_a_page() -> None:
    page = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    for part in _parts(Part):
        for name, field in part.model_fields.items():
            assert field.description, f"{part.__name__}.{name}"
            assert f"`{name}`" in page, f"{part.__name__}.{name}"
    for rule in get_args(Rule):
        assert f"`{rule}`" in (DOCS / "report.md").read_text(encoding="utf-8")


def test_written_and_read_back(tmp_path: Path) -> None:
    report = a_report()
    report.write(tmp_path / "out.json")
    text = (tmp_path / "out.json").read_text(encoding="utf-8")
    assert json.loads(text)["schema_version"] == 1
    assert Report.model_validate_json(text) == report
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_not_written_over_a_file_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("mine")
    with pytest.raises(InputError):
        a_report().write(path)
    assert path.read_text() == "mine"
    a_report().write(str(path), overwrite=True)
    assert path.read_text() != "mine"


def test_exit_status() -> None:
    assert a_report(hidden=0).exit_status == 0
    assert a_report(hidden=1).exit_status == 3


@pytest.mark.parametrize("field", ["source", "target", "preset"])
def test_no_folders(field: str) -> None:
    values = a_report().model_dump() | {field: "anna/clip.mp4"}
    with pytest.raises(ValidationError):
        Report.model_validate(values)


def test_a_face_that_was_neither_replaced_nor_hidden_is_refused() -> None:
    track = a_report().tracks[0].model_dump()
    with pytest.raises(ValidationError, match="replaced or hidden"):
        TrackReport.model_validate(track | {"frames": 11})
    with pytest.raises(ValidationError, match="a rule"):
        TrackReport.model_validate(track | {"hidden_by": {"gap": 1}})
    totals = a_report().totals.model_dump()
    with pytest.raises(ValidationError, match="replaced or hidden"):
        Totals.model_validate(totals | {"faces": 11})


@pytest.mark.parametrize(
    ("hidden", "failures", "status"),
    [([0], [], 0), ([0, 1], [], 3), ([1], [2], 2), ([0, 1], [2, 1], 1), ([], [], 0)],
)
def test_a_folder_is_as_bad_as_its_worst_file(
    hidden: list[int], failures: list[int], status: int
) -> None:
    report = FolderReport(
        files={f"{i}.mp4": a_report(hidden=n) for i, n in enumerate(hidden)},
        failed={
            f"bad/{i}.mp4": Failure.model_validate({"message": "no", "exit_status": n})
            for i, n in enumerate(failures)
        },
    )
    assert report.exit_status == status
    assert FolderReport.model_validate_json(report.to_json()) == report
