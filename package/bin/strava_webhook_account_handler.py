"""What listing, saving and deleting rows of *Configuration → Athletes* means, around UCC's generated handler.

The page sends the handle of a consent in ``access_token`` (see ``TA_strava_webhook_rh_oauth``). Saving redeems it: the
tokens go to their own realm, the row learns who the athlete is, and the handle is worthless from then on. The row's
own encrypted fields stay empty.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Optional

from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint

from strava_collector import athlete_table
from strava_collector.athlete_deletion import REFUSED_AT, AthleteDeletion
from strava_collector.clock import SystemClock
from strava_collector.configuration import athlete_id_of
from strava_collector.consent import COMPUTED_FIELDS, OWN_FIELDS, ConsentRefused, renewed, rightful_row, row_of
from strava_collector.errors import CollectorError, StoreUnavailable, as_text
from strava_collector.input_faults import index_faults
from strava_collector.log import log_to_handler_file
from strava_collector.logfmt import line
from strava_collector.oauth import Tokens
from strava_collector.ports import WARNING
from strava_collector.redaction import Redaction
from strava_collector.revocation import named, revoke
from strava_collector.row_lock import alone
from strava_collector.settings import Settings
from strava_collector.splunk_config import ACCOUNTS, APP, APPLICATIONS, Reader
from strava_collector.splunkd import Splunkd
from strava_collector.store import athletes
from strava_collector.store.database import Database
from strava_collector.store_folder import of_environment
from strava_collector.token_keeper import RefreshBusy
from strava_collector.token_lease import TokenLease, open_store
from strava_collector.token_store import Consent, PendingConsents, TokenStore
from strava_webhook_page_handler import PageHandler, sentences, tell_inputs

log = logging.getLogger("strava_collector.account_handler")

#: UCC's fields for what its own OAuth handler would have returned.
_UCC_FIELDS = ("access_token", "refresh_token", "instance_url")


class AccountHandler(PageHandler):
    """UCC's handler of the conf ``ta_strava_webhook_account``, with connections."""

    def handleList(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """List rows, with what is known of the athletes."""
        super().handleList(confInfo)
        self._add_columns(confInfo)

    def handleCreate(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save a new row; it needs a consent."""
        with self._connected():
            super().handleCreate(confInfo)
        self._add_columns(confInfo)

    def handleEdit(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """Save a row; with a consent it is connected anew, without one the connection stays."""
        with self._connected():
            super().handleEdit(confInfo)
        self._add_columns(confInfo)

    def handleRemove(self, confInfo: Any) -> None:  # noqa: N802, N803  (splunk.admin's names)
        """End the permission at Strava, then delete the tokens and the row; a running input does the rest."""
        with sentences(), _page(self.getSessionKey()) as page, page.alone():
            name = self.callerArgs.id
            row = page.splunkd.stanzas(ACCOUNTS).get(name, {})
            page.deletion().prepare(name, row)
            super().handleRemove(confInfo)
            athlete_id = athlete_id_of(row)
            if athlete_id is not None:
                page.clear_away(athlete_id)
                log.info(line("athlete_deleted", name=name, athlete_id=athlete_id))

    def _add_columns(self, confInfo: Any) -> None:  # noqa: N803  (splunk.admin's name)
        try:
            with _page(self.getSessionKey()) as page:
                page.add_columns(confInfo)
        except Exception:
            # The rows themselves are worth showing, whatever is wrong with the rest.
            log.exception(line("columns_failed"))

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Around the saving of a row: redeem the consent before, make its handle worthless after."""
        with sentences(), _page(self.getSessionKey()) as page, page.alone():
            handle = (self.payload or {}).get("access_token", "").strip()
            for field in (*_UCC_FIELDS, *OWN_FIELDS, *COMPUTED_FIELDS):
                self.payload.pop(field, None)
            accounts = page.splunkd.stanzas(ACCOUNTS)
            name = self.callerArgs.id
            self._check_index()
            if not handle:
                self._check_unconnected_edit(accounts.get(name))
                yield
                return
            consent = page.pending.look_up(handle)
            if consent is None:
                raise ConsentRefused("The consent is too old or has been used already. Please connect once more.")
            application = self.payload.get("application") or accounts.get(name, {}).get("application", "")
            row = page.redeem(consent, name, application, accounts, handle, self.payload.get("scope", ""))
            self.payload.update(row)
            # Tokens first: a row that says "connected" without them would be a lie.
            page.save_tokens(consent)
            try:
                yield
            except BaseException:
                page.take_back(consent, handle)
                raise
            page.pending.drop(handle)
            page.welcome_back(consent.athlete_id, row["connected_at"])
            log.info(
                line(
                    "athlete_connected",
                    name=name,
                    athlete_id=consent.athlete_id,
                    application=application,
                    scope=consent.granted_scope,
                )
            )

    def _check_index(self) -> None:
        index = str(self.payload.get("index") or "").strip()
        if not index or not index.isprintable():  # which is refused without being quoted
            return
        faults = index_faults(index, Reader.for_saving(get_splunkd_endpoint(), self.getSessionKey()).surroundings())
        if faults:
            raise ConsentRefused(as_text(faults))

    def _check_unconnected_edit(self, stanza: Optional[dict[str, str]]) -> None:
        if stanza is None:
            raise ConsentRefused("The athlete has not been connected. Please connect with Strava first.")
        application = self.payload.get("application")
        if application and application != stanza.get("application"):
            raise ConsentRefused("Another application needs the athlete's consent again. Please connect once more.")
        wanted = self.payload.get("scope")
        if wanted is not None and str(wanted).strip() != stanza.get("scope", "").strip():
            raise ConsentRefused("Another permission needs the athlete's consent again. Please connect once more.")


class _Page:
    """One request, with what it needs of splunkd, the store and Strava."""

    def __init__(self, session_key: str) -> None:
        self._redaction = Redaction()
        log_to_handler_file(self._redaction)
        self._clock = SystemClock()
        self.splunkd = Splunkd(get_splunkd_endpoint(), session_key, APP)
        self.tokens = TokenStore(self.splunkd, register=self._redaction.register)
        self.pending = PendingConsents(self.splunkd, self._clock, register=self._redaction.register)
        self._folder: Optional[Path] = of_environment(os.environ)
        self._opened: Optional[Database] = None

    def alone(self) -> AbstractContextManager[None]:
        """Be the only one who changes rows of athletes or applications. Raises RowsBusy."""
        return alone(self._folder)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _store(self) -> Optional[Database]:
        """The store, opened for writing; None if there is none. Raises StoreUnavailable."""
        if self._opened is None:
            self._opened = open_store(self._folder, self._clock)
        return self._opened

    # The table.

    def add_columns(self, conf_info: Any) -> None:
        """Add the computed columns to each row of an answer."""
        rows = {name: {key: _value(item, key) for key in _ROW_FIELDS} for name, item in conf_info.items()}
        ids = {name: athlete_id_of(row) for name, row in rows.items()}
        seen = athlete_table.look(self._folder, [athlete_id for athlete_id in ids.values() if athlete_id is not None])
        with_tokens: Optional[frozenset[int]]
        try:
            with_tokens = self.tokens.athlete_ids()
        except CollectorError:  # the user may see the rows and not the passwords
            with_tokens = None
        for name, row in rows.items():
            for key, value in athlete_table.columns(row, seen, with_tokens).items():
                conf_info[name][key] = value

    # Connecting.

    def redeem(
        self,
        consent: Consent,
        name: str,
        application: str,
        accounts: dict[str, dict[str, str]],
        handle: str,
        wanted: str,
    ) -> dict[str, str]:
        """Return what the consent adds to the row. Raises ConsentRefused.

        A consent that is refused here has been given at Strava all the same: if the athlete has a row, its tokens
        are those of this consent now, or it would need to reconnect for nothing.
        """
        applications = self.splunkd.stanzas(APPLICATIONS)
        now = self._clock.now()
        try:
            return row_of(
                consent, name=name, application=application, applications=applications, accounts=accounts, now=now
            )
        except ConsentRefused as error:
            owner = rightful_row(consent, applications=applications, accounts=accounts)
            if owner is None:
                raise
            refusal = f"{error} The consent counts for “{owner}” now, because Strava keeps the newest one only."
        self.save_tokens(consent)
        # With what was asked for, or less than that would look like a box that was unticked.
        asked = {"scope": wanted} if wanted else {}
        self.splunkd.update_stanza(ACCOUNTS, owner, {**renewed(consent, now), **asked})
        self.pending.drop(handle)
        tell_inputs()
        log.info(line("athlete_connected", name=owner, athlete_id=consent.athlete_id, instead_of=name))
        raise ConsentRefused(refusal)

    def save_tokens(self, consent: Consent) -> None:
        """Save the tokens of a consent, while no input refreshes those that they replace, if that can be had.

        A refresh that goes on all the same does no harm: before it saves anything, it looks whether the tokens that it
        began with are still the stored ones. The consent, however, works once; the athlete must not be made to repeat
        it because of a store that is locked.
        """
        try:
            lease = TokenLease(self._store(), self._clock, time.sleep)
            with lease.held(consent.athlete_id):
                self.tokens.save(consent.athlete_id, consent.tokens)
            return
        except (RefreshBusy, StoreUnavailable) as error:
            log.warning(line("tokens_replaced_alone", athlete_id=consent.athlete_id, why=str(error)))
        self.tokens.save(consent.athlete_id, consent.tokens)

    def take_back(self, consent: Consent, handle: str) -> None:
        """After a row could not be saved: unless the athlete has one all the same, nothing is left of the consent."""
        try:
            if any(athlete_id_of(row) == consent.athlete_id for row in self.splunkd.stanzas(ACCOUNTS).values()):
                return
            self.tokens.forget(consent.athlete_id)
            settings = self._settings()
            done = revoke(settings, self._clock, named(settings, consent.client_id), consent.tokens)
            log.info(line("permission_revoked", athlete_id=consent.athlete_id, at_strava=done))
            self.pending.drop(handle)
        except CollectorError as error:
            # An input finds what is left, the consent's tokens among it.
            log.warning(line("loose_tokens_kept", athlete_id=consent.athlete_id, why=str(error)))

    def welcome_back(self, athlete_id: int, connected_at: str) -> None:
        """End at once what an input may just be doing to an athlete who had gone; it would notice within a minute."""
        try:
            store = self._store()
            if store is not None:
                with store.write() as tx:
                    athletes.welcome_back(tx, {athlete_id: connected_at})
        except StoreUnavailable as error:
            log.warning(line("welcome_postponed", athlete_id=athlete_id, why=str(error)))

    # Deleting.

    def deletion(self) -> AthleteDeletion:
        return AthleteDeletion(
            tokens=self.tokens,
            store=self._store,
            revoke=self._revoke,
            remember=lambda name, now: self.splunkd.update_stanza(ACCOUNTS, name, {REFUSED_AT: f"{now:.0f}"}),
            clock=self._clock,
            wait=time.sleep,
            unsaved=self._unsaved,
            tell=self._tell,
        )

    def clear_away(self, athlete_id: int) -> None:
        """Remove what else there is of an athlete whose row is gone: consents under way, and messages."""
        try:
            self.pending.drop_of(athlete_id)
            for message in self.splunkd.message_names():
                if message.startswith("ta_strava_webhook_") and message.endswith(f"_athlete_{athlete_id}"):
                    self.splunkd.delete_message(message)
        except CollectorError as error:
            # They end by themselves: consents after ten minutes, messages when an input looks.
            log.warning(line("not_cleared_away", athlete_id=athlete_id, why=str(error)))

    def _revoke(self, application: str, tokens: Tokens) -> bool:
        return revoke(self._settings(), self._clock, application, tokens)

    def _unsaved(self, athlete_id: int) -> list[tuple[str, Tokens]]:
        found = [kept.consent for kept in self.pending.kept() if kept.consent.athlete_id == athlete_id]
        settings = self._settings() if found else Settings()
        return [(named(settings, consent.client_id), consent.tokens) for consent in found]

    def _tell(self, athlete_id: int, text: str) -> None:
        try:
            self.splunkd.post_message(f"ta_strava_webhook_permission_of_{athlete_id}", text, WARNING)
        except CollectorError as error:
            log.warning(line("message_not_shown", athlete_id=athlete_id, why=str(error)))

    def _settings(self) -> Settings:
        return Reader(self.splunkd, register=self._redaction.register).settings()


#: What the computed columns are made of.
_ROW_FIELDS = ("athlete_id", "connected_at", "granted_scope", "scope")


def _value(item: Any, key: str) -> str:
    return str(item[key]) if key in item and item[key] is not None else ""


@contextmanager
def _page(session_key: str) -> Iterator[_Page]:
    page = _Page(session_key)
    try:
        yield page
    finally:
        page.close()
