"""Whatever comes in whatever order, with crashes in between: nothing is lost and the last state is fetched."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Optional

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from strava_collector.store import queue
from strava_collector.writer import OutputClosed
from tests.support.collecting import ANNA, STRANGER
from tests.support.dispatching import OURS, Dispatching

ASPECTS = st.sampled_from(["create", "update", "delete"])
SUBSCRIPTIONS = st.sampled_from([OURS, OURS, OURS + 1])


class Inbox(RuleBasedStateMachine):
    """One activity of each of two athletes, of whom one may not be connected, within a few seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.d: Optional[Dispatching] = None
        #: By athlete and subscription: when the newest news came. A redelivery is none, unless another notification
        #: of the activity happened in the same second.
        self.news: dict[tuple[int, int], float] = {}
        self.seen: set[tuple[int, int, str, int]] = set()

    @initialize()
    def begin(self) -> None:
        self.d = Dispatching(self.folder / "store")
        self.second = int(self.d.clock.now())

    @property
    def dispatching(self) -> Dispatching:
        assert self.d is not None
        return self.d

    @rule(
        aspect=ASPECTS,
        owner=st.sampled_from([ANNA, STRANGER]),
        second=st.integers(0, 2),
        subscription=SUBSCRIPTIONS,
    )
    def receive(self, aspect: str, owner: int, second: int, subscription: int) -> None:
        self.dispatching.clock.advance(0.01)
        self.dispatching.receive(
            aspect, owner, owner=owner, event_time=self.second + second, subscription_id=subscription
        )
        others = {
            other
            for other in self.seen
            if other[0] == owner and other[3] == second and other[1:3] != (subscription, aspect)
        }
        if (owner, subscription, aspect, second) not in self.seen or others:
            self.news[owner, subscription] = self.dispatching.clock.now()
        self.seen.add((owner, subscription, aspect, second))

    @rule()
    def dispatch(self) -> None:
        self.dispatching.dispatcher.dispatch()

    @rule()
    def crash_before_the_events_are_out(self) -> None:
        self.dispatching.index.closed = True
        with suppress(OutputClosed):
            self.dispatching.dispatcher.dispatch()
        self.dispatching.index.closed = False
        self.dispatching.begin()

    @precondition(lambda self: self.dispatching.live_jobs())
    @rule()
    def fetch(self) -> None:
        self.dispatching.fetch()

    @rule(connected=st.booleans())
    def connect(self, connected: bool) -> None:
        self.dispatching.connect(*([ANNA, STRANGER] if connected else [ANNA]))

    @rule(subscription=st.sampled_from([OURS, OURS + 1]))
    def adopt(self, subscription: int) -> None:
        self.dispatching.adopt(subscription)

    @invariant()
    def is_consistent(self) -> None:
        if self.d is not None:
            # The schema refuses what is not: a reason without being held, two live jobs of an activity.
            assert set(self.d.reasons()) <= {None, "unknown athlete", "foreign subscription"}

    def teardown(self) -> None:
        if self.d is None:
            return
        d = self.d
        try:
            d.connect(ANNA, STRANGER)
            for subscription in (OURS, OURS + 1):
                d.adopt(subscription)
                d.dispatch()
            assert set(d.states()) <= {"dispatched"}
            arrived = {
                (event["object_id"], event["aspect_type"], event["event_time"]) for event in d.index.notifications
            }
            assert arrived == {(owner, aspect, self.second + second) for owner, _, aspect, second in self.seen}
            for (owner, _), when in self.news.items():
                with d.database.read() as tx:
                    assert queue.live_trail(tx, owner, owner) or queue.fetch_begun_since(tx, owner, owner, when)
            # Nothing is asked for after it has been: a second look at all of it changes nothing.
            jobs = d.live_jobs()
            d.begin()
            d.dispatch()
            assert d.live_jobs() == jobs
        finally:
            d.close()
            shutil.rmtree(self.folder)


TestInbox = Inbox.TestCase
TestInbox.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
