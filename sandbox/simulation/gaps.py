"""What no notification told: when it happened, and when the index showed it all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from sandbox.simulation.case import DAY, HOUR, MINUTE
from sandbox.simulation.habits import Deed
from sandbox.simulation.index import Index
from sandbox.simulation.listing_process import LISTS
from sandbox.simulation.timeline import Timeline
from sandbox.simulation.world import Change, Recorded, World

#: A look at the newest activities takes its time: those of other athletes come first, the fetch comes after it, a
#: list may be a few minutes behind, and a quarter hour's limit may be used up.
_LOOK = 30 * MINUTE
#: What is in the window has to be repaired within an interval, everything else within a week.
WITHIN_WINDOW, ELSEWHERE = LISTS.interval + _LOOK, 7 * DAY
#: After an outage the circuit waits up to an hour before it tries again.
AFTERMATH = HOUR


@dataclass
class Gap:
    """A change that was not announced, or whose notification never arrived."""

    recorded: Recorded
    change: Change
    #: The activity began within the days that each look goes back.
    in_window: bool
    #: When the index showed what lists show since the change; None if it never did.
    closed_at: Optional[float] = None
    #: When the next change made another thing of it.
    overtaken_at: Optional[float] = None

    @property
    def at(self) -> float:
        return self.change.at

    @property
    def limit(self) -> float:
        """Seconds within which it has to be closed."""
        return WITHIN_WINDOW if self.in_window else ELSEWHERE

    def lasted(self, end: float, closed: Sequence[tuple[float, float]]) -> float:
        """Seconds that it was open, the times aside when nothing could be done."""
        until = min(at for at in (self.closed_at, self.overtaken_at, end) if at is not None)
        return until - self.at - sum(max(0.0, min(e, until) - max(b, self.at)) for b, e in closed)


class Gaps:
    """Watches every change of the simulation, and every event."""

    def __init__(self, timeline: Timeline, world: World, index: Index) -> None:
        self._timeline = timeline
        self._world = world
        self._index = index
        #: In the order of time.
        self.all: list[Gap] = []
        #: By the activity's id.
        self._open: dict[int, Gap] = {}

    def changed(self, recorded: Recorded) -> None:
        """An activity has been changed. Whether its notification arrives is seen later."""
        now = self._timeline.now()
        earlier = self._open.pop(recorded.activity.id, None)
        if earlier is not None:
            earlier.overtaken_at = now
        change = recorded.changes[-1]
        in_window = recorded.activity.start_date > now + WITHIN_WINDOW - LISTS.look_back
        gap = Gap(recorded, change, in_window)
        self.all.append(gap)
        self._open[recorded.activity.id] = gap
        self.written(recorded)

    def written(self, recorded: Recorded) -> None:
        """An event of the activity has been written."""
        if recorded.activity.id in self._open and self.is_shown(recorded):
            self._open.pop(recorded.activity.id).closed_at = self._timeline.now()

    def is_shown(self, recorded: Recorded) -> bool:
        """Whether the index shows of the activity what lists show."""
        there, shown = self._world.content(recorded), self._index.shown(recorded.activity.id)
        if there is None or shown is None:
            return there is shown
        return there.listed == shown.listed

    def never_told(self) -> list[Gap]:
        """Those whose notification never came, or was never sent."""
        return [gap for gap in self.all if gap.change.parcel is None or gap.change.parcel.committed_at is None]


def story(gap: Gap) -> str:
    """What it was."""
    what = "lost" if gap.change.parcel is not None else "never announced"
    where = "in the window" if gap.in_window else "outside the window"
    deed = gap.change.what
    old = " of the past" if gap.recorded.of_past else ""
    return (
        f"{deed.value} of activity {gap.recorded.activity.id}{old} of athlete {gap.recorded.athlete} at {gap.at:.1f}, "
        f"{what}, {where}" + ("" if deed is not Deed.EDIT else f", starts {gap.recorded.activity.start_date}")
    )
