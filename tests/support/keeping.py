"""An input that keeps its subscription: the production modules, Strava's stand-in and no socket, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Optional

from sandbox.certificates import Certificates
from sandbox.strava import StravaStandIn
from sandbox.strava.subscriptions import Subscription
from strava_collector.allowance import Allowance
from strava_collector.secret import Secret
from strava_collector.settings import Advanced, Application, EnabledInput, Settings, WebhookInput
from strava_collector.store import subscriptions
from strava_collector.store.database import Database
from strava_collector.store.subscriptions import Watch
from strava_collector.strava_api import StravaApi
from strava_collector.subscription import SubscriptionKeeper
from strava_collector.subscription_calls import SubscriptionCalls
from strava_collector.subscription_look import Digests
from strava_collector.subscription_rules import State
from tests.support.clock import VirtualClock
from tests.support.collecting import Problems
from tests.support.stand_in_transport import Door, StandInTransport
from tests.support.store import quick_folder

HOUR = 3600.0
URL = "https://rides.example.com/strava/0123456789abcdef"
TOKEN = "verify-4711"
OTHER_URL = "https://elsewhere.example.org/hook"

#: The longest time between two calls of the keeper, and between two starts of a process that is started all the time.
LOOK_AGAIN, RESTART = 600.0, 120.0


class Keeping:
    """One application, one input; the test says when the keeper looks."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self._folder = quick_folder()
        self.store_folder = Path(self._folder.name)
        self.database = Database(self.store_folder, clock=self.clock)
        #: Shared by all processes, because each digest takes its time.
        self._digests = Digests()
        # Never started: it is asked by its method ``answer``.
        self.strava = StravaStandIn(Certificates(folder / "certificates"), clock=self.clock)
        self.registered = self.strava.add_application("Club")
        self.application = Application("Club", str(self.registered.client_id), Secret(self.registered.client_secret))
        self.transport = StandInTransport(self.strava, self.clock)
        self.door = Door(URL, TOKEN)
        self.strava.subscriptions.caller = self.door
        self.settings = Settings(
            applications={"Club": self.application},
            advanced=Advanced(api_url="https://strava.invalid/api/v3"),
            enabled_inputs=(EnabledInput("club", "Club", "8443"),),
        )
        self.is_listening = True
        self.is_stopping = False
        self.adopted = 0
        self.seen_there = ""
        self.begin()

    def begin(self, webhook_input: Optional[WebhookInput] = None, **changes: object) -> None:
        """Start anew, as another process of the input does, with these changes of its stanza."""
        first = webhook_input or WebhookInput(
            name="club",
            index="strava",
            application="Club",
            port=8443,
            verify_token=Secret(TOKEN),
            callback_url=URL,
            cert_file="cert.pem",
            key_file="key.pem",
        )
        self.input = replace(getattr(self, "input", first) if webhook_input is None else first, **changes)
        self.problems = Problems()
        self.keeper = SubscriptionKeeper(
            self.database,
            self.clock,
            webhook_input=self.input,
            calls=SubscriptionCalls(
                self.database,
                self.clock,
                allowance=Allowance(self.clock),
                name=f"subscription keeper of {self.input.name}",
                advanced=lambda: self.settings.advanced,
            ),
            listening=lambda: self.is_listening,
            bulletin=self.problems,
            adopted=self._adopt,
            stopping=lambda: self.is_stopping,
            look_there=lambda: self.seen_there,
            digests=self._digests,
        )

    def _adopt(self) -> None:
        self.adopted += 1

    @property
    def api(self) -> StravaApi:
        return StravaApi(self.transport, self.settings.advanced.api_url)

    def keep(self) -> Optional[float]:
        """Let the keeper look, if it thinks that it is time."""
        return self.keeper.keep(self.api, self.settings.applications["Club"], self.settings)

    def run(self, seconds: float, *, restart: Optional[Callable[[], None]] = None) -> None:
        """Let time pass, and call the keeper when it wants to be called; or start it again all the time."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            if restart is not None:
                restart()
            wait = self.keep()
            longest = min(end - self.clock.now(), LOOK_AGAIN if restart is None else RESTART)
            self.clock.advance(longest if wait is None else min(max(wait, 0.001), longest))

    def remove(self) -> Optional[str]:
        return self.keeper.remove(self.api, self.application, patience=1.0)

    def there(self) -> Optional[Subscription]:
        """What Strava has."""
        return self.strava.subscriptions.of(self.registered)

    def found(self) -> Subscription:
        """What Strava has; there has to be something."""
        found = self.there()
        assert found is not None
        return found

    def watch(self) -> Watch:
        with self.database.read() as tx:
            found = subscriptions.watch(tx, self.application.client_id)
        assert found is not None
        return found

    def state(self) -> State:
        return self.watch().state

    def known(self) -> Optional[int]:
        with self.database.read() as tx:
            return subscriptions.known(tx, self.application.client_id)

    def problem(self) -> str:
        """What the user is told; empty if nothing."""
        return self.problems.told.get("subscription") or ""

    def calls_in_hour(self) -> int:
        """The most calls in any hour."""
        times = self.transport.times
        return max((sum(begin <= at < begin + 3600.0 for at in times) for begin in times), default=0)

    def close(self) -> None:
        self.database.close()
        self._folder.cleanup()
        self.strava.stop()


def kept(k: Keeping) -> int:
    """Let the input make its subscription; the id."""
    k.keep()
    assert k.there() is not None
    assert k.state() is State.KEPT
    return k.found().id
