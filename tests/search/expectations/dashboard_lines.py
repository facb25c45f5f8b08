"""Lines of the log as the dashboard Operations reads them, and how a case of it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from strava_collector.job import Outcome, Reason
from strava_collector.logfmt import Value, line
from strava_collector.overview import Overview
from strava_collector.subscription_rules import State
from strava_collector.webhook import Receipt
from tests.search.answers import Answer, Row
from tests.search.catalogue import LENA
from tests.search.expectations.alerts import Case, Said, said
from tests.search.truth import text_of

RIDE, OTHER = 9_100_000_000_001, 9_100_000_000_002
CLUB = "ta_strava_webhook_club"
FILE = "/opt/certs/club.pem"
WITHDRAWN = "Strava refuses the athlete's token (401), also after renewing it. Connect the athlete again on there."
ANSWER = "Strava answered 400: callback url GET to verify callback does not return 200."
TRY = "The input tries again by itself. If it goes on: Configuration → Set-up check, the line Subscription."


def warned(ago: float, action: str, /, *, level: str = "WARNING", **fields: Value) -> Said:
    return Said(ago, line(action, **fields), CLUB, level)


def queue(
    ago: float,
    live: int = 0,
    *,
    reconciliation: int = 0,
    history: int = 0,
    oldest: Optional[int] = None,
    pause: Optional[str] = None,
    used: str = "5/80",
) -> Said:
    found = Overview(
        waiting=live + reconciliation + history,
        reconciliation=reconciliation,
        history=history,
        oldest=oldest,
        pause=pause,
        history_pause=None,
        done_at=None,
        history_per_day=None,
        used=used,
        limits="100/1000",
        refusals=0,
        dead_letters=0,
        athletes=0,
    )
    return said(ago, "queue", **vars(found))


def received(ago: float, now_minus: float, trail: str = "n-17", activity: int = RIDE, athlete: int = LENA) -> Said:
    """A notification; it happened at Strava so many seconds before now."""
    return said(
        ago,
        "received",
        trail=trail,
        notification_id=17,
        activity_id=activity,
        athlete_id=athlete,
        aspect="create",
        event_time=int(NOW - now_minus),
        receipt=Receipt.ACCEPTED.value,
        waited=0.012,
    )


#: As catalogue.TODAY has it, which cannot be had here: it needs this module.
NOW = 1_781_114_400.0


def finished(
    ago: float,
    trail: str = "n-17",
    outcome: Outcome = Outcome.COLLECTED,
    *,
    activity: int = RIDE,
    athlete: int = LENA,
    why: Optional[str] = None,
) -> Said:
    text = line(
        "finished",
        trail=trail,
        activity_id=activity,
        athlete_id=athlete,
        outcome=outcome.value,
        reason=Reason.WEBHOOK.value,
        delay=3.2,
        why=why,
    )
    return Said(ago, text, CLUB, "ERROR" if outcome is Outcome.DEAD_LETTER else "INFO")


def postponed(ago: float, seconds: float, why: str, trail: str = "n-17") -> Said:
    return warned(ago, "postponed", trail=trail, activity_id=RIDE, athlete_id=LENA, seconds=seconds, why=why)


def missed(ago: float, day: str, new: int, changed: int = 0, deleted: int = 0) -> Said:
    n = new + changed + deleted
    return said(
        ago,
        "missed_by_webhook",
        "ta_strava_webhook_history",
        input="club",
        day=day,
        n=n,
        new=new,
        changed=changed,
        deleted=deleted,
    )


def trouble(ago: float) -> Said:
    return warned(
        ago,
        "subscription_trouble",
        application="Club",
        state=State.NOT_200.value,
        error=ANSWER,
        failures=2,
        next_in=300.0,
    )


def at(seconds_ago: float, pattern: str = "%Y-%m-%d %H:%M") -> str:
    return text_of(NOW - seconds_ago, pattern)


def case(title: str, what: str, lines: Sequence[Said], rows: Sequence[Row], **more: object) -> Case:
    """``order`` and ``rounded`` are the answer's, the rest the case's."""
    about = {name: more.pop(name) for name in ("order", "rounded", "only") if name in more}
    answer = Answer(rows, **about)  # type: ignore[arg-type]
    return Case(f"Operations: {title}", what, lines, lambda now: answer, **more)  # type: ignore[arg-type]
