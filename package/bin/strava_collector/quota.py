"""Strava's rate limits: how much of each window is used, who may call, and until when to wait.

Strava counts calls per application in windows that begin at :00, :15, :30, :45 and at midnight UTC, all calls and
reads apart, and tells its counts with each answer (https://developers.strava.com/docs/rate-limits/). All times here are
Strava's, see ``strava_time``: a window ends when Strava's clock says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Optional

from strava_collector.job import Priority

#: Lengths of the windows in seconds.
QUARTER_HOUR = 900
DAY = 86_400

#: History may use this part of its share of a day at once, and the rest bit by bit, all of it an hour before the day
#: ends: what is uploaded later in large numbers, and counts as history too, has to find something left.
AT_ONCE = 0.5
_SPREAD_OVER = DAY - 3_600

#: After a 429, so much less of the next window is used, in percent; the most that this adds up to.
CAUTION = 10
MOST_CAUTION = 50


@dataclass(frozen=True)
class Terms:
    """What the user allows, below Strava's limits."""

    #: Reads per window; None is as many as Strava allows.
    quarter: Optional[int] = None
    day: Optional[int] = None
    #: What history may use of each window, 0 to 1. Half of the rest is kept for live activities.
    background_share: float = 0.6


@dataclass(frozen=True)
class UnderWay:
    """Calls that were allowed and whose answers are not there yet."""

    calls: int = 0
    #: How many of them count against the share of history.
    background: int = 0


@dataclass(frozen=True)
class Pause:
    """No call may be made before ``until``."""

    #: Epoch seconds by Strava's clock.
    until: float
    #: Which limit: ``quarter-hour limit``, ``day limit`` …
    why: str


@dataclass(frozen=True)
class Window:
    """One count against one limit."""

    #: Seconds; windows begin at multiples of it since the epoch.
    length: int
    #: Calls that Strava allows within the window.
    limit: int
    #: The highest count that Strava has told in the window that began at ``began``.
    reported: int = 0
    #: Calls that Strava may not have had in mind then: without an answer, or with one that has no counts.
    unreported: int = 0
    #: How many calls of ours counted against the share of history.
    background: int = 0
    began: int = 0
    #: Percent of the limit that is left unused, because there was a 429 in the window before.
    caution: int = 0
    #: 429s in this window.
    refused: int = 0

    def at(self, now: float) -> Window:
        """Return the window as it is now: counts begin anew when a window ends.

        When the clock steps back they stay, for the window that it is now: otherwise a clock that was once a month
        ahead would close the window for a month.
        """
        begins = int(now // self.length) * self.length
        if begins == self.began:
            return self
        if begins < self.began:
            return replace(self, began=begins)
        caution = self.caution + CAUTION if self.refused else self.caution - CAUTION
        return Window(self.length, self.limit, began=begins, caution=min(max(caution, 0), MOST_CAUTION))

    @property
    def used(self) -> int:
        return self.reported + self.unreported

    @property
    def ends(self) -> int:
        """When the count begins anew, in seconds since the epoch."""
        return self.began + self.length

    def allows(self, own: Optional[int] = None) -> int:
        """How many calls may be made in the window, ``own`` being the user's limit."""
        limit = self.limit * (100 - self.caution) // 100
        return max(limit if own is None else min(limit, own), 1)


@dataclass(frozen=True)
class Quota:
    """The four counts of one application. The limits are Strava's defaults until it tells others."""

    all_quarter: Window = Window(QUARTER_HOUR, 200)
    all_day: Window = Window(DAY, 2_000)
    reads_quarter: Window = Window(QUARTER_HOUR, 100)
    reads_day: Window = Window(DAY, 1_000)
    #: Strava's clock minus ours, in seconds, when it was last seen.
    ahead: float = 0.0
    #: Strava refused a call; none is made before this time.
    closed_until: float = 0.0
    #: When a call was last counted that Strava did not report.
    unreported_at: float = 0.0
    #: All 429s ever: each is a defect of ours, unless somebody else uses the application.
    refusals: int = 0

    @property
    def windows(self) -> tuple[Window, Window, Window, Window]:
        return (self.all_quarter, self.all_day, self.reads_quarter, self.reads_day)

    def at(self, now: float) -> Quota:
        """Return the counts as they are now."""
        closed_until = self.closed_until if self.closed_until <= now + DAY + QUARTER_HOUR else 0.0
        windows = [window.at(now) for window in self.windows]
        if closed_until == self.closed_until and all(new is old for new, old in zip(windows, self.windows)):
            return self
        return self._with(windows, closed_until=closed_until)

    def pause(
        self,
        now: float,
        *,
        priority: Priority = Priority.LIVE,
        under_way: UnderWay = UnderWay(),
        terms: Terms = Terms(),
        backlog: bool = False,
    ) -> Optional[Pause]:
        """Return until when the next read has to wait, or None if it may be made now.

        History keeps to its share of each window. It stops too, and so does reconciliation, which has no share of its
        own, when only what is kept for live activities is left of a window, whoever has used the rest. So nothing may
        be made that a higher priority would have to wait for. ``backlog`` asks for live activities that count as
        history: they need not spread over the day.
        """
        current = self.at(now)
        pauses = [Pause(current.closed_until, "Strava's refusal (429)")] if current.closed_until > now else []
        for window in current.windows:
            own = terms.quarter if window.length == QUARTER_HOUR else terms.day
            allowed = window.allows(own)
            name = "quarter-hour limit" if window.length == QUARTER_HOUR else "day limit"
            if window.used + under_way.calls >= allowed:
                pauses.append(Pause(float(window.ends), name))
            elif priority is Priority.HISTORY and window.background + under_way.background >= _share(allowed, terms):
                pauses.append(Pause(float(window.ends), f"history share of the {name}"))
            elif priority is not Priority.LIVE and window.used + under_way.calls >= _not_kept(allowed, terms):
                pauses.append(Pause(float(window.ends), f"the rest of the {name} is kept for live activities"))
            elif priority is Priority.HISTORY and window.length == DAY and not backlog:
                opens = window.began + _opens_after(window.background + under_way.background, _share(allowed, terms))
                if opens > now:
                    pauses.append(Pause(opens, "the rest of the day's history share is spread over the day"))
        return max(pauses, key=lambda pause: pause.until, default=None)

    def answered(self, headers: Mapping[str, str], *, reserved_at: float, now: float, background: bool) -> Quota:
        """Count a call whose answer is there, and take over limits and counts from its headers (lower-case names).

        A count of Strava's covers the calls before it, so what was unreported when this call was ``reserved_at`` need
        not be counted on top of it. Answers may overtake each other: a lower count than one seen before changes
        nothing. Headers that are missing or make no sense leave the call unreported, and so does the end of a window
        during the call: nobody knows which window's count it is.
        """
        current = self.at(now)
        covers = reserved_at > current.unreported_at
        all_limits, all_used = _pair(headers.get("x-ratelimit-limit")), _pair(headers.get("x-ratelimit-usage"))
        read_limits = _pair(headers.get("x-readratelimit-limit"))
        read_used = _pair(headers.get("x-readratelimit-usage"))
        told = (
            (all_limits, all_used, 0),
            (all_limits, all_used, 1),
            (read_limits, read_used, 0),
            (read_limits, read_used, 1),
        )
        windows = [
            _learnt(
                window,
                limits,
                used if reserved_at >= window.began else None,
                position,
                covers=covers,
                background=background,
            )
            for window, (limits, used, position) in zip(current.windows, told)
        ]
        silent = all_used is None or read_used is None or any(reserved_at < window.began for window in windows)
        return current._with(windows, unreported_at=now if silent else current.unreported_at)

    def unanswered(self, *, reserved_at: float, now: float, background: bool) -> Quota:
        """Count a call of which nobody knows whether Strava has got it.

        It counts in the windows in which it was reserved, or in later ones if they have begun here: ``now`` may come
        from a clock that was set meanwhile, and must not end a window that Strava is still in.
        """
        at = max(reserved_at, self.all_quarter.began)
        counted = self.answered({}, reserved_at=at, now=at, background=background)
        return counted._with(list(counted.windows), unreported_at=max(now, at))

    def refuse(self, now: float, *, retry_after: Optional[float], jitter: float) -> Quota:
        """Strava answered 429: some window is exhausted, the quarter hour's reads if nothing says which.

        ``jitter`` seconds are added, because others who use the same application wait for the same moment.
        """
        current = self.at(now)
        exhausted = [window.reported >= window.limit for window in current.windows]
        if not any(exhausted):
            exhausted = [False, False, True, False]
        windows = [
            replace(window, refused=window.refused + 1) if full else window
            for window, full in zip(current.windows, exhausted)
        ]
        reset = max(window.ends for window, full in zip(windows, exhausted) if full)
        until = (now + retry_after if retry_after is not None else reset) + jitter
        return current._with(windows, closed_until=until, refusals=current.refusals + 1)

    def done_at(self, now: float, calls: int, *, terms: Terms = Terms()) -> float:
        """Estimate when so many reads will have been made, if nothing else is; epoch seconds by Strava's clock."""
        time = max(now, self.at(now).closed_until)
        current = self.at(time)
        quarters, days = (current.all_quarter, current.reads_quarter), (current.all_day, current.reads_day)
        quarter_limit = min(window.allows(terms.quarter) for window in quarters)
        day_limit = min(window.allows(terms.day) for window in days)
        quarter = min(window.allows(terms.quarter) - window.used for window in quarters)
        day = min(window.allows(terms.day) - window.used for window in days)
        left = calls
        while left > 0:
            made = max(min(quarter, day, left), 0)
            left -= made
            day -= made
            if left <= 0:
                break
            time = (time // QUARTER_HOUR + 1) * QUARTER_HOUR
            quarter = quarter_limit
            if day <= 0:
                time = -(-time // DAY) * DAY
            if time % DAY == 0:
                per_day = min(day_limit, quarter_limit * (DAY // QUARTER_HOUR))
                whole_days = (left - 1) // per_day
                time += whole_days * DAY
                left -= whole_days * per_day
                day = day_limit
        return float(time)

    def terms_of(self, priority: Priority, terms: Terms) -> Terms:
        """Return the terms under which a priority would have all of what it may use."""
        if priority is Priority.LIVE:
            return terms
        part = _share if priority is Priority.HISTORY else _not_kept
        quarter = part(self.reads_quarter.allows(terms.quarter), terms)
        return Terms(quarter, part(self.reads_day.allows(terms.day), terms), terms.background_share)

    def per_day(self, priority: Priority, terms: Terms) -> int:
        """Return how many reads a day a priority may make at the most."""
        own = self.terms_of(priority, terms)
        quarter, day = self.reads_quarter.allows(own.quarter), self.reads_day.allows(own.day)
        return min(day, quarter * (DAY // QUARTER_HOUR))

    def knowing(self, ahead: float) -> Quota:
        """Remember by how much Strava's clock is ahead of ours, for the next process."""
        return self._with(list(self.windows), ahead=ahead)

    def to_json(self) -> str:
        """Return the state that the store keeps."""
        return json.dumps(asdict(self))

    @classmethod
    @lru_cache(maxsize=32)
    def from_json(cls, text: Optional[str]) -> Quota:
        """Return what :meth:`to_json` wrote.

        The defaults for None, the state before the first call, and for what cannot be read: the next answer of Strava
        tells the counts.
        """
        fresh = cls()
        try:
            state = json.loads(text or "{}")
            windows = [_window(getattr(fresh, name), state[name]) for name in _WINDOWS]
            return fresh._with(
                windows,
                ahead=float(state["ahead"]),
                closed_until=float(state["closed_until"]),
                unreported_at=float(state["unreported_at"]),
                refusals=int(state["refusals"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return fresh

    def _with(
        self,
        windows: list[Window],
        *,
        ahead: Optional[float] = None,
        closed_until: Optional[float] = None,
        unreported_at: Optional[float] = None,
        refusals: Optional[int] = None,
    ) -> Quota:
        all_quarter, all_day, reads_quarter, reads_day = windows
        return Quota(
            all_quarter,
            all_day,
            reads_quarter,
            reads_day,
            ahead=self.ahead if ahead is None else ahead,
            closed_until=self.closed_until if closed_until is None else closed_until,
            unreported_at=self.unreported_at if unreported_at is None else unreported_at,
            refusals=self.refusals if refusals is None else refusals,
        )


#: Digits of a limit or count that is believed; with some hundred more it could not be calculated with.
_MOST_DIGITS = 9

_WINDOWS = ("all_quarter", "all_day", "reads_quarter", "reads_day")


def _share(allowed: int, terms: Terms) -> int:
    """How many calls history may make; one at least, or a low limit would stop it for ever."""
    return max(int(allowed * terms.background_share), 1 if terms.background_share > 0 else 0)


def _opens_after(used: int, share: int) -> float:
    """How many seconds after the beginning of the day history may make another call, having made so many."""
    at_once = max(share * AT_ONCE, 1.0)
    return 0.0 if used < at_once else _SPREAD_OVER * (used + 1 - at_once) / (share - at_once)


def _not_kept(allowed: int, terms: Terms) -> int:
    """How many calls may have been made, by anybody, before only live ones go on."""
    return max(int(allowed * (1.0 + terms.background_share) / 2), 1)


def _learnt(
    window: Window,
    limits: Optional[tuple[int, int]],
    used: Optional[tuple[int, int]],
    position: int,
    *,
    covers: bool,
    background: bool,
) -> Window:
    window = replace(window, background=window.background + int(background))
    if limits is not None and limits[position] > 0:
        # A limit of nought would never be corrected: only an answer could do that, and none would be asked for.
        window = replace(window, limit=limits[position])
    if used is None:
        return replace(window, unreported=window.unreported + 1)
    return replace(
        window,
        reported=max(window.reported, used[position]),
        unreported=0 if covers else window.unreported,
    )


def _pair(header: Optional[str]) -> Optional[tuple[int, int]]:
    """``"100,1000"`` → ``(100, 1000)``, anything else → None."""
    words = [] if header is None else [word.strip() for word in header.split(",")]
    if len(words) != 2 or not all(word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS for word in words):
        return None
    quarter, day = (int(word) for word in words)
    return quarter, day


def _window(fresh: Window, state: Mapping[str, object]) -> Window:
    """A stored window; its length is not a matter of state. Raises TypeError, KeyError."""
    names = ("limit", "reported", "unreported", "background", "began", "caution", "refused")
    numbers = {name: state[name] for name in names}
    if not all(type(number) is int for number in numbers.values()):
        raise TypeError
    return replace(fresh, **{name: int(str(number)) for name, number in numbers.items()})
