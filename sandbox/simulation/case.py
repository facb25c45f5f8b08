"""What is simulated: everything else follows from these few values."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: Monday, 1 June 2026, 00:00 UTC.
START = 1_780_272_000.0
DAY = 86_400.0
HOUR = 3_600.0
MINUTE = 60.0

#: The simulation of history: as many activities, of so many athletes, exist before it begins.
HISTORY, HISTORY_ATHLETES = 20_000, 20
#: The part of the notifications that never arrive there.
LOST = 0.01

#: Strava's limits as (per quarter hour, per day): all calls, reads.
LIMITS = {
    "default": ((200, 2_000), (100, 1_000)),
    "doubled": ((400, 4_000), (200, 2_000)),
}


@dataclass(frozen=True)
class Case:
    """One run. The same case gives the same result, on any machine and any day."""

    seed: int = 1
    days: int = 30
    athletes: int = 200
    #: A key of :data:`LIMITS`.
    limits: str = "default"
    #: The part of the planned faults that happen, 0 to 1: outages, restarts, lost answers, late activities.
    faults: float = 1.0
    #: Activities that exist before the begin. If there are any, an input lists them, and what was missed since.
    history: int = 0
    #: The part of the notifications about activities that are never sent.
    lost: float = 0.0

    @property
    def lists(self) -> bool:
        """Whether an input *Strava Activities* runs beside the webhook's."""
        return self.history > 0

    @property
    def end(self) -> float:
        """When nothing new happens any more, in epoch seconds."""
        return START + self.days * DAY

    @property
    def command(self) -> str:
        """What repeats it."""
        faults = "" if self.faults == 1.0 else f" --faults {self.faults!r}"
        history = f" --history {self.history}" if self.history else ""
        lost = f" --lost {self.lost!r}" if self.lost else ""
        return (
            f'make simulate CASE="--seed {self.seed} --days {self.days} --athletes {self.athletes}'
            f' --limits {self.limits}{faults}{history}{lost}"'
        )

    def smaller(self) -> list[Case]:
        """The same with half of the days, of the athletes, of the faults, of the history or of the losses."""
        smaller = []
        if self.days > 1:
            smaller.append(replace(self, days=self.days // 2))
        if self.athletes > 1:
            smaller.append(replace(self, athletes=self.athletes // 2))
        if self.faults > 0.0:
            smaller.append(replace(self, faults=self.faults / 2 if self.faults > 0.05 else 0.0))
        if self.history > 1:
            smaller.append(replace(self, history=self.history // 2))
        if self.lost > 0.0:
            smaller.append(replace(self, lost=self.lost / 2 if self.lost > 0.001 else 0.0))
        return smaller
