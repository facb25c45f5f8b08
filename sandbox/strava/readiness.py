"""When an activity's streams are there: Strava computes them after the upload, and answers nothing useful before."""

from __future__ import annotations

from sandbox.strava.activities import Activity
from sandbox.strava.exchange import Refused, json_answer, not_found
from strava_collector.clock import Clock

#: What a call gets while there are no streams: 404, or an answer without any.
MISSING, EMPTY = "missing", "empty"


class StreamReadiness:
    """Holds streams back: of each new activity for a while, of single ones for so long or for so many requests."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: Seconds from every upload until its streams are there.
        self.seconds = 0.0
        #: MISSING or EMPTY.
        self.meanwhile = MISSING

    def hold_back(self, activity: Activity, *, seconds: float = 0.0, requests: int = 0) -> None:
        """Have no streams of an activity for so long from now, and for so many requests."""
        activity.streams_ready_at = self._clock.now() + seconds if seconds else 0.0
        activity.streams_missing_requests = requests

    def refuse_unready(self, activity: Activity, *, key_by_type: bool) -> None:
        """Raise what Strava answers as long as an activity has no streams."""
        now = self._clock.now()
        early = now < max(activity.streams_ready_at, activity.created_at + self.seconds)
        if activity.streams_missing_requests > 0:
            activity.streams_missing_requests -= 1
        elif not early:
            return
        if self.meanwhile == EMPTY:
            raise Refused(json_answer(200, {} if key_by_type else []))
        raise not_found("Stream")
