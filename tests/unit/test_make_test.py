"""What ``make test`` says at its end."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from sandbox.patience import patience
from tools import chromium, environments, nginx
from tools import test as make_test


def test_the_last_line_counts_the_tests_of_all_runs() -> None:
    results = [
        make_test.Result("lint", True, 1.0),
        make_test.Result("tests on Python 3.9", True, 9.0, passed=7, failed=0, skipped=("test_a: no IPv6",)),
        make_test.Result("tests on Python 3.13", False, 8.0, passed=6, failed=2, skipped=("test_a: no IPv6",)),
        make_test.Result("package checks", None, remark="the package could not be built"),
    ]
    lines = make_test.summary(results).splitlines()
    assert lines[-1] == "13 passed, 2 failed, 2 skipped"
    assert lines[-3:-1] == ["Skipped:", "  test_a: no IPv6"]
    assert [line.split()[-1] for line in lines if "package checks" in line] == ["built"]
    assert any("FAILED" in line for line in lines)


def test_pytests_report_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite><testcase name='a'/><testcase name='b'><failure message='no'/></testcase>"
        "<testcase name='c'><error message='broken'/></testcase>"
        "<testcase name='d'><skipped message='no IPv6'/></testcase></testsuite></testsuites>"
    )
    assert make_test.count(report) == (1, 2, ["d: no IPv6"])


def test_a_run_without_a_report_counts_nothing(tmp_path: Path) -> None:
    assert make_test.count(tmp_path / "missing.xml") == (0, 0, [])


def test_what_tests_compile_is_kept_beside_the_environments_and_not_beside_the_sources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)"
    printed = subprocess.check_output([sys.executable, "-c", code], env=make_test.surroundings(), text=True)
    assert printed.split() == ["False", str(environments.FOLDER / "compiled")]


def test_without_chromium_the_table_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    monkeypatch.delenv("CI", raising=False)
    steps = make_test.Run(show=False)
    steps.browser_tests("browser tests", [])
    assert steps.results == [make_test.Result("browser tests", None, remark=chromium.HOW_TO_GET_IT)]


def test_without_chromium_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    monkeypatch.setenv("CI", "true")
    steps = make_test.Run(show=False)
    steps.browser_tests("browser tests", [])
    assert [result.good for result in steps.results] == [False]


def test_nginx_is_missed_only_where_nobody_would_read_why_a_test_was_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGINX", "no-such-server")
    monkeypatch.delenv("CI", raising=False)
    steps = make_test.Run(show=False)
    steps.need_nginx()
    assert steps.results == []
    monkeypatch.setenv("CI", "true")
    steps.need_nginx()
    assert steps.results == [make_test.Result("nginx", False, remark=nginx.HOW_TO_GET_IT)]


def test_lanes_run_side_by_side_and_their_results_keep_their_order() -> None:
    both = threading.Barrier(2, timeout=patience(60))

    def lane(number: int, steps: make_test.Run) -> None:
        both.wait()  # neither gets past this without the other
        steps.not_run(f"lane {number}", "a test of it")

    steps = make_test.Run(show=False)
    steps.side_by_side([partial(lane, 1), partial(lane, 2)])
    assert [result.title for result in steps.results] == ["lane 1", "lane 2"]


def test_a_lane_that_fails_itself_is_a_failure() -> None:
    def broken(steps: make_test.Run) -> None:
        raise OSError("no disk")

    steps = make_test.Run(show=False)
    steps.side_by_side([broken])
    assert [(result.good, "no disk" in result.remark) for result in steps.results] == [(False, True)]
