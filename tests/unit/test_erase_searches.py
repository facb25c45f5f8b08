"""The shipped searches about erasing, by their own text, on events that the add-on writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.spl import Index, expand, stanzas
from strava_collector.events import Event, Tombstone, activity_event, notification_event, tombstone_event
from strava_collector.profile import farewell_event, gear_event, profile_event
from strava_collector.sample_event import Collection, sample_events

MACROS = stanzas("macros.conf")
SEARCHES = stanzas("savedsearches.conf")
LIST, ERASE = "Strava erase list", "Strava erase"
RANGE = ("0", "+20y")
COMMANDS = re.compile(r"\b(join|transaction|map|collect)\b")

DAY = 86_400.0
NOW = 1_790_000_000.0
ANNA, BEN = 7, 8
START, MOVED = "2026-06-01T05:00:00Z", "2019-06-01T05:00:00Z"


def version(activity: int, at: float, *, athlete: int = ANNA, start: str = START, **fields: object) -> Event:
    content = {"id": activity, "athlete": {"id": athlete}, "start_date": start, "name": "Ride", **fields}
    return activity_event(
        content, start=start, collected_at=at, reason="webhook", input_name="club", index="strava", source="s"
    )


def grave(activity: int, at: float, *, athlete: int = ANNA, start: str = START) -> Event:
    return tombstone_event(Tombstone(activity, athlete, start, at, "strava"), "s")


def samples(activity: int, at: float, *, athlete: int = ANNA) -> list[Event]:
    return sample_events(Collection(activity, athlete, START, at, "strava", "s"), [{"offset": 0}, {"offset": 1}])


def notice(activity: int, *, athlete: int = ANNA, at: float = NOW - 9 * DAY, **more: object) -> Event:
    body: dict[str, Any] = {
        "object_type": "activity",
        "object_id": activity,
        "aspect_type": "update",
        "updates": {"title": "Ride"},
        "owner_id": athlete,
        **more,
    }
    return notification_event(body, event_time=int(at), received_at=at, index="strava", source="s")


def profile(athlete: int, at: float) -> Event:
    return profile_event({"id": athlete, "city": "Lahti"}, collected_at=at, index="strava", source="s")


def gear(athlete: int, at: float) -> Event:
    return gear_event({"id": f"b{athlete}"}, athlete_id=athlete, collected_at=at, index="strava", source="s")


def farewell(athlete: int, at: float) -> Event:
    return farewell_event(athlete, collected_at=at, index="strava", source="s")


def listed(index: Index) -> list[tuple[str, str, float]]:
    """Run the report, and let a little time pass."""
    rows = index.search(SEARCHES[LIST]["search"], *RANGE)
    index.now += 1_800.0
    return [(row["what"], row["id"], row["events"]) for row in rows]


def erase(index: Index) -> int:
    (result,) = index.search(SEARCHES[ERASE]["search"], *RANGE)
    return int(result["deleted"])


def left(index: Index) -> list[tuple[str, str]]:
    return [(event.meta["sourcetype"], event.raw) for event in index.events if not event.deleted]


def raw(*events: Event) -> list[tuple[str, str]]:
    return [(event.sourcetype, event.data) for event in events]


GONE = [
    version(1, NOW - 9 * DAY, start=MOVED),
    version(1, NOW - 8 * DAY),
    *samples(1, NOW - 8 * DAY),
    notice(1),
]
#: An edit had moved it; then it was deleted.
GRAVES = [grave(1, NOW - 8 * DAY - 0.001, start=MOVED), grave(1, NOW - 2 * DAY)]
STAYS = [
    version(2, NOW - 9 * DAY),
    version(2, NOW - 5 * DAY, name="Corrected"),
    *samples(2, NOW - 9 * DAY),
    notice(2),
    notice(1, aspect_type="delete", updates={}),
    profile(ANNA, NOW - 9 * DAY),
    gear(ANNA, NOW - 9 * DAY),
    # Ids of athletes and of activities are counted apart.
    version(ANNA, NOW - 9 * DAY, athlete=BEN),
    notice(1, object_type="athlete", athlete=BEN),
]


def test_a_deleted_activity_is_listed_erased_and_then_not_listed_any_more() -> None:
    index = Index.of([*GONE, *GRAVES, *STAYS], NOW)
    assert listed(index) == [("activity", "1", 5)]

    assert erase(index) == 5

    assert sorted(left(index)) == sorted(raw(*GRAVES, *STAYS))
    assert listed(index) == []
    assert erase(index) == 0


def test_an_athlete_who_has_left_is_erased_at_once() -> None:
    activities = [version(number, NOW - 9 * DAY) for number in range(1, 20)]
    graves = [grave(number, NOW - 3 * DAY) for number in range(1, 20)]
    around = [profile(ANNA, NOW - 9 * DAY), gear(ANNA, NOW - 9 * DAY), *samples(1, NOW - 9 * DAY)]
    told = [notice(1), notice(500, at=NOW - 2 * DAY), notice(ANNA, object_type="athlete")]
    bens = [version(100, NOW - 9 * DAY, athlete=BEN), profile(BEN, NOW - 9 * DAY), notice(100, athlete=BEN)]
    bye = farewell(ANNA, NOW - 2 * DAY - 1)
    index = Index.of([*activities, *graves, *around, *told, *bens, bye], NOW)

    found = listed(index)
    assert found[0] == ("athlete", str(ANNA), 19 + 4 + 3)
    assert len(found) == 20

    assert erase(index) == 19 + 4 + 3
    assert sorted(left(index)) == sorted(raw(*graves, *bens, bye))
    assert listed(index) == []


def test_who_has_connected_again_is_not_on_the_list() -> None:
    back = [farewell(ANNA, NOW - 5 * DAY), version(3, NOW - 4 * DAY), notice(3)]
    assert listed(Index.of([*back, gear(ANNA, NOW - 9 * DAY)], NOW)) == []
    back = [farewell(ANNA, NOW - 5 * DAY), profile(ANNA, NOW - 4 * DAY)]
    assert listed(Index.of([*back, gear(ANNA, NOW - 9 * DAY)], NOW)) == []


def test_an_activity_that_came_back_is_not_on_the_list() -> None:
    back = [version(1, NOW - 9 * DAY), grave(1, NOW - 5 * DAY), version(1, NOW - 4 * DAY)]
    assert listed(Index.of(back, NOW)) == []


def test_a_move_alone_erases_nothing() -> None:
    moved = [version(1, NOW - 9 * DAY), grave(1, NOW - 5 * DAY), version(1, NOW - 5 * DAY + 0.001, start=MOVED)]
    assert listed(Index.of(moved, NOW)) == []


def test_a_deletion_of_today_may_still_be_taken_back() -> None:
    events = [version(1, NOW - 9 * DAY), grave(1, NOW - DAY / 2)]
    assert listed(Index.of(events, NOW)) == []
    assert listed(Index.of(events, NOW + DAY)) == [("activity", "1", 1)]


def test_what_comes_back_between_the_report_and_the_search_stays() -> None:
    index = Index.of([version(1, NOW - 9 * DAY), grave(1, NOW - 2 * DAY)], NOW)
    listed(index)
    again = [version(1, NOW + 60), *samples(1, NOW + 61)]
    index.add(again)

    assert erase(index) == 1

    assert raw(*again)[0] in left(index)
    assert len(left(index)) == 4


def test_an_old_list_erases_nothing() -> None:
    index = Index.of([version(1, NOW - 9 * DAY), grave(1, NOW - 2 * DAY)], NOW)
    listed(index)
    index.now += DAY
    assert erase(index) == 0


def test_without_a_list_nothing_is_erased() -> None:
    index = Index.of([*GONE, *GRAVES, *STAYS], NOW)
    assert erase(index) == 0
    assert len(left(index)) == len([*GONE, *GRAVES, *STAYS])


def test_a_long_list_is_erased_in_parts() -> None:
    events = [one for number in range(1, 251) for one in (version(number, NOW - 9 * DAY), grave(number, NOW - 2 * DAY))]
    index = Index.of(events, NOW)
    assert len(listed(index)) == 250
    assert erase(index) == 200
    assert len(listed(index)) == 50
    assert erase(index) == 50
    assert listed(index) == []


@pytest.mark.parametrize(
    "forged",
    [
        {"deleted": True, "id": 2, "collected_at": NOW - 2 * DAY},
        {"deleted": True, "id": 2, "sourcetype": "strava:activities", "collected_at": NOW - 2 * DAY},
        {"id": ANNA, "deleted": True, "collected_at": NOW - 2 * DAY, "sourcetype": "strava:athlete"},
    ],
)
def test_a_forged_notification_erases_nothing(forged: Mapping[str, Any]) -> None:
    """Unknown fields of notifications are kept as they came, and anybody may send some."""
    event = notice(2, **forged)
    index = Index.of([*STAYS, event], NOW)
    # As if Splunk took the text's word for it.
    fields = index.events[-1].fields
    fields.update({name: str(value) for name, value in forged.items() if name == "sourcetype"}, deleted="true")
    assert listed(index) == []


@pytest.mark.parametrize("nonsense", ["1) OR (index=*", "*", "1 OR 2", "-1", ""])
def test_an_id_that_is_no_number_reaches_no_search(nonsense: str) -> None:
    index = Index.of([*STAYS], NOW)
    index.lookups["strava_erase_list"] = [
        {"what": "activity", "id": nonsense, "since": 1.0, "listed_at": NOW},
        {"what": "activity", "id": "2", "since": nonsense, "listed_at": NOW},
        {"what": "everything", "id": "2", "since": 1_790_000_000.0, "listed_at": NOW},
    ]
    before = left(index)
    assert erase(index) == 0
    assert left(index) == before


def test_the_report_says_how_to_find_and_how_to_remove_one() -> None:
    index = Index.of([*GONE, *GRAVES, *STAYS, farewell(ANNA, NOW - 2 * DAY)], NOW)
    for row in index.search(SEARCHES[LIST]["search"], *RANGE):
        assert row["find"] == f"`strava_of_{row['what']}({row['id']})`"
        assert row["remove"] == row["find"] + " | delete"
        assert len(index.search(row["find"])) == row["events"]


def test_found_by_hand_are_all_but_the_tombstones() -> None:
    index = Index.of([*GONE, *GRAVES, *STAYS, farewell(ANNA, NOW)], NOW)
    found = index.search("`strava_of_activity(1)`")
    assert sorted((row["sourcetype"], row["_raw"]) for row in found) == sorted(raw(*GONE))
    hers = index.search(f"`strava_of_athlete({ANNA})`")
    assert {row["sourcetype"] for row in hers} == {
        *("strava:activities", "strava:activities:stream", "strava:athlete", "strava:gear", "strava:webhook"),
    }
    assert not any("deleted" in row for row in hers)


# The text alone.


def every_search() -> dict[str, str]:
    return {name: SEARCHES[name]["search"] for name in (LIST, ERASE)}


@pytest.mark.parametrize("name", every_search())
def test_each_search_has_its_macros_its_indexes_and_its_time(name: str) -> None:
    text = every_search()[name]
    assert text.startswith("(`strava_index`)")
    expanded = expand(text, MACROS)
    assert "`" not in expanded
    assert re.search(r"index\s*=\s*\*", expanded) is None
    assert COMMANDS.search(re.sub(r'"[^"]*"', "", expanded)) is None
    assert SEARCHES[name]["dispatch.earliest_time"] == "0"
    assert SEARCHES[name]["dispatch.latest_time"] == "+20y"


def test_macros_that_search_have_their_indexes_and_their_time_too() -> None:
    for name in ("strava_of_activity(1)", "strava_of_athlete(1)"):
        assert MACROS[name]["definition"].startswith("(`strava_index`) earliest=0 latest=+20y (")


def test_what_deletes_is_disabled_and_what_only_looks_is_not() -> None:
    assert SEARCHES[ERASE]["disabled"] == "1"
    assert SEARCHES[ERASE]["search"].rstrip().endswith("| delete")
    assert "disabled" not in SEARCHES[LIST]
    assert SEARCHES[LIST]["enableSched"] == "0"
    assert "delete" not in SEARCHES[LIST]["search"].replace('" | delete"', "").replace("deleted", "")


def test_nothing_but_searching_stands_before_the_deleting() -> None:
    """``delete`` takes what a search gives it, and follows no command that gathers events."""
    text = re.sub(r"\[.*\]", "", SEARCHES[ERASE]["search"], flags=re.DOTALL)
    assert re.sub(r"\s+", " ", text).strip() == "(`strava_index`) | delete"


def test_the_list_has_what_the_search_reads() -> None:
    fields = {one.strip() for one in stanzas("transforms.conf")["strava_erase_list"]["fields_list"].split(",")}
    assert {"what", "id", "since", "listed_at"} <= fields
    assert stanzas("transforms.conf")["strava_erase_list"]["collection"] in stanzas("collections.conf")
