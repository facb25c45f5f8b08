"""Calls in an athlete's name that belong to no job: what the asker gets, and what follows for everybody's calls."""

from __future__ import annotations

import logging
from typing import Union

import pytest

from strava_collector import outcome
from strava_collector.athlete_calls import SOON, Later
from strava_collector.circuit import Breach
from strava_collector.errors import TransportError, TransportFault
from strava_collector.job import Priority
from strava_collector.quota import UnderWay
from strava_collector.settings import Advanced
from strava_collector.store import applications, athletes
from strava_collector.store.athletes import PROBE_AFTER, AthleteState
from strava_collector.token_keeper import TokenStoreUnavailable
from strava_collector.transport import Answer
from tests.support.clock import START
from tests.support.collecting import (
    ANNA,
    APPLICATION,
    BAD_TOKEN,
    BEN,
    BROKEN,
    NOT_FOUND,
    REVOKED,
    Collect,
    Collecting,
    renewal,
    ride,
)
from tests.support.scripted_transport import answer, refusal

NAME = "list of club"
ADVANCED = Advanced()
PROFILE = answer({"id": ANNA})
INACTIVE = refusal("Application", "Status", "Inactive", 403)
SCOPE_MISSING = refusal("AccessToken", "activity:read_permission", "missing", 401)
LIMITED = answer(
    {"message": "Rate Limit Exceeded"},
    429,
    {
        "x-ratelimit-limit": "200,2000",
        "x-ratelimit-usage": "100,100",
        "x-readratelimit-limit": "100,1000",
        "x-readratelimit-usage": "100,100",
    },
)
CUT_OFF = TransportError(TransportFault.INTERRUPTED, "The answer broke off.")


def ask(
    c: Collecting,
    athlete_id: int = ANNA,
    *,
    priority: Priority = Priority.RECONCILIATION,
    advanced: Advanced = ADVANCED,
    name: str = NAME,
) -> Union[Answer, Later]:
    """Ask whose the token is, as any question may be asked."""
    assert c.settings is not None
    return c.pipeline.athlete_calls.ask(
        c.settings.athletes[athlete_id],
        c.connection,
        advanced,
        lambda api, token: api.athlete(token),
        name=name,
        priority=priority,
    )


def under_way(c: Collecting) -> UnderWay:
    with c.database.read() as tx:
        return applications.under_way(tx, APPLICATION.client_id)


def used(c: Collecting) -> tuple[int, int]:
    """Reads in the quarter hour, and how many of them counted against the share of history."""
    with c.database.read() as tx:
        window = applications.quota(tx, APPLICATION.client_id).at(c.clock.now()).reads_quarter
        return window.used, window.background


def breach(c: Collecting) -> object:
    with c.database.read() as tx:
        return applications.circuit(tx, APPLICATION.client_id).breach


# Answers.


def test_who_asks_gets_the_answer_and_the_call_is_counted(collect: Collect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    c = collect(PROFILE)
    assert ask(c) is PROFILE
    assert (used(c), under_way(c)) == ((1, 0), UnderWay())
    assert f'action=asked name="{NAME}" athlete_id={ANNA} result=granted' in caplog.text


@pytest.mark.parametrize(
    ("priority", "background"), [(Priority.LIVE, 0), (Priority.RECONCILIATION, 0), (Priority.HISTORY, 1)]
)
def test_only_history_counts_against_its_share(collect: Collect, priority: Priority, background: int) -> None:
    c = collect(PROFILE)
    ask(c, priority=priority)
    assert used(c) == (1, background)


@pytest.mark.parametrize("refused", [NOT_FOUND, SCOPE_MISSING, refusal("Activity", "id", "invalid", 403)])
def test_a_refusal_of_the_question_is_an_answer(collect: Collect, refused: Answer) -> None:
    c = collect(refused)
    assert ask(c) is refused
    assert (c.standings(), breach(c)) == ([], None)


# What has to wait.


def test_without_permission_no_call_is_made(collect: Collect) -> None:
    c = collect(*[PROFILE] * 4)
    four = Advanced(own_quarter_limit=4, history_share=0.25)
    assert ask(c, advanced=four, priority=Priority.HISTORY) is PROFILE
    later = ask(c, advanced=four, priority=Priority.HISTORY)
    assert later == Later(START + 900, "No call may be made now (history share of the quarter-hour limit).")
    for _ in range(3):
        assert ask(c, advanced=four, priority=Priority.LIVE) is PROFILE
    later = ask(c, advanced=four, priority=Priority.LIVE)
    assert later == Later(START + 900, "No call may be made now (quarter-hour limit).")


def test_while_all_calls_at_once_are_under_way_it_is_asked_again_soon(collect: Collect) -> None:
    c = collect()
    with c.database.write() as tx:
        c.pipeline.allowance.reserve(tx, APPLICATION.client_id, "another call", background=False)
    assert ask(c, advanced=Advanced(concurrency=1)) == Later(c.clock.now() + SOON, "Other calls are under way.")


def test_a_429_closes_the_window_for_everybody(collect: Collect) -> None:
    c = collect(LIMITED)
    later = ask(c)
    assert isinstance(later, Later)
    assert START + 900 < later.until < START + 916
    assert later.why == outcome.LIMIT_USED_UP
    assert isinstance(ask(c, BEN, priority=Priority.LIVE), Later)
    assert len(c.transport.requests) == 1


@pytest.mark.parametrize("failure", [BROKEN, CUT_OFF, answer(b"<html>Welcome to the hotel</html>")])
def test_failures_make_the_asker_wait_longer_each_time(
    collect: Collect, failure: Union[Answer, TransportError]
) -> None:
    c = collect(failure, failure, failure, PROFILE, failure)
    for pause in (30.0, 60.0, 120.0):
        later = ask(c)
        assert isinstance(later, Later)
        assert later.until == c.clock.now() + pause
    assert breach(c) is None, "one athlete's calls say nothing about Strava"
    assert ask(c) is PROFILE
    later = ask(c)
    assert isinstance(later, Later)
    assert later.until == c.clock.now() + 30.0


def test_calls_that_fail_for_three_athletes_or_activities_open_the_circuit(collect: Collect) -> None:
    c = collect(BROKEN, BROKEN, BROKEN)
    c.receive(activity=7)
    c.run()
    ask(c, ANNA)
    later = ask(c, BEN)
    assert breach(c) is Breach.OUTAGE
    assert later == Later(c.clock.now() + 30.0, "Strava answered 503.")
    assert isinstance(ask(c, ANNA), Later)
    assert len(c.transport.requests) == 3


def test_an_answer_closes_the_circuit(collect: Collect) -> None:
    c = collect(PROFILE)
    with c.database.write() as tx:
        c.pipeline.allowance.is_refused(tx, APPLICATION.client_id, Breach.REFUSED, "Wrong secret.")
    assert ask(c) == Later(c.clock.now() + 900, "No call may be made now (Wrong secret.).")
    c.clock.advance(900)
    assert ask(c) is PROFILE
    assert breach(c) is None


def test_an_application_that_is_switched_off_holds_up_everybody(collect: Collect) -> None:
    c = collect(INACTIVE)
    assert ask(c) == Later(c.clock.now() + 900, outcome.INACTIVE)
    assert breach(c) is Breach.INACTIVE


# Tokens.


def test_a_refused_token_is_renewed_once(collect: Collect) -> None:
    c = collect(BAD_TOKEN, renewal(1), PROFILE)
    assert ask(c) is PROFILE
    assert (used(c), c.standings()) == ((2, 0), [])
    sent = c.transport.requests[-1].headers["Authorization"]
    assert not isinstance(sent, str)
    assert sent.reveal() == "Bearer new-access-1"


def test_a_renewal_for_which_no_second_call_is_left_waits(collect: Collect) -> None:
    c = collect(PROFILE, BAD_TOKEN)
    two = Advanced(own_quarter_limit=2)
    assert ask(c, advanced=two, priority=Priority.LIVE) is PROFILE
    assert ask(c, advanced=two, priority=Priority.LIVE) == Later(START + 900, outcome.UNAUTHORIZED_ONCE)
    assert (c.standings(), under_way(c)) == ([], UnderWay())
    c.clock.advance(900)
    c.transport.add(BAD_TOKEN, renewal(1), PROFILE)
    assert ask(c, advanced=two, priority=Priority.LIVE) is PROFILE


def test_two_401_mean_that_the_athlete_has_to_connect_again(collect: Collect) -> None:
    c = collect(BAD_TOKEN, renewal(1), BAD_TOKEN)
    later = ask(c)
    assert later == Later(c.clock.now() + PROBE_AFTER, outcome.UNAUTHORIZED)
    assert [(one.athlete_id, one.state, one.reason) for one in c.standings()] == [
        (ANNA, AthleteState.RECONNECT, outcome.UNAUTHORIZED)
    ]
    assert list(c.problems.told) == [f"athlete_{ANNA}"]
    # Neither asks anybody until it is time to try again; the first answer puts it right.
    c.clock.advance(60.0)
    assert ask(c) == Later(c.clock.now() - 60.0 + PROBE_AFTER, outcome.UNAUTHORIZED)
    c.receive()
    c.run()
    c.clock.advance(PROBE_AFTER)
    c.transport.add(PROFILE)
    assert ask(c) is PROFILE
    assert (c.standings(), c.problems.told) == ([], {})


def test_a_refresh_token_that_is_refused_means_the_same(collect: Collect) -> None:
    c = collect(BAD_TOKEN, REVOKED)
    assert isinstance(ask(c), Later)
    assert [one.state for one in c.standings()] == [AthleteState.RECONNECT]
    assert used(c) == (1, 0), "the second call was not made"


def test_nothing_is_asked_in_the_name_of_who_has_withdrawn_the_permission(collect: Collect) -> None:
    c = collect()
    with c.database.write() as tx:
        athletes.mark_deauthorized(tx, athlete_id=ANNA, reason="Withdrawn.", connected_at="", now=START)
    later = ask(c)
    assert later == Later(c.clock.now() + PROBE_AFTER, "Withdrawn.")


def test_nothing_is_asked_in_the_name_of_who_was_forgotten_with_settings_of_before(collect: Collect) -> None:
    c = collect()
    with c.database.write() as tx:
        athletes.mark_deauthorized(tx, athlete_id=ANNA, reason="Withdrawn.", connected_at="", now=START)
        athletes.forget(tx, ANNA, START)
    assert c.standings() == []
    assert ask(c) == Later(c.clock.now() + PROBE_AFTER, athletes.ROW_DELETED)


def test_while_splunkd_does_not_give_the_tokens_nothing_is_asked(
    collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_athlete_id: int) -> None:
        raise TokenStoreUnavailable("splunkd does not answer.")

    c = collect()
    monkeypatch.setattr(c.tokens, "load", fails)
    later = ask(c)
    assert isinstance(later, Later)
    assert later.until > c.clock.now()
    assert later.why == "splunkd does not answer."
    assert used(c) == (0, 0)


def test_one_probe_at_a_time_finds_out_whether_a_refusal_still_holds(collect: Collect) -> None:
    c = collect(ride(1))
    with c.database.write() as tx:
        athletes.mark_reconnect(
            tx, athlete_id=ANNA, reason="Refused.", connected_at="", now=START, probe_after=PROBE_AFTER
        )
    c.clock.advance(PROBE_AFTER)
    seen = []
    c.during_call(1, lambda: seen.append(ask(c)))
    c.receive()
    c.run()
    assert [isinstance(one, Later) for one in seen] == [True]


# Processes that die.


def test_a_call_that_was_under_way_when_its_process_died_is_counted_once(collect: Collect) -> None:
    c = collect()
    with c.database.write() as tx:
        c.pipeline.allowance.reserve(tx, APPLICATION.client_id, NAME, background=True)
        c.pipeline.athlete_calls.take_over(tx, NAME)
        c.pipeline.athlete_calls.take_over(tx, NAME)
    assert (used(c), under_way(c)) == ((1, 1), UnderWay())
