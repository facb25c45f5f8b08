"""What saving a row of the page *Inputs* means for an input *Strava Webhook*, around UCC's generated handler.

UCC's handler stores the encrypted fields before splunkd has the input's own program judge what is saved: a refused save
would leave another verify token behind, and the program sees stars. Here the same function judges before anything is
stored, with the verify token as it was typed. When such an input ends, its subscription may have to be removed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Callable, Optional

from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint

from strava_collector import input_table
from strava_collector.clock import SystemClock
from strava_collector.configuration import Stanza, enabled_inputs, is_on
from strava_collector.errors import StoreUnavailable
from strava_collector.input_faults import MASK, Surroundings, input_faults, rival_faults
from strava_collector.log import log_to_handler_file
from strava_collector.logfmt import line
from strava_collector.messages import SplunkMessages
from strava_collector.redaction import Redaction
from strava_collector.splunk_config import APP, SAVING_TIMEOUT
from strava_collector.splunkd import Splunkd
from strava_collector.store import input_end, subscriptions, view
from strava_collector.store.database import Database
from strava_collector.store.process_lock import is_at_work
from strava_collector.store.subscriptions import Watch
from strava_collector.store_folder import of_environment
from strava_collector.subscription_left import tell
from strava_collector.token_lease import open_store
from strava_input_handler import KindHandler

log = logging.getLogger("strava_collector.input_handler")


class InputHandler(KindHandler):
    """UCC's handler of the inputs ``strava_webhook``."""

    ROW_FIELDS = ("disabled", "manage_subscription")

    _seen: Optional[Mapping[str, Watch]] = None
    _inputs: Optional[Mapping[str, Stanza]] = None

    def stored(self, around: Surroundings) -> Mapping[str, Stanza]:
        """Return the inputs of this kind as they are stored, by name."""
        return around.inputs or {}

    def faults(self, params: Mapping[str, Optional[str]], around: Surroundings) -> list[str]:
        """Return all faults of what is being saved."""
        return input_faults(self.callerArgs.id or "", params, around, now=SystemClock().now())

    def enabling_faults(self, stanza: Stanza, around: Surroundings) -> list[str]:
        """Return why the input cannot be enabled beside those that are. Its files are its own affair when it runs."""
        return rival_faults(self.callerArgs.id, stanza, enabled_inputs(around.inputs or {}))

    def typed(self) -> Mapping[str, Optional[str]]:
        """Return what is judged of a new input. Stars would be stored as they are: a token that anybody can guess."""
        return {key: "" if key == "verify_token" and value == MASK else value for key, value in self.payload.items()}

    def was_not_created(self, around: Surroundings) -> None:
        """Delete the verify token of an input that does not exist."""
        if around.inputs is not None and self.callerArgs.id not in around.inputs:
            self.handler.rest_credentials.delete(self.callerArgs.id)

    def end(self, carry_out: Callable[[], None]) -> None:
        """Disable or delete the input, and see that somebody learns of a subscription that stays behind."""
        left = self._left_behind()
        with _announced(self.callerArgs.id):
            carry_out()
        self._tell_of(left)

    def look(self) -> None:
        """Look at what is known of the subscriptions."""
        self._seen, self._inputs = input_table.look(of_environment(os.environ)), None

    def columns(self, name: str, row: Stanza) -> Mapping[str, str]:
        """Return what is known of the input's subscription."""
        keeper = ""
        if self._seen and input_table.is_waiting(name, row, self._seen):
            if self._inputs is None:
                self._inputs = self.surroundings().inputs or {}
            keeper = input_table.keeper_beside(name, self._inputs, self._seen)
        return input_table.columns(name, row, self._seen, keeper)

    def _left_behind(self) -> Optional[tuple[str, int]]:
        """The application and the number of the subscription that should be removed with this input, if no process runs
        that could."""
        name, folder = self.callerArgs.id, of_environment(os.environ)
        if folder is None or not view.exists(folder):
            return None
        try:
            with view.view(folder) as tx:
                kept = [one.subscription_id for one in subscriptions.watches(tx) if one.input == name]
            if not any(kept) or is_at_work(folder, name):
                return None
        except StoreUnavailable:
            return None
        stanza = (self.surroundings().inputs or {}).get(name, {})
        is_due = is_on(stanza, "manage_subscription", default=True) and is_on(
            stanza, "remove_subscription", default=False
        )
        found = [one for one in kept if one is not None]
        return (stanza.get("application", "").strip(), found[-1]) if is_due else None

    def _tell_of(self, left: Optional[tuple[str, int]]) -> None:
        if left is None:
            return
        application, number = left
        why = "No process of the input ran that could have removed it."
        log_to_handler_file(Redaction())
        log.error(line("subscription_not_removed", application=application, error=why))
        splunkd = Splunkd(get_splunkd_endpoint(), self.getSessionKey(), APP, timeout=SAVING_TIMEOUT)
        messages = SplunkMessages(splunkd)
        tell(messages, input=self.callerArgs.id, application=application, why=why, subscription_id=number)


@contextmanager
def _announced(name: str) -> Iterator[None]:
    """Let the process of this input know that it is being disabled or deleted, unless that fails.

    Without a store, or while it is locked, the process finds out by asking splunkd.
    """
    clock = SystemClock()
    with ExitStack() as opened:
        store: Optional[Database] = None
        with suppress(StoreUnavailable):
            store = open_store(of_environment(os.environ), clock)
        if store is None:
            yield
            return
        opened.callback(store.close)
        with suppress(StoreUnavailable), store.write() as tx:
            input_end.announce(tx, name, now=clock.now())
        try:
            yield
        except BaseException:
            with suppress(StoreUnavailable), store.write() as tx:
                input_end.withdraw(tx, name)
            raise
