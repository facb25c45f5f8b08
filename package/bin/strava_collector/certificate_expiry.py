"""When a certificate's end is worth a warning; pure decisions over dates."""

from __future__ import annotations

import time
from typing import Optional

from strava_collector.certificate_facts import DAY

#: With no more than so many days left the user is told, once for each; but only in the last third of a certificate's
#: life. Programs that renew do so 30 days before the end of one that lives 90 days, and after two thirds of a shorter
#: life: whoever is told has a renewal that fails.
WARN_AT_DAYS = (21, 7, 1)


def stage(valid: tuple[float, float], now: float) -> Optional[int]:
    """Return the smallest of WARN_AT_DAYS that has been reached, 0 after the end, None if there is time enough.

    ``valid`` is from when until when, ``now`` like them in epoch seconds.
    """
    begins_at, ends_at = valid
    if now >= ends_at:
        return 0
    last_third = (ends_at - begins_at) / 3
    reached = [days for days in WARN_AT_DAYS if ends_at - now <= days * DAY <= last_third]
    return min(reached) if reached else None


def expiry_warning(cert_file: str, valid: tuple[float, float], now: float) -> Optional[str]:
    """Return what to tell the user about the certificate's end, the same text from one stage to the next.

    None if there is time enough. ``valid`` is what :func:`~strava_collector.certificate_facts.dates` returns.
    """
    ends_at = valid[1]
    days = stage(valid, now)
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
