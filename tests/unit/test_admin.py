"""What operators do with jobs, beside inputs that run and while none runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.admin import jobs
from strava_collector.admin_arguments import WrongArgument
from strava_collector.admin_desk import Desk, NothingSuch, Refused
from strava_collector.admin_owner import NobodyFetches, owner
from strava_collector.admin_rows import Value, when
from strava_collector.admin_table import sheet, table
from strava_collector.job import Outcome, Priority, Reason, Status
from strava_collector.store import athletes, heartbeats, inbox, ledger, queue
from strava_collector.store.bell import Bell
from strava_collector.store.database import Transaction
from strava_collector.store.process_lock import input_lock
from tests.support.finished_work import collected
from tests.support.office import Office, ended
from tests.support.store import RIDES, join, notification

ANNA = 134815


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    with made.store.write():
        pass
    yield made
    made.store.close()


# Looking.


def test_a_list_shows_the_newest_jobs_as_plain_values(office: Office) -> None:
    first = office.ended(1)
    second = office.failed(2)
    rows = office.do("list")
    assert [row["job"] for row in rows] == [second, first]
    assert all(isinstance(value, (str, int)) for row in rows for value in row.values())
    assert rows[0]["error"] == "Strava said 404."
    assert rows[0]["created_at"] == when(office.clock.now())
    assert [row["job"] for row in office.do("list", status="done")] == [first]
    assert [row["job"] for row in office.do("list", limit="1", offset="1")] == [first]
    assert office.do("list", athlete_id="5") == []


def test_no_field_has_a_name_that_splunk_gives_to_every_row(office: Office) -> None:
    job = office.failed(1)
    rows = [*office.do("list"), *office.do("dead_letters"), *office.do("counts"), *office.do("show", id=str(job))]
    assert not {"id", "title", "updated", "author", "published", "splunk_server"} & {
        name for row in rows for name in row
    }


def test_counts_have_a_row_of_each_sort_and_of_each_state(office: Office) -> None:
    office.ended(1)
    office.ended(2)
    office.failed(3)
    office.dead_notification(4)
    counts = {row["sort"]: row["count"] for row in office.do("counts")}
    assert counts == {
        "job:done:webhook:collected": 2,
        "job:failed:webhook:dead letter": 1,
        "notification:dead letter": 1,
    }


def test_one_job_comes_with_all_that_led_to_it_and_came_of_it(office: Office) -> None:
    now = office.clock.now()
    with office.store.write() as tx:
        heard = inbox.add(tx, input=RIDES, notification=notification(7), received_at=now)
        inbox.add(tx, input=RIDES, notification=notification(7), received_at=now + 60.0)
        other = inbox.add(tx, input=RIDES, notification=notification(8), received_at=now)
        joined = join(tx, 7, trail=heard.trail)
        collected(tx, 7, athlete_id=ANNA, now=now)
        known = ledger.find(tx, 7)
    row = office.one("show", id=str(joined.job_id))
    assert row["notifications"] == [
        f"notification:{heard.notification_id} create received {when(now)}, sent 2 times, pending"
    ]
    assert other.trail not in str(row)
    assert known is not None
    assert row["collected_at"] == when(known.collected_at)
    (place,) = row["places"] if isinstance(row["places"], list) else []
    assert place.endswith(" current")
    assert f"trail={heard.trail}" in str(row["search"])


def test_nothing_does_anything_to_a_terminal() -> None:
    row: dict[str, Value] = {"a": "\x1b[31mred\n", "b": ["\u202ex"], "c": 7, "d": ""}
    assert table([row], ["a", "b", "c", "d"]).splitlines() == ["a          b   c  d", "�[31mred�  �x  7"]
    assert sheet(row).splitlines() == ["a  �[31mred�", "b  �x", "c  7"]


@pytest.mark.parametrize("number", ["1", "999999999999999999"])
def test_a_job_that_is_not_there_is_said_so(office: Office, number: str) -> None:
    with pytest.raises(NothingSuch, match=r"There is no job \d+ in the store"):
        office.do("show", id=number)


# Fetching by hand.


def test_a_fetch_by_hand_goes_before_everything_else_and_rings(office: Office) -> None:
    bell = Bell(office.folder)
    row = office.one("fetch", activity_id="7", athlete_id="5", input="runs", force="1")
    job = office.job(row["job"])
    assert (job.activity_id, job.athlete_id, job.input, job.force) == (7, 5, "runs", True)
    assert (job.reason, job.priority, job.status) == (Reason.MANUAL, Priority.LIVE, Status.PENDING)
    assert job.next_run_at == office.clock.now()
    assert row["trail"] == job.trail
    assert bell.has_rung()
    assert str(row["said"]).startswith(f"Job {job.id} of the input “runs” waits for its turn.")


def test_a_fetch_knows_from_the_store_whose_it_is_and_who_fetches(office: Office) -> None:
    office.ended(7)
    row = office.one("fetch", activity_id="7")
    assert (row["athlete_id"], row["input"]) == (ANNA, RIDES)
    again = office.one("fetch", activity_id="7")
    assert again["job"] == row["job"]
    assert "shares the fetch that waits already" in str(again["said"])
    other = office.one("fetch", activity_id="8", athlete_id=str(ANNA))
    assert other["input"] == RIDES


def test_a_fetch_that_nobody_can_place_asks_for_what_is_missing(office: Office) -> None:
    with pytest.raises(Refused, match="with the argument athlete_id"):
        office.do("fetch", activity_id="7")
    with pytest.raises(Refused, match="Name it with the argument input"):
        office.do("fetch", activity_id="7", athlete_id="5")
    assert office.do("list") == []


def test_the_configuration_says_better_than_the_store_who_fetches(office: Office) -> None:
    office.ended(7)
    asked: list[tuple[int, Optional[str]]] = []

    def of(athlete_id: int, wanted: Optional[str]) -> Optional[str]:
        asked.append((athlete_id, wanted))
        if wanted == "typo":
            raise NobodyFetches("There is no such input.")
        return wanted or "another"

    desk = Desk(office.folder, office.clock, owner=of)
    (row,) = jobs(desk, "fetch", {"activity_id": "7"})
    assert row["input"] == "another"
    assert str(row["said"]).endswith("The input does not run now; the fetch is made when it does.")
    assert jobs(desk, "fetch", {"activity_id": "8", "athlete_id": "5", "input": "third"})[0]["input"] == "third"
    with pytest.raises(NobodyFetches):
        jobs(desk, "fetch", {"activity_id": "9", "athlete_id": "5", "input": "typo"})
    assert asked == [(ANNA, None), (5, "third"), (5, "typo")]
    assert {row["activity_id"] for row in office.do("list", status="pending")} == {7, 8}


def test_without_the_configuration_an_input_that_nobody_has_heard_of_is_told(office: Office) -> None:
    office.dead_notification(1)
    with office.store.write() as tx:
        heartbeats.beat(tx, input="club", parts={"listener": ""}, now=office.clock.now())
    for name in ("club", RIDES):
        said = str(office.one("fetch", activity_id="7", athlete_id="5", input=name)["said"])
        assert said.endswith("The input does not run now; the fetch is made when it does.")
    said = str(office.one("fetch", activity_id="8", athlete_id="5", input="typo")["said"])
    assert "the store has heard of no input of this name" in said
    assert said.endswith("It has heard of “club”, “rides”.")
    with input_lock(office.folder, "new"):
        said = str(office.one("fetch", activity_id="9", athlete_id="5", input="new")["said"])
    assert said.endswith("waits for its turn.")


def test_the_input_of_an_athletes_application_fetches() -> None:
    accounts = {"anna": {"athlete_id": "5", "application": "Club"}}
    inputs = {
        "off": {"application": "Club", "disabled": "1"},
        "on": {"application": "Club", "disabled": "0"},
        "other": {"application": "Shop"},
    }
    assert owner(5, accounts, inputs) == "on"
    with pytest.raises(NobodyFetches, match="Athlete 6 is not connected"):
        owner(6, accounts, inputs)
    with pytest.raises(NobodyFetches, match="no input is enabled"):
        owner(5, accounts, {"off": inputs["off"]})


def test_an_input_that_is_named_has_to_exist_and_to_be_of_the_athletes_application() -> None:
    accounts = {"anna": {"athlete_id": "5", "application": "Club"}}
    inputs = {
        "off": {"application": "Club", "disabled": "1"},
        "on": {"application": "Club"},
        "other": {"application": "Shop"},
    }
    assert [owner(5, accounts, inputs, name) for name in ("on", "off")] == ["on", "off"]
    with pytest.raises(NobodyFetches, match=r"no input “typo”. The inputs are “off”, “on”, “other”"):
        owner(5, accounts, inputs, "typo")
    with pytest.raises(NobodyFetches, match=r"There is none yet"):
        owner(5, accounts, {}, "typo")
    with pytest.raises(NobodyFetches, match=r"“other” fetches for .* “Shop”.*The input of that one is “on”"):
        owner(5, accounts, inputs, "other")
    with pytest.raises(NobodyFetches, match="Athlete 6 is not connected"):
        owner(6, accounts, inputs, "on")


def test_without_a_webhook_the_first_input_that_lists_the_athlete_fetches() -> None:
    accounts = {"anna": {"athlete_id": "5", "application": "Club"}}
    activities = {
        "a": {"application": "Club", "athletes": "ben"},
        "b": {"application": "Club", "athletes": "anna"},
        "c": {"application": "Club", "disabled": "1"},
    }
    webhooks = {"on": {"application": "Club"}, "off": {"application": "Club", "disabled": "1"}}
    assert owner(5, accounts, {}, activities_inputs=activities) == "b"
    assert owner(5, accounts, webhooks, activities_inputs=activities) == "on"
    assert owner(5, accounts, {"off": webhooks["off"]}, activities_inputs=activities) == "b"
    assert [owner(5, accounts, webhooks, one, activities_inputs=activities) for one in ("b", "c", "off")] == [
        "b",
        "c",
        "off",
    ]
    with pytest.raises(NobodyFetches, match="“a” does not collect athlete 5, “anna”"):
        owner(5, accounts, webhooks, "a", activities_inputs=activities)
    with pytest.raises(NobodyFetches, match="The inputs are “a”, “b”, “c”"):
        owner(5, accounts, {}, "typo", activities_inputs=activities)


def test_nothing_is_fetched_of_who_has_withdrawn_the_permission(office: Office) -> None:
    with office.store.write() as tx:
        athletes.mark_deauthorized(tx, athlete_id=ANNA, reason="Withdrawn.", connected_at="1", now=office.clock.now())
    with pytest.raises(Refused, match="has withdrawn the permission"):
        office.do("fetch", activity_id="7", athlete_id=str(ANNA), input=RIDES)


# Trying again.


def test_a_dead_letter_is_retried_by_its_number(office: Office) -> None:
    job, heard = office.failed(1), office.dead_notification(2)
    bell = Bell(office.folder)
    row = office.one("retry", id=str(job))
    assert office.job(row["job"]).status is Status.PENDING
    assert bell.has_rung()
    assert office.one("retry", id=f"notification:{heard}")["retried"] == 1
    assert office.do("dead_letters") == []


def test_all_dead_letters_are_retried_in_batches(office: Office) -> None:
    with office.store.write() as tx:
        for number in range(450):
            ended(tx, number, Status.FAILED, Outcome.DEAD_LETTER, "It failed.", office.clock.now())
    heard = office.dead_notification(999)
    assert office.one("retry", all="1") == {"verb": "retry", "retried": 451, "left": 0, "more": "no"}
    assert office.pauses == 3
    assert len(office.do("list", status="pending", limit="1000")) == 450
    assert heard


def test_only_what_failed_is_retried(office: Office) -> None:
    done = office.ended(1)
    with pytest.raises(Refused, match="only a failed job"):
        office.do("retry", id=str(done))
    with pytest.raises(NothingSuch):
        office.do("retry", id="77")
    with pytest.raises(NothingSuch):
        office.do("retry", id="notification:77")


# Reclaiming.


def begun(office: Office, number: int, input: str) -> int:
    with office.store.write() as tx:
        join(tx, number, input=input, now=office.clock.now(), due_at=office.clock.now())
        job = queue.claim(tx, input=input, now=office.clock.now())
    assert job is not None
    return job.id


def test_what_a_dead_process_had_begun_waits_again(office: Office) -> None:
    job = begun(office, 1, "dead")
    row = office.one("reclaim")
    assert (row["input"], row["reclaimed"], row["left"]) == ("dead", 1, 0)
    assert office.job(job).status is Status.PENDING
    assert office.do("reclaim") == []


def test_what_a_live_process_does_is_left_alone_as_long_as_its_lease(office: Office) -> None:
    job, other = begun(office, 1, "alive"), begun(office, 2, "alive too")
    with input_lock(office.folder, "alive"), input_lock(office.folder, "alive too"):
        rows = office.do("reclaim")
        assert [(row["reclaimed"], row["left"]) for row in rows] == [(0, 1), (0, 1)]
        assert all("left to it" in str(row["said"]) for row in rows)
        office.clock.advance(queue.JOB_LEASE_SECONDS + 1.0)
        with office.store.write() as tx:
            claimed = queue.find(tx, other)
            assert claimed is not None
            queue.renew(tx, claimed, now=office.clock.now())
        rows = office.do("reclaim")
    assert [(row["input"], row["reclaimed"], row["left"]) for row in rows] == [("alive", 1, 0), ("alive too", 0, 1)]
    assert office.job(job).status is Status.PENDING
    assert office.job(other).status is Status.WORKING


def test_a_lock_is_only_looked_at(office: Office) -> None:
    lock = input_lock(office.folder, "quiet")
    assert not lock.is_held_elsewhere()
    assert not office.desk.is_running("quiet")
    assert not [file for file in office.folder.iterdir() if "quiet" in file.name]
    with lock:
        assert office.desk.is_running("quiet")
    assert not office.desk.is_running("quiet")


# Replaying.


def test_a_replay_repeats_what_was_finished_since(office: Office) -> None:
    office.ended(1)
    office.clock.advance(3600.0)
    office.ended(2)
    since = when(office.clock.now() - 60.0)
    row = office.one("replay", since=since)
    assert (row["fetches"], row["more"], row["cursor"]) == (1, "no", "")
    assert [one["activity_id"] for one in office.do("list", status="pending")] == [2]


def test_a_replay_that_takes_too_long_goes_on_where_it_stopped(office: Office) -> None:
    with office.store.write() as tx:
        for number in range(1000):
            ended(tx, number, Status.DONE, Outcome.COLLECTED, "", office.clock.now() + number / 1000)
    office.clock.advance(60.0)
    desk = Desk(office.folder, office.clock, budget=0.03, pause=office.pass_time)
    fetches, cursor, calls = 0, "", 0
    while True:
        (row,) = jobs(desk, "replay", {"since": "0", **({"cursor": cursor} if cursor else {})})
        fetches, cursor, calls = fetches + int(str(row["fetches"])), str(row["cursor"]), calls + 1
        if row["more"] == "no":
            break
        assert cursor
    assert (fetches, calls > 1) == (1000, True)


# Deleting.


def test_what_has_ended_is_deleted_by_its_age_and_nothing_else(office: Office) -> None:
    old = office.ended(1)
    office.failed(2)
    office.dead_notification(3)
    waiting = begun(office, 4, RIDES)
    with office.store.write() as tx:
        join(tx, 5, due_at=office.clock.now() + 1e6)
        collected(tx, 1, athlete_id=ANNA, now=office.clock.now())
    office.clock.advance(7200.0)
    new = office.ended(6)
    assert office.one("delete", status="done", older_than="1")["jobs"] == 1
    left = {row["job"] for row in office.do("list")}
    assert old not in left
    assert {new, waiting} <= left
    row = office.one("delete", status="failed", all="1")
    assert (row["jobs"], row["notifications"]) == (1, 1)
    assert office.one("delete", status="done", all="yes")["jobs"] == 1
    assert {row["status"] for row in office.do("list")} == {"working", "pending"}
    with office.store.read() as tx:
        assert ledger.find(tx, 1) is not None


def test_many_are_deleted_in_small_transactions(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with office.store.write() as tx:
        for number in range(501):
            ended(tx, number, Status.DONE, Outcome.COLLECTED, "", office.clock.now())
    sizes: list[int] = []
    inner = Desk.batches

    def watched(self, database, batch):  # type: ignore[no-untyped-def]
        def noted(tx: Transaction) -> int:
            number = int(batch(tx))
            sizes.append(number)
            return number

        return inner(self, database, noted)

    monkeypatch.setattr(Desk, "batches", watched)
    assert office.one("delete", status="done", all="1")["jobs"] == 501
    assert sizes == [200, 200, 101, 0]
    assert office.pauses == 3


@pytest.mark.parametrize("status", ["pending", "working", "", "DONE", "all"])
def test_what_has_not_ended_cannot_be_deleted(office: Office, status: str) -> None:
    with pytest.raises(WrongArgument):
        office.do("delete", status=status, all="1")
