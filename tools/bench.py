"""``make bench`` measures the built add-on, ``make bench-docs`` makes a page of what it left."""

from __future__ import annotations

import os
import sys

from tools import compiler, environments, nginx, package
from tools.progress import exit_with, say


def main(*arguments: str) -> int:
    """Return only if something is missing: the program that measures, or draws, takes over."""
    documents = arguments == ("--docs",)
    if not documents:
        missing = [program.HOW_TO_GET_IT for program in (nginx, compiler) if program.ready(install=True) is None]
        for sentence in missing:
            say(f"Nothing was measured: {sentence}.")
        if missing:
            return 1
        status = package.main([])
        if status != 0:
            return status
    try:
        python = environments.bench().ready()
    except environments.EnvironmentFailed as error:
        say(str(error))
        return 1
    os.chdir(environments.ROOT)
    # The rivals and the stand-ins share modules with the collector.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(environments.ROOT / "package" / "bin"), str(environments.ROOT)])
    module, rest = ("tests.bench.page", ()) if documents else ("tests.bench", arguments)
    return os.execv(str(python), [str(python), "-B", "-m", module, *rest])


if __name__ == "__main__":
    exit_with(lambda: main(*sys.argv[1:]))
