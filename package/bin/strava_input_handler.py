"""What saving a row of the page *Inputs* means for either kind of input, around UCC's generated handlers.

splunkd has the input's own program judge what is saved, but one sentence of its own in front of what that says is all
that a page shows then. Here the same function judges before anything is stored.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any, Callable, Optional

from solnlib.utils import is_true
from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint
from splunktaucclib.rest_handler.error import RestError

from strava_collector.clock import SystemClock
from strava_collector.configuration import Stanza
from strava_collector.errors import StoreUnavailable, as_text, raised_at
from strava_collector.input_faults import Surroundings
from strava_collector.log import log_to_handler_file
from strava_collector.logfmt import line
from strava_collector.redaction import Redaction
from strava_collector.splunk_config import Reader
from strava_collector.store import input_save
from strava_collector.store.bell import ring
from strava_collector.store_folder import of_environment
from strava_collector.token_lease import open_store
from strava_webhook_page_handler import PageHandler, sentences

log = logging.getLogger("strava_collector.input_handler")


class KindHandler(PageHandler):
    """UCC's handler of the inputs of one kind; its refusals have all faults in one text. A kind says what they are."""

    #: What the computed columns depend on.
    ROW_FIELDS: tuple[str, ...] = ("disabled",)

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """List inputs, with what is known of each."""
        super().handleList(confInfo)
        self._add_columns(confInfo)

    def handleCreate(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save a new input."""
        with sentences():
            self._check_arguments()
            around = self.surroundings()
            _refuse(self.faults(self.typed(), around))
            try:
                super().handleCreate(confInfo)
            except RestError:
                self.was_not_created(around)
                raise
        self._add_columns(confInfo)

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save an input that exists; or enable or disable it, which is all that happens if ``disabled`` is given."""
        with sentences():
            self._check_arguments()
            disabled = self.payload.get("disabled")
            if disabled is None:
                around = self.surroundings()
                _refuse(self.faults({**self.stored(around).get(self.callerArgs.id, {}), **self.payload}, around))
            elif not is_true(disabled):
                around = self.surroundings()
                stanza = self.stored(around).get(self.callerArgs.id)
                _refuse([] if stanza is None else self.enabling_faults(stanza, around))
            if is_true(disabled or "0"):
                self.end(lambda: PageHandler.handleEdit(self, confInfo))
            else:
                super().handleEdit(confInfo)
                _note_saved(self.callerArgs.id)
        self._add_columns(confInfo)

    def handleRemove(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Delete an input."""
        self.end(lambda: PageHandler.handleRemove(self, confInfo))

    # What a kind says.

    def stored(self, around: Surroundings) -> Mapping[str, Stanza]:
        """Return the inputs of this kind as they are stored, by name."""
        raise NotImplementedError

    def faults(self, params: Mapping[str, Optional[str]], around: Surroundings) -> list[str]:
        """Return all faults of what is being saved."""
        raise NotImplementedError

    def enabling_faults(self, stanza: Stanza, around: Surroundings) -> list[str]:
        """Return why the input, as it is stored, cannot be enabled."""
        raise NotImplementedError

    def columns(self, name: str, row: Stanza) -> Mapping[str, str]:
        """Return the computed columns of a row."""
        return {}

    def look(self) -> None:
        """Look at what the columns of all rows come from; called once before them."""

    def typed(self) -> Mapping[str, Optional[str]]:
        """Return what is judged of a new input."""
        return dict(self.payload)

    def was_not_created(self, around: Surroundings) -> None:
        """Undo what was stored for an input that splunkd has refused."""

    def end(self, carry_out: Callable[[], None]) -> None:
        """Disable or delete the input, which ``carry_out()`` does."""
        carry_out()

    # What kinds have a use for.

    def surroundings(self) -> Surroundings:
        """Ask splunkd what an input is judged by."""
        return Reader.for_saving(get_splunkd_endpoint(), self.getSessionKey()).surroundings()

    def _add_columns(self, conf_info: Any) -> None:
        try:
            self.look()
            for name, item in conf_info.items():
                row = {key: str(item[key]) for key in self.ROW_FIELDS if key in item and item[key] is not None}
                for key, value in self.columns(name, row).items():
                    item[key] = value
        except Exception as error:
            # The rows themselves are worth showing, whatever is wrong with the rest.
            log_to_handler_file(Redaction())
            log.error(line("columns_failed", error=type(error).__name__, at=raised_at(error)))


def _refuse(faults: list[str]) -> None:
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
