"""Fuzzing without libFuzzer: mutations of the corpus with a fixed seed, whatever code they reach."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Optional

from tests.fuzz.mutation import Mutator
from tests.fuzz.target import Target


class Finding(Exception):
    """An input that breaks the target's property; the cause says how."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"{len(data)} bytes: {data[:2000]!r}")
        self.data = data


def fuzz(target: Target, *, seed: int, runs: Optional[int] = None, seconds: Optional[float] = None) -> Counter[str]:
    """Check so many inputs, or for so many seconds of CPU; return how they ended. Raises Finding."""
    ends: Counter[str] = Counter()
    until = None if seconds is None else time.process_time() + seconds
    for data in _inputs(target, seed):
        if (runs is not None and sum(ends.values()) >= runs) or (until is not None and time.process_time() >= until):
            break
        try:
            ends[target.check(data)] += 1
        except Exception as error:
            raise Finding(data) from error
    return ends


def _inputs(target: Target, seed: int) -> Iterator[bytes]:
    """Mutations of the corpus, of one input after the other, and of what came of that."""
    rng = random.Random(f"{target.name} {seed}")
    mutator = Mutator(rng, target.words, target.longest)
    seeds = list(target.seeds().values())
    while True:
        data = rng.choice(seeds)
        for _ in range(rng.randint(1, 4)):
            data = mutator.mutate(data, rng.choice(seeds))
            yield data
