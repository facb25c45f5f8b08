"""Deleting a row of *Configuration → Athletes*: the permission ends at Strava, and nothing stays behind.

In this order: the permission is revoked, the athlete is marked in the store, the tokens are deleted; then the page
deletes the row, and a running input does the rest (``forgetting``). Wherever it is interrupted, deleting again
completes it: what is done already is found done.

If Strava cannot be asked, the deletion is refused, because a row that is gone could never be asked about again. So that
nobody is caught between a Strava that never answers and a row that never goes, the row remembers that; deleting it
again later, a minute to a day, goes through without Strava.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Callable, Optional, Protocol

from strava_collector.clock import Clock
from strava_collector.configuration import Stanza, athlete_id_of
from strava_collector.errors import CollectorError, ConfigurationError, StoreUnavailable, TransportError
from strava_collector.logfmt import line
from strava_collector.oauth import OAuthRefused, OAuthUnavailable, Tokens
from strava_collector.store import athletes
from strava_collector.store.database import Database
from strava_collector.token_keeper import RefreshBusy
from strava_collector.token_lease import TokenLease

log = logging.getLogger(__name__)

#: The field of a row that says when its deletion was refused, in seconds since the epoch.
REFUSED_AT = "deletion_refused_at"

#: After a refusal, deleting again goes through whatever Strava says: not at once, by a second click, and not when
#: nobody remembers why; in seconds.
INSISTING_FROM = 60.0
INSISTING_UNTIL = 86_400.0

#: Where athletes see and end the permissions that they gave.
ATHLETES_OWN_PAGE = "https://www.strava.com/settings/apps"

_MAY_STAND = (
    "Athlete {athlete_id} was deleted here, but Strava could not be told. {why} If the athlete's permission still "
    f"stands at Strava, the athlete ends it at {ATHLETES_OWN_PAGE}."
)

_REFUSAL = (
    "“{name}” was not deleted: {why} Try again later. If that does not help: deleting again, not before a minute from "
    "now and within a day, deletes the row all the same. The athlete then has to withdraw the permission at "
    "https://www.strava.com/settings/apps."
)

#: What may be in the way of a deletion and may not go away by itself. What splunkd does not let us do is not among
#: them: it would not let us delete the row either.
_OBSTACLES = (RefreshBusy, StoreUnavailable, TransportError, OAuthRefused, OAuthUnavailable, ConfigurationError)


class DeletionRefused(CollectorError):
    """The row stays; the message says why, and how it can be deleted all the same."""


class StoredTokens(Protocol):
    """The part of the token store that is used here."""

    def load(self, athlete_id: int) -> Optional[Tokens]: ...

    def forget(self, athlete_id: int) -> None: ...


#: Revokes tokens that were given to the application of this name; False if there is no such application any more.
Revoke = Callable[[str, Tokens], bool]


def _none_unsaved(athlete_id: int) -> Sequence[tuple[str, Tokens]]:
    return ()


def _tell_nobody(athlete_id: int, text: str) -> None:
    """The log says it."""


class AthleteDeletion:
    """What has to be done before a row is deleted."""

    def __init__(
        self,
        *,
        tokens: StoredTokens,
        store: Callable[[], Optional[Database]],
        revoke: Revoke,
        remember: Callable[[str, float], None],
        clock: Clock,
        wait: Callable[[float], None],
        unsaved: Callable[[int], Sequence[tuple[str, Tokens]]] = _none_unsaved,
        tell: Callable[[int, str], None] = _tell_nobody,
    ) -> None:
        """``store`` opens the store, None being that there is none; ``remember`` notes in the row of this name when
        its deletion was refused; ``wait`` sleeps; ``unsaved`` returns the application and the tokens of the athlete's
        consents that no row was saved for, the newest first; ``tell`` shows the user a sentence about an athlete."""
        self._tokens = tokens
        self._store = store
        self._revoke = revoke
        self._remember = remember
        self._clock = clock
        self._wait = wait
        self._unsaved = unsaved
        self._tell = tell

    def prepare(self, name: str, row: Stanza) -> None:
        """End the permission and delete the tokens; when this returns, the row can go.

        Raises DeletionRefused; TokenStoreUnavailable and SessionExpired if splunkd does not let us.
        """
        athlete_id = athlete_id_of(row)
        if athlete_id is None:
            return  # never connected
        try:
            self._part(athlete_id, row)
        except _OBSTACLES as error:
            why = str(error)
        else:
            return
        if not self._insists(row):
            self._refuse(name, row, why)
        log.warning(line("permission_not_revoked", name=name, athlete_id=athlete_id, why=why))
        with suppress(StoreUnavailable):
            self._mark(self._store(), athlete_id, row)
        self._tokens.forget(athlete_id)

    def _part(self, athlete_id: int, row: Stanza) -> None:
        store = self._store()
        with TokenLease(store, self._clock, self._wait).held(athlete_id):
            self._withdraw(athlete_id, row)
            self._mark(store, athlete_id, row)
            self._tokens.forget(athlete_id)

    def _withdraw(self, athlete_id: int, row: Stanza) -> None:
        """End the permission with all tokens that there are.

        A consent that no row was saved for has killed the stored ones at Strava: what Strava says of those means
        nothing then, and the permission would live on in the consent's.
        """
        known = list(self._unsaved(athlete_id))
        stored = self._tokens.load(athlete_id)
        if stored is not None:
            known.append((row.get("application", "").strip(), stored))
        revoked = [self._revoke(application, tokens) for application, tokens in known]
        if any(revoked):
            log.info(line("permission_revoked", athlete_id=athlete_id, at_strava=all(revoked)))
            return
        why = "There is no application to do it with." if known else "There were no tokens that could be used."
        log.warning(line("permission_may_stand", athlete_id=athlete_id, why=why, end_it_at=ATHLETES_OWN_PAGE))
        self._tell(athlete_id, _MAY_STAND.format(athlete_id=athlete_id, why=why))

    def _mark(self, store: Optional[Database], athlete_id: int, row: Stanza) -> None:
        """From now on nothing of the athlete's is written, whatever is under way."""
        if store is not None:
            with store.write() as tx:
                athletes.mark_deauthorized(
                    tx,
                    athlete_id=athlete_id,
                    reason=athletes.ROW_DELETED,
                    connected_at=row.get("connected_at", "").strip(),
                    now=self._clock.now(),
                )

    def _insists(self, row: Stanza) -> bool:
        refused_at = _refused_at(row)
        return refused_at is not None and INSISTING_FROM <= self._clock.now() - refused_at <= INSISTING_UNTIL

    def _refuse(self, name: str, row: Stanza, why: str) -> None:
        refused_at, now = _refused_at(row), self._clock.now()
        # Who tries again within the minute is not put off by another one.
        if refused_at is None or not 0.0 <= now - refused_at < INSISTING_FROM:
            self._remember(name, now)
        raise DeletionRefused(_REFUSAL.format(name=name, why=why))


def _refused_at(row: Stanza) -> Optional[float]:
    try:
        return float(row.get(REFUSED_AT, ""))
    except ValueError:
        return None
