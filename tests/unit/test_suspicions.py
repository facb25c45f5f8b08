"""What lists make necessary: which jobs cost a call, and what a fetch settles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Optional

import pytest

from strava_collector.fingerprint import fingerprint
from strava_collector.job import Kind, Outcome, Priority, Reason
from strava_collector.privacy import Privacy
from strava_collector.store import ledger, queue, volume
from strava_collector.store.ledger import Known
from strava_collector.writer import OutputClosed
from tests.support.collecting import ANNA, INPUT, NOT_FOUND, Collect, Collecting, ride
from tests.support.scripted_transport import refusal

START_DATE = "2026-06-01T05:00:00Z"
FORBIDDEN = refusal("Activity", "id", "forbidden", 403)


def listed(c: Collecting, activity: int = 1, *, detailed: bool = False, entry: str = "list-entry") -> None:
    """The entry of a list has been written as a first version, as a walk does it."""
    now = c.clock.now()
    with c.database.write() as tx:
        placed = ledger.place_event(
            tx,
            activity_id=activity,
            athlete_id=ANNA,
            start_date=START_DATE,
            index="strava",
            input=INPUT.name,
            now=now,
            detailed=detailed,
            fingerprint=entry,
        )
        ledger.written(tx, activity, collected_at=placed.collected_at, digest="0" * 64)
        tx.execute("UPDATE activity SET listed = ?, listed_at = ? WHERE activity_id = ?", (entry, now, activity))


def suspect(c: Collecting, suspicion: Optional[str]) -> None:
    with c.database.write() as tx:
        tx.execute("UPDATE activity SET suspicion = ?", (suspicion,))


def poll(
    c: Collecting,
    activity: int = 1,
    *,
    force: bool = False,
    owner: int = ANNA,
    priority: Priority = Priority.RECONCILIATION,
) -> None:
    """A walk asks for the activity."""
    now = c.clock.now()
    with c.database.write() as tx:
        queue.join(
            tx,
            kind=Kind.ACTIVITY,
            activity_id=activity,
            athlete_id=owner,
            input=INPUT.name,
            reason=Reason.POLLING,
            priority=priority,
            force=force,
            due_at=now,
            now=now,
            trail="t",
        )


def known(c: Collecting, activity: int = 1) -> Known:
    with c.database.read() as tx:
        found = ledger.find(tx, activity)
    assert found is not None
    return found


def written(c: Collecting) -> list[object]:
    return [event.get("name", "gone") for event in c.index.activities]


def outcomes(c: Collecting) -> list[Optional[Outcome]]:
    return [job.outcome for job in c.jobs()]


# Which jobs cost a call.


def test_what_the_index_has_in_full_costs_no_call(collect: Collect) -> None:
    c = collect(ride())
    poll(c)
    c.run()
    poll(c)
    c.run()
    assert (written(c), outcomes(c)) == (["Ride"], [Outcome.COLLECTED, Outcome.UNCHANGED])
    assert c.counted()["needless_fetch"] == 1


def test_the_activity_in_full_follows_what_a_list_says_of_it(collect: Collect) -> None:
    c = collect(ride())
    listed(c)
    poll(c)
    c.run()
    assert (written(c), known(c).detailed) == (["Ride"], True)


@pytest.mark.parametrize("suspicion", [ledger.DIFFERS, ledger.MISSING])
def test_what_is_suspected_is_fetched(collect: Collect, suspicion: str) -> None:
    c = collect(ride(), ride(name="Edited"))
    poll(c)
    c.run()
    suspect(c, suspicion)
    poll(c)
    c.run()
    assert (written(c), known(c).suspicion) == (["Ride", "Edited"], None)


def test_a_version_that_a_crash_kept_from_the_index_is_fetched_again(collect: Collect) -> None:
    c = collect(ride(), ride())
    poll(c)
    c.index.closed = True
    with pytest.raises(OutputClosed):
        c.run()
    assert known(c).start_date == START_DATE
    c.index.closed = False
    c.clock.advance(1.0)
    # The next process has a writer of its own; what is left of the job is the same.
    c.pipeline.worker.put_back(also_in_hand=True)
    assert [job.outcome for job in c.jobs()] == [None]
    c.run()
    assert (written(c), len(c.transport.requests)) == (["Ride"], 2)


# What a fetch settles.


def test_a_fetch_that_finds_the_same_remembers_that_lists_do_not_have_it(collect: Collect) -> None:
    c = collect(ride(), ride(kudos_count=1), ride(kudos_count=1))
    poll(c)
    c.run()
    suspect(c, ledger.MISSING)
    poll(c)
    c.run()
    assert (known(c).unlisted, known(c).suspicion) == (False, None), "another version was written"
    suspect(c, ledger.MISSING)
    poll(c)
    c.run()
    assert (known(c).unlisted, known(c).suspicion, outcomes(c)[-1]) == (True, None, Outcome.UNCHANGED)


def test_an_activity_that_lists_lack_and_strava_too_is_gone_at_once(collect: Collect) -> None:
    c = collect(ride(), NOT_FOUND)
    poll(c)
    c.run()
    suspect(c, ledger.MISSING)
    poll(c)
    c.run()
    assert (c.index.latest(), len(c.index.activities), outcomes(c)[-1]) == ({}, 2, Outcome.DELETED)
    assert len(c.transport.requests) == 2, "the list was the first word, the fetch the second"


def test_what_lists_show_and_strava_never_allows_keeps_its_first_version(collect: Collect) -> None:
    c = collect(*[FORBIDDEN] * 5)
    listed(c, entry="first-entry")
    poll(c)
    for _ in range(6):
        c.run(300.0)
    assert (c.index.activities, outcomes(c)) == ([], [Outcome.DEAD_LETTER])
    now = known(c)
    assert (now.given_up, now.detailed, now.deleted) == ("first-entry", False, False)


def test_what_lists_showed_days_ago_is_a_deletion_after_two_404(collect: Collect) -> None:
    c = collect(NOT_FOUND, NOT_FOUND)
    listed(c)
    with c.database.write() as tx:
        tx.execute("UPDATE activity SET listed_at = listed_at - 86400")
    poll(c)
    c.run()
    c.run(601.0)
    assert (known(c).deleted, outcomes(c)) == (True, [Outcome.DELETED])


# What is compared.


def test_lists_are_compared_with_what_strava_says_not_with_what_is_kept_of_it(
    collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_name(activity: Mapping[str, object], left_out: Privacy) -> dict[str, object]:
        assert left_out == INPUT.privacy
        return {key: value for key, value in activity.items() if key != "name"}

    monkeypatch.setattr("strava_collector.conclusion.of_activity", without_name)
    c = collect(ride(name="One"), ride(name="Other"))
    poll(c)
    c.run()
    assert "name" not in c.index.activities[0]
    assert known(c).fingerprint == fingerprint(json.loads(ride(name="One").body))
    suspect(c, ledger.DIFFERS)
    poll(c)
    c.run()
    # Nothing that is kept has changed, so nothing is written; the list's word is remembered all the same.
    assert (len(c.index.activities), outcomes(c)[-1]) == (1, Outcome.UNCHANGED)
    assert (known(c).fingerprint, known(c).suspicion) == (fingerprint(json.loads(ride(name="Other").body)), None)


def test_a_forced_fetch_writes_a_version_even_if_nothing_has_changed(collect: Collect) -> None:
    c = collect(ride(), ride())
    poll(c)
    c.run()
    poll(c, force=True)
    c.run()
    assert (written(c), outcomes(c)) == (["Ride", "Ride"], [Outcome.COLLECTED] * 2)


@pytest.mark.parametrize("priority", list(Priority))
def test_only_what_is_written_for_history_counts_as_its_volume(collect: Collect, priority: Priority) -> None:
    c = collect(ride(name="Zürich → Olten"), ride(name="Zürich → Olten"))
    for _ in range(2):
        poll(c, priority=priority)
        suspect(c, ledger.DIFFERS)
        c.run()
    size = len(c.index.events[0].data.encode())
    assert size > len(c.index.events[0].data)
    with c.database.read() as tx:
        assert volume.used(tx, c.clock.now()) == (size if priority is Priority.HISTORY else 0)
