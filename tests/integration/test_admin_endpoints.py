"""The REST endpoints for jobs and subscriptions, as curl and ``| rest`` reach them, beside an input that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from sandbox.sandbox import Input, Sandbox
from sandbox.splunkd.server import call
from sandbox.strava import Activity, Application, Athlete
from strava_collector.admin_arguments import JOBS, SUBSCRIPTIONS
from strava_collector.store.bell import Bell
from tests.integration.conftest import GENEROUS
from tests.integration.test_handlers_garbage import GARBAGE, OF_SPLUNKD, is_sentence
from tests.support.splunk_state import written_files
from tests.support.waiting import until

#: The inputs' threads look by themselves every 30 s; whoever is quicker has heard the bell.
SOON = 8.0


@dataclass
class Club:
    """An application with an athlete, and an input that runs."""

    sandbox: Sandbox
    application: Application
    anna: Athlete
    input: Input
    subscription: int

    def get(self, path: str = "strava_jobs", **arguments: str | int) -> list[dict[str, Any]]:
        """The entities that an administrator gets, each with its name."""
        status, answer = self.ask("GET", path, **arguments)
        assert status == 200, answer
        return [{"title": entry["name"], **entry["content"]} for entry in answer["entry"]]

    def ask(self, method: str, path: str, **arguments: str | int) -> tuple[int, dict[str, Any]]:
        splunkd = self.sandbox.splunkd
        return splunkd.request(method, splunkd.path(path), arguments)

    def do(self, verb: str, **arguments: str | int) -> dict[str, Any]:
        """A verb of ``strava_jobs``."""
        status, answer = self.ask("POST", f"strava_jobs/{verb}", **arguments)
        assert status == 200, answer
        (entry,) = answer["entry"]
        return dict(entry["content"])

    def said(self, method: str, path: str, **arguments: str | int) -> tuple[int, str]:
        status, answer = self.ask(method, path, **arguments)
        return status, str(answer["messages"][0]["text"])

    def versions(self, activity: Activity) -> int:
        events = self.sandbox.splunkd.index.events(sourcetype="strava:activities")
        return sum(event.json["id"] == activity.id for event in events)

    def await_versions(self, activity: Activity, number: int) -> None:
        index = self.sandbox.splunkd.index
        assert index.wait_for(lambda _: self.versions(activity) == number, SOON), self.get(count=0)


@pytest.fixture(scope="module")
def club(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Club]:
    with Sandbox(
        app=built_app,
        folder=tmp_path_factory.mktemp("sandbox"),
        python=Path(sys.executable),
        advanced={"settle_time": 0, "retry_base": 1, "cooldown": 0},
        limits=GENEROUS,
    ) as sandbox:
        application = sandbox.add_application("Club")
        anna = sandbox.strava.add_athlete("Anna", "Bergström")
        sandbox.connect(anna, "anna", application)
        made = sandbox.add_input("club", application)
        sandbox.wait_until_healthy(made)
        yield Club(sandbox, application, anna, made, sandbox.subscribe(application, made))


@pytest.fixture
def ride(club: Club) -> Activity:
    """An activity that has been collected."""
    made = club.sandbox.strava.record(club.anna, kind="manual", title="A ride")
    club.await_versions(made, 1)
    until(lambda: club.get(count=0)[0]["status"] == "done")
    return made


@pytest.fixture(scope="module")
def lost(club: Club) -> Activity:
    """An activity that Strava denied having, twice; the fault is gone now. Two others never were."""
    made = club.sandbox.strava.record(club.anna, kind="manual", title="Lost", notify=False)
    with club.sandbox.strava.faults.outage(404, path=f"*/activities/{made.id}*"):
        for number in (4711, 4712, made.id):
            club.do("fetch", activity_id=number, athlete_id=club.anna.id)
        # A 404 is asked again after twenty times the shortest pause.
        until(lambda: len(club.get(status="failed")) == 3)
    return made


def test_a_list_is_what_rest_makes_a_table_of(club: Club, ride: Activity) -> None:
    rows = club.get(count=0)
    newest = rows[0]
    assert (newest["activity_id"], newest["status"], newest["outcome"]) == (str(ride.id), "done", "collected")
    assert newest["title"] == newest["job"]
    assert [int(row["title"]) for row in rows] == sorted((int(row["title"]) for row in rows), reverse=True)
    assert len({tuple(row) for row in rows}) == 1, "each row has the same fields"
    assert "id" not in newest


def test_splunk_turns_the_pages_of_a_list(club: Club, lost: Activity) -> None:
    everything = [row["title"] for row in club.get(count=0)]
    assert len(everything) >= 4
    assert [row["title"] for row in club.get(count=2)] == everything[:2]
    assert [row["title"] for row in club.get(count=2, offset=1)] == everything[1:3]
    assert [row["title"] for row in club.get(count=0, limit=1)] == everything[:1]
    assert [row["title"] for row in club.get(limit=2, offset=2)] == everything[2:4]
    assert [row["title"] for row in club.get(count=1, limit=2, offset=2)] == everything[2:3]
    assert club.get(count=0, limit=2, offset=len(everything)) == []
    failed = club.get(count=0, status="failed")
    assert {row["activity_id"] for row in failed} == {"4711", "4712", str(lost.id)}
    assert {row["reason"] for row in failed} == {"manual"}
    assert club.get(count=0, athlete_id=5) == []
    letters = [row["title"] for row in club.get("strava_jobs/dead_letters")]
    assert set(letters) == {row["title"] for row in failed}
    assert [row["title"] for row in club.get("strava_jobs/dead_letters", limit=1, offset=1)] == letters[1:2]


@pytest.mark.parametrize("arguments", [{"offset": 9_999, "limit": 2}, {"offset": 10_000}])
def test_a_list_over_rest_has_an_end_and_says_so(club: Club, arguments: dict[str, int]) -> None:
    status, said = club.said("GET", "strava_jobs", **arguments)
    assert status == 400
    assert "10,000" in said and is_sentence(said)


@pytest.mark.parametrize("text", ["two", "", "1.5", "1_0", " 1", "٣", "1" * 30])
def test_splunkd_takes_only_numbers_for_a_page(club: Club, text: str) -> None:
    for name in ("offset", "count"):
        for path in ("strava_jobs", "storage/passwords"):
            status, said = club.said("GET", path, **{name: text})
            assert (status, said) == (400, f'The argument "{name}" has to be a whole number.')


def test_a_dead_letter_is_fetched_when_the_fault_has_gone(club: Club, lost: Activity) -> None:
    (job,) = (row["job"] for row in club.get(status="failed") if row["activity_id"] == str(lost.id))
    again = club.do("retry", id=job)
    assert (again["retried"], again["more"]) == ("1", "no")
    club.await_versions(lost, 1)
    assert club.said("POST", "strava_jobs/retry", id=job)[0] == 404
    assert (club.do("retry", all=1)["retried"], club.get(status="failed")) == ("2", [])


def test_counts_are_a_table_too(club: Club, ride: Activity) -> None:
    rows = club.get("strava_jobs/counts", count=0)
    jobs = {(row["status"], row["reason"], row["outcome"]): int(row["count"]) for row in rows if row["thing"] == "job"}
    assert jobs["done", "webhook", "collected"] >= 1
    assert sum(jobs.values()) == len(club.get(count=0))
    assert {row["status"] for row in rows if row["thing"] == "notification"} == {"dispatched"}


def test_one_job_tells_its_story(club: Club, ride: Activity) -> None:
    (row,) = club.get(f"strava_jobs/{club.get(count=1)[0]['title']}")
    (heard,) = row["notifications"]
    assert "create received" in heard
    assert heard.endswith("sent once, dispatched")
    assert row["places"] == [f"index=strava _time={row['start_date']} current"]
    assert row["collected_at"]
    trail = row["search"].partition("trail=")[2].split()[0]
    actions = [line for line in club.sandbox.splunkd.log_lines() if f"trail={trail}" in line]
    assert any("action=received" in line for line in actions)
    assert any("action=finished" in line for line in actions)


def test_a_fetch_by_hand_brings_an_event_at_once(club: Club, ride: Activity) -> None:
    row = club.do("fetch", activity_id=ride.id, force=1)
    assert (row["input"], row["athlete_id"]) == ("club", str(club.anna.id))
    club.await_versions(ride, 2)
    until(lambda: club.get(f"strava_jobs/{row['job']}")[0]["outcome"] == "collected")


def test_without_force_what_is_collected_is_not_fetched_again(club: Club, ride: Activity) -> None:
    row = club.do("fetch", activity_id=ride.id)
    until(lambda: club.get(f"strava_jobs/{row['job']}")[0]["status"] == "done")
    assert club.versions(ride) == 1


def test_an_activity_that_nobody_announced_is_fetched_by_the_athletes_input(club: Club) -> None:
    unheard = club.sandbox.strava.record(club.anna, kind="manual", title="Unheard of", notify=False)
    status, said = club.said("POST", "strava_jobs/fetch", activity_id=unheard.id)
    assert (status, said) == (
        400,
        f"The store does not know activity {unheard.id}. Say whose it is, with the argument athlete_id.",
    )
    assert club.do("fetch", activity_id=unheard.id, athlete_id=club.anna.id)["input"] == "club"
    club.await_versions(unheard, 1)
    status, said = club.said("POST", "strava_jobs/fetch", activity_id=unheard.id, athlete_id=5)
    assert (status, said) == (400, "Athlete 5 is not connected. Connect the athlete on Configuration → Athletes.")
    status, said = club.said("POST", "strava_jobs/fetch", activity_id=unheard.id, athlete_id=club.anna.id, input="typo")
    assert (status, said) == (400, "There is no input “typo”. The inputs are “club”.")


def test_a_replay_repeats_notifications_and_activities(club: Club, ride: Activity) -> None:
    index = club.sandbox.splunkd.index
    before = len(index.events(sourcetype="strava:webhook"))
    since = club.get(count=1)[0]["created_at"]
    row = club.do("replay", since=since)
    assert (row["notifications"], row["fetches"], row["more"]) == ("1", "1", "no")
    club.await_versions(ride, 2)
    assert index.wait_for(lambda _: len(index.events(sourcetype="strava:webhook")) == before + 1, SOON)


def test_a_reindex_collects_again_what_the_row_s_athlete_did_on_a_day(club: Club, ride: Activity) -> None:
    before = club.versions(ride)
    day = datetime.fromtimestamp(ride.start_date, timezone.utc).strftime("%Y-%m-%d")
    row = club.do("reindex", **{"athlete": "anna", "from": day, "to": day})
    assert (int(row["fetches"]) >= 1, row["left_out"], row["more"], row["cursor"]) == (True, "0", "no", "")
    club.await_versions(ride, before + 1)
    until(lambda: not [row for row in club.get(count=0) if row["priority"] == "history" and row["status"] != "done"])
    status, said = club.said("POST", "strava_jobs/reindex", athlete="Nobody")
    assert (status, said) == (400, "There is no athlete “Nobody” on Configuration → Athletes.")
    status, said = club.said("POST", "strava_jobs/reindex", athlete=5)
    assert (status, said) == (404, "The store knows no activity of athlete 5 that is not deleted.")
    status, said = club.said("POST", "strava_jobs/reindex")
    assert (status, said.split(":")[0]) == (400, "Say what to collect again")


def test_what_has_ended_is_deleted_and_stays_known(club: Club, ride: Activity) -> None:
    jobs = len(club.get(count=0, status="done"))
    assert club.do("delete", status="done", older_than=1)["jobs"] == "0"
    assert int(club.do("delete", status="done", all=1)["jobs"]) == jobs > 0
    assert club.get(count=0, status="done") == []
    assert club.do("fetch", activity_id=ride.id)["athlete_id"] == str(club.anna.id)
    until(lambda: club.get(count=0, status="done"))


def test_subscriptions_are_listed_deleted_and_made_by_hand(club: Club) -> None:
    (row,) = club.get("strava_subscriptions")
    assert (row["subscription"], row["callback_url"]) == (str(club.subscription), club.input.callback_url)
    assert (row["ours"], row["input"], row["application"]) == ("yes", "club", "Club")
    status, answer = club.ask("POST", "strava_subscriptions/create", input="club")
    assert status == 200, answer
    (entry,) = answer["entry"]
    assert entry["content"]["created"] == "no"
    assert entry["content"]["said"] == f"The input “club” has its subscription already ({club.subscription})."
    status, answer = club.ask("DELETE", f"strava_subscriptions/{row['title']}")
    assert status == 200, answer
    assert club.said("DELETE", "strava_subscriptions/999999")[0] == 404


def test_saving_a_row_rings_and_a_refused_one_does_not(club: Club) -> None:
    bell = Bell(club.sandbox.splunkd.installation.checkpoints / "ta_strava_webhook")
    for row, good, bad in (
        ("TA_strava_webhook_account/anna", {"index": "strava"}, {"index": "no such index"}),
        ("TA_strava_webhook_application/Club", {"client_id": club.application.client_id}, {"client_id": "x"}),
    ):
        status, answer = club.ask("POST", row, **bad)
        assert status >= 400, answer
        assert not bell.has_rung()
        status, answer = club.ask("POST", row, **good)
        assert status == 200, answer
        assert bell.has_rung()


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_refused_in_a_sentence_and_changes_nothing(club: Club, kind: str) -> None:
    files, jobs = written_files(club.sandbox.splunkd), [row["title"] for row in club.get(count=0)]
    garbage = GARBAGE[kind][:4000]  # more is no address
    right = {"activity_id": "1", "since": "0", "status": "done", "older_than": "1", "input": "none of these"}
    asked = []
    for endpoint, verbs in (("strava_jobs", JOBS), ("strava_subscriptions", SUBSCRIPTIONS)):
        for verb, arguments in verbs.items():
            for argument in arguments:
                if argument.name == "offset":
                    continue  # splunkd's own
                others = {one.name: right[one.name] for one in arguments if one.name in right and one != argument}
                body = f"{urlencode(others)}&{argument.name}={garbage}"
                asked.append((endpoint, verb, body, argument.name))
    for endpoint, verb, body, name in asked:
        if verb in ("list", "dead_letters"):
            status, said = raw(club, "GET", f"{endpoint}{'' if verb == 'list' else '/' + verb}", f"&{body}")
            assert status in (200, 400), said
            assert status == 200 or OF_SPLUNKD.fullmatch(said) or is_sentence(said), said
        elif verb != "show":
            status, said = raw(club, "POST", f"{endpoint}/{verb}", body)
            if status == 200:
                assert (verb, name) in TAKEN, (verb, name, kind)
                continue
            assert status in (400, 404, 503), (verb, name, said)
            assert OF_SPLUNKD.fullmatch(said) or is_sentence(said), (verb, name, said)
    for path in (f"strava_jobs/{garbage}", f"strava_jobs/{quote(garbage)}", f"strava_subscriptions/{garbage}"):
        for method in ("GET", "POST", "DELETE"):
            status, said = raw(club, method, path, "")
            assert status in (200, 400, 404, 405), (path, said)
            assert status == 200 or OF_SPLUNKD.fullmatch(said) or is_sentence(said), (path, said)
    assert written_files(club.sandbox.splunkd) == files
    if kind != "a boolean":
        assert [row["title"] for row in club.get(count=0)] == jobs


#: What takes a yes. The retry and the reindex make jobs.
TAKEN = (("delete", "all"), ("retry", "all"), ("reindex", "all"))


def raw(club: Club, method: str, path: str, text: str) -> tuple[int, str]:
    """A request whose arguments are encoded already; what it said if it was refused."""
    splunkd = club.sandbox.splunkd
    target = f"{splunkd.path(path)}?output_mode=json{text if method == 'GET' else ''}"
    body = text if method == "POST" else None
    status, content = call(splunkd.uri, splunkd._client_context, method, target, body, splunkd.session_key)
    answer = json.loads(content)
    return status, "" if status < 300 else str(answer["messages"][0]["text"])


def test_unknown_and_repeated_arguments_are_refused(club: Club) -> None:
    assert club.said("GET", "strava_jobs", evil=1)[0] == 400
    assert club.said("POST", "strava_jobs/reclaim", evil=1)[0] == 400
    status, said = raw(club, "POST", "strava_jobs/retry", "id=1&id=2")
    assert (status, said) == (400, "Each argument can be sent once; sent more than once: id.")
    status, said = club.said("POST", "strava_jobs/explode")
    assert (status, said) == (
        404,
        "Jobs have no verb of this name. There are: fetch, retry, reclaim, replay, reindex, delete.",
    )


def test_nothing_of_all_that_was_unexpected_and_no_secret_was_logged(club: Club) -> None:
    """Last in this file."""
    logged = "\n".join(club.sandbox.splunkd.log_lines())
    assert "action=operator verb=fetch" in logged
    assert "action=request_failed" not in logged
    assert club.application.client_secret not in logged
    assert club.input.verify_token not in logged
