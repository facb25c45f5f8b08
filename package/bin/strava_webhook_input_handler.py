"""What saving a row of the page *Inputs* means, around UCC's generated handler.

splunkd has the input's own program judge what is saved, but only after UCC's handler has stored the encrypted fields:
a refused save would leave another verify token behind, and the program sees stars. Here the same function judges
before anything is stored, with the verify token as it was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from solnlib.utils import is_true
from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint
from splunktaucclib.rest_handler.error import RestError

from strava_collector.clock import SystemClock
from strava_collector.configuration import enabled_inputs
from strava_collector.errors import as_text
from strava_collector.input_faults import MASK, Surroundings, input_faults, rival_faults
from strava_collector.splunk_config import Reader
from strava_webhook_page_handler import PageHandler, sentences


class InputHandler(PageHandler):
    """UCC's handler of the inputs ``strava_webhook``; its refusals have all faults in one text."""

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
            super().handleEdit(confInfo)

    def _faults_of(self, params: Mapping[str, Optional[str]], around: Surroundings) -> list[str]:
        return input_faults(self.callerArgs.id or "", params, around, now=SystemClock().now())

    def _enabling_faults(self) -> list[str]:
        """Return why the input cannot be enabled beside those that are. Its files are its own affair when it runs."""
        name = self.callerArgs.id
        inputs = self._surroundings().inputs or {}
        return rival_faults(name, inputs[name], enabled_inputs(inputs)) if name in inputs else []

    def _surroundings(self) -> Surroundings:
        return Reader.for_saving(get_splunkd_endpoint(), self.getSessionKey()).surroundings()

    def _refuse(self, faults: list[str]) -> None:
        if faults:
            raise RestError(400, as_text(faults))
