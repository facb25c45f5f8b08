"""The ledger: where each activity's versions are, and the times that keep them in order."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Optional

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from strava_collector.events import Tombstone
from strava_collector.store import ledger
from strava_collector.store.database import Transaction
from strava_collector.store.ledger import Known, Placed
from tests.support.store import RIDES, database, query_plans

MONDAY, TUESDAY, FRIDAY = "2026-06-01T06:00:00Z", "2026-06-02T06:00:00Z", "2026-06-05T06:00:00Z"


def place(
    tx: Transaction,
    start_date: str = MONDAY,
    *,
    index: str = "strava",
    now: float = 1000.0,
    detailed: bool = True,
    fingerprint: str = "a-b",
) -> Placed:
    return ledger.place_event(
        tx,
        activity_id=7,
        athlete_id=134815,
        start_date=start_date,
        index=index,
        input=RIDES,
        now=now,
        detailed=detailed,
        fingerprint=fingerprint,
    )


def test_nothing_is_known_of_what_was_never_heard_of(tx: Transaction) -> None:
    assert ledger.find(tx, 7) is None
    assert ledger.place_tombstones(tx, activity_id=7, now=1.0) == ()
    assert ledger.find(tx, 7) is None


def test_a_notification_is_noted_before_anything_is_collected(tx: Transaction) -> None:
    ledger.note_event(tx, activity_id=7, athlete_id=134815, event_time=500, now=501.0, announced_at=500.5)
    known = ledger.find(tx, 7)
    assert known is not None
    assert (known.athlete_id, known.event_time, known.announced_at) == (134815, 500, 500.5)
    assert (known.start_date, known.collected_at, known.deleted, known.digest) == (None, None, False, None)


def test_the_newest_event_time_stays_and_so_does_the_first_announcement(tx: Transaction) -> None:
    for event_time, announced_at in ((500, None), (600, 601.0), (550, 602.0), (600, None)):
        ledger.note_event(tx, activity_id=7, athlete_id=1, event_time=event_time, now=1.0, announced_at=announced_at)
    known = ledger.find(tx, 7)
    assert known is not None
    assert (known.event_time, known.announced_at) == (600, 601.0)


def test_a_notification_after_the_collection_is_noted_too(tx: Transaction) -> None:
    place(tx)
    ledger.note_event(tx, activity_id=7, athlete_id=134815, event_time=500, now=501.0)
    known = ledger.find(tx, 7)
    assert known is not None
    assert (known.start_date, known.event_time) == (MONDAY, 500)


def test_the_first_version_leaves_no_place(tx: Transaction) -> None:
    assert place(tx, now=1000.1234) == Placed(1000.123, ())
    assert not ledger.holds(tx, activity_id=7, start_date=MONDAY, index="strava", digest="abc")
    ledger.written(tx, 7, collected_at=999.0, digest="abc")
    assert not ledger.holds(tx, activity_id=7, start_date=MONDAY, index="strava", digest="abc")
    ledger.written(tx, 7, collected_at=1000.123, digest="abc")
    assert ledger.holds(tx, activity_id=7, start_date=MONDAY, index="strava", digest="abc")
    assert not ledger.holds(tx, activity_id=7, start_date=TUESDAY, index="strava", digest="abc")
    assert not ledger.holds(tx, activity_id=7, start_date=MONDAY, index="other", digest="abc")
    assert not ledger.holds(tx, activity_id=7, start_date=MONDAY, index="strava", digest="abd")
    known = ledger.find(tx, 7)
    assert known is not None
    assert (known.start_date, known.collected_at, known.deleted, known.digest) == (
        MONDAY,
        1000.123,
        False,
        "abc",
    )


@pytest.mark.parametrize("now", [1000.0, 1000.0004, 999.0, 0.0])
def test_collected_at_grows_also_when_the_clock_does_not(tx: Transaction, now: float) -> None:
    place(tx, now=1000.0)
    assert place(tx, now=now).collected_at == 1000.001
    assert place(tx, now=now).collected_at == 1000.002


def test_an_edit_that_moves_the_start_leaves_a_tombstone_with_an_earlier_time(tx: Transaction) -> None:
    place(tx, MONDAY, now=1000.0)
    placed = place(tx, TUESDAY, now=2000.0)
    assert placed == Placed(2000.001, (Tombstone(7, 134815, MONDAY, 2000.0, "strava"),))


def test_a_change_of_the_index_leaves_a_tombstone_in_the_old_one(tx: Transaction) -> None:
    place(tx, MONDAY, index="strava", now=1000.0)
    placed = place(tx, MONDAY, index="private", now=2000.0)
    assert [(grave.start_date, grave.index) for grave in placed.tombstones] == [(MONDAY, "strava")]


def test_a_tombstone_that_a_crash_kept_back_comes_again_one_that_is_out_does_not(tx: Transaction) -> None:
    place(tx, MONDAY, now=1000.0)
    first = place(tx, TUESDAY, now=2000.0)
    again = place(tx, TUESDAY, now=3000.0)
    assert [grave.start_date for grave in again.tombstones] == [MONDAY]
    assert again.tombstones[0].collected_at > first.tombstones[0].collected_at
    ledger.left(tx, again.tombstones)
    assert place(tx, TUESDAY, now=4000.0).tombstones == ()


def test_a_place_that_an_activity_returns_to_is_no_place_it_left(tx: Transaction) -> None:
    place(tx, MONDAY, now=1000.0)
    moved = place(tx, TUESDAY, now=2000.0)
    back = place(tx, MONDAY, now=3000.0)
    assert [grave.start_date for grave in back.tombstones] == [TUESDAY]
    ledger.left(tx, moved.tombstones)
    ledger.left(tx, back.tombstones)
    assert [grave.start_date for grave in ledger.place_tombstones(tx, activity_id=7, now=4000.0)] == [MONDAY]


def test_the_word_that_an_older_tombstone_is_out_does_not_stand_for_a_newer_one(tx: Transaction) -> None:
    place(tx, now=1000.0)
    older = ledger.place_tombstones(tx, activity_id=7, now=2000.0)
    newer = ledger.place_tombstones(tx, activity_id=7, now=3000.0)
    ledger.left(tx, older)
    assert len(ledger.place_tombstones(tx, activity_id=7, now=4000.0)) == 1
    ledger.left(tx, newer)
    assert len(ledger.place_tombstones(tx, activity_id=7, now=5000.0)) == 1


def test_a_deleted_activity_gets_its_tombstones_once_they_are_out_none(tx: Transaction) -> None:
    place(tx, now=1000.0)
    graves = ledger.place_tombstones(tx, activity_id=7, now=2000.0)
    assert graves == (Tombstone(7, 134815, MONDAY, 2000.0, "strava"),)
    known = ledger.find(tx, 7)
    assert known is not None
    assert known.deleted
    assert known.collected_at == 2000.0
    ledger.left(tx, graves)
    assert ledger.place_tombstones(tx, activity_id=7, now=3000.0) == ()


def test_an_activity_that_was_never_collected_is_marked_without_a_tombstone(tx: Transaction) -> None:
    ledger.note_event(tx, activity_id=7, athlete_id=134815, event_time=500, now=501.0)
    assert ledger.place_tombstones(tx, activity_id=7, now=2000.0) == ()
    known = ledger.find(tx, 7)
    assert known is not None
    assert known.deleted
    assert known.collected_at is None


# What lists tell.


def known(tx: Transaction) -> Known:
    found = ledger.find(tx, 7)
    assert found is not None
    return found


def suspect(tx: Transaction, suspicion: str, *, listed: str = "c-d") -> None:
    """As the walk through a list leaves it."""
    tx.execute("UPDATE activity SET suspicion = ?, listed = ?, listed_at = 900.0, given_up = 'x'", (suspicion, listed))


def test_a_version_says_what_it_is_and_settles_what_lists_made_suspect(tx: Transaction) -> None:
    place(tx, detailed=False, fingerprint="a-b")
    assert (known(tx).detailed, known(tx).fingerprint) == (False, "a-b")
    suspect(tx, ledger.DIFFERS)
    tx.execute("UPDATE activity SET unlisted = 1")
    place(tx, fingerprint="c-d", now=1001.0)
    now = known(tx)
    assert (now.detailed, now.fingerprint, now.suspicion, now.unlisted, now.given_up) == (
        True,
        "c-d",
        None,
        False,
        None,
    )
    assert (now.listed, now.listed_at, now.updated_at) == ("c-d", 900.0, 1001.0)


@pytest.mark.parametrize(("suspicion", "unlisted"), [(ledger.MISSING, True), (ledger.DIFFERS, False)])
def test_a_fetch_that_brings_nothing_new_settles_it_too(tx: Transaction, suspicion: str, unlisted: bool) -> None:
    place(tx)
    suspect(tx, suspicion)
    ledger.unchanged(tx, 7, fingerprint="e-f", now=1001.0)
    now = known(tx)
    assert (now.suspicion, now.unlisted, now.fingerprint, now.given_up) == (None, unlisted, "e-f", None)
    # It stays unlisted as long as no list shows it.
    ledger.unchanged(tx, 7, fingerprint="e-f", now=1002.0)
    assert known(tx).unlisted is unlisted


def test_what_cannot_be_fetched_is_given_up_as_the_list_shows_it(tx: Transaction) -> None:
    place(tx, detailed=False)
    suspect(tx, ledger.DIFFERS, listed="g-h")
    ledger.give_up(tx, 7, 1001.0)
    assert (known(tx).given_up, known(tx).suspicion, known(tx).detailed) == ("g-h", None, False)


def test_what_is_gone_and_listed_again_is_known_to_have_come_back_until_it_is_had_or_another(tx: Transaction) -> None:
    place(tx, detailed=False)
    suspect(tx, ledger.DIFFERS, listed="g-h")
    ledger.place_tombstones(tx, activity_id=7, now=1001.0, doubted=True)
    assert not known(tx).came_back
    ledger.place_tombstones(tx, activity_id=7, now=1002.0)  # again after a crash
    place(tx, detailed=False, now=1003.0)
    assert (known(tx).came_back, known(tx).given_up) == (True, None)
    tx.execute("UPDATE activity SET listed = 'i-j'")
    assert not known(tx).came_back
    tx.execute("UPDATE activity SET listed = 'g-h'")
    place(tx, detailed=True, now=1004.0)
    assert not known(tx).came_back


def test_nothing_is_suspected_of_what_is_gone(tx: Transaction) -> None:
    place(tx)
    suspect(tx, ledger.MISSING)
    ledger.place_tombstones(tx, activity_id=7, now=1001.0)
    assert (known(tx).suspicion, known(tx).given_up) == (None, None)
    ledger.unchanged(tx, 7, fingerprint="e-f", now=1002.0)
    assert known(tx).fingerprint == "a-b"


def test_an_activity_that_turns_out_to_exist_is_no_longer_deleted(tx: Transaction) -> None:
    place(tx, now=1000.0)
    ledger.left(tx, ledger.place_tombstones(tx, activity_id=7, now=2000.0))
    assert place(tx, now=1500.0) == Placed(2000.001, ())
    known = ledger.find(tx, 7)
    assert known is not None
    assert not known.deleted


def test_every_query_finds_its_rows_by_an_index(tx: Transaction) -> None:
    def use_all() -> None:
        ledger.note_event(tx, activity_id=7, athlete_id=1, event_time=1, now=1.0)
        place(tx, MONDAY)
        ledger.left(tx, place(tx, TUESDAY).tombstones)
        ledger.place_tombstones(tx, activity_id=7, now=1.0)
        ledger.find(tx, 7)

    plans = query_plans(tx, use_all)
    assert len(plans) >= 7
    for query, plan in plans.items():
        assert "SCAN" not in plan, query


class Index(RuleBasedStateMachine):
    """What reaches the index, under any clock, in any order of events, with crashes at any moment.

    A crash is a step of which the ledger knows and the index does not, or not all, or of which only the index
    knows that it is out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = database(Path(self.folder.name))
        self.now = 1000.0
        #: By place: the collected_at of everything that was written there, and whether it was a tombstone.
        self.written: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
        self.given_out: list[float] = []
        #: Where the newest version is that the ledger knows to be written, None if it is deleted.
        self.settled: Optional[tuple[str, str]] = None
        self.is_settled = True

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(seconds=st.floats(-4000, 4000, allow_nan=False))
    def the_clock_goes_anywhere(self, seconds: float) -> None:
        self.now = max(0.0, self.now + seconds)

    @rule(
        start_date=st.sampled_from([MONDAY, TUESDAY, FRIDAY]),
        index=st.sampled_from(["strava", "private"]),
        dies_after=st.one_of(st.none(), st.integers(0, 7)),
    )
    def a_version_is_collected(self, start_date: str, index: str, dies_after: Optional[int]) -> None:
        with self.store.write() as tx:
            placed = place(tx, start_date, index=index, now=self.now)
        event = (start_date, index)
        self._write(placed.tombstones, (event, placed.collected_at), dies_after)

    @rule(dies_after=st.one_of(st.none(), st.integers(0, 7)))
    def it_is_deleted(self, dies_after: Optional[int]) -> None:
        with self.store.write() as tx:
            graves = ledger.place_tombstones(tx, activity_id=7, now=self.now)
        self._write(graves, None, dies_after)

    def _write(
        self,
        graves: tuple[Tombstone, ...],
        event: Optional[tuple[tuple[str, str], float]],
        dies_after: Optional[int],
    ) -> None:
        steps = [((grave.start_date, grave.index), grave.collected_at, True) for grave in graves]
        if event is not None:
            steps.append((*event, False))
        self.given_out.extend(collected_at for _, collected_at, _ in steps)
        for where, collected_at, is_tombstone in steps[:dies_after]:
            self.written[where].append((collected_at, is_tombstone))
        died = dies_after is not None
        if not died:
            with self.store.write() as tx:
                ledger.left(tx, graves)
        self.is_settled = not died
        self.settled = event[0] if event is not None else None

    @invariant()
    def collected_at_grows_with_everything_that_is_given_out(self) -> None:
        assert self.given_out == sorted(set(self.given_out))
        assert all(round(moment, 3) == moment for moment in self.given_out)

    @invariant()
    def every_place_but_the_present_one_ends_in_a_tombstone(self) -> None:
        if not self.is_settled:
            return
        for where, versions in self.written.items():
            ends_in_tombstone = max(versions)[1]
            assert ends_in_tombstone == (where != self.settled), (where, versions)


Index.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_under_any_clock_and_crash_every_place_ends_as_it_should = Index.TestCase
