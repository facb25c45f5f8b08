"""The activities that exist, and who may see them."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from sandbox.strava.accounts import Athlete
from sandbox.strava.exchange import refused
from sandbox.strava.gear import Gear, GearBook
from sandbox.strava.oauth import Grant
from strava_collector.clock import Clock

#: Seconds that the athletes live east of Greenwich. Their local times wear a false ``Z``, as Strava's do.
UTC_OFFSET = 7_200

#: No id is larger.
_LAST_ID = 2**63


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
    #: Seconds in motion.
    moving_time: int
    #: Metres.
    distance: float
    gear: Gear | None
    deleted: bool = False
    #: Raised by every change, so that an answer can be kept until the next one.
    version: int = 1
    #: Fetches answer 404 for so many more requests, and until so late, as Strava does just after an upload.
    not_found_requests: int = 0
    not_found_until: float = 0.0
    #: What fetches answer for ever although the lists show the activity: 404 or 403.
    refused_with: int | None = None
    #: Lists leave it out, while a fetch brings it.
    unlisted: bool = False
    #: Its streams are not ready for so many more requests, and until so late.
    streams_missing_requests: int = 0
    streams_ready_at: float = 0.0

    @property
    def shape(self) -> Kind:
        return KINDS[self.kind]

    @property
    def gear_id(self) -> str | None:
        return None if self.gear is None else self.gear.id


#: An activity's place in a list: when it began, and its id.
_Place = tuple[int, int]


@dataclass
class _Shelf:
    """An athlete's activities in the order of their beginning, so that no list has to sort them."""

    everything: list[_Place] = field(default_factory=list)
    #: Without the hidden ones.
    shown: list[_Place] = field(default_factory=list)


class ActivityBook:
    """All activities by id.

    What a list shows of an activity (its start, whether it is hidden, deleted or unlisted) is changed by the methods
    of the book, which keep the lists in order.
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"activities {seed}")
        self._activities: dict[int, Activity] = {}
        self._shelves: dict[int, _Shelf] = {}
        self.gear = GearBook()
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
        seconds: int | None = None,
    ) -> Activity:
        """Save a new activity; without a ``start_date`` it has just ended, without ``seconds`` it is as its kind."""
        shape = KINDS[kind]
        moving_time = usual_time(shape) if seconds is None else seconds
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
            start_date=int(now) - moving_time - 120 if start_date is None else epoch(start_date),
            private=private,
            manual=manual,
            device_name=None if manual else device_name or "Garmin Edge 840",
            description=description,
            created_at=now,
            moving_time=moving_time,
            distance=_distance(shape, moving_time),
            gear=None if manual else self.gear.usual(athlete, shape.type),
            not_found_requests=not_found_requests,
            not_found_until=now + not_found_seconds if not_found_seconds else 0.0,
        )
        self._activities[activity.id] = activity
        self._put(activity)
        return activity

    def edit(
        self,
        activity: Activity,
        *,
        title: str | None,
        type: str | None,
        start_date: datetime | str | None,
        description: str | None,
        gear: Gear | None = None,
        seconds: int | None = None,
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
            self._take(activity)
            activity.start_date = epoch(start_date)
            self._put(activity)
        if description is not None:
            activity.description = description
        if gear is not None:
            activity.gear = gear
        if seconds is not None:
            activity.moving_time, activity.distance = seconds, _distance(activity.shape, seconds)
        activity.version += 1
        return updates

    def set_private(self, activity: Activity, private: bool) -> bool:
        """Hide or show an activity; False if it was so already."""
        self.must_exist(activity)
        if activity.private == private:
            return False
        self._take(activity)
        activity.private = private
        self._put(activity)
        activity.version += 1
        return True

    def unlist(self, activity: Activity, unlisted: bool) -> None:
        """Leave an activity out of all lists, or show it there again."""
        self.must_exist(activity)
        self._take(activity)
        activity.unlisted = unlisted
        self._put(activity)

    def delete(self, activity: Activity) -> None:
        self.must_exist(activity)
        self._take(activity)
        activity.deleted = True

    def of(self, athlete: Athlete) -> list[Activity]:
        """The athlete's activities, oldest start first."""
        mine = [item for item in self._activities.values() if item.athlete == athlete and not item.deleted]
        return sorted(mine, key=lambda item: (item.start_date, item.id))

    def distances(self, athlete: Athlete) -> dict[str, float]:
        """Metres that each piece of the athlete's gear has gone in the activities that exist."""
        gone: dict[str, float] = {}
        for item in self._activities.values():
            if item.athlete == athlete and not item.deleted and item.gear_id is not None:
                gone[item.gear_id] = gone.get(item.gear_id, 0.0) + item.distance
        return gone

    def for_reading(self, activity_id: int, grant: Grant) -> Activity | None:
        """The activity if this permission reaches it, else None: whoever asks is not told why."""
        activity = self._activities.get(activity_id)
        if activity is None or activity.deleted or activity.athlete != grant.athlete:
            return None
        if activity.private and not grant.reads_hidden_activities:
            return None
        if activity.refused_with is not None:
            if activity.refused_with == 403:
                raise refused(403, "Forbidden", "Activity", "id", "forbidden")
            return None
        if activity.not_found_requests > 0:
            activity.not_found_requests -= 1
            return None
        return None if self._clock.now() < activity.not_found_until else activity

    def listed_for(self, grant: Grant, *, after: int, before: int) -> ListOfActivities:
        """What ``GET /athlete/activities`` may show to this permission of what began between the two, oldest first."""
        shelf = self._shelves.get(grant.athlete.id, _Shelf())
        places = shelf.everything if grant.reads_hidden_activities else shelf.shown
        first, end = bisect_right(places, (after, _LAST_ID)), bisect_left(places, (before, 0))
        return ListOfActivities(self._activities, places, first, max(first, end))

    def _put(self, activity: Activity) -> None:
        shelf = self._shelves.setdefault(activity.athlete.id, _Shelf())
        for places in self._lists_with(activity, shelf):
            insort(places, (activity.start_date, activity.id))

    def _take(self, activity: Activity) -> None:
        for places in self._lists_with(activity, self._shelves[activity.athlete.id]):
            places.pop(bisect_left(places, (activity.start_date, activity.id)))

    @staticmethod
    def _lists_with(activity: Activity, shelf: _Shelf) -> tuple[list[_Place], ...]:
        if activity.unlisted:
            return ()
        return (shelf.everything,) if activity.private else (shelf.everything, shelf.shown)

    def must_exist(self, activity: Activity) -> None:
        if activity.deleted:
            raise ValueError(f"Activity {activity.id} was deleted; nothing can be done to it.")


@dataclass(frozen=True)
class ListOfActivities:
    """A part of an athlete's activities, to be cut into pages."""

    _activities: dict[int, Activity]
    _places: Sequence[_Place]
    _first: int
    _end: int

    def page(self, number: int, size: int, *, newest_first: bool) -> list[Activity]:
        """The ``number``-th page, from 1."""
        skipped = (number - 1) * size
        if newest_first:
            end = max(self._first, self._end - skipped)
            places = list(reversed(self._places[max(self._first, end - size) : end]))
        else:
            first = min(self._end, self._first + skipped)
            places = list(self._places[first : min(self._end, first + size)])
        return [self._activities[activity_id] for _, activity_id in places]


def usual_time(shape: Kind) -> int:
    """Seconds in motion; a manual entry is an hour."""
    return int(shape.distance / shape.speed) if shape.speed else 3_600


def _distance(shape: Kind, seconds: int) -> float:
    """Metres in so many seconds."""
    return shape.distance if seconds == usual_time(shape) else round(seconds * shape.speed, 1)


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
