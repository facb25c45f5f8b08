"""The error table, row by row: what happens, what the add-on does about it, and what people read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strava_collector.job import Outcome
from strava_collector.notification_rules import Consequence
from strava_collector.outcome import (
    CONTRADICTED,
    GONE_ONCE,
    INACTIVE,
    NEVER_SEEN,
    Barred,
    Depart,
    Finish,
    NoAnswer,
    Obstacle,
    Postponed,
    Refused,
    Renew,
    Strangers,
    TryAgain,
    Unusable,
    Write,
)
from tests.support.judging import (
    ANNOUNCED,
    ASK_AGAIN,
    COLLECTED,
    FETCHED,
    FRESH,
    GIVEN_UP,
    LIMIT,
    LISTED_NOT_THERE,
    NO_ACCESS,
    NO_SCOPE,
    NOT_THERE,
    NOT_YET,
    NOW,
    RECONNECT,
    REFUSED_TOKEN,
    WRONG_SECRET,
    Row,
)
from tests.support.notification_rows import NOTIFICATION_ROWS

ROWS = [
    # An activity that is not there.
    Row(
        "404 within an hour after `create`",
        Refused(404),
        replace(ANNOUNCED, attempts=9),
        TryAgain(NOW + 3_600, NOT_YET, counts=True),
        NOT_YET,
    ),
    Row(
        "404 an hour after `create`, for the second time",
        Refused(404),
        replace(FRESH, announced_at=NOW - 3_601, attempts=9, error=ASK_AGAIN),
        Finish(Outcome.DEAD_LETTER, NOT_THERE),
        NOT_THERE,
    ),
    Row(
        "404 for an activity that is collected, the first time",
        Refused(404),
        COLLECTED,
        TryAgain(NOW + 600, GONE_ONCE, counts=False),
        GONE_ONCE,
    ),
    Row(
        "404 for an activity that is collected, ten minutes later",
        Refused(404),
        replace(COLLECTED, error=GONE_ONCE),
        Finish(Outcome.DELETED, tombstone=True, doubted=True),
    ),
    Row(
        "404 for an activity that is not collected, the first time",
        Refused(404),
        FRESH,
        TryAgain(NOW + 600, ASK_AGAIN, counts=False),
        ASK_AGAIN,
    ),
    Row(
        "404 for an activity that was never announced nor collected, ten minutes later",
        Refused(404),
        replace(FRESH, error=ASK_AGAIN),
        Finish(Outcome.DEAD_LETTER, NOT_THERE),
        NOT_THERE,
    ),
    Row(
        "404 after a `delete` that came before the first fetch, within an hour after `create`",
        Refused(404),
        replace(ANNOUNCED, deleted=True, delete_announced=True),
        TryAgain(NOW + 600, NEVER_SEEN, counts=False),
        NEVER_SEEN,
    ),
    Row(
        "404 for such an activity, ten minutes later",
        Refused(404),
        replace(ANNOUNCED, deleted=True, delete_announced=True, error=NEVER_SEEN),
        Finish(Outcome.DELETED, tombstone=True),
    ),
    Row(
        "404 that confirms a `delete`",
        Refused(404),
        replace(FRESH, deleted=True),
        Finish(Outcome.DELETED, tombstone=True),
    ),
    Row(
        "404 for an activity that is collected and no longer in Strava's list",
        Refused(404),
        replace(COLLECTED, missing=True),
        Finish(Outcome.DELETED, tombstone=True),
    ),
    Row(
        "404 for an activity that a list showed within the last day",
        Refused(404),
        replace(COLLECTED, just_listed=True),
        TryAgain(NOW + 30, LISTED_NOT_THERE, counts=True),
        LISTED_NOT_THERE,
    ),
    Row(
        "404 for such an activity, for the fifth time",
        Refused(404),
        replace(COLLECTED, just_listed=True, attempts=4),
        Finish(Outcome.DELETED, tombstone=True, doubted=True),
    ),
    Row(
        "404 for an activity that lists show again after that, for the fifth time",
        Refused(404),
        replace(COLLECTED, came_back=True, attempts=4),
        Finish(
            Outcome.DEAD_LETTER,
            "Strava lists this activity and does not have it (404). What the index has of it stays; it is fetched "
            "again when the list shows it changed.",
            counts=True,
            gives_up=True,
        ),
        "Strava lists this activity and does not have it (404). What the index has of it stays; it is fetched again "
        "when the list shows it changed.",
    ),
    Row(
        "403 for an activity that a list showed within the last day, for the fifth time",
        Refused(403),
        replace(COLLECTED, just_listed=True, attempts=4),
        Finish(
            Outcome.DEAD_LETTER,
            "Strava lists this activity and refuses access to it (403). What the index has of it stays; it is fetched "
            "again when the list shows it changed.",
            counts=True,
            gives_up=True,
        ),
        "Strava lists this activity and refuses access to it (403). What the index has of it stays; it is fetched "
        "again when the list shows it changed.",
    ),
    # Limits.
    Row(
        "429 without `Retry-After`",
        Refused(429),
        replace(FRESH, attempts=4),
        TryAgain(NOW + 600, LIMIT, counts=False),
        LIMIT,
    ),
    Row(
        "429 with `Retry-After`",
        Refused(429, retry_after=42.0),
        replace(FRESH, attempts=4),
        TryAgain(NOW + 42, LIMIT, counts=False),
        LIMIT,
    ),
    # Permissions.
    Row("401 for the athlete's token", Refused(401), FRESH, Renew()),
    Row(
        "401 for a token that has just been renewed",
        Refused(401),
        replace(FRESH, renewed=True, attempts=4),
        TryAgain(NOW, REFUSED_TOKEN, counts=False, obstacle=Obstacle.RECONNECT),
        REFUSED_TOKEN,
    ),
    Row(
        "Strava does not accept the refresh token",
        Barred(Obstacle.RECONNECT, RECONNECT),
        replace(FRESH, attempts=4),
        TryAgain(NOW, RECONNECT, counts=False, obstacle=Obstacle.RECONNECT),
        RECONNECT,
    ),
    Row(
        "There are no tokens for the athlete",
        Barred(Obstacle.NO_TOKENS, "There are no tokens."),
        FRESH,
        TryAgain(NOW, "There are no tokens.", counts=False, obstacle=Obstacle.NO_TOKENS),
        "There are no tokens.",
    ),
    Row(
        "401 with code `missing`",
        Refused(401, faults=frozenset({"activity:read_permission:missing"})),
        FRESH,
        Finish(Outcome.DEAD_LETTER, NO_SCOPE),
        NO_SCOPE,
    ),
    Row("Another 403", Refused(403), FRESH, Finish(Outcome.DEAD_LETTER, NO_ACCESS), NO_ACCESS),
    # The application.
    Row(
        "Strava does not accept the client id or secret",
        Barred(Obstacle.APPLICATION, WRONG_SECRET),
        replace(FRESH, attempts=4),
        TryAgain(NOW, WRONG_SECRET, counts=False, obstacle=Obstacle.APPLICATION),
        WRONG_SECRET,
    ),
    Row(
        "403 because the application is inactive",
        Refused(403, faults=frozenset({"Status:Inactive"})),
        replace(FRESH, attempts=4),
        TryAgain(NOW, INACTIVE, counts=False, obstacle=Obstacle.INACTIVE),
        INACTIVE,
    ),
    # Outages.
    Row(
        "5xx or 408",
        Refused(503),
        replace(FRESH, attempts=2),
        TryAgain(NOW + 120, "Strava answered 503.", counts=True),
        "Strava answered 503.",
    ),
    Row(
        "5xx with `Retry-After`",
        Refused(503, retry_after=300.0),
        FRESH,
        TryAgain(NOW + 300, "Strava answered 503.", counts=True),
        "Strava answered 503.",
    ),
    Row(
        "5xx again, and nobody's call has succeeded since",
        Refused(503),
        replace(FRESH, attempts=4, unproven=True, created_at=NOW - 7_200),
        TryAgain(NOW + 1_800, "Strava answered 503.", counts=False),
        "Strava answered 503.",
    ),
    Row(
        "5xx for the fifth time",
        Refused(503),
        replace(FRESH, attempts=4),
        Finish(Outcome.DEAD_LETTER, GIVEN_UP, counts=True),
        GIVEN_UP,
    ),
    Row(
        "No answer: timeout, network, a redirect, a body that breaks off or is too large",
        NoAnswer("Strava did not answer in time."),
        FRESH,
        TryAgain(NOW + 30, "Strava did not answer in time.", counts=True),
        "Strava did not answer in time.",
    ),
    Row(
        "200 with another athlete's activity",
        Strangers(),
        FRESH,
        Finish(Outcome.SKIPPED, "Strava says that this activity is another athlete's: the notification was forged."),
        "Strava says that this activity is another athlete's: the notification was forged.",
    ),
    Row(
        "200 with something else than the activity: no JSON, another id, no time",
        Unusable("Strava answered 200, but with something that is not JSON."),
        FRESH,
        TryAgain(NOW + 30, "Strava answered 200, but with something that is not JSON.", counts=True),
        "Strava answered 200, but with something that is not JSON.",
    ),
    Row(
        "A status that nobody knows",
        Refused(418),
        FRESH,
        TryAgain(NOW + 30, "Strava gave an answer that the add-on does not know (418).", counts=True),
        "Strava gave an answer that the add-on does not know (418).",
    ),
    Row(
        "The same for three different activities in a row",
        Refused(503),
        replace(FRESH, attempts=4, circuit_opens_at=NOW + 240),
        TryAgain(NOW + 240, "Strava answered 503.", counts=False),
        "Strava answered 503.",
    ),
    # Ourselves.
    Row(
        "Another worker is renewing the token, or splunkd does not answer",
        Postponed(NOW + 15, "splunkd does not answer."),
        replace(FRESH, attempts=4),
        TryAgain(NOW + 15, "splunkd does not answer.", counts=False),
        "splunkd does not answer.",
    ),
    # Activities.
    Row("200 with the activity", FETCHED, ANNOUNCED, Write(FETCHED)),
    Row(
        "The activity's title, type or privacy contradicts its notification",
        FETCHED,
        replace(FRESH, contradicted="title"),
        Write(FETCHED, again_at=NOW + 30),
        CONTRADICTED,
    ),
    Row(
        "It still does 30 seconds later",
        FETCHED,
        replace(FRESH, contradicted="title", error=CONTRADICTED),
        Write(FETCHED),
    ),
    *NOTIFICATION_ROWS,
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_the_error_table(row: Row) -> None:
    decision = row.decided()
    assert decision == row.decision
    if isinstance(decision, Consequence):
        assert row.reads == decision.meaning.value
    elif isinstance(decision, (TryAgain, Finish, Depart)):
        assert row.reads == decision.why
    elif isinstance(decision, Write) and decision.again_at is not None:
        assert row.reads == CONTRADICTED
    else:
        assert row.reads is None


def test_each_row_has_a_title_of_its_own() -> None:
    assert len({row.title for row in ROWS}) == len(ROWS)


def test_whatever_people_read_is_a_sentence_and_what_they_can_do_about_says_where() -> None:
    for row in ROWS:
        if row.reads is not None and not isinstance(row.decision, Consequence):
            assert row.reads.endswith(".")
            assert row.reads[0].isupper() or row.reads.startswith("splunkd")
