"""stats, eventstats, streamstats and timechart of the interpreter.

Search Reference, Statistical and charting functions, and the pages of the commands. Of the median: "If you have an even
number of events, by default the median calculation is approximated to the higher of the two values." Of percentiles:
the nearest rank (limits.conf, perc_method), exact as with exactperc.
"""

from __future__ import annotations

import random
from datetime import datetime, timezone
from typing import Any

import pytest

from sandbox.spl import Row
from sandbox.spl.statistics import eventstats, stats, streamstats, timechart

MIXED: list[Row] = [
    {"x": "10", "_time": 40.0, "t": "d"},
    {"x": None, "_time": 30.0, "t": "c"},
    {"x": "9", "_time": 20.0, "t": "b"},
    {"x": "10", "_time": 10.0, "t": "a", "mv": ["p", "q"]},
]


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("count", 4),
        ("count(x)", 3),
        ("count(mv)", 2),
        ("count(nothing)", 0),
        ("count(eval(x>9)) AS n", 2),
        ("count(eval(isnull(x))) AS n", 1),
        ("dc(x)", 2),
        ("dc(nothing)", 0),
        ("sum(x)", 29),
        ("sum(t)", None),
        ("sum(nothing)", None),
        ("sum(eval(x*2)) AS n", 58),
        ("avg(x)", 29 / 3),
        ("min(x)", 9),
        ("max(x)", 10),
        ("min(t)", "a"),
        ("max(t)", "d"),
        ("range(x)", 1),
        ("stdev(x)", pytest.approx(0.57735, abs=1e-5)),
        ("median(x)", 10),
        ("perc50(x)", 10),
        ("first(x)", "10"),
        ("last(t)", "a"),
        ("first(mv)", "p"),
        ("values(x)", ["10", "9"]),
        ("list(x)", ["10", "9", "10"]),
        ("values(nothing)", None),
        ("latest(t)", "d"),
        ("earliest(t)", "a"),
        ("latest(x)", "10"),
        ("latest(mv)", ["p", "q"]),
        ("earliest(_time)", 10),
    ],
)
def test_a_function_of_all_rows(function: str, value: Any) -> None:
    (row,) = stats(function, MIXED, 0.0)
    assert list(row.values()) == [value]


@pytest.mark.parametrize(
    ("values", "median", "p90", "p10"),
    [
        ([1], 1, 1, 1),
        ([1, 2], 2, 2, 1),
        ([1, 2, 3], 2, 3, 1),
        ([4, 3, 2, 1], 3, 4, 1),
        (list(range(1, 101)), 51, 90, 10),
    ],
)
def test_the_middle_and_the_ends(values: list[int], median: int, p90: int, p10: int) -> None:
    rows: list[Row] = [{"x": str(value)} for value in values]
    (row,) = stats("median(x) AS m perc90(x) AS p90 perc10(x) AS p10", rows, 0.0)
    assert row == {"m": median, "p90": p90, "p10": p10}


def test_extremes_of_texts_and_numbers_together_go_by_the_characters() -> None:
    assert stats("max(x) AS a, min(x) AS b", [{"x": "9"}, {"x": "10"}, {"x": "b"}], 0.0) == [{"a": "b", "b": "10"}]


def test_of_equal_times_that_which_is_met_first_is_the_latest() -> None:
    rows: list[Row] = [{"x": "later", "_time": 5.0}, {"x": "sooner", "_time": 5.0}]
    assert stats("latest(x) AS l, earliest(x) AS e", rows, 0.0) == [{"l": "later", "e": "sooner"}]


def test_latest_needs_a_time() -> None:
    with pytest.raises(AssertionError, match="without _time"):
        stats("latest(x)", [{"x": "1"}], 0.0)


GROUPS: list[Row] = [
    {"g": "b", "h": "1", "x": "1"},
    {"g": "a", "h": "2", "x": "2"},
    {"g": None, "h": "1", "x": "4"},
    {"g": "b", "h": None, "x": "8"},
    {"g": ["a", "b"], "h": "1", "x": "16"},
]


def test_groups_are_sorted_and_rows_without_the_field_are_in_none() -> None:
    assert stats("sum(x) AS s BY g", GROUPS, 0.0) == [{"g": "a", "s": 18}, {"g": "b", "s": 25}]
    assert stats("sum(x) AS s by g, h", GROUPS, 0.0) == [
        {"g": "a", "h": "1", "s": 16},
        {"g": "a", "h": "2", "s": 2},
        {"g": "b", "h": "1", "s": 17},
    ]
    assert stats("count BY nothing", GROUPS, 0.0) == []


def test_groups_of_numbers_are_sorted_as_texts_so_that_a_search_that_needs_an_order_has_to_sort() -> None:
    assert [row["g"] for row in stats("count BY g", [{"g": "9"}, {"g": 10.0}], 0.0)] == ["10", "9"]


def test_without_rows_a_count_is_nought_and_all_else_null() -> None:
    assert stats("count, sum(x) AS s", [], 0.0) == [{"count": 0, "s": None}]
    assert stats("count BY g", [], 0.0) == []


def test_how_it_is_written() -> None:
    (row,) = stats("count as versions dc(x) as different max(x), avg(x)", [{"x": "1"}], 0.0)
    assert row == {"versions": 1, "different": 1, "max(x)": 1, "avg(x)": 1}
    (row,) = stats('count(eval(t="a BY b")) AS "two words"', [{"t": "a BY b"}], 0.0)
    assert row == {"two words": 1}


@pytest.mark.parametrize("words", ["foo(x)", "sum", "count(eval(x=1))", "BY g", "sum(x", "sum(eval(x=1)) AS n", "%"])
def test_what_is_unknown_is_refused(words: str) -> None:
    with pytest.raises(AssertionError):
        stats(words, [{"x": "1", "g": "a"}], 0.0)


def test_eventstats_refuses_so_many_rows_that_splunk_may_leave_its_fields_out() -> None:
    with pytest.raises(AssertionError, match="may leave its fields out"):
        eventstats("count AS n", [{} for _ in range(50_001)], 0.0)


def test_eventstats_adds_to_each_row_what_stats_says_of_its_group() -> None:
    rows: list[Row] = [{"g": "a", "x": "1"}, {"g": "b", "x": "2"}, {"x": "4"}, {"g": "a", "x": "8"}]
    assert eventstats("sum(x) AS s BY g", [dict(row) for row in rows], 0.0) == [
        {"g": "a", "x": "1", "s": 9},
        {"g": "b", "x": "2", "s": 2},
        {"x": "4"},
        {"g": "a", "x": "8", "s": 9},
    ]
    assert [row["n"] for row in eventstats("count AS n", rows, 0.0)] == [4, 4, 4, 4]
    with pytest.raises(AssertionError, match="several values"):
        eventstats("count BY g", [{"g": ["a", "b"]}], 0.0)


HOSTS: list[Row] = [
    {"h": "x", "n": "100"},
    {"h": "y", "n": "200"},
    {"h": "x", "n": "400"},
    {"h": "x", "n": None},
    {"h": "y", "n": "150"},
]


@pytest.mark.parametrize(
    ("arguments", "results"),
    [
        ("count AS r", [1, 2, 3, 4, 5]),
        ("sum(n) AS r", [100, 300, 700, 700, 850]),
        ("current=f sum(n) AS r", [None, 100, 300, 700, 700]),
        ("window=2 sum(n) AS r", [100, 300, 600, 400, 150]),
        ("current=false window=1 last(n) AS r", [None, "100", "200", "400", None]),
        ("window=2 current=f sum(n) AS r", [None, 100, 300, 600, 400]),
        ("sum(n) AS r BY h", [100, 200, 500, 500, 350]),
        ("count AS r BY h", [1, 1, 2, 3, 2]),
        # The window is one of all rows, unless global=f.
        ("window=2 count AS r BY h", [1, 1, 1, 2, 1]),
        ("window=2 global=f count AS r BY h", [1, 1, 2, 2, 2]),
        ("window=2 current=f count AS r BY h", [0, 0, 1, 1, 0]),
        ("window=3 dc(h) AS r", [1, 2, 2, 2, 2]),
        ("window=3 min(n) AS r", [100, 100, 100, 200, 150]),
    ],
)
def test_streamstats(arguments: str, results: list[Any]) -> None:
    assert [row.get("r") for row in streamstats(arguments, HOSTS, 0.0)] == results


def test_streamstats_leaves_a_row_without_the_group_as_it_is_and_refuses_too_long_a_window() -> None:
    assert streamstats("count BY h", [{"n": "1"}], 0.0) == [{"n": "1"}]
    for words in ("window=10001 count", "reset_on_change=true count", "time_window=1d count"):
        with pytest.raises(AssertionError):
            streamstats(words, HOSTS, 0.0)


def test_a_moving_window_agrees_with_the_plain_definition() -> None:
    chance = random.Random(1)
    rows: list[Row] = [{"x": str(chance.randrange(9)) if chance.random() > 0.2 else None} for _ in range(200)]
    found = streamstats("window=7 avg(x) AS a, max(x) AS b, dc(x) AS c, median(x) AS d", rows, 0.0)
    for i, row in enumerate(found):
        (plain,) = stats("avg(x) AS a, max(x) AS b, dc(x) AS c, median(x) AS d", rows[max(0, i - 6) : i + 1], 0.0)
        assert {name: row[name] for name in plain} == plain


def at(words: str) -> float:
    return datetime.fromisoformat(words).replace(tzinfo=timezone.utc).timestamp()


DAYS: list[Row] = [
    {"_time": at("2026-06-04T23:59:59"), "x": "4", "g": "b"},
    {"_time": at("2026-06-02T12:00:00"), "x": "2", "g": "a"},
    {"_time": at("2026-06-02T00:00:00"), "x": "1", "g": None},
]


def charted(arguments: str, begin: str, end: str) -> list[list[Any]]:
    rows = timechart(arguments, DAYS, 0.0, at(begin), at(end))
    return [[datetime.fromtimestamp(row.pop("_time"), timezone.utc).strftime("%m-%d"), *row.values()] for row in rows]


def test_an_empty_span_has_a_count_of_nought_and_a_sum_of_null() -> None:
    assert charted("span=1d count sum(x) AS s", "2026-06-01T06:00:00", "2026-06-06T00:00:00") == [
        ["06-01", 0, None],
        ["06-02", 2, 3],
        ["06-03", 0, None],
        ["06-04", 1, 4],
        ["06-05", 0, None],
    ]


def test_spans_of_months_and_weeks() -> None:
    assert charted("span=1mon sum(x) AS s", "2026-05-15T00:00:00", "2026-07-01T00:00:00") == [
        ["05-01", None],
        ["06-01", 7],
    ]
    assert charted("span=1w@w1 count", "2026-06-01T00:00:00", "2026-06-09T00:00:00") == [["06-01", 3], ["06-08", 0]]


def test_over_all_time_it_begins_with_the_first_event() -> None:
    assert charted("span=1d count", "1970-01-01T00:00:00", "2026-06-04T00:00:01")[0][0] == "06-02"


def test_nothing_makes_no_chart() -> None:
    assert timechart("span=1d count", [], 0.0, 0.0, 86_400.0) == []


def test_a_column_for_each_value() -> None:
    rows = timechart("span=1d count BY g", DAYS, 0.0, at("2026-06-02T00:00:00"), at("2026-06-05T00:00:00"))
    assert [{name: value for name, value in row.items() if name != "_time"} for row in rows] == [
        {"a": 1, "b": 0, "NULL": 1},
        {"a": 0, "b": 0, "NULL": 0},
        {"a": 0, "b": 1, "NULL": 0},
    ]


def test_ten_columns_and_the_rest() -> None:
    rows: list[Row] = [{"_time": 100_000.0 + i, "g": f"g{i:02d}", "x": str(i)} for i in range(13)]
    (row,) = timechart("span=1d sum(x) AS s BY g", rows, 0.0, 100_000.0, 100_100.0)
    assert row["OTHER"] == 0 + 1 + 2
    assert len(row) == 1 + 10 + 1
    (row,) = timechart("limit=0 span=1d sum(x) AS s BY g", rows, 0.0, 100_000.0, 100_100.0)
    assert len(row) == 1 + 13


@pytest.mark.parametrize("words", ["count", "span=1w count", "span=1d bins=3 count", "span=1d count sum(x) BY g"])
def test_another_chart_is_refused(words: str) -> None:
    with pytest.raises(AssertionError):
        timechart(words, DAYS, 0.0, 1.0, at("2026-06-05T00:00:00"))
