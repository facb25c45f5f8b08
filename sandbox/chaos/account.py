"""The account: what was acknowledged, held against the index, the store, and Strava as it is at the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.chaos.cast import Cast, is_foreign, key
from sandbox.chaos.store_view import StoreView, Waiting, WaitingJob
from sandbox.latest import Latest
from sandbox.strava import Activity, Delivery, DeliveryState

#: Lines of the add-on's log that are shown of something lost.
_TRAIL = 40
_TRAIL_ID = re.compile(r"\btrail=\w+")
#: What the add-on adds to an activity; two events that differ in nothing else say the same.
_ADDED = ("collected_at", "collected_by", "input")


@dataclass
class Announced:
    """What Strava has told, as far as it was acknowledged."""

    #: Acknowledged notifications by key.
    acknowledged: dict[str, Delivery] = field(default_factory=dict)
    #: Those that Strava gave up after three attempts, forged ones not counted.
    given_up: dict[str, Delivery] = field(default_factory=dict)
    #: The newest notification of each activity, forged ones not counted.
    newest: dict[int, str] = field(default_factory=dict)
    #: Athletes whose deauthorization was not acknowledged.
    silent_leavers: set[int] = field(default_factory=set)

    def known(self, activity_id: int) -> bool:
        """Whether the activity's last change was acknowledged: what Strava never told nobody can know."""
        return self.newest.get(activity_id) in self.acknowledged


def announced(deliveries: list[Delivery], forged: set[str], repeats: set[int]) -> Announced:
    """Go through everything that was sent so far."""
    result = Announced()
    waiting_or_given_up: dict[str, Delivery] = {}
    for delivery in deliveries:
        notification, name = delivery.notification, key(delivery.notification)
        if delivery.state is DeliveryState.ACKNOWLEDGED:
            result.acknowledged[name] = delivery
        else:
            waiting_or_given_up[name] = delivery
        if notification["object_type"] == "activity" and name not in forged and id(delivery) not in repeats:
            result.newest[int(str(notification["object_id"]))] = name
    for name, delivery in waiting_or_given_up.items():
        if name in result.acknowledged or name in forged:
            continue
        if delivery.state is DeliveryState.GIVEN_UP:
            result.given_up[name] = delivery
        if delivery.notification["object_type"] == "athlete":
            result.silent_leavers.add(int(str(delivery.notification["owner_id"])))
    return result


@dataclass(frozen=True)
class Loss:
    """Something that did not end as it must."""

    what: str
    #: Ids to look for in the log.
    ids: tuple[int, ...]

    def trail(self, lines: list[str]) -> list[str]:
        """The newest lines of the log that speak of it: by its ids, and by the trails that those are logged with."""
        ids = [re.compile(rf"(?<!\d){number}(?!\d)") for number in self.ids]
        mine = [line for line in lines if any(one.search(line) for one in ids)]
        trails = {found for line in mine for found in _TRAIL_ID.findall(line)}
        return [
            line
            for line in lines
            if any(one.search(line) for one in ids) or any(found in trails for found in _TRAIL_ID.findall(line))
        ][-_TRAIL:]


class Account:
    """Made once the input has stopped."""

    def __init__(self, cast: Cast, deliveries: list[Delivery], latest: Latest, store: StoreView) -> None:
        self._cast = cast
        self._latest = latest
        self.told = announced(deliveries, cast.forged, cast.repeats)
        #: Notifications by key that the store keeps instead of an event, or beside it.
        self.held = {key(json.loads(body)) for body in store.notifications("held")}
        self.dead = {key(json.loads(body)) for body in store.notifications("dead letter")}
        self.dead_letters = store.dead_letters()
        self.waiting = store.waiting() or Waiting(-1, ())
        self.recorded: dict[str, int] = {}
        for event in latest.notifications:
            name = key(event)
            self.recorded[name] = self.recorded.get(name, 0) + 1
        #: Activities that are in the index as Strava has them, that are gone from both, that are dead letters, and
        #: whose last change Strava never got rid of.
        self.right = self.gone = self.dead_activities = self.unannounced = 0
        self.losses = [*self._lost_notifications(), *self._wrong_activities(), *self._orphans()]

    def excused(self, job: WaitingJob) -> bool:
        return excused(job, self.told)

    @property
    def repeated_notifications(self) -> int:
        return sum(count - 1 for count in self.recorded.values())

    @property
    def repeated_versions(self) -> int:
        """Events of activities that say what the one before said."""
        return sum(
            _content(before) == _content(after)
            for versions in self._latest.versions.values()
            for before, after in zip(versions, versions[1:])
        )

    def _lost_notifications(self) -> Iterator[Loss]:
        for name, delivery in self.told.acknowledged.items():
            if name in self.recorded or name in self.dead:
                continue
            notification = delivery.notification
            if name in self.held and is_foreign(notification):
                continue  # until Strava has said whose subscription that is
            ids = (int(str(notification["object_id"])),)
            yield Loss(f"no event and no dead letter of the notification {json.dumps(notification)}", ids)

    def _wrong_activities(self) -> Iterator[Loss]:
        for activity in self._cast.activities:
            versions = self._latest.versions.get(activity.id, [])
            times = [float(version["collected_at"]) for version in versions]
            if times != sorted(set(times)):
                yield Loss(f"the versions of activity {activity.id} came out of order", (activity.id,))
            if not self.told.known(activity.id) or activity.athlete.id in self.told.silent_leavers:
                self.unannounced += 1
                continue
            difference = self._difference(activity)
            if difference is None:
                continue
            if activity.id in self.dead_letters:
                self.dead_activities += 1
                continue
            yield Loss(f"activity {activity.id} of {activity.athlete.name} {difference}", (activity.id,))

    def _difference(self, activity: Activity) -> str | None:
        """What the index says otherwise than Strava; None if nothing."""
        there = self._latest.of(activity.id)
        if self._cast.gone(activity):
            if there is not None:
                return "is in the index, but Strava does not show it any more"
            self.gone += 1
            return None
        if there is None:
            return "is not in the index, but Strava has it"
        is_now = {
            "name": activity.title,
            "sport_type": activity.sport_type,
            "type": activity.type,
            "private": activity.private,
        }
        indexed = {name: there.get(name) for name in is_now}
        if indexed != is_now:
            return f"is {indexed} in the index, but {is_now} at Strava"
        self.right += 1
        return None

    def _orphans(self) -> Iterator[Loss]:
        if self.waiting.notifications:
            yield Loss(f"{self.waiting.notifications} notifications are still pending in the store", ())
        for job in self.waiting.jobs:
            if job.status == "working":
                yield Loss(f"the job of {job.kind} {job.activity_id} is working, but nobody works", (job.activity_id,))
            elif not self.excused(job):
                why = f"the job of {job.kind} {job.activity_id} still waits: {job.error}"
                yield Loss(why, (job.activity_id,))


def excused(job: WaitingJob, told: Announced) -> bool:
    """Whether a job may wait at the end.

    Strava has tried in vain to tell of the activity's last change, for instance of its deletion. The add-on asks for an
    hour then for what it believes to be new, or once more after ten minutes for what it has.
    """
    if job.athlete_id in told.silent_leavers:
        return True
    return job.activity_id in told.newest and not told.known(job.activity_id)


def _content(version: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in version.items() if name not in _ADDED}
