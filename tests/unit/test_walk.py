"""Walks through a list that pages as Strava's does: complete, never longer than necessary, and after any crash."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.walk import (
    BEGINNING,
    FULL_PAGE,
    OVERLAP,
    PASS_EVERY,
    Covered,
    Purpose,
    Spans,
    Walk,
    Wanted,
    after_step,
    history_walk,
    is_regular,
    listing_cost,
    new_pass,
    new_window,
    pass_due,
    step,
    window_due,
)

DAY = 86_400
NOW = 1_780_293_600.0
EVERYTHING = Wanted(start=BEGINNING, interval=4 * 3600.0, look_back=7.0 * DAY)

#: Starts before now, with many in the same seconds.
_ages = st.lists(st.one_of(st.integers(1, 30), st.integers(1, 20 * DAY), st.integers(1, 4000 * DAY)), max_size=60)
_spans = st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 20)).map(lambda one: (one[0], sum(one))), max_size=8)


class Strava:
    """A list of starts, in pages of a few."""

    def __init__(self, starts: list[int], *, size: int = 3) -> None:
        self.starts = list(enumerate(starts))
        self.size = size
        self.calls = 0

    def page(self, walk: Walk) -> list[tuple[int, int]]:
        self.calls += 1
        assert (walk.before is None) != (walk.after is None), "the order of both together is not documented"
        there = [
            one
            for one in self.starts
            if (walk.before is None or one[1] < walk.before) and (walk.after is None or one[1] > walk.after)
        ]
        there.sort(key=lambda one: (one[1], one[0]), reverse=not walk.ascending)
        return there[(walk.page - 1) * self.size : walk.page * self.size]


class Small(Walk):
    """With pages of three."""

    @property
    def per_page(self) -> int:
        return 3


def small(walk: Walk) -> Walk:
    return Small(**{name: getattr(walk, name) for name in Walk.__dataclass_fields__})


def take(strava: Strava, walk: Walk, listed: set[int]) -> tuple[Optional[Walk], object, object]:
    page = strava.page(walk)
    listed.update(number for number, _ in page)
    made = step(walk, [start for _, start in page], len(page))
    assert not made.stuck
    if made.judged is not None:
        low, high = made.judged
        on_page = {number for number, _ in page}
        assert {number for number, start in strava.starts if low <= start <= high} <= on_page
    return made.next, made, page


def complete_history(strava: Strava, wanted: Wanted, covered: Covered, listed: set[int]) -> tuple[Covered, int]:
    """All pages of history, the process being started again after each."""
    calls, before = 0, None
    while True:
        walk = history_walk(covered, wanted, NOW, before)
        if walk is None:
            return covered, calls
        walk = small(walk)
        page = strava.page(walk)
        listed.update(number for number, _ in page)
        made = step(walk, [start for _, start in page], len(page))
        covered = after_step(covered, walk, made, in_full=True)
        before = made.next
        calls += 1
        assert calls < 500


@given(_spans, _spans)
def test_spans_hold_what_was_added_and_gaps_are_the_rest(
    added: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    spans, seconds = Spans(), set[int]()
    for low, high in added:
        spans = spans.plus(low, high)
        seconds.update(range(low, high + 1))
    assert all(spans.holds(second) == (second in seconds) for second in range(-60, 80))
    assert Spans.from_json(spans.to_json()) == spans
    assert all(one[1] + 1 < other[0] for one, other in zip(spans.parts, spans.parts[1:]))
    for low, high in asked:
        missing = {second for a, b in spans.gaps(low, high) for second in range(a, b + 1)}
        assert missing == set(range(low, high + 1)) - seconds
        assert spans.lowest(low) == min((second for second in seconds if second >= low), default=None)


@pytest.mark.parametrize("oldest_first", [False, True])
@given(ages=_ages)
def test_history_lists_every_activity_and_asks_for_few_pages(oldest_first: bool, ages: list[int]) -> None:
    strava = Strava([int(NOW) - age for age in ages])
    listed: set[int] = set()
    wanted = replace(EVERYTHING, oldest_first=oldest_first, start=0)
    covered, calls = complete_history(strava, wanted, Covered(window_at=NOW), listed)
    assert listed == set(range(len(ages)))
    assert history_walk(covered, wanted, NOW, None) is None
    # A page that ends within a second of several activities may bring these again.
    crowded = len(ages) - len(set(ages))
    assert calls <= -(-len(ages) // 2) + crowded + 2


@given(
    ages=_ages,
    starts=st.lists(st.integers(0, 4100 * DAY), min_size=1, max_size=4),
    orders=st.lists(st.booleans(), min_size=4, max_size=4),
    pages=st.integers(0, 12),
)
def test_history_is_complete_after_any_changes_of_the_input(
    ages: list[int], starts: list[int], orders: list[bool], pages: int
) -> None:
    """Start and order change in the middle; what the last setting wants is there in the end."""
    strava = Strava([int(NOW) - age for age in ages])
    listed: set[int] = set()
    covered = Covered(window_at=NOW)
    for ago, oldest_first in zip(starts, orders):
        wanted = Wanted(int(NOW) - ago, 3600.0, DAY, oldest_first=oldest_first)
        before = None
        for _ in range(pages):
            walk = history_walk(covered, wanted, NOW, before)
            if walk is None:
                break
            before, made, _ = take(strava, small(walk), listed)
            covered = after_step(covered, walk, made, in_full=True)  # type: ignore[arg-type]
    covered, _ = complete_history(strava, wanted, covered, listed)
    assert listed >= {number for number, start in strava.starts if start >= wanted.start}


def test_moving_the_start_back_fetches_the_missing_part_only() -> None:
    strava = Strava([int(NOW) - day * DAY for day in range(1, 400)])
    covered, first = complete_history(
        strava, replace(EVERYTHING, start=int(NOW) - 100 * DAY), Covered(window_at=NOW), set()
    )
    for oldest_first in (False, True):
        listed: set[int] = set()
        back = replace(EVERYTHING, start=int(NOW) - (200 if not oldest_first else 300) * DAY, oldest_first=oldest_first)
        covered, calls = complete_history(strava, back, covered, listed)
        assert calls <= first + 2
        assert max(listed) - min(listed) <= 104
    forward = replace(EVERYTHING, start=int(NOW) - 50 * DAY)
    assert complete_history(strava, forward, covered, set())[1] == 0


@given(ages=_ages, extra=st.lists(st.integers(0, 4000 * DAY), max_size=10), every=st.integers(1, 3))
def test_what_exists_throughout_is_listed_while_others_come_and_go(
    ages: list[int], extra: list[int], every: int
) -> None:
    strava = Strava([int(NOW) - age for age in ages])
    listed: set[int] = set()
    walk: Optional[Walk] = small(Walk(Purpose.PASS, NOW, BEGINNING, int(NOW), ascending=False, edge=int(NOW)))
    number, calls = 1000, 0
    coming = list(extra)
    guests: list[int] = []
    while walk is not None:
        walk, _, _ = take(strava, walk, listed)
        walk = None if walk is None else small(walk)
        calls += 1
        if walk is not None and walk.page > 1:
            continue  # within one second numbers of pages are all there is
        if coming and calls % every == 0:
            number += 1
            strava.starts.append((number, int(NOW) - coming.pop()))
            guests.append(number)
        elif guests:
            gone = guests.pop()
            strava.starts = [one for one in strava.starts if one[0] != gone]
        assert calls < 500
    assert listed >= set(range(len(ages)))


def test_two_hundred_and_more_within_a_second_are_paged_by_number() -> None:
    strava = Strava([int(NOW) - DAY] * 11 + [int(NOW) - 2 * DAY])
    listed: set[int] = set()
    complete_history(strava, EVERYTHING, Covered(window_at=NOW), listed)
    assert len(listed) == 12
    assert strava.calls <= 7


def test_a_list_that_does_not_page_is_noticed() -> None:
    walk: Optional[Walk] = Walk(Purpose.PASS, NOW, BEGINNING, int(NOW), ascending=False, edge=100)
    pages = 0
    while walk is not None:
        pages += 1
        made = step(walk, [100] * FULL_PAGE, FULL_PAGE)
        if made.stuck:
            assert pages > 100
            return
        walk = made.next
    raise AssertionError("It has to be noticed.")


def test_a_list_in_another_order_is_paged_by_number_and_judged_by_nobody() -> None:
    walk = Walk(Purpose.PASS, NOW, BEGINNING, int(NOW), ascending=False, edge=1000)
    made = step(walk, [500, 900, 100], 3)
    assert made.next == replace(walk, page=2, unordered=True)
    assert (made.covered, made.judged) == (None, None)
    made = step(made.next, [700, 600], 2)
    assert made.next is not None
    made = step(made.next, [], 0)
    assert (made.next, made.covered, made.judged) == (None, (BEGINNING, 1000), None)


def test_a_window_ends_with_the_first_older_activity() -> None:
    walk = new_window(Covered(), EVERYTHING, NOW)
    made = step(walk, [int(NOW) - DAY, int(NOW) - 9 * DAY], 2)
    assert made.next is None
    covered = after_step(Covered(), walk, made, in_full=True)
    assert covered.window_at == covered.pass_at == NOW
    assert covered.spans.parts == ((int(NOW) - 7 * DAY, int(NOW)),)


def test_a_short_page_is_not_the_last_one_as_long_as_it_brings_something() -> None:
    walk = new_window(Covered(), EVERYTHING, NOW)
    made = step(walk, [int(NOW) - DAY], 1)
    assert made.next is not None
    assert made.judged == (int(NOW) - DAY + 1, walk.edge)
    end = step(made.next, [int(NOW) - DAY], 1)
    assert end.next is None
    assert end.judged == (walk.low, int(NOW) - DAY)


def test_entries_without_a_start_end_nothing() -> None:
    walk = new_window(Covered(), EVERYTHING, NOW)
    made = step(walk, [], 2)
    assert made.next == replace(walk, page=2)


def test_a_window_reaches_back_to_the_last_one() -> None:
    covered = Covered(window_at=NOW - 60 * DAY)
    assert new_window(covered, EVERYTHING, NOW).low == int(NOW - 60 * DAY - OVERLAP)
    late_start = replace(EVERYTHING, start=int(NOW) - DAY)
    assert new_window(covered, late_start, NOW).low == int(NOW) - DAY


@pytest.mark.parametrize(
    ("covered", "due"),
    [
        (Covered(), NOW),
        (Covered(window_at=NOW - 3600), NOW + 3 * 3600),
        (Covered(window_at=NOW - 5 * 3600), NOW - 3600),
        (Covered(window_at=NOW + DAY), NOW),
    ],
    ids=["never", "an hour ago", "long ago", "the clock was ahead"],
)
def test_when_a_window_is_due(covered: Covered, due: float) -> None:
    assert window_due(covered, EVERYTHING, NOW) == due


def test_when_a_slow_walk_is_due() -> None:
    assert pass_due(1, Covered(), EVERYTHING, NOW) is None
    covered = Covered(window_at=NOW, pass_at=NOW)
    due = pass_due(1, covered, EVERYTHING, NOW)
    assert due is not None
    assert NOW < due <= NOW + PASS_EVERY
    assert pass_due(1, replace(covered, pass_at=due), EVERYTHING, due) == due + PASS_EVERY
    assert pass_due(1, replace(covered, pass_at=due + 3600.7), EVERYTHING, due + DAY) == pytest.approx(
        due + PASS_EVERY, abs=1
    )
    # What was left in short is wanted in full now.
    assert pass_due(1, replace(covered, pass_in_full=False), EVERYTHING, NOW) == NOW
    short = replace(EVERYTHING, summaries_only=True)
    assert pass_due(1, replace(covered, pass_in_full=False), short, NOW) == due


@pytest.mark.parametrize("first", [1, 4_000_000, 134_815])
def test_slow_walks_of_a_club_that_begins_on_one_day_are_spread(first: int) -> None:
    covered = Covered(window_at=NOW, pass_at=NOW)
    due = [pass_due(first + number, covered, EVERYTHING, NOW) for number in range(100)]
    days = [0] * 5
    for one in due:
        assert one is not None
        days[int((one - NOW - 1) // DAY)] += 1
    assert max(days) <= 22


def test_a_slow_walk_covers_what_history_has_and_what_is_wanted() -> None:
    spans = Spans().plus(1000, int(NOW))
    assert new_pass(Covered(spans, NOW, NOW), EVERYTHING, NOW).low == 1000
    assert new_pass(Covered(spans, NOW, NOW), replace(EVERYTHING, start=2000), NOW).low == 2000
    walk = new_pass(Covered(spans, NOW, NOW), EVERYTHING, NOW)
    covered = after_step(Covered(spans, NOW, 0.0, False), walk, step(walk, [999], 1), in_full=True)
    assert (covered.pass_at, covered.pass_in_full) == (NOW, True)


def test_what_any_walk_leaves_in_short_starts_a_slow_walk_when_it_is_wanted_in_full() -> None:
    covered = Covered(Spans().plus(1000, int(NOW) - 3600), NOW - 3600, NOW - 3600)
    older = history_walk(covered, EVERYTHING, NOW, None)
    assert older is not None
    for walk in (new_window(covered, EVERYTHING, NOW), new_pass(covered, EVERYTHING, NOW), older):
        after = after_step(covered, walk, step(walk, [int(NOW) - 10, int(NOW) - 20], 2), in_full=False)
        assert pass_due(1, after, EVERYTHING, NOW + 60) == NOW + 60, walk.purpose
        in_full = after_step(covered, walk, step(walk, [int(NOW) - 10, int(NOW) - 20], 2), in_full=True)
        assert in_full.pass_in_full


@pytest.mark.parametrize(
    ("pause", "regular"), [(None, False), (3600.0, True), (EVERYTHING.look_back, False), (300 * DAY, False)]
)
def test_a_first_look_and_one_after_a_long_pause_find_history(pause: Optional[float], regular: bool) -> None:
    covered = Covered(window_at=None if pause is None else NOW - pause)
    assert is_regular(new_window(covered, EVERYTHING, NOW), covered, EVERYTHING) is regular


def test_what_listing_costs() -> None:
    assert listing_cost(1, 14_400.0, 0) == pytest.approx(6 + 1 / 5)
    assert listing_cost(20, 14_400.0, 1_000) == pytest.approx(20 * 6 + 20 * 6 / 5)


@pytest.mark.parametrize("look_back", [7, 30])
@pytest.mark.parametrize("per_day", [0, 1, 7, 20, 50])
@pytest.mark.parametrize("days", [0.5, 3, 400])
def test_what_listing_costs_is_what_looks_ask_for(days: float, per_day: int, look_back: int) -> None:
    wanted = replace(EVERYTHING, look_back=float(look_back * DAY))
    starts = [int(NOW - (number + 0.5) * DAY / per_day) for number in range(int(days * per_day))]
    walk: Optional[Walk] = new_window(Covered(window_at=NOW - wanted.interval), wanted, NOW)
    calls = 0
    while walk is not None:
        page = [start for start in starts if start <= walk.edge][: walk.per_page]
        walk, calls = step(walk, page, len(page)).next, calls + 1
    slow = listing_cost(1, DAY, 0) - 1 + len(starts) / FULL_PAGE / 5
    cost = listing_cost(1, wanted.interval, len(starts), per_day=per_day, look_back=wanted.look_back)
    assert cost == pytest.approx(calls * 6 + slow)
