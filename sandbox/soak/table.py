"""The table at the end of a run."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sandbox.chaos.account import Account
from sandbox.soak.happenings import Happening
from sandbox.strava import DeliveryState

if TYPE_CHECKING:
    from sandbox.soak.run import Soak


def table(run: Soak, account: Account) -> Iterator[tuple[str, str]]:
    """Rows of a name and what there is to say."""
    yield (
        "time",
        f"{run.seconds:.0f} s, {run.lasts.play:.0f} s of them judged after a warm-up of {run.lasts.warm_up:.0f} s",
    )
    deliveries = run.sandbox.strava.delivery.deliveries
    attempts = [attempt for one in deliveries for attempt in one.attempts]
    answers = Counter(attempt.status for attempt in attempts)
    late = sum(attempt.status is None for attempt in attempts)
    yield (
        "delivered",
        f"{len(deliveries):,} in {len(attempts):,} attempts: {answers[200]:,} answered 200, {answers[503]:,} 503,"
        f" {late:,} not at all; {sum(one.state is DeliveryState.GIVEN_UP for one in deliveries)} given up",
    )
    seconds = sorted(attempt.seconds for attempt in attempts if attempt.status == 200)
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[-1]
    yield "answered after", f"median {statistics.median(seconds):.3f} s, p99 {p99:.3f} s, at most {seconds[-1]:.3f} s"
    yield (
        "activities",
        f"{len(run.stage.cast.activities):,}: {account.right:,} as Strava has them, {account.gone:,} gone as at Strava,"
        f" {account.dead_activities} dead letters, {account.unannounced} whose last change Strava could not deliver",
    )
    repeated = account.repeated_notifications + account.repeated_versions
    yield "lost", f"{len(account.losses)}; {repeated} repeated"
    yield "meanwhile", ", ".join(f"{run.happenings.proof[one]} {one.value}" for one in Happening)
    for one in run.slopes:
        yield one.name, one.words
