"""What happened at the stand-in, for tables and assertions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class CallRecord:
    """One call that a client made."""

    #: Epoch seconds by the stand-in's clock.
    at: float
    method: str
    #: Method and path pattern, such as ``GET /activities/{id}``; ``unknown`` when there is no such thing.
    endpoint: str
    path: str
    #: 0 when the connection was reset or never answered.
    status: int
    client_id: int | None
    athlete_id: int | None
    #: What a fault did to it, for instance ``503`` or ``timeout``.
    fault: str | None = None


@dataclass(frozen=True)
class DeliverySummary:
    """How the notifications fared; delays in seconds from the change to its acknowledgement."""

    sent: int
    acknowledged: int
    given_up: int
    lost: int
    attempts: int
    median_delay: float | None
    worst_delay: float | None


class CallLog:
    """All calls in order."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []

    def count(self, endpoint: str | None = None, status: int | None = None) -> int:
        """How many calls went to ``endpoint`` and were answered ``status``; None stands for any."""
        return sum(endpoint in (None, call.endpoint) and status in (None, call.status) for call in list(self.calls))

    def by_endpoint_and_status(self) -> Counter[tuple[str, int]]:
        """Calls counted by endpoint and status."""
        return Counter((call.endpoint, call.status) for call in list(self.calls))


class Statistics(CallLog):
    """Calls, and how the notifications fared."""

    def __init__(self, deliveries: Callable[[], DeliverySummary]) -> None:
        super().__init__()
        #: Sums over all notifications so far.
        self.deliveries = deliveries
