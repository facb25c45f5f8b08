"""What the end of an activity's fetch leads to: its samples are asked for, and its gear is remembered."""

from __future__ import annotations

from collections.abc import Mapping

from strava_collector.job import Job, Kind, Priority
from strava_collector.privacy import Privacy
from strava_collector.profile import is_gear_id
from strava_collector.settings import CollectorInput
from strava_collector.store import around, queue, streams
from strava_collector.store.sqlite import Transaction
from strava_collector.streams import is_recorded, stream_key


def follow_up(
    tx: Transaction,
    job: Job,
    activity: Mapping[str, object],
    *,
    collector_input: CollectorInput,
    privacy: Privacy,
    index: str,
    now: float,
) -> None:
    """To be called in the transaction that ends a fetch whose activity is in the index now.

    ``activity`` is Strava's whole answer, before anything is left out of it; ``privacy`` is what is left out.
    """
    note_gear(tx, job.athlete_id, activity, now)
    if collector_input.streams and is_recorded(activity):
        _ask_for_streams(tx, job, stream_key(activity, privacy, index), collector_input.name, now)


def note_gear(tx: Transaction, athlete_id: int, activity: Mapping[str, object], now: float) -> None:
    """Remember the gear that the athlete used for this activity, as a list or Strava's whole answer has it."""
    gear_id = activity.get("gear_id")
    if isinstance(gear_id, str) and is_gear_id(gear_id):
        around.note_use(tx, athlete_id=athlete_id, gear_id=gear_id, now=now)


def _ask_for_streams(tx: Transaction, job: Job, key: str, input: str, now: float) -> None:
    """Make a job unless these samples are collected already, or a job is going to collect just these."""
    if streams.awaited_key(tx, job.activity_id, job.athlete_id) == key:
        return
    if not job.force and streams.collected_key(tx, job.activity_id) == key:
        return
    queue.join(
        tx,
        kind=Kind.STREAMS,
        activity_id=job.activity_id,
        athlete_id=job.athlete_id,
        input=input,
        reason=job.reason,
        # Samples can wait until all activities are there, but need not wait for what is years old.
        priority=Priority.HISTORY if job.priority is Priority.HISTORY else Priority.RECONCILIATION,
        force=job.force,
        due_at=now,
        now=now,
        trail=job.trail,
        expected=key,
    )
