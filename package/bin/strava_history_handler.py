"""The REST endpoint ``strava_history``: how far the history of each athlete has come."""

from __future__ import annotations

import logging
import os
from typing import Any

import import_declare_test  # noqa: F401  (puts the add-on's lib folder on the path; must come first)
from splunk import admin

from strava_collector.admin_desk import Desk, NothingSuch
from strava_collector.admin_history import history
from strava_collector.clock import SystemClock
from strava_endpoint import Endpoint, refusals, store_folder


class HistoryHandler(Endpoint):
    """One request."""

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """List all athletes, or show the one of this name."""
        with refusals():
            rows = history(Desk(store_folder(os.environ), SystemClock()))
            name = self.callerArgs.id
            if name is not None:
                rows = [row for row in rows if row["athlete"] == name]
                if not rows:
                    raise NothingSuch("No athlete of this name has been listed; see the list of all of them.")
            self.answer(confInfo, rows)


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())
    admin.init(HistoryHandler, admin.CONTEXT_APP_AND_USER)
