"""``make bench-docs``: ``docs/performance.md`` and its pictures, from what ``make bench`` left in ``output/bench``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.bench.spread import Spread, percentile
from tests.bench.verdict import Verdict, figure, read_summary
from tools.environments import ROOT

RAW = ROOT / "output" / "bench"
PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"

#: The parts whose figures the page needs.
PARTS = ("machine", "connections", "kept-alive", "hostile", "profile", "startup", "memory", "jobs", "store", "samples")

_HEAD = """\
# Performance

How fast the listener is against the best, what it costs, and what hostile clients can do to it. `make bench` measures
it all on your machine in about a quarter of an hour, `make bench-docs` makes this page and its pictures of the figures;
nothing in it is typed by hand.

Measured on {date}: {processor}, {cores} cores for server and clients together, {memory_gb} GB, {system},
Python {python}, {openssl}, SQLite {sqlite}, nginx {nginx}, uvicorn {uvicorn}.
It took {minutes} minutes. Before it {load_before:.1f} processes wanted to run, at its end {load_after:.1f}, its own
included.
"""

_QUICK = """
**This is a trial run of the bench (`QUICK=1`). Its figures say nothing.**
"""

_BUSY = """
**Others used the machine meanwhile. Ratios within a run hold roughly, absolute figures do not.**
"""

_CONNECTIONS = """\
## A new connection for each notification

This is how Strava sends. What runs is the built add-on as splunkd starts it, with the defaults of its settings and a
connected athlete: each notification is on disk before its 200, and goes on to become a line in the log, an event and a
job while the next ones arrive. TLS 1.3 with an ECDSA P-256 certificate, full handshakes, checked for each run. The
others do less:

- **nginx**: one worker, `return 200` and nothing else. The handshake is nearly all of it, so it marks the limit.
- **the older design**: one thread of `http.server`, the handshake in the accepting loop, nothing is stored.
- **uvicorn**, with uvloop and httptools: the same store and the same group commit behind it, no events and no jobs.

Each round visits every server with each number of clients; a figure is the median of {rounds} rounds, ratios are taken
within a round. A time is from before the connection to the last byte of the answer. Whiskers are quartiles.

![Requests a second and p99 of the built input, nginx, the older design and uvicorn](images/performance-connections.svg)
"""

_KEPT_ALIVE = """\
## Kept-alive connections

Strava does not keep connections; a proxy in front of the listener does. `http.server` is Python's stock handler, a
thread per connection, with the same store behind it.
"""

_HOSTILE = """\
## Honest clients beside hostile ones

400 clients hold their connections: they say nothing instead of a handshake, or drip a request's head or body, a byte a
second. Who is cut off comes back at once. Beside them {count} honest requests were made, 60 a second, each on a new
connection and counted from when it was due.

![How many honest requests were answered within which time](images/performance-hostile.svg)
"""

_STORE = """\
## The store as it grows

What an operation costs with a thousand to a million rows in each table, its commit to disk included; of a batch, what
each of 200 notifications costs. Bands are quartiles.

![Milliseconds of the store's operations by the number of rows](images/performance-store.svg)
"""

_PROFILE = """\
## Where the time goes

The built input under load: the share of a core that each thread used, as the kernel counts it, and the share of looks
at the interpreter that found it held by the thread. Only one thread can hold it; handshakes and commits are computed
without it. Functions are ours, with the libraries that they call.
"""


def page(summary: Sequence[Verdict], raw: Mapping[str, Any]) -> str:
    """Return the page. ``raw`` has what each part of the bench wrote, by its name."""
    machine = raw["machine"]
    rounds = len(next(iter(raw["connections"]["nginx"].values()))["per_second"])
    honest = len(raw["hostile"]["alone"]["took"])
    sections = [
        _HEAD.format(**machine),
        _QUICK if machine["quick"] else "",
        _BUSY if machine["load_before"] > machine["cores"] else "",
        "\n## What it has to reach\n\n" + "\n".join(_verdicts(summary)) + "\n\n" + _missed(summary) + "\n",
        "\n" + _CONNECTIONS.format(rounds=rounds) + "\n" + "\n".join(_series(raw["connections"])) + "\n",
        "\n" + _KEPT_ALIVE + "\n" + "\n".join(_series(raw["kept-alive"])) + "\n",
        "\n" + _HOSTILE.format(count=honest) + "\n" + "\n".join(_hostile(raw["hostile"])) + "\n",
        "\n## Jobs, memory, start\n\n" + "\n".join(_others(raw)) + "\n",
        "\n" + _STORE,
        "\n" + _PROFILE + "\n" + "\n".join(_profile(raw["profile"])) + "\n",
    ]
    return "".join(sections)


def _verdicts(summary: Sequence[Verdict]) -> Iterator[str]:
    yield "| | Measured | Must | Aim | |"
    yield "|---|---:|---:|---:|---|"
    for one in summary:
        sign = "≥" if one.more_is_better else "≤"
        yield f"| {one.name} | {figure(one.value)} {one.unit} | {sign} {one.must:g} | {one.aim:g} | {one.grade} |"


def _missed(summary: Sequence[Verdict]) -> str:
    missed = [one.name for one in summary if not one.ok]
    if not missed:
        return "Every must is met."
    names = "\n".join(f"- {name}" for name in missed)
    return f"Missed, the reason being in [where the time goes](#where-the-time-goes):\n\n{names}"


def _series(raw: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[str]:
    yield "| | At once | Requests/s | Quartiles | p50 ms | p99 ms | Quartiles | Worst ms | Late |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for name, by_count in raw.items():
        for count, one in by_count.items():
            speed = Spread.of(one["per_second"])
            p99 = Spread.of([1_000 * time for time in one["p99"]])
            p50 = 1_000 * Spread.of(one["p50"]).median
            yield (
                f"| {name} | {count} | {speed.median:,.0f} | {speed.low:,.0f}–{speed.high:,.0f} | {p50:.1f} | "
                f"{p99.median:.1f} | {p99.low:.1f}–{p99.high:.1f} | {1_000 * max(one['worst']):,.0f} | {one['late']} |"
            )
    yield ""
    yield "*Late* are answers after more than Strava's two seconds, and requests without one, of all rounds."


def _hostile(raw: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    words = {
        "alone": "nobody else",
        "handshake": "400 hold the handshake",
        "head": "400 drip heads",
        "body": "400 drip bodies",
    }
    yield "| | p50 ms | p99 ms | Worst ms |"
    yield "|---|---:|---:|---:|"
    for way, one in raw.items():
        p50, p99 = (1_000 * percentile(one["took"], share) for share in (0.5, 0.99))
        yield f"| {words[way]} | {p50:.1f} | {p99:.1f} | {1_000 * max(one['took']):,.0f} |"


def _others(raw: Mapping[str, Any]) -> Iterator[str]:
    memory, start, jobs = raw["memory"], Spread.of(raw["startup"]), raw["jobs"]
    yield "| | Median | Quartiles |"
    yield "|---|---:|---:|"
    for source, where in (("as_it_is", ""), ("from_shelf", ", texts made beforehand")):
        for way, figures in jobs[source]["per_second"].items():
            speed = Spread.of(figures)
            yield f"| {way}{where}, a second | {speed.median:,.0f} | {speed.low:,.0f}–{speed.high:,.0f} |"
    cpu = Spread.of([1_000 * seconds for seconds in jobs["from_shelf"]["cpu_seconds"]])
    yield f"| processor time of the input for a job, ms | {cpu.median:.1f} | {cpu.low:.1f}–{cpu.high:.1f} |"
    yield f"| process start to listening, s | {start.median:.2f} | {start.low:.2f}–{start.high:.2f} |"
    for name, title in (
        ("at_rest", "memory at rest"),
        ("connecting", "memory, 256 clients, a new connection for each request"),
        ("connected", "memory, 256 kept-alive connections"),
        ("with_rows", f"memory, {memory['rows']:,} rows waiting, jobs and notifications"),
    ):
        yield f"| {title}, MB | {memory[name] / 1e6:.1f} | most that was seen |"
    yield ""
    yield "Jobs run in three threads, as do the bare fetches, against the same stand-in for Strava, and are about long"
    yield "rides with all their segment efforts. Making such a text takes the stand-in some time, and Strava. With"
    yield "texts made beforehand hardly anything is left of a bare fetch, which shows what the add-on's own work costs:"
    yield "reading and writing the JSON, and the commits that let no crash lose an event. Memory is VmRSS: pages that"
    yield "are shared with other processes are counted, too."


def _profile(raw: Mapping[str, Any]) -> Iterator[str]:
    if not raw:
        yield "py-spy may not look into other processes here, so there is no profile."
    for title, one in raw.items():
        total = sum(one["threads"].values()) or 1
        yield f"### Load: {title}"
        yield ""
        yield f"{one['per_second']:,.0f} requests/s while it was looked at."
        yield ""
        yield "| Thread | Of a core | Of the interpreter |"
        yield "|---|---:|---:|"
        for name, seen in list(one["threads"].items())[:6]:
            yield f"| `{name}` | {one['processor'].get(name, 0) / one['seconds']:.0%} | {seen / total:.0%} |"
        yield ""
        yield "| Function | Of the interpreter |"
        yield "|---|---:|"
        for name, seen in list(one["functions"].items())[:12]:
            yield f"| `{name}` | {seen / total:.1%} |"
        yield ""


def main() -> int:
    missing = [name for name in PARTS if not (RAW / f"{name}.json").is_file()]
    if missing or not (RAW / "summary.json").is_file():
        print(f"{RAW.relative_to(ROOT)} has no {', '.join(missing) or 'summary'}: run make bench first.")
        return 1
    from tests.bench import plots  # only here: what the page says can be tested where there is no matplotlib

    raw = {name: json.loads((RAW / f"{name}.json").read_text(encoding="utf-8")) for name in PARTS}
    text = page(read_summary(RAW / "summary.json"), raw)
    PAGE.write_text(text.rstrip() + "\n", encoding="utf-8")
    plots.connections(raw["connections"], IMAGES / "performance-connections.svg")
    plots.hostile(raw["hostile"], IMAGES / "performance-hostile.svg")
    plots.growth(raw["store"], IMAGES / "performance-store.svg")
    print(f"{PAGE.relative_to(ROOT)} is made of the run of {raw['machine']['date']}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
