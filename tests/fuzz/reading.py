"""What splunkd gets to read of what is written, read as strictly as the stand-in for splunkd does."""

from __future__ import annotations

import io

from splunklib import modularinput

from sandbox.splunkd.event_stream import EventStream, RawEvent
from strava_collector.events import Event
from strava_collector.splunk_output import SplunkOutput


def written(*events: Event) -> list[Event]:
    """Write events one by one and all together; return them as they arrive, the same both ways."""
    if not events:
        return []
    alone, together = io.StringIO(), io.StringIO()
    output = SplunkOutput(modularinput.EventWriter(alone, io.StringIO()))
    for event in events:
        output.write(event)
    SplunkOutput(modularinput.EventWriter(together, io.StringIO())).write_all(events)
    arrived = _arrived(alone.getvalue() + "</stream>")
    assert arrived == _arrived(together.getvalue() + "</stream>"), "together the events are others than alone"
    return [_event(one) for one in arrived]


def _arrived(output: str) -> list[RawEvent]:
    arrived: list[RawEvent] = []
    stream = EventStream(arrived.append)
    stream.feed(output.encode("utf-8"))
    stream.close()
    return arrived


def _event(raw: RawEvent) -> Event:
    assert raw.attributes == {"stanza": raw.fields["source"], "unbroken": "1"}
    assert raw.fields.keys() == {"time", "source", "sourcetype", "index", "data"}
    fields = raw.fields
    return Event(float(fields["time"]), fields["sourcetype"], fields["index"], fields["source"], fields["data"])
