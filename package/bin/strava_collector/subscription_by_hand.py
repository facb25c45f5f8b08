"""What a subscription that was made or deleted by hand leaves in the store, so that its input says the right thing.

A store that cannot be written to is no reason to refuse anything: the input finds out by itself, some time later.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Callable, Optional

from strava_collector.clock import Clock
from strava_collector.errors import StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.settings import Application, WebhookInput
from strava_collector.store import subscriptions
from strava_collector.store.database import Database, Transaction
from strava_collector.subscription_rules import State
from strava_collector.token_digest import digest

log = logging.getLogger(__name__)


def note_made(
    database: Optional[Database], clock: Clock, application: Application, wanted: WebhookInput, subscription_id: int
) -> None:
    """Let its notifications be genuine from the first on, and the input that keeps it look at once."""
    now, token_digest = clock.now(), digest(wanted.verify_token)

    def note(tx: Transaction) -> None:
        subscriptions.adopt(tx, client_id=application.client_id, subscription_id=subscription_id, now=now)
        watch = subscriptions.watch(tx, application.client_id)
        if watch is None or watch.input != wanted.name or watch.subscription_id == subscription_id:
            return
        followed = replace(
            watch,
            subscription_id=subscription_id,
            callback_url=wanted.callback_url,
            token_digest=token_digest,
            looked_at=now,
            next_at=now,
        )
        if watch.state is not State.BY_HAND:
            said = f"Strava has the subscription {subscription_id}, made by hand. It is about to be looked at."
            followed = replace(followed, state=State.WAITING, said=said)
        subscriptions.save_watch(tx, followed)

    _write(database, note)


def note_gone(database: Optional[Database], application: Application, subscription_id: int) -> None:
    """Let nobody say that it is there. The input that keeps one makes another when it looks next."""

    def note(tx: Transaction) -> None:
        watch = subscriptions.watch(tx, application.client_id)
        if watch is None or watch.subscription_id != subscription_id:
            return
        gone = replace(watch, subscription_id=None, callback_url=None, token_digest=None)
        if watch.state is not State.BY_HAND:
            said = f"The subscription {subscription_id} was deleted by hand. The input makes another within an hour."
            gone = replace(gone, state=State.WAITING, said=said)
        subscriptions.save_watch(tx, gone)

    _write(database, note)


def _write(database: Optional[Database], step: Callable[[Transaction], None]) -> None:
    if database is None:
        return
    try:
        with database.write() as tx:
            step(tx)
    except StoreUnavailable as error:
        log.warning(line("store_unavailable", thread="subscriptions by hand", error=str(error)))
