"""The table at the end of a run."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sandbox.chaos.account import Account
from sandbox.chaos.plan import FORGED, Deed, Woe
from sandbox.strava import DeliveryState

if TYPE_CHECKING:
    from sandbox.chaos.run import Chaos

_FETCH = "GET /activities/{id}"


def table(run: Chaos, account: Account) -> Iterator[tuple[str, str]]:
    """Rows of a name and what there is to say."""
    yield "time", f"{run.seconds:.0f} s, {run.seconds_played:.0f} s of them until the last notification"
    yield from _notifications(run, account)
    yield from _activities(run, account)
    yield from _calls(run)
    yield from _troubles(run)
    latest = run.latest
    yield (
        "events",
        f"{len(latest.notifications):,} notifications, {latest.activity_events:,} versions of activities,"
        f" {latest.tombstones:,} tombstones",
    )
    yield (
        "repeated",
        f"{account.repeated_notifications} notifications, {account.repeated_versions} versions that say the same as"
        " the one before",
    )
    counters = run.store.counters()
    if counters:
        yield "the add-on counted", ", ".join(f"{name} {value}" for name, value in sorted(counters.items()))


def _notifications(run: Chaos, account: Account) -> Iterator[tuple[str, str]]:
    deeds = Counter(step.deed for step in run.plan.steps)
    yield "athletes'", ", ".join(f"{deeds[deed]} {deed.value}" for deed in Deed if deed not in (*FORGED, Deed.REPEAT))
    yield "forged", ", ".join(f"{deeds[deed]} {deed.value}" for deed in FORGED)
    deliveries = run.sandbox.strava.delivery.deliveries
    attempts = [attempt for one in deliveries for attempt in one.attempts]
    answers = Counter(attempt.status for attempt in attempts)
    yield (
        "delivered",
        f"{len(deliveries):,} in {len(attempts):,} attempts: {answers[200]:,} answered 200, {answers[503]:,} 503,"
        f" {answers[None]:,} not at all",
    )
    given_up = sum(one.state is DeliveryState.GIVEN_UP for one in deliveries)
    yield (
        "acknowledged",
        f"{len(account.told.acknowledged):,} different ones; {given_up} given up by Strava after three attempts",
    )
    seconds = sorted(attempt.seconds for attempt in attempts if attempt.status == 200)
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[-1]
    yield "answered after", f"median {statistics.median(seconds):.3f} s, p99 {p99:.3f} s, at most {seconds[-1]:.3f} s"
    yield "kept in the store", f"{len(account.held)} held, {len(account.dead)} dead letters among the notifications"


def _activities(run: Chaos, account: Account) -> Iterator[tuple[str, str]]:
    yield (
        "activities",
        f"{len(run.cast.activities):,}: {account.right:,} as Strava has them, {account.gone:,} gone as at Strava,"
        f" {account.dead_activities} dead letters, {account.unannounced} whose last change Strava could not deliver",
    )
    never = len(account.dead_letters) - account.dead_activities
    yield "dead letters", f"{len(account.dead_letters)} activities, {never} of them not there to be fetched"
    left = [job for job in account.waiting.jobs if account.excused(job)]
    yield "still waiting", f"{len(left)} jobs, because Strava could not deliver the last change"


def _calls(run: Chaos) -> Iterator[tuple[str, str]]:
    calls = run.sandbox.strava.statistics
    fetches = calls.count(_FETCH)
    wishes = sum(one.state is DeliveryState.ACKNOWLEDGED for one in run.sandbox.strava.delivery.deliveries)
    good = calls.count(_FETCH, 200)
    yield (
        "fetches",
        f"{fetches:,}, {good:,} answered 200, for {wishes:,} notifications: {wishes - good:,} merged or saved",
    )
    yield (
        "other calls",
        ", ".join(
            f"{endpoint} {calls.count(endpoint)}"
            for endpoint in ("GET /athlete", "GET /push_subscriptions", "POST /oauth/token")
        ),
    )
    hits: Counter[str] = Counter()
    for fault in run.faults:
        hits[str(fault.what)] += fault.hits
    struck = sum(hits.values())
    yield "errors", f"{struck} ({struck / max(1, fetches):.0%}): " + ", ".join(f"{kind} {hits[kind]}" for kind in hits)
    beyond = run.sandbox.strava.rate_limits.refused
    yield "429", f"{beyond} because a limit was reached, {calls.count(status=429) - beyond} made up"


def _troubles(run: Chaos) -> Iterator[tuple[str, str]]:
    for woe, why in run.troubles.not_tried.items():
        yield "not tried", f"{woe.value}: {why}"
    count, proof = run.sandbox.splunkd.inputs.count(run.input.name), run.troubles.proof
    yield "kills", f"{run.troubles.kills}; {count.starts} starts, {count.cut_off} events cut off"
    yield (
        "full disk",
        (
            f"twice for {run.extent.full_disk:g} s: {proof[Woe.SCARCE_DISK]} answers 503 while the setting asked for"
            f" more than there is, {proof[Woe.FULL_DISK]} while writing failed"
        ),
    )
    start = ", with a start meanwhile" if run.extent.start_in_outage else ""
    yield "splunkd", f"answered nothing but 503 for {run.extent.outage:g} s, {proof[Woe.OUTAGE]} times{start}"
    yield "full pipe", f"for {run.extent.full_pipe:g} s, {proof[Woe.FULL_PIPE]:,} bytes in it"
    yield "tokens", (f"{proof[Woe.EXPIRY]} times all ran out; {run.troubles.reconnected} athletes had to connect again")
