"""The error table, row by row: what happens, what the add-on does about it, and what people read."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import Optional, Union

import pytest

from strava_collector import notification_rules
from strava_collector.job import Outcome, Priority
from strava_collector.notification_rules import Consequence, Hold, Meaning
from strava_collector.outcome import (
    CONTRADICTED,
    GONE_ONCE,
    INACTIVE,
    NEVER_SEEN,
    Barred,
    Circumstances,
    Decision,
    Depart,
    Fetched,
    Finish,
    Granted,
    NoAnswer,
    Obstacle,
    Postponed,
    Refused,
    Renew,
    Result,
    Sampled,
    Strangers,
    TryAgain,
    Unusable,
    Write,
    backoff,
    decide,
    decide_departure,
    describe,
    is_inactive,
    is_outage,
    sentence,
    wants_renewal,
)
from strava_collector.streams import Streams
from strava_collector.webhook import Notification
from tests.support.store import notification

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
WRONG_SECRET = "Strava does not accept the client secret."  # a sentence
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


def changed(aspect: str = "update", **fields: object) -> Notification:
    return notification(1, aspect_type=aspect, **fields)


def withdrawn(**fields: object) -> Notification:
    arrived: dict[str, object] = {"object_type": "athlete", "aspect_type": "update", "updates": {"authorized": "false"}}
    return notification(134815, **{**arrived, **fields})


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
    # Notifications.
    Row(
        "`create` or `update` of a connected athlete's activity",
        changed(),
        NEWS,
        Consequence(Meaning.CHANGED, fetch=Priority.LIVE, note=True),
        "changed",
    ),
    Row(
        "`update` while updates are not to be fetched",
        changed(),
        replace(NEWS, fetch_updates=False, present=True),
        Consequence(Meaning.NOT_FETCHED, note=True),
        "update not fetched",
    ),
    Row(
        "A notification of an athlete who is not connected",
        changed(),
        replace(NEWS, athlete_known=False),
        Consequence(Meaning.HELD, hold=Hold.UNKNOWN_ATHLETE),
        "held",
    ),
    Row(
        "A notification of another subscription",
        changed(),
        replace(NEWS, genuine=False),
        Consequence(Meaning.HELD, hold=Hold.FOREIGN_SUBSCRIPTION),
        "held",
    ),
    Row(
        "A notification in the name of another than the activity's athlete",
        changed(),
        replace(NEWS, collected_for=999),
        Consequence(Meaning.CONTRADICTED),
        "owner contradicted",
    ),
    Row(
        "`delete` that is the newest",
        changed("delete"),
        NEWS,
        Consequence(Meaning.DELETED, fetch=Priority.RECONCILIATION, tombstone=True, note=True),
        "deleted",
    ),
    Row(
        "`delete` within the second of another change",
        changed("delete"),
        replace(NEWS, newest_event_time=int(NOW)),
        Consequence(Meaning.SAME_SECOND_DELETE, fetch=Priority.LIVE, note=True),
        "delete within the second of another change",
    ),
    Row(
        "`delete` that is older than another change",
        changed("delete"),
        replace(NEWS, newest_event_time=int(NOW) + 1),
        Consequence(Meaning.OUTDATED_DELETE, fetch=Priority.RECONCILIATION, note=True),
        "outdated delete",
    ),
    Row(
        "Any other notification: athletes without news, unknown types",
        changed(object_type="gear"),
        NEWS,
        Consequence(Meaning.RECORDED),
        "recorded only",
    ),
    # Departures.
    Row(
        "A notification that the athlete has withdrawn the permission",
        withdrawn(),
        NEWS,
        Consequence(Meaning.DEAUTHORIZATION, confirm_access=True),
        "deauthorization claimed",
    ),
    Row(
        "Strava confirms it: 401, also with a renewed token, or the refresh token is refused",
        Refused(401),
        replace(FRESH, renewed=True),
        Depart(WITHDRAWN),
        WITHDRAWN,
        departure=True,
    ),
    Row(
        "Strava denies it: 200",
        Granted(),
        FRESH,
        Finish(Outcome.UNCHANGED, NOT_WITHDRAWN),
        NOT_WITHDRAWN,
        departure=True,
    ),
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


# The same, case by case.


def again(decision: Decision) -> TryAgain:
    assert isinstance(decision, TryAgain), decision
    return decision


def end(decision: Decision) -> Finish:
    assert isinstance(decision, Finish), decision
    return decision


def test_a_fetched_activity_is_written() -> None:
    fetched = Fetched({"id": 1}, "2024-05-01T06:30:00Z")
    assert decide(fetched, FRESH) == Write(fetched)


def test_404_after_create_is_tried_for_an_hour_whatever_the_attempts() -> None:
    announced = replace(FRESH, announced_at=NOW - 3, attempts=9)
    decision = again(decide(Refused(404), announced))
    assert decision.counts
    assert decision.at == NOW + backoff(9, 30.0)


def test_404_an_hour_after_create_is_a_dead_letter() -> None:
    late = replace(FRESH, announced_at=NOW - 3601, attempts=9, error=ASK_AGAIN)
    assert end(decide(Refused(404), late)).outcome is Outcome.DEAD_LETTER


def test_404_of_a_collected_activity_is_asked_once_more_and_then_becomes_a_tombstone() -> None:
    collected = replace(FRESH, collected=True, announced_at=NOW - 3)
    first = again(decide(Refused(404), collected))
    assert (first.at, first.counts) == (NOW + 600, False)
    second = decide(Refused(404), replace(collected, error=first.why))
    assert second == Finish(Outcome.DELETED, tombstone=True, doubted=True)


def test_a_404_after_another_error_is_the_first_404() -> None:
    troubled = replace(FRESH, collected=True, attempts=3, error="Strava answered 503.")
    assert again(decide(Refused(404), troubled)).why == GONE_ONCE


def test_404_that_confirms_a_delete_ends_the_job_quietly() -> None:
    assert decide(Refused(404), replace(FRESH, deleted=True)) == Finish(Outcome.DELETED, tombstone=True)


def test_404_after_a_delete_in_the_second_of_another_change_becomes_a_tombstone_at_once() -> None:
    ambiguous = replace(FRESH, collected=True, delete_announced=True)
    assert decide(Refused(404), ambiguous) == Finish(Outcome.DELETED, tombstone=True)


def test_404_after_a_delete_and_a_create_in_the_same_second_is_tried_for_the_hour() -> None:
    ambiguous = replace(FRESH, delete_announced=True, announced_at=NOW - 3)
    assert again(decide(Refused(404), ambiguous)).counts


def test_404_after_a_delete_and_a_create_in_the_same_second_is_believed_with_the_last_attempt() -> None:
    ambiguous = replace(FRESH, delete_announced=True, announced_at=NOW - 3)
    assert again(decide(Refused(404), replace(ambiguous, attempts=3))).why == NOT_YET
    assert decide(Refused(404), replace(ambiguous, attempts=4)) == Finish(Outcome.DELETED, tombstone=True)


def test_404_of_an_activity_that_nobody_announced_is_a_dead_letter() -> None:
    first = again(decide(Refused(404), FRESH))
    assert (first.at, first.counts) == (NOW + 600, False)
    assert end(decide(Refused(404), replace(FRESH, error=first.why))).outcome is Outcome.DEAD_LETTER


def test_what_a_list_shows_is_tried_as_often_as_anything_before_it_is_believed_to_be_gone() -> None:
    for status, came_back in ((404, False), (404, True), (403, False)):
        listed = replace(COLLECTED, just_listed=True, came_back=came_back)
        pauses = [decide(Refused(status), replace(listed, attempts=number)) for number in range(4)]
        assert [one.at - NOW for one in pauses if isinstance(one, TryAgain)] == [30, 60, 120, 240]
        ends = decide(Refused(status), replace(listed, attempts=4))
        assert isinstance(ends, Finish)
        is_gone = status == 404 and not came_back
        assert (ends.outcome is Outcome.DELETED, ends.tombstone, ends.gives_up) == (is_gone, is_gone, not is_gone)
        why = LISTED_NOT_THERE if status == 404 else LISTED_NO_ACCESS
        assert [(one.why, one.counts) for one in pauses if isinstance(one, TryAgain)] == [(why, True)] * 4


def test_what_was_announced_too_is_tried_for_the_hour_whatever_the_attempts() -> None:
    announced = replace(COLLECTED, just_listed=True, announced_at=NOW - 3_599, attempts=9)
    assert isinstance(decide(Refused(404), announced), TryAgain)
    assert isinstance(decide(Refused(404), replace(announced, announced_at=NOW - 3_600)), Finish)


def test_a_delete_is_believed_whatever_a_list_has_shown() -> None:
    for at in (replace(COLLECTED, deleted=True), replace(COLLECTED, delete_announced=True)):
        assert decide(Refused(404), replace(at, just_listed=True)) == Finish(Outcome.DELETED, tombstone=True)


def test_an_outage_in_a_quiet_hour_counts_nothing_and_is_asked_about_ever_more_rarely() -> None:
    quiet = replace(FRESH, attempts=4, unproven=True, created_at=NOW - 7_200)
    decision = again(decide(Refused(503), quiet))
    assert (decision.counts, decision.at) == (False, NOW + 1_800)
    days = replace(quiet, created_at=NOW - 2 * 86_400)
    assert again(decide(Refused(503), days)).at == NOW + 3_600
    assert end(decide(Refused(503), replace(quiet, created_at=NOW - 3 * 86_400))).outcome is Outcome.DEAD_LETTER


@pytest.mark.parametrize(("retry_after", "expected"), [(None, NOW + 600), (42.0, NOW + 42), (0.0, NOW + 1)])
def test_429_waits_for_the_window_or_for_what_strava_says(retry_after: Optional[float], expected: float) -> None:
    decision = again(decide(Refused(429, retry_after), replace(FRESH, attempts=4)))
    assert (decision.at, decision.counts) == (expected, False)


def test_the_first_401_renews_the_token() -> None:
    assert decide(Refused(401), FRESH) == Renew()


def test_a_401_with_a_new_token_waits_for_the_athlete_and_counts_no_attempt() -> None:
    decision = again(decide(Refused(401), replace(FRESH, renewed=True, attempts=4)))
    assert not decision.counts
    assert "Connect the athlete again" in decision.why


def test_a_missing_scope_is_named() -> None:
    refused = Refused(401, faults=frozenset({"activity:read_permission:missing"}))
    decision = end(decide(refused, FRESH))
    assert decision.outcome is Outcome.DEAD_LETTER
    assert decision.why is not None
    assert "did not grant activity:read." in decision.why


@pytest.mark.parametrize(
    ("fault", "scope"), [("activity:read:missing", "activity:read"), (":missing", "the scope that this needs")]
)
def test_a_missing_scope_is_named_however_strava_words_it(fault: str, scope: str) -> None:
    decision = end(decide(Refused(401, faults=frozenset({fault})), FRESH))
    assert str(decision.why).startswith(f"The athlete did not grant {scope}. ")


def test_another_403_is_a_dead_letter() -> None:
    assert end(decide(Refused(403), FRESH)).outcome is Outcome.DEAD_LETTER


def test_an_inactive_application_pauses_and_is_not_mistaken_for_a_bad_token() -> None:
    decision = again(decide(Refused(403, faults=frozenset({"Status:Inactive"})), replace(FRESH, attempts=4)))
    # The circuit says when it is tried again.
    assert (decision.at, decision.counts, decision.obstacle) == (NOW, False, Obstacle.INACTIVE)


@pytest.mark.parametrize("obstacle", list(Obstacle))
def test_what_only_people_can_mend_waits_without_counting(obstacle: Obstacle) -> None:
    assert not again(decide(Barred(obstacle, "Why."), replace(FRESH, attempts=4))).counts


@pytest.mark.parametrize("result", [Refused(500), Refused(503), Refused(418), NoAnswer("No."), Unusable("No.")])
def test_failures_that_pass_back_off_and_end_as_dead_letter(result: Result) -> None:
    pauses = [again(decide(result, replace(FRESH, attempts=n))).at - NOW for n in range(4)]
    assert pauses == [30, 60, 120, 240]
    given_up = end(decide(result, replace(FRESH, attempts=4)))
    assert given_up.outcome is Outcome.DEAD_LETTER
    assert given_up.why is not None
    assert "5 attempts" in given_up.why


def test_an_outage_just_after_a_create_does_not_use_up_the_hour() -> None:
    announced = replace(FRESH, announced_at=NOW - 3, attempts=7)
    assert again(decide(Refused(503), announced)).counts


@pytest.mark.parametrize("status", [503, 418])
def test_a_failure_that_names_a_time_is_heeded(status: int) -> None:
    assert again(decide(Refused(status, retry_after=300.0), FRESH)).at == NOW + 300


def test_an_outage_after_a_believed_delete_is_never_given_up() -> None:
    deleted = replace(COLLECTED, deleted=True)
    decisions = [decide(Refused(503), replace(deleted, attempts=number)) for number in range(6)]
    pauses = [30, 60, 120, 240, 480, 960]
    assert decisions == [
        TryAgain(NOW + pause, "Strava answered 503.", counts=number < 4) for number, pause in enumerate(pauses)
    ]


@pytest.mark.parametrize("unproven", [False, True])
def test_the_shortest_first_pause_is_kept_to(unproven: bool) -> None:
    impatient = replace(FRESH, retry_base=0.1, unproven=unproven, created_at=NOW)
    assert again(decide(Refused(503), impatient)).at == NOW + 0.1


def test_the_backoff_ends_at_an_hour() -> None:
    assert backoff(50, 30.0) == 3600.0


def test_what_only_waits_for_ourselves_is_no_attempt() -> None:
    decision = again(decide(Postponed(NOW + 5, "Busy."), replace(FRESH, attempts=4)))
    assert (decision.at, decision.counts) == (NOW + 5, False)


def test_an_open_circuit_counts_no_attempts_however_many_there_were() -> None:
    waiting = replace(FRESH, attempts=99, circuit_opens_at=NOW + 3_600)
    for result in (Refused(500), NoAnswer("No."), Unusable("No.")):
        decision = again(decide(result, waiting))
        assert (decision.at, decision.counts) == (NOW + 3_600, False)


@pytest.mark.parametrize(
    ("result", "decision"),
    [
        (Barred(Obstacle.RECONNECT, "Refused."), Depart("Refused.")),
        (Refused(401, faults=frozenset({"profile:read_permission:missing"})), Finish(Outcome.UNCHANGED, NOT_WITHDRAWN)),
        (Refused(401), Renew()),
        (Refused(503), TryAgain(NOW + 30, "Strava answered 503.", counts=True)),
        (Refused(429, 5.0), TryAgain(NOW + 5, LIMIT, counts=False)),
    ],
)
def test_only_stravas_refusal_of_the_tokens_confirms_a_departure(result: Result, decision: Decision) -> None:
    assert departure(result, FRESH) == decision


def test_a_refusal_of_old_confirms_no_departure_that_is_announced_today() -> None:
    decision = end(departure(Barred(Obstacle.RECONNECT, "Refused."), FRESH, refused_before=True))
    assert decision.outcome is Outcome.DEAD_LETTER
    assert decision.why == (
        "A notification said that the athlete has withdrawn the permission. That cannot be told, because Strava "
        "refused the athlete's tokens before. Connect the athlete again, or delete the athlete's row."
    )
    # Whoever still grants access has not left, whatever was before.
    assert end(departure(Granted(), FRESH, refused_before=True)).outcome is Outcome.UNCHANGED


def test_a_departure_that_was_interrupted_is_ended_without_tokens() -> None:
    decision = departure(Barred(Obstacle.NO_TOKENS, "There are none."), FRESH, begun=True)
    assert decision == Depart("The athlete has withdrawn the permission, as Strava confirmed before.")
    assert end(departure(Granted(), FRESH, begun=True)).outcome is Outcome.UNCHANGED


def test_without_tokens_nobody_can_ask_whether_an_athlete_has_left() -> None:
    decision = end(departure(Barred(Obstacle.NO_TOKENS, "There are none."), FRESH))
    assert decision.outcome is Outcome.DEAD_LETTER
    assert decision.why is not None
    assert decision.why.endswith("There are none.")
    assert not decision.tombstone


@pytest.mark.parametrize(
    "result", [Granted(), Sampled(Streams(array("q"), {}))], ids=lambda result: type(result).__name__
)
def test_the_answer_to_another_question_is_a_defect(result: Result) -> None:
    with pytest.raises(ValueError, match=r"\AThat is the answer to another question\.\Z"):
        decide(result, FRESH)


# What is said of a result besides.


@pytest.mark.parametrize(
    ("result", "outage"),
    [
        (Refused(408), True),
        (Refused(409), False),
        (Refused(499), False),
        (Refused(500), True),
        (Refused(599), True),
        (NoAnswer("No."), True),
        (Unusable("No."), True),
        (Unusable("No.", own_matter=True), False),
        (Granted(), False),
        (FETCHED, False),
        (Barred(Obstacle.RECONNECT, "No."), False),
    ],
)
def test_what_may_be_an_outage(result: Result, outage: bool) -> None:
    assert is_outage(result) is outage


@pytest.mark.parametrize(
    ("result", "inactive"),
    [
        (Barred(Obstacle.INACTIVE, "Off."), True),
        (Barred(Obstacle.APPLICATION, "Wrong."), False),
        (Refused(403, faults=frozenset({"Status:Inactive"})), True),
        (Refused(403, faults=frozenset({"Status:Other"})), False),
        (Refused(401, faults=frozenset({"Status:Inactive"})), False),
        (NoAnswer("No."), False),
    ],
)
def test_what_says_that_the_application_is_switched_off(result: Result, inactive: bool) -> None:
    assert is_inactive(result) is inactive


@pytest.mark.parametrize(
    ("result", "renewal"),
    [
        (Refused(401), True),
        (Refused(401, faults=frozenset({"activity:read_permission:missing"})), False),
        (Refused(402), False),
        (NoAnswer("No."), False),
    ],
)
def test_which_refusals_a_renewed_token_may_mend(result: Result, renewal: bool) -> None:
    assert wants_renewal(result) is renewal


@pytest.mark.parametrize(
    ("result", "word", "told"),
    [
        (Refused(503), "503", "Strava answered 503."),
        (NoAnswer("No."), "noanswer", "No."),
        (Unusable("No."), "unusable", "No."),
        (Barred(Obstacle.RECONNECT, "No."), "barred", "No."),
        (Postponed(NOW, "No."), "postponed", "No."),
        (FETCHED, "fetched", ""),
        (Granted(), "granted", ""),
    ],
)
def test_a_result_has_a_word_for_the_log_and_a_sentence_for_people(result: Result, word: str, told: str) -> None:
    assert (describe(result), sentence(result)) == (word, told)
