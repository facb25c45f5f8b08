"""The running input *Strava Webhook*: what it has besides ``collecting``, a listener and a subscription."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable, Optional

from strava_collector.callback_look import seen_at_callback
from strava_collector.collecting import Collecting, Host
from strava_collector.fetcher import Connection
from strava_collector.former_paths import FormerPaths
from strava_collector.heartbeat import LISTENER
from strava_collector.input_check import InputCheck
from strava_collector.listening import Listening
from strava_collector.loop import Loop
from strava_collector.room import Room
from strava_collector.settings import Settings, WebhookInput
from strava_collector.store import input_end
from strava_collector.store.group_commit import GroupCommit
from strava_collector.subscription_removal import Removal
from strava_collector.webhook_pipeline import WebhookPipeline

#: This kind's share of the seconds of the end, see ``collecting``.
LISTENER_PATIENCE = 3.0
COMMITTER_PATIENCE = 1.5
REMOVAL_ENDS_AFTER = 7.0


class WebhookService(Collecting):
    """One process of one input."""

    def __init__(
        self, webhook_input: WebhookInput, host: Host, *, switched_off: Callable[[], bool] = lambda: False
    ) -> None:
        """``switched_off`` asks splunkd whether the input is disabled or gone; it may raise."""
        super().__init__(webhook_input, host)
        self._input = webhook_input
        self._input_check = InputCheck(webhook_input, self._bulletin)
        self._room = Room(
            input=webhook_input.name,
            folder=host.folder,
            advanced=lambda: self._settings.advanced if self._settings is not None else None,
            clock=host.clock,
        )
        self._committer = GroupCommit(
            self._database,
            input=webhook_input.name,
            clock=host.clock,
            committed=self._wake_dispatcher,
            room=self._room,
            privacy=lambda: self._pipeline.left_out.of_all(),
        )
        self._subscription_loop = Loop("subscription", self._see_to_subscription, fatal=self._give_up)
        self._pipeline = WebhookPipeline(
            webhook_input,
            self._equipment(),
            foreign=self._subscription_loop.wake,
            released=self._wake_dispatcher,
            listening=lambda: self._listening.listens,
            look_there=self._look_there,
        )
        self._put_together(self._pipeline, own_loops=[self._subscription_loop])
        self._removal = Removal(
            webhook_input,
            keeper=self._pipeline.keeper,
            connection=self._connection_at_last,
            switched_off=switched_off,
            announced=self._end_is_announced,
            messages=host.messages,
        )
        self._listening = Listening(webhook_input, store=self._committer, clock=host.clock, bulletin=self._bulletin)
        self._former_paths = FormerPaths(webhook_input, self._database, host.clock, take_also=self._listening.take_also)

    def _port(self) -> Optional[int]:
        return self._input.port

    def _begin(self) -> None:
        self._committer.start()

    def _look_after_own(self) -> None:
        self._keep_listening()
        self._watch_committer()
        if self._committer.failure is not None:
            raise RuntimeError("The thread that commits notifications has died.") from self._committer.failure

    def _keep_listening(self) -> None:
        listened = self._listening.listens
        self._former_paths.look()
        self._listening.look(self._settings)
        if self._listening.listens and not listened:
            self._subscription_loop.wake()

    def _own_parts(self) -> Mapping[str, str]:
        listener = self._bulletin.told("listener") or self._bulletin.told("store") or ""
        if not self._listening.listens and not listener:
            listener = "The input does not listen yet; it begins, or begins again, within a minute."
        return {LISTENER: listener}

    def _watch_committer(self) -> None:
        """Tell the user while nothing can be stored, and look now and then whether it can again."""
        trouble = self._committer.trouble
        if trouble is None:
            self._bulletin.resolved("store")
        else:
            self._bulletin.report("store", f"{trouble} Strava gets 503 until then, and sends again a few times.")
            self._committer.healthy(lambda _healthy: None)

    def _settings_were_read(self, settings: Settings) -> None:
        self._removal.take_back_message()
        self._input_check.look(settings)

    def _see_to_subscription(self) -> Optional[float]:
        waits = [self._pipeline.check_subscription(), self._pipeline.keep_subscription()]
        return min((wait for wait in waits if wait is not None), default=None)

    def _end_begins(self) -> None:
        self._removal.begin()
        self._listening.stop(LISTENER_PATIENCE)
        self._committer.stop(COMMITTER_PATIENCE)

    def _work_has_ended(self, begin: float) -> None:
        self._removal.finish(begin + REMOVAL_ENDS_AFTER - self._clock.monotonic())

    def _connection_at_last(self) -> Optional[Connection]:
        """The connection, also if the input ends before it has read the settings."""
        if self._link.connection is None:
            self._link.follow(self._configuration.settings())
        return self._link.connection

    def _end_is_announced(self) -> bool:
        with self._database.read() as tx:
            return input_end.is_announced(tx, self._input.name, now=self._clock.now())

    def _look_there(self) -> str:
        ca_file = None if self._settings is None else self._settings.advanced.ca_file
        return seen_at_callback(self._input, ca_file, self._database)
