"""Runs AppInspect on the built package and returns what it found."""

from __future__ import annotations

import ctypes.util
import json
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from tools import environments

#: What is reported, each by the tag of its checks: all of them, as for the certification, and those for Splunk Cloud. A
#: check's answer does not depend on why it was asked, so both come from one run of all; it takes half a minute.
RUNS: Mapping[str, Optional[str]] = {"precert": None, "cloud": "cloud"}

#: Results that a check may have without anybody looking.
_UNREMARKABLE = ("success", "not_applicable", "skipped")


class AppInspectMissing(Exception):
    """AppInspect cannot run on this host; the message says what to do."""


@dataclass(frozen=True)
class Report:
    """What one run found."""

    #: How many checks ended in each result: ``error``, ``failure``, ``future_failure``, ``warning``, ``success`` …
    summary: Mapping[str, int]
    #: By result, the checks that ended in it, each with its messages.
    findings: Mapping[str, Mapping[str, list[str]]]


def inspect(tarball: Path) -> dict[str, Report]:
    """Have all of :data:`RUNS`. Raises :class:`AppInspectMissing`; takes half a minute or more."""
    need_libmagic()
    python = environments.inspect().ready()
    with tempfile.TemporaryDirectory(prefix="appinspect-") as folder:
        checks = _run(python, tarball, Path(folder))
    return {name: _report([check for check in checks if tag in (None, *check["tags"])]) for name, tag in RUNS.items()}


def need_libmagic() -> None:
    """Install libmagic where that is possible without asking (Debian, as root); raise where it is not."""
    if ctypes.util.find_library("magic"):
        return
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "libmagic1"]):
            subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if not ctypes.util.find_library("magic"):
        raise AppInspectMissing(
            "AppInspect needs the library libmagic (Debian: apt-get install libmagic1, macOS: brew install libmagic)"
        )


def _run(python: Path, tarball: Path, folder: Path) -> list[dict[str, Any]]:
    """Every check as AppInspect reports it."""
    output = folder / "report.json"
    command = [str(python), "-c", "import sys; from splunk_appinspect.main import execute; sys.exit(execute())"]
    command += ["inspect", str(tarball), "--mode", "precert", "--data-format", "json", "--output-file", str(output)]
    finished = subprocess.run(
        command,
        cwd=folder,
        env=environments.clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if not output.is_file():
        raise RuntimeError(f"AppInspect wrote no report:\n{finished.stdout[-2000:]}{finished.stderr[-2000:]}")
    reports = json.loads(output.read_text("utf-8"))["reports"]
    return [check for report in reports for group in report["groups"] for check in group["checks"]]


def _report(checks: Sequence[Mapping[str, Any]]) -> Report:
    findings: dict[str, dict[str, list[str]]] = {}
    for check in checks:
        if check["result"] not in _UNREMARKABLE:
            texts = [message["message"] for message in check["messages"]]
            findings.setdefault(check["result"], {})[check["name"]] = texts
    return Report(Counter(check["result"] for check in checks), findings)
