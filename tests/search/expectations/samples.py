"""What is computed from samples: power, zones, drift."""

from __future__ import annotations

import pandas as pd

from tests.search.answers import Answer
from tests.search.catalogue import LENA
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, duration

#: Heart rates at which a zone begins, from the second one on: those of the cookbook.
_ZONES = (123, 153, 169, 184)
#: Seconds without a sample from which on it was a pause.
_PAUSE = 30


@expected("Best 20-minute power by month")
def best_20_minutes(asked: Asked) -> Answer:
    best: dict[str, float] = {}
    table = asked.samples()
    for _, ride in (table[table.watts.notna()] if "watts" in table else table[:0]).groupby("activity_id"):
        means = ride.watts.rolling(1_200).mean()
        spans = ride.offset - ride.offset.shift(1_199)
        good = means[spans < 1_230]
        for at, watts in zip(ride.time[good.index], good):
            month = pd.Timestamp(at, unit="s").strftime("%Y-%m")
            best[month] = max(best.get(month, 0.0), watts)
    rows = [{"month": month, "watts_20min": watts} for month, watts in best.items()]
    return Answer(rows, rounded={"watts_20min": 0})


@expected("Time in heart-rate zones")
def zones(asked: Asked) -> Answer:
    """A sample stands for the time since the one before it, and for a second after a pause."""
    table = asked.samples()
    table = table[table.heartrate > 0].copy()
    passed = table.groupby("activity_id").offset.diff()
    table["seconds"] = passed.where(passed <= _PAUSE, 1.0)
    table["zone"] = 1 + sum((table.heartrate >= limit).astype(int) for limit in _ZONES)
    sums = table.groupby("zone").seconds.sum()
    rows = [{"zone": str(zone), "time": duration(seconds), "seconds": seconds} for zone, seconds in sums.items()]
    return Answer(rows)


@expected("Heart-rate drift", LENA)
def drift(asked: Asked) -> Answer:
    ride = asked.truth.samples[asked.truth.samples.activity_id == asked.activity]
    ride = ride[(ride.heartrate > 0) & (ride.watts > 0)]
    assert len(ride) > 1_000
    first = ride.offset < ride.offset.max() / 2
    watts_1, watts_2 = ride[first].watts.mean(), ride[~first].watts.mean()
    beats_1, beats_2 = ride[first].heartrate.mean(), ride[~first].heartrate.mean()
    row = {
        "drift_percent": 100 * (1 - (watts_2 / beats_2) / (watts_1 / beats_1)),
        "watts_1": watts_1,
        "watts_2": watts_2,
        "beats_1": beats_1,
        "beats_2": beats_2,
    }
    return Answer([row], rounded={"drift_percent": 1})
