"""AppInspect has nothing against the package but what is explained in ``docs/appinspect.md``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import appinspect, environments


@pytest.fixture(scope="module")
def reports(tarball: Path) -> dict[str, appinspect.Report]:
    try:
        return appinspect.inspect(tarball)
    except appinspect.AppInspectMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("run", appinspect.RUNS)
def test_there_is_no_error_no_failure_and_no_future_failure(run: str, reports: dict[str, appinspect.Report]) -> None:
    report = reports[run]
    assert set(report.findings) <= {"warning"}, report.findings
    assert [report.summary[result] for result in ("error", "failure", "future_failure")] == [0, 0, 0]
    assert report.summary["success"] > 100


def test_the_warnings_are_those_that_are_explained(reports: dict[str, appinspect.Report]) -> None:
    explained = set(re.findall(r"^\| `(check_\w+)` \|", _document(), flags=re.MULTILINE))
    found = {name for report in reports.values() for name in report.findings.get("warning", {})}
    assert found == explained


def test_each_explanation_is_a_sentence() -> None:
    for row in re.findall(r"^\| `check_\w+` \|(.*)\|$", _document(), flags=re.MULTILINE):
        what, why = row.split("|")
        assert len(what) > 15, row
        assert len(why) > 20, row


def _document() -> str:
    return (environments.ROOT / "docs" / "appinspect.md").read_text("utf-8")
