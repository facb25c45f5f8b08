"""From an activity to its samples in the index: the whole of the worker, in virtual time."""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Callable, Optional

import pytest

from strava_collector.events import Event
from strava_collector.job import Job, Kind, Outcome, Priority, Reason, Status
from strava_collector.privacy import Privacy
from strava_collector.settings import WebhookInput
from strava_collector.store import (
    applications,
    athletes,
    crashed_jobs,
    dead_letters,
    farewell,
    ledger,
    queue,
    replay,
    volume,
)
from strava_collector.store.dead_letters import retry_job
from strava_collector.stream_outcome import NONE, NOT_READY
from strava_collector.transport import Answer, Request
from tests.support.collecting import (
    ANNA,
    APPLICATION,
    BAD_TOKEN,
    BEN,
    BROKEN,
    INPUT,
    NOT_FOUND,
    REVOKED,
    Collect,
    Collecting,
    renewal,
    ride,
)
from tests.support.long_ride import SAMPLES, long_ride
from tests.support.scripted_transport import answer

STREAMING = replace(INPUT, streams=True)
START = 1_780_290_000


def streams(seconds: int = 3, **data: object) -> Answer:
    """Strava's answer with streams."""
    columns = {"time": list(range(seconds)), "watts": [200] * seconds, **data}
    return answer({name: {"data": values} for name, values in columns.items()})


@pytest.fixture
def streaming(collect: Collect) -> Callable[..., Collecting]:
    """Makes a Collecting whose input collects samples."""

    def factory(*script: Answer, webhook_input: WebhookInput = STREAMING) -> Collecting:
        return collect(*script, webhook_input=webhook_input)

    return factory


Streaming = Callable[..., Collecting]


def jobs(c: Collecting, kind: Kind = Kind.STREAMS) -> list[Job]:
    return [job for job in c.jobs() if job.kind is kind]


def the_job(c: Collecting) -> Job:
    (job,) = jobs(c)
    return job


def enqueue(c: Collecting, priority: Priority, *, activity: int = 7, force: bool = False) -> None:
    with c.database.write() as tx:
        queue.join(
            tx,
            kind=Kind.ACTIVITY,
            activity_id=activity,
            athlete_id=ANNA,
            input=INPUT.name,
            reason=Reason.MANUAL,
            priority=priority,
            force=force,
            due_at=c.clock.now(),
            now=c.clock.now(),
            trail="trail",
        )


def test_samples_follow_their_activity(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(heartrate=[120, None, 121], latlng=[[47.0, 8.0], [47.1, 8.1], None]))
    c.receive("create", 7)
    c.run()

    first, second, third = c.index.samples
    assert first == {
        "time": START,
        "activity_id": 7,
        "athlete_id": ANNA,
        "offset": 0,
        "watts": 200,
        "heartrate": 120,
        "lat": 47.0,
        "lon": 8.0,
        "collected_at": first["collected_at"],
    }
    assert (second["time"], second["lat"], "heartrate" in second) == (START + 1, 47.1, False)
    assert "lat" not in third
    assert len({sample["collected_at"] for sample in c.index.samples}) == 1
    events = [event for event in c.index.events if event.sourcetype == "strava:activities:stream"]
    assert {(event.index, event.source) for event in events} == {("strava", "strava_webhook://club")}
    job = the_job(c)
    assert (job.status, job.outcome, job.priority) == (Status.DONE, Outcome.COLLECTED, Priority.RECONCILIATION)
    assert job.trail == jobs(c, Kind.ACTIVITY)[0].trail
    assert c.transport.requests[-1].url.endswith("/activities/7/streams")
    assert c.transport.requests[-1].query["key_by_type"] == "true"


def test_they_are_asked_for_only_if_the_input_wants_them(collect: Collect) -> None:
    c = collect(ride(7))
    c.receive("create", 7)
    c.run()
    assert jobs(c) == []


def test_what_was_typed_in_is_never_asked_for(streaming: Streaming) -> None:
    c = streaming(ride(7, manual=True))
    c.receive("create", 7)
    c.run()
    assert jobs(c) == []


def test_an_athletes_own_index_gets_the_samples_too(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(1))
    assert c.settings is not None
    c.connect(replace(c.settings.athletes[ANNA], index="anna"))
    c.receive("create", 7)
    c.run()
    assert {event.index for event in c.index.events if "activities" in event.sourcetype} == {"anna"}


def test_what_is_to_be_left_out_is_neither_asked_for_nor_written(streaming: Streaming) -> None:
    private = replace(STREAMING, privacy=Privacy(location=True, health=True))
    c = streaming(ride(7), streams(1, latlng=[[47.0, 8.0]], heartrate=[120]), webhook_input=private)
    c.receive("create", 7)
    c.run()
    (sample,) = c.index.samples
    assert sample.keys() & {"lat", "lon", "heartrate"} == set()
    asked = str(c.transport.requests[-1].query["keys"]).split(",")
    assert {"latlng", "heartrate"} & set(asked) == set()
    assert "watts" in asked


# What is fetched again, and what is not.


def test_a_new_title_fetches_no_samples_and_a_cut_ride_does(streaming: Streaming) -> None:
    c = streaming(ride(7, distance=900.0), streams(2), ride(7, distance=900.0, name="Second"))
    c.receive("create", 7)
    c.run()
    c.receive("update", 7, updates={"title": "Second"})
    c.run(60)
    assert len(c.transport.requests) == 3
    c.transport.add(ride(7, distance=450.0, name="Second"), streams(1))
    c.receive("update", 7, event_time=int(c.clock.now()) + 5)
    c.run(60)
    collected = [sample["collected_at"] for sample in c.index.samples]
    assert len(collected) == 3
    assert collected[2] > collected[0] == collected[1]


def test_a_fetch_by_force_fetches_the_samples_again_with_a_later_time(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(1), ride(7), streams(1))
    c.receive("create", 7)
    c.run()
    c.clock.set_wall(c.clock.now() - 3600)
    enqueue(c, Priority.HISTORY, force=True)
    c.run()
    before, after = (sample["collected_at"] for sample in c.index.samples)
    assert after > before
    assert {job.priority for job in jobs(c)} == {Priority.RECONCILIATION, Priority.HISTORY}


def test_an_unchanged_activity_whose_samples_were_never_collected_gets_them(collect: Collect, tmp_path: Path) -> None:
    without = collect(ride(7))
    without.receive("create", 7)
    without.run()
    without.close()
    c = collect(ride(7), streams(1), webhook_input=STREAMING)
    c.receive("update", 7)
    c.run()
    assert len(c.index.activities) == 0  # unchanged
    assert len(c.index.samples) == 1


def test_an_edit_while_samples_are_waited_for_does_not_ask_sooner(streaming: Streaming) -> None:
    c = streaming(ride(7), NOT_FOUND, ride(7, name="Second"))
    c.receive("create", 7)
    c.run()
    due = the_job(c).next_run_at
    c.receive("update", 7, updates={"title": "Second"})
    c.run(60)
    assert (the_job(c).next_run_at, the_job(c).attempts) == (due, 1)


def test_an_activity_that_changes_while_its_samples_are_fetched_gets_those_of_the_new_version(
    streaming: Streaming,
) -> None:
    c = streaming(ride(7), streams(3), ride(7, start="2026-06-01T06:00:00Z"), streams(2))
    c.receive("create", 7)

    def edited() -> None:
        job = the_job(c)
        with c.database.write() as tx:
            queue.join(
                tx,
                kind=Kind.STREAMS,
                activity_id=7,
                athlete_id=ANNA,
                input=job.input,
                reason=job.reason,
                priority=job.priority,
                force=False,
                due_at=c.clock.now() + 30,
                now=c.clock.now(),
                trail=job.trail,
                expected="another key",
            )

    c.during_call(2, edited)
    c.run()
    assert c.index.samples == []
    assert the_job(c).status is Status.PENDING
    c.receive("update", 7)
    c.run(60)
    assert [sample["time"] for sample in c.index.samples] == [START + 3600, START + 3601]
    with c.database.read() as tx:
        key = tx.execute("SELECT stream_key FROM activity").fetchone()["stream_key"]
    assert key == the_job(c).expected != "another key"


# Not ready, not there, not allowed.


def test_streams_that_are_not_ready_come_after_5_minutes(streaming: Streaming) -> None:
    c = streaming(ride(7), NOT_FOUND)
    c.receive("create", 7)
    c.run()
    assert (the_job(c).error, the_job(c).next_run_at) == (NOT_READY, c.clock.now() + 300)
    c.transport.add(streams(1))
    c.run(301)
    assert len(c.index.samples) == 1


def test_an_activity_without_samples_is_done_without_them_and_not_asked_again(streaming: Streaming) -> None:
    c = streaming(ride(7), NOT_FOUND, streams(0), NOT_FOUND, streams(0))
    c.receive("create", 7)
    c.run()
    for seconds in (301, 901, 2701):
        c.run(seconds)
    assert (the_job(c).status, the_job(c).outcome, the_job(c).error) == (Status.DONE, Outcome.SKIPPED, NONE)
    c.transport.add(ride(7, name="Second"))
    c.receive("update", 7)
    c.run(60)
    assert len(jobs(c)) == 1
    assert c.index.samples == []


def test_history_asks_once(streaming: Streaming) -> None:
    c = streaming(ride(7), NOT_FOUND)
    enqueue(c, Priority.HISTORY)
    c.run()
    assert (the_job(c).outcome, the_job(c).priority) == (Outcome.SKIPPED, Priority.HISTORY)


def test_what_history_writes_is_counted(streaming: Streaming) -> None:
    c = streaming(ride(7), streams(600))
    enqueue(c, Priority.HISTORY)
    c.run()
    with c.database.read() as tx:
        assert volume.used(tx, c.clock.now()) == sum(len(event.data) for event in c.index.events)


def test_saving_a_setting_does_not_hurry_what_is_not_ready(streaming: Streaming) -> None:
    c = streaming(ride(7), NOT_FOUND)
    c.receive("create", 7)
    c.run()
    due = the_job(c).next_run_at
    assert c.settings is not None
    c.upkeep.settings_changed(c.settings)
    assert the_job(c).next_run_at == due


def test_a_refusal_is_the_samples_own_matter_and_can_be_retried_by_hand(streaming: Streaming) -> None:
    c = streaming(ride(7), answer({"message": "Forbidden"}, 403))
    c.receive("create", 7)
    c.run()
    assert (the_job(c).status, jobs(c, Kind.ACTIVITY)[0].outcome) == (Status.FAILED, Outcome.COLLECTED)
    with c.database.read() as tx:
        (letter,) = dead_letters.dead_letters(tx, limit=10)
    assert (letter.kind, letter.activity_id) == ("streams", 7)
    c.transport.add(streams(1))
    with c.database.write() as tx:
        retry_job(tx, letter.id, c.clock.now())
    c.run()
    assert len(c.index.samples) == 1
    c.transport.add(ride(7, name="Second"))
    c.receive("update", 7)
    c.run(60)
    assert len(c.index.samples) == 1


def test_streams_that_fail_never_keep_activities_from_being_fetched(
    streaming: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = streaming()

    def without_streams(request: Request) -> Answer:
        return BROKEN if request.url.endswith("/streams") else ride(int(request.url.rpartition("/")[2]))

    monkeypatch.setattr(c.transport, "send", without_streams)
    for number in range(1, 7):
        c.receive("create", number)
    c.run(120)
    c.run(600)
    c.run(120)
    assert len(c.index.activities) == 6
    with c.database.read() as tx:
        assert applications.circuit(tx, APPLICATION.client_id).breach is None
    c.receive("create", 9)
    c.run(10)
    assert c.index.activities[-1]["id"] == 9
    for _ in range(10):
        c.run(86_400)
    assert {job.status for job in jobs(c)} == {Status.FAILED}


def test_a_token_is_renewed_for_samples_too(streaming: Streaming) -> None:
    c = streaming(ride(7), BAD_TOKEN, renewal(1), streams(1))
    c.receive("create", 7)
    c.run()
    assert len(c.index.samples) == 1


def test_an_answer_that_is_no_set_of_streams_is_tried_again(streaming: Streaming) -> None:
    c = streaming(ride(7), answer({"message": "hello"}))
    c.receive("create", 7)
    c.run()
    assert "not with the samples" in str(the_job(c).error)
    c.transport.add(answer(b"<html>"))
    c.run(31)
    assert "not JSON" in str(the_job(c).error)


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
    others[0].join(10)

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
