"""How much happens, how fast, and which waiting times are shorter than in real life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.strava import Limits

#: Settings of the tab *Advanced* that differ from the defaults, so that a month's trouble fits into minutes.
SHORTER: Mapping[str, str | int | float] = {"settle_time": 0.5, "retry_base": 1, "cooldown": 0}

#: Far above what is used: what is examined here is not the quota.
RAISED = Limits(overall=(1_000_000, 10_000_000), read=(1_000_000, 10_000_000))

#: The largest minimum of free disk space that can be set, in megabytes: more than most disks have.
MOST_DISK_MB = 1_000_000

#: What Strava's stand-in does to a share of the calls; a ``timeout`` ends after :attr:`Extent.silence`.
FAULTS: tuple[int | str, ...] = (
    500,
    502,
    503,
    504,
    "html",
    "html_200",
    "reset",
    "lost_answer",
    "truncated",
    "not_json",
    "empty",
    "redirect",
    "wrong_activity",
    "timeout",
)


@dataclass(frozen=True)
class Extent:
    """The size of a run; times in seconds."""

    #: Different notifications; repetitions come on top.
    notifications: int
    #: SIGKILLs of the input.
    kills: int
    #: Notifications per second, as long as the listener keeps up.
    pace: float
    #: By so many steps may trouble be overdue before everybody waits for it.
    most_lag: int
    #: Pause between Strava's attempts to deliver.
    retry_pause: float
    #: How long the disk is full, each time.
    full_disk: float
    #: How long splunkd answers nothing but 503.
    outage: float
    #: Kill the input meanwhile; the next process waits a quarter of a minute before it asks splunkd again.
    start_in_outage: bool
    #: How long nobody reads the input's events.
    full_pipe: float
    #: Part of the calls to Strava that fail at random.
    errors: float
    #: How often each kind of error is certain to happen besides, never two in a row.
    strikes: int
    #: How long a call waits in vain that is not answered. The add-on's own patience is 20 s, and is tried too.
    silence: float
    #: Calls that wait until the add-on's own patience is over.
    long_silences: int
    #: Calls that are answered 429, with the request to come back after a second.
    rate_limited: int
    #: How often all access tokens run out at once.
    expiries: int
    #: From the last notification until everything must have ended.
    deadline: float
    #: Between two lines of progress.
    progress: float = 10.0


FULL = Extent(
    notifications=10_000,
    kills=50,
    pace=45.0,
    most_lag=100,
    retry_pause=7.0,
    full_disk=6.0,
    outage=10.0,
    start_in_outage=True,
    full_pipe=20.0,
    errors=0.10,
    strikes=1,
    silence=3.0,
    long_silences=2,
    rate_limited=3,
    expiries=6,
    deadline=240.0,
)

#: Everything once, within the patience of those who run the tests.
SHORT = Extent(
    notifications=500,
    kills=6,
    pace=60.0,
    most_lag=10,
    retry_pause=2.0,
    full_disk=1.0,
    outage=1.0,
    start_in_outage=False,
    full_pipe=2.0,
    errors=0.0,
    strikes=2,
    silence=1.0,
    long_silences=0,
    rate_limited=1,
    expiries=1,
    deadline=210.0,
)
