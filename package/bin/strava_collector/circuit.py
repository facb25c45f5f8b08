"""The circuit between an application and Strava: whether it makes sense to call at all.

One activity that fails is that activity's matter. Three different ones in a row mean that Strava, or the way to it, is
down; and a wrong secret or an application that Strava has switched off fails for everybody. Then jobs wait without
counting attempts, and one probe now and then finds out when it is over.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Optional

#: So many different activities must fail in a row.
FAILURES = 3
#: Pause between two probes while only people can help, in seconds.
PEOPLE_PAUSE = 900.0
#: Longest pause between two probes of an outage, in seconds.
LONGEST_PAUSE = 3600.0
#: While a probe is under way nothing else is begun; if its process dies, another one begins after this, in seconds.
_PROBE_TAKES = 120.0


class Breach(str, Enum):
    """Why the circuit is open."""

    OUTAGE = "outage"
    #: Strava does not accept the application's id or secret.
    REFUSED = "application refused"
    #: Strava has switched the application off.
    INACTIVE = "application inactive"


@dataclass(frozen=True)
class Circuit:
    """The state of one application's circuit; times in epoch seconds."""

    #: None: all is well, calls may be made.
    breach: Optional[Breach] = None
    #: A sentence, and since when.
    why: str = ""
    since: float = 0.0
    #: When the next probe may be made.
    probe_at: float = 0.0
    #: Probes that have failed.
    probes: int = 0
    #: The different activities that have failed in a row.
    failed: tuple[int, ...] = ()

    def waits_until(self, now: float) -> Optional[float]:
        """Return when the next call may be made; None if now, be it as a probe."""
        # A time further ahead than any pause was set before the clock was set back.
        if self.breach is None or not now < self.probe_at <= now + LONGEST_PAUSE:
            return None
        return self.probe_at

    def probing(self, now: float) -> Circuit:
        """A call begins; if the circuit is open it is the probe, and no other begins meanwhile."""
        return self if self.breach is None else replace(self, probe_at=now + _PROBE_TAKES)

    def answered(self) -> Circuit:
        """Strava gave an answer that says nothing against the application."""
        return Circuit()

    def undecided(self, now: float) -> Circuit:
        """The call was not made after all, or its answer says nothing: the next one is the probe."""
        return self if self.breach is None else replace(self, probe_at=now)

    def failing(self, activity_id: int, why: str, *, now: float, base: float) -> Circuit:
        """The call for this activity failed as it does in an outage; ``base`` is the first pause, in seconds."""
        failed = self.failed if activity_id in self.failed else (*self.failed, activity_id)[-FAILURES:]
        if self.breach is None and len(failed) < FAILURES:
            return replace(self, failed=failed)
        probes = self.probes + 1 if self.breach is Breach.OUTAGE else 0
        pause = min(base * 2 ** min(probes, 32), LONGEST_PAUSE)
        since = self.since if self.breach is Breach.OUTAGE else now
        return Circuit(Breach.OUTAGE, why, since, now + pause, probes, failed)

    def breached(self, breach: Breach, why: str, *, now: float) -> Circuit:
        """Strava refuses the application itself."""
        since = self.since if self.breach is breach else now
        probes = self.probes + 1 if self.breach is breach else 0
        return Circuit(breach, why, since, now + PEOPLE_PAUSE, probes)

    def hurried(self, now: float) -> Circuit:
        """Somebody may have mended it: the next probe is due now."""
        return replace(self, probe_at=min(self.probe_at, now))

    def to_json(self) -> str:
        """Return the state that the store keeps."""
        return json.dumps(asdict(self))

    @classmethod
    @lru_cache(maxsize=32)
    def from_json(cls, text: Optional[str]) -> Circuit:
        """Return what :meth:`to_json` wrote; a closed circuit for None and for what cannot be read."""
        try:
            state = json.loads(text or "{}")
            breach = state["breach"]
            return cls(
                None if breach is None else Breach(breach),
                str(state["why"]),
                float(state["since"]),
                float(state["probe_at"]),
                int(state["probes"]),
                tuple(int(one) for one in state["failed"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError):
            return cls()
