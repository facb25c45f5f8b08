"""The smallest failing case."""

from __future__ import annotations

from typing import Callable

from sandbox.simulation.case import Case
from sandbox.simulation.result import Result


def shrink(failing: Result, run: Callable[[Case], Result], found: Callable[[Result], None]) -> Result:
    """Halve days, athletes and faults as long as the case still fails, in whatever way; ``found`` is told of each."""
    while True:
        for case in failing.case.smaller():
            result = run(case)
            if result.violations:
                found(result)
                failing = result
                break
        else:
            return failing
