"""What waits, what for and how long, as people read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from strava_collector.job import Priority
from strava_collector.overview import Overview, clock_time, overview
from strava_collector.settings import Advanced
from strava_collector.store import volume
from tests.support.collecting import (
    ANNA,
    APPLICATION,
    BAD_TOKEN,
    BEN,
    BROKEN,
    INPUT,
    REVOKED,
    Collect,
    Collecting,
    athletes,
    ride,
)
from tests.support.store import join, join_history


def look(c: Collecting) -> Overview:
    assert c.settings is not None
    with c.database.read() as tx:
        return overview(
            tx,
            input=INPUT.name,
            client_id=APPLICATION.client_id,
            allowance=c.pipeline.allowance,
            settings=c.settings,
            now=c.clock.now(),
        )


def history(c: Collecting, jobs: int) -> None:
    with c.database.write() as tx:
        for number in range(1_000, 1_000 + jobs):
            join_history(tx, number, ANNA, input=INPUT.name, now=c.clock.now())


def test_nothing_waits_and_nothing_is_in_the_way(collect: Collect) -> None:
    found = look(collect())
    assert (found.waiting, found.pause, found.done_at, found.used, found.refusals) == (0, None, None, "0/0", 0)


def test_a_used_up_quarter_hour_says_until_when_and_how_many_wait(collect: Collect) -> None:
    full = {"x-readratelimit-limit": "100,1000", "x-readratelimit-usage": "100,400"}
    c = collect(replace(ride(1), headers=full))
    c.receive("create", 1)
    c.run()
    c.receive("create", 2)
    c.run()
    found = look(c)
    # It is some seconds past 06:00.
    assert (found.waiting, found.pause) == (1, "paused until 06:15 UTC, quarter-hour limit")
    assert found.done_at == "2026-06-01T06:15Z"
    assert (found.used, found.limits) == ("100/400", "100/1000")


def test_it_says_for_how_long_the_oldest_live_job_has_been_due(collect: Collect) -> None:
    c = collect()
    assert look(c).oldest is None
    history(c, 1)
    assert look(c).oldest is None  # that one is in no hurry
    with c.database.write() as tx:
        for number, ago in enumerate((30.0, 700.0)):
            join(tx, number, input=INPUT.name, due_at=c.clock.now() - ago, now=c.clock.now())
    assert look(c).oldest == 700
    with c.database.write() as tx:
        join(tx, 9, input=INPUT.name, due_at=c.clock.now() + 60.0, now=c.clock.now())
    assert look(c).oldest == 700


def test_the_limits_are_the_users_own_where_those_are_lower(collect: Collect) -> None:
    c = collect()
    assert c.settings is not None
    c.settings = replace(c.settings, advanced=replace(c.settings.advanced, own_day_limit=300))
    assert look(c).limits == "100/300"


def test_a_used_up_day_is_called_by_its_name(collect: Collect) -> None:
    full = {"x-readratelimit-limit": "100,1000", "x-readratelimit-usage": "7,1000"}
    c = collect(replace(ride(1), headers=full))
    c.receive("create", 1)
    c.run()
    assert look(c).pause == "paused until 00:00 UTC, day limit"


def test_the_estimate_of_history_keeps_to_its_share(collect: Collect) -> None:
    c = collect()
    history(c, 900)
    found = look(c)
    # 600 of 1,000 a day.
    assert (found.waiting, found.history, found.reconciliation, found.history_per_day) == (900, 900, 0, 600)
    assert found.done_at is not None
    assert found.done_at.startswith("2026-06-02T0")


def test_the_three_priorities_are_told_apart(collect: Collect) -> None:
    c = collect()
    history(c, 3)
    with c.database.write() as tx:
        for number, priority in enumerate((Priority.RECONCILIATION, Priority.RECONCILIATION, Priority.LIVE)):
            join(tx, number, priority=priority, input=INPUT.name, due_at=c.clock.now(), now=c.clock.now())
    found = look(c)
    assert (found.waiting, found.reconciliation, found.history) == (6, 2, 3)


def test_the_estimate_of_reconciliation_leaves_a_part_to_live_activities(collect: Collect) -> None:
    c = collect()
    with c.database.write() as tx:
        for number in range(801):
            join(
                tx,
                number,
                priority=Priority.RECONCILIATION,
                input=INPUT.name,
                due_at=c.clock.now(),
                now=c.clock.now(),
            )
    found = look(c)
    # 800 of 1,000 a day.
    assert (found.done_at, found.history_per_day) == ("2026-06-02T00:00Z", None)


def test_what_history_may_write_on_a_day_is_said_and_counts_in_the_estimate(collect: Collect) -> None:
    c = collect()
    history(c, 900)
    assert c.settings is not None
    c.settings = replace(c.settings, advanced=Advanced(history_mb_per_day=1))
    with c.database.write() as tx:
        for _ in range(4):
            volume.add(tx, c.clock.now(), 250_000)
    found = look(c)
    assert (found.pause, found.history_pause) == (None, "paused until 00:00 UTC, history volume of the day")
    # Four calls brought a megabyte, so 900 take 225 days, the first of which begins tomorrow.
    assert found.history_per_day == 4
    days = datetime.fromisoformat(str(found.done_at)[:10]) - datetime.fromisoformat("2026-06-01")
    assert days.days == 225


def test_an_outage_is_named_and_no_estimate_is_before_its_next_probe(collect: Collect) -> None:
    c = collect(*[BROKEN] * 3)
    for number in range(1, 6):
        c.receive("create", number, owner=ANNA if number % 2 else BEN)
    c.run()
    found = look(c)
    assert found.pause is not None
    assert found.pause.endswith("UTC, outage")
    assert found.done_at is not None
    assert found.done_at[11:16] >= found.pause.split()[2]


def test_athletes_who_need_to_reconnect_are_counted_as_long_as_they_have_a_row(collect: Collect) -> None:
    c = collect(BAD_TOKEN, REVOKED)
    c.receive("create", 1)
    c.run()
    assert look(c).athletes == 1
    c.connect(*athletes(BEN), advanced=Advanced())
    assert look(c).athletes == 0


def test_a_time_of_day_is_rounded_up_to_the_minute() -> None:
    assert clock_time(0.0) == "00:00 UTC"
    assert clock_time(50_400.5) == "14:01 UTC"
    assert clock_time(86_399.0) == "00:00 UTC"
