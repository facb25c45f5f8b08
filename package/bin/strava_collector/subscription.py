"""Keeps an application's push subscription at Strava as its input wants it.

``subscription_rules`` decides; here is when Strava is asked, and what is done about its answer. The store remembers how
it went and when to look again, so that a process that is started again and again asks no more often than one that is
not. Strava calls the callback URL while it makes a subscription, so nothing is done before the listener listens.

A subscription that is replaced may have announced something that has not arrived yet: its id counts as genuine for
another day (``store.subscriptions.former``).
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from dataclasses import replace
from typing import Callable, Optional

from strava_collector.clock import Clock
from strava_collector.logfmt import line
from strava_collector.ports import Problems
from strava_collector.secret import Secret
from strava_collector.settings import Application, Settings, WebhookInput
from strava_collector.store import input_save, leases, subscriptions
from strava_collector.store.database import Database, Transaction
from strava_collector.store.subscriptions import Watch
from strava_collector.strava_api import StravaApi
from strava_collector.subscription_answers import SubscriptionTrouble
from strava_collector.subscription_calls import SubscriptionCalls
from strava_collector.subscription_look import Digests, Look
from strava_collector.subscription_rules import LONGEST_PAUSE, State

log = logging.getLogger(__name__)

#: The topic of the messages about it.
TOPIC = "subscription"

#: A look with all its calls takes no longer, in seconds; then another process may look.
_LONGEST_LOOK = 300.0
#: After somebody's doubt, in seconds from the last look: anybody can raise one by forging notifications.
_DOUBT_PAUSE = 60.0
#: Between two looks at whether another input still keeps the subscription, in seconds.
_OTHER_PAUSE = 60.0
#: Trouble that may pass by itself is told after so many looks.
_TELL_AFTER = 3

_NO_LOOK_SAID = (
    "The subscription has not been looked at yet with the present settings of the input: that is done as soon as it "
    "listens and can reach Strava."
)
_BY_HAND = (
    "The subscription is made by hand: “Create and keep the subscription” is not ticked. The command "
    "“strava_admin.py subscriptions create --input …” makes it."
)


class SubscriptionKeeper:
    """One input's part in keeping the subscription; several processes of an application share the store's memory."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        webhook_input: WebhookInput,
        calls: SubscriptionCalls,
        listening: Callable[[], bool],
        bulletin: Problems,
        adopted: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
        look_there: Callable[[], str] = str,
        digests: Optional[Digests] = None,
    ) -> None:
        """``listening`` says whether the listener could answer Strava now; ``adopted`` is called when the subscription
        is another one than before; ``look_there`` says in a sentence what becomes of a request to the callback URL."""
        self._database = database
        self._clock = clock
        self._input = webhook_input
        self._calls = calls
        self._listening = listening
        self._bulletin = bulletin
        self._adopted = adopted
        self._stopping = stopping
        self._look_there = look_there
        self._owner = f"subscription keeper of {webhook_input.name}"
        self._holder = f"{self._owner} {uuid.uuid4().hex}"
        #: Held during a look, so that a removal comes after it.
        self._lock = threading.Lock()
        self._is_closed = False
        self._in_doubt = False
        #: The subscription that was kept last, as far as this process knows.
        self._kept: Optional[int] = None
        self._digests = digests or Digests()

    @property
    def kept(self) -> Optional[int]:
        """The subscription that was kept last, as far as this process knows."""
        return self._kept

    def keep(self, api: StravaApi, application: Application, settings: Settings) -> Optional[float]:
        """Look if it is time; return in how many seconds to call this again, at the latest. None: when woken.

        To be called as often as one likes: whenever settings have been read, when the listener begins to listen, and
        now and then. Raises StoreUnavailable.
        """
        with self._lock:
            if self._is_closed or self._stopping():
                return None
            with self._database.read() as tx:
                watch = subscriptions.watch(tx, application.client_id)
                is_saved = input_save.is_noted(tx, self._input.name, now=self._clock.now())
            if watch is not None and self._belongs_to_another(watch, settings):
                return self._leave_it_to(watch.input, application, settings)
            if not self._input.manage_subscription:
                self._stand_aside(watch, application)
                return None
            self._kept = None if watch is None else watch.subscription_id
            self._tell(watch)
            if not self._listening():
                self._admit_change(watch, application, settings)
                return None
            return self._in_turn(api, application, settings, watch, is_saved)

    def take_over(self, tx: Transaction) -> None:
        """Give back what a dead process of this input held: a look of its is not under way any more."""
        leases.release_others(tx, owner=self._owner, holder=self._holder)

    def heard(self, listed: tuple[int, ...]) -> None:
        """Somebody has asked Strava for the subscription's id: if it is not the one that is kept, look soon."""
        if self._input.manage_subscription and self._kept not in listed:
            self._in_doubt = True

    def remove(self, api: StravaApi, application: Application, *, patience: float) -> Optional[str]:
        """Delete the subscription, since the input is disabled or deleted; None if there is none of it any more.

        Otherwise a sentence about why it is left. Waits ``patience`` seconds for a look that is under way; keeps
        nothing from then on. Raises StoreUnavailable.
        """
        self._is_closed = True
        if not self._lock.acquire(timeout=max(patience, 0.0)):
            return "It was just being looked at, and the time was over."
        try:
            with self._database.read() as tx:
                watch = subscriptions.watch(tx, application.client_id)
            if watch is None or watch.input != self._input.name or watch.subscription_id is None:
                return None
            self._kept = watch.subscription_id
            try:
                self._calls.delete(api, application, watch.subscription_id, may_wait=False)
            except SubscriptionTrouble as error:
                return str(error)
            with self._database.write() as tx:
                subscriptions.forget_watch(tx, application.client_id)
            log.info(line("subscription_removed", application=application.name, subscription_id=watch.subscription_id))
            return None
        finally:
            self._lock.release()

    # When to look.

    def _in_turn(
        self, api: StravaApi, application: Application, settings: Settings, watch: Optional[Watch], is_saved: bool
    ) -> Optional[float]:
        now = self._clock.now()
        wants = self._wants(application, settings)
        is_fresh = watch is None or is_saved or self._is_outdated(watch, wants)
        if watch is not None and not is_fresh:
            at = min(watch.next_at, watch.looked_at + _DOUBT_PAUSE) if self._in_doubt else watch.next_at
            # What was noted while the clock was ahead says nothing about when to look.
            if now < at and now > watch.looked_at - _DOUBT_PAUSE:
                return min(at - now, LONGEST_PAUSE)
        name = f"keeping the subscription of {application.client_id}"
        with self._database.write() as tx:
            if not leases.acquire(tx, name=name, holder=self._holder, now=now, seconds=_LONGEST_LOOK):
                return _OTHER_PAUSE
            input_save.take(tx, self._input.name)
        self._in_doubt = False
        try:
            begun = self._begun(watch, application, wants, is_fresh)
            look = self._look(begun, api, application)
            look.carry_out()
        finally:
            with self._database.write() as tx:
                leases.release(tx, name=name, holder=self._holder)
        self._kept = look.watch.subscription_id
        self._tell(look.watch)
        if look.has_adopted:
            self._adopted()
        return max(look.watch.next_at - self._clock.now(), 1.0)

    def _is_outdated(self, watch: Watch, wants: Secret) -> bool:
        """Whether something else was wanted at the last look."""
        return (
            watch.input != self._input.name
            or watch.state is State.BY_HAND
            or not self._digests.is_of(watch.wanted, wants)
        )

    def _admit_change(self, watch: Optional[Watch], application: Application, settings: Settings) -> None:
        """What was found with other settings is not to be read as if it held for these, while no look is possible."""
        if watch is None or watch.state is not State.KEPT:
            return
        if not self._is_outdated(watch, self._wants(application, settings)):
            return
        now = self._clock.now()
        with self._database.write() as tx:
            subscriptions.save_watch(tx, replace(watch, state=State.WAITING, said=_NO_LOOK_SAID, next_at=now))

    def _look(self, watch: Watch, api: StravaApi, application: Application) -> Look:
        return Look(
            watch,
            api,
            application,
            webhook_input=self._input,
            database=self._database,
            clock=self._clock,
            calls=self._calls,
            digests=self._digests,
            stopping=self._stopping,
            look_there=self._look_there,
        )

    def _begun(self, watch: Optional[Watch], application: Application, wants: Secret, is_fresh: bool) -> Watch:
        """What is known at the beginning of a look; what is wanted anew is tried as if for the first time."""
        now = self._clock.now()
        if watch is not None and not is_fresh:
            return replace(watch, looked_at=now)
        base = watch or Watch(
            client_id=application.client_id,
            input=self._input.name,
            state=State.WAITING,
            said=_NO_LOOK_SAID,
            wanted="",
            subscription_id=None,
            callback_url=None,
            token_digest=None,
            rival=None,
            failures=0,
            looked_at=now,
            next_at=now,
        )
        return replace(
            base,
            input=self._input.name,
            state=State.WAITING,
            said=_NO_LOOK_SAID,
            wanted=self._digests.of(wants),
            rival=None,
            failures=0,
            looked_at=now,
            next_at=now,
        )

    def _wants(self, application: Application, settings: Settings) -> Secret:
        """All that may make the difference; with another one it is looked at once."""
        wanted, advanced = self._input, settings.advanced
        return Secret(
            json.dumps(
                [
                    wanted.callback_url,
                    wanted.replace_subscription,
                    wanted.port,
                    wanted.cert_file,
                    wanted.key_file,
                    wanted.in_front,
                    wanted.verify_token.reveal(),
                    application.client_secret.reveal(),
                    advanced.api_url,
                    advanced.ca_file,
                    "" if settings.proxy is None else settings.proxy.reveal(),
                ]
            )
        )

    # Whose it is.

    def _belongs_to_another(self, watch: Watch, settings: Settings) -> bool:
        """Whether another input keeps the subscription, as far as can be told: splunkd may not have told who runs."""
        if watch.input == self._input.name or watch.state is State.BY_HAND:
            return False
        running = {one.name: one.application for one in settings.enabled_inputs}
        return self._input.name not in running or running.get(watch.input) == self._input.application

    def _leave_it_to(self, other: str, application: Application, settings: Settings) -> float:
        if self._input.manage_subscription and any(one.name == other for one in settings.enabled_inputs):
            self._bulletin.report(
                TOPIC,
                f"The input “{other}” keeps the subscription of the application “{application.name}”, and an "
                "application has only one. Disable one of the two inputs, or choose another application for one.",
            )
        return _OTHER_PAUSE

    def _stand_aside(self, watch: Optional[Watch], application: Application) -> None:
        """The user makes the subscription; what was kept is remembered, should the add-on keep it again."""
        self._bulletin.resolved(TOPIC)
        if watch is not None and watch.state is State.BY_HAND and watch.input == self._input.name:
            return
        now = self._clock.now()
        base = watch or self._begun(None, application, Secret(""), True)
        with self._database.write() as tx:
            subscriptions.save_watch(
                tx,
                replace(base, input=self._input.name, state=State.BY_HAND, said=_BY_HAND, looked_at=now, next_at=now),
            )
        log.info(line("subscription_by_hand", application=application.name))

    # What the user is told.

    def _tell(self, watch: Optional[Watch]) -> None:
        if watch is None or watch.input != self._input.name:
            return
        if watch.state is State.KEPT:
            self._bulletin.resolved(TOPIC)
        elif not watch.state.passes or watch.failures >= _TELL_AFTER:
            self._bulletin.report(TOPIC, watch.said)
