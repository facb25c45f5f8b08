"""The REST endpoint ``strava_jobs``: what operators see and do of jobs.

A GET lists, or shows one job, ``counts`` or ``dead_letters``; a POST to the name of a verb does it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Optional

import import_declare_test  # noqa: F401  (puts the add-on's lib folder on the path; must come first)
from splunk import admin
from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint

from strava_collector.admin import jobs
from strava_collector.admin_arguments import JOBS, MOST_ROWS, Argument, Given, WrongArgument
from strava_collector.admin_desk import Desk, NothingSuch, Refused
from strava_collector.admin_owner import athlete_named, owner
from strava_collector.clock import SystemClock
from strava_collector.log import log_to_handler_file
from strava_collector.ports import SplunkUnavailable
from strava_collector.redaction import Redaction
from strava_collector.splunk_config import ACCOUNTS, ACTIVITIES_KIND, APP, WEBHOOK_KIND
from strava_collector.splunkd import Splunkd
from strava_endpoint import Endpoint, refusals, store_folder

#: Rows that can be seen after those that are passed over, unless ``limit`` says otherwise.
ROWS = 1000

#: Whoever waits for an answer over HTTP gets one after so many seconds, with a word that there is more to do.
BUDGET = 20.0

#: What a GET shows beside the jobs, which are numbers.
VIEWS = ("counts", "dead_letters")

#: What a POST does.
VERBS = ("fetch", "retry", "reclaim", "replay", "reindex", "delete")


class JobsHandler(Endpoint):
    """One request."""

    def setup(self) -> None:
        """Tell splunkd which arguments are accepted; ``count`` and ``offset`` of a GET are its own."""
        self.accept(self._arguments())

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """List jobs or dead letters, count, or show one job."""
        with refusals():
            verb, given = self._verb(), self.given()
            if verb == "show":
                given["id"] = self.callerArgs.id
            elif verb != "counts":
                given["limit"] = str(self._rows(verb, given))
            self.answer(confInfo, jobs(self._desk(), verb, given))

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Do a verb."""
        with refusals():
            verb = self.callerArgs.id
            if verb not in VERBS:
                raise NothingSuch(f"Jobs have no verb of this name. There are: {', '.join(VERBS)}.")
            log_to_handler_file(Redaction())
            self.answer(confInfo, jobs(self._desk(), verb, self.given()))

    def _rows(self, verb: str, given: Mapping[str, str]) -> int:
        """How many rows splunkd has to be given. It cuts off the first ones itself and tells ``offset`` to nobody else,
        so that ``limit`` counts from there. Raises WrongArgument."""
        limit = Given(JOBS[verb], given).number("limit", most=MOST_ROWS)
        if self.passed_over + (limit or 1) > MOST_ROWS:
            raise WrongArgument(
                f"A list ends here with its {MOST_ROWS:,}th row, and offset and limit together go beyond. "
                "Ask for less, or use the command line."
            )
        return min(self.passed_over + (limit or ROWS), MOST_ROWS)

    def _arguments(self) -> Sequence[Argument]:
        name = self.callerArgs.id
        if self.requestedAction == admin.ACTION_LIST:
            verb = self._verb()
            return () if verb == "show" else [one for one in JOBS[verb] if one.name != "offset"]
        return JOBS[name] if name in VERBS else ()

    def _verb(self) -> str:
        name = self.callerArgs.id
        return "list" if not name else name if name in VIEWS else "show"

    def _desk(self) -> Desk:
        return Desk(
            store_folder(os.environ),
            SystemClock(),
            owner=self._owner,
            athlete_named=self._athlete_named,
            budget=BUDGET,
        )

    def _owner(self, athlete_id: int, wanted: Optional[str]) -> Optional[str]:
        try:
            return owner(athlete_id, self._accounts, self._inputs, wanted, activities_inputs=self._activities_inputs)
        except SplunkUnavailable:
            return None  # whoever may not read the configuration can name the input

    def _athlete_named(self, name: str) -> int:
        try:
            return athlete_named(name, self._accounts)
        except SplunkUnavailable:
            raise Refused(
                f"Which athlete the row “{name}” is of could not be looked up. Give the athlete's number at Strava."
            ) from None

    # Read once for a request, which may ask about many athletes.

    @cached_property
    def _accounts(self) -> Mapping[str, Mapping[str, str]]:
        return self._splunkd.stanzas(ACCOUNTS)

    @cached_property
    def _inputs(self) -> Mapping[str, Mapping[str, str]]:
        return self._splunkd.inputs(WEBHOOK_KIND)

    @cached_property
    def _activities_inputs(self) -> Mapping[str, Mapping[str, str]]:
        return self._splunkd.inputs(ACTIVITIES_KIND)

    @cached_property
    def _splunkd(self) -> Splunkd:
        return Splunkd(get_splunkd_endpoint(), self.getSessionKey(), APP)


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())
    admin.init(JobsHandler, admin.CONTEXT_APP_AND_USER)
