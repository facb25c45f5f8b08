"""Removes the subscription when its input is disabled or deleted, by whichever way that was done.

No page and no handler sees every way, so the running input does it itself while it stops: it asks splunkd whether its
stanza is disabled or gone. At a mere restart, after an edit, and when splunkd does not answer, the subscription stays.
Should splunkd stop a process and wait for its end before it stores the change, the pages have announced it.
"""

from __future__ import annotations

import logging
import threading
from typing import Callable, Optional

from strava_collector.errors import CollectorError
from strava_collector.fetcher import Connection
from strava_collector.logfmt import line
from strava_collector.ports import Messages
from strava_collector.settings import WebhookInput
from strava_collector.subscription import SubscriptionKeeper
from strava_collector.subscription_left import take_back, tell

log = logging.getLogger(__name__)

#: Seconds that a look at the subscription, which is under way, may still take.
_LOOK_PATIENCE = 3.0
#: Seconds until splunkd is asked a second time whether the input is disabled or gone.
_ASK_AGAIN = 1.0
#: Seconds that the message about a removal that did not end may take.
_MESSAGE_PATIENCE = 0.5


class Removal:
    """What becomes of the subscription at the end; a thread of its own, since splunkd and Strava may be slow."""

    def __init__(
        self,
        webhook_input: WebhookInput,
        *,
        keeper: SubscriptionKeeper,
        connection: Callable[[], Optional[Connection]],
        switched_off: Callable[[], bool],
        announced: Callable[[], bool],
        messages: Messages,
    ) -> None:
        """``switched_off`` says whether splunkd has the input as disabled or not at all, ``announced`` whether its page
        has said that it is about to be; both, and ``connection``, may raise."""
        self._input = webhook_input
        self._keeper = keeper
        self._connection = connection
        self._switched_off = switched_off
        self._announced = announced
        self._messages = messages
        self._thread: Optional[threading.Thread] = None
        #: It is known that the input ends for good.
        self._is_due = False
        self._is_told = False

    def take_back_message(self) -> None:
        """The input runs (again), so nothing is to be removed; once, since splunkd may be slow."""
        if not self._is_told:
            self._is_told = True
            take_back(self._messages, self._input.application)

    def begin(self) -> None:
        """Find out whether there is something to remove, and remove it. Returns at once."""
        if self._input.manage_subscription and self._input.remove_subscription:
            self._thread = threading.Thread(target=self._run, name="removal", daemon=True)
            self._thread.start()

    def finish(self, patience: float) -> None:
        """Wait for the end of it, so many seconds at most."""
        if self._thread is None:
            return
        self._thread.join(max(patience, 0.0))
        if not self._thread.is_alive():
            return
        if not self._is_due:
            log.info(line("subscription_left", input=self._input.name, why="splunkd did not answer in time"))
            return
        # Whatever was slow may be splunkd, and the input has to end.
        telling = threading.Thread(
            target=self._leave, args=("Strava had not answered when the input had to end.",), daemon=True
        )
        telling.start()
        telling.join(_MESSAGE_PATIENCE)

    def _run(self) -> None:
        try:
            if self._ends_for_good():
                self._is_due = True
                self._remove()
        except CollectorError as error:
            log.info(line("subscription_left", input=self._input.name, why=str(error)))
        except Exception as error:
            log.exception(line("step_failed", thread="removal", error=type(error).__name__))

    def _ends_for_good(self) -> bool:
        if self._announced() or self._switched_off():
            return True
        # Perhaps splunkd stops the process first and stores the change then.
        threading.Event().wait(_ASK_AGAIN)
        return self._switched_off()

    def _remove(self) -> None:
        connection = self._connection()
        if connection is None:
            self._leave("There is no connection to Strava with the present settings.")
            return
        try:
            why = self._keeper.remove(connection.api, connection.application, patience=_LOOK_PATIENCE)
        except CollectorError as error:
            why = str(error)
        if why is not None:
            self._leave(why)

    def _leave(self, why: str) -> None:
        self._log_left(why)
        tell(
            self._messages,
            input=self._input.name,
            application=self._input.application,
            why=why,
            subscription_id=self._keeper.kept,
        )

    def _log_left(self, why: str) -> None:
        log.error(line("subscription_not_removed", application=self._input.application, error=why))
