"""Webhook delivery: each notification is posted up to three times, with two seconds for each answer.

Pauses and delays run on the machine's own clock, because real connections do; ``event_time`` and the
times of attempts are by the stand-in's clock.
"""

from __future__ import annotations

import heapq
import random
import statistics
import threading
import time
from dataclasses import dataclass, field
from enum import Enum

from sandbox.patience import patience
from sandbox.strava.accounts import Application
from sandbox.strava.call_out import CallOut
from sandbox.strava.statistics import DeliverySummary
from sandbox.strava.subscriptions import Subscription, Subscriptions
from strava_collector.clock import Clock

ATTEMPTS = 3


class DeliveryState(Enum):
    """How far a notification has come."""

    WAITING = "waiting"
    ACKNOWLEDGED = "acknowledged"
    #: Three attempts failed.
    GIVEN_UP = "given up"
    #: Never sent, on purpose.
    LOST = "lost"


@dataclass(frozen=True)
class Attempt:
    """One POST."""

    #: Epoch seconds by the stand-in's clock.
    at: float
    #: None when no complete answer came.
    status: int | None
    seconds: float
    error: str | None


@dataclass
class Delivery:
    """One notification on its way to one subscription."""

    subscription: Subscription
    notification: dict[str, object]
    #: Epoch seconds by the stand-in's clock.
    created_at: float
    state: DeliveryState = DeliveryState.WAITING
    attempts: list[Attempt] = field(default_factory=list)
    #: Seconds from the change to the acknowledgement.
    delay: float | None = None
    _begun: float = field(default_factory=time.monotonic)


@dataclass(order=True)
class _Due:
    at: float
    number: int
    delivery: Delivery = field(compare=False)


class DeliveryService:
    """The threads that post notifications."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        call_out: CallOut,
        clock: Clock,
        *,
        retry_pause: float,
        time_limit: float,
        threads: int,
    ) -> None:
        self._subscriptions = subscriptions
        self._call_out = call_out
        self._clock = clock
        #: Seconds between two attempts.
        self.retry_pause = retry_pause
        #: Seconds for connection, handshake and answer together.
        self.time_limit = time_limit
        #: Every notification so far, in the order in which they came to be.
        self.deliveries: list[Delivery] = []
        self._changed = threading.Condition()
        self._due: list[_Due] = []
        self._number = 0
        self._under_way = 0
        self._held = False
        self._to_lose = 0
        self._share_to_lose = 0.0
        self._lost = random.Random("lost notifications")
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"strava-delivery-{number}") for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; what waits stays undelivered. Stop the :class:`CallOut` first."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def send(self, application: Application, notification: dict[str, object]) -> Delivery | None:
        """Post a notification to the application's subscription; None when it has none."""
        subscription = self._subscriptions.of(application)
        if subscription is None:
            return None
        delivery = Delivery(subscription, notification, self._clock.now())
        with self._changed:
            self.deliveries.append(delivery)
            if self._is_lost():
                delivery.state = DeliveryState.LOST
            else:
                self._enqueue(delivery, time.monotonic())
        return delivery

    def repeat(self, delivery: Delivery) -> Delivery:
        """Post the same notification again, as Strava does when an acknowledgement got lost."""
        again = Delivery(delivery.subscription, dict(delivery.notification), self._clock.now())
        with self._changed:
            self.deliveries.append(again)
            self._enqueue(again, time.monotonic())
        return again

    def lose_next(self, count: int = 1) -> None:
        """The next ``count`` notifications are never sent."""
        with self._changed:
            self._to_lose += count

    def lose_share(self, share: float) -> None:
        """From now on this part of the notifications, 0 to 1, is never sent: the same ones in each run."""
        with self._changed:
            self._share_to_lose = share

    def hold(self) -> None:
        """Keep all notifications back until :meth:`release`."""
        with self._changed:
            self._held = True

    def release(self) -> None:
        """Send what was kept back, in one burst."""
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def retry_now(self) -> None:
        """Make all waiting attempts due now."""
        with self._changed:
            now = time.monotonic()
            self._due = [_Due(min(item.at, now), item.number, item.delivery) for item in self._due]
            heapq.heapify(self._due)
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many notifications wait for their next attempt or are being sent."""
        with self._changed:
            return len(self._due) + self._under_way

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until nothing waits and nothing is being sent; False when that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._under_way, patience(seconds))

    def wait_for_attempts(self, delivery: Delivery, count: int, seconds: float) -> bool:
        """Wait until ``delivery`` was tried ``count`` times; False when that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: len(delivery.attempts) >= count, patience(seconds))

    def summary(self) -> DeliverySummary:
        """How all notifications fared so far."""
        with self._changed:
            deliveries = list(self.deliveries)
            delays = [delivery.delay for delivery in deliveries if delivery.delay is not None]
            states = [delivery.state for delivery in deliveries]
            return DeliverySummary(
                sent=len(states) - states.count(DeliveryState.LOST),
                acknowledged=states.count(DeliveryState.ACKNOWLEDGED),
                given_up=states.count(DeliveryState.GIVEN_UP),
                lost=states.count(DeliveryState.LOST),
                attempts=sum(len(delivery.attempts) for delivery in deliveries),
                median_delay=statistics.median(delays) if delays else None,
                worst_delay=max(delays) if delays else None,
            )

    def _is_lost(self) -> bool:
        if self._to_lose > 0:
            self._to_lose -= 1
            return True
        return self._share_to_lose > 0.0 and self._lost.random() < self._share_to_lose

    def _enqueue(self, delivery: Delivery, at: float) -> None:
        self._number += 1
        heapq.heappush(self._due, _Due(at, self._number, delivery))
        self._changed.notify()

    def _work(self) -> None:
        while True:
            delivery = self._take()
            if delivery is None:
                return
            outcome = self._call_out.send(
                "POST",
                delivery.subscription.callback_url,
                body=delivery.notification,
                time_limit=self.time_limit,
            )
            with self._changed:
                self._under_way -= 1
                delivery.attempts.append(Attempt(self._clock.now(), outcome.status, outcome.seconds, outcome.error))
                if outcome.status == 200:
                    delivery.state = DeliveryState.ACKNOWLEDGED
                    delivery.delay = time.monotonic() - delivery._begun
                elif len(delivery.attempts) >= ATTEMPTS:
                    delivery.state = DeliveryState.GIVEN_UP
                else:
                    self._enqueue(delivery, time.monotonic() + self.retry_pause)
                self._changed.notify_all()

    def _take(self) -> Delivery | None:
        """The next delivery that is due; None when the service stops."""
        with self._changed:
            while not self._stopping:
                if self._held or not self._due:
                    self._changed.wait()
                    continue
                pause = self._due[0].at - time.monotonic()
                if pause <= 0:
                    self._under_way += 1
                    return heapq.heappop(self._due).delivery
                self._changed.wait(pause)
            return None
