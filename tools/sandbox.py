"""Builds the add-on and runs a module of the sandbox with it: ``make demo``, ``make sandbox``, ``make sample-data``."""

from __future__ import annotations

import os
import sys

from tools import environments, package, studio
from tools.progress import exit_with, say

#: What runs the sources, not the built add-on, and wants to be quick.
_UNBUILT = ("sandbox.simulation", "sandbox.training")


def main(module: str, *arguments: str) -> int:
    """Return only if the build failed: the module takes over the process, and with it Ctrl-C and the exit status."""
    if module not in _UNBUILT:
        status = package.main([])
        if status != 0:
            return status
    # 3.9 first: most releases of Splunk that the add-on serves run it. The newest is the quickest.
    choose = max if module in _UNBUILT else min
    version, environment = choose(environments.tests().items(), key=lambda item: int(item[0].partition(".")[2]))
    try:
        python = environment.ready()
    except environments.EnvironmentFailed as error:
        say(str(error))
        return 1
    if version not in ("3.9", "3.13"):
        say(f"There is no Python 3.9 or 3.13 here as in Splunk; the add-on runs on {version} instead.")
    if module == "sandbox":
        arguments = (*arguments, *_dashboards())
    os.chdir(environments.ROOT)
    # The stand-ins share the collector's clock; the add-on's own processes get an environment of their own.
    os.environ["PYTHONPATH"] = str(environments.ROOT / "package" / "bin")
    return os.execv(str(python), [str(python), "-B", "-m", module, *arguments])


def _dashboards() -> list[str]:
    """What makes the sandbox show dashboards; without a network it does all else."""
    try:
        return [f"--studio={studio.ready()}"]
    except environments.EnvironmentFailed as error:
        say(f"{error}\nThe sandbox shows no dashboards.")
        return []


if __name__ == "__main__":
    exit_with(lambda: main(*sys.argv[1:]))
