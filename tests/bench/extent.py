"""How long each part of the bench takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """Rounds, and seconds in each."""

    #: New connections, and kept-alive ones: rounds that visit each server once.
    rounds: int = 7
    kept_alive_rounds: int = 7
    #: In each of them requests are counted for so many seconds, after some that are not.
    seconds: float = 2.2
    warm_up: float = 0.5
    #: How long honest clients are watched beside hostile ones.
    hostile_seconds: float = 20.0
    hostile_warm_up: float = 3.0
    #: Jobs in each round, and rounds.
    jobs: int = 100
    job_rounds: int = 5
    #: Starts of the input.
    starts: int = 11
    #: Rows that wait while memory is looked at, and for how many seconds that is done.
    waiting_rows: int = 1_000_000
    memory_seconds: float = 10.0
    #: Sizes and rounds of the store, rounds and samples of the long ride.
    store_sizes: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    store_rounds: int = 50
    sample_rounds: int = 15
    samples: int = 28_800
    #: How long the built input is looked into under load.
    profile_seconds: float = 5.0


FULL = Extent()

#: Tries the bench itself; its figures say nothing.
QUICK = Extent(
    rounds=1,
    kept_alive_rounds=1,
    seconds=0.6,
    warm_up=0.2,
    hostile_seconds=2.0,
    hostile_warm_up=0.5,
    jobs=20,
    job_rounds=1,
    starts=1,
    waiting_rows=2_000,
    memory_seconds=1.0,
    store_sizes=(1_000, 2_000),
    store_rounds=3,
    sample_rounds=2,
    samples=600,
    profile_seconds=1.0,
)
