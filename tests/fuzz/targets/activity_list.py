"""Strava's answer to the question for a page of activities.

It is a page or :class:`NotAList`. Each entry of a page can be placed, judged against whatever the ledger may know of
it, and written; what is no entry is counted. The walk goes on, ends or says that it is stuck.
"""

from __future__ import annotations

import json
from dataclasses import replace

from strava_collector import listing
from strava_collector.events import activity_digest, activity_event, epoch
from strava_collector.listing import Entry, NotAList, Page, Seen, Verdict, read_page
from strava_collector.privacy import KEEP_ALL, of_activity
from strava_collector.walk import Purpose, Walk, step
from tests.fuzz.answers import NOW, answer_of
from tests.fuzz.reading import written
from tests.fuzz.target import Target

_ATHLETE = 8


def _check(data: bytes) -> str:
    answer = answer_of(data)
    try:
        page = read_page(answer.json(), _ATHLETE)
    except ValueError:
        return "not JSON"
    except NotAList:
        return "not a list"
    _check_page(page)
    for entry in page.entries:
        _check_entry(entry)
    _check_walk(page)
    return "entries" if page.entries else "nothing of use"


def _check_page(page: Page) -> None:
    assert len(page.entries) + sum(page.faults.values()) == page.count
    assert len({entry.activity_id for entry in page.entries}) == len(page.entries)
    assert {entry.activity_id for entry in page.entries} <= page.ids
    assert len(page.starts) <= page.count


def _check_entry(entry: Entry) -> None:
    assert 0 < entry.activity_id < 2**63
    assert epoch(entry.start) == entry.second
    same = Seen(entry.activity_id, entry.start, NOW - 9e5, fingerprint=entry.fingerprint, updated_at=NOW - 9e5)
    judged = {listing.judge(entry, seen, asked_at=NOW, now=NOW) for seen in (None, Seen(entry.activity_id))}
    assert judged == {Verdict.NEW}
    assert listing.judge(entry, same, asked_at=NOW, now=NOW) is Verdict.SAME
    edited = replace(same, fingerprint="00000000-00000000")
    for seen, verdict in ((None, Verdict.NEW), (edited, listing.judge(entry, edited, asked_at=NOW, now=NOW))):
        for purpose in Purpose:
            listing.wish(verdict, entry, seen, purpose=purpose, covered=True, summaries_only=False)
        listing.missed(verdict, entry, seen, covered=True, covered_since=NOW, hears_since=NOW - 1e6)
    kept = of_activity(entry.activity, KEEP_ALL)
    assert len(activity_digest(kept)) == 64
    event = activity_event(
        kept,
        start=entry.start,
        collected_at=NOW,
        reason="polling",
        input_name="rides",
        index="strava",
        source="strava_activities://rides",
    )
    assert json.loads(event.data)["id"] == entry.activity_id
    assert written(event) == [event]


def _check_walk(page: Page) -> None:
    for purpose in Purpose:
        for ascending in (False, True):
            edge = 0 if ascending else int(NOW)
            walk = Walk(purpose, NOW, low=0, high=int(NOW), ascending=ascending, edge=edge)
            made = step(walk, page.starts, page.count)
            assert made.next is None or (made.next.edge, made.next.page) != (walk.edge, walk.page), "it goes in circles"
            if page.count == 0:
                assert made.next is None and not made.stuck


TARGET = Target(
    name="activity_list",
    check=_check,
    ends=frozenset({"not JSON", "not a list", "nothing of use", "entries"}),
    words=(
        *(b'{"id": 7, "athlete": {"id": 8}, "start_date": "2024-05-01T06:30:00Z"}', b'"start_latlng"', b'"distance"'),
        *(b'"elapsed_time"', b'"name"', b'"sport_type"', b'"private"', b'"gear_id"', b'"workout_type"', b'"id": 9'),
        *(b'"athlete": {"id": 9}', b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59Z"', b"},{", b"[]"),
    ),
)
