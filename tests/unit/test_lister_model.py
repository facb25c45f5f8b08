"""Live notifications, looks at the newest activities, slow walks and history in any order: the last one wins.

Athletes record, edit, move and delete, announced or not, also while a call is under way; notifications arrive in any
order or never; the process is killed around any event and started again, with another order or start. When two weeks
have passed in which nothing happens, the index shows what Strava has.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Optional

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from sandbox.certificates import Certificates
from sandbox.strava import Activity
from tests.support.store import quick_folder
from tests.support.walking import DAY, Killed, Walking

#: Few, so that edits take each other back.
TITLES = ("One", "Two", "Three")
#: Of starts, in days before the beginning: within what is looked at each time, at its edge, and long ago.
AGES = (0.1, 0.1, 2.0, 6.9, 7.1, 40.0, 400.0)
_titles = st.sampled_from(TITLES)
_ages = st.sampled_from(AGES)
_number = st.integers(0, 30)


class ListsAgainstStrava(RuleBasedStateMachine):
    """The rules say what happens; :meth:`teardown` lets everything come to its end and compares."""

    certificates: Certificates

    def __init__(self) -> None:
        super().__init__()
        self.folder = quick_folder()
        self.one: Optional[Walking] = None
        #: Notifications on their way.
        self.on_the_way: list[Callable[[], None]] = []
        self.ever: list[Activity] = []

    @property
    def walking(self) -> Walking:
        assert self.one is not None
        return self.one

    @initialize(ages=st.lists(_ages, max_size=8), oldest_first=st.booleans())
    def begin(self, ages: list[float], oldest_first: bool) -> None:
        folder = Path(self.folder.name) / "store"
        self.one = Walking(folder, self.certificates, oldest_first=oldest_first)
        for age in ages:
            self.ever.append(self.walking.record(age * DAY))

    # What athletes do, and what of it is announced.

    def _there(self) -> list[Activity]:
        return self.walking.strava.activities(self.walking.people[0])

    def _chosen(self, number: int) -> Optional[Activity]:
        there = self._there()
        return there[number % len(there)] if there else None

    def _tell(self, activity: Activity, aspect: str, announced: bool, **updates: str) -> None:
        if announced:
            at = int(self.walking.clock.now())
            self.on_the_way.append(lambda: self.walking.announce(activity, aspect, event_time=at, **updates))

    @rule(age=_ages, announced=st.booleans())
    def record(self, age: float, announced: bool) -> None:
        activity = self.walking.record(age * DAY)
        self.ever.append(activity)
        self._tell(activity, "create", announced)

    @rule(number=_number, title=_titles, announced=st.booleans())
    def rename(self, number: int, title: str, announced: bool) -> None:
        activity = self._chosen(number)
        if activity is not None and activity.title != title:
            self.walking.strava.edit(activity, title=title, notify=False)
            self._tell(activity, "update", announced, title=title)

    @rule(number=_number, age=_ages)
    def move(self, number: int, age: float) -> None:
        activity = self._chosen(number)
        if activity is not None:
            start = self.walking.iso(self.walking.clock.now() - age * DAY)
            self.walking.strava.edit(activity, start_date=start, notify=False)

    @rule(number=_number, announced=st.booleans())
    def delete(self, number: int, announced: bool) -> None:
        activity = self._chosen(number)
        if activity is not None:
            self.walking.strava.delete(activity, notify=False)
            self._tell(activity, "delete", announced)

    @rule(number=_number, unlisted=st.booleans())
    def leave_out_of_lists(self, number: int, unlisted: bool) -> None:
        activity = self._chosen(number)
        if activity is not None:
            self.walking.strava.unlist(activity, unlisted)

    @precondition(lambda self: self.on_the_way)
    @rule(number=_number, lost=st.booleans())
    def deliver(self, number: int, lost: bool) -> None:
        told = self.on_the_way.pop(number % len(self.on_the_way))
        if not lost:
            told()

    # What the processes do.

    @rule(what=st.sampled_from(["rename", "delete", "work", "dispatch"]), number=_number, title=_titles)
    def during_the_next_call(self, what: str, number: int, title: str) -> None:
        def happens() -> None:
            if what == "rename":
                self.rename(number, title, False)
            elif what == "delete":
                self.delete(number, False)
            elif what == "dispatch":
                self.walking.pipeline.dispatcher.dispatch()
            else:
                self.walking.pipeline.worker.work()

        self.walking.transport.before = happens

    @rule()
    def look(self) -> None:
        self._alive(lambda: self.walking.lister.look(self.walking.settings))

    @rule()
    def work(self) -> None:
        self._alive(self.walking.pipeline.worker.work)

    @rule()
    def dispatch(self) -> None:
        self._alive(self.walking.pipeline.dispatcher.dispatch)

    @rule(event=st.integers(0, 3), gets_out=st.booleans())
    def kill_at_an_event(self, event: int, gets_out: bool) -> None:
        self.walking.events.kill = (event, gets_out)

    @rule(seconds=st.sampled_from([1.0, 60.0, 700.0, 3600.0, 4 * 3600.0, DAY, 7 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.walking.clock.advance(seconds)

    @rule(oldest_first=st.booleans())
    def another_process(self, oldest_first: bool) -> None:
        self.walking.restart(oldest_first=oldest_first)

    def _alive(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Killed:
            self.walking.restart()

    def teardown(self) -> None:
        if self.one is not None:
            self._come_to_rest(self.one)
            self.one.close()
        self.folder.cleanup()

    def _come_to_rest(self, one: Walking) -> None:
        one.transport.before, one.events.kill = None, None
        for told in self.on_the_way:
            told()
        one.run(13 * DAY, step=4 * 3600.0)
        # Those that lists lack and no notification has told of, nobody can know of.
        known = {activity.id for activity in self._there() if one.knows(activity) or not activity.unlisted}
        one.is_whole(only=known)
        before = one.fetches
        one.run(DAY, step=4 * 3600.0)
        # A slow walk may fall into the day: it asks once more for what exists although lists do not have it.
        asked_anyway = sum(activity.unlisted for activity in self._there())
        assert one.fetches <= before + asked_anyway, "something is fetched again and again"


def test_the_last_one_wins(certificates: Certificates) -> None:
    ListsAgainstStrava.certificates = certificates
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        ListsAgainstStrava,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
