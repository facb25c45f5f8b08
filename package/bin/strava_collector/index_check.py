"""What a running input does while an index that it writes to is missing: splunkd drops events for such an index, so
nothing is fetched for it until it is back.

Where the indexes are elsewhere (a forwarder), or splunkd does not tell, nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

from strava_collector.clock import Clock
from strava_collector.ownership import Owned, listed_by, owner_of
from strava_collector.ports import Problems
from strava_collector.settings import CollectorInput, Settings

#: Seconds that a pause lasts; longer than from one reading of the settings to the next, which prolongs it.
PAUSE = 150.0


class IndexCheck:
    """Looks whenever the settings have been read."""

    def __init__(
        self,
        collector_input: CollectorInput,
        bulletin: Problems,
        clock: Clock,
        *,
        pause: Callable[[Optional[int], float], None],
    ) -> None:
        """``pause`` lets nothing be fetched for an athlete until then; a time that is past ends a pause."""
        self._input = collector_input
        self._owned = Owned(collector_input)
        self._bulletin = bulletin
        self._clock = clock
        self._pause = pause
        self._paused: frozenset[int] = frozenset()
        self._is_missing = False

    @property
    def is_missing(self) -> bool:
        """Whether the input's own index is missing, which also takes the notifications."""
        return self._is_missing

    @property
    def paused(self) -> frozenset[int]:
        """The athletes whose events would be dropped, by id."""
        return self._paused

    def look(self, settings: Settings) -> None:
        """Report what is missing, pause whom it concerns, and let them go on when it is back."""
        here = settings.indexes
        wanted = dict.fromkeys(self._owned.ids(settings), self._input.index)
        for athlete in listed_by(self._input.name, settings):  # what lists show goes where the owner writes
            owner = owner_of(athlete, settings)
            wanted.setdefault(athlete.athlete_id, self._input.index if owner is None else owner.index)
        wanted = {who: settings.athletes[who].index or index for who, index in wanted.items()}
        missing = {} if here is None else {who: index for who, index in wanted.items() if index not in here}
        self._is_missing = here is not None and self._input.index not in here
        for athlete_id in self._paused - missing.keys():
            self._pause(athlete_id, self._clock.now())
        for athlete_id in missing:
            self._pause(athlete_id, self._clock.now() + PAUSE)
        self._paused = frozenset(missing)
        names = sorted({*missing.values(), *([self._input.index] if self._is_missing else [])})
        if names:
            self._bulletin.report(
                "index",
                f"There is no index {', '.join(f'“{name}”' for name in names)} on this host, or it is disabled or for "
                "metrics. Splunk would drop the events, so what would go there waits, and nothing is lost. Create it "
                "in Settings → Indexes, or choose another one in the input or the athlete's row.",
            )
        else:
            self._bulletin.resolved("index")
