"""Two years of believable training of three athletes, as events of the add-on: for a first look, and for tests.

    from sandbox import training
    history = training.history(datetime(2026, 6, 1, tzinfo=timezone.utc), seed=1)
    history.events       # strava_collector.events.Event, in the order in which they were written
    history.activities   # what is true in the end: each activity as Strava would return it, by id
    history.deleted, history.gear, history.sampled

The same arguments give the same history. ``days`` shortens it; ``samples`` is of how many newest activities of each
athlete there are samples (0: of none). ``python -m sandbox.training`` (``make sample-data``) writes it to files.

Files: ``cyclist``, ``runner``, ``triathlete`` (what is trained when) with ``person`` and ``session``; ``towns`` and
``roads`` (where); ``body`` (fitness, power, heart rate); ``recording`` (the track of a session); ``done`` (a
session with its track); ``activity_json`` with ``stretches`` and ``efforts``, and ``samples`` (the same in Strava's
words) with ``personal_records``; ``diary`` (all of a life, and what is edited later);
``collecting`` (events, by the add-on's own code); ``files`` (what is uploaded).
"""

from __future__ import annotations

from datetime import datetime

from sandbox.training.collecting import WITH_SAMPLES, History, collect
from sandbox.training.diary import DAYS
from strava_collector.events import Event


def history(today: datetime, seed: int = 1, *, days: int = DAYS, samples: int = WITH_SAMPLES) -> History:
    """Return what the add-on would have written until ``today`` (an aware datetime), and what is true then."""
    if today.tzinfo is None:
        raise ValueError("The time needs a zone.")
    return collect(today, seed, days, samples)


def events(today: datetime, seed: int = 1, *, days: int = DAYS, samples: int = WITH_SAMPLES) -> list[Event]:
    """Return the events alone."""
    return history(today, seed, days=days, samples=samples).events


__all__ = ["Event", "History", "events", "history"]
