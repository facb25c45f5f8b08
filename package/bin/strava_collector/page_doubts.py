"""Which pages of a list are not believed at once: those that lack very much, and those that were there before.

A list is the first word about what is gone, and one wrong answer of Strava's must not have a whole history fetched
anew. What was seen is kept in memory only: a restart begins the doubt again, which costs a look more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from strava_collector.walk import Purpose, Walk

#: If a page lacks more than so many activities, and more than this share of what it should have, it is looked at again
#: before that is believed: so often, and for so many seconds. The fetches beyond so many then go as history.
FEW_MISSING = 20
SHARE_MISSING = 0.1
LOOKS_BELIEVED = 3
DOUBTED_FOR = 3600.0
#: A list that brings what the page before brought, so often in a row, does not page.
MOST_REPEATS = 2


@dataclass(frozen=True)
class _Doubt:
    """A page that lacks so much that it may be Strava's mistake."""

    since: float
    looks: int


@dataclass(frozen=True)
class _Counted:
    """The last page of a walk that is counted, not bounded."""

    page: int
    ids: frozenset[int]
    #: How often the page before it had the same on it.
    repeats: int


class PageDoubts:
    """What one process has seen of the pages of each athlete's walks."""

    def __init__(self) -> None:
        self._doubts: dict[tuple[int, Purpose], _Doubt] = {}
        self._counted: dict[tuple[int, Purpose], _Counted] = {}

    def lacks_too_much(self, athlete_id: int, walk: Walk, lacking: int, total: int, now: float) -> bool:
        """Whether so much is missing (``lacking`` of ``total``) that the page is to be looked at again first."""
        key = athlete_id, walk.purpose
        doubt = self._doubts.pop(key, None)
        if lacking <= max(FEW_MISSING, SHARE_MISSING * total):
            return False
        if doubt is None or doubt.since > now:
            doubt = _Doubt(now, 0)
        doubt = _Doubt(doubt.since, doubt.looks + 1)
        if doubt.looks >= LOOKS_BELIEVED and now >= doubt.since + DOUBTED_FOR:
            return False
        self._doubts[key] = doubt
        return True

    def repeats(self, athlete_id: int, walk: Walk, ids: Collection[int]) -> bool:
        """Whether the list brings the same page again and again."""
        key, number, on_it = (athlete_id, walk.purpose), walk.page, frozenset(ids)
        before = self._counted.pop(key, None)
        repeats = 0
        if before is not None and on_it and on_it == before.ids and number in (before.page, before.page + 1):
            repeats = before.repeats + number - before.page
        if repeats >= MOST_REPEATS:
            return True
        self._counted[key] = _Counted(number, on_it, repeats)
        return False
