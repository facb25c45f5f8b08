"""Sees to tokens that belong to no row: a permission at Strava must not outlive what it was given for.

There are two kinds. A consent that no row was saved for in its ten minutes: Strava keeps one permission for an athlete
and an application, and the newest tokens are the living ones. So if the athlete has a row with that application, they
become the row's; revoking them would end the row's permission, too. Otherwise they are revoked. And tokens of an
athlete without a row, which only a crash between two steps can leave: whoever has none in two looks, ten minutes apart,
is not just being connected. Nobody knows which application they were given to, so each is asked to revoke them.

What Strava or splunkd cannot do now is tried again at the next look.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Callable, Optional, Protocol

from strava_collector.clock import Clock
from strava_collector.configuration import Stanza, athlete_id_of
from strava_collector.consent import renewed, rightful_row
from strava_collector.errors import CollectorError, TransportError
from strava_collector.logfmt import line
from strava_collector.oauth import OAuthRefused, OAuthUnavailable, Tokens
from strava_collector.ports import SessionExpired
from strava_collector.token_store import Consent, PendingConsents, TokenStore

log = logging.getLogger(__name__)


class Rows(Protocol):
    """Reads and changes the configuration's rows."""

    def applications(self) -> dict[str, dict[str, str]]: ...

    def athletes(self) -> Optional[dict[str, dict[str, str]]]:
        """None if there is no such file."""
        ...

    def update_athlete(self, name: str, fields: dict[str, str]) -> None: ...


#: Revokes tokens that were given to the application of this name; False if there is no such application any more.
Revoke = Callable[[str, Tokens], bool]


class LooseTokens:
    """Looks now and then, in a running input. Nobody else may change rows meanwhile."""

    def __init__(
        self, *, rows: Rows, tokens: TokenStore, pending: PendingConsents, revoke: Revoke, clock: Clock
    ) -> None:
        self._rows = rows
        self._tokens = tokens
        self._pending = pending
        self._revoke = revoke
        self._clock = clock
        self._strays: frozenset[int] = frozenset()

    def look(self) -> None:
        """Deal with what is there. Raises SplunkUnavailable, TokenStoreUnavailable and SessionExpired."""
        athletes, applications = self._rows.athletes(), self._rows.applications()
        with_tokens = self._tokens.athlete_ids()
        if athletes is None:
            if with_tokens:  # then there was such a file, and splunkd is not to be believed just now
                return
            athletes = {}
        kept = self._pending.kept()
        for one in kept:
            if one.has_expired and self._settle(one.consent, athletes, applications):
                self._pending.drop(one.handle)
        self._pending.drop_remnants()
        at_home = {athlete_id_of(row) for row in athletes.values()} | {one.consent.athlete_id for one in kept}
        strays = frozenset(one for one in with_tokens if one not in at_home)
        for athlete_id in strays & self._strays:
            self._end(athlete_id, list(applications))
        self._strays = strays

    def _settle(self, consent: Consent, athletes: Mapping[str, Stanza], applications: Mapping[str, Stanza]) -> bool:
        """Give the tokens of an expired consent to the row that they are of, or revoke them; True if that is done."""
        owner = rightful_row(consent, applications=applications, accounts=athletes)
        if owner is None:
            names = [name for name, row in applications.items() if _client_id(row) == consent.client_id]
            return self._revoked(consent.athlete_id, consent.tokens, names)
        stored = self._tokens.load(consent.athlete_id)
        if stored is None or stored.expires_at <= consent.tokens.expires_at:
            # Those that expire later are the newer ones.
            self._tokens.save(consent.athlete_id, consent.tokens)
            self._rows.update_athlete(owner, renewed(consent, self._clock.now()))
            log.info(line("consent_adopted", name=owner, athlete_id=consent.athlete_id, scope=consent.granted_scope))
        return True

    def _end(self, athlete_id: int, applications: list[str]) -> None:
        tokens = self._tokens.load(athlete_id)
        if tokens is None or self._revoked(athlete_id, tokens, applications):
            self._tokens.forget(athlete_id)
            log.warning(line("tokens_without_row", athlete_id=athlete_id, consequence="revoked at Strava and deleted"))

    def _revoked(self, athlete_id: int, tokens: Tokens, applications: list[str]) -> bool:
        """False if it is to be tried again."""
        for application in applications:
            try:
                done = self._revoke(application, tokens)
            except (TransportError, OAuthUnavailable) as error:
                log.warning(line("loose_tokens_kept", athlete_id=athlete_id, why=str(error)))
                return False
            except OAuthRefused as error:
                log.warning(line("permission_not_revoked", name=application, athlete_id=athlete_id, why=str(error)))
            else:
                log.info(line("permission_revoked", athlete_id=athlete_id, at_strava=done))
        return True


def look_quietly(look: Callable[[], None]) -> None:
    """Look, and leave what fails to the next look. Raises SessionExpired."""
    try:
        look()
    except SessionExpired:
        raise
    except CollectorError as error:
        log.warning(line("loose_tokens_kept", why=str(error)))


def _client_id(application: Stanza) -> str:
    return application.get("client_id", "").strip()
