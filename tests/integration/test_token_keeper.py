"""Tokens are refreshed by one at a time and never lost: with the real store, and a Strava that rotates."""

from __future__ import annotations

import json
import logging
import multiprocessing
import ssl
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional
from urllib.parse import parse_qs

import pytest
import trustme

from sandbox.patience import patience
from strava_collector.clock import SystemClock
from strava_collector.errors import CollectorError, StoreUnavailable, TransportError, TransportFault
from strava_collector.oauth import OAuth, OAuthRefused, OAuthUnavailable, Refusal, Tokens
from strava_collector.secret import Secret
from strava_collector.store.database import Database
from strava_collector.token_keeper import (
    NotConnected,
    RefreshBusy,
    TokenKeeper,
    TokensNotSaved,
    TokenStoreUnavailable,
)
from strava_collector.transport import Answer, RequestsTransport
from tests.support.https_server import Server, Visit, server_context
from tests.support.scripted_transport import answer, refusal
from tests.support.token_world import ANNE, APPLICATION, BEN, HOUR, World, renewed, token
from tests.support.waiting import until


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "store")
    yield world
    world.close()


class TestATokenThatIsGood:
    @pytest.mark.parametrize("seconds", [300, 301, 6 * HOUR])
    def test_is_given_out_without_asking_strava(self, world: World, seconds: int) -> None:
        world.connect(ANNE, seconds)
        assert token(world, world.keeper()) == "marked-access-1"
        assert world.strava.asked == []

    def test_is_read_anew_each_time_so_that_a_new_consent_counts_at_once(self, world: World) -> None:
        keeper = world.keeper()
        world.connect(ANNE)
        token(world, keeper)
        world.connect(ANNE)
        assert token(world, keeper) == "marked-access-2"

    def test_needs_no_store(self, world: World, tmp_path: Path) -> None:
        (tmp_path / "store").write_text("a file where a folder should be")
        world.connect(ANNE)
        assert token(world, world.keeper()) == "marked-access-1"

    def test_is_missing_when_the_athlete_is_not_connected(self, world: World) -> None:
        with pytest.raises(NotConnected, match='athlete "Anne"'):
            token(world, world.keeper())


class TestATokenThatExpires:
    @pytest.mark.parametrize("seconds", [299, 0, -6 * HOUR])
    def test_is_refreshed_within_five_minutes_of_its_end(self, world: World, seconds: int) -> None:
        world.connect(ANNE, seconds)
        assert token(world, world.keeper()) == "marked-access-2"
        stored = world.passwords.load(1)
        assert stored is not None
        assert stored.refresh_token == Secret("marked-refresh-2")

    def test_is_saved_in_its_new_form_before_anybody_gets_it(self, world: World) -> None:
        world.connect(ANNE, 0)
        saved_when_asked: list[int] = []
        world.strava.meanwhile = lambda: saved_when_asked.append(world.passwords.saves)
        token(world, world.keeper())
        assert (saved_when_asked, world.passwords.saves) == ([0], 1)

    def test_can_be_refreshed_over_and_over(self, world: World) -> None:
        world.connect(ANNE)
        keeper = world.keeper()
        for number in range(2, 12):
            world.clock.advance(6 * HOUR)
            assert token(world, keeper) == f"marked-access-{number}"
        assert len(world.strava.asked) == 10

    def test_leaves_no_lease_behind(self, world: World) -> None:
        first, second = world.keeper(), world.keeper()
        world.connect(ANNE, 0)
        token(world, first)
        world.clock.advance(6 * HOUR)
        assert token(world, second) == "marked-access-3"

    def test_no_transaction_is_open_while_strava_is_asked(self, world: World, tmp_path: Path) -> None:
        world.connect(ANNE, 0)
        other = Database(tmp_path / "store", clock=world.clock, patience=0.5)

        def write() -> None:
            with other.write() as tx:
                tx.execute("DELETE FROM lease WHERE name = 'nobody'")

        world.strava.meanwhile = write
        assert token(world, world.keeper()) == "marked-access-2"
        other.close()


class TestARejectedToken:
    def test_is_replaced(self, world: World) -> None:
        old = world.connect(ANNE, HOUR)
        assert renewed(world, world.keeper(), old) == "marked-access-2"

    def test_is_not_refreshed_again_if_somebody_has_done_so(self, world: World) -> None:
        old = world.connect(ANNE, HOUR)
        first, second = world.keeper(), world.keeper()
        assert renewed(world, first, old) == "marked-access-2"
        assert renewed(world, second, old) == "marked-access-2"
        assert renewed(world, first, old) == "marked-access-2"
        assert world.strava.asked == ["marked-refresh-1"]

    def test_comes_back_if_strava_insists_that_it_is_good(self, world: World) -> None:
        old = world.connect(ANNE, 5 * HOUR)
        assert renewed(world, world.keeper(), old) == "marked-access-1"
        assert world.strava.asked == ["marked-refresh-1"]
        assert world.passwords.load(1) == old


class TestSeveralAtOnce:
    def test_in_one_process_one_refreshes_and_the_other_is_told_to_come_back(self, world: World) -> None:
        world.connect(ANNE, 0)
        keeper = world.keeper()
        self.race(world, keeper, keeper)

    def test_in_two_processes_too(self, world: World) -> None:
        world.connect(ANNE, 0)
        self.race(world, world.keeper(), world.keeper())

    @staticmethod
    def race(world: World, first: TokenKeeper, second: TokenKeeper) -> None:
        asked, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            asked.set()
            assert go_on.wait(20)

        world.strava.meanwhile = hold
        with ThreadPoolExecutor(1) as pool:
            refreshing = pool.submit(token, world, first)
            assert asked.wait(20)
            with pytest.raises(RefreshBusy) as caught:
                token(world, second)
            assert world.clock.now() < caught.value.retry_at <= world.clock.now() + 5
            go_on.set()
            assert refreshing.result(20) == "marked-access-2"
        assert token(world, second) == "marked-access-2"
        assert world.strava.asked == ["marked-refresh-1"]

    def test_another_athletes_refresh_does_not_wait(self, world: World) -> None:
        world.connect(ANNE, 0)
        world.connect(BEN, 0)
        keeper = world.keeper()
        asked, go_on = threading.Event(), threading.Event()

        def hold_the_first() -> None:
            if not asked.is_set():
                asked.set()
                assert go_on.wait(20)

        world.strava.meanwhile = hold_the_first
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(token, world, keeper, ANNE)
            assert asked.wait(20)
            assert token(world, keeper, BEN) == "marked-access-3"
            go_on.set()
            slow.result(20)

    def test_eight_threads_on_four_keepers_make_one_refresh(self, world: World) -> None:
        world.connect(ANNE, 0)
        keepers = [world.keeper() for _ in range(4)]

        def insist(keeper: TokenKeeper) -> str:
            got: list[str] = []

            def there() -> bool:
                try:
                    got.append(token(world, keeper))
                except RefreshBusy:
                    return False
                return True

            until(there)
            return got[0]

        with ThreadPoolExecutor(8) as pool:
            tokens = list(pool.map(insist, keepers * 2))
        assert tokens == ["marked-access-2"] * 8
        assert world.strava.asked == ["marked-refresh-1"]

    def test_a_lease_of_a_process_that_died_ends_by_itself(self, world: World) -> None:
        world.connect(ANNE, 0)
        died = world.keeper()
        died._take_lease(1)
        survivor = world.keeper()
        with pytest.raises(RefreshBusy):
            token(world, survivor)
        world.clock.advance(180)
        assert token(world, survivor) == "marked-access-2"

    def test_a_refresh_that_could_outlive_its_lease_is_not_begun(self, world: World) -> None:
        world.connect(ANNE, 0)
        keeper = world.keeper()
        slow_load = world.passwords.load

        def load(athlete_id: int) -> Optional[Tokens]:
            world.clock.advance(61)
            return slow_load(athlete_id)

        world.passwords.load = load  # type: ignore[method-assign]  # a splunkd that takes a minute to answer
        with pytest.raises(RefreshBusy):
            token(world, keeper)
        assert world.strava.asked == []


class TestNewTokensThatCannotBeSaved:
    @pytest.fixture
    def stuck(self, world: World) -> TokenKeeper:
        """A keeper that holds new tokens which splunkd did not take."""
        world.connect(ANNE, 0)
        keeper = world.keeper()
        world.passwords.save_fails = OSError("splunkd is gone, marked")
        with pytest.raises(TokensNotSaved) as caught:
            token(world, keeper)
        assert "marked" not in str(caught.value)
        assert caught.value.__context__ is None
        return keeper

    def test_are_not_used(self, world: World, stuck: TokenKeeper) -> None:
        for _ in range(3):
            with pytest.raises(TokensNotSaved):
                token(world, stuck)
        assert world.strava.asked == ["marked-refresh-1"]

    def test_are_saved_before_anything_else_as_soon_as_it_works(self, world: World, stuck: TokenKeeper) -> None:
        world.passwords.save_fails = None
        assert token(world, stuck) == "marked-access-2"
        assert world.passwords.load(1) is not None
        assert world.strava.asked == ["marked-refresh-1"]

    def test_are_saved_before_a_rejected_one_is_renewed(self, world: World, stuck: TokenKeeper) -> None:
        world.passwords.save_fails = None
        assert renewed(world, stuck, Tokens(Secret("marked-access-1"), Secret(""), 0)) == "marked-access-2"

    def test_are_saved_also_before_an_old_one_is_given_out_that_looks_good(self, world: World) -> None:
        old = world.connect(ANNE, HOUR)
        keeper = world.keeper()
        world.passwords.save_fails = OSError()
        with pytest.raises(TokensNotSaved):
            renewed(world, keeper, old)
        world.passwords.save_fails = None
        assert token(world, keeper) == "marked-access-2"

    def test_keep_other_processes_from_using_the_dead_refresh_token(self, world: World, stuck: TokenKeeper) -> None:
        other = world.keeper()
        for _ in range(30):
            world.clock.advance(60)
            assert stuck.save_unsaved() is False
            with pytest.raises(RefreshBusy):
                token(world, other)
        world.passwords.save_fails = None
        assert stuck.save_unsaved() is True
        assert token(world, other) == "marked-access-2"
        assert world.strava.asked == ["marked-refresh-1"]

    def test_do_not_hold_up_another_athlete(self, world: World, stuck: TokenKeeper) -> None:
        world.passwords.save_fails = None
        world.connect(BEN)
        world.passwords.save_fails = OSError()
        assert token(world, stuck, BEN) == "marked-access-3"

    def test_give_way_to_those_of_a_new_consent(self, world: World, stuck: TokenKeeper) -> None:
        world.passwords.save_fails = None
        fresh = world.connect(ANNE)
        assert token(world, stuck) == fresh.access_token.reveal()
        assert world.passwords.load(1) == fresh

    def test_are_dropped_when_the_permission_was_withdrawn(self, world: World, stuck: TokenKeeper) -> None:
        world.passwords.save_fails = None
        world.passwords.forget(1)
        with pytest.raises(NotConnected):
            token(world, stuck)
        assert world.passwords.load(1) is None

    def test_are_not_saved_twice_if_only_the_answer_was_lost(self, world: World) -> None:
        world.connect(ANNE, 0)
        keeper = world.keeper()
        world.passwords.save_fails, world.passwords.fails_after_saving = OSError(), True
        with pytest.raises(TokensNotSaved):
            token(world, keeper)
        world.passwords.save_fails = None
        assert token(world, keeper) == "marked-access-2"
        assert world.passwords.saves == 1

    def test_are_kept_also_if_the_store_cannot_be_read(self, world: World, stuck: TokenKeeper) -> None:
        world.passwords.load_fails = TokenStoreUnavailable("splunkd does not answer")
        with pytest.raises(TokenStoreUnavailable):
            token(world, stuck)
        world.passwords.load_fails = world.passwords.save_fails = None
        assert token(world, stuck) == "marked-access-2"


class TestARefreshThatFails:
    def test_because_the_permission_is_gone_says_so(self, world: World) -> None:
        world.connect(ANNE, 0)
        world.strava._alive.clear()
        keeper = world.keeper()
        for _ in range(2):
            with pytest.raises(OAuthRefused) as caught:
                token(world, keeper)
            assert caught.value.kind is Refusal.REFRESH_TOKEN

    def test_while_the_athlete_connects_again_is_no_refusal(self, world: World) -> None:
        world.connect(ANNE, 0)
        world.strava._alive.clear()
        keeper = world.keeper()
        world.strava.meanwhile = lambda: None if len(world.strava.asked) > 1 else (world.connect(ANNE), None)[1]
        with pytest.raises(RefreshBusy) as caught:
            token(world, keeper)
        assert caught.value.retry_at <= world.clock.now()
        assert token(world, keeper) == "marked-access-2"

    @pytest.mark.parametrize(
        ("fails", "answers", "error"),
        [
            (TransportError(TransportFault.TIMEOUT, "No."), None, TransportError),
            (None, answer(b"<html>", 502), OAuthUnavailable),
            (None, answer(b"<html>", 200), OAuthUnavailable),
            (None, refusal("Application", "", "invalid", 401), OAuthRefused),
        ],
    )
    def test_can_be_tried_again_with_the_same_refresh_token(
        self, world: World, fails: Optional[Exception], answers: Optional[Answer], error: type[Exception]
    ) -> None:
        world.connect(ANNE, 0)
        first, second = world.keeper(), world.keeper()
        world.strava.fails, world.strava.answers = fails, answers
        with pytest.raises(error):
            token(world, first)
        world.strava.fails = world.strava.answers = None
        assert token(world, second) == "marked-access-2"

    def test_because_the_store_is_locked_never_reached_strava(self, world: World, tmp_path: Path) -> None:
        world.connect(ANNE, 0)
        (tmp_path / "store").write_text("a file where a folder should be")
        with pytest.raises(StoreUnavailable):
            token(world, world.keeper())
        assert world.strava.asked == []


def test_no_token_shows_in_errors_logs_or_values(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.connect(ANNE, 0)
    keeper = world.keeper()
    world.passwords.save_fails = OSError("marked")
    for _ in range(2):
        try:
            token(world, keeper)
        except CollectorError as error:
            logging.getLogger("a.handler").exception("failed: %r %r", keeper, keeper.__dict__)
            assert "marked" not in "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert "failed" in caplog.text
    assert "marked" not in caplog.text


# Two real processes, and Strava behind real TLS.


class PasswordFile:
    """Splunk's password store as a file that processes share."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, athlete_id: int) -> Optional[Tokens]:
        access, refresh, expires_at = json.loads(self._path.read_text())
        return Tokens(Secret(access), Secret(refresh), expires_at)

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        waiting = self._path.with_suffix(f".{threading.get_ident()}")
        waiting.write_text(json.dumps([tokens.access_token.reveal(), tokens.refresh_token.reveal(), tokens.expires_at]))
        waiting.replace(self._path)

    def forget(self, athlete_id: int) -> None:
        raise NotImplementedError


def process(folder: Path, url: str, start: Any, busy: Any, results: Any) -> None:
    """What each process does: get Anne's token, however long it takes."""
    clock = SystemClock()
    database = Database(folder / "store", clock=clock)
    transport = RequestsTransport(clock=clock, ca_file=str(folder / "ca.pem"))
    keeper = TokenKeeper(database, PasswordFile(folder / "tokens.json"), clock)
    oauth = OAuth(transport, url, clock)
    got: list[str] = []

    def there() -> bool:
        try:
            got.append(keeper.access_token(ANNE, APPLICATION, oauth).reveal())
        except RefreshBusy:
            busy.set()
            return False
        return True

    start.wait(patience(30))
    until(there)
    transport.close()
    database.close()
    results.put(got[0])


def test_two_processes_that_find_one_token_expired_make_one_refresh(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls: ssl.SSLContext = server_context(ca.issue_cert("localhost"))
    spawn = multiprocessing.get_context("spawn")
    start, busy, results = spawn.Barrier(2), spawn.Event(), spawn.Queue()
    alive = {"r1": "r2"}

    def strava(visit: Visit) -> None:
        while (request := visit.request()) is not None:
            sent = parse_qs(request.body.decode())["refresh_token"][0]
            assert busy.wait(patience(30)), "the other process should have found the refresh under way"
            rotated = alive.pop(sent, None)
            if rotated is None:
                visit.answer(b"{}", 400)
            else:
                tokens = {
                    "access_token": "a2",
                    "refresh_token": rotated,
                    "expires_at": 1,
                    "expires_in": 21_600,
                }
                visit.answer(json.dumps(tokens).encode())

    PasswordFile(tmp_path / "tokens.json").save(1, Tokens(Secret("a1"), Secret("r1"), 0))
    with Server(strava, tls) as server:
        processes = [spawn.Process(target=process, args=(tmp_path, server.url, start, busy, results)) for _ in range(2)]
        for each in processes:
            each.start()
        tokens = [results.get(timeout=patience(60)) for _ in processes]
        for each in processes:
            each.join(patience(30))
            assert each.exitcode == 0
            each.close()
        assert len(server.received) == 1
    results.close()
    assert tokens == ["a2", "a2"]
    stored = PasswordFile(tmp_path / "tokens.json").load(1)
    assert stored is not None
    assert replace(stored, expires_at=0) == Tokens(Secret("a2"), Secret("r2"), 0)
