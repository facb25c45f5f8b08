"""Where training happens: towns with their time zone and their weather."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Town:
    """A place to start from."""

    name: str
    state: str
    country: str
    #: As the time zone database calls it.
    zone: str
    latitude: float
    longitude: float
    #: Metres above the sea.
    altitude: float
    #: How high the hills around it are, in metres.
    hills: float
    #: Mean temperature by day in the coldest and in the warmest month, in degrees Celsius.
    coldest: float
    warmest: float

    def temperature(self, local: datetime) -> float:
        """Degrees Celsius as they usually are at this local time."""
        middle, swing = (self.warmest + self.coldest) / 2, (self.warmest - self.coldest) / 2
        summer = 202 if self.latitude > 0 else 20
        season = math.cos(math.tau * (local.timetuple().tm_yday - summer) / 365.25)
        return middle + swing * season - 4.0 * math.cos(math.tau * (local.hour - 3) / 24)

    def moment(self, local: datetime) -> int:
        """Epoch seconds of a time on the town's clocks."""
        return int(local.replace(tzinfo=_zone(self.zone)).timestamp())

    def offset(self, moment: float) -> int:
        """By how many seconds the town's clocks are ahead of UTC at this time, summer time included."""
        offset = datetime.fromtimestamp(moment, _zone(self.zone)).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    @property
    def zone_label(self) -> str:
        """As Strava writes it: with the offset of standard time, in summer too."""
        return _label(self)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@cache
def _label(town: Town) -> str:
    standard = min(town.offset(datetime(2024, month, 1, tzinfo=timezone.utc).timestamp()) for month in (1, 7))
    hours, minutes = divmod(abs(standard) // 60, 60)
    return f"(GMT{'-' if standard < 0 else '+'}{hours:02d}:{minutes:02d}) {town.zone}"


ZURICH = Town("Zürich", "Zürich", "Switzerland", "Europe/Zurich", 47.3769, 8.5417, 408.0, 190.0, 2.0, 21.0)
MASPALOMAS = Town("Maspalomas", "Canarias", "Spain", "Atlantic/Canary", 27.7606, -15.586, 20.0, 420.0, 20.0, 28.0)
FORT_WILLIAM = Town("Fort William", "Scotland", "United Kingdom", "Europe/London", 56.8198, -5.1052, 15.0, 240.0, 6, 17)
BOSTON = Town("Boston", "Massachusetts", "United States", "America/New_York", 42.3601, -71.0589, 6.0, 28.0, 0.0, 25.0)
HONOLULU = Town("Honolulu", "Hawaii", "United States", "Pacific/Honolulu", 21.3069, -157.8583, 5.0, 60.0, 25.0, 30.0)
LONDON = Town("London", "England", "United Kingdom", "Europe/London", 51.5074, -0.1278, 15.0, 25.0, 7.0, 22.0)
MELBOURNE = Town("Melbourne", "Victoria", "Australia", "Australia/Melbourne", -37.8136, 144.9631, 15, 110.0, 10.0, 22.0)
QUEENSTOWN = Town("Queenstown", "Otago", "New Zealand", "Pacific/Auckland", -45.0312, 168.6626, 330.0, 380.0, 6.0, 20.0)
#: Where virtual rides are: an island that the maps of those programs lie on.
VIRTUAL = Town("Virtual", "", "", "Australia/Melbourne", -11.6442, 166.9569, 30.0, 70.0, 21.0, 21.0)
