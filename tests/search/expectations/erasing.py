"""What the index still holds of activities that were deleted at Strava."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.search.answers import Answer
from tests.search.catalogue import LENA
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, text_of

_DAY = 86_400

Content = dict[str, Any]


def _is_of_athlete(one: Content, asked: Asked) -> bool:
    """Anything of the athlete's but tombstones."""
    owners = {one.get("athlete_id"), one.get("owner_id"), one.get("athlete", {}).get("id")}
    is_profile = "firstname" in one and one["id"] == asked.athlete
    return (asked.athlete in owners or is_profile) and "deleted" not in one


def _is_of_activity(one: Content, asked: Asked) -> bool:
    """Anything of the activity's but tombstones, and notifications that do not name it by its title."""
    if "aspect_type" in one:
        return bool(one["object_id"] == asked.activity and "title" in one["updates"])
    return asked.activity in (one.get("id"), one.get("activity_id")) and "deleted" not in one


def _known_for(one: Content, asked: Asked) -> float:
    """Seconds since it came."""
    return asked.now - float(one["collected_at"] if "collected_at" in one else one["received_at"])


def _is_old(one: Content, asked: Asked) -> bool:
    return _known_for(one, asked) > 7 * _DAY


def _is_old_activity(one: Content, asked: Asked) -> bool:
    return "start_date" in one and _is_old(one, asked)


#: What is gone after a search that deletes, by its name: whether an event is.
GONE: dict[str, Callable[[Content, Asked], bool]] = {
    'docs/data.md: (`strava_index`) earliest=0 latest=+20y sourcetype="strava:a': _is_old_activity,
    "docs/data.md: `strava_of_athlete(134815)` | delete": _is_of_athlete,
    "docs/data.md: `strava_of_activity(16000004711)` | delete": _is_of_activity,
    # All of the sample was collected before the date that stands there.
    "docs/privacy.md: `strava_of_athlete(134815)` | where coalesce(collected_at, r": _is_of_athlete,
    "docs/privacy.md: `strava_of_activity(16000004711)` | delete": _is_of_activity,
    'docs/privacy.md: (`strava_index`) earliest=0 latest=+20y sourcetype="strava:*': _is_old,
    "docs/reliability.md: `strava_of_athlete(134815)` | delete": _is_of_athlete,
}


@expected("Strava erase list", LENA)
def erase_list(asked: Asked) -> Answer:
    """Those whose deletion is a day old or more; what counts are events that say something of the activity."""
    about: dict[int, list[float]] = defaultdict(list)
    graves: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for one in asked.truth.written("strava:activities"):
        if one.get("deleted") is True:
            graves[one["id"]].append((one["collected_at"], one["_time"]))
        else:
            about[one["id"]].append(one["_time"])
    for one in asked.truth.written("strava:activities:stream"):
        about[one["activity_id"]].append(one["_time"])
    for one in asked.truth.written("strava:webhook"):
        if "title" in one["updates"]:
            about[one["object_id"]].append(one["_time"])
    rows = []
    for activity in asked.truth.history.deleted:
        left = max(at for at, _ in graves[activity])
        if left >= asked.now - _DAY:
            continue
        times = [*about[activity], *(place for _, place in graves[activity])]
        find = f"`strava_of_activity({activity})`"
        rows.append(
            {
                "what": "activity",
                "id": activity,
                "left": text_of(math.ceil(left)),
                "since": math.ceil(left),
                "events": len(about[activity]),
                "first": text_of(min(times), "%Y-%m-%d"),
                "last": text_of(max(times), "%Y-%m-%d"),
                "find": find,
                "remove": f"{find} | delete",
                "listed_at": int(asked.now),
            }
        )
    assert len(rows) > 5
    return Answer(rows, order=("since",))
