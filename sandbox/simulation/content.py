"""What is compared of an activity: what an edit of an athlete can change in Strava's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Content(NamedTuple):
    """The values, as they stand in Strava's answer."""

    start_date: object
    name: object
    type: object
    sport_type: object
    private: object
    moving_time: object
    #: Lists do not show it.
    description: object

    @property
    def listed(self) -> tuple[object, ...]:
        """What lists show of it."""
        return self[:-1]


def content_of(activity: Mapping[str, object]) -> Content:
    """The part of an activity, an event's or Strava's own."""
    return Content(*(activity.get(name) for name in Content._fields))
