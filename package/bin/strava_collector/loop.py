"""A thread that does one step again and again, and outlives what goes wrong in it."""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable, Optional

from strava_collector.errors import CollectorError, StoreUnavailable
from strava_collector.logfmt import line

log = logging.getLogger(__name__)

#: A loop looks at least this often, in seconds, so that a clock that was set back cannot make it sleep for long.
LONGEST_WAIT = 30.0
#: A rest takes no longer, in seconds, whatever the step waited for: a pipe, a lock, a busy machine.
LONGEST_REST = 1.0
#: Pause after a step that failed, in seconds.
AFTER_STORE_FAILURE = 1.0
AFTER_FAILURE = 5.0


class Loop:
    """Calls ``step`` in a thread until stopped.

    ``step`` returns how many seconds to wait before the next, or None to wait until woken. What a store that is
    unavailable raises is logged once and tried again; ``fatal`` gets the errors that only a new process can mend.
    With ``one_more`` a last step is made after the loop was stopped. If the loop was woken during a step, it rests
    before the next one, ``rest`` times as long as that step took, a second at most: what comes in quick succession is
    done together.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], Optional[float]],
        *,
        fatal: Callable[[CollectorError], None],
        one_more: bool = False,
        rest: float = 0.0,
    ) -> None:
        self.name = name
        self._step = step
        self._fatal = fatal
        self._one_more = one_more
        self._rest = rest
        self._wake = threading.Event()
        self._stopping = False
        self._stopped = threading.Event()
        #: When the present step began, monotonic and real: how long a step takes is no matter of virtual time.
        self._began: Optional[float] = None
        self._complaint: Optional[str] = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Let the next step begin now."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the loop to end after its present step."""
        self._stopping = True
        self._stopped.set()
        self._wake.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end, ``timeout`` seconds at most; False if a step still runs."""
        if self._thread.ident is not None:
            self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    def busy_for(self) -> float:
        """Seconds for which the present step has been running; 0 while the loop waits."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping:
            began = time.monotonic()
            wait = self._one_step()
            if self._rest > 0 and self._wake.is_set():
                self._stopped.wait(min(self._rest * (time.monotonic() - began), LONGEST_REST))
                self._wake.clear()  # the next step begins now, and sees what it was woken for
                continue
            if wait is None or wait > 0:
                self._wake.wait(LONGEST_WAIT if wait is None else min(wait, LONGEST_WAIT))
                self._wake.clear()
        if self._one_more:
            self._one_step()

    def _one_step(self) -> Optional[float]:
        self._began = time.monotonic()
        try:
            wait = self._step()
        except StoreUnavailable as error:
            if str(error) != self._complaint and not self._stopping:
                self._complaint = str(error)
                log.error(line("store_unavailable", thread=self.name, error=str(error)))
            return AFTER_STORE_FAILURE
        except CollectorError as error:
            self._stopping = True
            self._fatal(error)
            return 0.0
        except Exception as error:
            log.exception(line("step_failed", thread=self.name, error=type(error).__name__))
            return AFTER_FAILURE
        finally:
            self._began = None
        if self._complaint is not None:
            self._complaint = None
            log.info(line("store_available", thread=self.name))
        return wait
