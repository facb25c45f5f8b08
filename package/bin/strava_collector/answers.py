"""What Strava's answers say: the body of a job's answer, the faults that it names, how long to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Optional

from strava_collector.events import NoStartDate, encode, start_date
from strava_collector.job import Job, Kind
from strava_collector.outcome import Fetched, Granted, Refused, Result, Sampled, Strangers, Unusable
from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.strava_time import epoch_of
from strava_collector.streams import NoStreams, read_streams
from strava_collector.transport import Answer

_NO_JSON = "Strava answered 200, but with something that is not JSON."


def read_answer(job: Job, answer: Answer, now: float, privacy: Privacy = KEEP_ALL) -> Result:
    """Say what an answer to a job's call is; of streams only those are read that ``privacy`` allows."""
    if answer.status != 200:
        return Refused(answer.status, retry_after(answer.headers, now), _faults(answer))
    try:
        if job.kind is Kind.STREAMS:
            return Sampled(read_streams(answer.body, privacy))
        activity = answer.json()
        if job.kind is Kind.ATHLETE:
            return _read_athlete(job, activity)
        if not isinstance(activity, dict) or activity.get("id") != job.activity_id:
            return Unusable("Strava answered 200, but not with the activity that was asked for.", own_matter=True)
        owner = activity.get("athlete")
        owner_id = owner.get("id") if isinstance(owner, dict) else None
        if type(owner_id) is not int:
            return Unusable("Strava's activity does not say whose it is.", own_matter=True)
        if owner_id != job.athlete_id:
            return Strangers()
        encode(activity)
        return Fetched(activity, start_date(activity))
    except NoStartDate:
        why = "Strava's activity has no start_date that can be read, so it has no place in the index."
        return Unusable(why, own_matter=True)
    except NoStreams:
        return Unusable("Strava answered 200, but not with the samples of an activity.", own_matter=True)
    except (ValueError, RecursionError):
        return Unusable(_NO_JSON)


def read_any(answer: Answer, now: float) -> Result:
    """Say what an answer is whose content is somebody else's matter, as long as it is JSON."""
    if answer.status != 200:
        return Refused(answer.status, retry_after(answer.headers, now), _faults(answer))
    try:
        answer.json()
    except (ValueError, RecursionError):
        return Unusable(_NO_JSON)
    return Granted()


def _read_athlete(job: Job, athlete: object) -> Result:
    if isinstance(athlete, dict) and athlete.get("id") == job.athlete_id:
        return Granted()
    return Unusable("Strava answered 200, but not with the athlete who was asked for.")


def _faults(answer: Answer) -> frozenset[str]:
    """Strava's ``errors`` as ``field:code``; empty for an answer in any other form."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return frozenset()
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return frozenset()
    return frozenset(_fault(error) for error in errors if isinstance(error, dict))


def _fault(error: Mapping[str, object]) -> str:
    return f"{str(error.get('field'))[:80]}:{str(error.get('code'))[:80]}"


def retry_after(headers: Mapping[str, str], now: float) -> Optional[float]:
    """Seconds from ``Retry-After`` (headers in lower case), which may be a number or a date; None if it is neither.

    A date is Strava's, so it is compared with Strava's own ``Date``: our clock may differ by minutes.
    """
    header = headers.get("retry-after", "").strip()
    date = epoch_of(header) if header[:1].isalpha() else None
    if date is not None:
        at_strava = epoch_of(headers.get("date"))
        seconds = date - (now if at_strava is None else at_strava)
    else:
        try:
            seconds = float(header)
        except ValueError:
            return None
    return min(max(seconds, 0.0), 86_400.0) if math.isfinite(seconds) else None
