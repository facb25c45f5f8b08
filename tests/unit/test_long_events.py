"""What searches use of an activity is within the limits that Splunk has for fields, however long the event is.

The limits (``limits.conf`` of Splunk 9): ``[kv] maxchars`` 10,240 and ``limit`` 100 fields, ``[spath]
extraction_cutoff`` 5,000, counted here in bytes, which is the stricter reading. An add-on may not change them.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sandbox.spl import expand, stanzas
from sandbox.spl.extraction import CUTOFF, FIELDS, of_json
from sandbox.spl.values import several
from strava_collector.events import SHORT_VALUE, Tombstone, activity_event, start_date, tombstone_event
from tests.search.knowledge import DICTIONARY, PROPS, cookbook, dictionary, saved_searches, used_fields
from tests.unit.test_sandbox_strava_activities import fetched, recorded


def extracted(text: str, **limits: int) -> dict[str, str]:
    """The fields that are found in the beginning of a JSON text; of several values, the first."""
    return {name: several(value)[0] for name, value in of_json(text, **limits).items()}


def event(activity: dict[str, Any]) -> str:
    return activity_event(
        activity,
        start=start_date(activity),
        collected_at=1_780_293_600.123,
        reason="webhook",
        input_name="a-name-as-long-as-an-input-may-have",
        index="strava",
        source="s",
    ).data


def long_ride() -> dict[str, Any]:
    return fetched(recorded("long_ride"))


def wordy(activity: dict[str, Any]) -> dict[str, Any]:
    """The longest texts that an athlete may write, of characters of four bytes."""
    texts = dict.fromkeys(("name", "description", "private_note", "device_name", "external_id"), "🚵" * 255)
    return {**activity, **texts}


#: What is at the top of an activity, short, and may be asked for; the rest is reached by its path.
REACHABLE = [
    name
    for name, source in dictionary()["strava:activities"].items()
    if source in ("Strava", "added")
    and not re.match(r"(similar_activities|photos|laps|splits_\w+|segment_efforts|best_efforts|map)\b", name)
    and name not in ("description", "private_note", "deleted", "strava_deleted")
]


def used_at_the_top() -> set[str]:
    """What calculated fields, aliases, reports and the cookbook use of activities as Splunk extracts it."""
    used = set()
    fields = dictionary()["strava:activities"]
    for key, text in PROPS["strava:activities"].items():
        if key.startswith("EVAL-"):
            used |= used_fields(text)
        if key.startswith("FIELDALIAS-"):
            used.add(text.partition(" AS ")[0])
    for search in [*saved_searches(), *cookbook()]:
        text = expand(search.text, stanzas("macros.conf"))
        if 'sourcetype="strava:activities"' in text:
            used |= set(re.findall(r"[\w.]+", re.sub(r'"[^"]*"', "", text)))
    return {name for name in used if fields.get(name) in ("Strava", "added")}


def test_the_ride_is_long_and_its_texts_are() -> None:
    assert len(event(long_ride())) > 480_000
    assert len(event(wordy(long_ride())).encode()) > len(event(long_ride()).encode()) + 4_000


def test_the_walk_finds_everything_where_nothing_is_cut_off() -> None:
    text = event(fetched(recorded("swim")))
    content = json.loads(text)
    found = extracted(text, cutoff=10**9, limit=10**9)
    assert float(found["distance"]) == content["distance"]
    assert int(found["athlete.id"]) == content["athlete"]["id"]
    assert found["stats_visibility{}.type"] == content["stats_visibility"][0]["type"]
    assert found["similar_activities.trend.speeds{}"] == str(content["similar_activities"]["trend"]["speeds"][0])


@pytest.mark.parametrize("kind", ["long_ride", "ride", "run"])
def test_what_is_short_is_found_in_the_beginning(kind: str) -> None:
    activity = fetched(recorded(kind))
    found = extracted(event(activity))
    there = {name for name in REACHABLE if name.partition(".")[0].rstrip("{}") in {**activity, "collected_at": 1}}
    assert there - set(found) - {"start_latlng{}", "end_latlng{}"} == set()
    assert {"start_latlng{}", "end_latlng{}"} <= set(found)


def test_what_searches_use_is_found_also_behind_the_longest_texts() -> None:
    used = used_at_the_top()
    assert {"athlete.id", "id", "collected_at", "sport_type", "gear.name", "start_date_local", "suffer_score"} <= used
    texts = {"name", "external_id"}
    found = extracted(event(wordy(long_ride())))
    there = used - {"deleted"} - texts
    assert there - set(found) == set()
    # Where the texts are short, they are found too.
    assert used - {"deleted"} - set(extracted(event(long_ride()))) == set()


@pytest.mark.parametrize("name", ["name", "description", "private_note", "device_name", "external_id"])
def test_any_long_text_is_moved_back_as_the_dictionary_says(name: str) -> None:
    """Its JSON counts, with the quotation marks."""
    for length, is_short in ((SHORT_VALUE - 2, True), (SHORT_VALUE - 1, False)):
        keys = list(json.loads(event({**long_ride(), name: "x" * length})))
        assert (keys.index(name) < keys.index("input")) == is_short
    assert f"Any value of more than {SHORT_VALUE} bytes, quotation marks included," in DICTIONARY.read_text("utf-8")


def test_the_end_of_a_long_event_is_not_found() -> None:
    found = extracted(event(long_ride()))
    assert not any(name.startswith("segment_efforts") for name in found)
    assert len(found) <= FIELDS


def test_a_tombstone_is_found_to_be_one() -> None:
    text = tombstone_event(Tombstone(7, 3, "2024-05-01T06:30:00Z", 1.5, "i"), "s").data
    assert extracted(text) == {
        "start_date": "2024-05-01T06:30:00Z",
        "id": "7",
        "athlete.id": "3",
        "deleted": "true",
        "collected_at": "1.5",
    }


def test_one_entry_of_a_list_is_short_enough_to_be_taken_apart() -> None:
    activity = long_ride()
    for name in ("segment_efforts", "laps", "splits_metric"):
        assert max(len(json.dumps(one).encode()) for one in activity[name]) < CUTOFF
