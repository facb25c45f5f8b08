"""Segments, and laps of an activity: what lists within activities hold."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from tests.search.answers import Answer, Row
from tests.search.catalogue import LENA, MARCUS
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, duration, pace


@expected("Personal bests by segment")
def personal_bests(asked: Asked) -> Answer:
    efforts: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
    for one in asked.details():
        for effort in one["segment_efforts"]:
            tried = (effort["elapsed_time"], one["start_date_local"][:10], effort["segment"]["name"])
            efforts[effort["segment"]["id"]].append(tried)
    rows: list[Row] = []
    for tries in efforts.values():
        best = min(seconds for seconds, _, _ in tries)
        rows.append(
            {
                "segment": tries[0][2],
                "efforts": len(tries),
                "time": duration(best),
                "local_day": frozenset(day for seconds, day, _ in tries if seconds == best),
            }
        )
    return Answer(rows, order=("-efforts",), limit=1_000)


@expected("Strava lookup segments", LENA)
def every_segment(asked: Asked) -> Answer:
    found: dict[int, tuple[dict[str, Any], list[float]]] = {}
    for activity in asked.all_activities().id:
        detail = asked.truth.details[activity]
        start = datetime.fromisoformat(detail["start_date"].replace("Z", "+00:00")).timestamp()
        for effort in detail["segment_efforts"]:
            found.setdefault(effort["segment"]["id"], (effort["segment"], []))[1].append(start)
    same = ("id", "name", "activity_type", "distance", "average_grade", "climb_category", "city", "country")
    rows = [
        {**{name: segment[name] for name in same}, "efforts": len(starts), "last_at": max(starts)}
        for segment, starts in found.values()
    ]
    return Answer(rows)


@expected("Laps of an activity", LENA, MARCUS)
def laps(asked: Asked) -> Answer:
    rows = [
        {
            "number": lap["lap_index"],
            "km": lap["distance"] / 1_000,
            "pace": pace(lap["distance"], lap["moving_time"]),
            "heartrate": lap.get("average_heartrate"),
        }
        for lap in asked.truth.details[asked.activity]["laps"]
    ]
    assert len(rows) > 1
    return Answer(rows, order=("number",), rounded={"km": 2})
