"""The REST endpoint ``strava_subscriptions``: the applications' subscriptions at Strava, by hand.

A GET asks Strava for all of them; a POST to ``create`` or ``delete_all`` and a DELETE of one change them there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import import_declare_test  # noqa: F401  (puts the add-on's lib folder on the path; must come first)
from splunk import admin
from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint

from strava_collector import subscription_admin
from strava_collector.admin_arguments import SUBSCRIPTIONS, Argument, subscription_order
from strava_collector.admin_desk import Desk, NothingSuch
from strava_collector.clock import SystemClock
from strava_collector.errors import StoreUnavailable
from strava_collector.log import log_to_handler_file
from strava_collector.messages import SplunkMessages
from strava_collector.redaction import Redaction
from strava_collector.splunk_config import APP, Reader
from strava_collector.splunkd import Splunkd
from strava_collector.store.bell import ring
from strava_collector.subscription_admin import NoSuchSubscription, Row
from strava_endpoint import Endpoint, refusals, store_folder

VERBS = ("create", "delete_all")


class SubscriptionsHandler(Endpoint):
    """One request."""

    def setup(self) -> None:
        """Tell splunkd which arguments are accepted."""
        self.accept(self._arguments())

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Ask Strava for the subscriptions of all applications, or of one by its number."""
        with refusals(), self._desk() as desk:
            wanted = self.callerArgs.id
            if wanted:
                subscription_order("delete", {"id": wanted})
            rows = [row for row in subscription_admin.list_all(desk) if not wanted or row.id == wanted]
            if wanted and not rows:
                raise NothingSuch("No application on Configuration → Applications has this subscription.")
            self._answer(confInfo, rows)

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Create one, or delete all."""
        with refusals():
            verb = self.callerArgs.id
            if verb not in VERBS:
                raise NothingSuch(f"Subscriptions have no verb of this name. There are: {', '.join(VERBS)}.")
            order = subscription_order(verb, self.given())
            with self._desk() as desk:
                if verb == "create":
                    rows = [subscription_admin.create(desk, order["input"])]
                else:
                    rows = subscription_admin.delete_all(desk, order.get("application"))
                self._answer(confInfo, rows)
            ring(store_folder(os.environ))

    def handleRemove(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Delete one by its number."""
        with refusals():
            number = int(subscription_order("delete", {"id": self.callerArgs.id or ""})["id"])
            with self._desk() as desk:
                try:
                    self._answer(confInfo, [subscription_admin.delete(desk, number)])
                except NoSuchSubscription as error:
                    raise NothingSuch(str(error)) from None
            ring(store_folder(os.environ))

    def _arguments(self) -> Sequence[Argument]:
        name = self.callerArgs.id
        return SUBSCRIPTIONS[name] if self.requestedAction == admin.ACTION_EDIT and name in VERBS else ()

    @contextmanager
    def _desk(self) -> Iterator[subscription_admin.Desk]:
        clock, redaction = SystemClock(), Redaction()
        log_to_handler_file(redaction)
        splunkd = Splunkd(get_splunkd_endpoint(), self.getSessionKey(), APP)
        reader = Reader(splunkd, register=redaction.register)
        try:
            store = Desk(store_folder(os.environ), clock).open()
        except StoreUnavailable:
            store = None  # then nobody remembers the quota that this uses
        try:
            with subscription_admin.desk(reader, clock, store) as desk:
                yield replace(desk, messages=SplunkMessages(splunkd))
        finally:
            if store is not None:
                store.close()

    def _answer(self, confInfo: Any, rows: Sequence[Row]) -> None:  # noqa: N803  (splunk.admin's name)
        """An entity of each, by its number; of an application without one, by the application's name."""
        for row in rows:
            values = row.values()
            number = values.pop("id")
            self.entity(confInfo, number or f"none:{row.application}", {"subscription": number, **values})


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())
    admin.init(SubscriptionsHandler, admin.CONTEXT_APP_AND_USER)
