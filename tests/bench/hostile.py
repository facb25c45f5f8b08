"""Measures what honest clients notice of 400 others that hold the handshake, or drip heads or bodies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.extent import Extent
from tests.bench.hostile_clients import WAYS
from tests.bench.load import Load, Target
from tests.bench.spread import percentile
from tests.bench.verdict import Verdict

HOSTILE = 400
#: Honest requests a second, each on a new connection, whatever became of the ones before; and how many may be open.
HONEST = 60.0
_OPEN = 256

#: Nobody else is there.
ALONE = "alone"


@dataclass(frozen=True)
class Times:
    """What honest clients waited, in seconds from when their request was due."""

    took: list[float]
    late: int

    @property
    def p99(self) -> float:
        return percentile(self.took, 0.99)


def measure(load: Load, target: Target, extent: Extent) -> dict[str, Times]:
    """By what the others do."""
    measured = {}
    for way in (ALONE, *WAYS):
        with _others(target, way):
            answers = load.run(
                target,
                connections=_OPEN,
                seconds=extent.hostile_seconds,
                warm_up=extent.hostile_warm_up,
                rate=HONEST,
            )
        measured[way] = Times(answers.took, answers.late)
    return measured


@contextmanager
def _others(target: Target, way: str) -> Iterator[None]:
    if way == ALONE:
        yield
        return
    command = [sys.executable, "-B", "-m", "tests.bench.hostile_clients"]
    command += [str(target.port), target.path, way, str(HOSTILE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as crowd:
        assert crowd.stdout is not None
        crowd.stdout.readline()
        try:
            yield
        finally:
            crowd.terminate()


def table(measured: dict[str, Times]) -> str:
    """Return the figures as text."""
    lines = [f"{f'{HONEST:g} honest requests/s beside {HOSTILE}':38} {'p50 ms':>7} {'p99 ms':>7} {'worst':>7}"]
    lines += [
        f"{way:38} {1_000 * percentile(one.took, 0.5):7.1f} {1_000 * one.p99:7.1f} {1_000 * max(one.took):7.1f}"
        for way, one in measured.items()
    ]
    return "\n".join(lines)


def verdicts(measured: dict[str, Times]) -> list[Verdict]:
    """Judge each way."""
    words = {"handshake": "hold the handshake", "head": "drip heads", "body": "drip bodies"}
    return [
        Verdict(
            f"p99 of honest clients while {HOSTILE} others {words[way]}",
            1_000 * measured[way].p99,
            must=500,
            aim=150,
            unit="ms",
        )
        for way in WAYS
    ]


def raw(measured: dict[str, Times]) -> dict[str, object]:
    """Return all that was measured, in seconds, for a JSON file."""
    return {way: {"took": one.took, "late": one.late} for way, one in measured.items()}
