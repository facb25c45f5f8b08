"""What saving and deleting a row of *Configuration → Applications* means, around UCC's generated handler.

Saving asks Strava whether client ID and client secret belong together. A wrong pair is not saved; a host that cannot
reach Strava can save nevertheless, and the table says that the row is not verified.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint
from splunktaucclib.rest_handler.error import RestError

from strava_collector.application_check import ApplicationRefused, Verdict, ask, conflict, judge, needed_by
from strava_collector.clock import SystemClock
from strava_collector.configuration import encrypted_field
from strava_collector.errors import CollectorError, ConfigurationError
from strava_collector.form import UNCHANGED
from strava_collector.log import log_to_handler_file
from strava_collector.logfmt import line
from strava_collector.redaction import Redaction
from strava_collector.row_lock import alone
from strava_collector.secret import Secret
from strava_collector.splunk_config import ACCOUNTS, APP, APPLICATIONS, Reader, credential_realm
from strava_collector.splunkd import Splunkd
from strava_collector.store_folder import of_environment
from strava_collector.strava_api import StravaApi
from strava_collector.transport import Answer, CallLimits, RequestsTransport
from strava_webhook_page_handler import PageHandler, sentences

log = logging.getLogger("strava_collector.application_handler")

#: Somebody is waiting before the page.
LIMITS = CallLimits(connect=4.0, read=8.0, whole=12.0, body=1024 * 1024)

#: Seconds for the call with everything around it, such as the system's name resolution.
PATIENCE = 15.0

#: Fields of a row that only the add-on itself sets.
_OWN_FIELDS = ("state", "state_reason")


class ApplicationHandler(PageHandler):
    """UCC's handler of the conf ``ta_strava_webhook_application``, with the question to Strava."""

    def create_hook(self, session_key: str, config_name: str, stanza_id: str, payload: dict[str, Any]) -> None:
        """Check a new row, and learn its state."""
        super().create_hook(session_key, config_name, stanza_id, payload)
        splunkd = self._splunkd()
        applications = splunkd.stanzas(APPLICATIONS)
        if stanza_id in applications:
            raise RestError(409, f"There is an application “{stanza_id}” already.")
        self._check(splunkd, applications, stanza_id, payload)

    def edit_hook(self, session_key: str, config_name: str, stanza_id: str, payload: dict[str, Any]) -> None:
        """Check a row that exists, and learn its state anew; the secret stays unless there is a new one."""
        if payload.get("client_secret", "") in ("", *UNCHANGED):
            payload.pop("client_secret", None)
        super().edit_hook(session_key, config_name, stanza_id, payload)
        splunkd = self._splunkd()
        applications = splunkd.stanzas(APPLICATIONS)
        if stanza_id not in applications:
            raise RestError(404, "There is no application of this name.")
        self._check(splunkd, applications, stanza_id, payload)

    def handleRemove(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Delete a row that nothing needs."""
        with sentences(), alone(of_environment(os.environ)):
            splunkd = self._splunkd()
            name = self.callerArgs.id
            if name not in splunkd.stanzas(APPLICATIONS):
                raise RestError(404, "There is no application of this name.")
            reason = needed_by(name, accounts=splunkd.stanzas(ACCOUNTS), inputs=splunkd.stanzas("inputs"))
            if reason is not None:
                raise ApplicationRefused(reason)
            super().handleRemove(confInfo)
            log.info(line("application_deleted", application=name))

    def _check(
        self, splunkd: Splunkd, applications: dict[str, dict[str, str]], name: str, payload: dict[str, Any]
    ) -> None:
        client_id = str(payload.get("client_id") or applications.get(name, {}).get("client_id", "")).strip()
        reason = conflict(name, client_id, applications=applications, accounts=splunkd.stanzas(ACCOUNTS))
        if reason is not None:
            raise ApplicationRefused(reason)
        verdict = _verdict(splunkd, client_id, _secret(splunkd, name, payload))
        payload.update(zip(_OWN_FIELDS, (verdict.state.value, verdict.reason)))
        log.info(line("application_saved", application=name, state=verdict.state.value, reason=verdict.reason))

    def _splunkd(self) -> Splunkd:
        log_to_handler_file(Redaction())
        return Splunkd(get_splunkd_endpoint(), self.getSessionKey(), APP)


def _secret(splunkd: Splunkd, name: str, payload: dict[str, Any]) -> Secret:
    """Return the new client secret, else the stored one. Raises ApplicationRefused if there is neither."""
    if payload.get("client_secret"):
        return Secret(str(payload["client_secret"]))
    blob = splunkd.passwords(credential_realm(f"configs/conf-{APPLICATIONS}")).get(name)
    stored = encrypted_field(blob, "client_secret")
    if stored is None or stored.reveal() in UNCHANGED:
        raise ApplicationRefused("Client secret is missing. Enter the one that Strava shows for this application.")
    return stored


def _verdict(splunkd: Splunkd, client_id: str, client_secret: Secret) -> Verdict:
    """Ask Strava by the way that the settings describe.

    Raises ApplicationRefused for a wrong pair, SplunkUnavailable and SessionExpired.
    """
    redaction = Redaction()
    redaction.register(client_secret)
    log_to_handler_file(redaction)

    try:
        settings = Reader(splunkd, register=redaction.register).settings()
    except ConfigurationError as error:  # of another tab; the row itself can be saved
        return judge(error, client_id)

    def call() -> Answer:
        transport = RequestsTransport(
            clock=SystemClock(), proxy=settings.proxy, ca_file=settings.advanced.ca_file, limits=LIMITS
        )
        try:
            return StravaApi(transport, settings.advanced.api_url).subscriptions(client_id, client_secret)
        finally:
            transport.close()

    result = ask(call, PATIENCE)
    if isinstance(result, CollectorError):
        log.warning(line("application_check_failed", client_id=client_id, error=str(result)))
    return judge(result, client_id)
