"""Whether there is room for one more notification: a limit on what waits, and on how full the disk may get.

Refusing while there is still some room is kinder than waiting until nothing works: the jobs under way can finish, and
Splunk, which often shares the disk, goes on indexing.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Callable, Optional, Protocol

from strava_collector.clock import Clock
from strava_collector.errors import StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.settings import Advanced

log = logging.getLogger(__name__)

#: Seconds between two looks; in between, what was taken is counted.
LOOK_EVERY = 5.0

#: Counting may take this much of the time: where a count takes longer, looks are rarer.
COUNTING_SHARE = 0.01

#: Once refused, notifications are taken again when there is a little more room than needed. Without that, the answer
#: would change with every notification, and a message in Splunk Web would come and go.
FEWER_WAITING = 100
MORE_DISK = 1.05

#: Seconds between two lines in the log while notifications are refused.
LOG_EVERY = 60.0

#: As disks are sold, and as Splunk reckons.
_MB = 1_000_000


class DiskUsage(Protocol):
    """What :func:`shutil.disk_usage` returns, as far as it is needed."""

    @property
    def free(self) -> int:
        """Bytes that this user may still write."""
        ...


class Room:
    """Refuses notifications of one input while there is no room for them. Used by one thread."""

    def __init__(
        self,
        *,
        input: str,
        folder: Path,
        advanced: Callable[[], Optional[Advanced]],
        clock: Clock,
        disk_usage: Callable[[Path], DiskUsage] = shutil.disk_usage,
    ) -> None:
        """``folder`` is on the disk that is looked at; ``advanced`` has the limits, None before they are known."""
        self._input = input
        self._folder = folder
        self._advanced = advanced
        self._clock = clock
        self._disk_usage = disk_usage
        self._look_at = float("-inf")
        self._waiting = 0
        self._free: Optional[int] = None
        self._full = False
        self._disk_short = False
        self._disk_unknown = False
        self._refused = 0
        self._log_at = float("-inf")
        self._logged = False

    def check(self, items: int, count: Callable[[int], int]) -> None:
        """Raise StoreUnavailable, which says what to do, if there is no room for ``items`` further notifications.

        ``count`` returns how much waits in the store, up to the limit that it is passed. It is called now and then
        only; the last of many items that come together may therefore be above the limit.
        """
        advanced = self._advanced() or Advanced()
        now = self._clock.monotonic()
        if now >= self._look_at:
            self._look(advanced, count)
        elif not self._full:
            self._full = self._waiting >= advanced.most_waiting
        if self._full:
            self._refuse(items, self._why_full(advanced), now)
        if self._disk_short:
            self._refuse(items, self._why_short(advanced), now)
        if self._logged:
            log.info(line("room_again", refused=self._refused, waiting=self._waiting, free_mb=self._free_mb()))
            self._logged = False
            self._refused = 0

    def took(self, items: int) -> None:
        """Count what has been stored since the last look."""
        self._waiting += items

    def _look(self, advanced: Advanced, count: Callable[[int], int]) -> None:
        began = self._clock.monotonic()
        self._waiting = count(advanced.most_waiting)
        self._full = self._waiting > advanced.most_waiting - (FEWER_WAITING if self._full else 1)
        least = advanced.least_disk_mb * _MB
        self._free = self._free_bytes() if least else None
        if self._free is None:
            self._disk_short = False
        else:
            self._disk_short = self._free < least * (MORE_DISK if self._disk_short else 1)
        ended = self._clock.monotonic()
        self._look_at = ended + max(LOOK_EVERY, (ended - began) / COUNTING_SHARE)

    def _free_bytes(self) -> Optional[int]:
        """None if nobody can tell. Then there is enough: a disk that is full in truth refuses by itself."""
        try:
            free = self._disk_usage(self._folder).free
        except OSError as error:
            if not self._disk_unknown:
                log.warning(
                    line("disk_space_unknown", folder=str(self._folder), error=error.strerror or type(error).__name__)
                )
            self._disk_unknown = True
            return None
        self._disk_unknown = False
        return free

    def _refuse(self, items: int, why: str, now: float) -> None:
        self._refused += items
        if now >= self._log_at:
            log.error(line("no_room", error=why, refused=self._refused, waiting=self._waiting, free_mb=self._free_mb()))
            self._log_at = now + LOG_EVERY
            self._logged = True
            self._refused = 0
        raise StoreUnavailable(why)

    # The sentences hold the limits but not the present figures: one that changes with each look would be a new message
    # in Splunk Web each time.

    def _why_full(self, advanced: Advanced) -> str:
        return (
            f"At least {advanced.most_waiting} notifications and fetches of the input “{self._input}” wait in the "
            "store, as many as may. Look in its log why they are not fetched, or raise “Most that may wait” on "
            "Configuration → Advanced. Notifications are taken again by themselves when fewer wait."
        )

    def _why_short(self, advanced: Advanced) -> str:
        return (
            f"The disk with the store in {self._folder} has less than {advanced.least_disk_mb} MB left. Free some "
            "space, or lower “Least free disk space” on Configuration → Advanced. Notifications are taken again by "
            "themselves when there is more."
        )

    def _free_mb(self) -> Optional[int]:
        return None if self._free is None else self._free // _MB
