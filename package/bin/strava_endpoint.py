"""The base of the REST handlers of what operators do: ``strava_jobs``, ``strava_subscriptions`` and ``strava_check``.

They are reached by curl and by ``| rest``, so that a refusal has the status that says so. The pages' handlers cannot do
that: UCC's pages show no text but that of a RestError, which splunkd answers with 500.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from splunk import admin
from splunktaucclib.rest_handler.error import RestError

from strava_webhook_page_handler import sentences

#: What splunkd answers with the status that it stands for; everything else is a 500.
_BY_STATUS = {
    400: admin.ArgValidationException,
    404: admin.NotFoundException,
    503: admin.ServiceUnavailableException,
}

Row = Mapping[str, Any]


class Endpoint(admin.MConfigHandler):  # type: ignore[misc]  # splunk.admin comes with Splunk, untyped
    """One request."""

    def answer(self, confInfo: Any, rows: Mapping[str, Row]) -> None:  # noqa: N803  (splunk.admin's name)
        """Make an entity of each row."""
        for name, row in rows.items():
            for key, value in row.items():
                confInfo[name][key] = value


@contextmanager
def refusals() -> Iterator[None]:
    """Turn whatever is raised into one sentence with the status that fits."""
    try:
        with sentences():
            yield
    except RestError as error:
        kind = _BY_STATUS.get(error.status, admin.InternalException)
        raise kind(error.message) from None
