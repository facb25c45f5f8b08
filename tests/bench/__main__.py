"""``make bench``: measures, prints the figures, and writes them to ``output/bench``.

Exit status 0 only if every figure is what it must be; the table at the end says which are not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable

from tests.bench import connections, hostile, jobs, machine, memory, profile, samples, startup, store
from tests.bench.extent import FULL, QUICK, Extent
from tests.bench.load import Load, Target
from tests.bench.subjects import INPUT, OLDER, STOCK, UVICORN, Rivals, built_input, wait_until_at_rest
from tests.bench.verdict import Verdict, table, write_summary
from tools.environments import ROOT

OUTPUT = ROOT / "output" / "bench"


class Bench:
    """The parts, in order; each writes its raw figures and returns what is judged."""

    def __init__(self, extent: Extent, output: Path, folder: Path) -> None:
        self._extent = extent
        self._output = output
        self._folder = folder
        self._load = Load(folder)

    def listener(self) -> list[Verdict]:
        """All that is measured on one running input beside its rivals, and at last what needs it started anew."""
        extent = self._extent
        with ExitStack() as stack:
            built = stack.enter_context(built_input(self._folder / "input"))
            rivals = Rivals(self._folder / "rivals", stack)
            nginx = rivals.nginx(workers=1)
            older = rivals.python(OLDER, "older", stores=False)
            uvicorn = rivals.python(UVICORN, "asgi")
            stock = rivals.python(STOCK, "stock")

            def rest(server: Target) -> None:
                if server.name == INPUT:
                    wait_until_at_rest(built.process)

            new = connections.measure(
                self._load,
                [built.target, nginx, older, uvicorn],
                extent,
                clients=connections.CLIENTS,
                rounds=extent.rounds,
                keep_alive=False,
                after=rest,
            )
            self._keep("connections", connections.raw(new), connections.table(new, "a new connection each"))
            kept = connections.measure(
                self._load,
                [built.target, stock, uvicorn],
                extent,
                clients=[connections.KEPT_ALIVE],
                rounds=extent.kept_alive_rounds,
                keep_alive=True,
                after=rest,
            )
            self._keep("kept-alive", connections.raw(kept), connections.table(kept, "kept-alive connections"))
            beside = hostile.measure(self._load, built.target, extent)
            self._keep("hostile", hostile.raw(beside), hostile.table(beside))
            wait_until_at_rest(built.process)
            where = profile.measure(self._load, built, extent, self._folder)
            self._keep("profile", profile.raw(where), profile.table(where))
            starts = startup.measure(built, extent)
            self._keep("startup", starts, startup.table(starts))
            resident = memory.measure(self._load, built, extent)
            self._keep("memory", memory.raw(resident), memory.table(resident))
        late = connections.late(new) + connections.late(kept) + sum(one.late for one in beside.values())
        return [
            *connections.verdicts(new),
            connections.late_verdict(late),
            *connections.kept_alive_verdicts(kept),
            *hostile.verdicts(beside),
            *memory.verdicts(resident),
            *startup.verdicts(starts),
        ]

    def jobs(self) -> list[Verdict]:
        """Jobs a second."""
        measured = jobs.measure(self._folder / "jobs", self._extent)
        self._keep("jobs", jobs.raw(measured), jobs.table(measured))
        return jobs.verdicts(measured)

    def store(self) -> list[Verdict]:
        """What the store costs as it grows."""
        measured = store.measure(self._extent.store_sizes, self._extent.store_rounds)
        self._keep("store", store.raw(measured), store.table(measured))
        return store.verdicts(measured)

    def samples(self) -> list[Verdict]:
        """How fast the samples of a long ride get out."""
        measured = samples.measure(self._extent.sample_rounds, self._extent.samples)
        self._keep("samples", samples.raw(measured), samples.table(measured))
        return [*samples.verdicts(measured)]

    def _keep(self, name: str, raw: object, text: str) -> None:
        (self._output / f"{name}.json").write_text(json.dumps(raw) + "\n", encoding="utf-8")
        print("", text, sep="\n", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="try the bench itself: the figures say nothing")
    parser.add_argument("--only", choices=["listener", "jobs", "store", "samples"], help="one part of it")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    about = machine.describe(machine.two_cores(), quick=options.quick)
    verdicts: list[Verdict] = []
    with TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(QUICK if options.quick else FULL, OUTPUT, Path(folder))
        parts: dict[str, Callable[[], list[Verdict]]] = {
            "listener": bench.listener,
            "jobs": bench.jobs,
            "store": bench.store,
            "samples": bench.samples,
        }
        for name, part in parts.items():
            if options.only in (None, name):
                print(f"\n{name} …", flush=True)
                verdicts += part()
    about.update(load_after=os.getloadavg()[0], minutes=round((time.monotonic() - began) / 60, 1))
    (OUTPUT / "machine.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    write_summary(OUTPUT / "summary.json", verdicts)
    print("", table(verdicts), sep="\n")
    if options.quick:
        print("This tried the bench itself (QUICK=1): its figures say nothing.")
    print(f"{about['minutes']} minutes. Raw figures are in {OUTPUT.relative_to(ROOT)}; make bench-docs draws them.")
    return 0 if all(verdict.ok for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
