"""Athletes whose access does not work any more: who is held up, who may try, who has come back."""

from __future__ import annotations

from strava_collector.store import athletes
from strava_collector.store.athletes import AthleteState, Standing
from strava_collector.store.database import Transaction
from tests.support.finished_work import ANNA, BEN


def refuse(
    tx: Transaction, athlete_id: int = ANNA, *, reason: str = "Refused.", connected_at: str = "50", now: float = 100.0
) -> None:
    athletes.mark_reconnect(
        tx, athlete_id=athlete_id, reason=reason, connected_at=connected_at, now=now, probe_after=900.0
    )


def withdraw(tx: Transaction, athlete_id: int = ANNA, *, connected_at: str = "50", now: float = 100.0) -> None:
    athletes.mark_deauthorized(tx, athlete_id=athlete_id, reason="Withdrawn.", connected_at=connected_at, now=now)


def test_an_athlete_is_in_good_standing_until_marked_and_after_being_cleared(tx: Transaction) -> None:
    assert athletes.standing(tx, ANNA) is None
    refuse(tx)
    assert athletes.standing(tx, ANNA) == Standing(ANNA, AthleteState.RECONNECT, 100.0, "Refused.", "50", 1000.0)
    assert athletes.clear(tx, ANNA)
    assert not athletes.clear(tx, ANNA)
    assert athletes.standing(tx, ANNA) is None


def test_since_when_stays_while_the_same_connection_is_refused(tx: Transaction) -> None:
    refuse(tx, reason="One.", now=100.0)
    refuse(tx, reason="Two.", now=200.0)
    assert athletes.standings(tx) == [Standing(ANNA, AthleteState.RECONNECT, 100.0, "Two.", "50", 1100.0)]


def test_another_connection_that_is_refused_begins_anew(tx: Transaction) -> None:
    refuse(tx, now=100.0)
    refuse(tx, connected_at="60", now=200.0)
    assert athletes.standings(tx)[0].since == 200.0


def test_who_withdrew_the_permission_is_more_than_one_who_needs_to_reconnect(tx: Transaction) -> None:
    refuse(tx, now=100.0)
    withdraw(tx, now=200.0)
    withdraw(tx, now=250.0)
    refuse(tx, now=300.0)
    refuse(tx, connected_at="40", now=300.0)
    assert athletes.is_deauthorized(tx, ANNA)
    assert athletes.standings(tx)[0].since == 200.0
    assert not athletes.is_deauthorized(tx, BEN)


def test_the_list_begins_with_who_has_waited_longest(tx: Transaction) -> None:
    refuse(tx, BEN, now=50.0)
    refuse(tx, ANNA, now=100.0)
    assert [found.athlete_id for found in athletes.standings(tx)] == [BEN, ANNA]


def test_one_who_needs_to_reconnect_is_blocked_until_the_probe_is_due(tx: Transaction) -> None:
    refuse(tx, now=100.0)
    assert athletes.blocked(tx, 100.0) == {ANNA}
    assert athletes.blocked(tx, 999.9) == {ANNA}
    assert athletes.blocked(tx, 1000.0) == frozenset()


def test_one_job_is_the_probe_and_the_others_wait_again(tx: Transaction) -> None:
    refuse(tx, now=100.0)
    assert not athletes.probing(tx, ANNA, 999.0, 900.0)
    assert athletes.probing(tx, ANNA, 1000.0, 900.0)
    assert not athletes.probing(tx, ANNA, 1000.0, 900.0)
    assert athletes.blocked(tx, 1899.0) == {ANNA}
    assert athletes.blocked(tx, 1900.0) == frozenset()


def test_who_gave_an_answer_again_need_not_reconnect_but_stays_deauthorized(tx: Transaction) -> None:
    refuse(tx)
    withdraw(tx, BEN)
    for athlete_id in (ANNA, BEN, 999):
        athletes.clear_if_reconnecting(tx, athlete_id)
    assert [found.athlete_id for found in athletes.standings(tx)] == [BEN]


def test_the_good_and_the_deauthorized_are_never_probed(tx: Transaction) -> None:
    withdraw(tx, BEN)
    assert not athletes.probing(tx, ANNA, 10_000.0, 900.0)
    assert not athletes.probing(tx, BEN, 10_000.0, 900.0)
    assert athletes.blocked(tx, 10_000.0) == {BEN}


def test_a_probe_put_off_while_the_clock_was_a_day_ahead_is_due(tx: Transaction) -> None:
    refuse(tx, now=86_500.0)
    assert athletes.blocked(tx, 100.0) == frozenset()
    assert athletes.probing(tx, ANNA, 100.0, 900.0)
    assert athletes.blocked(tx, 999.0) == {ANNA}


def test_who_has_connected_again_is_welcome(tx: Transaction) -> None:
    refuse(tx, 1, connected_at="50")
    refuse(tx, 2, connected_at="50")
    withdraw(tx, 3, connected_at="50")
    withdraw(tx, 4, connected_at="50")
    refuse(tx, 5, connected_at="50")
    now_connected = {1: "60", 2: "50", 3: "60", 4: "50", 6: "60"}
    assert sorted(athletes.welcome_back(tx, now_connected)) == [1, 3]
    assert [found.athlete_id for found in athletes.standings(tx)] == [2, 4, 5]
    assert athletes.welcome_back(tx, now_connected) == []


def test_a_late_refusal_of_the_old_connection_does_not_outlive_the_new_one(tx: Transaction) -> None:
    refuse(tx, connected_at="50")
    assert athletes.welcome_back(tx, {ANNA: "60"}) == [ANNA]
    refuse(tx, connected_at="50", now=200.0)
    assert athletes.welcome_back(tx, {ANNA: "60"}) == [ANNA]
    assert athletes.blocked(tx, 200.0) == frozenset()
