"""Gives out access tokens that are good, and sees to it that a refresh token is never lost.

Strava may rotate the refresh token on each refresh, and the old one dies at once. Three rules follow:

* One refresher at a time. Within a process a lock per athlete, across processes a row lease in the store. Who
  gets them reads the stored tokens again: somebody else may have refreshed them meanwhile. Nobody waits for
  the other; the job comes back later (RefreshBusy), so that one athlete's slow refresh holds up nobody else's
  fetch.
* New tokens are saved before they are used. If that fails they are kept in memory, with the lease, and saved
  before anything else is done for that athlete.
* No transaction is open while Strava or splunkd is being called.

What remains: if the process dies, or the answer is lost on the way, after Strava has rotated and before the
new token is saved, the athlete must connect again. Strava offers no way to ask for the answer a second time.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Optional, Protocol

from strava_collector.clock import Clock
from strava_collector.errors import CollectorError, StoreUnavailable
from strava_collector.oauth import OAuth, OAuthRefused, Refusal, Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Application, Athlete
from strava_collector.store import leases
from strava_collector.store.database import Database, Transaction

#: A token with less than this left, in seconds, is refreshed before use: it must outlive queueing and a slow
#: fetch, and clocks that disagree by a minute or two.
REFRESH_MARGIN = 300.0
#: The lease outlives the longest refresh: reading the tokens, 60 s for Strava's answer, saving them.
TOKEN_LEASE_SECONDS = 180.0
#: A refresh that could not begin within this time after taking the lease is not begun: it might outlive it.
_LATEST_BEGIN = 60.0
#: A refresh usually takes less than a second; who finds one under way comes back after this time.
_BUSY_SECONDS = 2.0


class TokenStore(Protocol):
    """Where tokens rest, by athlete id. Each method may raise TokenStoreUnavailable."""

    def load(self, athlete_id: int) -> Optional[Tokens]:
        """The athlete's tokens, or None if there are none."""
        ...

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        """Replace the athlete's tokens in one step; durable when this returns."""
        ...

    def forget(self, athlete_id: int) -> None:
        """Delete the athlete's tokens, if there are any."""
        ...


class TokenStoreUnavailable(CollectorError):
    """The tokens could not be read or written now; trying again may help."""


class TokensNotSaved(TokenStoreUnavailable):
    """Strava gave new tokens that could not be saved yet; they are kept and saved before anything else."""


class NotConnected(CollectorError):
    """There are no tokens for the athlete, who must connect (again)."""


class RefreshBusy(CollectorError):
    """Somebody else is refreshing this athlete's tokens. Not a failed attempt: come back at ``retry_at``."""

    def __init__(self, retry_at: float) -> None:
        super().__init__("The athlete's tokens are just being refreshed by another worker.")
        #: Seconds since the epoch.
        self.retry_at = retry_at


@dataclass(frozen=True)
class _Rotation:
    """Tokens that replace others."""

    old: Tokens
    new: Tokens


class TokenKeeper:
    """Access tokens for all athletes of this process. One per process; may be used by several threads."""

    def __init__(
        self,
        database: Database,
        store: TokenStore,
        clock: Clock,
        *,
        margin: float = REFRESH_MARGIN,
        lease_seconds: float = TOKEN_LEASE_SECONDS,
        owner: str = "",
    ) -> None:
        """``owner`` names what only one process at a time can be, for instance an input."""
        self._database = database
        self._store = store
        self._clock = clock
        self._margin = margin
        self._lease_seconds = lease_seconds
        self._owner = owner
        self._holder = f"{owner} {uuid.uuid4().hex}"
        #: Guards the two dictionaries, never held during a call.
        self._guard = threading.Lock()
        self._athletes: dict[int, threading.Lock] = {}
        self._unsaved: dict[int, _Rotation] = {}
        #: Access tokens that Strava refused: no call is made with one while somebody renews it.
        self._refused: dict[int, Secret] = {}

    def access_token(self, athlete: Athlete, application: Application, oauth: OAuth) -> Secret:
        """Return a token that is good for at least five minutes, refreshed if need be.

        Raises NotConnected; RefreshBusy; TokenStoreUnavailable (also TokensNotSaved) and StoreUnavailable;
        and what ``OAuth.refresh`` raises.
        """
        if self._rotation(athlete.athlete_id) is None:
            tokens = self._load(athlete)
            refused = self._known_refused(athlete.athlete_id)
            if self._is_good(tokens) and tokens.access_token != refused:
                return tokens.access_token
        return self._refreshed(athlete, application, oauth, rejected=self._known_refused(athlete.athlete_id))

    def renewed(self, athlete: Athlete, application: Application, oauth: OAuth, rejected: Secret) -> Secret:
        """Return another token than the one that Strava has just rejected with 401.

        If somebody has replaced that one already, no refresh is made. It is the same token again only if
        Strava insists on it; whoever gets 401 for a renewed token should conclude that the athlete must
        connect again. Raises what ``access_token`` raises.
        """
        with self._guard:
            self._refused[athlete.athlete_id] = rejected
        return self._refreshed(athlete, application, oauth, rejected=rejected)

    def _known_refused(self, athlete_id: int) -> Optional[Secret]:
        with self._guard:
            return self._refused.get(athlete_id)

    def take_over(self, tx: Transaction) -> None:
        """Give back the leases of this owner's former processes: they are dead, and refresh nothing any more."""
        leases.release_others(tx, owner=self._owner, holder=self._holder)

    def save_unsaved(self) -> bool:
        """Try once more to save what is only in memory; True if nothing is left.

        To be called at least once a minute, so that the lease does not run out, and before the process ends.
        Costs nothing while there is nothing to save.
        """
        with self._guard:
            waiting = list(self._unsaved)
        for athlete_id in waiting:
            try:
                with self._alone(athlete_id):
                    self._settle(athlete_id)
            except CollectorError:
                continue  # whoever stops the process is told by the result
        with self._guard:
            return not self._unsaved

    def forget(self, athlete_id: int, *, refused: Optional[Secret] = None) -> bool:
        """Delete the athlete's tokens, also those that are only in memory, while nobody refreshes them.

        ``refused`` is the access token that Strava does not accept any more, if it is known: tokens that have taken
        its place since are left alone, and the result is False. They are from a new consent, or from a refresh that
        worked.

        Raises RefreshBusy if somebody is just refreshing them, TokenStoreUnavailable and StoreUnavailable.
        """
        with self._alone(athlete_id) as begun:
            rotation, tokens = self._rotation(athlete_id), self._store.load(athlete_id)
            if rotation is not None and tokens is not None and tokens.refresh_token == rotation.old.refresh_token:
                tokens = rotation.new
            if refused is not None and tokens is not None and tokens.access_token != refused:
                return False
            if self._clock.monotonic() - begun > _LATEST_BEGIN:
                raise RefreshBusy(self._clock.now() + _BUSY_SECONDS)
            self._store.forget(athlete_id)
            # Only now: had this been the only place of the tokens, a failure above would have lost them unseen.
            with self._guard:
                self._unsaved.pop(athlete_id, None)
            return True

    def _refreshed(
        self, athlete: Athlete, application: Application, oauth: OAuth, *, rejected: Optional[Secret]
    ) -> Secret:
        with self._alone(athlete.athlete_id) as begun:
            self._settle(athlete.athlete_id)
            tokens = self._load(athlete)
            if self._is_good(tokens) and tokens.access_token != rejected:
                return tokens.access_token
            if self._clock.monotonic() - begun > _LATEST_BEGIN:
                raise RefreshBusy(self._clock.now() + _BUSY_SECONDS)
            try:
                new = oauth.refresh(application, tokens)
            except OAuthRefused as refusal:
                refused = refusal
            else:
                self._remember(athlete.athlete_id, _Rotation(tokens, new))
                return self._settle(athlete.athlete_id) or self._load(athlete).access_token
            if refused.kind is Refusal.REFRESH_TOKEN and self._load(athlete).refresh_token != tokens.refresh_token:
                # The athlete has connected again while we asked, and the new tokens are in the store.
                raise RefreshBusy(self._clock.now())
            raise refused

    def _settle(self, athlete_id: int) -> Optional[Secret]:
        """Save the tokens that are only in memory, if there are any.

        Returns their access token once they are saved. None: there were none, or they are obsolete because
        somebody else has replaced or deleted the stored ones (the athlete connected again, or withdrew the
        permission).
        """
        rotation = self._rotation(athlete_id)
        if rotation is None:
            return None
        saved = True
        try:
            stored = self._store.load(athlete_id)
            if stored is None or stored.refresh_token not in (
                rotation.old.refresh_token,
                rotation.new.refresh_token,
            ):
                saved = False
            elif stored != rotation.new:
                self._store.save(athlete_id, rotation.new)
        except Exception:
            # Whatever it was, losing the tokens would be worse. Its text is not taken over: it is not known
            # here whether it may be shown.
            failed = True
        else:
            failed = False
        if failed:
            raise TokensNotSaved(
                f"Strava gave new tokens for athlete {athlete_id}, but they could not be saved in Splunk's "
                "password store. They are kept and saved as soon as it works. Check that splunkd answers."
            )
        with self._guard:
            del self._unsaved[athlete_id]
        return rotation.new.access_token if saved else None

    @contextmanager
    def _alone(self, athlete_id: int) -> Iterator[float]:
        """Be the only one to refresh the athlete's tokens, here and elsewhere; gives the monotonic begin.

        Raises RefreshBusy at once if somebody else is, and StoreUnavailable.
        """
        with self._guard:
            lock = self._athletes.setdefault(athlete_id, threading.Lock())
        if not lock.acquire(blocking=False):
            raise RefreshBusy(self._clock.now() + _BUSY_SECONDS)
        try:
            begun = self._clock.monotonic()
            self._take_lease(athlete_id)
            try:
                yield begun
            finally:
                self._give_lease_back(athlete_id)
        finally:
            lock.release()

    def _take_lease(self, athlete_id: int) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            taken = leases.acquire(
                tx, name=lease_name(athlete_id), holder=self._holder, now=now, seconds=self._lease_seconds
            )
        if not taken:
            raise RefreshBusy(now + _BUSY_SECONDS)

    def _give_lease_back(self, athlete_id: int) -> None:
        """Release the lease, or prolong it while there are tokens to be saved: the stored ones are dead."""
        name, now = lease_name(athlete_id), self._clock.now()
        unsaved = self._rotation(athlete_id) is not None
        # If the store fails here the lease runs out by itself, and until then we ourselves can take it again.
        with suppress(StoreUnavailable), self._database.write() as tx:
            if unsaved:
                leases.acquire(tx, name=name, holder=self._holder, now=now, seconds=self._lease_seconds)
            else:
                leases.release(tx, name=name, holder=self._holder)

    def _load(self, athlete: Athlete) -> Tokens:
        tokens = self._store.load(athlete.athlete_id)
        if tokens is None:
            raise NotConnected(
                f'There are no tokens for the athlete "{athlete.name}": connect the athlete (Configuration → Athletes).'
            )
        return tokens

    def _is_good(self, tokens: Tokens) -> bool:
        return tokens.expires_at - self._clock.now() >= self._margin

    def _rotation(self, athlete_id: int) -> Optional[_Rotation]:
        with self._guard:
            return self._unsaved.get(athlete_id)

    def _remember(self, athlete_id: int, rotation: _Rotation) -> None:
        with self._guard:
            self._unsaved[athlete_id] = rotation


def lease_name(athlete_id: int) -> str:
    """Of whoever may replace or revoke the athlete's tokens."""
    return f"tokens:{athlete_id}"
