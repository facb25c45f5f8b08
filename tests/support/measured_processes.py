"""A plugin for pytest: the processes of the built add-on are measured by coverage.py, too.

They run in an installation of their own that has nothing of the tests. So its interpreter is told where coverage.py is
for as long as it takes to import it, and what to measure: those files of the built add-on that are in ``package/bin``.
"""

from __future__ import annotations

from pathlib import Path

import coverage
import pytest

from sandbox.splunkd import installation

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "package" / "bin"

_SETTINGS = """\
[run]
branch = true
parallel = true
data_file = {data}
patch = _exit
disable_warnings = no-data-collected, module-not-imported
include =
{files}
"""
_START = (
    "import os, sys; sys.path.append({folder!r}); os.environ['COVERAGE_PROCESS_START'] = {settings!r}; "
    "import coverage; coverage.process_startup(); del os.environ['COVERAGE_PROCESS_START']; "
    "sys.path.remove({folder!r})"
)


def pytest_configure(config: pytest.Config) -> None:
    current = coverage.Coverage.current()
    if current is None:
        raise pytest.UsageError("This plugin is for `coverage run -m pytest`.")
    data = Path(str(current.get_option("run:data_file"))).resolve()
    settings = data.with_name("processes.ini")
    names = sorted(path.relative_to(SHIPPED).as_posix() for path in SHIPPED.rglob("*.py"))
    settings.write_text(
        _SETTINGS.format(data=data, files="".join(f"    */etc/apps/TA_strava_webhook/bin/{name}\n" for name in names))
    )
    # Alone in its folder: what the add-on forgot to bring along must not be found beside it.
    alone = data.with_name("alone")
    alone.mkdir(exist_ok=True)
    link = alone / "coverage"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(coverage.__file__).parent)
    installation.PTH_LINES.append(_START.format(folder=str(alone), settings=str(settings)))
