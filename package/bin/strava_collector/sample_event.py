"""The events of an activity's samples: one for each point in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from strava_collector.events import Event, encode, epoch
from strava_collector.streams import Value

SAMPLE_SOURCETYPE = "strava:activities:stream"


@dataclass(frozen=True)
class Collection:
    """What all samples of an activity have in common that were collected at once."""

    activity_id: int
    athlete_id: int
    #: The activity's, in the form that its events begin with.
    start_date: str
    #: Epoch seconds in milliseconds' precision, later than that of all samples of this activity before.
    collected_at: float
    index: str
    #: The input that writes them.
    source: str


def sample_events(collection: Collection, samples: Iterable[Mapping[str, Value]]) -> list[Event]:
    """Return the events of samples as :meth:`Streams.pieces` gives them, each at its second."""
    start = int(epoch(collection.start_date))
    return [_event(collection, start + int(sample["offset"]), sample) for sample in samples]


def _event(collection: Collection, time: int, sample: Mapping[str, Value]) -> Event:
    fields = {
        "time": time,
        "activity_id": collection.activity_id,
        "athlete_id": collection.athlete_id,
        **sample,
        "collected_at": collection.collected_at,
    }
    return Event(float(time), SAMPLE_SOURCETYPE, collection.index, collection.source, encode(fields))
