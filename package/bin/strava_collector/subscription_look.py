"""One look at an application's subscription at Strava, and what follows from it.

What is known changes on the way, and is saved each time: a process may end between deleting and creating.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Callable, Optional

from strava_collector.clock import Clock
from strava_collector.logfmt import line
from strava_collector.secret import Secret
from strava_collector.settings import Application, WebhookInput
from strava_collector.store import subscriptions
from strava_collector.store.database import Database
from strava_collector.store.subscriptions import Watch
from strava_collector.strava_api import StravaApi
from strava_collector.subscription_answers import SubscriptionTrouble
from strava_collector.subscription_calls import SubscriptionCalls
from strava_collector.subscription_rules import (
    Create,
    Keep,
    Known,
    Listed,
    Plan,
    Refuse,
    Replace,
    State,
    Wanted,
    decide,
    pause,
)
from strava_collector.token_digest import digest, is_digest_of

log = logging.getLogger(__name__)

#: Strava said that there was none and could not make one: with the next look it is tried again without asking first.
_STILL_NONE = (State.NOT_VERIFIABLE, State.NOT_200)
#: So many comparisons of digests are remembered.
_MOST_COMPARED = 16


class Digests:
    """Makes digests and compares them, each comparison once, because it takes its time."""

    def __init__(self) -> None:
        self._compared: dict[tuple[str, Secret], bool] = {}

    def of(self, secret: Secret) -> str:
        """Return a new digest."""
        made = digest(secret)
        self._compared[made, secret] = True
        return made

    def is_of(self, text: str, secret: Secret) -> bool:
        """Whether the digest was made of this secret."""
        if (text, secret) not in self._compared:
            if len(self._compared) >= _MOST_COMPARED:
                self._compared.clear()
            self._compared[text, secret] = is_digest_of(text, secret)
        return self._compared[text, secret]


class Look:
    """Asks, decides, deletes and creates. Made for one look; ``watch`` is what is known, and is saved as it changes."""

    def __init__(
        self,
        watch: Watch,
        api: StravaApi,
        application: Application,
        *,
        webhook_input: WebhookInput,
        database: Database,
        clock: Clock,
        calls: SubscriptionCalls,
        digests: Digests,
        stopping: Callable[[], bool],
        look_there: Callable[[], str],
    ) -> None:
        """See :class:`~strava_collector.subscription.SubscriptionKeeper`."""
        self.watch = watch
        #: The application's subscription is another one than before.
        self.has_adopted = False
        self._api = api
        self._application = application
        self._input = webhook_input
        self._database = database
        self._clock = clock
        self._calls = calls
        self._digests = digests
        self._stopping = stopping
        self._look_there = look_there

    def carry_out(self) -> None:
        """Look; ``watch`` says then how it went and when to look again. Raises StoreUnavailable."""
        self._remember(self.watch)
        try:
            self._look()
        except SubscriptionTrouble as trouble:
            self._note_trouble(trouble)

    def _look(self) -> None:
        plan: Plan
        if self.watch.state in _STILL_NONE and self.watch.subscription_id is None:
            plan = Create("there still is none")
        else:
            plan = self._plan()
        if self._follow(plan):
            return
        # There is one already, made by somebody else in this moment, or by a call of ours whose answer got lost.
        if not self._follow(self._plan()):
            raise SubscriptionTrouble(
                State.EXISTS,
                f"Strava says that the application “{self._application.name}” has a subscription already, and then "
                "again that it has none. It is tried again.",
            )

    def _plan(self) -> Plan:
        token_digest, token = self.watch.token_digest, self._input.verify_token
        return decide(
            self._calls.listed(self._api, self._application),
            Wanted(self._input.callback_url, self._input.replace_subscription),
            Known(
                subscription_id=self.watch.subscription_id,
                token_changed=token_digest is not None and not self._digests.is_of(token_digest, token),
                rival=self.watch.rival,
            ),
        )

    def _follow(self, plan: Plan) -> bool:
        """Carry out the plan; False if Strava has a subscription where it had none."""
        if isinstance(plan, Keep):
            self._note_kept(plan.listed, created=None)
            return True
        if isinstance(plan, Refuse):
            self._forget()  # what was remembered of ours is not there any more
            raise SubscriptionTrouble(plan.state, plan.said)
        if self._stopping():
            raise SubscriptionTrouble(State.WAITING, "The input was stopped meanwhile.", at=self._clock.now())
        if isinstance(plan, Replace):
            self._delete(plan)
        elif plan.missing is not None:
            log.warning(line("subscription_missing", application=self._application.name, subscription_id=plan.missing))
            self._forget()
        made = self._calls.created(
            self._api,
            self._application,
            callback_url=self._input.callback_url,
            verify_token=self._input.verify_token,
            look_there=self._look_there,
        )
        if made is None:
            return False
        self._note_kept(made, created=plan.why)
        return True

    def _delete(self, plan: Replace) -> None:
        # An application without any would be the worst of all, so only if there is room for both calls.
        self._calls.expect_room(self._application, 2)
        said = (
            f"The subscription {plan.listed.id} is being replaced ({plan.why}). Should the input be stopped meanwhile, "
            "it goes on when it runs again."
        )
        self._remember(replace(self.watch, state=State.WAITING, said=said))
        self._calls.delete(self._api, self._application, plan.listed.id)
        log.warning(
            line(
                "subscription_deleted",
                application=self._application.name,
                subscription_id=plan.listed.id,
                why=plan.why,
            )
        )
        if plan.foreign:
            self.watch = replace(self.watch, rival=plan.listed.callback_url)
        self._forget()

    def _forget(self) -> None:
        """None of ours is there."""
        self._remember(replace(self.watch, subscription_id=None, callback_url=None, token_digest=None))

    def _remember(self, watch: Watch) -> None:
        """Save what is known in the middle of a look. One that does not come to its end counts as a failure; the first
        of them is made up for at once, because an application may be without a subscription then."""
        self.watch = watch
        wait = pause(State.WAITING, watch.failures) if watch.failures else 0.0
        with self._database.write() as tx:
            subscriptions.save_watch(tx, replace(watch, failures=watch.failures + 1, next_at=self._clock.now() + wait))

    def _note_kept(self, found: Listed, *, created: Optional[str]) -> None:
        watch, now = self.watch, self._clock.now()
        token_digest = watch.token_digest if watch.subscription_id == found.id else None
        self.watch = replace(
            watch,
            state=State.KEPT,
            said=f"Strava has the subscription {found.id}, which leads to this input.",
            subscription_id=found.id,
            callback_url=self._input.callback_url,
            token_digest=token_digest or self._digests.of(self._input.verify_token),
            failures=0,
            next_at=now + pause(State.KEPT, 0),
        )
        with self._database.write() as tx:
            subscriptions.save_watch(tx, self.watch)
            self.has_adopted = subscriptions.adopt(
                tx, client_id=self._application.client_id, subscription_id=found.id, now=now
            )
        name = self._application.name
        if created is not None:
            log.info(line("subscription_created", application=name, subscription_id=found.id, why=created))
        elif token_digest is None or watch.state is not State.KEPT:
            log.info(line("subscription_kept", application=name, subscription_id=found.id))

    def _note_trouble(self, trouble: SubscriptionTrouble) -> None:
        now = self._clock.now()
        failures = self.watch.failures + (trouble.state is not State.WAITING)
        next_at = now + pause(trouble.state, failures) if trouble.at is None else max(trouble.at, now)
        self._save(replace(self.watch, state=trouble.state, said=str(trouble), failures=failures, next_at=next_at))
        log.warning(
            line(
                "subscription_trouble",
                application=self._application.name,
                state=trouble.state.value,
                error=str(trouble),
                failures=failures,
                next_in=next_at - now,
            )
        )

    def _save(self, watch: Watch) -> None:
        self.watch = watch
        with self._database.write() as tx:
            subscriptions.save_watch(tx, watch)
