"""What follows from each way in which asking for an activity's streams can end; ``outcome`` for everything else.

Samples are an addition: whatever becomes of them, the activity is in the index already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

from strava_collector.job import Outcome, Priority
from strava_collector.outcome import (
    Circumstances,
    Decision,
    Finish,
    Refused,
    Result,
    Sampled,
    TryAgain,
    decide,
    is_inactive,
)
from strava_collector.streams import Streams

#: Strava makes the streams after the activity. So long they are waited for, one pause after the other, in seconds.
PAUSES = (300.0, 900.0, 2700.0)

#: The error of a job whose streams were not there yet.
NOT_READY = "Strava does not have the samples of this activity yet. They are asked for again a few times."
NONE = "Strava has no samples of this activity."


@dataclass(frozen=True)
class WriteSamples:
    """Write the samples, and finish."""

    streams: Streams


@dataclass(frozen=True)
class DoWithout:
    """Finish: the activity has no samples, and they are not asked for again until it changes."""

    why: str


StreamDecision = Union[WriteSamples, DoWithout, Decision]


def decide_streams(result: Result, at: Circumstances, *, priority: Priority) -> StreamDecision:
    """Return what the worker does about the result of asking for an activity's streams.

    Activities of history have been there for long: what they have not got now, they do not get.
    """
    if isinstance(result, Sampled) and len(result.streams):
        return WriteSamples(result.streams)
    if isinstance(result, Sampled) or (isinstance(result, Refused) and result.status == 404):
        if priority is Priority.HISTORY or at.attempts >= len(PAUSES):
            return DoWithout(NONE)
        return TryAgain(at.now + PAUSES[at.attempts], NOT_READY, counts=True)
    if isinstance(result, Refused) and result.status == 403 and not is_inactive(result):
        return Finish(
            Outcome.DEAD_LETTER,
            "Strava refuses access to the samples of this activity (403). The activity itself is not concerned. "
            "Connect the athlete again on Configuration → Athletes and leave all boxes ticked, then retry this job.",
        )
    decision = decide(result, at)
    # What becomes of samples says nothing about the activity.
    return replace(decision, gives_up=False, tombstone=False) if isinstance(decision, Finish) else decision
