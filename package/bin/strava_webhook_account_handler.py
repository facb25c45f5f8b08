"""What saving and deleting a row of *Configuration → Athletes* means, around UCC's generated handler.

The page sends the handle of a consent in ``access_token`` (see ``TA_strava_webhook_rh_oauth``). Saving redeems it: the
tokens go to their own realm, the row learns who the athlete is, and the handle is worthless from then on. The row's
own encrypted fields stay empty.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

from splunktaucclib.rest_handler.admin_external import AdminExternalHandler, get_splunkd_endpoint
from splunktaucclib.rest_handler.error import RestError

from strava_collector.clock import SystemClock
from strava_collector.configuration import athlete_id_of
from strava_collector.consent import OWN_FIELDS, ConsentRefused, row_of
from strava_collector.errors import CollectorError
from strava_collector.log import log_to_handler_file
from strava_collector.logfmt import line
from strava_collector.redaction import Redaction
from strava_collector.splunk_config import ACCOUNTS, APP, APPLICATIONS
from strava_collector.splunkd import Splunkd
from strava_collector.token_store import PendingConsents, TokenStore

log = logging.getLogger("strava_collector.account_handler")

#: UCC's fields for what its own OAuth handler would have returned.
_UCC_FIELDS = ("access_token", "refresh_token", "instance_url")


class AccountHandler(AdminExternalHandler):  # type: ignore[misc]  # splunktaucclib is untyped
    """UCC's handler of the conf ``ta_strava_webhook_account``, with connections."""

    def handleCreate(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save a new row; it needs a consent."""
        with self._connected():
            super().handleCreate(confInfo)

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save a row; with a consent it is connected anew, without one the connection stays."""
        with self._connected():
            super().handleEdit(confInfo)

    def handleRemove(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Delete a row, then the athlete's tokens."""
        with _sentences():
            splunkd = self._splunkd()
            athlete_id = athlete_id_of(splunkd.stanzas(ACCOUNTS).get(self.callerArgs.id, {}))
            super().handleRemove(confInfo)
            if athlete_id is not None:
                TokenStore(splunkd).forget(athlete_id)
                log.info(line("athlete_deleted", name=self.callerArgs.id, athlete_id=athlete_id))

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Around the saving of a row: redeem the consent before, make its handle worthless after."""
        with _sentences():
            handle = (self.payload or {}).get("access_token", "").strip()
            for field in (*_UCC_FIELDS, *OWN_FIELDS):
                self.payload.pop(field, None)
            splunkd = self._splunkd()
            accounts = splunkd.stanzas(ACCOUNTS)
            name = self.callerArgs.id
            if not handle:
                self._check_unconnected_edit(accounts.get(name))
                yield
                return
            pending = PendingConsents(splunkd, SystemClock())
            consent = pending.look_up(handle)
            if consent is None:
                raise ConsentRefused("The consent is too old or has been used already. Please connect once more.")
            application = self.payload.get("application") or accounts.get(name, {}).get("application", "")
            self.payload.update(
                row_of(
                    consent,
                    name=name,
                    application=application,
                    applications=splunkd.stanzas(APPLICATIONS),
                    accounts=accounts,
                )
            )
            # Also tells a running input that an athlete has connected again, though nothing else may have changed.
            self.payload["connected_at"] = str(int(SystemClock().now()))
            # Tokens first: a row that says "connected" without them would be a lie.
            TokenStore(splunkd).save(consent.athlete_id, consent.tokens)
            try:
                yield
            except BaseException:
                if name not in accounts:  # a row that does not come to be leaves nothing behind
                    TokenStore(splunkd).forget(consent.athlete_id)
                raise
            pending.drop(handle)
            log.info(
                line(
                    "athlete_connected",
                    name=name,
                    athlete_id=consent.athlete_id,
                    application=application,
                    scope=consent.granted_scope,
                )
            )

    def _check_unconnected_edit(self, stanza: Optional[dict[str, str]]) -> None:
        if stanza is None:
            raise ConsentRefused("The athlete has not been connected. Please connect with Strava first.")
        application = self.payload.get("application")
        if application and application != stanza.get("application"):
            raise ConsentRefused("Another application needs the athlete's consent again. Please connect once more.")

    def _splunkd(self) -> Splunkd:
        log_to_handler_file(Redaction())
        return Splunkd(get_splunkd_endpoint(), self.getSessionKey(), APP)


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn our errors into what UCC's pages show as a message."""
    try:
        yield
    except CollectorError as error:
        raise RestError(400, str(error)) from None
