"""The searches in the texts of pages, those that are whole ones."""

from __future__ import annotations

import json

import pandas as pd

from tests.search.answers import Answer
from tests.search.catalogue import LENA, MARCUS
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, duration


@expected("README.md: `strava_activities` | table local_day, name, sport_family, d", LENA)
def what_there_is(asked: Asked) -> Answer:
    rows = [
        {
            "local_day": one.day,
            "name": one.name_,
            "sport_family": one.family,
            "distance_km": one.km or None,
            "moving_hours": one.hours,
            "elevation_m": one.climb,
        }
        for one in asked.all_activities().rename(columns={"name": "name_"}).itertuples()
    ]
    return Answer(rows)


@expected("docs/getting-started.md: earliest=-1y `strava_activities` | eval km=`strava_distance(", LENA)
def a_year_in_rows(asked: Asked) -> Answer:
    rows = [
        {
            "local_day": one.day,
            "athlete_id": one.athlete,
            "name": one.name_,
            "sport": one.sport,
            "km": one.km,
            "time": duration(one.seconds),
            "elevation_m": one.climb,
        }
        for one in asked.all_activities().rename(columns={"name": "name_"}).itertuples()
    ]
    return Answer(rows, rounded={"km": 2})


@expected("docs/getting-started.md: earliest=0 `strava_activities` | stats count AS activities, ", LENA)
def years(asked: Asked) -> Answer:
    table = asked.all_activities().groupby("year").agg(activities=("id", "size"), km=("km", "sum"))
    return Answer(table.rename_axis("local_year").reset_index().to_dict("records"))


@expected('docs/searching.md: `strava_activities(134815)` | where sport_family="Ride" | st')
def months_of_rides(asked: Asked) -> Answer:
    table = (
        asked.activities("Ride").groupby("month").agg(rides=("id", "size"), km=("km", "sum"), hours=("hours", "sum"))
    )
    return Answer(table.rename_axis("local_month").reset_index().to_dict("records"))


@expected('docs/searching.md: `strava_activities(134815)` | where sport_type="Run"')
def runs(asked: Asked) -> Answer:
    table = asked.activities()
    return Answer([{"id": one} for one in table[table.sport == "Run"].id], only=("id",))


@expected("docs/searching.md: `strava_activity(1234567890)` | spath path=segment_efforts{}", LENA)
def segments_of_an_activity(asked: Asked) -> Answer:
    efforts = asked.truth.details[asked.activity]["segment_efforts"]
    assert efforts
    return Answer([{"segment": one["segment"]["name"], "seconds": one["elapsed_time"]} for one in efforts])


@expected('docs/sample-data.md: `strava_index` sourcetype="strava:activities" earliest=-2y |', LENA)
def months_by_sport(asked: Asked) -> Answer:
    table = asked.all_activities()
    table["begin"] = pd.to_datetime(table.start, unit="s").dt.to_period("M").dt.start_time
    sums = table.pivot_table(index="begin", columns="sport", values="km", aggfunc="sum", dropna=False)
    rows = [
        {"_time": begin.timestamp(), **{sport: None if pd.isna(km) else km for sport, km in row.items()}}
        for begin, row in sums.iterrows()
    ]
    return Answer(rows, order=("_time",))


@expected('docs/searching.md: | inputlookup strava_gear | where kind="shoes" AND distance_', LENA)
def shoes_in_the_lookup(asked: Asked) -> Answer:
    rows = [
        {"id": one["id"]}
        for one in asked.latest_looks("strava:gear")
        if one["id"].startswith("g") and one["distance"] > 700_000
    ]
    assert rows
    return Answer(rows, only=("id",))


@expected('docs/troubleshooting.md: `strava_index` sourcetype="strava:activities" earliest=0 | s', LENA)
def versions(asked: Asked) -> Answer:
    table = pd.DataFrame(
        {"id": one["id"], "at": one["collected_at"]} for one in asked.truth.written("strava:activities")
    )
    counted = table.groupby("id")["at"].agg(versions="size", different="nunique", latest="max")
    return Answer(counted[counted.versions > 1].reset_index().to_dict("records"))


@expected("docs/events.md: `strava_samples(1234567890)` | sort 50000 offset | table _ti", MARCUS)
def samples_of_an_activity(asked: Asked) -> Answer:
    table = asked.truth.samples
    table = table[table.activity_id == asked.activity]
    assert len(table) > 100
    return Answer([{"offset": one} for one in table.offset], order=("offset",), only=("offset",))


@expected("docs/getting-started.md: `strava_index` sourcetype=strava:* earliest=-1d", LENA)
def everything_of_a_day(asked: Asked) -> Answer:
    events = asked.truth.history.events
    return Answer([{"_raw": one.data} for one in events if asked.earliest <= one.time < asked.latest], only=("_raw",))


@expected("docs/searching.md: | eval version=coalesce(collected_at, _indextime-10000000000", LENA)
def latest_versions(asked: Asked) -> Answer:
    return Answer([{"id": one} for one in asked.all_activities().id], only=("id",))


@expected("docs/moving.md: | eval version=coalesce(collected_at, _indextime-10000000000", LENA)
def latest_versions_again(asked: Asked) -> Answer:
    return latest_versions(asked)


@expected("docs/privacy.md: `strava_of_activity(16000004711)`", LENA, MARCUS)
def all_of_an_activity(asked: Asked) -> Answer:
    """Everything but tombstones: versions, samples, titles in notifications."""
    truth, rows = asked.truth, []
    for event in truth.history.events:
        if str(asked.activity) in event.data:
            content = json.loads(event.data)
            ids = {content.get("id"), content.get("activity_id")}
            is_titled = content.get("object_id") == asked.activity and "title" in content["updates"]
            if is_titled or (asked.activity in ids and "deleted" not in content):
                rows.append({"_raw": event.data})
    return Answer(rows, only=("_raw",))
