"""``make attack``: the cases of ``tests/attack``, turned up, with a table of what they came to."""

from __future__ import annotations

import os
import sys

from tools import debian, environments, package, testssl
from tools.progress import exit_with, say


def main(*arguments: str) -> int:
    """Return only if something was missing: pytest takes over the process, and with it Ctrl-C and the exit status."""
    status = package.main([])
    if status != 0:
        return status
    if testssl.ready() is None:
        say(f"The scan of TLS is left out: {testssl.HOW_TO_GET_IT}")
        if debian.in_ci():
            return 1
    available = environments.tests()
    newest = max(available, key=lambda version: int(version.partition(".")[2]))
    try:
        python = available[newest].ready()
    except environments.EnvironmentFailed as error:
        say(str(error))
        return 1
    os.chdir(environments.ROOT)
    os.environ["ATTACK"] = "full"
    os.environ.pop("PYTHONPATH", None)
    return os.execv(str(python), [str(python), "-B", "-m", "pytest", "-q", "tests/attack", *arguments])


if __name__ == "__main__":
    exit_with(lambda: main(*sys.argv[1:]))
