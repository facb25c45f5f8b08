"""The base of the REST handlers for operators: ``strava_jobs``, ``strava_history``, ``strava_subscriptions`` and
``strava_check``.

They are reached by curl and by ``| rest``, so that a refusal has the status that says so. The pages' handlers cannot do
that: UCC's pages show no text but that of a RestError, which splunkd answers with 500.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from splunk import admin
from splunktaucclib.rest_handler.error import RestError

from strava_collector.admin_arguments import Argument, WrongArgument
from strava_collector.admin_desk import NothingSuch
from strava_collector.admin_rows import Row
from strava_collector.errors import StoreUnavailable
from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.splunkd import NotPermitted
from strava_collector.store_folder import of_environment
from strava_webhook_page_handler import sentences

#: What splunkd answers with the status that it stands for; everything else is a 500.
_BY_STATUS = {
    400: admin.ArgValidationException,
    # Not every release of Splunk's may have it.
    403: getattr(admin, "PermissionsException", admin.InternalException),
    404: admin.NotFoundException,
    503: admin.ServiceUnavailableException,
}


class Endpoint(admin.MConfigHandler):  # type: ignore[misc]  # splunk.admin comes with Splunk, untyped
    """One request."""

    def accept(self, arguments: Sequence[Argument]) -> None:
        """Tell splunkd which arguments there are; it refuses others."""
        for argument in arguments:
            self.supportedArgs.addOptArg(argument.name)

    def given(self) -> dict[str, str]:
        """The arguments that were sent. Raises WrongArgument for one that was sent twice."""
        given = {}
        for name, values in self.callerArgs.data.items():
            if len(values or ()) > 1:
                raise WrongArgument(f"Each argument can be sent once; sent more than once: {name}.")
            given[str(name)] = str((values or [""])[0] or "")
        return given

    @property
    def passed_over(self) -> int:
        """How many entities splunkd will pass over, as its ``offset`` says, before it shows the first."""
        return max(int(getattr(self, "posOffset", 0) or 0), 0)

    def answer(self, confInfo: Any, rows: Sequence[Row]) -> None:  # noqa: N803  (splunk.admin's name)
        """Make an entity of each row; its first value is its name."""
        for row in rows:
            self.entity(confInfo, str(next(iter(row.values()))), row)

    def entity(self, confInfo: Any, name: str, row: Mapping[str, Any]) -> None:  # noqa: N803  (splunk.admin's name)
        """Make an entity of a row."""
        for key, value in row.items():
            confInfo[name][key] = list(value) if isinstance(value, (list, tuple)) else str(value)


def store_folder(environment: Mapping[str, str]) -> Path:
    """Return the store's folder. Raises StoreUnavailable if the environment does not say where it is."""
    folder = of_environment(environment)
    if folder is None:
        raise StoreUnavailable(
            "Nothing says where the store is: neither SPLUNK_DB nor SPLUNK_HOME is set. Run this by Splunk."
        )
    return folder


@contextmanager
def refusals() -> Iterator[None]:
    """Turn whatever is raised into one sentence with the status that fits."""
    try:
        with sentences():
            try:
                yield
            except NotPermitted as error:
                # The base of all handlers would make one sentence of every 403, and this one names the capability.
                raise _BY_STATUS[403](f"{str(error)[:1].upper()}{str(error)[1:]}") from None
            except (StoreUnavailable, SplunkUnavailable, SessionExpired) as error:
                raise RestError(503, str(error)) from None
            except NothingSuch as error:
                raise RestError(404, str(error)) from None
    except RestError as error:
        kind = _BY_STATUS.get(error.status, admin.InternalException)
        raise kind(error.message) from None
