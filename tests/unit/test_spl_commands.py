"""The interpreter's commands, each by what its page in Splunk's Search Reference says."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.spl import Index, Row
from sandbox.spl.commands import COMMANDS, Context

NOW = 1_790_000_000.0


def run(command: str, rows: list[Row], lookups: Any = None) -> list[Row]:
    name, _, rest = command.partition(" ")
    index = Index(NOW, lookups={} if lookups is None else lookups)
    context = Context(NOW, 0.0, NOW, index.lookups, index._run)
    return COMMANDS[name](rest, [dict(row) for row in rows], context)


ROWS: list[Row] = [
    {"n": "1", "k": "a", "v": "10", "_raw": "one"},
    {"n": "2", "k": "b", "v": "9", "_raw": "two"},
    {"n": "3", "k": "a", "v": "30", "_raw": "three"},
    {"n": "4", "k": None, "v": "40", "_raw": "four"},
    {"n": "5", "k": "a", "v": "9", "_raw": "five"},
]


@pytest.mark.parametrize(
    ("command", "numbers"),
    [
        ("search k=a", "135"),
        ("search k!=a", "2"),
        ("search NOT k=a", "24"),
        ("search v>9 k=A", "13"),
        ('where k="a" AND v<10', "5"),
        ('where k!="a"', "2"),
        ('where NOT k="a"', "2"),
        ("where isnull(k)", "4"),
        # dedup: the first of each; those without the field go.
        ("dedup k", "12"),
        ("dedup 2 k", "123"),
        ("dedup k, v", "1235"),
        ("dedup k v", "1235"),
        ("dedup v", "1234"),
        ("dedup k sortby -v", "32"),
        ("dedup k sortby +v", "25"),
        ("dedup k sortby -n", "52"),
        # sort: numbers as numbers; those without the field last.
        ("sort 0 v", "25134"),
        ("sort 0 -v", "43125"),
        ("sort v, -n", "52134"),
        ("sort 0 k v", "51324"),
        ("sort 0 -k", "21354"),
        ("sort 2 -v", "43"),
        ("sort 0 - v", "43125"),
        ("sort 0 str(v)", "13425"),
        ("sort 0 num(v)", "25134"),
        ("head 2", "12"),
        ("head", "12345"),
        ("tail 2", "54"),
    ],
)
def test_which_rows_and_in_which_order(command: str, numbers: str) -> None:
    assert "".join(row["n"] for row in run(command, ROWS)) == numbers


def test_sort_without_a_number_keeps_ten_thousand() -> None:
    rows: list[Row] = [{"n": number} for number in range(10_001)]
    assert len(run("sort -n", rows)) == 10_000
    assert len(run("sort 0 -n", rows)) == 10_001


@pytest.mark.parametrize(
    ("command", "row", "result"),
    [
        ("eval a=1, b=a+1", {}, {"a": 1, "b": 2}),
        ("eval a=a.\"x\", 'b c'=2", {"a": "1"}, {"a": "1x", "b c": 2}),
        ("eval a=null()", {"a": "1"}, {"a": None}),
        ("fields a, c", {"a": 1, "b": 2, "_time": 3, "_raw": 4}, {"a": 1, "_time": 3, "_raw": 4}),
        ("fields + a", {"a": 1, "b": 2}, {"a": 1}),
        ("fields - a, _raw", {"a": 1, "b": 2, "_raw": 3}, {"b": 2}),
        ("fields - strava_*", {"strava_a": 1, "b": 2}, {"b": 2}),
        ("fields - *", {"a": 1, "_time": 2}, {"_time": 2}),
        ("table b a nothing", {"a": 1, "b": 2, "c": 3}, {"b": 2, "a": 1, "nothing": None}),
        ("eval {a}=b+1", {"a": "c d", "b": "1"}, {"a": "c d", "b": "1", "c d": 2}),
        ("table a.b, 'c d'", {"a.b": 1, "c d": 2}, {"a.b": 1, "c d": 2}),
        ("table a*", {"a1": 1, "b": 2, "a2": 3}, {"a1": 1, "a2": 3}),
        ("rename a AS b", {"a": 1, "b": 2}, {"b": 1}),
        ('rename a as "b c", d AS e', {"a": 1, "d": 2}, {"b c": 1, "e": 2}),
        ("rename x AS b", {"a": 1, "b": 2}, {"a": 1}),
        ("rename x AS y", {"a": 1}, {"a": 1}),
        ("fillnull a b", {"a": None, "c": None}, {"a": "0", "b": "0", "c": None}),
        ('fillnull value="-" a', {"a": None}, {"a": "-"}),
        ("fillnull value=0", {"a": None, "b": "1"}, {"a": "0", "b": "1"}),
        (r'rex field=a "^(?<x>\d+)/(?<y>\d+)"', {"a": "3/100"}, {"a": "3/100", "x": "3", "y": "100"}),
        (r'rex field=a "^(?<x>\d+)"', {"a": "none", "x": "old"}, {"a": "none", "x": "old"}),
        (r'rex "(?<x>\w)$"', {"_raw": "abc"}, {"_raw": "abc", "x": "c"}),
        (r'rex field=a "(?<x>\d)"', {"a": "1 2"}, {"a": "1 2", "x": "1"}),
        (r'rex field=a max_match=0 "(?<x>\d)"', {"a": "1 2"}, {"a": "1 2", "x": ["1", "2"]}),
        (r'rex field=a "\"(?<x>[^\"]+)"', {"a": 'b "c"'}, {"a": 'b "c"', "x": "c"}),
        ("spath input=a path=b.c output=d", {"a": '{"b":{"c":1}}'}, {"a": '{"b":{"c":1}}', "d": "1"}),
        ("spath input=a b.c", {"a": '{"b":{"c":1}}'}, {"a": '{"b":{"c":1}}', "b.c": "1"}),
        ("spath input=a path=b{} output=d", {"a": '{"b":[1,2]}'}, {"a": '{"b":[1,2]}', "d": ["1", "2"]}),
        ("spath input=a path=x output=d", {"a": "{}", "d": "old"}, {"a": "{}", "d": "old"}),
        ("spath path=b", {"_raw": '{"b":"c"}'}, {"_raw": '{"b":"c"}', "b": "c"}),
        ("spath input=a", {"a": '{"b":1,"c":[2]}'}, {"a": '{"b":1,"c":[2]}', "b": "1", "c{}": "2"}),
        ("spath input=nothing path=b", {"a": "1"}, {"a": "1"}),
        ('makemv delim="," a', {"a": "1,2"}, {"a": ["1", "2"]}),
        ("bin _time span=1d", {"_time": 90_000.0}, {"_time": 86_400}),
        ("bin span=1mon _time", {"_time": 90_000.0}, {"_time": 0}),
        ("addtotals a b", {"a": "1", "b": 2, "c": 4}, {"a": "1", "b": 2, "c": 4, "Total": 3}),
        ("addtotals fieldname=t", {"a": "1", "b": "x", "_time": 4}, {"a": "1", "b": "x", "_time": 4, "t": 1}),
    ],
)
def test_what_becomes_of_a_row(command: str, row: Row, result: Row) -> None:
    assert run(command, [row]) == [result]


def test_addinfo_says_which_range_and_when() -> None:
    (row,) = run("addinfo", [{"a": 1}])
    assert row == {
        "a": 1,
        "info_min_time": "0.000",
        "info_max_time": "1790000000.000",
        "info_search_time": "1790000000.000",
    }


@pytest.mark.parametrize("rest", ["", "a", "2 $a", "$a $b"])
def test_return_knows_one_value_alone(rest: str) -> None:
    with pytest.raises(AssertionError):
        run(f"return {rest}", [{"a": 1, "b": 2}])


def test_mvexpand_makes_a_row_of_each_value() -> None:
    assert run("mvexpand a", [{"a": ["1", "2"], "b": "x"}, {"a": "3"}, {"b": "y"}]) == [
        {"a": "1", "b": "x"},
        {"a": "2", "b": "x"},
        {"a": "3"},
        {"a": None, "b": "y"},
    ]


def test_top_counts_and_says_of_how_many() -> None:
    assert run("top k", ROWS) == [{"k": "a", "count": 3, "percent": 75}, {"k": "b", "count": 1, "percent": 25}]
    assert run("top limit=1 k", ROWS) == [{"k": "a", "count": 3, "percent": 75}]


def test_a_lookup_is_written_anew_with_its_own_fields_and_read_again() -> None:
    lookups: dict[str, list[Row]] = {"strava_gear": [{"id": "old"}]}
    rows: list[Row] = [{"id": "g1", "name": "Shoes", "strange": "x", "kind": None}]
    assert run("outputlookup strava_gear", rows, lookups) == rows
    assert lookups == {"strava_gear": [{"id": "g1", "name": "Shoes"}]}
    found = run("lookup local=true strava_gear id AS gear OUTPUT name, kind", [{"gear": "g1"}, {"gear": "g2"}], lookups)
    assert found == [{"gear": "g1", "name": "Shoes", "kind": None}, {"gear": "g2", "name": None, "kind": None}]
    assert Index(NOW, lookups=lookups).search("| inputlookup strava_gear | table id") == [{"id": "g1"}]


def test_what_begins_a_search_without_events() -> None:
    assert Index(NOW + 0.5).search("| makeresults count=2 | eval a=1") == [{"_time": NOW, "a": 1}] * 2
    rows = Index(NOW).search("| makeresults | eval a=1 | append [| makeresults | eval a=2] | fields a | fields - _time")
    assert rows == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "command",
    [
        "eval a=1=1",
        "eval a",
        "where a",
        "search earliest=-1d a=1",
        "dedup keepempty=true a",
        "dedup k consecutive=true",
        "fillnull value=0 a, b",
        "rename a* AS b*",
        "rename a",
        'rex field=a mode=sed "s/a/b/"',
        'rex field=a "a"',
        "spath input=a path=b{0}",
        "bin v span=5",
        "append x",
        "outputlookup append=true strava_gear",
        "outputlookup nothing",
        "lookup strava_gear id OUTPUTNEW name",
        "top k BY n",
    ],
)
def test_what_is_unknown_is_refused(command: str) -> None:
    with pytest.raises(AssertionError):
        run(command, [{"a": '{"b":[1]}', "v": "1"}])


@pytest.mark.parametrize("search", ["index=x | foo", "| foo", "| stats count", "id=7", "index=x | sort 0 a | delete"])
def test_a_search_that_is_unknown_is_refused(search: str) -> None:
    with pytest.raises(AssertionError):
        Index(NOW).search(search)


def test_a_renamed_column_stays_where_it_is() -> None:
    assert [list(row) for row in run("rename b AS x", [{"a": 1, "b": 2, "c": 3}])] == [["a", "x", "c"]]
