"""Whose the notifications are that name a subscription we do not know: few calls, and nothing given up too early."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional, Union

import pytest

from strava_collector.errors import TransportError, TransportFault
from strava_collector.store import subscriptions
from strava_collector.strava_api import StravaApi
from strava_collector.subscription_check import MOST_DEAD_LETTERS, SubscriptionCheck
from strava_collector.transport import Answer
from tests.support.collecting import ANNA, APPLICATION, INPUT
from tests.support.dispatching import Dispatching
from tests.support.scripted_transport import ScriptedTransport, answer, refusal, revealed

NEW, FORGED = 500, 666
NO_ANSWER = TransportError(TransportFault.TIMEOUT, "Strava did not answer.")


def listing(*ids: int) -> Answer:
    """Strava's list of the application's subscriptions."""
    return answer([{"id": one, "resource_state": 2, "application_id": 4711} for one in ids])


class Checking:
    """A dispatcher and the check, with a scripted Strava."""

    def __init__(self, folder: Path, *script: Union[Answer, TransportError]) -> None:
        self.dispatching = Dispatching(folder)
        self.clock = self.dispatching.clock
        self.transport = ScriptedTransport(*script)
        self.is_allowed = True
        self.learnt: list[Optional[Answer]] = []
        self.released = 0
        self.begin()

    def begin(self) -> None:
        """Start anew, as a new process does."""
        self._check = SubscriptionCheck(
            self.dispatching.database,
            self.clock,
            input=INPUT.name,
            allowed=lambda: self.is_allowed,
            learn=self.learnt.append,
            released=self._release,
        )

    def _release(self) -> None:
        self.released += 1

    def receive(self, subscription: int, activity: int = 1) -> None:
        """A notification that has been dispatched, which is to say held if its subscription is foreign."""
        self.dispatching.receive("update", activity, subscription_id=subscription)
        self.dispatching.dispatch()

    def check(self) -> Optional[float]:
        return self._check.check(StravaApi(self.transport, "https://strava.example/api/v3"), APPLICATION)

    @property
    def calls(self) -> int:
        return len(self.transport.requests)

    def known(self) -> Optional[int]:
        with self.dispatching.database.read() as tx:
            return subscriptions.known(tx, APPLICATION.client_id)


Check = Callable[..., Checking]


@pytest.fixture
def check(tmp_path: Path) -> Iterator[Check]:
    made: list[Checking] = []

    def factory(*script: Union[Answer, TransportError]) -> Checking:
        made.append(Checking(tmp_path / "store", *script))
        return made[-1]

    yield factory
    for checking in made:
        checking.dispatching.close()


def test_nobody_is_asked_while_nothing_is_held(check: Check) -> None:
    c = check()
    assert c.check() is None


def test_the_list_is_asked_for_with_the_applications_own_credentials(check: Check) -> None:
    c = check(listing())
    c.receive(FORGED)
    c.check()
    (request,) = c.transport.requests
    assert (request.method, request.url) == ("GET", "https://strava.example/api/v3/push_subscriptions")
    assert revealed(request.query) == {"client_id": "4711", "client_secret": "client-secret"}
    assert "client-secret" not in repr(request) + str(request.headers) + str(request.query)
    assert [one.status for one in c.learnt if one is not None] == [200]


def test_a_listed_subscription_is_adopted_and_what_is_held_for_it_dispatched(check: Check) -> None:
    c = check(listing(NEW))
    c.receive(NEW, 1)
    c.receive(FORGED, 2)
    assert c.check() is None
    assert c.known() == NEW
    assert c.released == 1
    c.dispatching.dispatch()
    assert c.dispatching.live_jobs() == [(1, ANNA)]
    assert c.dispatching.states() == {"dispatched": 1, "dead letter": 1}
    assert len(c.dispatching.index.notifications) == 2
    (reason,) = [reason for reason in c.dispatching.reasons() if reason]
    assert "“App”" in reason
    assert c.dispatching.counted() == {
        "foreign_subscription_held": 2,
        "foreign_subscription_adopted": 1,
        "foreign_subscription_refused": 1,
    }


@pytest.mark.parametrize("listed", [(), (120475,)])
def test_a_forged_one_is_a_dead_letter_and_the_known_subscription_stays(check: Check, listed: tuple[int, ...]) -> None:
    c = check(listing(*listed))
    c.receive(FORGED)
    assert c.check() is None
    assert c.known() == 120475
    assert c.dispatching.states() == {"dead letter": 1}
    c.receive(120475, 2)
    assert c.dispatching.live_jobs() == [(2, ANNA)]


def test_forged_ones_cause_fewer_and_fewer_calls(check: Check) -> None:
    c = check(*[listing(120475)] * 12)
    begin, times = c.clock.now(), []
    for minute in range(4 * 60):
        c.receive(FORGED, minute + 1)
        before = c.calls
        c.check()
        if c.calls > before:
            times.append(round((c.clock.now() - begin) / 60))
        c.clock.advance(60.0)
    assert times == [0, 1, 3, 7, 60, 76, 108, 168, 228]


def test_forged_ones_cause_few_calls_also_if_the_process_is_started_again_all_the_time(check: Check) -> None:
    c = check(*[listing(120475)] * 20)
    times: list[float] = []
    for minute in range(3 * 60):
        c.begin()
        c.receive(FORGED, minute + 1)
        before = c.calls
        c.check()
        times += [c.clock.now()] * (c.calls - before)
        c.clock.advance(60.0)
    most = max(sum(begin <= at < begin + 3_600.0 for at in times) for begin in times)
    assert most == subscriptions.MOST_CHECKS
    # And there is room left for keeping the subscription: for asking, deleting and creating.
    with c.dispatching.database.read() as tx:
        assert subscriptions.room_at(tx, APPLICATION.client_id, calls=3, now=c.clock.now()) is None


def test_nobody_asks_when_all_calls_of_the_hour_are_used_up(check: Check) -> None:
    c = check(listing(NEW))
    with c.dispatching.database.write() as tx:
        for _ in range(subscriptions.MOST_CALLS):
            subscriptions.count_call(tx, APPLICATION.client_id, now=c.clock.now())
    c.receive(NEW)
    assert c.check() == 60.0
    assert c.calls == 0
    c.clock.advance(3_600.0)
    c.check()
    assert c.known() == NEW


def test_asked_as_often_as_one_likes_it_tells_how_long_to_wait(check: Check) -> None:
    c = check(listing(), listing())
    c.receive(FORGED, 1)
    assert c.check() is None
    c.receive(FORGED, 2)
    assert c.check() == 60.0
    c.clock.advance(59.0)
    assert c.check() == 1.0
    c.clock.advance(1.0)
    assert c.check() is None
    assert c.calls == 2


def test_a_new_subscription_after_a_quiet_time_is_found_at_once(check: Check) -> None:
    c = check(*[listing()] * 8, listing(NEW))
    for number in range(8):
        c.receive(FORGED, number + 1)
        c.check()
        c.clock.advance(3_600.0)
    c.receive(NEW, 100)
    assert c.check() is None
    assert c.known() == NEW


def test_after_an_adoption_the_pause_is_short_again(check: Check) -> None:
    c = check(*[listing()] * 8, listing(NEW), listing(NEW + 1))
    for number in range(8):
        c.receive(FORGED, number + 1)
        c.check()
        c.clock.advance(3_600.0)
    c.receive(NEW, 100)
    c.check()
    c.dispatching.dispatch()
    c.receive(NEW + 1, 101)
    assert c.check() == 60.0
    c.clock.advance(60.0)
    assert c.check() is None
    assert c.known() == NEW + 1


def test_a_process_that_is_started_again_does_not_shorten_the_pause(check: Check) -> None:
    c = check(*[listing()] * 4)
    for number in range(3):
        c.receive(FORGED, number + 1)
        c.clock.advance(600.0)
        c.check()
    c.receive(FORGED, 10)
    for _ in range(4):
        assert c.calls == 3
        c.begin()
        c.check()
        c.clock.advance(59.0)
    c.clock.advance(8.0)
    c.begin()
    c.check()
    assert c.calls == 4


@pytest.mark.parametrize(
    "failure",
    [
        NO_ANSWER,
        refusal("Application", "", "invalid", 401),
        refusal("Application", "client_id", "invalid", 400),
        answer({"message": "Rate Limit Exceeded"}, 429),
        answer(b"<html>", 503),
        answer(b"<html>"),
        answer({"id": NEW}),
        answer(None),
        answer([NEW]),
        answer([{}]),
        answer([{"id": True}]),
        answer([{"id": str(NEW)}]),
    ],
)
def test_a_call_that_fails_keeps_everything_held_and_is_made_again(
    check: Check, failure: Union[Answer, TransportError], caplog: pytest.LogCaptureFixture
) -> None:
    c = check(failure, failure, listing(NEW))
    c.receive(NEW)
    assert c.check() == 60.0
    assert c.known() == 120475
    assert c.dispatching.states() == {"held": 1}
    c.clock.advance(60.0)
    assert c.check() == 120.0
    c.clock.advance(120.0)
    assert c.check() is None
    assert c.known() == NEW
    assert "client-secret" not in caplog.text
    assert caplog.text.count("subscription_check_failed") == 2


def test_without_quota_nobody_is_asked_and_everything_stays_held(check: Check) -> None:
    c = check(listing(NEW))
    c.receive(NEW)
    c.is_allowed = False
    for _ in range(3):
        assert c.check() == 60.0
        c.clock.advance(60.0)
    assert c.calls == 0
    c.is_allowed = True
    assert c.check() is None
    assert c.known() == NEW


def test_what_arrives_while_strava_is_asked_is_not_given_up_with_the_others(check: Check) -> None:
    c = check(listing(120475), listing(NEW))
    c.transport.before[1] = lambda: c.receive(NEW, 2)
    c.receive(FORGED, 1)
    assert c.check() == 60.0
    assert c.dispatching.states() == {"dead letter": 1, "held": 1}
    c.clock.advance(60.0)
    c.check()
    c.dispatching.dispatch()
    assert c.dispatching.live_jobs() == [(2, ANNA)]


def test_what_another_process_has_adopted_is_released_without_a_call(check: Check) -> None:
    c = check()
    c.receive(NEW)
    c.dispatching.adopt(NEW)
    assert c.check() is None
    assert (c.calls, c.released) == (0, 1)


def test_two_processes_of_an_application_share_the_pause(check: Check) -> None:
    c = check(listing(), listing())
    c.receive(FORGED, 1)
    c.check()
    c.receive(FORGED, 2)
    c.begin()
    assert c.check() == 60.0
    assert c.calls == 1
    c.clock.advance(60.0)
    c.check()
    assert c.calls == 2


def test_a_clock_that_was_ahead_does_not_stop_the_checks_for_long(check: Check) -> None:
    c = check(listing(), listing(NEW))
    right = c.clock.now()
    c.clock.set_wall(right + 30 * 86_400)
    c.receive(FORGED, 1)
    c.check()
    c.clock.set_wall(right)
    c.receive(NEW, 2)
    c.begin()
    for _ in range(62):
        if c.check() is None:
            break
        c.clock.advance(60.0)
    assert c.known() == NEW


def test_thousands_of_forged_ones_leave_a_bounded_number_of_dead_letters(check: Check) -> None:
    c = check(listing(), listing())
    for round_number in range(2):
        for number in range(700):
            c.dispatching.receive("update", 1_000 * round_number + number, subscription_id=FORGED)
        c.dispatching.dispatch()
        c.check()
        c.clock.advance(60.0)
    assert c.dispatching.states() == {"dead letter": MOST_DEAD_LETTERS}
    assert c.dispatching.counted()["foreign_subscription_refused"] == 1_400


def test_each_step_leaves_a_line_in_the_log(check: Check, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    c = check(listing(NEW))
    c.receive(NEW, 1)
    c.receive(FORGED, 2)
    c.check()
    for action in ("subscription_adopted", "released_held", "foreign_subscription_refused"):
        assert f"action={action}" in caplog.text
