"""Waiting work changes hands with its athlete, and is given up when the athlete does not come back."""

from __future__ import annotations

from strava_collector.job import Kind
from strava_collector.store import athletes, dead_letters, handover, replay
from strava_collector.store.database import Transaction
from strava_collector.store.replay import ReplayCursor, _Stage
from tests.support.finished_work import (
    ANNA,
    BEN,
    collected,
    count,
    deleted,
    finished_job,
    stored_notification,
    waiting_job,
)
from tests.support.store import RIDES, query_plans

DAY = 86_400.0
NEW = "new input"


def take_over(tx: Transaction, *ids: int, limit: int = 200, now: float = 500.0) -> int:
    return handover.take_over(tx, old_input=RIDES, new_input=NEW, athletes=ids, now=now, limit=limit)


def test_other_inputs_with_work_are_those_with_something_that_waits(tx: Transaction) -> None:
    waiting_job(tx, 1, input="with a job")
    finished_job(tx, 2, input="with a finished job")
    for number, (state, reason) in enumerate(
        {"pending": None, "dispatching": None, "held": "Unknown.", "dispatched": None, "dead letter": "Bad."}.items()
    ):
        stored_notification(tx, number, state=state, reason=reason, input=f"with a {state} one")
    waiting_job(tx, 3, input=NEW)
    assert handover.inputs_with_work(tx, NEW) == [
        "with a dispatching one",
        "with a held one",
        "with a job",
        "with a pending one",
    ]


def test_looking_for_inputs_does_not_walk_through_their_rows(tx: Transaction) -> None:
    waiting_job(tx, 1)
    stored_notification(tx, 1, state="pending")
    plans = query_plans(tx, lambda: handover.inputs_with_work(tx, NEW))
    assert plans
    for query, plan in plans.items():
        found_by_skipping = "SEARCH" in plan and "SCAN" not in plan and "TEMP" not in plan
        assert found_by_skipping or "place_replay" in plan, (query, plan)


def test_an_athletes_waiting_work_goes_to_the_new_input_and_nothing_else_does(tx: Transaction) -> None:
    waiting_job(tx, 1)
    waiting_job(tx, ANNA, kind=Kind.ATHLETE)
    waiting_job(tx, 2, athlete_id=BEN)
    finished_job(tx, 3)
    for number, (state, reason) in enumerate(
        {
            "pending": None,
            "dispatching": None,
            "held": "foreign subscription",
            "dispatched": None,
            "dead letter": "No.",
        }.items()
    ):
        stored_notification(tx, number, state=state, reason=reason)
    stored_notification(tx, 10, state="pending", athlete_id=BEN)
    assert take_over(tx, ANNA) == 5
    assert take_over(tx, ANNA) == 0
    assert count(tx, "job", f"input = '{NEW}' AND status = 'pending' AND athlete_id = {ANNA}") == 2
    assert count(tx, "job", f"input = '{RIDES}'") == 2
    states = tx.execute(f"SELECT state, reason FROM notification WHERE input = '{NEW}' ORDER BY id").fetchall()
    assert [tuple(row) for row in states] == [
        ("pending", None),
        ("dispatching", None),
        ("held", "foreign subscription"),
    ]
    assert count(tx, "notification", f"input = '{RIDES}'") == 3


def test_what_was_held_because_nobody_knew_the_athlete_is_dispatched_by_the_input_that_does(tx: Transaction) -> None:
    stored_notification(tx, 1, state="held", reason="unknown athlete")
    assert take_over(tx, ANNA) == 1
    rows = tx.execute("SELECT input, state, reason FROM notification").fetchall()
    assert [tuple(row) for row in rows] == [(NEW, "pending", None)]


def test_tombstones_that_are_to_be_written_again_are_written_by_the_new_input(tx: Transaction) -> None:
    for number, athlete_id in ((1, ANNA), (2, BEN), (3, ANNA)):
        collected(tx, number, athlete_id=athlete_id)
        deleted(tx, number, now=number * 100.0)
    replay.replay_since(tx, since=150.0, now=500.0, cursor=ReplayCursor(_Stage.TOMBSTONES))
    assert handover.inputs_with_work(tx, NEW) == [RIDES]
    assert take_over(tx, ANNA) == 1
    assert [grave.activity_id for grave in replay.tombstones_to_replay(tx, input=NEW)] == [3]
    assert [grave.activity_id for grave in replay.tombstones_to_replay(tx, input=RIDES)] == [2]
    assert take_over(tx, BEN) == 1
    assert handover.inputs_with_work(tx, NEW) == []


def test_what_both_inputs_were_sent_is_kept_once(tx: Transaction) -> None:
    stored_notification(tx, 1, state="pending")
    kept = stored_notification(tx, 1, state="dispatched", input=NEW)
    assert take_over(tx, ANNA) == 1
    rows = tx.execute("SELECT id, state, deliveries FROM notification").fetchall()
    assert [tuple(row) for row in rows] == [(kept, "dispatched", 2)]


def test_much_work_goes_in_batches_in_the_order_of_its_arrival(tx: Transaction) -> None:
    for number in range(1, 31):
        waiting_job(tx, number, athlete_id=ANNA if number % 2 else BEN)
        stored_notification(tx, number, state="pending", athlete_id=ANNA if number % 2 else BEN)
    batches: list[int] = []
    while batches[-1:] != [0]:
        batches.append(take_over(tx, ANNA, BEN, limit=25))
    assert batches == [25, 25, 10, 0]
    assert handover.inputs_with_work(tx, NEW) == []
    order = [row["object_id"] for row in tx.execute("SELECT object_id FROM notification ORDER BY id").fetchall()]
    assert order == list(range(1, 31))


def refuse(tx: Transaction, athlete_id: int = ANNA, *, connected_at: str = "1", now: float = 100.0) -> None:
    athletes.mark_reconnect(
        tx, athlete_id=athlete_id, reason="Refused.", connected_at=connected_at, now=now, probe_after=900.0
    )


def test_jobs_of_an_athlete_who_has_not_come_back_for_a_week_are_given_up(tx: Transaction) -> None:
    refuse(tx, now=100.0)
    refuse(tx, BEN, now=2 * DAY)
    waiting_job(tx, 1, now=90.0)
    waiting_job(tx, 2, now=3 * DAY)
    waiting_job(tx, 3, now=90.0, athlete_id=BEN)
    waiting_job(tx, 4, now=90.0, athlete_id=999)
    waiting_job(tx, 5, now=90.0, input="another")
    assert handover.expire_reconnect(tx, input=RIDES, now=7 * DAY + 99.0) == 0
    assert handover.expire_reconnect(tx, input=RIDES, now=7 * DAY + 100.0) == 1
    assert handover.expire_reconnect(tx, input=RIDES, now=7 * DAY + 100.0) == 0
    (letter,) = dead_letters.dead_letters(tx, limit=10)
    assert (letter.activity_id, letter.reason) == (1, "Refused. The athlete did not connect again within 7 days.")


def test_a_week_of_an_athlete_who_was_back_in_between_begins_anew(tx: Transaction) -> None:
    waiting_job(tx, 1, now=90.0)
    refuse(tx, now=100.0)
    athletes.welcome_back(tx, {ANNA: "2"})
    assert handover.expire_reconnect(tx, input=RIDES, now=8 * DAY) == 0
    refuse(tx, connected_at="2", now=5 * DAY)
    assert handover.expire_reconnect(tx, input=RIDES, now=8 * DAY) == 0
    assert handover.expire_reconnect(tx, input=RIDES, now=12 * DAY) == 1


def test_what_was_asked_for_after_the_athlete_withdrew_does_not_wait_for_ever(tx: Transaction) -> None:
    athletes.mark_deauthorized(tx, athlete_id=ANNA, reason="Withdrawn.", connected_at="1", now=100.0)
    waiting_job(tx, 1, now=200.0)
    assert handover.expire_reconnect(tx, input=RIDES, now=7 * DAY + 150.0) == 0
    assert handover.expire_reconnect(tx, input=RIDES, now=7 * DAY + 250.0) == 1


def test_nothing_is_given_up_while_it_is_being_found_out_whether_the_athlete_withdrew(tx: Transaction) -> None:
    refuse(tx)
    waiting_job(tx, 1)
    confirmation = waiting_job(tx, ANNA, kind=Kind.ATHLETE)
    assert handover.expire_reconnect(tx, input=RIDES, now=30 * DAY) == 0
    tx.execute("UPDATE job SET status = 'done', outcome = 'unchanged' WHERE id = ?", (confirmation,))
    assert handover.expire_reconnect(tx, input=RIDES, now=30 * DAY) == 1


def test_giving_up_goes_in_batches(tx: Transaction) -> None:
    for athlete_id in (ANNA, BEN):
        refuse(tx, athlete_id)
        for number in range(1, 21):
            waiting_job(tx, number, athlete_id=athlete_id)
    batches: list[int] = []
    while batches[-1:] != [0]:
        batches.append(handover.expire_reconnect(tx, input=RIDES, now=8 * DAY, limit=15))
    assert batches == [15, 15, 10, 0]
