"""``make demo``: two athletes ride, edit, hide and delete; Strava fails; and every ride reaches the index.

One of them has ridden for years; those rides are there soon after the first look at the lists, and so is one whose
notification Strava loses, after the next look.

The add-on is the built one, unchanged. What it would do in Splunk it does here: its REST handlers save the
configuration and exchange the OAuth code, its input listens over TLS, stores, fetches and writes. Strava and splunkd
are stand-ins on loopback.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil

from sandbox import program
from sandbox.latest import Latest
from sandbox.sandbox import Input, Sandbox
from sandbox.story import Story
from sandbox.strava import Activity, Application, Athlete, Limits, StravaStandIn
from sandbox.strava.delivery import Delivery, DeliveryState

#: Settings that differ from the defaults so that the demo is over in a minute.
QUICKER = {"retry_base": 1, "cooldown": 1}
RETRY_PAUSE = 2.0
#: Seconds until what is expected must have happened.
PATIENCE = 30.0
#: The same for what history leads to: nobody wakes another input's workers for it, they look each half minute.
HISTORY_PATIENCE = 30.0 + PATIENCE
#: Seconds between two looks at the lists, as few as the page takes, and until one must have repaired a gap.
LISTED_EVERY = 60
GAP_PATIENCE = LISTED_EVERY + 30.0
#: Old rides: how long ago in days, and what they were.
HISTORY = ((9, "swim"), (40, "run"), (41, "swim"), (200, "ride"), (390, "manual"), (800, "walk"), (2_000, "ride"))
#: Seconds between two looks at what does not show in the index.
LOOK_AGAIN = 0.25
#: Seconds at the end in which nothing happens, to see what the input needs then; before it, seconds until what the
#: last chapter has set off is over, for it ends with a message to splunkd.
AT_REST = 3.0
UNTIL_AT_REST = 2.0

#: The name of the input that lists.
HISTORY_INPUT = "history"

ROOT = Path(__file__).resolve().parents[1]


class Demo:
    """The story, from the first setting to the last ride."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._strava = sandbox.strava
        self._story = Story(sandbox.splunkd.index)
        self._recorded: list[Activity] = []
        #: Those that no notification told of.
        self._old: list[Activity] = []
        self._differs: list[str] = []
        self._checks = 0
        self._application: Application
        self._input: Input
        self._anna: Athlete
        self._ben: Athlete

    def run(self) -> int:
        """Tell it all; the exit status."""
        self._set_up()
        self._history()
        forgotten = self._gap()
        self._ordinary_days()
        self._edits()
        self._deleting_and_hiding()
        self._bad_days()
        self._forgery()
        self._disconnecting()
        self._gap_is_repaired(forgotten)
        if not self._story.watch(PATIENCE, for_all=True):
            self._differs += [f"did not happen: {expectation.text}" for expectation in self._story.open]
        self._strava.wait_until_delivered(PATIENCE)
        self._compare()
        process = psutil.Process(self._sandbox.splunkd.inputs.pid(self._input.name))
        self._story.watch(UNTIL_AT_REST)
        cpu = sum(process.cpu_times()[:2])
        self._story.watch(AT_REST)
        at_rest = sum(process.cpu_times()[:2]) - cpu
        used = f"{cpu:.1f} s of CPU, {process.memory_info().rss / 1e6:.0f} MB of memory"
        for name in (self._input.name, HISTORY_INPUT):
            self._sandbox.splunkd.inputs.stop(name)
        self._after_the_end()
        self._table(f"{used}, {at_rest / AT_REST:.1%} of a CPU at rest")
        return self._verdict()

    # Chapters.

    def _set_up(self) -> None:
        story, sandbox = self._story, self._sandbox
        self._application = sandbox.add_application("Club")
        story.tell("", "Configuration → Applications: “Club” is saved, its secret encrypted")
        self._anna = self._strava.add_athlete("Anna", "Bergström", city="Uppsala")
        self._ben = self._strava.add_athlete("Ben", "Okafor", city="Leeds")
        sandbox.connect(self._anna, "anna", self._application)
        story.tell("Anna", f"connects with Strava and grants {self._granted(self._anna)}")
        sandbox.connect(self._ben, "ben", self._application, scope="read,activity:read")
        story.tell("Ben", f"connects with Strava and grants {self._granted(self._ben)}: no private activities")
        self._input = sandbox.add_input("club", self._application)
        story.tell("", f"Inputs → Strava Webhook: “club” is saved; splunkd starts it, port {self._input.port}")
        sandbox.wait_until_healthy(self._input)
        story.tell("", "the input listens, and asks Strava for its subscription by itself")
        subscription_id = sandbox.subscribe(self._application, self._input)
        (challenge,) = self._strava.subscriptions.call_backs
        story.tell("Strava", f"calls back with a challenge: {challenge.status}; subscription {subscription_id} is made")
        calls = self._strava.statistics
        self._check(calls.count("POST /push_subscriptions", 201) == 1, "the input made its subscription itself, once")

    def _history(self) -> None:
        """Rides from before the add-on was there: first as a list tells of them, then in full."""
        now = datetime.now(timezone.utc)
        for days_ago, kind in HISTORY:
            start = now - timedelta(days=days_ago)
            self._old.append(self._strava.record(self._anna, kind=kind, start_date=start, notify=False))
        self._sandbox.add_activities_input(HISTORY_INPUT, self._application, interval=LISTED_EVERY)
        self._story.tell("Anna", f"has ridden before: {len(self._old)} times in {HISTORY[-1][0] // 365} years")
        self._story.tell("", f"Inputs → Strava Activities: “{HISTORY_INPUT}” is saved; it reads Anna's and Ben's lists")
        self._story.expect(
            "all of them are in the index, as the list shows them",
            lambda latest: all(latest.of(activity.id) is not None for activity in self._old),
        )
        self._story.expect(
            "all of them are in the index in full",
            lambda latest: all(_field(latest, activity, "embed_token") is not None for activity in self._old),
        )
        self._story.watch(HISTORY_PATIENCE, for_all=True)
        for activity in self._old:
            self._check(self._fetches(activity) == 1, f"“{activity.title}” of the history was fetched once")

    def _gap(self) -> Activity:
        """A ride of which Strava never tells."""
        self._strava.delivery.lose_next()
        ride = self._strava.record(self._anna, kind="ride", title="Ride in the fog")
        self._old.append(ride)
        self._story.tell("Anna", "saves “Ride in the fog”; Strava loses the notification")
        return ride

    def _gap_is_repaired(self, ride: Activity) -> None:
        self._story.tell("", "one ride is missing: the next look at Anna's list has to find it")
        self._story.expect(
            "“Ride in the fog” is in the index, in full",
            lambda latest: _field(latest, ride, "embed_token") is not None,
        )
        self._story.watch(GAP_PATIENCE, for_all=True)
        self._check(_field(self._story.latest, ride, "collected_by") == "polling", "a list found what nobody told")

    def _ordinary_days(self) -> None:
        rides = [
            (self._anna, "ride", "Morning Ride 🚴"),
            (self._ben, "run", "Lunch Run"),
            (self._anna, "long_ride", "Around the lake"),
            (self._ben, "swim", "Evening Swim"),
            (self._anna, "manual", "Yoga"),
        ]
        for athlete, kind, title in rides:
            self._save(athlete, kind, title)
            self._story.watch(0.7)
        self._story.watch(PATIENCE, for_all=True)

    def _edits(self) -> None:
        morning, lunch, lake = self._recorded[:3]
        self._edit(morning, "Along the canal")
        self._edit(lunch, "Lunch Run with the dog")
        for title in ("Around the lak", "Around the lake, twice", "Twice around the lake"):
            self._strava.edit(lake, title=title)
        self._story.tell("Anna", "renames “Around the lake” three times in a row")
        calls = self._fetches(lake)
        self._expect_title(lake, "Twice around the lake")
        self._story.watch(PATIENCE, for_all=True)
        self._check(self._fetches(lake) - calls == 1, "the burst of three edits is one fetch")

    def _deleting_and_hiding(self) -> None:
        walk = self._save(self._ben, "walk", "Dog Walk")
        secret = self._save(self._anna, "run", "Early Run")
        tempo = self._save(self._ben, "run", "Tempo Run")
        self._story.watch(PATIENCE, for_all=True)
        self._strava.delete(walk)
        self._story.tell("Ben", "deletes “Dog Walk”")
        self._story.expect("“Dog Walk” has a tombstone", lambda latest: latest.of(walk.id) is None)
        self._strava.hide(secret)
        self._story.tell("Anna", "hides “Early Run”; her scope includes private activities")
        self._story.expect(
            "“Early Run” is in the index as private",
            lambda latest: _field(latest, secret, "private") is True,
            secret.id,
        )
        self._strava.hide(tempo)
        self._story.tell("Ben", "hides “Tempo Run”; for his scope it is as good as deleted")
        self._story.expect("“Tempo Run” has a tombstone", lambda latest: latest.of(tempo.id) is None)
        self._story.watch(PATIENCE, for_all=True)

    def _bad_days(self) -> None:
        self._strava.expire_access_token(self._anna)
        self._story.tell("Strava", "lets Anna's access token expire")
        refreshes = self._strava.statistics.count("POST /oauth/token", 200)
        self._save(self._anna, "ride", "Ride to work")
        self._story.watch(PATIENCE, for_all=True)
        self._check(
            self._strava.statistics.count("POST /oauth/token", 200) == refreshes + 1, "the token was renewed once"
        )
        with self._strava.faults.outage(503, path="/api/v3/*") as outage:
            self._story.tell("Strava", "has an outage: 503 to every call")
            self._save(self._ben, "ride", "Ride through the storm")
            self._story.watch(4.5)
        self._story.tell("Strava", f"is back after {outage.hits} refused calls")
        self._story.watch(PATIENCE, for_all=True)
        again = self._first_delivery()
        events = len(self._story.latest.notifications)
        self._strava.delivery.repeat(again)
        self._strava.wait_until_delivered(PATIENCE)
        self._story.tell("Strava", "delivers the first notification a second time, as it does when in doubt")
        self._story.watch(1.0)
        self._check(len(self._story.latest.notifications) == events, "the redelivery made no second event")

    def _forgery(self) -> None:
        """Notifications are not signed: anybody who knows the callback URL can claim that Anna has left."""
        genuine = self._first_delivery().notification
        asked = self._strava.statistics.count("GET /athlete", 200)
        forged = {
            **genuine,
            "object_type": "athlete",
            "object_id": self._anna.id,
            "owner_id": self._anna.id,
            "aspect_type": "update",
            "updates": {"authorized": "false"},
        }
        self._strava.delivery.send(self._application, forged)
        self._story.tell("Mallory", "forges a notification that Anna has disconnected")
        self._story.expect(
            "Strava is asked, and says that it is not so",
            lambda _latest: self._strava.statistics.count("GET /athlete", 200) == asked + 1,
        )
        # Nothing comes into the index that would make the story look.
        for _ in range(int(PATIENCE / LOOK_AGAIN)):
            if self._story.watch(LOOK_AGAIN, for_all=True):
                break

    def _disconnecting(self) -> None:
        self._strava.deauthorize(self._ben)
        self._story.tell("Ben", "disconnects the application on Strava's page")
        self._story.expect(
            "none of Ben's activities is left",
            lambda latest: all(latest.of(activity.id) is None for activity in self._recorded_by(self._ben)),
        )

    def _recorded_by(self, athlete: Athlete) -> list[Activity]:
        theirs = {activity.id for activity in self._strava.activities(athlete)}
        return [activity for activity in self._recorded if activity.id in theirs]

    # What athletes do.

    def _save(self, athlete: Athlete, kind: str, title: str) -> Activity:
        activity = self._strava.record(athlete, kind=kind, title=title)
        self._recorded.append(activity)
        self._story.tell(athlete.first_name, f"saves “{title}”")
        self._expect_title(activity, title)
        return activity

    def _edit(self, activity: Activity, title: str) -> None:
        who = self._anna if activity in self._strava.activities(self._anna) else self._ben
        self._story.tell(who.first_name, f"renames “{activity.title}” to “{title}”")
        self._strava.edit(activity, title=title)
        self._expect_title(activity, title)

    def _expect_title(self, activity: Activity, title: str) -> None:
        self._story.expect(
            f"“{title}” is in the index", lambda latest: _field(latest, activity, "name") == title, activity.id
        )

    # Accounts.

    def _compare(self) -> None:
        """Hold the index against Strava: every activity as it is now, no other, nothing out of order."""
        latest = self._story.latest
        for activity in (*self._old, *self._recorded):
            there = latest.of(activity.id)
            # Ben has withdrawn his permission.
            if activity.id in [one.id for one in self._strava.activities(self._anna)]:
                same = there is not None and all(
                    there.get(key) == value for key, value in self._strava.detail(activity).items()
                )
                self._check(same, f"“{activity.title}” in the index is as Strava has it")
            else:
                self._check(there is None, f"“{activity.title}” is no longer in the index")
            times = [version["collected_at"] for version in latest.versions.get(activity.id, [])]
            self._check(times == sorted(set(times)), f"the versions of “{activity.title}” came in order")
        self._check(len(latest.notifications) == self._acknowledged() - 1, "each notification has one event")
        self._check(self._strava.rate_limits.refused == 0, "no call beyond Strava's limits")
        self._check(self._strava.dead_refresh_tokens_presented == 0, "no rotated refresh token was lost")

    def _after_the_end(self) -> None:
        splunkd = self._sandbox.splunkd
        for name in (self._input.name, HISTORY_INPUT):
            count = splunkd.inputs.count(name)
            ran = count.starts == 1 and count.forced == 0
            self._check(ran, f"the input “{name}” ran through and stopped when asked to")
        for fault in splunkd.errors:
            self._check(False, f"splunkd: {fault}")
        self._check(not splunkd.errors, "splunkd found nothing to complain about")
        self._check(not splunkd.messages, "no message in Splunk Web is left")
        logs = "\n".join(splunkd.log_lines())
        secrets = [self._application.client_secret, self._input.verify_token]
        self._check(not any(secret in logs for secret in secrets), "no secret is in a log")

    def _table(self, used: str) -> None:
        latest, calls = self._story.latest, self._strava.statistics
        deliveries = self._strava.statistics.deliveries()
        delays = [one.took for one in self._story.expectations if one.took is not None and one.activity_id]
        deliveries_made = self._strava.delivery.deliveries
        acknowledged = [one.notification for one in deliveries_made if one.state is DeliveryState.ACKNOWLEDGED]
        lost = sum(map(self._is_lost, acknowledged))
        self._check(lost == 0, "nothing that was acknowledged is lost")
        rows = [
            ("activities saved", f"{len(self._recorded)}; {len(HISTORY)} before them, one never announced"),
            ("lists read", f"{calls.count('GET /athlete/activities', 200)}, which found the other {len(self._old)}"),
            ("notified", f"{deliveries.sent} notifications in {deliveries.attempts} deliveries"),
            ("acknowledged", f"{deliveries.acknowledged}, {_answer_times(self._strava)}"),
            ("fetched", f"{calls.count('GET /activities/{id}', 200)} times"),
            ("indexed", f"{latest.activity_events} activities, {latest.tombstones} tombstones, "
                        f"{len(latest.notifications)} notifications"),
            ("lost", f"{lost}"),
            ("save to index", f"median {statistics.median(delays):.1f} s, worst {max(delays):.1f} s (settle time 2 s)"),
            ("calls used", f"{len(calls.calls) - calls.count('GET /oauth/authorize')} to Strava, tokens included"),
            ("the input used", used),
            ("settings changed", "retry_base 1 s instead of 30 s, cooldown 1 s instead of 15 s"),
            ("in Strava, too", "it repeats a notification after 2 s instead of a minute"),
        ]  # fmt: skip
        print()
        for name, value in rows:
            print(f"  {name:17} {value}")
        print()

    def _is_lost(self, notification: dict[str, object]) -> bool:
        """Whether an acknowledged notification has no event."""
        return not any(notification.items() <= event.items() for event in self._story.latest.notifications)

    def _verdict(self) -> int:
        for difference in self._differs:
            print(f"  differs: {difference}")
        expected = self._checks + len(self._story.expectations)
        print(f"demo: {expected - len(self._differs)} of {expected} as expected")
        return 1 if self._differs else 0

    def _check(self, holds: bool, what: str) -> None:
        self._checks += 1
        if not holds:
            self._differs.append(f"not true: {what}")

    def _fetches(self, activity: Activity) -> int:
        return sum(str(activity.id) in call.path and call.status == 200 for call in self._strava.statistics.calls)

    def _first_delivery(self) -> Delivery:
        """The first one that was not lost."""
        return next(one for one in self._strava.delivery.deliveries if one.state is not DeliveryState.LOST)

    def _acknowledged(self) -> int:
        return sum(one.state is DeliveryState.ACKNOWLEDGED for one in self._strava.delivery.deliveries)

    def _granted(self, athlete: Athlete) -> str:
        return ", ".join(sorted(self._strava.granted_scope(self._application, athlete)))


def _field(latest: Latest, activity: Activity, name: str) -> object:
    version = latest.of(activity.id)
    return None if version is None else version.get(name)


def _answer_times(strava: StravaStandIn) -> str:
    """How long the listener took to answer, over all attempts to deliver."""
    seconds = sorted(attempt.seconds for delivery in strava.delivery.deliveries for attempt in delivery.attempts)
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[-1]
    return f"p99 after {p99:.3f} s, the slowest after {seconds[-1]:.3f} s"


def main() -> int:
    """Run the demo in a folder of its own; nothing is left of it."""
    program.prepare()
    app = ROOT / "output" / "TA_strava_webhook"
    if not app.is_dir():
        print(f"The add-on has not been built: {app} is missing. `make demo` builds it.")
        return 1
    print("The built add-on against stand-ins for Strava and splunkd on this computer; about a minute and a quarter.\n")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="strava-demo-") as folder,
            Sandbox(
                app=app,
                folder=Path(folder),
                python=Path(sys.executable),
                advanced=QUICKER,
                retry_pause=RETRY_PAUSE,
                limits=Limits(),
            ) as sandbox,
        ):
            demo = Demo(sandbox)
            try:
                return demo.run()
            except Exception:
                print("\n".join(sandbox.splunkd.log_lines()[-40:]))
                raise
    except KeyboardInterrupt:
        program.say_last("\nInterrupted; everything is stopped and removed.")
        return 130


if __name__ == "__main__":
    os.environ.pop("SPLUNK_HOME", None)
    sys.exit(main())
