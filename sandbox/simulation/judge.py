"""What came of it: the collected events beside what Strava has, and every figure of the table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Optional

from sandbox.simulation import pollers
from sandbox.simulation.case import LIMITS, Case
from sandbox.simulation.habits import Deed
from sandbox.simulation.host import Host
from sandbox.simulation.index import notification_key
from sandbox.simulation.input_process import INPUT
from sandbox.simulation.judge_history import judge_history
from sandbox.simulation.oracle import Constraints, Wish, best_delay, merged
from sandbox.simulation.post import Post
from sandbox.simulation.result import Result
from sandbox.simulation.wire import QUICKEST
from sandbox.simulation.world import Change, Recorded, World
from strava_collector.store import counters

#: Of the delays.
SHARES = {"median": 0.5, "p95": 0.95, "worst": 1.0}


def judge(case: Case, world: World, host: Host, post: Post, faults_of_ours: Sequence[str]) -> Result:
    """Compare what was collected with what there is."""
    result = Result(case)
    _traffic(result, world, host, post)
    _lost(result, host, post)
    _unfinished(result, world, host)
    _states(result, world, host)
    _delays(result, world, host)
    if case.lists:
        judge_history(result, world, host)
    calls = host.wire.calls_of_day
    result.figures["calls per day"] = sum(calls.values()) / case.days
    result.figures["calls on the busiest day"] = max(calls.values(), default=0)
    result.figures["calls per day, listing every 4 h"] = pollers.plain_listing(case, world)
    result.figures["calls per day, 20 details per sync"] = pollers.twenty_details(case, world)
    result.figures["faults of ours in the log"] = len(faults_of_ours)
    result.figures["idle wake-ups"] = host.idle_wakes
    result.violations += [f"fault of ours: {text}" for text in faults_of_ours[:3]]
    result.violations += [f"misuse of Strava: {text}" for text in world.strava.misuse[:3]]
    result.details["happened"] = dict(sorted(host.happened.items()))
    result.details["messages to the user"] = dict(sorted(host.told.items()))
    result.details["answers"] = {f"{what} {status}": n for (what, status), n in sorted(host.wire.answers.items())}
    return result


def _traffic(result: Result, world: World, host: Host, post: Post) -> None:
    figures = result.figures
    figures["activities"] = len(world.recorded)
    figures["notifications"] = len(post.parcels)
    figures["acknowledged"] = sum(parcel.acknowledged for parcel in post.parcels)
    figures["sent more than once"] = sum(parcel.attempts > 1 for parcel in post.parcels)
    figures["fetches"] = sum(n for (what, _), n in host.wire.answers.items() if what == "activity")
    figures["saved fetches"] = 0  # counted by the input itself, see below
    figures["answers 429"] = sum(n for (_, status), n in host.wire.answers.items() if status == 429)
    if figures["answers 429"]:
        result.violations.append(f"{figures['answers 429']:.0f} answers 429")


def _lost(result: Result, host: Host, post: Post) -> None:
    recorded = host.index.notifications
    lost = [
        parcel for parcel in post.parcels if parcel.acknowledged and not recorded[notification_key(parcel.notification)]
    ]
    result.figures["acknowledged lost"] = len(lost)
    result.violations += [f"lost: {notification_key(parcel.notification)}" for parcel in lost[:5]]
    result.figures["notifications recorded twice"] = sum(n - 1 for n in recorded.values())


def _unfinished(result: Result, world: World, host: Host) -> None:
    """What still waits although nothing has happened for days."""
    process = host.collector.process
    assert process is not None
    barred = {world.athletes[who.number].id for who in world.people if world.is_barred(who.number)}
    with process.database.read() as tx:
        waiting = tx.execute(
            "SELECT athlete_id, object_id, state FROM notification WHERE state IN ('pending', 'dispatching')"
        ).fetchall()
        jobs = tx.execute(
            "SELECT athlete_id, activity_id, error FROM job WHERE status IN ('pending', 'working') ORDER BY id"
        ).fetchall()
        dead = tx.execute(
            "SELECT error, COUNT(*) AS n FROM job WHERE status = 'failed' GROUP BY error ORDER BY error"
        ).fetchall()
        held = tx.execute(
            "SELECT state, reason, COUNT(*) AS n FROM notification WHERE state IN ('held', 'dead letter')"
            " GROUP BY state, reason ORDER BY state, reason"
        ).fetchall()
        counted = counters.read(tx, INPUT.name)
    result.figures["saved fetches"] = counted["merged"]
    stuck = [row for row in jobs if row["athlete_id"] not in barred]
    result.figures["unfinished"] = len(waiting) + len(stuck)
    result.figures["waiting for an athlete"] = len(jobs) - len(stuck)
    result.violations += [f"unfinished: notification about {row['object_id']} {row['state']}" for row in waiting[:3]]
    result.violations += [f"unfinished: job of activity {row['activity_id']}: {row['error']}" for row in stuck[:3]]
    result.figures["dead letters"] = sum(row["n"] for row in dead)
    result.details["dead letters"] = {str(row["error"])[:100]: row["n"] for row in dead}
    result.details["counters of the input"] = {name: n for name, n in counted.items() if n}
    result.details["held"] = {f"{row['state']}: {row['reason']}"[:100]: row["n"] for row in held}


def _states(result: Result, world: World, host: Host) -> None:
    """Is the latest collected version what Strava has? What Strava never announced is counted apart."""
    stale: list[str] = []
    unannounced: Counter[str] = Counter()
    ghosts = 0
    for recorded in world.recorded.values():
        activity = recorded.activity
        ghosts += host.index.ghosts(activity.id)
        there = world.content(recorded)
        shown = host.index.shown(activity.id)
        if shown == there:
            continue
        if result.case.lists and not world.is_barred(recorded.athlete):
            # Whatever nobody told, lists show it: all but the description.
            if host.gaps.is_shown(recorded):
                unannounced["what no list shows"] += 1
            else:
                stale.append(f"stale: {_story(recorded, world.last_change(recorded))}")
            continue
        last = world.last_change(recorded)
        why = _why_unannounced(last)
        if why is None or _missed(world, recorded, last, shown is not None):
            stale.append(f"stale: {_story(recorded, last)}")
        else:
            unannounced[why] += 1
    result.figures["stale"] = len(stale)
    result.violations += stale[:5]
    result.figures["places with an outdated version"] = ghosts
    if ghosts:
        result.violations.append(f"{ghosts} places in the index show an activity that has left them")
    result.figures["differs, never announced"] = sum(unannounced.values())
    result.details["never announced"] = dict(sorted(unannounced.items()))
    result.figures["repeated events"] = host.index.repeated


def _why_unannounced(last: Change) -> Optional[str]:
    """Why Strava's last word about an activity never came; None if it came."""
    if last.parcel is not None:
        return None if last.parcel.committed_at is not None else "three attempts failed"
    if last.what is Deed.CONNECT:
        return "from before the athlete connected again"
    if last.what is Deed.EDIT:
        return "an edit that Strava does not announce"
    return "changed while the athlete was not connected, or out of the scope's sight"


def _missed(world: World, recorded: Recorded, last: Change, shown: bool) -> bool:
    """Whether not even what was announced before the last change has been collected."""
    announced = [c for c in recorded.changes if c.parcel is not None and c.parcel.committed_at is not None]
    if not announced or last.at != recorded.changes[-1].at or world.access_changes.get(recorded.athlete):
        return False
    newest = announced[-1].parcel
    assert newest is not None
    if newest.notification["aspect_type"] == "delete":
        return shown
    return newest.shown_at is None and not newest.nothing_new and world.is_readable(recorded)


def _story(recorded: Recorded, which: Change) -> str:
    told = "; ".join(
        f"{change.what.value} at {change.at:.1f}"
        + ("" if change.parcel is None else f" committed {_seconds(change.parcel.committed_at, change.at)}")
        + ("" if change.parcel is None else f" shown {_seconds(change.parcel.shown_at, change.at)}")
        for change in recorded.changes[-4:]
    )
    return (
        f"activity {recorded.activity.id} of athlete {recorded.athlete}, {which.what.value} at {which.at:.1f}: {told}"
    )


def _seconds(at: Optional[float], since: float) -> str:
    return "never" if at is None else f"+{at - since:.1f}"


def _delays(result: Result, world: World, host: Host) -> None:
    case = result.case
    reads = LIMITS[case.limits][1]
    wishes: list[Wish] = []
    closed = merged([*((outage.begin, outage.end) for outage in host.plan.outages), *host.collector.down])
    ours: list[float] = []
    delays: list[float] = []
    without_archives: list[float] = []
    waited: dict[str, int] = {}
    for recorded in world.recorded.values():
        for change in recorded.changes:
            parcel = change.parcel
            if parcel is None or parcel.shown_at is None or parcel.posted_at is None or parcel.committed_at is None:
                continue
            early = parcel.shown_at < parcel.committed_at
            delay = max(0.0, parcel.shown_at - parcel.posted_at)
            delays.append(delay)
            if not recorded.of_archive:
                without_archives.append(delay)
            possible = max(parcel.committed_at, recorded.activity.not_found_until)
            barred = world.barred.get(recorded.athlete, ())
            if not any(since <= parcel.shown_at and until >= possible for since, until in barred):
                ours.append(_own_share(possible, parcel.shown_at, closed))
            for since, until in barred:
                possible = until if since <= possible < until else possible
            waited[_story(recorded, change)] = int(parcel.shown_at - possible)
            wishes.append(Wish(recorded.activity.id, parcel.posted_at, possible, early or parcel.by_tombstone))
    result.figures["answered by an event"] = len(delays)
    constraints = Constraints(reads, closed, QUICKEST)
    for name, share in SHARES.items():
        result.figures[f"delay {name}, s"] = _quantile(delays, share)
        result.figures[f"best possible {name}, s"] = best_delay(wishes, share, constraints)
    slowest = sorted(waited, key=lambda story: -waited[story])[:3]
    result.slowest = [f"{waited[story]} s: {story}" for story in slowest]
    # As far as neither an outage nor the athlete's missing permission is to blame.
    result.figures["delay p95 of our own, s"] = _quantile(ours, SHARES["p95"])
    # Archives wait for the cooldown: three fetches of an athlete at once, then one in 15 s.
    result.figures["delay p95 without archives, s"] = _quantile(without_archives, SHARES["p95"])


def _own_share(possible: float, shown: float, closed: Sequence[tuple[float, float]]) -> float:
    """The seconds of a delay in which something could have been done."""
    return max(0.0, shown - possible) - sum(max(0.0, min(end, shown) - max(begin, possible)) for begin, end in closed)


def _quantile(delays: Sequence[float], share: float) -> float:
    return sorted(delays)[math.ceil(share * len(delays)) - 1] if delays else 0.0
