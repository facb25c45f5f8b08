"""What has to wait, for Strava, for its limits or for people, and goes on by itself."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate

import pytest

from strava_collector.errors import TransportError, TransportFault
from strava_collector.job import Status
from strava_collector.settings import Advanced
from strava_collector.store import leases, queue
from tests.support.collecting import (
    ANNA,
    BAD_TOKEN,
    BEN,
    BROKEN,
    INPUT,
    REVOKED,
    Collect,
    athletes,
    counts,
    renewal,
    ride,
)
from tests.support.scripted_transport import answer, refusal


def test_a_revoked_athlete_does_not_hold_up_another(collect: Collect) -> None:
    refused = refusal("RefreshToken", "refresh_token", "invalid", 400)
    c = collect(BAD_TOKEN, refused, ride(2, owner=BEN))
    c.receive("create", 1, owner=ANNA)
    c.clock.advance(0.1)
    c.receive("create", 2, owner=BEN)
    c.run()
    assert list(c.index.latest()) == [2]
    assert counts(c) == {"pending": 1, "done": 1}


def test_a_poison_activity_is_given_up_and_the_next_one_collected(collect: Collect) -> None:
    c = collect()
    c.transport.answer_with(lambda activity: BROKEN if activity == 1 else ride(activity))
    c.receive("update", 1)
    for number in range(2, 9):
        c.clock.advance(0.1)
        c.receive("create", number)
        c.run(seconds=2_000)
    assert set(c.index.latest()) == set(range(2, 9))
    (dead,) = (job for job in c.jobs() if job.status is Status.FAILED)
    assert (dead.activity_id, dead.attempts) == (1, 5)


def test_an_outage_is_outlived(collect: Collect) -> None:
    c = collect(BROKEN, TransportError(TransportFault.TIMEOUT, "Strava did not answer."), ride(1))
    c.receive("update", 1)
    c.run()
    c.run(seconds=31)
    assert c.index.activities == []
    c.run(seconds=61)
    assert list(c.index.latest()) == [1]


def test_a_used_up_quota_is_waited_for_without_a_call(collect: Collect) -> None:
    full = {"x-readratelimit-limit": "100,1000", "x-readratelimit-usage": "100,400"}
    c = collect(replace(ride(1), headers=full), ride(2))
    c.receive("create", 1)
    c.run()
    c.receive("create", 2)
    c.run()
    assert len(c.transport.requests) == 1
    c.run(seconds=901)
    assert set(c.index.latest()) == {1, 2}


def test_a_429_parks_the_job_until_the_window_resets(collect: Collect) -> None:
    c = collect(answer({"message": "Rate Limit Exceeded", "errors": "x"}, 429), ride(1))
    c.receive("create", 1)
    c.run()
    c.run(seconds=100)
    assert len(c.transport.requests) == 1
    c.run(seconds=900)
    assert list(c.index.latest()) == [1]


def test_calls_that_hang_for_one_athlete_leave_room_for_another(collect: Collect) -> None:
    c = collect()
    for number in range(1, 5):
        c.receive("create", number, owner=ANNA)
    c.receive("create", 5, owner=BEN)
    c.dispatcher.dispatch()
    c.clock.advance(10)
    claimed = []
    for _ in range(4):
        with c.database.write() as tx:
            job = queue.claim(tx, input=INPUT.name, now=c.clock.now(), per_athlete=2)
        claimed.append(job.athlete_id if job else None)
    assert sorted(filter(None, claimed)) == [ANNA, ANNA, BEN]


def test_who_has_to_connect_again_is_told_and_no_longer_when_it_works(collect: Collect) -> None:
    refused = refusal("RefreshToken", "refresh_token", "invalid", 400)
    c = collect(BAD_TOKEN, refused, renewal(1), ride(1))
    c.receive("create", 1)
    c.run()
    (text,) = c.problems.told.values()
    assert f"athlete-{ANNA}" in text
    assert "connect again" in text
    c.run(seconds=600)
    assert len(c.transport.requests) == 2
    c.run(seconds=3000)
    assert c.problems.told == {}
    assert list(c.index.latest()) == [1]


def test_an_athlete_who_was_removed_makes_jobs_wait(collect: Collect) -> None:
    c = collect(ride(1))
    c.receive("create", 1)
    c.dispatcher.dispatch()
    c.connect()
    c.run()
    assert c.transport.requests == []
    c.connect(*athletes(ANNA))
    c.run(seconds=901)
    assert list(c.index.latest()) == [1]


def test_who_has_to_reconnect_costs_one_probe_an_hour_and_goes_on_when_connected_again(collect: Collect) -> None:
    c = collect(BAD_TOKEN, REVOKED, REVOKED, ride(1), ride(2))
    c.receive("create", 1)
    c.receive("create", 2)
    c.run()
    (standing,) = c.standings()
    assert (standing.athlete_id, standing.state.value) == (ANNA, "needs to reconnect")
    assert standing.since == pytest.approx(c.clock.now(), abs=15)
    assert "connect again" in standing.reason
    for _ in range(12):
        c.run(seconds=330)
    # The refused token is not tried again, only whether Strava renews it.
    assert len(c.transport.requests) == 3
    c.reconnect(ANNA)
    c.run()
    assert set(c.index.latest()) == {1, 2}
    assert c.standings() == []


def test_who_does_not_reconnect_within_a_week_leaves_dead_letters_with_the_reason(collect: Collect) -> None:
    c = collect(BAD_TOKEN, *[REVOKED] * 400)
    c.receive("create", 1)
    c.receive("create", 2)
    c.run()
    for _ in range(8 * 24):
        c.run(seconds=3600)
        c.upkeep.look(c.settings)
    assert counts(c) == {"failed": 2}
    assert all("connect again" in str(job.error) for job in c.jobs())


def test_three_different_activities_that_fail_open_the_circuit_and_count_no_attempts(collect: Collect) -> None:
    c = collect(*[BROKEN] * 3)
    for number in range(1, 10):
        c.receive("create", number, owner=ANNA if number % 2 else BEN)
    c.run()
    assert len(c.transport.requests) == 3
    # One probe at a time from now on, at growing pauses.
    probes = []
    for minute in range(60):
        c.transport.add(BROKEN)
        before = len(c.transport.requests)
        c.run(seconds=60)
        probes += [minute] * (len(c.transport.requests) - before)
    assert 4 <= len(probes) <= 8
    c.transport.clear()
    c.transport.answer_with(lambda activity: ride(activity, owner=ANNA if activity % 2 else BEN))
    for _ in range(60):
        c.run(seconds=120)
    assert set(c.index.latest()) == set(range(1, 10))
    assert max(job.attempts for job in c.jobs()) <= 2


def test_one_activity_that_always_fails_opens_no_circuit(collect: Collect) -> None:
    c = collect(*[BROKEN] * 200)
    c.receive("update", 1)
    for _ in range(4 * 86_400 // 1000):
        c.run(seconds=1000)
    # For three days nothing shows that it is not Strava's fault; then it is given up.
    assert counts(c) == {"failed": 1}
    assert len(c.transport.requests) < 100
    c.transport.clear()
    c.transport.add(renewal(1), ride(2))
    c.receive("create", 2)
    c.run()
    assert list(c.index.latest()) == [2]


def test_an_application_that_strava_switched_off_pauses_everything_and_is_probed_every_15_minutes(
    collect: Collect,
) -> None:
    inactive = refusal("Application", "Status", "Inactive", 403)
    c = collect(inactive)
    for number in range(1, 4):
        c.receive("create", number)
    c.run()
    c.upkeep.look(c.settings)
    assert len(c.transport.requests) == 1
    assert "switched the application off" in c.problems.told["strava"]
    c.run(seconds=600)
    assert len(c.transport.requests) == 1
    c.transport.add(inactive)
    c.run(seconds=400)
    assert len(c.transport.requests) == 2
    assert counts(c) == {"pending": 3}
    c.transport.answer_with(ride)
    for _ in range(4):
        c.run(seconds=1000)
        c.upkeep.look(c.settings)
    assert set(c.index.latest()) == {1, 2, 3}
    assert c.problems.told == {}


def test_an_answer_that_contradicts_its_notification_is_written_and_fetched_once_more(collect: Collect) -> None:
    c = collect(ride(1, name="old"), ride(1, name="new"))
    c.receive("update", 1, updates={"title": "new"})
    c.run()
    assert [event["name"] for event in c.index.activities] == ["old"]
    c.run(seconds=31)
    assert [event["name"] for event in c.index.activities] == ["old", "new"]
    assert counts(c) == {"done": 1}


def test_an_answer_that_goes_on_contradicting_is_fetched_twice_and_written_once(collect: Collect) -> None:
    c = collect(ride(1, name="old"), ride(1, name="old"))
    c.receive("update", 1, updates={"title": "new"})
    for _ in range(5):
        c.run(seconds=31)
    assert [event["name"] for event in c.index.activities] == ["old"]
    assert counts(c) == {"done": 1}


def test_forty_rides_at_once_are_paced_and_let_another_athlete_through(collect: Collect) -> None:
    c = collect()
    c.transport.answer_with(lambda activity: ride(activity, owner=BEN if activity == 100 else ANNA))
    for number in range(1, 41):
        c.receive("create", number)
        c.clock.advance(0.01)
    c.run(seconds=3)
    assert len(c.transport.requests) == 3
    c.receive("create", 100, owner=BEN)
    c.run(seconds=3)
    assert 100 in c.index.latest()
    for _ in range(37):
        c.run(seconds=15)
    assert set(c.index.latest()) == {100, *range(1, 41)}


def test_a_paced_athlete_leaves_the_rest_of_the_quota_to_the_others(collect: Collect) -> None:
    c = collect()
    c.transport.answer_with(lambda activity: ride(activity, owner=BEN if activity == 100 else ANNA))
    for number in range(101, 201):
        c.receive("create", number)
    c.connect(*athletes(ANNA, BEN), advanced=Advanced(cooldown=1.0))
    for _ in range(120):
        c.run(seconds=2)
    # The first twenty are usual; the backlog behind them may use 60 % of the quarter hour's 100 reads.
    assert len(c.transport.requests) == 80
    c.receive("create", 100, owner=BEN)
    c.run()
    assert 100 in c.index.latest()


def test_the_users_own_limit_counts_if_it_is_lower(collect: Collect) -> None:
    c = collect()
    c.transport.answer_with(ride)
    c.connect(*athletes(ANNA, BEN), advanced=Advanced(cooldown=0.0, own_quarter_limit=2))
    for number in range(1, 4):
        c.receive("create", number)
    c.run()
    assert len(c.transport.requests) == 2
    c.run(seconds=900)
    assert set(c.index.latest()) == {1, 2, 3}


def test_a_restart_neither_forgets_nor_doubles_what_was_used(collect: Collect) -> None:
    full = {"x-readratelimit-limit": "100,1000", "x-readratelimit-usage": "100,100"}
    c = collect(replace(ride(1), headers=full))
    c.clock.set_wall(1_780_293_600.0 + 899 - 10)  # one second before the quarter is over, when it has run
    c.receive("create", 1)
    c.run()
    again = collect(ride(2))
    again.clock.set_wall(c.clock.now() - 0.5)
    again.receive("create", 2)
    again.run(seconds=0.4)
    assert again.transport.requests == []
    again.run(seconds=5)
    assert list(again.index.latest()) == [2]


def test_updates_are_recorded_without_a_fetch_if_the_user_wants_less_except_for_privacy(collect: Collect) -> None:
    c = collect(ride(1), ride(1, private=True))
    c.connect(*athletes(ANNA, BEN), advanced=Advanced(fetch_updates=False))
    c.receive("create", 1)
    c.run()
    c.receive("update", 1, updates={"title": "new"})
    c.run()
    assert len(c.transport.requests) == 1
    c.receive("update", 1, updates={"private": "true"})
    c.run()
    assert len(c.transport.requests) == 2
    assert len(c.index.notifications) == 3


def test_a_true_deauthorization_deletes_tokens_cancels_jobs_and_marks_every_place(
    collect: Collect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    c = collect(ride(1), ride(2), BAD_TOKEN, REVOKED)
    c.receive("create", 1)
    c.receive("create", 2)
    c.run()
    c.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
    c.receive("update", 1)
    c.run(seconds=1)
    c.run(seconds=20)
    assert c.index.latest() == {}
    assert ANNA not in c.tokens.tokens
    assert "withdrawn" in c.problems.told[f"athlete_{ANNA}"]
    assert caplog.text.count("action=erase ") == 2
    assert counts(c).keys() == {"done"}
    # Whatever still comes is held like a stranger's.
    c.receive("create", 3)
    c.run(seconds=100)
    assert c.index.latest() == {}
    c.transport.add(ride(3))
    c.reconnect(ANNA)
    c.run()
    assert list(c.index.latest()) == [3]


def test_a_forged_deauthorization_costs_one_call_and_changes_nothing(collect: Collect) -> None:
    c = collect(ride(1), answer({"id": ANNA, "resource_state": 2}))
    c.receive("create", 1)
    c.run()
    c.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
    c.run()
    assert list(c.index.latest()) == [1]
    assert ANNA in c.tokens.tokens
    assert len(c.transport.requests) == 2


@pytest.mark.parametrize(
    "header",
    ["600", "Mon, 01 Jun 2026 06:15:10 GMT"],
    ids=["seconds", "a date by Strava's clock, which is five minutes ahead of ours"],
)
def test_retry_after_is_honoured_as_seconds_and_as_a_date(collect: Collect, header: str) -> None:
    busy = answer(
        {"message": "Rate Limit Exceeded", "errors": "exceeded"},
        429,
        {"retry-after": header, "date": "Mon, 01 Jun 2026 06:05:10 GMT"},
    )
    c = collect(busy, ride(1))
    c.receive("create", 1)
    c.run()
    c.run(seconds=590)
    assert len(c.transport.requests) == 1
    c.run(seconds=30)
    assert list(c.index.latest()) == [1]


@pytest.mark.parametrize("ahead", [-300, 300])
def test_a_window_ends_when_stravas_clock_says_so(collect: Collect, ahead: int) -> None:
    c = collect()
    # Ours shows 06:02 or so; at Strava it is five minutes earlier or later.
    at_strava = c.clock.now() + 120 + ahead
    full = {
        "x-readratelimit-limit": "100,1000",
        "x-readratelimit-usage": "100,400",
        "date": formatdate(at_strava, usegmt=True),
    }
    c.clock.advance(110)
    c.transport.add(replace(ride(1), headers=full), ride(2))
    c.receive("create", 1)
    c.run()
    c.receive("create", 2)
    left = 900 - at_strava % 900
    c.run(seconds=left - 5)
    assert len(c.transport.requests) == 1
    c.run(seconds=7)
    assert len(c.transport.requests) == 2


def test_forged_notifications_about_strangers_rides_cost_one_call_each_and_open_no_circuit(collect: Collect) -> None:
    c = collect(*[ride(number, owner=BEN) for number in range(1, 6)], ride(6))
    c.connect(*athletes(ANNA, BEN), advanced=Advanced(cooldown=0.0))
    for number in range(1, 6):
        c.receive("create", number, owner=ANNA)
    c.run()
    c.receive("create", 6)
    c.run()
    assert list(c.index.latest()) == [6]
    assert counts(c) == {"done": 6}


def test_a_deauthorization_is_asked_about_although_the_athlete_needs_to_reconnect(collect: Collect) -> None:
    c = collect(ride(1), BAD_TOKEN, *[REVOKED] * 4)
    c.receive("create", 1)
    c.run()
    c.receive("update", 1)
    c.run()
    assert [one.state.value for one in c.standings()] == ["needs to reconnect"]
    c.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
    c.run(seconds=0.1)
    c.run(seconds=60)
    assert [one.state.value for one in c.standings()] == ["deauthorized"]
    assert counts(c).keys() == {"done"}
    assert c.index.latest() == {}


def test_a_deauthorization_is_asked_about_again_although_a_fetch_was_refused_meanwhile(collect: Collect) -> None:
    c = collect(ride(1), BROKEN, BAD_TOKEN, *[REVOKED] * 4)
    c.receive("create", 1)
    c.run()
    c.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
    c.run()
    c.receive("update", 1)
    c.run(seconds=5)
    for _ in range(4):
        c.run(seconds=60)
    assert counts(c).keys() == {"done"}
    assert c.index.latest() == {}


def test_a_fetch_under_way_during_the_deauthorization_does_not_wait_for_ever(collect: Collect) -> None:
    c = collect(ride(1), BAD_TOKEN, REVOKED, BAD_TOKEN, *[REVOKED] * 4)
    c.receive("create", 1)
    c.run()
    c.receive("update", 1)
    c.clock.advance(5)
    c.dispatcher.dispatch()

    def meanwhile() -> None:
        c.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
        c.dispatcher.dispatch()
        c.clock.advance(5)
        assert c.worker.work()  # another thread carries it out

    c.during_call(2, meanwhile)
    for _ in range(5):
        c.run(seconds=60)
    assert counts(c).keys() == {"done"}


def test_while_another_process_renews_a_refused_token_no_call_is_wasted(collect: Collect) -> None:
    c = collect(BAD_TOKEN, renewal(1))
    c.transport.answer_with(ride)
    with c.database.write() as tx:
        leases.acquire(tx, name=f"tokens:{ANNA}", holder="another", now=c.clock.now(), seconds=180)
    for activity in (1, 2, 3):
        c.receive("create", activity)
    for _ in range(60):
        c.run(seconds=2)
    assert len(c.transport.requests) == 1
    for _ in range(20):
        c.run(seconds=10)
    assert set(c.index.latest()) == {1, 2, 3}


def test_the_next_process_of_an_input_gives_back_what_the_killed_one_held(collect: Collect) -> None:
    killed = collect()
    with killed.database.write() as tx:
        holder = killed.pipeline.tokens._holder
        leases.acquire(tx, name=f"tokens:{ANNA}", holder=holder, now=killed.clock.now(), seconds=180)
    c = collect(BAD_TOKEN, renewal(1), ride(1))
    with c.database.write() as tx:
        c.pipeline.tokens.take_over(tx)
    c.receive("create", 1)
    c.run()
    assert list(c.index.latest()) == [1]
