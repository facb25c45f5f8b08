"""Strava's notifications on their way: three attempts in all, minutes apart, each acknowledged or not."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable, Optional

from sandbox.simulation.case import MINUTE
from sandbox.simulation.misfortunes import Misfortunes
from sandbox.simulation.timeline import Timeline
from sandbox.strava.delivery import ATTEMPTS


@dataclass(eq=False)
class Parcel:
    """One notification and its fate; times are true ones, in epoch seconds."""

    notification: Mapping[str, object]
    #: When the change was made that it tells of.
    changed_at: float
    #: When it was first posted.
    posted_at: Optional[float] = None
    attempts: int = 0
    #: When the input first had it in its store, whether or not Strava learnt of that.
    committed_at: Optional[float] = None
    #: Strava got its 200 in time.
    acknowledged: bool = False
    #: When an event was written that shows the change or a later one.
    shown_at: Optional[float] = None
    #: That event was a tombstone.
    by_tombstone: bool = False
    #: A fetch found that the index shows the change already, or that it was undone.
    nothing_new: bool = False
    #: Strava has forgotten to send it.
    lost: bool = False

    @property
    def object_id(self) -> int:
        return int(str(self.notification["object_id"]))

    @property
    def of_activity(self) -> bool:
        return self.notification["object_type"] == "activity"

    @property
    def given_up(self) -> bool:
        """Strava will not send it any more, and it never arrived."""
        return (self.lost or self.attempts >= ATTEMPTS) and self.committed_at is None


@dataclass
class Post:
    """Delivers. ``receive`` is the input: True once the notification is in its store, False for no answer or 503."""

    timeline: Timeline
    plan: Misfortunes
    receive: Callable[[Mapping[str, object]], bool]
    rng: random.Random
    #: The part of the notifications about activities that is never sent, and what draws them.
    lost: float
    losses: random.Random
    parcels: list[Parcel] = field(default_factory=list)

    def send(self, notification: Mapping[str, object]) -> Parcel:
        """Post a notification shortly after the change; two at once may overtake each other."""
        parcel = Parcel(notification, self.timeline.now())
        self.parcels.append(parcel)
        if parcel.of_activity and self.losses.random() < self.lost:
            parcel.lost = True
            return parcel
        self.timeline.after(self.rng.uniform(0.05, 3.0), lambda: self._attempt(parcel))
        return parcel

    def _attempt(self, parcel: Parcel) -> None:
        if parcel.posted_at is None:
            parcel.posted_at = self.timeline.now()
        parcel.attempts += 1
        # Drawn before the attempt, so that the draws do not depend on how it goes.
        refused = self.rng.random() < self.plan.refused_deliveries
        late = self.rng.random() < self.plan.late_acknowledgements
        pause = self.rng.uniform(1.0, 7.0) * MINUTE
        try:
            committed = not refused and self.receive(parcel.notification)
            if committed and parcel.committed_at is None:
                parcel.committed_at = self.timeline.now()
            parcel.acknowledged |= committed and not late
        finally:  # also when the input dies of it
            if not parcel.acknowledged and parcel.attempts < ATTEMPTS:
                self.timeline.after(pause, lambda: self._attempt(parcel))
