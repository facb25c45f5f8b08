"""How fast lists are walked through: history's share and megabytes, limits, nobody starves."""

from __future__ import annotations

from sandbox.strava import Limits
from strava_collector.job import Priority, Status
from strava_collector.lister import SLOW_AT_ONCE, SLOW_EVERY
from strava_collector.settings import Advanced
from strava_collector.store import volume
from tests.support.walking import DAY, Walk


def test_history_stops_for_the_day_when_its_megabytes_are_used_up(walking: Walk) -> None:
    one = walking(advanced=Advanced(cooldown=0.0, history_mb_per_day=0.1))
    for number in range(1_000):
        one.record((number + 10) * DAY)
    one.list_all()
    first = len(one.events.latest())
    assert 200 <= first < 1_000
    one.run(3600)
    assert len(one.events.latest()) == first
    one.run(2 * DAY)
    assert len(one.events.latest()) > first


def test_what_a_first_look_and_one_after_a_long_pause_find_is_history(walking: Walk) -> None:
    one = walking()

    def waiting() -> set[Priority]:
        return {job.priority for job in one.jobs() if job.status is Status.PENDING}

    def written() -> int:
        with one.database.read() as tx:
            return volume.used(tx, one.clock.now())

    one.record(2 * DAY)
    one.list_all()
    assert waiting() == {Priority.HISTORY}
    assert written() == sum(len(event.data.encode()) for event in one.events.events)
    one.fetch_all()
    one.clock.advance(30 * DAY)
    one.record(20 * DAY)
    one.record(2 * DAY)
    one.list_all()
    assert waiting() == {Priority.HISTORY}
    assert written() > 0
    one.fetch_all()
    before = written()
    one.clock.advance(5 * 3600)
    one.record(3600)
    one.list_all()
    assert waiting() == {Priority.RECONCILIATION}
    assert written() == before
    one.fetch_all()
    one.is_whole()


def test_pages_of_history_are_few_enough_to_leave_the_newest_activities_what_they_need(walking: Walk) -> None:
    one = walking(athletes=SLOW_AT_ONCE + 3)
    for person in range(len(one.people)):
        for number in range(51):
            one.record((100 + number) * DAY, person=person)
    one.list_all()
    newest = one.lists - SLOW_AT_ONCE
    assert newest == len(one.people), "the newest ones of everybody are not held up by history"
    for number in range(3):
        assert one.lists == newest + SLOW_AT_ONCE + number
        one.clock.advance(SLOW_EVERY - 1)
        one.list_all()
        assert one.lists == newest + SLOW_AT_ONCE + number
        one.clock.advance(1)
        one.list_all()
    assert len(one.events.latest()) == 51 * len(one.people)


def test_lists_of_history_do_not_wait_for_the_fetches_that_they_lead_to(walking: Walk) -> None:
    one = walking(advanced=Advanced(cooldown=0.0, history_mb_per_day=0.0, history_share=0.0))
    for number in range(250):
        one.record((number + 10) * DAY)
    one.list_all()
    one.fetch_all()
    assert len(one.events.latest()) == 250
    assert not one.fetches, "history has no share"


def test_nobody_starves(walking: Walk) -> None:
    one = walking(athletes=3)
    for person in range(3):
        for number in range(500):
            one.record((number + 10) * DAY, person=person)
    for _ in range(3 + 3):
        one.lister.look(one.settings)
    assert len({event.data.split('"athlete":{"id":')[1][:6] for event in one.events.events}) == 3


def test_a_limit_that_is_used_up_is_waited_for_without_asking(walking: Walk) -> None:
    one = walking(athletes=3, limits=Limits(overall=(20, 1000), read=(10, 1000)))
    for person in range(3):
        for number in range(1_000):
            one.record((number + 10) * DAY, person=person)
    for _ in range(100):
        wait = one.lister.look(one.settings)
        if wait:
            break
    assert wait
    assert wait > 1
    one.run(2 * 3600, step=60)
    assert len(one.events.latest()) == 3_000
    assert not one.strava.statistics.count(status=429)
