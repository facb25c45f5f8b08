"""Finds the Pythons of this host.

A name on the PATH proves nothing: pyenv puts a shim there for every version that it has, also for those that are
not active and fail. So each candidate is run and asked.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Optional

#: What the add-on serves: Splunk 9.3 to 10.0 run 3.9, 10.2 takes 3.13.
SERVED = ("3.9", "3.13")

#: Prints the version and the path behind all shims and links, if the interpreter can make environments.
_QUESTION = "import ensurepip, ssl, sys, venv; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"


@cache
def find(version: str) -> Optional[Path]:
    """Return an interpreter of this version (for instance ``3.9``) that can make environments, or None."""
    for candidate in _candidates(version):
        path = _ask(candidate, version)
        if path is not None:
            return path
    return None


def served() -> dict[str, Path]:
    """Return the versions of :data:`SERVED` that this host has, with their interpreters."""
    found = {version: find(version) for version in SERVED}
    return {version: path for version, path in found.items() if path is not None}


@cache
def for_tools() -> Path:
    """Return the interpreter that the tools' environments are made with.

    Asks the script that the Makefile asks, so that the answer is the same from inside of a test's environment. Raises
    RuntimeError with the script's sentence if there is none.
    """
    script = Path(__file__).with_name("find_python.sh")
    answer = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(answer.stderr.strip())
    return Path(answer.stdout.strip())


def version_of(python: Path) -> str:
    """Return an interpreter's version as ``3.11``."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run(
        [str(python), "-I", "-c", question], capture_output=True, text=True, check=True
    ).stdout.strip()


def _candidates(version: str) -> Iterator[str]:
    yield f"python{version}"
    yield "python3"
    roots = {Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser(), Path("~/.pyenv").expanduser()}
    for root in sorted(roots):
        for path in sorted(root.glob(f"versions/{version}*/bin/python"), reverse=True):
            yield str(path)


def _ask(candidate: str, version: str) -> Optional[Path]:
    try:
        answer = subprocess.run(
            [candidate, "-I", "-c", _QUESTION], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = answer.stdout.splitlines()
    if answer.returncode != 0 or len(words) != 2 or words[0] != version:
        return None
    return Path(words[1])
