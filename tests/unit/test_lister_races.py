"""What happens to an athlete, and to the settings, while a list is asked for or taken in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Callable

import pytest

from strava_collector.burial import Burial
from strava_collector.events import Event
from strava_collector.forgetting import Forgetting
from strava_collector.intake import LIST_LEASE_SECONDS
from strava_collector.privacy import Privacy
from strava_collector.store import athletes, leases, walks
from strava_collector.transport import Answer, Request
from strava_collector.writer import Writer
from tests.support.walking import DAY, Walk, Walking

TABLES = ("activity", "job", "covered", "walk", "miss", "profile", "gear", "athlete")


def forget(one: Walking, *, looks: int = 3) -> None:
    """What the page and another process do when Anna's row is deleted."""
    anna = one.settings.athletes[one.people[0].id]
    if anna.athlete_id in one.tokens.tokens:
        with one.database.write() as tx:
            athletes.mark_deauthorized(
                tx,
                athlete_id=anna.athlete_id,
                reason=athletes.ROW_DELETED,
                connected_at=anna.connected_at,
                now=one.clock.now(),
            )
        one.tokens.forget(anna.athlete_id)
    burial = Burial(
        database=one.database,
        writer=Writer(one.events),
        clock=one.clock,
        source="strava_webhook://club",
        index="strava",
    )
    forgetting = Forgetting(
        database=one.database, burial=burial, clock=one.clock, bulletin=one.problems, owner="strava_webhook://club"
    )
    for _ in range(looks):
        forgetting.look(replace(one.settings, athletes={}))
        one.clock.advance(130.0)


def left(one: Walking) -> dict[str, int]:
    with one.database.read() as tx:
        counts = {
            table: tx.execute(
                f"SELECT COUNT(*) AS n FROM {table} WHERE athlete_id = ?", (one.people[0].id,)
            ).fetchone()["n"]
            for table in TABLES
        }
    return {table: number for table, number in counts.items() if number}


def while_listing(one: Walking, act: Callable[[], None]) -> None:
    """Do something between Strava's answer and what follows from it, once."""
    send = one.transport.send
    done: list[int] = []

    def slow(request: Request) -> Answer:
        answer = send(request)
        if request.url.endswith("/athlete/activities") and not done:
            done.append(1)
            act()
        return answer

    one.transport.send = slow  # type: ignore[method-assign]


def while_writing(one: Walking, act: Callable[[], None], *, first: bool) -> None:
    """Do something before or after what the lister writes is out, once."""
    write_all = one.events.write_all
    done: list[int] = []

    def slow(events: Sequence[Event]) -> None:
        now = not done
        done.append(1)
        if now and first:
            act()
        write_all(events)
        if now and not first:
            act()

    one.events.write_all = slow  # type: ignore[method-assign]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("moment", ["listing", "before writing", "after writing"])
def test_nothing_comes_back_of_an_athlete_who_is_forgotten_meanwhile(walking: Walk, moment: str, known: bool) -> None:
    one = walking()
    rides = [one.record((number + 0.1) * DAY) for number in range(30)]
    if known:
        one.run(3600)
        one.clock.advance(5 * 3600)
        one.record(3600)
        one.strava.delete(rides[2], notify=False)
    if moment == "listing":
        while_listing(one, lambda: forget(one))
    else:
        while_writing(one, lambda: forget(one), first=moment == "before writing")
    one.lister.look(one.settings)
    forget(one)
    assert left(one) == {}
    assert one.events.latest() == {}
    stale = one.settings
    for _ in range(20):  # the settings are those of before for some minutes
        one.lister.look(stale)
        one.pipeline.around.look(stale)
        one.clock.advance(60.0)
    assert left(one) == {}
    assert one.events.latest() == {}
    assert not one.problems.told


def test_a_dead_lister_holds_up_forgetting_for_a_quarter_of_an_hour_at_most(walking: Walk) -> None:
    one = walking()
    anna = one.people[0].id
    for seconds, gone in ((0.0, False), (LIST_LEASE_SECONDS, True)):
        if not seconds:
            with one.database.write() as tx:
                leases.acquire(
                    tx,
                    name=walks.lease_name(anna),
                    holder=one.lister.lease_name,
                    now=one.clock.now(),
                    seconds=LIST_LEASE_SECONDS,
                )
        one.clock.advance(seconds)
        forget(one, looks=2)
        assert (left(one) == {}) is gone


def test_the_next_process_of_an_input_gives_back_the_athlete_that_the_dead_one_listed(
    walking: Walk,
) -> None:
    one = walking()
    with one.database.write() as tx:
        leases.acquire(
            tx, name=walks.lease_name(7), holder=one.lister.lease_name, now=one.clock.now(), seconds=LIST_LEASE_SECONDS
        )
    one.restart()
    with one.database.read() as tx:
        assert not leases.is_held(tx, name=walks.lease_name(7), now=one.clock.now())


def test_who_connects_again_at_once_is_listed(walking: Walk) -> None:
    one = walking()
    one.record(DAY)
    one.run(0)
    token = one.tokens.tokens[one.people[0].id]
    forget(one)
    assert one.events.latest() == {}
    anna = one.people[0].id
    one.tokens.save(anna, token)
    again = replace(one.settings.athletes[anna], connected_at=str(one.clock.now()))
    one.settings = replace(one.settings, athletes={anna: again})
    one.run(3600)
    one.is_whole()


def test_that_somebody_was_forgotten_is_forgotten_after_a_day(walking: Walk) -> None:
    one = walking()
    anna = one.settings.athletes[one.people[0].id]
    forget(one)
    for seconds, known in ((DAY - 600.0, True), (1200.0, False)):
        one.clock.advance(seconds)
        with one.database.write() as tx:
            athletes.prune_forgotten(tx, one.clock.now())
            assert athletes.has_withdrawn(tx, anna.athlete_id, anna.connected_at) is known


def test_what_is_to_be_left_out_is_left_out_of_a_list_that_is_under_way(walking: Walk) -> None:
    one = walking()
    one.record(DAY)
    (club,) = one.settings.enabled_inputs

    def leave_out() -> None:
        private = replace(club, privacy=Privacy(text=True))
        one.newest = replace(one.settings, enabled_inputs=(private,))

    while_listing(one, leave_out)
    one.lister.look(one.settings)
    (event,) = one.events.events
    assert "name" not in json.loads(event.data)
