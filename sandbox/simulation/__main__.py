"""One case of the simulation, or twenty of them, with a table at the end: ``make simulate``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from sandbox import program
from sandbox.simulation.case import HISTORY, HISTORY_ATHLETES, LIMITS, LOST, Case
from sandbox.simulation.result import Result
from sandbox.simulation.run import run
from sandbox.simulation.shrink import shrink
from sandbox.simulation.table import details, one_line, table

#: Seeds for each kind of limits, and processes at a time.
SEEDS = 10
PROCESSES = 2


def main(arguments: Sequence[str]) -> int:
    """Return 0 if nothing was lost, outdated or refused."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="one case only, with its details")
    parser.add_argument("--days", type=int, default=Case.days)
    parser.add_argument("--athletes", type=int, help=f"{Case.athletes}, or {HISTORY_ATHLETES} with a history")
    parser.add_argument("--limits", choices=sorted(LIMITS), default="default", help="of one case; otherwise both")
    parser.add_argument("--faults", type=float, default=Case.faults, help="the part of them that happens, 0 to 1")
    parser.add_argument(
        "--history",
        type=int,
        nargs="?",
        const=HISTORY,
        default=Case.history,
        help="so many activities exist before the begin, and an input lists them beside the webhook; one case",
    )
    parser.add_argument("--lost", type=float, help="the part of the notifications that never arrive, 0 to 1")
    parser.add_argument("--no-shrink", action="store_true", help="do not look for a smaller case that fails too")
    chosen = parser.parse_args(arguments)
    athletes = chosen.athletes or (HISTORY_ATHLETES if chosen.history else Case.athletes)
    lost = chosen.lost if chosen.lost is not None else LOST if chosen.history else Case.lost
    if chosen.seed is not None or chosen.history:
        seed = chosen.seed or Case.seed
        kinds = [(chosen.limits, range(seed, seed + 1))]
    else:
        kinds = [(kind, range(1 + SEEDS * number, 1 + SEEDS * (number + 1))) for number, kind in enumerate(LIMITS)]
    cases = [
        Case(seed, chosen.days, athletes, kind, chosen.faults, chosen.history, lost)
        for kind, seeds in kinds
        for seed in seeds
    ]
    results = _run_all(cases)
    columns = [(f"{kind} limits", [result for result in results if result.case.limits == kind]) for kind, _ in kinds]
    print(f"\n{cases[0].athletes} athletes for {cases[0].days} days, {len(cases)} case{'s' * (len(cases) > 1)}:\n")
    print(table(columns))
    print(f"\n{details(results)}\n")
    if len(results) == 1:
        print("waited longest since it was possible:\n  " + "\n  ".join(results[0].slowest) + "\n")
    failing = [result for result in results if result.violations]
    for result in failing:
        print(f"{result.case.command}\n  " + "\n  ".join(result.violations))
    if failing and not chosen.no_shrink:
        _print_smallest(failing[0])
    total = {name: sum(result.figures[name] for result in results) for name in results[0].figures}
    print(
        f"simulation: {total['acknowledged']:.0f} acknowledged, {total['acknowledged lost']:.0f} lost, "
        f"{total['stale']:.0f} stale, {total['answers 429']:.0f} answers 429"
    )
    return 1 if failing else 0


def _run_all(cases: Sequence[Case]) -> list[Result]:
    if len(cases) == 1:
        return [_said(*_timed(cases[0]))]
    with ProcessPoolExecutor(PROCESSES) as pool:
        return [_said(result, seconds) for result, seconds in pool.map(_timed, cases)]


def _said(result: Result, seconds: float) -> Result:
    print(one_line(result, seconds), flush=True)
    return result


def _timed(case: Case) -> tuple[Result, float]:
    begin = time.monotonic()
    return run(case), time.monotonic() - begin


def _print_smallest(result: Result) -> None:
    print("\nLooking for the smallest case that fails …", flush=True)
    smallest = shrink(result, run, lambda found: print(f"  {found.case.command}", flush=True))
    print(f"\nThe smallest failing case:\n  {smallest.case.command}\n  " + "\n  ".join(smallest.violations) + "\n")


if __name__ == "__main__":
    program.prepare()
    try:
        status = main(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
