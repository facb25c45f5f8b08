"""The REST endpoint ``strava_subscriptions``: the applications' subscriptions at Strava."""

from __future__ import annotations

import logging
from typing import Any

import import_declare_test  # noqa: F401  (puts the add-on's lib folder on the path; must come first)
from splunk import admin

from strava_endpoint import Endpoint, refusals


class SubscriptionsHandler(Endpoint):
    """One request."""

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Show one row or all."""
        with refusals():
            self.answer(confInfo, [])


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())
    admin.init(SubscriptionsHandler, admin.CONTEXT_APP_AND_USER)
