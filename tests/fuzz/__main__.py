"""``make fuzz``: every target for ten minutes of CPU; ``SECONDS=60`` for less, ``TARGET=streams`` for one.

``INPUT=<file>`` checks one input of a target again, and shows how it fails. New inputs are kept in
``output/fuzz/<target>/corpus`` and are where the next run goes on; a finding is a file ``crash-…`` beside it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import unguided
from tests.fuzz.catalogue import NAMES, load

OUTPUT = Path(__file__).resolve().parents[2] / "output" / "fuzz"
SECONDS = 600.0

#: What one target's run cannot outlast, in seconds for each second of CPU: the host may be busy.
_PATIENCE = 20

#: libFuzzer's lines: a unit that is slow, one too large for the memory, one that fails.
_FINDINGS = ("crash-*", "timeout-*", "oom-*", "leak-*")


@dataclass(frozen=True)
class Ran:
    """How one target's run ended."""

    name: str
    #: Inputs that were checked.
    inputs: int
    #: Edges of the code that were reached; 0 where nothing measures them.
    edges: int
    cpu_seconds: float
    #: What was found, and how to see it again; empty if nothing was.
    finding: str


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--target", choices=NAMES)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--input", type=Path)
    wanted = parser.parse_args(arguments)
    if wanted.input is not None:
        if wanted.target is None:
            parser.error("an input belongs to a target: TARGET=…")
        print(f"{wanted.target}: {load(wanted.target).check(wanted.input.read_bytes())}")
        return 0
    guided = importlib.util.find_spec("atheris") is not None
    if not guided:
        print("There is no atheris for this Python: inputs are mutated blindly.", flush=True)
    names = NAMES if wanted.target is None else (wanted.target,)
    print(f"{len(names)} targets, {wanted.seconds:g} s of CPU each", flush=True)
    # Blind ones share this process, and with it the count of its CPU.
    with ThreadPoolExecutor(os.cpu_count() if guided else 1) as pool:
        runs = list(pool.map(lambda name: _run(name, wanted.seconds, guided=guided), names))
    print(_table(runs))
    return 1 if any(run.finding for run in runs) else 0


def _run(name: str, seconds: float, *, guided: bool) -> Ran:
    print(f"{name} …", flush=True)
    ran = _run_guided(name, seconds) if guided else _run_unguided(name, seconds)
    print(f"{name}: {ran.inputs:,} inputs. {ran.finding or 'Nothing found.'}", flush=True)
    return ran


def _run_guided(name: str, seconds: float) -> Ran:
    folder = OUTPUT / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in _found(folder):
        old.unlink()
    log = folder / "log"
    command = [sys.executable, "-B", "-m", "tests.fuzz.guided", name, str(seconds), str(folder)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        # Waited for by hand, because nothing else tells what this one process has used.
        deadline = time.monotonic() + seconds * _PATIENCE + 120
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.2)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
    said = log.read_text("utf-8", "replace")
    used = ended[2].ru_utime + ended[2].ru_stime
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    edges = re.findall(r" cov: (\d+) ", said)
    finding = ""
    if process.returncode != 0:
        finding = f"FOUND something, see {_shown(log)}."
        for one in _found(folder):
            finding += f" Again: make fuzz TARGET={name} INPUT={_shown(one)}"
    return Ran(name, int(executed[1]) if executed else 0, int(edges[-1]) if edges else 0, used, finding)


def _run_unguided(name: str, seconds: float) -> Ran:
    began = time.process_time()
    try:
        ends = unguided.fuzz(load(name), seed=int(time.time()), seconds=seconds)
    except unguided.Finding as finding:
        folder = OUTPUT / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "crash-unguided"
        path.write_bytes(finding.data)
        again = f"FOUND {finding.__cause__!r:.300}. Again: make fuzz TARGET={name} INPUT={_shown(path)}"
        return Ran(name, 0, 0, time.process_time() - began, again)
    return Ran(name, sum(ends.values()), 0, time.process_time() - began, "")


def _found(folder: Path) -> list[Path]:
    return sorted(path for pattern in _FINDINGS for path in folder.glob(pattern))


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def _table(runs: list[Ran]) -> str:
    width = max(len(run.name) for run in runs)
    lines = ["", f"{'target':{width}}  {'inputs':>12}  {'edges':>6}  {'CPU s':>6}"]
    for run in runs:
        lines.append(
            f"{run.name:{width}}  {run.inputs:>12,}  {run.edges:>6}  {run.cpu_seconds:>6.0f}  {run.finding}".rstrip()
        )
    found = sum(bool(run.finding) for run in runs)
    lines.append(f"{found} of {len(runs)} targets found something." if found else "Nothing was found.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
