"""Measures requests a second and their times: the built input and its rivals in turn, the same load for each.

A round visits every server once for each number of clients, another one first each time, so that whatever else the
host does hits all of them alike; ratios compare two servers within one round. Before the next server gets its load, the
built input has time to finish what is left to do of its own, which the rivals do not do at all: events and jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Callable

from tests.bench.extent import Extent
from tests.bench.load import Answers, Load, Target
from tests.bench.spread import Spread, percentile, ratio
from tests.bench.subjects import INPUT, NGINX, OLDER, STOCK, UVICORN
from tests.bench.verdict import Verdict

#: Clients at once.
CLIENTS = (16, 64, 256)
KEPT_ALIVE = 16


@dataclass
class Series:
    """One server under one load, by round."""

    per_second: list[float] = field(default_factory=list)
    #: The times that 50 and 99 of a hundred requests did not exceed, and the longest, in seconds.
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    late: int = 0
    requests: int = 0

    def add(self, answers: Answers) -> None:
        """Add a round."""
        self.per_second.append(answers.per_second)
        self.p50.append(percentile(answers.took, 0.5))
        self.p99.append(percentile(answers.took, 0.99))
        self.worst.append(max(answers.took))
        self.late += answers.late
        self.requests += len(answers.took)


#: By server, and by number of clients.
Measured = dict[str, dict[int, Series]]


def measure(
    load: Load,
    servers: Sequence[Target],
    extent: Extent,
    *,
    clients: Sequence[int],
    rounds: int,
    keep_alive: bool,
    after: Callable[[Target], None],
) -> Measured:
    """Visit each server in each round; ``after`` is called when one has had its load."""
    measured: Measured = {server.name: {count: Series() for count in clients} for server in servers}

    def visit(server: Target, count: int) -> Answers:
        answers = load.run(
            server, connections=count, seconds=extent.seconds, warm_up=extent.warm_up, keep_alive=keep_alive
        )
        after(server)
        return answers

    for server in servers:
        visit(server, clients[0])  # the first load of a process is not like the others
    for number in range(rounds):
        first = number % len(servers)
        for count in clients:
            for server in (*servers[first:], *servers[:first]):
                measured[server.name][count].add(visit(server, count))
    return measured


def table(measured: Measured, title: str) -> str:
    """Return the figures as text."""
    lines = [
        f"{title:30} {'clients':>7} {'requests/s':>11} {'quartiles':>13} {'p99 ms':>7} {'quartiles':>13} {'worst':>7}"
    ]
    for name, by_count in measured.items():
        for count, series in by_count.items():
            speed, p99 = Spread.of(series.per_second), Spread.of([1_000 * time for time in series.p99])
            lines.append(
                f"{name:30} {count:7} {speed.median:11,.0f} {f'{speed.low:,.0f}–{speed.high:,.0f}':>13} "
                f"{p99.median:7.0f} {f'{p99.low:.0f}–{p99.high:.0f}':>13} {1_000 * max(series.worst):7.0f}"
            )
    return "\n".join(lines)


def verdicts(measured: Measured) -> list[Verdict]:
    """Judge new connections."""
    ours, nginx, older = measured[INPUT], measured[NGINX], measured[OLDER]
    rows = []
    for rival, name, must, aim in ((nginx, "nginx", 0.65, 0.85), (older, "the older design", 1.4, 2.0)):
        rows += [
            Verdict(
                f"requests/s, a new TLS connection each, {count} at once, against {name}",
                ratio(ours[count].per_second, rival[count].per_second).median,
                must=must,
                aim=aim,
                unit="times",
                more_is_better=True,
            )
            for count in ours
        ]
    rows += [
        Verdict(
            f"p99 against nginx's, {count} at once",
            ratio(ours[count].p99, nginx[count].p99).median,
            must=2.5,
            aim=1.3,
            unit="times",
        )
        for count in ours
    ]
    return rows


def kept_alive_verdicts(measured: Measured) -> list[Verdict]:
    """Judge kept-alive connections."""
    ours, stock = measured[INPUT][KEPT_ALIVE], measured[STOCK][KEPT_ALIVE]
    return [
        Verdict(
            f"requests/s, kept-alive connections, {KEPT_ALIVE} at once, against http.server with the same store",
            ratio(ours.per_second, stock.per_second).median,
            must=1.0,
            aim=2.0,
            unit="times",
            more_is_better=True,
        )
    ]


def late_verdict(late: int) -> Verdict:
    """Judge answers for which Strava would not have waited, in all runs."""
    return Verdict("answers later than 2 s, or none, in all runs", late, must=0, aim=0, unit="answers")


def late(measured: Measured) -> int:
    """How many the built input gave."""
    return sum(series.late for series in measured[INPUT].values())


def raw(measured: Measured) -> dict[str, object]:
    """Return all that was measured, for a JSON file."""
    return {
        name: {str(count): dict(vars(series)) for count, series in by_count.items()}
        for name, by_count in measured.items()
    }


__all__ = ["CLIENTS", "INPUT", "KEPT_ALIVE", "NGINX", "OLDER", "STOCK", "UVICORN", "Measured", "Series", "measure"]
