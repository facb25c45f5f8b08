"""What the index still holds of activities that were deleted at Strava."""

from __future__ import annotations

import math
from collections import defaultdict

from tests.search.answers import Answer
from tests.search.expectations.registry import expected
from tests.search.truth import LENA, Asked, text_of

_DAY = 86_400


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
