"""The cases of ``docs/troubleshooting.md``, each made to happen: what is seen then is what the page says.

The page has example values; `Page.has` puts them in the place of the sandbox's before it looks.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.latest import Latest
from sandbox.sandbox import Sandbox
from sandbox.strava import Activity, Application, Athlete, Limits
from tests.integration.conftest import GENEROUS, SANDBOXES, MakeSandbox
from tests.support.front import Front
from tests.support.operator_desk import OperatorDesk
from tests.support.waiting import until

PAGE = Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md"


class Club:
    """An application, two athletes and an input, with somebody who looks after them."""

    def __init__(self, sandbox: Sandbox, **more: str | int) -> None:
        self.sandbox = sandbox
        self.strava = sandbox.strava
        self.application: Application = sandbox.add_application("Club")
        self.anna: Athlete = self.strava.add_athlete("Anna", "Bergström")
        self.ben: Athlete = self.strava.add_athlete("Ben", "Okafor")
        sandbox.connect(self.anna, "anna", self.application)
        sandbox.connect(self.ben, "ben", self.application, scope="read,activity:read")
        self.input = sandbox.add_input("club", self.application, **more)
        sandbox.wait_until_healthy(self.input)
        self.desk = OperatorDesk(sandbox.splunkd)
        self._latest = Latest()

    @property
    def latest(self) -> Latest:
        """What searches find."""
        self._latest.take(self.sandbox.splunkd.index.events())
        return self._latest

    def await_title(self, activity: Activity) -> None:
        until(lambda: (self.latest.of(activity.id) or {}).get("name") == activity.title)

    def of(self, athlete: Athlete) -> tuple[str, ...]:
        """The options that say whose activity is to be fetched, and by whom."""
        return "--athlete-id", str(athlete.id), "--input", self.input.name

    def received(self) -> list[str]:
        """What the page's search for received notifications finds."""
        return [line for line in self.sandbox.splunkd.log_lines() if "action=received" in line]

    def jobs_of(self, activity: Activity) -> list[dict[str, Any]]:
        return [job for job in self.desk.rows("jobs", "list") if str(job["activity_id"]) == str(activity.id)]

    def await_log(self, action: str, activity: Activity, times: int = 1) -> None:
        """Wait until the log has said this of the activity so often."""
        until(lambda: self.logged(action, activity) >= times)

    def logged(self, action: str, activity: Activity) -> int:
        said = re.compile(rf"action={action} .*activity_id={activity.id}\b")
        return sum(bool(said.search(line)) for line in self.sandbox.splunkd.log_lines())

    def newest_job(self, activity: Activity) -> dict[str, Any]:
        return self.jobs_of(activity)[0]


class Page:
    """The documentation page, with its lines joined."""

    def __init__(self) -> None:
        self._text = re.sub(r"\s+", " ", PAGE.read_text("utf-8"))

    def has(self, sentence: str, examples: dict[str, str] | None = None) -> None:
        """Fail if the sentence, with the page's example values in it, is not on the page."""
        for ours, example in (examples or {}).items():
            assert re.search(ours, sentence), f"{ours!r} is not in {sentence!r}"
            sentence = re.sub(ours, example, sentence)
        assert f"“{sentence}”" in self._text, sentence


@pytest.fixture(scope="module")
def page() -> Page:
    return Page()


@pytest.fixture(scope="module")
def shared(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Club]:
    """A club that listens and is subscribed, for all cases that leave it so."""
    with Sandbox(
        app=built_app,
        folder=tmp_path_factory.mktemp("troubleshooting"),
        python=Path(sys.executable),
        advanced={"settle_time": 0, "retry_base": 0.1, "cooldown": 0},
        retry_pause=1.5,
        limits=GENEROUS,
    ) as sandbox:
        club = Club(sandbox)
        sandbox.subscribe(club.application, club.input)
        yield club


@pytest.fixture
def club(shared: Club, request: pytest.FixtureRequest) -> Club:
    request.node.stash[SANDBOXES] = [shared.sandbox]
    return shared


@pytest.fixture
def front(make_sandbox: MakeSandbox) -> Iterator[tuple[Sandbox, Front]]:
    sandbox = make_sandbox()
    with Front(sandbox.certificates) as front:
        yield sandbox, front


HOST = {r"localhost": "rides.example.com"}

NO_LONGER = (
    "Strava no longer accepts the athlete's permission (refresh token): the athlete must connect again "
    "(Configuration → Athletes)."
)


def test_no_notification_arrives_because_of_a_wrong_path_in_front(front: tuple[Sandbox, Front], page: Page) -> None:
    sandbox, proxy = front
    # The proxy takes away the first part of the path, as nginx does with a slash behind `proxy_pass https://…`.
    proxy.path = lambda path: path.replace("/rides/", "/", 1)
    club = Club(sandbox, in_front="proxy", callback_url=f"https://localhost:{proxy.port}/rides/strava/club")
    proxy.target = club.input.port
    lost = club.strava.record(club.anna, kind="manual", title="Announced to nobody")

    seen = club.desk.check()
    assert (seen["callback:club"]["status"], seen["subscription:club"]["status"]) == ("fail", "fail")
    page.has(seen["callback:club"]["seen"], HOST)
    page.has(seen["subscription:club"]["seen"])
    assert club.desk.run("check")[0] == 1
    assert club.received() == []

    proxy.path = lambda path: path
    assert club.desk.run("subscriptions", "create", "--input", "club")[0] == 0
    seen = club.desk.check()
    for name in ("process:club", "listener:club", "athlete:anna"):
        page.has(seen[name]["seen"])
    page.has(seen["certificate:club"]["seen"], {r"\d+ days": "60 days"})
    page.has(
        seen["callback:club"]["seen"],
        {**HOST, r"\([0-9.:]+\)": "(203.0.113.7)", r"\d+\.\d\d s": "0.03 s", r"TLSv1\.\d": "TLSv1.3"},
    )
    page.has(seen["subscription:club"]["seen"], {r"subscription \d+": "subscription 123456"})
    assert {line["status"] for line in seen.values()} <= {"pass", "warn"}
    assert club.desk.run("check")[0] == 0

    ride = club.strava.record(club.anna, kind="manual", title="Announced")
    club.await_title(ride)
    assert len(club.received()) == 1
    # What was saved meanwhile is fetched by its number.
    assert club.desk.run("jobs", "fetch", str(lost.id), *club.of(club.anna))[0] == 0
    club.await_title(lost)


def test_no_notification_arrives_because_the_subscription_is_gone_or_leads_elsewhere(
    make_sandbox: MakeSandbox, page: Page
) -> None:
    club = Club(make_sandbox(), manage_subscription=0)
    line = club.desk.check()["subscription:club"]
    page.has(line["seen"])
    assert "strava_admin.py subscriptions create --input club" in line["to_do"]

    club.strava.subscriptions.add(club.application, "https://old.example.com/hook")
    line = club.desk.check()["subscription:club"]
    page.has(line["seen"], {r"subscription \d+": "subscription 4711"})

    assert club.desk.run("subscriptions", "delete", "--all")[0] == 0
    assert club.desk.run("subscriptions", "create", "--input", "club")[0] == 0
    assert club.desk.check()["subscription:club"]["status"] == "pass"
    club.await_title(club.strava.record(club.anna, kind="manual"))

    club.sandbox.splunkd.inputs.stop("club")
    page.has(club.desk.check()["process:club"]["seen"])


def test_jobs_are_stuck_because_an_athlete_needs_to_reconnect(club: Club, page: Page) -> None:
    club.strava.expire_access_token(club.anna)
    club.strava.revoke_refresh_token(club.anna)
    ride = club.strava.record(club.anna, kind="manual", title="Waits for Anna")

    club.await_log("postponed", ride)
    page.has(NO_LONGER)
    line = club.desk.check()["athlete:anna"]
    assert (line["status"], line["seen"]) == ("fail", NO_LONGER)
    (waits,) = club.desk.rows("jobs", "list", "--status", "pending")
    assert waits["error"] == NO_LONGER
    assert ride.id not in club.latest.versions

    club.sandbox.connect(club.anna, "anna", club.application, again=True)
    # Nothing new has to come: the page rings.
    club.await_title(ride)
    line = club.desk.check()["athlete:anna"]
    assert line["status"] == "pass"
    page.has(line["seen"])


def test_jobs_are_stuck_because_a_limit_is_used_up(make_sandbox: MakeSandbox, page: Page) -> None:
    # A day ends in the middle of the test far more rarely than a quarter of an hour.
    club = Club(make_sandbox(limits=Limits(overall=(100_000, 100_000), read=(100_000, 1000))))
    club.sandbox.subscribe(club.application, club.input)
    # Somebody else uses all but four of the day's reads.
    used = club.strava.rate_limits.usage(club.application).read[1]
    club.strava.rate_limits.use_up(club.application, 1000 - used - 4)
    rides = [club.strava.record(club.anna, kind="manual") for _ in range(6)]
    until(lambda: len(club.latest.versions) == 4)

    seen = club.desk.check()
    assert (seen["queue:club"]["status"], seen["quota:Club"]["status"]) == ("warn", "warn")
    page.has(seen["queue:club"]["seen"], {r"^\d+ fetches wait": "12 fetches wait"})
    page.has(
        seen["quota:Club"]["seen"],
        {
            r"^\d+ of \d+ reads": "100 of 100 reads",
            r"\d+ of 1000 today": "140 of 1000 today",
            r"00:01 UTC, day limit": "14:16 UTC, quarter-hour limit",
        },
    )
    # Nothing is lost, and nobody is to blame: the lines without a limit pass, and the exit code is that of no fault.
    assert seen["athlete:anna"]["status"] == "pass"
    assert "fail" not in {line["status"] for line in seen.values()}
    waiting = {job["activity_id"] for job in club.desk.rows("jobs", "list", "--status", "pending")}
    assert waiting == {ride.id for ride in rides if ride.id not in club.latest.versions}


def test_many_errors_end_as_dead_letters_and_are_retried(club: Club, page: Page) -> None:
    page.has(club.desk.check()["dead_letters"]["seen"])
    ride = club.strava.record(club.anna, kind="manual", title="Before")
    club.await_title(ride)
    with club.strava.faults.outage(500, path=f"/api/v3/activities/{ride.id}"):
        club.strava.edit(ride, title="After")
        # Other activities are fetched meanwhile: Strava works, and this one is the fault.
        while club.logged("finished", ride) < 2:
            club.await_title(club.strava.record(club.ben, kind="manual"))
        line = club.desk.check()["dead_letters"]
        assert line["status"] == "warn"
        page.has(line["seen"], {r"^1 fetch or notification has": "3 fetches or notifications have"})
        (letter,) = club.desk.rows("jobs", "dead-letters")
        assert letter["error"] == "Strava answered 500. Given up after 5 attempts."
        assert letter["attempts"] == 5
    assert len([one for one in club.sandbox.splunkd.log_lines() if "result=500" in one]) >= 5

    assert club.desk.run("jobs", "retry", str(letter["dead_letter"]))[0] == 0
    club.await_title(ride)
    page.has(club.desk.check()["dead_letters"]["seen"])


def test_a_redelivery_makes_no_event_and_an_edit_a_version(club: Club) -> None:
    ride = club.strava.record(club.anna, kind="manual", title="Ride")
    club.await_title(ride)
    club.strava.delivery.repeat(club.strava.delivery.deliveries[-1])
    until(lambda: any("receipt=duplicate" in line for line in club.received()))
    club.strava.edit(ride, title="Ride around the lake")
    club.await_title(ride)
    club.strava.edit(ride, title="Ride around the lake, twice")
    club.await_title(ride)

    versions = club.latest.versions[ride.id]
    assert [version["name"] for version in versions] == ["Ride", "Ride around the lake", "Ride around the lake, twice"]
    assert len({version["collected_at"] for version in versions}) == 3
    announced = [one["aspect_type"] for one in club.latest.notifications if one["object_id"] == ride.id]
    assert announced == ["create", "update", "update"]
    first = club.jobs_of(ride)[-1]
    heard = club.desk.row("jobs", "show", str(first["job"]))["notifications"]
    assert "sent 2 times" in json.dumps(heard)


def test_missing_activities_are_found_by_their_number(club: Club, page: Page) -> None:
    cleo = club.strava.add_athlete("Cléo", "Martin")
    club.sandbox.connect(cleo, "cleo", club.application, untick=("activity:read_all",))
    seen = club.desk.check()
    for name in ("athlete:anna", "athlete:ben", "athlete:cleo"):
        page.has(seen[name]["seen"])
    assert seen["athlete:cleo"]["status"] == "warn"

    # Hidden from what Ben has granted: Strava announces nothing, and knows nothing of it when asked.
    hidden = club.strava.record(club.ben, kind="manual", title="Only me", private=True)
    assert club.desk.run("jobs", "fetch", str(hidden.id), *club.of(club.ben))[0] == 0
    club.await_log("postponed", hidden)
    page.has(str(club.newest_job(hidden)["error"]))
    club.await_log("finished", hidden)
    job = club.newest_job(hidden)
    assert job["status"] == "failed"
    page.has(str(job["error"]))

    # A notification that was never sent.
    club.strava.delivery.lose_next()
    lost = club.strava.record(club.anna, kind="manual", title="Lost")
    assert club.desk.run("jobs", "fetch", str(lost.id), *club.of(club.anna))[0] == 0
    club.await_title(lost)
    club.await_log("finished", lost)
    assert club.newest_job(lost)["outcome"] == "collected"

    # Deleted at Strava, and nobody was told.
    club.strava.delete(lost, notify=False)
    assert club.desk.run("jobs", "fetch", str(lost.id), "--force")[0] == 0
    until(lambda: club.latest.of(lost.id) is None)
    club.await_log("finished", lost, times=2)
    assert club.newest_job(lost)["outcome"] == "deleted"

    # With the larger permission the hidden one comes.
    club.sandbox.connect(club.ben, "ben", club.application, again=True)
    assert club.desk.run("jobs", "retry", str(job["job"]))[0] == 0
    club.await_title(hidden)
