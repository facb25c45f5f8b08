"""What is true of the sample's training, as tables: read from what Strava has in the end, not from the index.

Only what Strava does not tell of the end is read from what was written: samples, looks at gear and profiles, and how
often an activity was collected.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Optional

import pandas as pd

from sandbox import training
from strava_collector.events import Event
from tests.search.catalogue import ISLA, LENA, MARCUS

EVERYBODY = (LENA, MARCUS, ISLA)

#: Strava's sorts of sport by what they have in common.
FAMILIES = {
    "Ride": "Ride VirtualRide GravelRide MountainBikeRide EBikeRide EMountainBikeRide Velomobile Handcycle",
    "Run": "Run TrailRun VirtualRun",
    "Walk": "Walk Hike Snowshoe Wheelchair",
    "Swim": "Swim",
    "Ski and skate": "AlpineSki BackcountrySki NordicSki RollerSki Snowboard IceSkate InlineSkate Skateboard",
    "Water": "Canoeing Kayaking Kitesurf Rowing VirtualRow Sail StandUpPaddling Surfing Windsurf",
    "Gym": "WeightTraining Crossfit Workout Yoga Pilates HighIntensityIntervalTraining Elliptical StairStepper",
    "Games": "Badminton Golf Pickleball Racquetball Soccer Squash TableTennis Tennis",
    "Other": "RockClimbing",
}
FAMILY_OF = {sport: family for family, sports in FAMILIES.items() for sport in sports.split()}


@dataclass(frozen=True)
class Asked:
    """A question: about whom, and about which time. ``latest`` itself is not in it."""

    truth: Truth
    earliest: float
    latest: float
    athlete: int
    activity: int

    @property
    def now(self) -> float:
        return self.truth.now

    def all_activities(self) -> pd.DataFrame:
        """Everybody's that began in the range."""
        table = self.truth.activities
        return table[(table.start >= self.earliest) & (table.start < self.latest)].copy()

    def activities(self, family: Optional[str] = None) -> pd.DataFrame:
        """The athlete's that began in the range, of one family of sports or of all."""
        table = self.all_activities()
        table = table[table.athlete == self.athlete]
        return table if family is None else table[table.family == family]

    def details(self, family: Optional[str] = None) -> list[dict[str, Any]]:
        """The same activities as Strava describes them."""
        return [self.truth.details[one] for one in self.activities(family).id]

    def samples(self) -> pd.DataFrame:
        """Those in the range of the athlete's activities that began in it, in the order of the recording."""
        table = self.truth.samples
        table = table[(table.time >= self.earliest) & (table.time < self.latest)]
        return table[table.activity_id.isin(self.activities().id)]

    def latest_looks(self, sourcetype: str) -> list[dict[str, Any]]:
        """What was last seen of each profile or piece of gear, of those looks that lie in the range."""
        last: dict[object, dict[str, Any]] = {}
        for one in self.truth.written(sourcetype):
            if self.earliest <= one["_time"] < self.latest:
                last[one["id"]] = one  # they are in the order of writing
        return list(last.values())


class Truth:
    """All that is asked about."""

    def __init__(self, history: training.History, now: float) -> None:
        self.history = history
        self.now = now
        self.details: dict[int, dict[str, Any]] = dict(history.activities)
        self._written: dict[str, list[dict[str, Any]]] = {}

    @functools.cached_property
    def activities(self) -> pd.DataFrame:
        """One row an activity, with the days and hours of the athlete's own clock."""
        table = pd.DataFrame(
            {
                "id": one["id"],
                "athlete": one["athlete"]["id"],
                "name": one["name"],
                "sport": one["sport_type"],
                "start": datetime.fromisoformat(one["start_date"].replace("Z", "+00:00")).timestamp(),
                "clock": one["start_date_local"].rstrip("Z"),
                "metres": one["distance"],
                "seconds": one["moving_time"],
                "climb": one["total_elevation_gain"],
                "commute": one["commute"],
                "trainer": one["trainer"],
                "gear": one["gear_id"],
                "gear_name": (one["gear"] or {}).get("name"),
                "heartrate": one.get("average_heartrate"),
                "cadence": one.get("average_cadence"),
                "celsius": one.get("average_temp"),
                "effort": one.get("suffer_score"),
            }
            for one in self.details.values()
        )
        table["clock"] = pd.to_datetime(table.clock)
        table["date"] = table.clock.dt.normalize()
        table["day"] = table.clock.dt.strftime("%Y-%m-%d")
        table["month"] = table.clock.dt.strftime("%Y-%m")
        table["year"] = table.clock.dt.strftime("%Y")
        table["monday"] = table.date - pd.to_timedelta(table.date.dt.day_of_week, unit="D")
        table["week"] = table.monday.dt.strftime("%Y-%m-%d")
        table["weekday"] = table.clock.dt.day_name().str[:3]
        table["hour"] = table.clock.dt.hour
        table["family"] = table.sport.map(FAMILY_OF)
        table["km"] = table.metres / 1_000
        table["hours"] = table.seconds / 3_600
        return table

    @functools.cached_property
    def samples(self) -> pd.DataFrame:
        """One row a sample, of the last collection of each activity that there is, in the order of the recording."""
        table = pd.DataFrame(self.written("strava:activities:stream"))
        table = table[table.activity_id.isin(self.details)]
        newest = table.groupby("activity_id").collected_at.transform("max")
        return table[table.collected_at == newest].sort_values(["activity_id", "offset"])

    def written(self, sourcetype: str) -> list[dict[str, Any]]:
        """The contents of what was written, with the time of each, in the order of writing."""
        if sourcetype not in self._written:
            events = [one for one in self.history.events if one.sourcetype == sourcetype]
            self._written[sourcetype] = [{**json.loads(one.data), "_time": one.time} for one in events]
        return self._written[sourcetype]

    def samples_of(self, activity: int) -> list[Event]:
        """The samples of an activity as they were written."""
        begins = f'"activity_id":{activity},'
        events = self.history.events
        return [one for one in events if one.sourcetype == "strava:activities:stream" and begins in one.data]


def text_of(at: float, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time by the clock of a host in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime(pattern)


def duration(seconds: float) -> str:
    """Hours, minutes, seconds as people write them."""
    whole = int(seconds)
    return f"{whole // 3_600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def pace(metres: float, seconds: float) -> Optional[str]:
    """Minutes and seconds for a kilometre."""
    if not metres or not seconds:
        return None
    each = int(seconds * 1_000 / metres + 0.5)
    return f"{each // 60}:{each % 60:02d}"
