"""The macros that choose the latest version, by their own text, on events that the add-on writes."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from sandbox.spl import Index, Row
from strava_collector.events import Event, Tombstone, activity_event, epoch, tombstone_event
from strava_collector.sample_event import Collection, sample_events

NOW = 1_790_000_000.0
ANNA, BEN = 7, 8
HERE, THERE = "2026-06-01T05:00:00Z", "2026-03-01T05:00:00Z"


def version(activity: int, at: float, name: str, *, start: str = HERE, athlete: int = ANNA, **more: object) -> Event:
    content = {"id": activity, "athlete": {"id": athlete}, "start_date": start, "name": name, **more}
    return activity_event(
        content, start=start, collected_at=at, reason="webhook", input_name="club", index="strava", source="s"
    )


def grave(activity: int, at: float, *, start: str = HERE, athlete: int = ANNA) -> Event:
    return tombstone_event(Tombstone(activity, athlete, start, at, "strava"), "s")


def older(activity: int, name: str) -> Event:
    """What the older add-on wrote: no ``collected_at``."""
    data = f'{{"id":{activity},"name":"{name}","start_date":"{HERE}","athlete":{{"id":{ANNA}}}}}'
    return Event(epoch(HERE), "strava:activities", "strava", "strava_api://x", data)


def index_of(events: Sequence[Event]) -> Index:
    """In the order of arrival."""
    found = Index(NOW)
    for number, event in enumerate(events):
        found.add([event], indexed_at=NOW - 10_000 + number)
    return found


def shown(index: Index, search: str = "`strava_activities`", *, begin: float = 0, end: float = 1e12) -> list[str]:
    return sorted(row["name"] for row in index.search(search, begin, end))


MOVED = [version(1, NOW, "before", start=THERE), grave(1, NOW + 1, start=THERE), version(1, NOW + 2, "after")]


def test_the_latest_version_is_shown_whatever_the_order_of_arrival() -> None:
    events = [version(1, NOW + number, f"title {number}") for number in range(9)]
    for seed in range(9):
        random.Random(seed).shuffle(events)
        assert shown(index_of(events)) == ["title 8"]


def test_a_deleted_activity_is_gone_and_one_that_came_back_is_there() -> None:
    assert shown(index_of([version(1, NOW, "a"), grave(1, NOW + 1)])) == []
    assert shown(index_of([version(1, NOW, "a"), grave(1, NOW + 1), version(1, NOW + 2, "b")])) == ["b"]


@pytest.mark.parametrize("at", [epoch(THERE) - 1, epoch(THERE) + 1, epoch(HERE) + 1])
def test_a_range_that_is_cut_anywhere_shows_what_is_there_now(at: float) -> None:
    index = index_of(MOVED)
    assert shown(index, end=at) == (["after"] if at > epoch(HERE) else [])
    assert shown(index, begin=at) == (["after"] if at <= epoch(HERE) else [])


def test_digits_behind_the_point_count() -> None:
    assert shown(index_of([version(1, NOW + 0.002, "b"), version(1, NOW + 0.001, "a")])) == ["b"]


def test_the_index_time_stands_in_where_the_older_add_on_wrote() -> None:
    assert shown(index_of([older(1, "a"), older(1, "b")])) == ["b"]
    assert shown(index_of([older(1, "a"), version(1, NOW, "b")])) == ["b"]
    assert shown(index_of([older(1, "a"), grave(1, NOW)])) == []


def test_what_the_older_add_on_wrote_hides_nothing_when_it_is_indexed_again() -> None:
    """A copy of an old index, restored today: it is the newest in the index, and the oldest that is known."""
    long_ago = NOW - 1_000_000
    assert shown(index_of([older(1, "a"), version(1, long_ago, "b"), older(1, "a")])) == ["b"]
    assert shown(index_of([older(1, "a"), grave(1, long_ago), older(1, "a")])) == []
    plain_search = "`strava_activity_versions` | eval version=coalesce(collected_at, _indextime-10000000000)"
    index = index_of([version(1, long_ago, "b"), older(1, "a")])
    with_samples = f'`strava_activity_with_samples(1,{ANNA})` | where kind="activity"'
    assert shown(index, with_samples) == ["b"]
    assert shown(index, plain_search + " | dedup id sortby -version | where isnull(deleted)") == ["b"]


def test_fields_that_are_there_twice_count_once() -> None:
    index = index_of([older(1, "a"), version(1, NOW, "b")])
    index.events[0].fields["id"] = ["1", "1"]
    assert shown(index) == ["b"]


def test_one_athlete_or_one_activity_alone() -> None:
    index = index_of([*MOVED, version(2, NOW, "other"), version(3, NOW, "hers", athlete=BEN), grave(2, NOW + 1)])
    assert shown(index, f"`strava_activities({ANNA})`") == ["after"]
    assert shown(index, f"`strava_activities({BEN})`") == ["hers"]
    assert shown(index, "`strava_activities(*)`") == ["after", "hers"]
    assert shown(index, "`strava_activity(3)`") == ["hers"]
    assert shown(index, "`strava_activity(2)`") == []


def test_a_filter_before_the_choice_shows_what_is_not_so_any_more() -> None:
    index = index_of([version(1, NOW, "a", sport_type="Run"), version(1, NOW + 1, "b", sport_type="Ride")])
    assert shown(index, '`strava_activities` | where sport_type="Run"') == []
    too_early = '`strava_activity_versions` sport_type="Run" | `strava_latest`'
    assert shown(index, too_early) == ["a"]


# Samples.


def samples(activity: int, at: float, beats: int, *, start: str = HERE, seconds: int = 3) -> list[Event]:
    collection = Collection(activity, ANNA, start, at, "strava", "s")
    return sample_events(collection, [{"offset": offset, "heartrate": beats} for offset in range(seconds)])


ALL_SAMPLES, ONES = f"`strava_samples_of({ANNA})`", "`strava_samples(1)`"


def beats(index: Index, search: str, *, begin: float = 0, end: float = 1e12) -> list[tuple[int, int]]:
    rows = index.search(search, begin, end)
    return sorted((int(row["offset"]), int(row["heartrate"])) for row in rows)


@pytest.mark.parametrize("search", [ALL_SAMPLES, ONES])
def test_the_samples_are_those_that_were_collected_last_and_each_once(search: str) -> None:
    events = [version(1, NOW, "a"), *samples(1, NOW + 1, 100), *samples(1, NOW + 3, 120, seconds=2)]
    assert beats(index_of(events), search) == [(0, 120), (1, 120)], "a second that is there no more goes, too"
    assert beats(index_of(events + samples(1, NOW + 3, 120, seconds=2)), search) == [(0, 120), (1, 120)]


@pytest.mark.parametrize("search", [ALL_SAMPLES, ONES])
def test_a_deleted_activity_has_no_samples_and_one_that_came_back_has(search: str) -> None:
    events = [version(1, NOW, "a"), *samples(1, NOW + 1, 100, seconds=1), grave(1, NOW + 2)]
    assert beats(index_of(events), search) == []
    assert beats(index_of([*events, version(1, NOW + 3, "b")]), search) == [(0, 100)]


@pytest.mark.parametrize("search", [ALL_SAMPLES, ONES])
def test_samples_that_a_corrected_start_has_left_behind_are_not_shown(search: str) -> None:
    left = [version(1, NOW, "a", start=THERE), *samples(1, NOW + 1, 100, start=THERE, seconds=1)]
    moved = [*left, grave(1, NOW + 2, start=THERE), version(1, NOW + 3, "a")]
    assert beats(index_of(moved), search) == [], "those of the new place have not come yet"
    index = index_of([*moved, *samples(1, NOW + 4, 120, seconds=1)])
    between = epoch(THERE) + 3_600
    assert beats(index, search) == [(0, 120)]
    assert beats(index, search, end=between) == []
    assert beats(index, search, begin=between) == [(0, 120)]


def test_a_part_of_a_ride_can_be_looked_at_and_what_is_of_an_athlete_has_begun_in_the_range() -> None:
    index = index_of([version(1, NOW, "a"), *samples(1, NOW + 1, 100, seconds=5)])
    later = epoch(HERE) + 3
    assert beats(index, ONES, begin=later) == [(3, 100), (4, 100)]
    assert beats(index, ALL_SAMPLES, begin=later) == []
    assert shown(index, begin=later) == []


def test_samples_of_one_do_not_depend_on_others() -> None:
    mine, other = samples(1, NOW + 5, 80, seconds=1), samples(2, NOW, 90, seconds=1)
    index = index_of([*MOVED, version(2, NOW, "b"), *other, *mine])
    assert beats(index, ALL_SAMPLES) == [(0, 80), (0, 90)]
    assert beats(index, ONES) == [(0, 80)]
    assert {key for row in index.search(ONES) for key in row if key.startswith("strava_")} == set()


# A plain dedup, as searches for the older add-on have it.


def plain(events: Sequence[Event]) -> list[Row]:
    """What is kept of events that arrived in this order: later times first; of equal ones, what was indexed last."""
    return index_of(events).search("`strava_activity_versions` | dedup id")


def test_a_plain_dedup_keeps_what_comes_first() -> None:
    events = [version(1, NOW, "a"), version(1, NOW + 1, "b")]
    assert [row["name"] for row in plain(events)] == ["b"]
    # Both have the same _time, so it may as well be this order: two indexers, two buckets, a late arrival.
    assert [row["name"] for row in plain(events[::-1])] == ["a"]


def test_a_plain_dedup_shows_a_tombstone_as_an_activity_without_a_name() -> None:
    events = [version(1, NOW, "a"), grave(1, NOW + 1)]
    (row,) = plain(events)
    assert (row["deleted"], row.get("name")) == ("true", None)
    (row,) = plain(events[::-1])
    assert row["name"] == "a", "or it shows what was deleted"


def test_a_plain_dedup_of_a_moved_activity_takes_the_later_place() -> None:
    assert [row.get("name") for row in plain(MOVED)] == ["after"]
    back = [version(1, NOW, "before"), grave(1, NOW + 1), version(1, NOW + 2, "after", start=THERE)]
    assert [row.get("name") for row in plain(back)] == [None], "the tombstone is met first"
    assert shown(index_of(back)) == ["after"]
