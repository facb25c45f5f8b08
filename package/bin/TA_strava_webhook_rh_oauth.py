"""The REST handler ``TA_strava_webhook_oauth/oauth``: turns the code of a consent into tokens.

It replaces UCC's handler of the same name, which needs a library that is not bundled, fails on Strava's errors, has the
browser send the client secret and hands it the tokens, and forgets which athlete they belong to. This one finds the
secret by the client ID, keeps the tokens, and gives the browser a handle that saving the athlete's row redeems.

A failure is answered 200 with ``error``, because UCC's page replaces every other answer by a text without content.
"""

from __future__ import annotations

import logging
from typing import Any

import import_declare_test  # noqa: F401  (puts the add-on's lib folder on the path; must come first)
from splunk import admin
from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint

from strava_collector.clock import SystemClock
from strava_collector.consent import ConsentRefused, consent_of, parse_reply
from strava_collector.errors import CollectorError
from strava_collector.log import log_to_handler_file
from strava_collector.logfmt import line
from strava_collector.oauth import OAuth
from strava_collector.redaction import Redaction
from strava_collector.splunk_config import APP, Reader
from strava_collector.splunkd import Splunkd
from strava_collector.token_store import PendingConsents
from strava_collector.transport import CallLimits, RequestsTransport

log = logging.getLogger("strava_collector.oauth_handler")

#: UCC's page waits 29 s for this handler; it should hear our sentence, not its own about a timeout.
LIMITS = CallLimits(connect=5.0, read=15.0, whole=20.0, body=1024 * 1024)

#: What UCC's page sends. Only two are used: ours come from the configuration, not from the browser.
REQUIRED = ("client_id", "code")
IGNORED = ("url", "method", "grant_type", "client_secret", "scope", "redirect_uri")


class OAuthHandler(admin.MConfigHandler):  # type: ignore[misc]  # splunk.admin comes with Splunk, untyped
    """One request of the page *Configuration → Athletes*."""

    def setup(self) -> None:
        """Tell splunkd which arguments are accepted."""
        for argument in REQUIRED:
            self.supportedArgs.addReqArg(argument)
        for argument in IGNORED:
            self.supportedArgs.addOptArg(argument)

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Exchange the code; the answer has either ``access_token``, which is a handle, or ``error``."""
        redaction = Redaction()
        log_to_handler_file(redaction)
        try:
            handle = self._exchange(redaction)
        except CollectorError as error:
            log.warning(line("consent_refused", error=str(error)))
            # Whoever has given a consent for nothing has to be told that it takes another one.
            again = "" if isinstance(error, ConsentRefused) else " The athlete is not connected: save again."
            confInfo["token"]["error"] = f"{error}{again}"
        except Exception:
            log.exception(line("consent_failed"))
            confInfo["token"]["error"] = (
                "The add-on failed while it connected the athlete. Splunk's log ta_strava_webhook.rest.log says more."
            )
        else:
            confInfo["token"]["access_token"] = handle

    def _exchange(self, redaction: Redaction) -> str:
        clock = SystemClock()
        splunkd = Splunkd(get_splunkd_endpoint(), self.getSessionKey(), APP)
        settings = Reader(splunkd, register=redaction.register).settings()
        reply = parse_reply(self._argument("code"))
        if reply.code is not None:
            redaction.register(reply.code)
        transport = RequestsTransport(
            clock=clock, proxy=settings.proxy, ca_file=settings.advanced.ca_file, limits=LIMITS
        )
        try:
            oauth = OAuth(transport, settings.advanced.oauth_url, clock)
            consent = consent_of(reply, self._argument("client_id"), settings, oauth)
        finally:
            transport.close()
        redaction.register(consent.tokens.access_token, consent.tokens.refresh_token)
        log.info(line("consent_given", athlete_id=consent.athlete_id, scope=consent.granted_scope))
        return PendingConsents(splunkd, clock).keep(consent)

    def _argument(self, name: str) -> str:
        values = self.callerArgs.data.get(name) or [""]
        if not values[0]:
            raise ConsentRefused("The page sent an incomplete request. Reload it and connect again.")
        return str(values[0])


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())
    admin.init(OAuthHandler, admin.CONTEXT_APP_AND_USER)
