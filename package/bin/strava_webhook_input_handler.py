"""What saving a row of the page *Inputs* means, around UCC's generated handler.

splunkd has the input's own program judge what is saved, but only after UCC's handler has stored the encrypted fields:
a refused save would leave another verify token behind, and the program sees stars. Here the same function judges
before anything is stored, with the verify token as it was typed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, Optional

from solnlib.utils import is_true
from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint
from splunktaucclib.rest_handler.error import RestError

from strava_collector import input_table
from strava_collector.clock import SystemClock
from strava_collector.configuration import Stanza, enabled_inputs, is_on
from strava_collector.errors import StoreUnavailable, as_text, raised_at
from strava_collector.input_faults import MASK, Surroundings, input_faults, rival_faults
from strava_collector.log import log_to_handler_file
from strava_collector.logfmt import line
from strava_collector.messages import SplunkMessages
from strava_collector.redaction import Redaction
from strava_collector.splunk_config import APP, SAVING_TIMEOUT, Reader
from strava_collector.splunkd import Splunkd
from strava_collector.store import input_end, input_save, subscriptions, view
from strava_collector.store.bell import ring
from strava_collector.store.database import Database
from strava_collector.store.process_lock import is_at_work
from strava_collector.store_folder import of_environment
from strava_collector.subscription_left import tell
from strava_collector.token_lease import open_store
from strava_webhook_page_handler import PageHandler, sentences

log = logging.getLogger("strava_collector.input_handler")

#: What the computed columns depend on.
_ROW_FIELDS = ("disabled", "manage_subscription")


class InputHandler(PageHandler):
    """UCC's handler of the inputs ``strava_webhook``; its refusals have all faults in one text."""

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """List inputs, with what is known of their subscriptions."""
        super().handleList(confInfo)
        self._add_columns(confInfo)

    def handleCreate(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save a new input."""
        with sentences():
            self._check_arguments()
            # Stars would be stored as they are, as a token that everybody can guess.
            typed = {
                key: "" if key == "verify_token" and value == MASK else value for key, value in self.payload.items()
            }
            around = self._surroundings()
            self._refuse(self._faults_of(typed, around))
            try:
                super().handleCreate(confInfo)
            except RestError:
                if around.inputs is not None and self.callerArgs.id not in around.inputs:
                    self.handler.rest_credentials.delete(self.callerArgs.id)  # of an input that does not exist
                raise
        self._add_columns(confInfo)

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save an input that exists; or enable or disable it, which is all that happens if ``disabled`` is given."""
        with sentences():
            self._check_arguments()
            disabled = self.payload.get("disabled")
            if disabled is None:
                around = self._surroundings()
                stored = (around.inputs or {}).get(self.callerArgs.id, {})
                self._refuse(self._faults_of({**stored, **self.payload}, around))
            elif not is_true(disabled):
                self._refuse(self._enabling_faults())
            ends = is_true(disabled or "0")
            left = self._left_behind() if ends else None
            with _announced(self.callerArgs.id if ends else None):
                super().handleEdit(confInfo)
            self._tell_of(left)
            if not is_true(disabled or "0"):
                _note_saved(self.callerArgs.id)
        self._add_columns(confInfo)

    def handleRemove(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Delete an input."""
        left = self._left_behind()
        with _announced(self.callerArgs.id):
            super().handleRemove(confInfo)
        self._tell_of(left)

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
        stanza = (self._surroundings().inputs or {}).get(name, {})
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

    def _faults_of(self, params: Mapping[str, Optional[str]], around: Surroundings) -> list[str]:
        return input_faults(self.callerArgs.id or "", params, around, now=SystemClock().now())

    def _enabling_faults(self) -> list[str]:
        """Return why the input cannot be enabled beside those that are. Its files are its own affair when it runs."""
        name = self.callerArgs.id
        inputs = self._surroundings().inputs or {}
        return rival_faults(name, inputs[name], enabled_inputs(inputs)) if name in inputs else []

    def _surroundings(self) -> Surroundings:
        return Reader.for_saving(get_splunkd_endpoint(), self.getSessionKey()).surroundings()

    def _add_columns(self, conf_info: Any) -> None:
        try:
            seen = input_table.look(of_environment(os.environ))
            inputs: Optional[Mapping[str, Stanza]] = None
            for name, item in conf_info.items():
                row = {key: str(item[key]) for key in _ROW_FIELDS if key in item and item[key] is not None}
                keeper = ""
                if seen and input_table.is_waiting(name, row, seen):
                    inputs = (self._surroundings().inputs or {}) if inputs is None else inputs
                    keeper = input_table.keeper_beside(name, inputs, seen)
                for key, value in input_table.columns(name, row, seen, keeper).items():
                    item[key] = value
        except Exception as error:
            # The rows themselves are worth showing, whatever is wrong with the rest.
            log_to_handler_file(Redaction())
            log.error(line("columns_failed", error=type(error).__name__, at=raised_at(error)))

    def _refuse(self, faults: list[str]) -> None:
        if faults:
            raise RestError(400, as_text(faults))


def _note_saved(name: str) -> None:
    """Let the process of this input know that it was saved or enabled, even if no value is another one."""
    clock, folder = SystemClock(), of_environment(os.environ)
    with suppress(StoreUnavailable):
        store = open_store(folder, clock)
        if store is None or folder is None:
            return
        with closing(store), store.write() as tx:
            input_save.note(tx, name, now=clock.now())
        ring(folder)


@contextmanager
def _announced(name: Optional[str]) -> Iterator[None]:
    """Let the process of this input know that it is being disabled or deleted, unless that fails; None: it is not.

    Without a store, or while it is locked, the process finds out by asking splunkd.
    """
    clock = SystemClock()
    with ExitStack() as opened:
        store: Optional[Database] = None
        if name is not None:
            with suppress(StoreUnavailable):
                store = open_store(of_environment(os.environ), clock)
        if store is None or name is None:
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
