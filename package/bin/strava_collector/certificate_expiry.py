"""When a certificate's end is worth a warning; pure decisions over dates."""

from __future__ import annotations

import time
from typing import Optional

from strava_collector.certificate_facts import DAY

#: With no more than so many days left the user is told, once for each. Programs that renew certificates do so 30 days
#: before the end, so that whoever hears of 21 has a renewal that fails.
WARN_AT_DAYS = (21, 7, 1)


def stage(ends_at: float, now: float) -> Optional[int]:
    """Return the smallest of WARN_AT_DAYS that has been reached, 0 after the end, None if there is time enough."""
    left = ends_at - now
    if left <= 0:
        return 0
    reached = [days for days in WARN_AT_DAYS if left <= days * DAY]
    return min(reached) if reached else None


def expiry_warning(cert_file: str, ends_at: float, now: float) -> Optional[str]:
    """Return what to tell the user about the certificate's end, the same text from one stage to the next.

    None if there is time enough.
    """
    days = stage(ends_at, now)
    if days is None:
        return None
    if days == 0:
        return f"The certificate in {cert_file} expired on {as_date(ends_at)}: get a new one from its authority."
    within = "one day" if days == 1 else f"{days} days"
    return (
        f"The certificate in {cert_file} ends on {as_date(ends_at)}, within {within}: renew it, or see why the program "
        "that renews it has not done so. The new one is used as soon as it is in its file."
    )


def as_date(epoch: float) -> str:
    """Return a day as text, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(epoch))
