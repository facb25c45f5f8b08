"""Finds out whose the notifications are that name a subscription we do not know.

Strava lists an application's subscription to whoever has its client secret. A subscription that is listed is adopted,
and what was held for it is dispatched; what else was held is a dead letter then. Anybody may send notifications with
any number, and each call uses up a read of the application's, so calls are few however many arrive.
"""

from __future__ import annotations

import logging
import uuid
from typing import Callable, Optional

from strava_collector.clock import Clock
from strava_collector.errors import TransportError
from strava_collector.logfmt import line
from strava_collector.notification_rules import Hold
from strava_collector.settings import Application
from strava_collector.store import inbox, leases, subscriptions
from strava_collector.store.database import Database, Transaction
from strava_collector.strava_api import StravaApi
from strava_collector.subscription_answers import listed_in
from strava_collector.transport import Answer

log = logging.getLogger(__name__)

#: Seconds from one call to the next; doubles with each call that found nothing new, up to an hour.
SHORTEST_PAUSE = 60.0
LONGEST_PAUSE = 3600.0

#: So many dead letters of an input are kept; beyond that, refused notifications are only counted.
MOST_DEAD_LETTERS = 1_000

#: Rows that a transaction writes.
BATCH = 200


class SubscriptionCheck:
    """Asks Strava for the application's subscription, as long as notifications are held because of theirs.

    The pause between two calls is a lease in the store: it holds for all processes of the application. How it grows, a
    process that is started again does not know; but the calls are counted with those that keep the subscription, and
    have at most a part of these.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        input: str,
        allowed: Callable[[], bool],
        learn: Callable[[Optional[Answer]], None],
        released: Callable[[], None] = lambda: None,
        heard: Callable[[tuple[int, ...]], None] = lambda _listed: None,
    ) -> None:
        """``allowed`` says whether a read may be made now, and counts it; ``learn`` gets each answer, None for none.

        ``released`` is called when notifications wait to be dispatched that were held before, ``heard`` with the ids
        that Strava has listed.
        """
        self._database = database
        self._clock = clock
        self._input = input
        self._allowed = allowed
        self._learn = learn
        self._released = released
        self._heard = heard
        #: Calls in a row that found nothing new.
        self._in_vain = 0
        #: Monotonic; before that, no call.
        self._next_call = float("-inf")

    def check(self, api: StravaApi, application: Application) -> Optional[float]:
        """Ask if there is reason to and it is time; return in how many seconds to call this again, at the latest.

        None if nothing is held. To be called by one thread, as soon as something is held, as often as one likes.
        Raises StoreUnavailable.
        """
        if self._newest() is None:
            return None
        with self._database.read() as tx:
            known = subscriptions.known(tx, application.client_id)
        if known is not None:
            # Adopted meanwhile, here or by another process.
            self._release(known)
        newest = self._newest()
        if newest is None:
            return None
        wait = self._next_call - self._clock.monotonic()
        if wait > 0:
            return wait
        wait = self._call(api, application, newest)
        self._next_call = self._clock.monotonic() + wait
        return None if self._newest() is None else wait

    def _call(self, api: StravaApi, application: Application, newest: int) -> float:
        """Ask Strava, if it is our turn; return in how many seconds it may be done again."""
        turn = _Turn(self._database, self._clock, application)
        pause = min(SHORTEST_PAUSE * (1 << self._in_vain), LONGEST_PAUSE)
        if not turn.take(pause):
            return SHORTEST_PAUSE
        with self._database.read() as tx:
            free_at = subscriptions.room_for_check(tx, application.client_id, now=self._clock.now())
        if free_at is not None or not self._allowed():
            turn.give_back()
            return SHORTEST_PAUSE
        with self._database.write() as tx:
            subscriptions.count_call(tx, application.client_id, now=self._clock.now(), is_check=True)
        listed = self._ask(api, application)
        if listed is None or not self._settle(application, listed, newest):
            # As many doublings as lead to the longest pause, so that the number stays small.
            self._in_vain = min(self._in_vain + 1, 6)
            return pause
        self._in_vain = 0
        turn.take(SHORTEST_PAUSE)
        return SHORTEST_PAUSE

    def _newest(self) -> Optional[int]:
        with self._database.read() as tx:
            return inbox.newest_foreign(tx, self._input)

    def _ask(self, api: StravaApi, application: Application) -> Optional[tuple[int, ...]]:
        """Return the ids that Strava lists, the newest last; None if that could not be found out."""
        try:
            answer = api.subscriptions(application.client_id, application.client_secret)
        except TransportError as error:
            self._learn(None)
            log.warning(line("subscription_check_failed", application=application.name, error=str(error)))
            return None
        self._learn(answer)
        found = listed_in(answer)
        listed = None if found is None else tuple(one.id for one in found)
        if listed is not None:
            self._heard(listed)
        else:
            log.warning(
                line(
                    "subscription_check_failed",
                    application=application.name,
                    status=answer.status,
                    hint="Strava did not list the application's subscription. The notifications stay held, it is "
                    "asked again. With status 400 or 401, look at the application's client id and secret.",
                )
            )
        return listed

    def _settle(self, application: Application, listed: tuple[int, ...], newest: int) -> bool:
        """Adopt what is listed, refuse what is held of others; True if something was adopted."""
        adopted = False
        if listed:
            with self._database.write() as tx:
                adopted = subscriptions.adopt(
                    tx, client_id=application.client_id, subscription_id=listed[-1], now=self._clock.now()
                )
            if adopted:
                log.info(line("subscription_adopted", application=application.name, subscription_id=listed[-1]))
            self._release(listed[-1])
        self._refuse(application, newest)
        return adopted

    def _release(self, subscription_id: int) -> None:
        now = self._clock.now()
        released = self._in_batches(
            lambda tx: inbox.release_foreign(tx, self._input, subscription_id, now=now, limit=BATCH)
        )
        if released:
            log.info(line("released_held", notifications=released, reason=Hold.FOREIGN_SUBSCRIPTION.value))
            self._released()

    def _refuse(self, application: Application, newest: int) -> None:
        """Give up what had arrived before Strava was asked; what came later may be of a newer subscription."""
        reason = (
            f"Strava does not list this notification's subscription for the application “{application.name}”: it was "
            "forged, or it belongs to a subscription that has been deleted. Retry it if you know better."
        )
        refused = self._in_batches(
            lambda tx: inbox.refuse_foreign(
                tx, self._input, up_to=newest, keep=MOST_DEAD_LETTERS, reason=reason, now=self._clock.now()
            )
        )
        if refused:
            log.warning(line("foreign_subscription_refused", application=application.name, notifications=refused))

    def _in_batches(self, step: Callable[[Transaction], int]) -> int:
        total, last = 0, BATCH
        while last == BATCH:
            with self._database.write() as tx:
                last = step(tx)
            total += last
        return total


class _Turn:
    """The right to make the next call for an application, and nobody's before its pause is over."""

    def __init__(self, database: Database, clock: Clock, application: Application) -> None:
        self._database = database
        self._clock = clock
        self._name = f"subscriptions of {application.client_id}"
        self._holder = uuid.uuid4().hex

    def take(self, pause: float) -> bool:
        """Take the turn, or have it already, for ``pause`` seconds; False while somebody else's pause lasts."""
        now = self._clock.now()
        with self._database.write() as tx:
            # A lease that ends later than one of ours could is shortened: the clock was ahead. So the longest comes
            # first, or another one's longer pause would be shortened to ours.
            return leases.acquire(
                tx, name=self._name, holder=self._holder, now=now, seconds=LONGEST_PAUSE
            ) and leases.acquire(tx, name=self._name, holder=self._holder, now=now, seconds=pause)

    def give_back(self) -> None:
        """Leave it to the next one, at once."""
        with self._database.write() as tx:
            leases.release(tx, name=self._name, holder=self._holder)
