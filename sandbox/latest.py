"""The index as a search sees it: the latest version of each activity, deleted ones gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.splunkd import Event

ACTIVITIES = "strava:activities"
NOTIFICATIONS = "strava:webhook"


class Latest:
    """Takes events in the order of arrival; each is parsed once, because an activity may have half a megabyte."""

    def __init__(self) -> None:
        self._seen = 0
        #: Events of activities and tombstones, by activity, as they arrived.
        self.versions: dict[int, list[dict[str, Any]]] = {}
        #: Notifications as they arrived.
        self.notifications: list[dict[str, Any]] = []
        #: When an activity's newest event arrived, in epoch seconds, and how long its text was.
        self.arrived: dict[int, float] = {}
        self.size: dict[int, int] = {}

    def take(self, events: Iterable[Event]) -> None:
        """Look at the events that are new."""
        for event in events:
            if event.number <= self._seen:
                continue
            self._seen = event.number
            fields: dict[str, Any] = event.json
            if event.sourcetype == NOTIFICATIONS:
                self.notifications.append(fields)
            elif event.sourcetype == ACTIVITIES:
                activity_id = int(fields["id"])
                self.versions.setdefault(activity_id, []).append(fields)
                self.arrived[activity_id] = event.indexed_at
                self.size[activity_id] = len(event.raw)

    def of(self, activity_id: int) -> dict[str, Any] | None:
        """The latest version by ``collected_at``, as the add-on's searches choose it; None if deleted or unknown."""
        versions = self.versions.get(activity_id)
        if not versions:
            return None
        newest = max(versions, key=lambda version: float(version["collected_at"]))
        return None if newest.get("deleted") else newest

    @property
    def activity_events(self) -> int:
        """How many versions were written, tombstones not counted."""
        return sum(not version.get("deleted") for versions in self.versions.values() for version in versions)

    @property
    def tombstones(self) -> int:
        return sum(bool(version.get("deleted")) for versions in self.versions.values() for version in versions)
