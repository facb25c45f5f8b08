"""What tests of the error table are made of: circumstances, sentences that people read, rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Union

from strava_collector import notification_rules
from strava_collector.notification_rules import Consequence
from strava_collector.outcome import (
    Circumstances,
    Decision,
    Fetched,
    Finish,
    Result,
    TryAgain,
    decide,
    decide_departure,
)
from strava_collector.webhook import Notification

NOW = 1_714_545_000.0
FRESH = Circumstances(
    now=NOW,
    attempts=0,
    max_attempts=5,
    error=None,
    collected=False,
    deleted=False,
    delete_announced=False,
    announced_at=None,
    renewed=False,
    quota_frees_at=NOW + 600,
    circuit_opens_at=None,
    unproven=False,
    created_at=NOW - 3,
    contradicted=None,
    missing=False,
    just_listed=False,
    came_back=False,
    retry_base=30.0,
)
ANNOUNCED = replace(FRESH, announced_at=NOW - 3)
COLLECTED = replace(FRESH, collected=True)
NEWS = notification_rules.Circumstances(
    event_time=int(NOW), genuine=True, athlete_known=True, fetch_updates=True, newest_event_time=int(NOW) - 60
)
FETCHED = Fetched({"id": 1}, "2024-05-01T06:30:00Z")

ASK_AGAIN = "Strava does not have this activity (404). It is asked once more before that is believed."
NOT_YET = "Strava announced this activity but does not have it yet (404)."
NOT_THERE = "Strava does not have this activity, or the athlete's scope does not include it (404)."
LISTED_NOT_THERE = "Strava lists this activity and does not have it (404)."
LISTED_NO_ACCESS = "Strava lists this activity and refuses access to it (403)."
NO_SCOPE = (
    "The athlete did not grant activity:read. Connect the athlete again on Configuration → Athletes and leave the box "
    "for activities ticked."
)
NO_ACCESS = (
    "Strava refuses access to this activity (403). Connect the athlete again on Configuration → Athletes and leave all "
    "boxes ticked."
)
REFUSED_TOKEN = (
    "Strava refuses the athlete's token (401), also after renewing it. Connect the athlete again on Configuration → "
    "Athletes."
)
LIMIT = "Strava's rate limit is used up (429). What waits goes on when the limit is free again."
GIVEN_UP = "Strava answered 503. Given up after 5 attempts."
RECONNECT = "Strava no longer accepts the athlete's permission (refresh token): the athlete must connect again."
WRONG_SECRET = "Strava does not accept the client secret."
WITHDRAWN = "Strava refuses the athlete's token (401), also after renewing it."
NOT_WITHDRAWN = (
    "A notification said that the athlete has withdrawn the permission, but Strava says otherwise: it was forged or "
    "outdated, and nothing was deleted."
)


@dataclass(frozen=True)
class Row:
    """One row; docs/reliability.md has a table with the same titles."""

    #: What happened, in plain words.
    title: str
    #: How a fetch ended, or the notification that arrived.
    what: Union[Result, Notification]
    at: Union[Circumstances, notification_rules.Circumstances]
    #: What the add-on does about it.
    decision: Union[Decision, Consequence]
    #: What people read of it: the sentence in the log and in the job's ``error``, for a notification the word in
    #: the log. None if all is well.
    reads: Optional[str] = None
    #: The fetch was to find out whether the athlete has withdrawn the permission.
    departure: bool = False

    def decided(self) -> Union[Decision, Consequence]:
        """What is really decided."""
        if isinstance(self.what, Notification):
            assert isinstance(self.at, notification_rules.Circumstances)
            return notification_rules.consequence(self.what, self.at)
        assert isinstance(self.at, Circumstances)
        return (departure if self.departure else decide)(self.what, self.at)


def departure(result: Result, at: Circumstances, *, refused_before: bool = False, begun: bool = False) -> Decision:
    return decide_departure(result, at, refused_before=refused_before, begun=begun)


def again(decision: Decision) -> TryAgain:
    assert isinstance(decision, TryAgain), decision
    return decision


def end(decision: Decision) -> Finish:
    assert isinstance(decision, Finish), decision
    return decision
