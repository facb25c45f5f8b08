"""Samples while something comes between: deletions, withdrawals, lost leases, crashes, other rides."""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Sequence
from typing import Callable, Optional

import pytest

from strava_collector.events import Event
from strava_collector.job import Outcome, Priority, Status
from strava_collector.store import athletes, crashed_jobs, farewell, ledger, replay
from tests.support.collecting import ANNA, BAD_TOKEN, BEN, INPUT, NOT_FOUND, REVOKED, Collect, Collecting, ride
from tests.support.long_ride import SAMPLES, long_ride
from tests.support.scripted_transport import answer
from tests.support.streaming import STREAMING, Streaming, enqueue, streams, the_job
from tests.support.waiting import ended

# Deleted, withdrawn.


def test_a_deletion_ends_waiting_jobs_without_a_call(streaming: Streaming) -> None:
    c = streaming(ride(7), NOT_FOUND)
    c.receive("create", 7)
    c.run()
    c.receive("delete", 7)
    c.transport.add(NOT_FOUND)
    c.run(700)
    calls = len(c.transport.requests)
    c.run(10)
    assert the_job(c).status is Status.DONE
    assert len(c.transport.requests) == calls
    assert c.index.samples == []


def test_samples_that_are_no_longer_wanted_are_not_fetched(collect: Collect) -> None:
    c = collect(ride(7), NOT_FOUND, webhook_input=STREAMING)
    c.receive("create", 7)
    c.run()
    c.close()
    without = collect()
    without.run(400)
    assert the_job(without).status is Status.DONE


def test_a_deletion_during_the_call_leaves_nothing_to_write(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(3))
    c.receive("create", 7)

    def deleted() -> None:
        with c.database.write() as tx:
            ledger.place_tombstones(tx, activity_id=7, now=c.clock.now())

    c.during_call(2, deleted)
    c.run()
    assert c.index.samples == []
    assert (the_job(c).status, the_job(c).outcome) == (Status.DONE, Outcome.CANCELLED)


def test_a_deletion_between_two_pieces_stops_the_writing(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(1200))
    c.receive("create", 7)

    def deleted() -> None:
        with c.database.write() as tx:
            ledger.place_tombstones(tx, activity_id=7, now=c.clock.now())

    Meanwhile(c, after_piece=1, action=deleted)
    c.run()
    assert len(c.index.samples) == 500
    assert the_job(c).outcome is Outcome.CANCELLED


def test_a_withdrawal_between_two_pieces_stops_the_writing(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(1200))
    c.receive("create", 7)
    assert c.settings is not None
    connected_at = c.settings.athletes[ANNA].connected_at

    def withdrawn() -> None:
        with c.database.write() as tx:
            athletes.mark_deauthorized(
                tx, athlete_id=ANNA, reason="Gone.", connected_at=connected_at, now=c.clock.now()
            )

    Meanwhile(c, after_piece=2, action=withdrawn)
    c.run()
    assert len(c.index.samples) == 1000
    assert the_job(c).outcome is Outcome.CANCELLED


def test_refused_tokens_leave_the_samples_waiting_for_the_athlete(streaming: Streaming) -> None:
    c = streaming(ride(7), BAD_TOKEN, REVOKED)
    c.receive("create", 7)
    c.run()
    assert [standing.athlete_id for standing in c.standings()] == [ANNA]
    c.transport.add(streams(1))
    c.reconnect(ANNA)
    c.run()
    assert len(c.index.samples) == 1


# Long ones.


class Meanwhile:
    """Lets something happen when a piece has been written; counts the pieces."""

    def __init__(
        self, c: Collecting, *, after_piece: Optional[int] = None, action: Callable[[], None] = lambda: None
    ) -> None:
        self.pieces: list[int] = []
        write_all = c.index.write_all

        def counting(events: Sequence[Event]) -> None:
            write_all(events)
            self.pieces.append(len(events))
            if len(self.pieces) == after_piece:
                action()

        c.index.write_all = counting  # type: ignore[method-assign]  # the sink that the writer has


def test_a_lease_that_is_lost_stops_the_writing_and_everything_comes_again(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(1200), streams(1200))
    c.receive("create", 7)

    def lost() -> None:
        c.worker.put_back(also_in_hand=True)

    Meanwhile(c, after_piece=1, action=lost)
    c.run()
    first = c.index.samples[0]["collected_at"]
    newest = [sample for sample in c.index.samples if sample["collected_at"] > first]
    assert (len(c.index.samples) - len(newest), len(newest)) == (500, 1200)


def test_a_crash_between_two_pieces_writes_everything_again_with_a_later_time(collect: Collect) -> None:
    c = collect(ride(7), streams(1200), webhook_input=STREAMING)
    c.receive("create", 7)

    class Killed(BaseException):
        pass

    def killed() -> None:
        raise Killed

    Meanwhile(c, after_piece=2, action=killed)
    with pytest.raises(Killed):
        c.run()
    c.close()
    again = collect(streams(1200), webhook_input=STREAMING)
    with again.database.write() as tx:
        crashed_jobs.take_over(tx, input=INPUT.name, now=again.clock.now())
        again.pipeline.take_over(tx)
    again.run()
    assert len(again.index.samples) == 1200
    assert again.index.samples[0]["collected_at"] > c.index.samples[0]["collected_at"]
    assert the_job(again).outcome is Outcome.COLLECTED


def test_eight_hours_are_written_in_pieces_and_leave_room_for_another_athletes_ride(streaming: Streaming) -> None:
    c = streaming(ride(7), answer(long_ride()), ride(8, owner=BEN, manual=True))
    c.receive("create", 7)
    others: list[threading.Thread] = []

    def meanwhile() -> None:
        c.receive("create", 8, owner=BEN, event_time=int(c.clock.now()) - 60)
        c.dispatcher.dispatch()
        c.clock.advance(10)
        others.append(threading.Thread(target=c.worker.work))
        others[0].start()

    counting = Meanwhile(c, after_piece=3, action=meanwhile)
    tracemalloc.start()
    try:
        c.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    ended(*others)

    assert sum(counting.pieces) == SAMPLES
    assert max(counting.pieces) == 500
    positions = {json.loads(event.data).get("id"): number for number, event in enumerate(c.index.events)}
    assert positions[8] < len(c.index.events) - 5_000, "Ben's ride waited for the whole of Anna's samples"
    # The index of the test keeps all events; what they take is not the collector's.
    kept = sum(len(event.data) + 400 for event in c.index.events)
    assert peak - kept < 12_000_000


def test_a_replay_asks_for_samples_once(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(1))
    c.receive("create", 7)
    c.run()
    began = c.clock.now() - 60
    c.transport.add(ride(7), streams(1))
    cursor: Optional[replay.ReplayCursor] = replay.ReplayCursor()
    while cursor is not None:
        with c.database.write() as tx:
            cursor = replay.replay_since(tx, since=began, now=c.clock.now(), cursor=cursor).cursor
    c.run()
    assert len(c.index.samples) == 2


@pytest.mark.parametrize("step", [3600.0, -3600.0], ids=["samples ahead", "tombstone ahead"])
def test_whatever_the_clock_does_a_tombstone_covers_the_samples_before_it_and_none_after(
    streaming: Streaming, step: float
) -> None:
    c = streaming(ride(7), streams(2), NOT_FOUND, ride(7), streams(2))
    c.receive("create", 7)
    c.dispatcher.dispatch()
    c.clock.advance(10)
    c.worker.work()
    c.clock.set_wall(c.clock.now() + max(step, 0.0))
    c.worker.work()
    c.clock.set_wall(c.clock.now() - max(step, 0.0))
    c.receive("delete", 7)
    c.run(100)
    c.clock.set_wall(c.clock.now() + min(step, 0.0))
    enqueue(c, Priority.LIVE, force=True)
    c.run(100)

    before, after = sorted({sample["collected_at"] for sample in c.index.samples})
    events = [json.loads(event.data) for event in c.index.events if event.sourcetype == "strava:activities"]
    (grave,) = [event["collected_at"] for event in events if event.get("deleted")]
    assert before < grave < after
    with c.database.read() as tx:
        assert farewell.find(tx, ANNA, c.clock.now()).collected_at > after


def test_the_last_word_about_an_athlete_is_later_than_samples_of_a_clock_that_was_ahead(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(2))
    c.receive("create", 7)
    c.dispatcher.dispatch()
    c.clock.advance(10)
    c.worker.work()
    c.clock.set_wall(c.clock.now() + 3600)
    c.worker.work()
    c.clock.set_wall(c.clock.now() - 3600)
    with c.database.read() as tx:
        assert farewell.find(tx, ANNA, c.clock.now()).collected_at > c.index.samples[0]["collected_at"]
