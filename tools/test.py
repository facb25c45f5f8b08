"""Runs everything that is checked: ``make test``; or one folder or file of the tests: ``make test ONLY=tests/unit``.

No step stops the next one. The end of the output says what ran, what was skipped and why; its last line counts the
tests.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from tools import checks, chromium, debian, environments, interpreters, nginx
from tools.progress import exit_with, run, say

#: These run on every Python that the add-on serves: those within one process, and those that start others and wait for
#: them most of the time.
QUICK = ("tests/unit", "tests/contract")
WITH_PROCESSES = ("tests/integration",)

#: These take minutes, and what they show does not depend on the interpreter; test_built_input.py and all that is quick
#: show on each that it carries the rest. On the newest only: days and weeks in virtual time, what is not shipped as
#: Python (searches, documents, the stand-ins), and what goes on between the add-on and Strava for long. On the oldest
#: only: whatever somebody may enter or look up, and the repair of damaged files.
ON_THE_NEWEST = (
    "tests/unit/test_*_macro.py",
    "tests/unit/test_*_searches.py",
    "tests/unit/test_calculated_fields.py",
    "tests/unit/test_clock_jumps.py",
    "tests/unit/test_dashboard*.py",
    "tests/unit/test_docs_*.py",
    "tests/unit/test_fuzz.py",
    "tests/unit/test_latest_property.py",
    "tests/unit/test_lister.py",
    "tests/unit/test_lister_model.py",
    "tests/unit/test_lister_pace.py",
    "tests/unit/test_lister_troubles.py",
    "tests/unit/test_pipeline_model.py",
    "tests/unit/test_refusals.py",
    "tests/unit/test_sandbox_*.py",
    "tests/unit/test_screenshots.py",
    "tests/unit/test_simulation.py",
    "tests/unit/test_spl_*.py",
    "tests/unit/test_told_commands.py",
    "tests/unit/test_training.py",
    "tests/integration/test_sandbox_*.py",
    "tests/integration/strava_stand_in/*.py",
    "tests/integration/test_activities_input.py",
    "tests/integration/test_athletes.py",
    "tests/integration/test_certificate_recipes.py",
    "tests/integration/test_chaos.py",
    "tests/integration/test_hundred_renewals.py",
    "tests/integration/test_nginx_in_front.py",
    "tests/integration/test_subscription_kept.py",
    "tests/integration/test_upgrade.py",
    "tests/integration/test_what_is_written.py",
)
ON_THE_OLDEST = (
    "tests/unit/test_store_salvage*.py",
    "tests/integration/test_admin_endpoints.py",
    "tests/integration/test_admin_terminal.py",
    "tests/integration/test_applications.py",
    "tests/integration/test_capabilities.py",
    "tests/integration/test_handlers_garbage.py",
    "tests/integration/test_input_saving.py",
    "tests/integration/test_renewal.py",
    "tests/integration/test_set_up_check.py",
    "tests/integration/test_troubleshooting.py",
)

#: These run each search that is shipped, once and on the newest Python, in an environment of their own: they compare
#: with pandas, and what they show is about the searches, not about Python.
SEARCHES = ("tests/search",)

#: These attack the built input, once and on the newest Python: what they show is about the add-on's own code. This is
#: their short form, the full one is ``make attack``.
ATTACKS = ("tests/attack",)

#: These look at the built package, with all Pythons from one place.
ONCE = ("tests/package",)

#: These drive a browser, once and on the newest Python, in an environment of their own.
IN_A_BROWSER = ("tests/browser",)

#: These look at what was built.
NEED_THE_PACKAGE = ("tests/integration", "tests/package", "tests/browser", "tests/attack")


#: The variable that names a folder which all sessions of one run share: what is dear to make, they make once.
SHARED = "STRAVA_TESTS_SHARED"


@dataclass(frozen=True)
class Result:
    """How a step ended."""

    title: str
    #: True, False, or None if it was not run.
    good: Optional[bool]
    seconds: float = 0.0
    #: One line for the table: what was counted, or why it was not run.
    remark: str = ""
    passed: int = 0
    failed: int = 0
    #: "test: reason" of each skipped test.
    skipped: tuple[str, ...] = ()


class Run:
    """The steps of one run and their results, in order."""

    def __init__(self, *, show: bool) -> None:
        #: Print what the tests print, as it comes.
        self._show = show
        self.results: list[Result] = []

    def check(self, check: checks.Check) -> None:
        """Run one of the checks."""
        self._step(check.title, lambda: self._check(check))

    def build(self) -> bool:
        """Build the package; False if the steps that look at it cannot run."""
        self._step("package", self._build)
        return self.results[-1].good is True

    def tests(self, title: str, environment: environments.Environment, paths: list[str]) -> None:
        """Run these folders or files of the tests in this environment."""
        self._step(title, lambda: self._tests(title, environment, paths))

    def browser_tests(self, title: str, paths: list[str]) -> None:
        """Run these in a browser; if there is none, say how to get it. Where nobody would read that, it is a fault."""
        if chromium.ready() is not None:
            self.tests(title, environments.browser(), paths)
        elif debian.in_ci():
            self.results.append(Result(title, False, remark=chromium.HOW_TO_GET_IT))
        else:
            self.not_run(title, chromium.HOW_TO_GET_IT)

    def need_nginx(self) -> None:
        """Have nginx for those integration tests that skip without it. Where nobody would read that, it is a fault."""
        if nginx.ready() is None and debian.in_ci():
            self.results.append(Result("nginx", False, remark=nginx.HOW_TO_GET_IT))

    def side_by_side(self, lanes: Sequence[Step]) -> None:
        """Let each lane do its steps while the others do theirs; most of the tests wait most of the time."""

        def follow(lane: Step, part: Run) -> None:
            try:
                lane(part)
            except Exception as error:  # in a thread it would end nothing
                part.results.append(Result("make test", False, remark=f"failed itself: {error!r}"))

        parts = [Run(show=self._show) for _ in lanes]
        # Daemons, so that an interruption need not wait for them.
        threads = [threading.Thread(target=follow, args=both, daemon=True) for both in zip(lanes, parts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for part in parts:
            self.results += part.results

    def not_run(self, title: str, reason: str) -> None:
        """Note a step that cannot run."""
        self.results.append(Result(title, None, remark=reason))

    def _step(self, title: str, action: Callable[[], Result]) -> None:
        say(f"{title} …")
        try:
            result = action()
        except environments.EnvironmentFailed as error:
            say(str(error))
            result = Result(title, False, remark="its environment could not be made")
        self.results.append(result)
        say(f"{title}: {'ok' if result.good else 'FAILED'}, {result.seconds:.0f} s. {result.remark}")

    def _check(self, check: checks.Check) -> Result:
        finished = checks.carry_out(check)
        if finished.status != 0:
            say(finished.output)
        return Result(check.title, finished.status == 0, finished.seconds)

    def _build(self) -> Result:
        command = [sys.executable, "-B", "-m", "tools.package"]
        finished = run("package", command, folder=environments.ROOT, show=True)
        return Result("package", finished.status == 0, finished.seconds)

    def _tests(self, title: str, environment: environments.Environment, paths: list[str]) -> Result:
        python = environment.ready()
        with tempfile.TemporaryDirectory(prefix="tests-") as folder:
            report = Path(folder) / "report.xml"
            command = [str(python), "-m", "pytest", f"--junitxml={report}", *paths]
            finished = run(title, command, folder=environments.ROOT, environment=surroundings(), show=self._show)
            if finished.status != 0 and not self._show:
                say(finished.output)
            passed, failed, skipped = count(report)
        if finished.status != 0 and failed == 0:
            failed = 1  # pytest itself failed: nothing collected, a crash, a warning at its end
        remark = f"{passed} passed, {failed} failed, {len(skipped)} skipped"
        return Result(title, finished.status == 0, finished.seconds, remark, passed, failed, tuple(skipped))


#: Does something of a run and notes in it how that ended.
Step = Callable[[Run], None]


def surroundings() -> dict[str, str]:
    """The variables of a process that runs tests: what it compiles is kept for the next one, and not in the sources."""
    kept = {name: os.environ[name] for name in os.environ if name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
    return {**kept, "PYTHONPYCACHEPREFIX": str(environments.FOLDER / "compiled")}


def count(report: Path) -> tuple[int, int, list[str]]:
    """Return from pytest's report how many tests passed, how many failed, and which were skipped and why."""
    passed, failed, skipped = 0, 0, []
    cases = ElementTree.parse(report).iter("testcase") if report.is_file() else []
    for case in cases:
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif skip is not None:
            skipped.append(f"{case.get('name')}: {skip.get('message')}")
        else:
            passed += 1
    return passed, failed, skipped


def everything() -> Run:
    """All steps."""
    steps = Run(show=False)
    for check in checks.CHECKS:
        steps.check(check)
    built = steps.build()
    steps.need_nginx()
    available = environments.tests()
    for version in interpreters.SERVED:
        if version not in available:
            steps.not_run(f"tests on Python {version}", f"there is no Python {version} on this host")
    versions = sorted(available, key=_number)
    oldest, newest = versions[0], versions[-1]
    # By size; each fourth goes to another lane, which else would have nothing to do before the end.
    in_a_browser = sorted(
        (path for folder in IN_A_BROWSER for path in (environments.ROOT / folder).rglob("test_*.py")),
        key=lambda path: (path.stat().st_size, path.name),
        reverse=True,
    )
    pages = [os.path.relpath(path, environments.ROOT) for path in in_a_browser]
    quarter = pages[2::4]
    three_quarters = [page for page in pages if page not in quarter]

    def on(version: str, kind: str, paths: Sequence[str]) -> Step:
        elsewhere = [*(ON_THE_NEWEST if version != newest else ()), *(ON_THE_OLDEST if version != oldest else ())]
        left_out = [f"--ignore-glob={pattern}" for pattern in elsewhere]
        return lambda steps: steps.tests(f"{kind} on Python {version}", available[version], [*left_out, *paths])

    quick = [on(version, "quick tests", QUICK) for version in versions]
    if not built:
        steps.side_by_side([in_turn(*quick)])
        steps.not_run("integration, package and browser tests", "the package could not be built")
        return steps
    with_processes = {version: on(version, "integration tests", WITH_PROCESSES) for version in versions}
    # Four at once on two cores: most tests wait most of the time. Dealt out so that the lanes end together.
    steps.side_by_side(
        [
            in_turn(
                *quick,
                lambda steps: steps.browser_tests("browser tests, a quarter", quarter),
            ),
            in_turn(
                *(with_processes[version] for version in versions if version != newest),
                lambda steps: steps.tests("package checks", available[newest], list(ONCE)),
            ),
            in_turn(
                with_processes[newest],
                lambda steps: steps.tests("attacks", available[newest], list(ATTACKS)),
            ),
            in_turn(
                lambda steps: steps.tests("searches", environments.search(), list(SEARCHES)),
                lambda steps: steps.browser_tests("browser tests, three quarters", three_quarters),
            ),
        ]
    )
    return steps


def in_turn(*steps: Step) -> Step:
    """One step of several."""

    def all_of_them(run: Run) -> None:
        for step in steps:
            step(run)

    return all_of_them


def only(path: str) -> Run:
    """The tests in one folder or file, or one test (``file.py::test``)."""
    steps = Run(show=True)
    relative = os.path.relpath(path.partition("::")[0], environments.ROOT)
    needs_package = relative == "tests" or relative.startswith(NEED_THE_PACKAGE)
    if needs_package and not steps.build():
        return steps
    if relative.startswith(IN_A_BROWSER):
        steps.browser_tests(path, [path])
        return steps
    if relative.startswith(SEARCHES):
        steps.tests(path, environments.search(), [path])
        return steps
    if relative == "tests" or relative.startswith("tests/integration"):
        steps.need_nginx()
    available = environments.tests()
    if relative.startswith((*ONCE, *ATTACKS)):
        available = dict([max(available.items(), key=lambda item: _number(item[0]))])
    for version, environment in available.items():
        left_out = [f"--ignore={folder}" for folder in (*SEARCHES, *ATTACKS)] if relative == "tests" else []
        steps.tests(f"{path} on Python {version}", environment, [*left_out, path])
    if relative == "tests":
        steps.tests("searches", environments.search(), list(SEARCHES))
        steps.tests("attacks", max(available.items(), key=lambda item: _number(item[0]))[1], list(ATTACKS))
        steps.browser_tests("browser tests", list(IN_A_BROWSER))
    return steps


def summary(results: list[Result]) -> str:
    """Return the table that the output ends with."""
    width = max(len(result.title) for result in results)
    words = {True: "ok", False: "FAILED", None: "not run"}
    lines = ["", "What ran:"]
    for result in results:
        time = "" if result.good is None else f"{result.seconds:.0f} s"
        lines.append(f"  {result.title:{width}}  {words[result.good]:7}  {time:>6}  {result.remark}".rstrip())
    skipped = sorted({reason for result in results for reason in result.skipped})
    lines.append("Skipped:" if skipped else "No test was skipped.")
    lines += [f"  {reason}" for reason in skipped]
    passed, failed = sum(result.passed for result in results), sum(result.failed for result in results)
    lines.append(f"{passed} passed, {failed} failed, {sum(len(result.skipped) for result in results)} skipped")
    return "\n".join(lines)


def _number(version: str) -> int:
    return int(version.partition(".")[2])


@contextmanager
def _sharing() -> Iterator[None]:
    """Meanwhile the sessions share a folder."""
    before = os.environ.get(SHARED)
    with tempfile.TemporaryDirectory(prefix="tests-shared-") as folder:
        os.environ[SHARED] = folder
        try:
            yield
        finally:
            os.environ.pop(SHARED)
            if before is not None:
                os.environ[SHARED] = before


def main(arguments: list[str]) -> int:
    if arguments and not Path(arguments[0].partition("::")[0]).exists():
        say(f"There is no {arguments[0]}.")
        return 2
    with _sharing():
        steps = only(arguments[0]) if arguments else everything()
    say(summary(steps.results))
    return 0 if all(result.good is not False for result in steps.results) else 1


if __name__ == "__main__":
    exit_with(lambda: main(sys.argv[1:]))
