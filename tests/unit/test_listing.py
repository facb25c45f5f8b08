"""What a page of a list tells, and what an entry means beside what the store knows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Optional

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from strava_collector.fingerprint import fingerprint
from strava_collector.job import Priority
from strava_collector.listing import (
    LAG,
    NO_ID,
    NO_OWNER,
    NO_START,
    NOT_AN_ENTRY,
    NOT_JSON,
    STRANGERS,
    TWICE,
    Entry,
    Miss,
    NotAList,
    Seen,
    Verdict,
    Wish,
    is_missing,
    judge,
    missed,
    read_page,
    wish,
)
from strava_collector.walk import Purpose

ANNA = 134815
NOW = 1_780_293_600.0
START = "2026-05-30T05:00:00Z"


def shown(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": number, "athlete": {"id": ANNA}, "start_date": START, "name": "Ride", "elapsed_time": 3600, **fields}


def entry(**fields: Any) -> Entry:
    return read_page([shown(**fields)], ANNA).entries[0]


BEFORE, AFTER, SILENT = entry(), entry(name="Round the lake"), entry(distance=12.5)

#: In the index in full, as the list showed it before, for long.
IN_FULL = Seen(
    1,
    start_date=START,
    collected_at=NOW - 9000,
    fingerprint=BEFORE.fingerprint,
    listed=BEFORE.fingerprint,
    listed_at=NOW - 8000,
    updated_at=NOW - 9000,
)
IN_SHORT = replace(IN_FULL, detailed=False)
NO_FINGERPRINT = replace(IN_FULL, fingerprint=None, listed=None, listed_at=None)


@pytest.mark.parametrize("body", [{}, None, "list", 5, {"message": "error"}])
def test_what_is_no_list_is_said_to_be_none(body: object) -> None:
    with pytest.raises(NotAList, match="not with a list"):
        read_page(body, ANNA)


@pytest.mark.parametrize(
    ("bad", "fault", "names_all"),
    [
        (7, NOT_AN_ENTRY, False),
        ([], NOT_AN_ENTRY, False),
        ({}, NO_ID, False),
        (shown(number="1"), NO_ID, False),  # type: ignore[arg-type]
        (shown(number=True), NO_ID, False),
        (shown(number=2**70), NO_ID, False),
        (shown(athlete=None), NO_OWNER, True),
        (shown(athlete={"id": "5"}), NO_OWNER, True),
        (shown(athlete={"id": 5}), STRANGERS, True),
        (shown(start_date=None), NO_START, True),
        (shown(start_date="yesterday"), NO_START, True),
        (shown(distance=float("nan")), NOT_JSON, True),
        (shown(number=9), TWICE, True),
    ],
)
def test_a_bad_entry_is_left_out_and_the_good_ones_are_used(bad: object, fault: str, names_all: bool) -> None:
    page = read_page([shown(number=9), bad, shown(number=10)], ANNA)
    assert [one.activity_id for one in page.entries] == [9, 10]
    assert (page.faults, page.count, page.names_all) == ({fault: 1}, 3, names_all)
    assert page.ids >= {9, 10}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "athlete", "start_date", "x"]), inner),
    max_leaves=8,
)


@given(st.lists(_json, max_size=4))
@example([{"id": 2}])
def test_no_list_is_too_strange(body: list[object]) -> None:
    page = read_page([shown(), *body, shown(number=2)], ANNA)
    assert {one.activity_id for one in page.entries} >= {1, 2}
    assert page.count == len(body) + 2 == len(page.entries) + sum(page.faults.values())
    assert all(json.dumps(one.activity) for one in page.entries)


@pytest.mark.parametrize(
    ("seen", "found", "verdict"),
    [
        (None, BEFORE, Verdict.NEW),
        (replace(IN_FULL, start_date=None, collected_at=None, fingerprint=None), BEFORE, Verdict.NEW),
        (replace(IN_FULL, deleted=True, updated_at=NOW - 2 * LAG), BEFORE, Verdict.NEW),
        (replace(IN_FULL, deleted=True, updated_at=NOW - LAG / 2), BEFORE, Verdict.LEAVE),
        (replace(IN_FULL, updated_at=NOW + 0.5), AFTER, Verdict.LEAVE),
        (replace(IN_FULL, updated_at=NOW + 9e6), AFTER, Verdict.DIFFERS),
        (IN_FULL, BEFORE, Verdict.SAME),
        (IN_FULL, AFTER, Verdict.DIFFERS),
        (IN_FULL, SILENT, Verdict.DIFFERS),
        (replace(IN_FULL, given_up=AFTER.fingerprint), AFTER, Verdict.SAME),
        (NO_FINGERPRINT, BEFORE, Verdict.DIFFERS),
        (replace(IN_FULL, fingerprint=None, listed_at=NOW - 9500), BEFORE, Verdict.DIFFERS),
        (replace(NO_FINGERPRINT, given_up=BEFORE.fingerprint), BEFORE, Verdict.SAME),
        (replace(IN_FULL, listed=None, listed_at=None), SILENT, Verdict.DIFFERS),
        (IN_SHORT, BEFORE, Verdict.SUMMARY),
        (IN_SHORT, AFTER, Verdict.AGAIN),
        (replace(IN_SHORT, is_out=False), BEFORE, Verdict.AGAIN),
    ],
    ids=[
        "unknown",
        "announced, never collected",
        "deleted long ago",
        "deleted a moment ago",
        "fetched since the list was asked for",
        "fetched while the clock was ahead",
        "as before",
        "renamed",
        "longer",
        "cannot be fetched as it is",
        "collected before there were fingerprints",
        "the same, and listed before it was collected",
        "the same, and cannot be fetched",
        "never listed, longer",
        "in short as before",
        "in short, renamed",
        "in short, perhaps not written",
    ],
)
def test_what_an_entry_means(seen: Optional[Seen], found: Entry, verdict: Verdict) -> None:
    assert judge(found, seen, asked_at=NOW, now=NOW + 1) is verdict


def test_a_list_that_never_agrees_with_the_activity_in_full_costs_one_fetch_and_not_one_each_time() -> None:
    other = fingerprint(shown(distance=99.0))
    fetched_since = replace(IN_FULL, fingerprint=other, collected_at=NOW - 100, updated_at=NOW - 100)
    assert judge(BEFORE, fetched_since, asked_at=NOW, now=NOW) is Verdict.SAME
    assert judge(SILENT, fetched_since, asked_at=NOW, now=NOW) is Verdict.DIFFERS
    never_listed = replace(fetched_since, listed=None, listed_at=None)
    assert judge(BEFORE, never_listed, asked_at=NOW, now=NOW) is Verdict.DIFFERS
    unchanged = replace(never_listed, listed=BEFORE.fingerprint, listed_at=NOW - 50)
    assert judge(BEFORE, unchanged, asked_at=NOW, now=NOW) is Verdict.SAME


def test_an_edit_that_was_announced_and_silently_taken_back_is_found() -> None:
    renamed = replace(IN_FULL, fingerprint=AFTER.fingerprint, collected_at=NOW - 100, updated_at=NOW - 100)
    assert judge(BEFORE, renamed, asked_at=NOW, now=NOW) is Verdict.DIFFERS


HISTORY, SOON = Wish(Priority.HISTORY), Wish(Priority.RECONCILIATION)


@pytest.mark.parametrize(
    ("verdict", "seen", "purpose", "covered", "summaries_only", "wished"),
    [
        (Verdict.NEW, None, Purpose.HISTORY, False, False, HISTORY),
        (Verdict.NEW, None, Purpose.WINDOW, True, False, SOON),
        (Verdict.NEW, None, Purpose.WINDOW, False, False, HISTORY),
        (Verdict.NEW, None, Purpose.PASS, True, False, SOON),
        (Verdict.NEW, None, Purpose.PASS, False, False, HISTORY),
        (Verdict.NEW, None, Purpose.WINDOW, True, True, None),
        (Verdict.NEW, replace(IN_SHORT, live=Priority.LIVE), Purpose.WINDOW, True, False, None),
        (Verdict.NEW, replace(IN_SHORT, live=Priority.HISTORY), Purpose.WINDOW, True, False, SOON),
        (Verdict.NEW, replace(IN_SHORT, live=Priority.LIVE, working=True), Purpose.WINDOW, True, False, SOON),
        (Verdict.DIFFERS, IN_FULL, Purpose.HISTORY, True, True, replace(SOON, suspicion="differs")),
        (Verdict.DIFFERS, NO_FINGERPRINT, Purpose.WINDOW, True, False, replace(SOON, suspicion="differs")),
        (Verdict.DIFFERS, NO_FINGERPRINT, Purpose.WINDOW, False, False, replace(HISTORY, suspicion="differs")),
        (Verdict.DIFFERS, NO_FINGERPRINT, Purpose.PASS, True, False, replace(HISTORY, suspicion="differs")),
        (Verdict.AGAIN, IN_SHORT, Purpose.HISTORY, True, False, HISTORY),
        (Verdict.AGAIN, IN_SHORT, Purpose.WINDOW, True, True, None),
        (Verdict.SUMMARY, IN_SHORT, Purpose.WINDOW, True, False, None),
        (Verdict.SUMMARY, IN_SHORT, Purpose.PASS, True, False, HISTORY),
        (Verdict.SUMMARY, IN_SHORT, Purpose.PASS, True, True, None),
        (Verdict.SUMMARY, replace(IN_SHORT, given_up=BEFORE.fingerprint), Purpose.PASS, True, False, None),
        (Verdict.SAME, IN_FULL, Purpose.PASS, True, False, None),
        (Verdict.SAME, replace(IN_FULL, suspected=True), Purpose.PASS, True, False, SOON),
        (Verdict.SAME, replace(IN_FULL, suspected=True), Purpose.WINDOW, True, False, None),
        (Verdict.LEAVE, IN_FULL, Purpose.WINDOW, True, False, None),
    ],
)
def test_which_fetch_follows(
    verdict: Verdict,
    seen: Optional[Seen],
    purpose: Purpose,
    covered: bool,
    summaries_only: bool,
    wished: Optional[Wish],
) -> None:
    found = wish(verdict, BEFORE, seen, purpose=purpose, covered=covered, summaries_only=summaries_only)
    assert found == wished


@pytest.mark.parametrize(
    ("seen", "purpose", "missing"),
    [
        (IN_FULL, Purpose.WINDOW, True),
        (IN_SHORT, Purpose.HISTORY, True),
        (replace(IN_FULL, deleted=True), Purpose.WINDOW, False),
        (replace(IN_FULL, start_date=None), Purpose.WINDOW, False),
        (replace(IN_FULL, updated_at=NOW - 60), Purpose.WINDOW, False),
        (replace(IN_FULL, updated_at=NOW + 9e6), Purpose.WINDOW, True),
        (replace(IN_FULL, listed_at=NOW - 10), Purpose.PASS, False),
        (replace(IN_FULL, unlisted=True), Purpose.WINDOW, False),
        (replace(IN_FULL, unlisted=True), Purpose.PASS, True),
        (replace(IN_FULL, suspected=True), Purpose.WINDOW, False),
        (replace(IN_FULL, suspected=True), Purpose.PASS, True),
        (replace(IN_FULL, suspected=True, live=Priority.RECONCILIATION), Purpose.PASS, False),
    ],
)
def test_what_a_list_lacks(seen: Seen, purpose: Purpose, missing: bool) -> None:
    assert is_missing(seen, asked_at=NOW, began_at=NOW - 30, purpose=purpose, now=NOW + 1) is missing


EVER = NOW - 10_000


@pytest.mark.parametrize(
    ("verdict", "found", "seen", "covered", "hears_since", "kind"),
    [
        (Verdict.NEW, BEFORE, None, True, EVER, Miss.NEW),
        (Verdict.NEW, BEFORE, None, False, EVER, None),
        (Verdict.NEW, entry(start_date="2026-06-01T05:00:00Z"), None, False, EVER, Miss.NEW),
        (Verdict.NEW, BEFORE, None, True, NOW - 100, None),
        (Verdict.NEW, BEFORE, Seen(1, event_time=5), True, EVER, None),
        (Verdict.NEW, BEFORE, Seen(1, live=Priority.LIVE), True, EVER, None),
        (Verdict.DIFFERS, AFTER, IN_FULL, True, EVER, Miss.CHANGED),
        (Verdict.AGAIN, AFTER, IN_SHORT, True, EVER, Miss.CHANGED),
        (Verdict.DIFFERS, SILENT, IN_FULL, True, EVER, None),
        (Verdict.DIFFERS, AFTER, replace(IN_FULL, event_time=int(NOW)), True, EVER, None),
        (Verdict.DIFFERS, AFTER, IN_FULL, True, NOW - 100, None),
        (Verdict.SAME, BEFORE, IN_FULL, True, EVER, None),
    ],
    ids=[
        "appeared since the last list",
        "began and ended before anybody heard",
        "ended since",
        "the webhook came later than the list",
        "announced, not fetched yet",
        "being fetched",
        "renamed",
        "renamed, in short",
        "edited in what is not announced",
        "announced since",
        "known before anybody heard",
        "the same",
    ],
)
def test_what_the_webhook_has_missed(
    verdict: Verdict, found: Entry, seen: Optional[Seen], covered: bool, hears_since: float, kind: Optional[Miss]
) -> None:
    told = missed(verdict, found, seen, covered=covered, covered_since=NOW - 5000, hears_since=hears_since)
    assert told is kind


# Whatever Strava sends.

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.sampled_from([10**400, 2**63, -1, 0])
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from([START, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(
    ["id", "athlete", "start_date", "elapsed_time", "distance", "name", "gear_id", "start_latlng", "private", "map"]
)


@given(
    st.lists(st.dictionaries(_FIELDS, _VALUES, max_size=4).map(lambda more: {**shown(), **more}) | _VALUES, max_size=4)
)
def test_no_entry_whatever_it_is_breaks_the_reading_of_a_page(body: list[object]) -> None:
    page = read_page(body, ANNA)
    assert page.count == len(body) == len(page.entries) + sum(page.faults.values())
    for one in page.entries:
        for seen in (None, IN_FULL, IN_SHORT):
            verdict = judge(one, seen, asked_at=NOW, now=NOW)
            missed(verdict, one, seen, covered=False, covered_since=0.0, hears_since=NOW)
            wish(verdict, one, seen, purpose=Purpose.WINDOW, covered=True, summaries_only=False)


@pytest.mark.parametrize("elapsed", [10**400, -(10**400), float("inf"), float("nan"), 1e308, "3600", None])
def test_a_ride_of_a_length_that_cannot_be_counts_as_none(elapsed: object) -> None:
    one = entry(elapsed_time=3600)
    one = replace(one, activity={**one.activity, "elapsed_time": elapsed})
    for hears_since, kind in ((one.second, Miss.NEW), (one.second + 1.0, None)):
        found = missed(Verdict.NEW, one, None, covered=False, covered_since=0.0, hears_since=hears_since)
        assert found is kind
