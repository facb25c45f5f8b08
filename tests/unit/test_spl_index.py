"""Events in the interpreter's index, and searches over them."""

from __future__ import annotations

from typing import Union

import pytest

from sandbox.spl import Index
from strava_collector.events import Event
from strava_collector.logfmt import line

NOW = 1_790_000_000.0
SOURCE = "/opt/splunk/var/log/splunk/ta_strava_webhook_club.log"


def ride(number: int, at: float, more: str = "", sourcetype: str = "strava:activities") -> Event:
    data = f'{{"start_date":"x","id":{number},"athlete":{{"id":3}},"distance":{number}000.0{more}}}'
    return Event(at, sourcetype, "strava", "strava_webhook://club", data)


def test_the_latest_event_comes_first_and_of_equal_ones_the_last_that_came() -> None:
    index = Index.of([ride(1, 5), ride(2, 9), ride(3, 5), ride(4, 7)], NOW)
    assert [row["id"] for row in index.search("index=strava | table id")] == ["2", "4", "3", "1"]


def test_the_log_of_the_add_on_is_read_by_the_rules_of_its_source() -> None:
    said = "2026-06-01 05:00:00,000 +0000 " + line("problem", error='Strava answered "no".', topic="x")
    for name in (SOURCE, "/opt/splunk/var/log/splunk/ta_strava_webhook.rest.log.1", "C:/logs/ta_strava_webhook_a.log"):
        index = Index(NOW)
        index.add_log([said], source=name)
        (row,) = index.search("index=_internal", 0, 1e12)
        assert (row["error"], row["topic"]) == ('Strava answered "no".', "x")
    index = Index(NOW)
    index.add_log([said], source="/opt/splunk/var/log/splunk/splunkd.log")
    (row,) = index.search("index=_internal", 0, 1e12)
    assert row["error"] == "Strava answered \\", "others are read as Splunk reads them by itself"


def test_a_range_has_its_beginning_and_not_its_end() -> None:
    index = Index.of([ride(number, float(number)) for number in range(1, 6)], NOW)
    assert [row["id"] for row in index.search("index=strava | table id", 2, 4)] == ["3", "2"]
    assert [row["id"] for row in index.search("index=strava earliest=3 latest=5 | table id", 0, 1)] == ["4", "3"]


def test_what_lies_ahead_is_found_only_if_one_asks() -> None:
    index = Index.of([ride(1, NOW + 60)], NOW)
    assert index.search("index=strava") == []
    assert len(index.search("index=strava", "0", "+20y")) == 1


def test_fields_of_a_row() -> None:
    index = Index.of([ride(7, NOW - 60, ',"moving_time":3600,"sport_type":"Ride","x":[1,2]')], NOW)
    (row,) = index.search("index=strava id=7")
    assert (row["athlete.id"], row["athlete_id"], row["x{}"]) == ("3", "3", ["1", "2"])
    assert (row["distance_km"], row["sport_family"], row["pace_min_per_km"]) == (7, "Ride", pytest.approx(60 / 7))
    assert (row["index"], row["source"], row["sourcetype"]) == ("strava", "strava_webhook://club", "strava:activities")
    assert (row["_time"], row["_indextime"], row["host"]) == (NOW - 60, str(int(NOW)), "splunk")


def test_calculated_fields_are_made_where_a_search_names_them() -> None:
    index = Index.of([ride(7, 1)], NOW)
    assert index.search("index=strava distance_km=7 | table id") == [{"id": "7"}]
    assert index.search("index=strava | search distance_km>6 | stats sum(distance_km) AS km") == [{"km": 7}]
    (row,) = index.search("index=strava | fields id")
    assert "distance_km" not in row
    (row,) = index.search("index=strava | fields - id")
    assert row["distance_km"] == 7


def test_sample_sourcetypes_are_searched_by_their_real_names() -> None:
    index = Index.of([ride(7, 1, sourcetype="strava:sample:activities")], NOW)
    assert index.search("index=strava sourcetype=strava:activities | table distance_km") == [{"distance_km": 7}]
    assert index.search('index=strava sourcetype="strava:sample:*"') == []
    assert len(index.search('index=strava _sourcetype="strava:sample:*"')) == 1


def test_a_subsearch_becomes_terms() -> None:
    index = Index.of([ride(1, 1), ride(2, 2), ride(3, 3)], NOW)
    found = index.search("index=strava [search index=strava id>1 | stats count BY id | fields id] | table id")
    assert [row["id"] for row in found] == ["3", "2"]
    found = index.search('index=strava [| makeresults | eval search="id=1 OR id=2" | fields search] | table id')
    assert [row["id"] for row in found] == ["2", "1"]
    assert index.search("index=strava [search index=strava id=9 | fields id]") == []


def test_a_subsearch_that_returns_a_value_stands_in_the_text_with_it() -> None:
    index = Index.of([ride(number, float(number)) for number in range(1, 6)], NOW)
    begin = "[| makeresults | addinfo | eval begin=info_min_time-2 | return $begin]"
    assert [row["id"] for row in index.search(f"index=strava earliest={begin} latest=5 | table id", 4, 6)] == [
        "4",
        "3",
        "2",
    ]


def test_a_subsearch_has_the_range_beside_the_search_and_not_the_one_in_its_text() -> None:
    index = Index.of([ride(1, 1)], NOW)
    chosen = (
        "[| makeresults | addinfo | return $info_min_time], until=[| makeresults | addinfo | return $info_max_time]"
    )
    (row,) = index.search(f"index=strava earliest=0 latest=9 | eval since={chosen} | table since, until", 4, 6.5)
    assert row == {"since": 4, "until": 6.5}


def test_what_is_deleted_is_not_found_again() -> None:
    index = Index.of([ride(1, 1), ride(2, 2)], NOW)
    assert index.search("index=strava id=1 | delete") == [{"deleted": 1}]
    assert [row["id"] for row in index.search("index=strava")] == ["2"]
    with pytest.raises(AssertionError):
        index.search("index=strava | stats count | delete")


def test_one_search_changes_nothing_for_the_next_one() -> None:
    index = Index.of([ride(1, 1)], NOW)
    index.search("index=strava | eval id=id+1, distance=0 | rename source AS x | eventstats count")
    assert index.search("index=strava | table id, distance, source, count") == [
        {"id": "1", "distance": "1000.0", "source": "strava_webhook://club", "count": None}
    ]


def test_a_lookup_has_what_was_written() -> None:
    index = Index.of([ride(1, 1)], NOW)
    index.search("index=strava | table id | outputlookup strava_gear")
    assert index.lookups["strava_gear"] == [{"id": "1"}]


def test_a_macro_may_be_changed_as_people_do() -> None:
    index = Index.of([ride(1, 1)], NOW)
    assert len(index.search("`strava_index`")) == 1
    index.macros["strava_index"]["definition"] = "index=elsewhere"
    assert index.search("`strava_index`") == []


def log(at: str, action: str, **fields: Union[str, int, None]) -> str:
    prefix = f"{at},149 log_level=INFO pid=11 tid=MainThread file=worker.py:_run:66"
    return f"{prefix} | {line(action, **fields)}"


def test_lines_of_the_log() -> None:
    index = Index(NOW)
    lines = [
        log("2026-09-01 00:45:06", "queue", waiting=3, used="3/100"),
        log("2026-09-01 00:46:06", "queue", waiting=4),
    ]
    index.add_log(lines, source=SOURCE)
    found = index.search("(`strava_log`) action=queue | table _time, host, source, log_level, waiting, used, file")
    assert [row["waiting"] for row in found] == ["4", "3"]
    assert found[1] == {
        "_time": pytest.approx(1_788_223_506.149),
        "host": "splunk",
        "source": SOURCE,
        "log_level": "INFO",
        "waiting": "3",
        "used": "3/100",
        "file": "worker.py:_run:66",
    }
    assert index.search("index=*") == []


def test_tstats_counts_what_was_indexed_by_the_name_that_it_had_then() -> None:
    index = Index.of([ride(1, 5), ride(2, 7, sourcetype="strava:sample:activities"), ride(3, 9)], NOW)
    words = "| tstats count AS n, min(_time) AS first, max(_time) AS last WHERE index=strava"
    assert index.search(words) == [{"n": 3, "first": 5, "last": 9}]
    assert index.search(f"{words} earliest=6 latest=9", "0", "now") == [{"n": 1, "first": 7, "last": 7}]
    assert index.search(f"{words} sourcetype=strava:activities BY host") == [
        {"host": "splunk", "n": 2, "first": 5, "last": 9}
    ]
    assert index.search("| tstats count WHERE index=strava sourcetype=none") == [{"count": 0}]
    for refused in ("id=1", "distance_km=1"):
        with pytest.raises(AssertionError, match="tstats knows no fields"):
            index.search(f"{words} {refused}")


def test_rest_is_asked_of_the_function_that_is_given() -> None:
    rows = [{"title": "club", "disabled": "0"}, {"title": "family", "disabled": "1"}]
    index = Index.of([], NOW)
    index.rest = {"/servicesNS/-/app/inputs": rows}.__getitem__
    search = "| rest /servicesNS/-/app/inputs splunk_server=local count=0 | where disabled=0 | eval x=1 | table title x"
    assert index.search(search) == [{"title": "club", "x": 1}]
    assert index.search("| makeresults | append [| rest servicesNS/-/app/inputs count=1 | table title]") == [
        {"_time": NOW},
        {"title": "club"},
    ]
    assert rows == [{"title": "club", "disabled": "0"}, {"title": "family", "disabled": "1"}]


def test_rest_is_refused_where_nobody_answers_or_other_hosts_would() -> None:
    index = Index.of([], NOW)
    with pytest.raises(AssertionError, match="nobody answers /services/x"):
        index.search("| rest /services/x")
    with pytest.raises(AssertionError, match="this host alone"):
        index.search("| rest /services/x splunk_server=*")


def test_a_chain_runs_over_the_rows_of_its_base_and_leaves_them_alone() -> None:
    index = Index.of([ride(number, float(number)) for number in range(1, 5)], NOW)
    base = index.search("index=strava | table id distance_km")
    assert index.chain(base, "| where id > 2\n| stats\n sum(distance_km) AS km") == [{"km": 7}]
    assert index.chain(base, "eval id=0 | head 1") == [{"id": 0, "distance_km": 4}]
    assert [row["id"] for row in base] == ["4", "3", "2", "1"]
    with pytest.raises(AssertionError, match="unknown command id=3"):
        index.chain(base, "id=3")


def test_a_timechart_shows_times_that_the_search_has_moved_out_of_its_range() -> None:
    index = Index.of([ride(1, 200_000.0)], NOW)
    rows = index.search("index=strava | eval _time=_time-86400 | timechart span=1d count", 172_800, 259_200)
    assert rows == [{"_time": 86_400.0, "count": 1}, {"_time": 172_800.0, "count": 0}]
