"""How an athlete's list of activities is walked through, page by page: pure rules.

Each page's bound comes from what the page before it showed (its oldest start going down, its newest going up), so that
activities that come and go meanwhile shift nothing. The second at the bound is asked for again, because others may have
begun in it. Pages are counted only while a page brings nothing beyond the bound, or is not in the order of time.

``before`` and ``after`` never go together: the order of such a list is not documented. Going down, a walk is at its end
when it sees something that began before all that is wanted; going up, when it sees something later. Otherwise only a
page without anything new tells, because Strava says that a page may be short although it is not the last one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Optional

#: The beginning of time, in epoch seconds: nothing starts earlier (year 1).
BEGINNING = -62_135_596_800
#: Later than any start that a clock of somebody's shows, in epoch seconds, and below 2³¹ for Strava's sake (2038).
LATEST = 2_145_916_799
#: As many as Strava gives on a page.
FULL_PAGE = 200
#: Enough for a look at the newest activities, of which more would only be thrown away.
SMALL_PAGE = 50
#: A small page is for walks over at most so many seconds.
_SHORT_WALK = 8 * 86_400
#: Pages with one bound: beyond that, what answers does not page at all.
MOST_PAGES = 250

#: A new look goes back so far before the last complete one, in seconds: what was uploaded late while the input was off.
OVERLAP = 86_400.0
#: A slow walk over everything begins at most so long after the one before it began, in seconds: with a day or two to do
#: it in, nothing is older than a week.
PASS_EVERY = 5 * 86_400.0
#: Multiples of it are spread evenly between whole numbers, however many there are.
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class Purpose(str, Enum):
    """What a walk is for."""

    #: A look at the newest activities, each interval.
    WINDOW = "window"
    #: A slow walk over everything that has been covered.
    PASS = "pass"  # noqa: S105 # a word, no secret
    #: The first look at all that is wanted.
    HISTORY = "history"


Span = tuple[int, int]


@dataclass(frozen=True)
class Spans:
    """Seconds of start that have been listed: parts from … to, both included, apart from each other, in order."""

    parts: tuple[Span, ...] = ()

    def plus(self, low: int, high: int) -> Spans:
        """Return these and ``low`` … ``high``, which may be empty."""
        if high < low:
            return self
        apart = [(a, b) for a, b in self.parts if b < low - 1 or a > high + 1]
        joined = [(a, b) for a, b in self.parts if not (b < low - 1 or a > high + 1)]
        merged = (min([low, *(a for a, _ in joined)]), max([high, *(b for _, b in joined)]))
        return Spans(tuple(sorted([*apart, merged])))

    def gaps(self, low: int, high: int) -> tuple[Span, ...]:
        """Return what is missing of ``low`` … ``high``, in order."""
        found, at = [], low
        for a, b in self.parts:
            if b < at:
                continue
            if a > high:
                break
            if a > at:
                found.append((at, a - 1))
            at = b + 1
        if at <= high:
            found.append((at, high))
        return tuple(found)

    def holds(self, second: int) -> bool:
        """Whether this second has been listed."""
        return any(a <= second <= b for a, b in self.parts)

    def lowest(self, floor: int) -> Optional[int]:
        """Return the first second at ``floor`` or later that has been listed; None if there is none."""
        return next((max(a, floor) for a, b in self.parts if b >= floor), None)

    def to_json(self) -> str:
        """As text for the store."""
        return json.dumps([list(part) for part in self.parts])

    @classmethod
    def from_json(cls, text: str) -> Spans:
        """The inverse of :meth:`to_json`."""
        return cls(tuple((int(a), int(b)) for a, b in json.loads(text)))


@dataclass(frozen=True)
class Walk:
    """Where a walk stands. Seconds of start are whole and included."""

    purpose: Purpose
    #: When the first page was asked for, in epoch seconds.
    began_at: float
    #: What is wanted.
    low: int
    high: int
    #: Oldest first.
    ascending: bool
    #: The next page has everything from here on: down, or up if ascending.
    edge: int
    page: int = 1
    #: A page was not in the order of time, so this edge holds until the end.
    unordered: bool = False

    @property
    def before(self) -> Optional[int]:
        """Strava's parameter for the next page; None if it must not be given."""
        return None if self.ascending else self.edge + 1

    @property
    def after(self) -> Optional[int]:
        """The other one. Strava's activities begin after 1970."""
        return max(self.edge - 1, 0) if self.ascending else None

    @property
    def per_page(self) -> int:
        """Activities on a page."""
        short = self.purpose is Purpose.WINDOW and self.began_at - self.low <= _SHORT_WALK
        return SMALL_PAGE if short else FULL_PAGE


@dataclass(frozen=True)
class Step:
    """What a page means for its walk."""

    #: Where the walk goes on; None at its end.
    next: Optional[Walk]
    #: What has been listed completely: all of it, also with the pages before.
    covered: Optional[Span] = None
    #: What this very page lists completely, so that what it lacks is missing.
    judged: Optional[Span] = None
    #: The same page again and again: the list does not page.
    stuck: bool = False


def step(walk: Walk, starts: Sequence[int], count: int) -> Step:
    """Return what follows from a page: ``count`` entries, of which these starts can be read, in the page's order."""
    if count == 0:
        return _end(walk)
    if walk.unordered or not _in_order(walk, starts):
        return _count_up(replace(walk, unordered=True))
    reached = starts[-1] if starts else walk.edge
    if walk.ascending:
        return _ascend(walk, reached, starts, count)
    return _descend(walk, reached, starts, count)


def _descend(walk: Walk, oldest: int, starts: Sequence[int], count: int) -> Step:
    if oldest < walk.low:
        return Step(None, (walk.low, walk.edge), _if_first(walk, (walk.low, walk.edge)))
    if oldest < walk.edge:
        span = (oldest + 1, walk.edge)
        return Step(replace(walk, edge=oldest, page=1), span, _if_first(walk, span))
    return _end(walk) if starts and count < walk.per_page else _count_up(walk)


def _ascend(walk: Walk, newest: int, starts: Sequence[int], count: int) -> Step:
    if newest > walk.high:
        return Step(None, (walk.edge, walk.high), _if_first(walk, (walk.edge, walk.high)))
    if newest > walk.edge:
        span = (walk.edge, newest - 1)
        return Step(replace(walk, edge=newest, page=1), span, _if_first(walk, span))
    return _end(walk) if starts and count < walk.per_page else _count_up(walk)


def _end(walk: Walk) -> Step:
    """Nothing lies beyond: going down, nothing older exists at all."""
    judged = (walk.edge, walk.high) if walk.ascending else (walk.low, walk.edge)
    covered = judged if walk.ascending else (BEGINNING, walk.edge)
    return Step(None, covered, _if_first(walk, judged))


def _if_first(walk: Walk, span: Span) -> Optional[Span]:
    # The second at the edge is spread over several pages otherwise, and no single one of them has all of it.
    return span if walk.page == 1 else None


def _count_up(walk: Walk) -> Step:
    if walk.page >= MOST_PAGES:
        return Step(replace(walk, page=1, unordered=False), stuck=True)
    return Step(replace(walk, page=walk.page + 1))


def _in_order(walk: Walk, starts: Sequence[int]) -> bool:
    pairs: Iterable[tuple[int, int]] = zip(starts, starts[1:])
    return all(a <= b for a, b in pairs) if walk.ascending else all(a >= b for a, b in pairs)


@dataclass(frozen=True)
class Wanted:
    """What an input wants of an athlete's list."""

    #: Nothing that began earlier; epoch seconds, BEGINNING is everything.
    start: int
    #: Seconds.
    interval: float
    look_back: float
    oldest_first: bool = False
    #: What lists say is enough.
    summaries_only: bool = False


@dataclass(frozen=True)
class Covered:
    """How far an athlete's list has been walked through; times in epoch seconds."""

    spans: Spans = Spans()
    #: When the last complete look at the newest activities began; None before the first.
    window_at: Optional[float] = None
    #: When the last complete slow walk began, or the first look at the athlete.
    pass_at: Optional[float] = None
    #: The last complete slow walk, or what stands for it, looked for what is to be fetched in full, and so did every
    #: page since.
    pass_in_full: bool = True


def window_due(covered: Covered, wanted: Wanted, now: float) -> float:
    """Return when the next look at the newest activities is due; one that seems far ahead is from a clock that was."""
    if covered.window_at is None or covered.window_at > now:
        return now
    return covered.window_at + wanted.interval


def pass_due(athlete_id: int, covered: Covered, wanted: Wanted, now: float) -> Optional[float]:
    """Return when the next slow walk is due; None as long as nothing has been covered.

    Each athlete has a time of one's own for it, or a club that begins on one day would use up that day's calls, and
    those of each fifth day after it.
    """
    if covered.window_at is None or covered.pass_at is None:
        return None
    if covered.pass_at > now or (not covered.pass_in_full and not wanted.summaries_only):
        return now
    own = int(athlete_id * _GOLDEN % 1.0 * PASS_EVERY)
    return covered.pass_at + PASS_EVERY - (int(covered.pass_at) - own) % PASS_EVERY


def new_window(covered: Covered, wanted: Wanted, now: float) -> Walk:
    """Begin a look at the newest activities. What began while nobody looked belongs to it, however long that was."""
    low = now - wanted.look_back
    if covered.window_at is not None:
        low = min(low, covered.window_at - OVERLAP)
    return Walk(Purpose.WINDOW, now, max(int(low), wanted.start), LATEST, ascending=False, edge=LATEST)


def is_regular(walk: Walk, covered: Covered, wanted: Wanted) -> bool:
    """Whether this is a look at the newest activities that follows one less than the days that looks go back."""
    if walk.purpose is not Purpose.WINDOW or covered.window_at is None:
        return False
    return walk.began_at - covered.window_at < wanted.look_back


def new_pass(covered: Covered, wanted: Wanted, now: float) -> Walk:
    """Begin a slow walk over everything that has been covered and is wanted."""
    low = covered.spans.lowest(wanted.start)
    top = int(now)
    return Walk(Purpose.PASS, now, min(wanted.start if low is None else low, top), top, ascending=False, edge=top)


def history_walk(covered: Covered, wanted: Wanted, now: float, before: Optional[Walk]) -> Optional[Walk]:
    """Return where history goes on; None if it is complete, or nothing has been covered yet.

    It is what is missing of all that is wanted up to the last look at the newest activities, whichever settings the
    rest was fetched with. ``before`` is how it stood, for the number of the page.
    """
    if covered.window_at is None:
        return None
    gaps = covered.spans.gaps(wanted.start, int(covered.window_at))
    if not gaps:
        return None
    low, high = gaps[0 if wanted.oldest_first else -1]
    edge = low if wanted.oldest_first else high
    if before is not None and before.page > 1 and (before.edge, before.ascending) == (edge, wanted.oldest_first):
        return replace(before, low=low, high=high)
    return Walk(Purpose.HISTORY, now, low, high, ascending=wanted.oldest_first, edge=edge)


def after_step(covered: Covered, walk: Walk, made: Step, *, in_full: bool) -> Covered:
    """Return what is covered after a page; ``in_full`` says whether what the walk found new is fetched in full."""
    spans = covered.spans
    if made.covered is not None:
        # What begins after the first page was asked for may be listed, and may be made later as well.
        spans = spans.plus(made.covered[0], min(made.covered[1], int(walk.began_at)))
    # Whatever is left in short, by whichever walk, is found by the next slow walk that looks for it.
    covered = replace(covered, spans=spans, pass_in_full=covered.pass_in_full and in_full)
    if made.next is not None:
        return covered
    if walk.purpose is Purpose.WINDOW:
        pass_at = walk.began_at if covered.pass_at is None else covered.pass_at
        return replace(covered, window_at=walk.began_at, pass_at=pass_at)
    if walk.purpose is Purpose.PASS:
        return replace(covered, pass_at=walk.began_at, pass_in_full=in_full)
    return covered


def listing_cost(
    athletes: int, interval: float, activities: float, *, per_day: float = 0.0, look_back: float = 7 * 86_400.0
) -> float:
    """Estimate the calls per UTC day that listing needs: ``athletes`` with so many ``activities`` each, on average.

    An athlete makes so many new ones ``per_day``. Each interval (seconds) a look needs a page or more for each athlete,
    and each five days a slow walk one for every 200 activities, and one more.
    """
    windows = athletes * _window_pages(interval, activities, per_day, look_back) * 86_400.0 / interval
    passes = athletes * (activities / FULL_PAGE + 1) / (PASS_EVERY / 86_400.0)
    return windows + passes


def _window_pages(interval: float, activities: float, per_day: float, look_back: float) -> int:
    reach = max(look_back, interval + OVERLAP)
    # A further page begins with the entry that the one before it has ended with.
    new = (SMALL_PAGE if reach <= _SHORT_WALK else FULL_PAGE) - 1
    within = per_day * reach / 86_400.0
    if 0 < activities <= within:
        # Nothing is older than the days that are looked at, so that only a page without anything new ends the look.
        return max(math.ceil((activities - 1) / new), 1) + 1
    return max(math.ceil(within / new), 1)
