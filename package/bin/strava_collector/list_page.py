"""A page of a list: what there is to look at, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strava_collector import walk
from strava_collector.ownership import Owner
from strava_collector.settings import Athlete
from strava_collector.store.walks import About
from strava_collector.walk import Covered, Purpose, Walk, Wanted


@dataclass(frozen=True)
class Look:
    """A page that is to be listed."""

    athlete: Athlete
    owner: Owner
    walk: Walk
    covered: Covered
    wanted: Wanted

    def covers(self, second: int) -> bool:
        """Whether what began in this second is no history: it was listed before, or is as new as each look wants.

        What the first look finds is history, and what one finds after a pause in which nobody looked for long.
        """
        is_new = walk.is_regular(self.walk, self.covered, self.wanted) and second >= self.walk.low
        return is_new or self.covered.spans.holds(second)

    def is_history(self, second: int) -> bool:
        """Whether what began in this second counts as history."""
        return self.walk.purpose is Purpose.HISTORY or not self.covers(second)

    @property
    def index(self) -> str:
        """Where the athlete's events go."""
        return self.athlete.index or self.owner.index

    def about(self, input_name: str) -> About:
        """What people are told of whose list it is; the input lists it."""
        return About(
            athlete=self.athlete.name,
            application=self.athlete.application,
            input=input_name,
            owner=self.owner.name,
            interval=self.wanted.interval,
            wanted_from=self.wanted.start,
        )


@dataclass(frozen=True)
class Taken:
    """What came of a page."""

    #: How many entries had which consequence, for the log.
    counts: Mapping[str, int]
    #: The walk is at its end.
    complete: bool = False
    #: The list does not page.
    stuck: bool = False
    #: So many are missing that it is not believed yet; nothing was done.
    doubted: int = 0
    #: Something is to be fetched that should not wait.
    urgent: bool = False
