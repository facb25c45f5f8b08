"""From an activity to its samples in the index: the whole of the worker, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from strava_collector.job import Kind, Outcome, Priority, Status
from strava_collector.privacy import Privacy
from strava_collector.store import (
    applications,
    dead_letters,
    queue,
    volume,
)
from strava_collector.store.dead_letters import retry_job
from strava_collector.stream_outcome import NONE, NOT_READY
from strava_collector.transport import Answer, Request
from tests.support.collecting import (
    ANNA,
    APPLICATION,
    BAD_TOKEN,
    BROKEN,
    NOT_FOUND,
    Collect,
    renewal,
    ride,
)
from tests.support.scripted_transport import answer
from tests.support.streaming import START, STREAMING, Streaming, enqueue, jobs, streams, the_job


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
