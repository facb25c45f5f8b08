"""What operators want to be collected again: which activities, by whom, in which order, and however long it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from strava_collector import admin_reindex
from strava_collector.admin import jobs
from strava_collector.admin_desk import Desk, NothingSuch, Refused
from strava_collector.admin_owner import NobodyFetches, athlete_named
from strava_collector.admin_rows import Row
from strava_collector.job import Job, Kind, Priority, Reason, Status
from strava_collector.store import athletes, ledger
from strava_collector.store.bell import Bell
from tests.support.finished_work import collected, deleted
from tests.support.office import ANNA, Office
from tests.support.store import RIDES, join

BEN = 227615


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    with made.store.write() as tx:
        for day in range(1, 6):
            collected(tx, day, start_date=f"2026-06-0{day}T05:00:00Z", athlete_id=ANNA)
            collected(tx, 10 + day, start_date=f"2026-06-0{day}T23:59:59Z", athlete_id=BEN, input="club")
        deleted(tx, 3)
        ledger.note_event(tx, activity_id=99, athlete_id=ANNA, event_time=1, now=1.0)
    yield made
    made.store.close()


def waiting(office: Office) -> list[Job]:
    """The jobs in the order in which they were made."""
    with office.store.read() as tx:
        rows = tx.execute("SELECT id FROM job ORDER BY id").fetchall()
    return [office.job(row["id"]) for row in rows]


def numbers(office: Office) -> list[int]:
    return [job.activity_id for job in waiting(office)]


def test_an_athletes_activities_are_collected_again_newest_first_within_the_share_of_history(office: Office) -> None:
    bell = Bell(office.folder)
    row = office.one("reindex", athlete=str(ANNA))
    assert (row["fetches"], row["left_out"], row["more"], row["cursor"]) == (4, 0, "no", "")
    assert row["said"] == "4 activities are collected again, within the share of history."
    assert numbers(office) == [5, 4, 2, 1], "what is deleted, or was never collected, is not"
    for job in waiting(office):
        assert (job.kind, job.reason, job.priority) == (Kind.ACTIVITY, Reason.MANUAL, Priority.HISTORY)
        assert (job.force, job.athlete_id, job.input, job.status) == (True, ANNA, RIDES, Status.PENDING)
    assert bell.has_rung()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"from": "2026-06-04"}, [5, 4, 15, 14]),
        ({"to": "2026-06-01"}, [1, 11]),
        ({"from": "2026-06-02", "to": "2026-06-02"}, [2, 12]),
        ({"athlete": str(BEN), "from": "2026-06-02", "to": "2026-06-03"}, [13, 12]),
        ({"all": "1"}, [5, 4, 2, 1, 15, 14, 13, 12, 11]),
        ({"from": "2027-01-01"}, []),
    ],
)
def test_days_are_inclusive(office: Office, texts: dict[str, str], expected: list[int]) -> None:
    assert (office.one("reindex", **texts)["fetches"], numbers(office)) == (len(expected), expected)


def test_a_job_that_waits_is_forced_and_keeps_its_priority(office: Office) -> None:
    with office.store.write() as tx:
        join(tx, 5, athlete_id=ANNA)
    office.do("reindex", athlete=str(ANNA), **{"from": "2026-06-05"})
    (job,) = waiting(office)
    assert (job.force, job.priority, job.reason) == (True, Priority.LIVE, Reason.WEBHOOK)


# Who fetches.


def test_the_configuration_says_who_fetches_and_which_athlete_a_row_is_of(office: Office) -> None:
    def owner(athlete_id: int, wanted: Optional[str]) -> Optional[str]:
        assert wanted is None
        return {ANNA: "history", BEN: None}[athlete_id]

    def named(name: str) -> int:
        return athlete_named(name, {"Anna": {"athlete_id": str(ANNA)}, "Broken": {}})

    desk = Desk(office.folder, office.clock, owner=owner, athlete_named=named, pause=office.pass_time)
    jobs(desk, "reindex", {"athlete": "Anna", "to": "2026-06-01"})
    jobs(desk, "reindex", {"athlete": str(BEN), "to": "2026-06-01"})
    assert [(job.activity_id, job.input) for job in waiting(office)] == [(1, "history"), (11, "club")]
    for unknown in ("Cleo", "Broken"):
        with pytest.raises(NobodyFetches, match=f"There is no athlete “{unknown}” on Configuration → Athletes."):
            jobs(desk, "reindex", {"athlete": unknown})


def test_athletes_for_whom_nobody_fetches_are_left_out_and_named(office: Office) -> None:
    def owner(athlete_id: int, wanted: Optional[str]) -> Optional[str]:
        if athlete_id == ANNA:
            raise NobodyFetches(f"Athlete {ANNA} is not connected.")
        return "club"

    desk = Desk(office.folder, office.clock, owner=owner, pause=office.pass_time)
    (row,) = jobs(desk, "reindex", {"to": "2026-06-01"})
    assert (row["fetches"], row["left_out"]) == (1, 1)
    assert row["said"] == (
        f"1 activity is collected again, within the share of history. Athlete {ANNA} is not connected."
    )
    with pytest.raises(NobodyFetches):
        jobs(desk, "reindex", {"athlete": str(ANNA)})


def test_an_athlete_of_whom_nothing_is_collected_is_said_to_be_unknown(office: Office) -> None:
    with pytest.raises(NothingSuch, match=r"The store knows no activity of athlete 5 that is not deleted\."):
        office.do("reindex", athlete="5")


def test_nothing_is_collected_again_of_who_has_withdrawn_the_permission(office: Office) -> None:
    with office.store.write() as tx:
        athletes.mark_deauthorized(tx, athlete_id=ANNA, reason="Withdrawn.", connected_at="1", now=office.clock.now())
    with pytest.raises(Refused, match="has withdrawn the permission"):
        office.do("reindex", athlete=str(ANNA))
    row = office.one("reindex", all="1")
    assert (row["fetches"], row["left_out"]) == (5, 1)
    assert {job.athlete_id for job in waiting(office)} == {BEN}


# However many there are.


def go_on(office: Office, budget: float, **texts: str) -> list[Row]:
    """Ask again with the cursor until nothing is left."""
    rows: list[Row] = []
    desk = Desk(office.folder, office.clock, budget=budget, pause=office.pass_time)
    while not rows or rows[-1]["more"] == "yes":
        cursor = {"cursor": str(rows[-1]["cursor"])} if rows else {}
        rows += jobs(desk, "reindex", {**texts, **cursor})
    return rows


def test_what_takes_too_long_goes_on_where_it_stopped(office: Office) -> None:
    with office.store.write() as tx:
        for number in range(1_000, 1_450):
            # Several on the same second.
            collected(tx, number, start_date=f"2025-01-01T05:00:{number % 7:02d}Z", athlete_id=ANNA)
    rows = go_on(office, 0.0, all="1")
    assert [row["fetches"] for row in rows][:3] == [200, 200, 54]
    assert sum(int(str(row["fetches"])) for row in rows) == 459
    made = numbers(office)
    assert len(set(made)) == len(made) == 459
    assert office.pauses == 0, "each call had time for one batch"


def test_where_too_much_waits_already_nothing_is_added(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_reindex, "MOST_WAITING", 4)
    desk = Desk(office.folder, office.clock, owner=lambda athlete_id, wanted: RIDES, pause=office.pass_time)
    (row,) = jobs(desk, "reindex", {"all": "1"})
    assert (row["fetches"], row["more"], row["cursor"]) == (4, "yes", f"{ANNA}/2026-06-01T05:00:00Z/1")
    assert str(row["said"]).endswith("At the input “rides” 4 jobs wait: go on when they are fewer.")
    monkeypatch.undo()
    (row,) = jobs(desk, "reindex", {"all": "1", "cursor": str(row["cursor"])})
    assert (row["fetches"], row["more"]) == (5, "no")


def test_a_cursor_beyond_the_last_athlete_ends_quietly(office: Office) -> None:
    row = office.one("reindex", all="1", cursor="999999/2026-06-01T05:00:00Z/1")
    assert (row["fetches"], row["more"]) == (0, "no")
