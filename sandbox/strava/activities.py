"""The activities that exist, and who may see them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timezone

from sandbox.strava.accounts import Athlete
from sandbox.strava.oauth import Grant
from strava_collector.clock import Clock

#: Seconds that the athletes live east of Greenwich. Their local times wear a false ``Z``, as Strava's do.
UTC_OFFSET = 7_200


@dataclass(frozen=True)
class Kind:
    """A sort of activity, with the size of what a fetch brings."""

    sport_type: str
    #: The older, coarser name that ``sport_type`` supersedes.
    type: str
    title: str
    #: Metres.
    distance: float
    #: Metres per second while moving.
    speed: float
    #: Points of the route; they make the polyline's length.
    points: int
    segment_efforts: int
    indoors: bool = False


#: Walk 20 KB, run 60, ride 180, long ride 500; what happens indoors has 3.
KINDS = {
    "walk": Kind("Walk", "Walk", "Afternoon Walk", 4_200.0, 1.4, 700, 13),
    "swim": Kind("Swim", "Swim", "Lunch Swim", 2_000.0, 0.8, 0, 0, indoors=True),
    "run": Kind("Run", "Run", "Morning Run", 12_400.0, 3.1, 1_600, 44),
    "ride": Kind("Ride", "Ride", "Morning Ride", 61_000.0, 7.6, 3_600, 134),
    "long_ride": Kind("GravelRide", "Ride", "All day in the hills", 208_000.0, 6.9, 8_000, 370),
    "manual": Kind("Workout", "Workout", "Yoga", 0.0, 0.0, 0, 0, indoors=True),
}

_TYPE_OF_SPORT = {
    "GravelRide": "Ride",
    "MountainBikeRide": "Ride",
    "TrailRun": "Run",
}


@dataclass
class Activity:
    """One activity as its owner saved it."""

    id: int
    athlete: Athlete
    kind: str
    title: str
    sport_type: str
    type: str
    #: Epoch seconds, UTC.
    start_date: int
    private: bool
    manual: bool
    device_name: str | None
    description: str | None
    #: Strava's time when it was uploaded, epoch seconds.
    created_at: float
    deleted: bool = False
    #: Raised by every change, so that an answer can be kept until the next one.
    version: int = 1
    #: Fetches answer 404 for so many more requests, and until so late, as Strava does just after an upload.
    not_found_requests: int = 0
    not_found_until: float = 0.0

    @property
    def shape(self) -> Kind:
        return KINDS[self.kind]


class ActivityBook:
    """All activities by id."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"activities {seed}")
        self._activities: dict[int, Activity] = {}
        self._last_id = 16_000_000_000

    def record(
        self,
        athlete: Athlete,
        kind: str,
        *,
        title: str | None,
        start_date: datetime | str | None,
        private: bool,
        activity_id: int | None,
        device_name: str | None,
        description: str | None,
        not_found_requests: int,
        not_found_seconds: float,
    ) -> Activity:
        """Save a new activity; without a ``start_date`` it has just ended."""
        shape = KINDS[kind]
        now = self._clock.now()
        if activity_id is None:
            self._last_id += self._random.randrange(1, 5_000)
            activity_id = self._last_id
        if activity_id in self._activities:
            raise ValueError(f"There is an activity {activity_id} already.")
        manual = kind == "manual"
        activity = Activity(
            id=activity_id,
            athlete=athlete,
            kind=kind,
            title=shape.title if title is None else title,
            sport_type=shape.sport_type,
            type=shape.type,
            start_date=int(now) - moving_time(shape) - 120 if start_date is None else epoch(start_date),
            private=private,
            manual=manual,
            device_name=None if manual else device_name or "Garmin Edge 840",
            description=description,
            created_at=now,
            not_found_requests=not_found_requests,
            not_found_until=now + not_found_seconds if not_found_seconds else 0.0,
        )
        self._activities[activity.id] = activity
        return activity

    def edit(
        self,
        activity: Activity,
        *,
        title: str | None,
        type: str | None,
        start_date: datetime | str | None,
        description: str | None,
    ) -> dict[str, str]:
        """Change an activity; returns the ``updates`` of Strava's notification, empty if it sends none."""
        self.must_exist(activity)
        updates: dict[str, str] = {}
        if title is not None and title != activity.title:
            activity.title = updates["title"] = title
        if type is not None and type != activity.sport_type:
            activity.sport_type = type
            activity.type = updates["type"] = _TYPE_OF_SPORT.get(type, type)
        if start_date is not None:
            activity.start_date = epoch(start_date)
        if description is not None:
            activity.description = description
        activity.version += 1
        return updates

    def set_private(self, activity: Activity, private: bool) -> bool:
        """Hide or show an activity; False if it was so already."""
        self.must_exist(activity)
        if activity.private == private:
            return False
        activity.private = private
        activity.version += 1
        return True

    def delete(self, activity: Activity) -> None:
        self.must_exist(activity)
        activity.deleted = True

    def of(self, athlete: Athlete) -> list[Activity]:
        """The athlete's activities, oldest start first."""
        mine = [item for item in self._activities.values() if item.athlete == athlete and not item.deleted]
        return sorted(mine, key=lambda item: (item.start_date, item.id))

    def for_reading(self, activity_id: int, grant: Grant) -> Activity | None:
        """The activity if this permission reaches it, else None: whoever asks is not told why."""
        activity = self._activities.get(activity_id)
        if activity is None or activity.deleted or activity.athlete != grant.athlete:
            return None
        if activity.private and not grant.reads_hidden_activities:
            return None
        if activity.not_found_requests > 0:
            activity.not_found_requests -= 1
            return None
        return None if self._clock.now() < activity.not_found_until else activity

    def listed_for(self, grant: Grant) -> list[Activity]:
        """What ``GET /athlete/activities`` may show to this permission, oldest first."""
        return [
            activity for activity in self.of(grant.athlete) if grant.reads_hidden_activities or not activity.private
        ]

    def must_exist(self, activity: Activity) -> None:
        if activity.deleted:
            raise ValueError(f"Activity {activity.id} was deleted; nothing can be done to it.")


def moving_time(shape: Kind) -> int:
    """Seconds in motion; a manual entry is an hour."""
    return int(shape.distance / shape.speed) if shape.speed else 3_600


def epoch(moment: datetime | str) -> int:
    """Epoch seconds of an aware datetime or of ISO 8601 text such as ``2026-11-21T06:30:00Z``."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError("A start date needs a time zone.")
    return int(moment.timestamp())


def iso(moment: float) -> str:
    """ISO 8601 in UTC with ``Z``, as Strava writes it."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
