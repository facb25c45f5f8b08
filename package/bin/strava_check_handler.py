"""The REST endpoint ``strava_check``: the set-up check, made anew with each call, with the rights of who calls.

An entity a line. splunkd shows entities by name and 30 at a time unless it is asked otherwise: ``position`` has the
order in which they are to be read, and ``count=-1`` (``| rest … count=0``) gives all.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import import_declare_test  # noqa: F401  (puts the add-on's lib folder on the path; must come first)
from splunk import admin
from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint
from splunktaucclib.rest_handler.error import RestError

from strava_collector import check_run
from strava_collector.admin_rows import Row
from strava_collector.check_line import summary
from strava_collector.clock import SystemClock
from strava_collector.log import log_to_handler_file
from strava_collector.messages import SplunkMessages
from strava_collector.redaction import Redaction
from strava_collector.splunk_config import APP, SAVING_TIMEOUT
from strava_collector.splunkd import Splunkd
from strava_collector.store_folder import of_environment
from strava_endpoint import Endpoint, refusals


class CheckHandler(Endpoint):
    """One request."""

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Check everything; show all lines or the one of this name."""
        with refusals():
            redaction = Redaction()
            log_to_handler_file(redaction)
            splunkd = Splunkd(get_splunkd_endpoint(), self.getSessionKey(), APP, timeout=SAVING_TIMEOUT)
            lines = check_run.run(
                splunkd,
                folder=of_environment(os.environ),
                clock=SystemClock(),
                redaction=redaction,
                messages=SplunkMessages(splunkd),
            )
            rows: list[Row] = [
                {
                    "line": line.name,
                    "status": line.status.value,
                    "topic": line.topic,
                    "subject": line.subject,
                    "seen": line.seen,
                    "to_do": line.to_do,
                    "position": f"{position:03d}",
                    "summary": summary(lines),
                }
                for position, line in enumerate(lines, start=1)
            ]
            name = self.callerArgs.id
            if name is not None:
                rows = [row for row in rows if row["line"] == name]
                if not rows:
                    raise RestError(404, "The check has no line of this name now; see the list of all lines.")
            self.answer(confInfo, rows)


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())
    admin.init(CheckHandler, admin.CONTEXT_APP_AND_USER)
