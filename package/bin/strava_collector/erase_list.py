"""The erase list: what the index still holds of what Strava or the athlete has taken back.

The add-on cannot delete from an index; it can say, in a log that is searched later, what somebody with the right to
delete has to look for: every place that holds a version of the activity, each with its index and event time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from enum import Enum

from strava_collector.events import Tombstone
from strava_collector.logfmt import line


class ErasedBecause(str, Enum):
    """Why something has to be erased."""

    #: The athlete withdrew the permission.
    DEAUTHORIZED = "deauthorized"
    #: The activity was deleted, or hidden from the application.
    DELETED = "deleted"


def erase_lines(log: logging.Logger, graves: Iterable[Tombstone], reason: ErasedBecause) -> None:
    """Put places on the erase list, one line each.

    To be called when the tombstones are out and before the store is told so: then a crash repeats a line, and none is
    missing.
    """
    for grave in graves:
        log.info(
            line(
                "erase",
                activity_id=grave.activity_id,
                athlete_id=grave.athlete_id,
                in_index=grave.index,
                start_date=grave.start_date,
                reason=reason.value,
            )
        )
