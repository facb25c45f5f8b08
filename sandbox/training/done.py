"""A session that has been done."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sandbox.training.person import Person
from sandbox.training.recording import Track
from sandbox.training.session import Session


@dataclass(frozen=True)
class Done:
    """A session that has been done."""

    person: Person
    session: Session
    track: Track
    activity_id: int
    #: Epoch seconds.
    start: int

    @cached_property
    def offset(self) -> int:
        """Seconds that the clocks there were ahead of UTC."""
        return self.session.town.offset(self.start)

    @cached_property
    def moving_time(self) -> int:
        return round(self.track.moving[-1])

    @cached_property
    def elapsed_time(self) -> int:
        return max(self.moving_time, round(self.track.elapsed[-1]))

    @cached_property
    def distance(self) -> float:
        return round(self.track.metres[-1], 1)
