"""Where the events go: of each only what the judgement needs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable, Optional

from sandbox.simulation.content import Content, content_of
from sandbox.simulation.timeline import Timeline
from strava_collector.events import ACTIVITY_SOURCETYPE, WEBHOOK_SOURCETYPE, Event


@dataclass(frozen=True)
class Version:
    """An event of an activity."""

    activity_id: int
    collected_at: float
    start_date: str
    #: None: a tombstone.
    content: Optional[Content]


def notification_key(notification: Mapping[str, object]) -> str:
    """What makes a notification another one than all others, wherever it stands."""
    names = ("object_type", "object_id", "aspect_type", "owner_id", "subscription_id", "event_time", "updates")
    return json.dumps([notification.get(name) for name in names], sort_keys=True)


@dataclass
class Index:
    """Everything that was written."""

    timeline: Timeline
    #: Told of each version, the moment that it is in the index.
    written: Callable[[Version], None]
    #: In the order of writing, by activity.
    versions: dict[int, list[Version]] = field(default_factory=dict)
    #: How often each notification was recorded.
    notifications: Counter[str] = field(default_factory=Counter)
    #: Events of activities that say what the one before said.
    repeated: int = 0
    others: Counter[str] = field(default_factory=Counter)

    def write(self, event: Event) -> None:
        """Take an event."""
        fields = json.loads(event.data)
        if event.sourcetype == ACTIVITY_SOURCETYPE:
            self._add(fields)
        elif event.sourcetype == WEBHOOK_SOURCETYPE:
            self.notifications[notification_key(fields)] += 1
        else:
            self.others[event.sourcetype] += 1

    def shown(self, activity_id: int) -> Optional[Content]:
        """What a search shows of an activity: the latest version, unless that is a tombstone."""
        newest = max(self.versions.get(activity_id, ()), key=lambda version: version.collected_at, default=None)
        return None if newest is None else newest.content

    def ghosts(self, activity_id: int) -> int:
        """Places at which a search in just that time range would show the activity although it has left them."""
        newest: dict[str, Version] = {}
        for version in sorted(self.versions.get(activity_id, ()), key=lambda version: version.collected_at):
            newest.pop(version.start_date, None)
            newest[version.start_date] = version
        return sum(version.content is not None for version in list(newest.values())[:-1])

    def _add(self, fields: Mapping[str, object]) -> None:
        version = Version(
            activity_id=int(str(fields["id"])),
            collected_at=float(str(fields["collected_at"])),
            start_date=str(fields["start_date"]),
            content=None if fields.get("deleted") else content_of(fields),
        )
        earlier = self.versions.setdefault(version.activity_id, [])
        if earlier and (earlier[-1].content, earlier[-1].start_date) == (version.content, version.start_date):
            self.repeated += 1
        earlier.append(version)
        self.written(version)


@dataclass(frozen=True)
class Sink:
    """An ``EventSink``: a process's way to the index."""

    index: Index
    #: Called before and after each event: the process may die here.
    touch: Callable[[], None]

    def write(self, event: Event) -> None:
        """See ``EventSink``."""
        self.touch()
        self.index.write(event)
        self.touch()

    def write_all(self, events: Sequence[Event]) -> None:
        """See ``EventSink``; the process may die between two of them, as a pipe may take the first ones only."""
        for event in events:
            self.write(event)
