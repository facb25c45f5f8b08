"""What forgers, clocks and unlucky moments must not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from strava_collector.collecting import Host
from strava_collector.errors import StoreUnavailable
from strava_collector.job import Kind, Priority, Reason
from strava_collector.oauth import Tokens
from strava_collector.secret import Secret
from strava_collector.service import WebhookService
from strava_collector.settings import Application, Athlete, Settings
from strava_collector.store import athletes as standing
from strava_collector.store import inbox, queue, turns
from strava_collector.store.database import Transaction
from strava_collector.store.process_lock import input_lock
from strava_collector.token_keeper import TokenStoreUnavailable
from strava_collector.transport import Answer, Request
from strava_collector.upkeep import Upkeep
from tests.support.clock import VirtualClock
from tests.support.collecting import (
    ANNA,
    APPLICATION,
    BAD_TOKEN,
    BEN,
    BROKEN,
    INPUT,
    NOT_FOUND,
    REVOKED,
    STRANGER,
    Collect,
    Collecting,
    Index,
    MemoryTokens,
    athletes,
    counts,
    ride,
)
from tests.support.scripted_transport import answer
from tests.support.store import join_history, notification

DAY = 86_400.0


def lasting(c: Collecting) -> None:
    """Give everybody tokens that need no renewal."""
    for athlete_id in (ANNA, BEN, STRANGER):
        c.tokens.tokens[athlete_id] = Tokens(
            Secret(f"lasting-{athlete_id}-{c.clock.now()}"), Secret(f"r-{athlete_id}"), int(c.clock.now() + 1e8)
        )


def deauthorized(c: Collecting) -> None:
    """Somebody says that Anna has withdrawn the permission."""
    at = int(c.clock.now())
    c.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"}, event_time=at)


def history(c: Collecting, jobs: int) -> None:
    with c.database.write() as tx:
        for number in range(jobs):
            join_history(tx, number, ANNA, input=INPUT.name, now=c.clock.now())


class Splunk:
    """Configuration and messages of a Splunk that always answers."""

    def __init__(self) -> None:
        self.current = Settings(
            applications={"App": APPLICATION}, athletes={one.athlete_id: one for one in athletes(ANNA)}
        )

    def settings(self) -> Settings:
        return self.current

    def post(self, name: str, text: str, severity: str) -> None:
        pass

    def clear(self, name: str) -> None:
        pass


def test_a_reconnection_that_was_read_while_the_store_was_locked_is_carried_out_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, splunk = VirtualClock(), Splunk()
    service = WebhookService(
        INPUT,
        Host(
            configuration=splunk,
            token_store=MemoryTokens(clock),
            sink=Index(),
            messages=splunk,
            folder=tmp_path / "store",
            clock=clock,
        ),
    )
    service._read_settings()
    service._loops = [service._settings_loop]
    with service._database.write() as tx:
        standing.mark_deauthorized(tx, athlete_id=ANNA, reason="Gone.", connected_at="", now=clock.now())
    again = replace(splunk.current.athletes[ANNA], connected_at="2")
    splunk.current = replace(splunk.current, athletes={ANNA: again})
    write, locked = service._database.write, [True]

    @contextmanager
    def sometimes(patience: float | None = None) -> Iterator[Transaction]:
        if locked[0]:
            raise StoreUnavailable("locked")
        with write(patience) as tx:
            yield tx

    monkeypatch.setattr(service._database, "write", sometimes)
    with pytest.raises(StoreUnavailable):
        service._read_settings()
    locked[0] = False
    clock.advance(60)
    service._read_settings()
    with service._database.read() as tx:
        assert standing.standings(tx) == []
    service._database.close()


def test_the_jobs_of_one_who_has_connected_again_are_not_cancelled(collect: Collect) -> None:
    c = collect(BAD_TOKEN, REVOKED, ride(2))
    deauthorized(c)
    c.run()
    assert c.settings is not None
    again = replace(c.settings.athletes[ANNA], connected_at="new")
    c.settings = replace(c.settings, athletes={**c.settings.athletes, ANNA: again})
    c.receive("create", 2)
    c.dispatcher.dispatch()
    c.clock.advance(61)
    c.upkeep.look(c.settings)
    lasting(c)
    c.upkeep.settings_changed(c.settings)
    c.run()
    assert list(c.index.latest()) == [2]


def test_forged_deauthorizations_are_asked_about_ever_more_rarely(collect: Collect) -> None:
    c = collect(*[answer({"id": ANNA})] * 100)
    lasting(c)
    for _ in range(17_280):
        if c.clock.monotonic() % 300 == 0:
            deauthorized(c)
        c.run(seconds=5)
    assert 2 <= len(c.transport.requests) <= 8


def test_the_jobs_of_an_athlete_who_moves_to_another_application_change_hands(collect: Collect, tmp_path: Path) -> None:
    c = collect()
    c.receive("create", 1)
    c.dispatcher.dispatch()
    moved = Athlete("anna", ANNA, "App2", frozenset(), connected_at="2")
    c.settings = Settings(
        applications={"App": APPLICATION, "App2": Application("App2", "4712", Secret("s"))}, athletes={ANNA: moved}
    )
    other = Upkeep(
        replace(INPUT, name="other", application="App2"),
        database=c.database,
        folder=tmp_path / "store",
        pipeline=c.pipeline,
        clock=c.clock,
        bulletin=c.problems,
    )
    lock = input_lock(tmp_path / "store", INPUT.name)
    lock.acquire(0.0)
    other.look(c.settings)
    lock.release()
    assert [job.input for job in c.jobs()] == ["other"]


def test_what_a_deleted_input_left_of_nobodys_athletes_is_given_up_here(collect: Collect) -> None:
    c = collect()
    with c.database.write() as tx:
        queue.join(
            tx,
            kind=Kind.ACTIVITY,
            activity_id=1,
            athlete_id=STRANGER,
            input="deleted",
            reason=Reason.WEBHOOK,
            priority=Priority.LIVE,
            force=False,
            due_at=c.clock.now(),
            now=c.clock.now(),
            trail="t",
        )
        left = notification(2, owner_id=STRANGER)
        inbox.add(tx, input="deleted", notification=left, received_at=c.clock.now())
    for _ in range(10):
        c.clock.advance(DAY)
        c.upkeep.look(c.settings)
    c.run()
    assert counts(c) == {"failed": 1}
    assert [event["object_id"] for event in c.index.notifications] == [2]


def test_what_was_held_is_fetched_although_the_clock_was_ahead_at_the_last_fetch(collect: Collect) -> None:
    c = collect()
    lasting(c)
    name = ["old"]
    c.transport.answer_with(lambda activity: ride(activity, name=name[0]))
    right = c.clock.now()
    c.clock.set_wall(right + 3600)
    c.receive("create", 1, event_time=int(right))
    c.run()
    c.clock.set_wall(right + 20)
    c.connect(*athletes(BEN))
    c.run()
    c.receive("update", 1, updates={"title": "new"})
    name[0] = "new"
    c.run()
    c.connect(*athletes(ANNA, BEN))
    for _ in range(10):
        c.run(seconds=60)
    assert c.index.latest()[1]["name"] == "new"


def test_a_forged_delete_is_found_out_even_if_asking_fails_for_long(collect: Collect) -> None:
    c = collect()
    lasting(c)
    c.transport.answer_with(ride)
    c.receive("create", 1)
    c.run()
    broken = [True]
    c.transport.answer_with(lambda activity: BROKEN if activity == 1 and broken[0] else ride(activity))
    c.receive("delete", 1)
    for number in range(60):
        c.receive("create", 100 + number)
        c.run(seconds=120)
    broken[0] = False
    for _ in range(30):
        c.run(seconds=3600)
    assert 1 in c.index.latest()


def test_a_forged_delete_is_found_out_also_after_eight_days_without_access(collect: Collect) -> None:
    c = collect()
    lasting(c)
    c.transport.answer_with(ride)
    c.receive("create", 1)
    c.run()
    c.transport.add(BAD_TOKEN, *[REVOKED] * 500)
    c.receive("update", 1)
    c.run()
    c.receive("delete", 1)
    for _ in range(216):
        c.run(seconds=3600)
        c.upkeep.look(c.settings)
    c.transport.clear()
    c.reconnect(ANNA)
    c.run()
    assert 1 in c.index.latest()


def test_a_deauthorization_of_one_whose_tokens_were_refused_long_before_deletes_nothing(collect: Collect) -> None:
    c = collect(ride(1), BAD_TOKEN, REVOKED)
    c.receive("create", 1)
    c.run()
    c.receive("update", 1)
    c.run()
    c.clock.advance(2 * DAY)
    c.transport.add(*[REVOKED] * 4)
    deauthorized(c)
    c.run()
    assert list(c.index.latest()) == [1]
    assert any("cannot be told" in str(job.error) for job in c.jobs())


def test_an_oauth_service_that_is_busy_is_left_alone_for_a_while(collect: Collect) -> None:
    c = collect(*[answer({}, 429)] * 10)
    c.tokens.tokens[ANNA] = Tokens(Secret("a"), Secret("r"), 1)
    history(c, 300)
    c.run(seconds=1)
    assert len(c.transport.requests) == 1


def test_a_splunkd_that_gives_no_tokens_fills_no_log_and_makes_nobody_a_backlog(
    collect: Collect, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    c = collect()

    def load(_athlete_id: int) -> None:
        raise TokenStoreUnavailable("splunkd does not answer.")

    monkeypatch.setattr(c.tokens, "load", load)
    history(c, 500)
    c.receive("create", 1_000)
    for _ in range(60):
        c.run(seconds=15)
    assert len(caplog.records) < 250
    with c.database.read() as tx:
        assert not turns.is_backlog(tx, ANNA, c.clock.now())


def test_a_clock_that_is_set_back_by_an_hour_holds_up_no_ride_for_an_hour(collect: Collect) -> None:
    c = collect()
    c.transport.answer_with(ride)
    c.receive("create", 1)
    c.dispatcher.dispatch()
    c.clock.set_wall(c.clock.now() - 3600)
    for _ in range(7):
        c.clock.advance(20)
        c.upkeep.look(c.settings)
        while c.worker.work():
            pass
    assert list(c.index.latest()) == [1]


def test_a_clock_that_is_days_ahead_for_a_moment_deletes_nothing(collect: Collect) -> None:
    c = collect()
    c.transport.answer_with(lambda activity: ride(activity, owner=STRANGER))
    c.receive("create", 1, owner=STRANGER)
    c.run()
    c.upkeep.look(c.settings)
    right = c.clock.now()
    c.clock.advance(700)
    c.clock.set_wall(right + 8 * DAY)
    c.upkeep.look(c.settings)
    c.clock.set_wall(right + 705)
    lasting(c)
    c.connect(*athletes(ANNA, BEN, STRANGER))
    c.run(seconds=60)
    assert list(c.index.latest()) == [1]


def test_a_refuted_delete_from_the_future_leaves_no_trace(collect: Collect) -> None:
    c = collect(ride(1), ride(1), NOT_FOUND, ride(1, name="new"))
    lasting(c)
    c.receive("create", 1)
    c.run()
    c.receive("delete", 1, event_time=int(c.clock.now()) + 590)
    c.run()
    assert 1 in c.index.latest()
    c.receive("update", 1)
    for _ in range(10):
        c.run(seconds=120)
    assert c.index.latest()[1]["name"] == "new"


def test_an_odd_refusal_of_one_athletes_token_holds_up_nobody_else(collect: Collect) -> None:
    c = collect()
    lasting(c)
    c.tokens.tokens[ANNA] = Tokens(Secret("a"), Secret("r"), 1)
    c.transport.answer_with(lambda activity: ride(activity, owner=BEN))
    send = c.transport.send

    def odd(request: Request) -> Answer:
        return answer(b"no", 400) if request.url.endswith("/token") else send(request)

    c.transport.send = odd  # type: ignore[method-assign]
    c.receive("create", 1)
    for number in range(10, 20):
        c.receive("create", number, owner=BEN)
        c.run(seconds=60)
        assert number in c.index.latest()


def test_a_dead_letter_that_a_newer_notification_overtakes_is_none(collect: Collect) -> None:
    c = collect(answer({}, 403), ride(1))

    def meanwhile() -> None:
        c.receive("update", 1)
        c.dispatcher.dispatch()

    c.during_call(1, meanwhile)
    c.receive("create", 1)
    c.run()
    c.run(seconds=60)
    assert c.counted()["dead_letter"] == 0
    assert list(c.index.latest()) == [1]
