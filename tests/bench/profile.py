"""Looks where the built input's time goes under load.

Two things are told. *Processor time* by thread, as the kernel counts it, native work such as the arithmetic of a
handshake included. And *the interpreter*: py-spy looks two hundred times a second at which thread holds it and in which
function of ours; only one thread can, so this is what threads wait for.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.extent import Extent
from tests.bench.load import Load
from tests.bench.subjects import BuiltInput

_PER_SECOND = 200
#: Functions that are told; the others are many and small.
MOST = 12

_THREAD = re.compile(r"thread \((\d+)\): (.*)\Z")
_OTHERS = "others"


@dataclass(frozen=True)
class Profile:
    """What one load made the input do."""

    #: Answers a second meanwhile; being looked at slows the input down.
    per_second: float
    #: How long it lasted, and seconds of processor time, by thread.
    seconds: float
    processor: dict[str, float]
    #: Looks that found the interpreter held, by thread, and by thread and function of ours.
    threads: dict[str, int]
    functions: dict[str, int]


def measure(load: Load, built: BuiltInput, extent: Extent, folder: Path) -> dict[str, Profile]:
    """By load. What py-spy may not look into is left out."""
    measured = {}
    for title, clients, keep_alive in (
        ("64 clients, a new connection each request", 64, False),
        ("16 kept-alive connections", 16, True),
    ):
        file = folder / "profile.txt"
        seconds = max(1, round(extent.profile_seconds))
        command = [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(built.process.pid)]
        command += ["--duration", str(seconds), "--rate", str(_PER_SECOND), "--gil", "--threads"]
        command += ["--format", "raw", "--output", str(file)]
        quiet = subprocess.DEVNULL
        before = _processor(built)
        with subprocess.Popen(command, stdout=quiet, stderr=quiet) as watcher:
            answers = load.run(built.target, connections=clients, seconds=seconds, warm_up=0.0, keep_alive=keep_alive)
            after = _processor(built)
            watcher.wait(60)
        if watcher.returncode == 0:
            used = {thread: after[thread] - before.get(thread, 0.0) for thread in after}
            looks = file.read_text(encoding="utf-8").splitlines()
            measured[title] = read(looks, used, per_second=answers.per_second, seconds=seconds)
    return measured


def _processor(built: BuiltInput) -> dict[int, float]:
    return {thread.id: thread.user_time + thread.system_time for thread in built.process.threads()}


def read(looks: Iterable[str], used: Mapping[int, float], *, per_second: float, seconds: float) -> Profile:
    """Read py-spy's lines: frames from the outermost to the innermost, then how often they were seen.

    ``used`` is processor time by the threads' numbers, whose names are in the lines.
    """
    threads: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    names: dict[int, str] = {}
    for line in looks:
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        found = _THREAD.match(thread)
        name = _OTHERS if found is None else found.group(2)
        if found is not None:
            names[int(found.group(1))] = name
        threads[name] += int(count)
        functions[f"{name}: {_innermost_of_ours(frames)}"] += int(count)
    processor: Counter[str] = Counter()
    for number, time in used.items():
        processor[names.get(number, _OTHERS)] += time  # type: ignore[assignment]  # a Counter adds up floats as well
    return Profile(per_second, seconds, dict(processor), dict(threads.most_common()), dict(functions.most_common()))


def _innermost_of_ours(frames: list[str]) -> str:
    """Without the line's number; libraries are counted to who called them."""
    ours = [frame for frame in frames if "strava_collector/" in frame]
    function, _, place = (ours or frames or ["?"])[-1].partition(" (")
    return f"{function} ({place.rpartition('strava_collector/')[2].partition(':')[0]})"


def table(measured: Mapping[str, Profile]) -> str:
    """Return the figures as text."""
    lines = []
    for title, profile in measured.items():
        lines.append(f"{title}: {profile.per_second:,.0f} requests/s while it was looked at")
        total = sum(profile.threads.values()) or 1
        for name, seen in list(profile.threads.items())[:6]:
            core = profile.processor.get(name, 0.0) / profile.seconds
            lines.append(f"  {name:20} {core:6.1%} of a core, {seen / total:6.1%} of the interpreter")
        lines += [f"    {seen / total:6.1%} {name}" for name, seen in list(profile.functions.items())[:MOST]]
    return "\n".join(lines) or "py-spy could not look into the input, so there is no profile"


def raw(measured: Mapping[str, Profile]) -> dict[str, object]:
    """Return all of it, for a JSON file; of the functions the most frequent ones."""
    return {
        title: {**vars(profile), "functions": dict(list(profile.functions.items())[:40])}
        for title, profile in measured.items()
    }
