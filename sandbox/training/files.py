"""The files that are uploaded in Splunk Web: one for each sourcetype, one event on each line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from strava_collector.events import Event

#: The sourcetype under which a sample of each of the add-on's sourcetypes is uploaded. ``props.conf`` renames it to the
#: real one at search time, so that dashboards show it and ``_sourcetype`` tells it from real events.
SOURCETYPES = {
    "strava:activities": "strava:sample:activities",
    "strava:activities:stream": "strava:sample:activities:stream",
    "strava:webhook": "strava:sample:webhook",
    "strava:athlete": "strava:sample:athlete",
    "strava:gear": "strava:sample:gear",
}


@dataclass(frozen=True)
class Written:
    """One file."""

    path: Path
    sourcetype: str
    events: int
    size: int


def file_name(sourcetype: str) -> str:
    """What a file is called: the sourcetype to choose for it, as file systems allow it."""
    return f"{sourcetype.replace(':', '_')}.json"


def write(events: Iterable[Event], folder: Path) -> list[Written]:
    """Write the files and return them in the order in which they are best uploaded."""
    folder.mkdir(parents=True, exist_ok=True)
    by_sourcetype: dict[str, list[str]] = {sourcetype: [] for sourcetype in SOURCETYPES}
    for event in events:
        by_sourcetype[event.sourcetype].append(event.data)
    written = []
    for real, lines in by_sourcetype.items():
        path = folder / file_name(SOURCETYPES[real])
        text = "".join(f"{line}\n" for line in lines).encode("utf-8")
        path.write_bytes(text)
        written.append(Written(path, SOURCETYPES[real], len(lines), len(text)))
    return written
