"""What came of a history: how fast it was collected, what it cost those who ride now, and which gaps were closed."""

from __future__ import annotations

import math
import statistics
from collections import Counter

from sandbox.simulation.case import DAY, LIMITS, MINUTE, START
from sandbox.simulation.gaps import AFTERMATH, Gap, story
from sandbox.simulation.host import Host
from sandbox.simulation.listing_process import LISTS
from sandbox.simulation.oracle import merged
from sandbox.simulation.result import Result
from sandbox.simulation.world import World
from strava_collector.settings import Advanced

#: The part of its share that history has to use on a day with work left and no outage.
LEAST_USED = 0.95
#: By how much the delays may be longer than without history.
MOST_SLOWER = 1.10
#: What is shown sooner than this is quick anyway, in seconds: so little has to do with luck.
_QUICK = 1.0
#: Of fewer notifications 95 % say nothing.
_ENOUGH = 200
#: A day on which the host was away for longer is not a day without an outage.
_SHORT_AWAY = 10 * MINUTE

#: What is compared, as it is called without a history.
_COMPARED = {
    "delay p95, s": "delay p95 without history, s",
    "delay p95 of our own, s": "delay p95 of our own without history, s",
}


def judge_history(result: Result, world: World, host: Host) -> None:
    """Add the figures of a case with a history, and what is wrong with them."""
    _backfill(result, world, host)
    _share(result, host)
    _gaps(result, world, host)
    _calls(result, host)


def compare(result: Result, without: Result) -> None:
    """Hold the delays against those of the same case without a history and without lists."""
    for name, called in _COMPARED.items():
        result.figures[called] = without.figures[name]
    name = "delay p95 of our own, s"
    before, now = without.figures[name], result.figures[name]
    if result.figures["answered by an event"] >= _ENOUGH and now > max(before * MOST_SLOWER, before + _QUICK):
        result.violations.append(f"95 % of the live activities take up to {now:.1f} s, without history {before:.1f} s")


def _backfill(result: Result, world: World, host: Host) -> None:
    figures = result.figures
    old = [recorded for recorded in world.recorded.values() if recorded.of_past]
    seen = [host.first_fetch[recorded.activity.id] for recorded in old if recorded.activity.id in host.first_fetch]
    shown = [host.first_shown[recorded.activity.id] for recorded in old if recorded.activity.id in host.first_shown]
    figures["history: activities"] = len(old)
    figures["history: collected in full"] = len(seen)
    # Some were hidden at first, or the athlete came back later.
    figures["history: 99 % listed after, s"] = _most(shown)
    figures["history: 99 % collected after, s"] = _most(seen)
    left = [
        r
        for r in old
        if r.activity.id not in host.first_fetch and world.is_readable(r) and not world.is_barred(r.athlete)
    ]
    if left:
        result.violations.append(f"{len(left)} activities of the past were not collected in full, {left[0].activity}")


def _most(times: list[float]) -> float:
    """Seconds from the begin to 99 % of them."""
    return sorted(times)[math.ceil(0.99 * len(times)) - 1] - START if times else 0.0


def _share(result: Result, host: Host) -> None:
    share = LIMITS[result.case.limits][1][1] * Advanced().history_share
    trouble = _trouble(host, shortest=_SHORT_AWAY)
    used: list[float] = []
    for day, left in sorted(host.work_left.items()):
        begin = START + day * DAY
        if left and not any(b < begin + DAY and e > begin for b, e in trouble):
            used.append(host.wire.history_of_day[day] / share)
            if used[-1] < LEAST_USED:
                calls = host.wire.history_of_day[day]
                result.violations.append(f"on day {day} history used {calls} of its {share:.0f} calls; {left} waited")
    result.figures["history: days with work left, no outage"] = len(used)
    result.figures["history: least of its share used, %"] = 100 * min(used, default=0.0)
    result.figures["history: mean of its share used, %"] = 100 * statistics.mean(used or [0.0])


def _trouble(host: Host, *, shortest: float) -> list[tuple[float, float]]:
    """When Strava or the host was away for that long."""
    outages = [(outage.begin, outage.end + AFTERMATH) for outage in host.plan.outages]
    down = [(b, e) for b, e in (*host.collector.down, *host.lister.down) if e - b > shortest]
    return merged([*outages, *down])


def _gaps(result: Result, world: World, host: Host) -> None:
    figures, end = result.figures, host.clock.now() - host.clock.offset
    closed = _trouble(host, shortest=0.0)
    found: dict[tuple[bool, bool], list[float]] = {(lost, near): [] for lost in (True, False) for near in (True, False)}
    deeds: Counter[str] = Counter()
    late: list[str] = []
    for gap in host.gaps.never_told():
        lasted = gap.lasted(end, merged([*closed, *world.barred.get(gap.recorded.athlete, ())]))
        found[gap.change.parcel is not None, gap.in_window].append(lasted)
        deeds[f"{gap.change.what.value}, {_how_told(gap)}"] += 1
        if lasted > gap.limit:
            late.append(f"not repaired within {gap.limit / 3600:.1f} h but {lasted / 3600:.1f} h: {story(gap)}")
    for (lost, near), lasted_each in found.items():
        name = f"{'lost' if lost else 'never announced'}, {'in the window' if near else 'older'}"
        figures[f"{name}"] = len(lasted_each)
        figures[f"{name}: worst repair, s"] = max(lasted_each, default=0.0)
    figures["repaired too late"] = len(late)
    result.violations += late[:5]
    result.details["gaps"] = dict(sorted(deeds.items()))


def _how_told(gap: Gap) -> str:
    return "notification lost" if gap.change.parcel is not None else "not announced by Strava"


def _calls(result: Result, host: Host) -> None:
    """Calls per athlete and day, tokens included."""
    case = result.case
    days = len(host.wire.calls_of_day) or 1
    per = case.athletes * days
    lists = sum(n for (what, _), n in host.wire.answers.items() if what == "GET athlete/activities")
    result.figures["calls for lists"] = lists
    result.figures["calls per athlete and day"] = sum(host.wire.calls_of_day.values()) / per
    result.figures["of these, lists"] = lists / per
    result.figures["of these, history"] = sum(host.wire.history_of_day.values()) / per
    looks = DAY / LISTS.interval
    result.figures["a look each interval would be"] = looks
