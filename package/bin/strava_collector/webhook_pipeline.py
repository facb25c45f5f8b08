"""The parts of an input *Strava Webhook* between the inbox and the index: those of any input, and what looks after the
application's subscription.
"""

from __future__ import annotations

from typing import Callable, Optional

from strava_collector.answers import retry_after
from strava_collector.pipeline import Equipment, Pipeline
from strava_collector.settings import WebhookInput
from strava_collector.store import applications
from strava_collector.store.database import Transaction
from strava_collector.subscription import SubscriptionKeeper
from strava_collector.subscription_calls import SubscriptionCalls
from strava_collector.subscription_check import SubscriptionCheck
from strava_collector.transport import Answer


class WebhookPipeline(Pipeline):
    """One process's dispatcher, worker and subscription keeper, and what they share."""

    def __init__(
        self,
        webhook_input: WebhookInput,
        equipment: Equipment,
        *,
        foreign: Callable[[], None] = lambda: None,
        released: Callable[[], None] = lambda: None,
        listening: Callable[[], bool] = lambda: False,
        look_there: Callable[[], str] = str,
    ) -> None:
        """``foreign`` as in :class:`Pipeline`. ``released`` is called when notifications that name a subscription which
        was not known to be ours turned out to be genuine; ``listening`` says that Strava can call the input, and
        ``look_there`` in a sentence what becomes of a request to the callback URL."""
        super().__init__(webhook_input, equipment, foreign=foreign)
        database, clock, bulletin = equipment.database, equipment.clock, equipment.bulletin
        settings = equipment.settings
        self._input = webhook_input
        self._database = database
        self._connection = equipment.connection
        self._bulletin = bulletin
        self._clock = clock
        self._subscription_check = SubscriptionCheck(
            database,
            clock,
            input=webhook_input.name,
            allowed=self._may_ask_for_subscription,
            learn=self._learn_from_subscription,
            released=released,
            heard=lambda listed: self.keeper.heard(listed),
        )
        self.keeper = SubscriptionKeeper(
            database,
            clock,
            webhook_input=webhook_input,
            calls=SubscriptionCalls(
                database,
                clock,
                allowance=self.allowance,
                name=self._keeper_lease,
                advanced=lambda: None if (current := settings()) is None else current.advanced,
            ),
            listening=listening,
            bulletin=bulletin,
            adopted=released,
            stopping=equipment.stopping,
            look_there=look_there,
        )

    def take_over(self, tx: Transaction) -> None:
        """Give back what a dead process of this input held."""
        super().take_over(tx)
        self.keeper.take_over(tx)
        for lease in (self._subscription_lease, self._keeper_lease):
            applications.abandon(tx, lease, self._clock.now())

    def check_subscription(self) -> Optional[float]:
        """Find out whose the held notifications are; see :meth:`SubscriptionCheck.check`."""
        connection = self._connection()
        if connection is None:
            return None
        return self._subscription_check.check(connection.api, connection.application)

    def keep_subscription(self) -> Optional[float]:
        """Keep the application's subscription as it is wanted; see :meth:`SubscriptionKeeper.keep`."""
        settings, connection = self._settings(), self._connection()
        if settings is None or connection is None:
            return None
        return self.keeper.keep(connection.api, connection.application, settings)

    def _may_ask_for_subscription(self) -> bool:
        settings, connection = self._settings(), self._connection()
        if settings is None or connection is None:
            return False
        with self._database.write() as tx:
            return self.allowance.reserve_one(
                tx, connection.application.client_id, self._subscription_lease, settings.advanced
            )

    def _learn_from_subscription(self, answer: Optional[Answer]) -> None:
        connection = self._connection()
        listed = answer is not None and answer.status == 200
        if listed:
            self._bulletin.resolved("held_notifications")
        else:
            self._bulletin.report(
                "held_notifications",
                "Strava does not tell which webhook subscription the application has, so notifications are held that "
                "may be genuine. Check the application's client ID and secret; it is asked again by itself.",
            )
        with self._database.write() as tx:
            if answer is None or connection is None:
                self.allowance.unanswered(tx, self._subscription_lease)
            else:
                wait = retry_after(answer.headers, self._clock.now())
                client_id = connection.application.client_id
                self.allowance.answered(tx, client_id, self._subscription_lease, answer, retry_after=wait)

    @property
    def _subscription_lease(self) -> str:
        return f"subscription check of {self._input.name}"

    @property
    def _keeper_lease(self) -> str:
        return f"subscription keeper of {self._input.name}"
