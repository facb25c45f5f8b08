"""One at a time changes which athletes and applications there are.

Whether an athlete has a row is looked up before a row is saved or deleted, and tokens are saved and revoked by it. Two
requests at once would both look first: one row more than there may be, or tokens without a row. The operating system
frees the lock when its holder dies.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Optional

from strava_collector.errors import AnotherProcess, CollectorError, StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.store.process_lock import rows_lock

log = logging.getLogger(__name__)

#: How long a page waits for another one, in seconds: Strava may take 15 to answer while an athlete is deleted.
PATIENCE = 20.0


class RowsBusy(CollectorError):
    """Somebody else changes rows just now."""

    def __init__(self) -> None:
        super().__init__("Another change of athletes or applications is under way. Try again in a minute.")


@contextmanager
def alone(folder: Optional[Path], patience: float = PATIENCE) -> Iterator[None]:
    """Be the only one who changes rows; ``folder`` is the store's, None if it is not known.

    Raises RowsBusy. Where there can be no lock, as on a full disk, it goes on without: rows must be deletable then.
    """
    lock = None if folder is None else rows_lock(folder)
    try:
        if lock is not None:
            lock.acquire(patience)
    except AnotherProcess:
        raise RowsBusy from None
    except StoreUnavailable as error:
        log.warning(line("rows_not_locked", why=str(error)))
    try:
        yield
    finally:
        if lock is not None:
            lock.release()
