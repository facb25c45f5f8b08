"""Deleting an athlete's row ends the permission at Strava, and is completed wherever it was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Optional, Union

import pytest

from strava_collector.athlete_deletion import REFUSED_AT, AthleteDeletion, DeletionRefused
from strava_collector.burial import Burial
from strava_collector.errors import ConfigurationError, StoreUnavailable, TransportError, TransportFault
from strava_collector.forgetting import Forgetting
from strava_collector.oauth import OAuth, Tokens
from strava_collector.revocation import revoke_at_strava
from strava_collector.secret import Secret
from strava_collector.settings import Application, Settings
from strava_collector.store import athletes, leases
from strava_collector.store.database import Database
from strava_collector.token_keeper import TOKEN_LEASE_SECONDS, TokenStoreUnavailable, lease_name
from strava_collector.token_lease import PATIENCE, open_store
from strava_collector.transport import Answer
from strava_collector.writer import Writer
from tests.support.clock import VirtualClock
from tests.support.collecting import BAD_TOKEN, BROKEN, REVOKED, Problems
from tests.support.finished_work import ANNA, collected, count, waiting_job
from tests.support.mortality import NEVER, Fate, Index, Killed, MortalDatabase, Vault
from tests.support.scripted_transport import ScriptedTransport, answer, refusal, revealed

FIRST = "2026-06-01T06:00:00Z"
ROW = {"athlete_id": str(ANNA), "application": "club", "connected_at": "50.000"}
SETTINGS = Settings(applications={"club": Application("club", "4711", Secret("client-secret"))})
DONE = answer({})
UNREACHABLE = TransportError(TransportFault.CONNECT, "Strava could not be reached.")
UNKNOWN_CLIENT = refusal("Application", "client_id", "invalid", 400)
WRONG_SECRET = refusal("Application", "", "invalid", 401)
INACTIVE = refusal("Application", "Status", "Inactive", 403)


class World:
    """The page, one row, and the input that may run beside it."""

    def __init__(self, folder: Path, *script: Union[Answer, TransportError], store: bool = True) -> None:
        self.clock = VirtualClock()
        self.fate = Fate()
        self.database: Optional[Database] = None
        if store:
            self.database = MortalDatabase(folder / "store", self.clock, self.fate)
            with self.database.write() as tx:
                collected(tx, 1, start_date=FIRST, now=self.clock.now())
                waiting_job(tx, 2, now=self.clock.now())
        self.index = Index(self.fate)
        self.vault = Vault(self.fate)
        self.vault.tokens[ANNA] = Tokens(Secret("access"), Secret("refresh"), int(self.clock.now()) + 21_600)
        self.rows: dict[str, dict[str, str]] = {"anna": dict(ROW)}
        self.settings = SETTINGS
        self.transport = ScriptedTransport(*script)
        self.store_failure: Optional[StoreUnavailable] = None
        self.waited = 0.0
        #: Consents that no row was saved for, as (application, tokens).
        self.unsaved: list[tuple[str, Tokens]] = []
        self.told: list[tuple[int, str]] = []

    def delete(self, name: str = "anna") -> None:
        """What the page does."""
        deletion = AthleteDeletion(
            tokens=self.vault,
            store=self.store,
            revoke=self.revoke,
            remember=lambda name, now: self.rows[name].update({REFUSED_AT: f"{now:.0f}"}),
            clock=self.clock,
            wait=self.wait,
            unsaved=lambda athlete_id: self.unsaved if athlete_id == ANNA else [],
            tell=lambda athlete_id, text: self.told.append((athlete_id, text)),
        )
        deletion.prepare(name, self.rows.get(name, {}))
        self.fate.pass_by()
        self.rows.pop(name, None)
        self.fate.pass_by()

    def store(self) -> Optional[Database]:
        if self.store_failure is not None:
            raise self.store_failure
        return self.database

    def revoke(self, application: str, tokens: Tokens) -> bool:
        self.fate.pass_by()
        oauth = OAuth(self.transport, "https://strava.example/oauth", self.clock)
        revoked = revoke_at_strava(self.settings, oauth, application, tokens)
        self.fate.pass_by()
        return revoked

    def wait(self, seconds: float) -> None:
        self.waited += seconds
        self.clock.advance(seconds)

    def input_looks(self) -> None:
        assert self.database is not None
        burial = Burial(
            database=self.database, writer=Writer(self.index), clock=self.clock, source="club", index="strava"
        )
        forgetting = Forgetting(
            database=self.database, burial=burial, clock=self.clock, bulletin=Problems(), owner="club"
        )
        forgetting.look(Settings())

    def is_marked(self) -> bool:
        assert self.database is not None
        with self.database.read() as tx:
            return athletes.has_withdrawn(tx, ANNA, "50.000")

    def close(self) -> None:
        if self.database is not None:
            self.database.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def assert_gone(world: World) -> None:
    assert world.rows == {}
    assert world.vault.tokens == {}
    assert world.is_marked()


def test_the_permission_is_revoked_before_anything_is_deleted(world: World) -> None:
    world.transport.add(DONE)
    world.transport.before[1] = lambda: assert_untouched(world)
    world.delete()
    assert_gone(world)
    (request,) = world.transport.requests
    assert (request.method, request.url) == ("POST", "https://strava.example/oauth/revoke")
    assert revealed(request.form or {}) == {"token": "refresh"}


def assert_untouched(world: World) -> None:
    assert "anna" in world.rows and ANNA in world.vault.tokens
    assert not world.is_marked()


@pytest.mark.parametrize("said", [BAD_TOKEN, REVOKED, UNKNOWN_CLIENT], ids=["token", "refresh token", "client"])
def test_what_strava_does_not_know_any_more_needs_no_revocation(world: World, said: Answer) -> None:
    world.transport.add(said)
    world.delete()
    assert_gone(world)


def test_a_consent_that_was_never_saved_is_revoked_first(world: World) -> None:
    """Its exchange has killed the stored tokens at Strava, which says of those that there is no permission."""
    world.unsaved = [("club", Tokens(Secret("newer-access"), Secret("newer"), 1))]
    world.transport.add(DONE, REVOKED)
    world.delete()
    assert_gone(world)
    assert [revealed(request.form or {})["token"] for request in world.transport.requests] == ["newer", "refresh"]
    assert world.told == []


def test_a_consent_that_was_never_saved_is_revoked_without_stored_tokens(world: World) -> None:
    world.vault.tokens.clear()
    world.unsaved = [("club", Tokens(Secret("newer-access"), Secret("newer"), 1))]
    world.transport.add(DONE)
    world.delete()
    assert_gone(world)
    assert world.told == []


def test_a_consent_that_cannot_be_revoked_keeps_the_row(world: World) -> None:
    world.unsaved = [("club", Tokens(Secret("newer-access"), Secret("newer"), 1))]
    world.transport.add(UNREACHABLE)
    with pytest.raises(DeletionRefused):
        world.delete()
    assert_untouched(world)


def test_the_mark_is_there_before_the_tokens_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that finds no tokens has to find the mark; and one under way must write nothing any more."""
    found: list[bool] = []
    forget = world.vault.forget

    def look_and_forget(athlete_id: int) -> None:
        found.append(world.is_marked())
        forget(athlete_id)

    monkeypatch.setattr(world.vault, "forget", look_and_forget)
    world.transport.add(DONE)
    world.delete()
    assert found == [True]


def test_the_mark_is_there_before_the_tokens_go_by_force(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rows["anna"][REFUSED_AT] = f"{world.clock.now() - 100.0:.0f}"
    found: list[bool] = []
    monkeypatch.setattr(world.vault, "forget", lambda athlete_id: found.append(world.is_marked()))
    world.transport.add(UNREACHABLE)
    world.delete()
    assert found == [True]


def test_an_application_that_is_not_configured_any_more_is_in_nobodys_way(world: World) -> None:
    world.settings = Settings()
    world.delete()
    assert_gone(world)
    assert_told(world)


def assert_told(world: World) -> None:
    ((athlete_id, text),) = world.told
    assert athlete_id == ANNA
    assert "Strava could not be told" in text and "https://www.strava.com/settings/apps" in text


def test_a_row_that_was_never_connected_can_be_deleted(world: World) -> None:
    world.rows["empty"] = {"application": "club"}
    world.delete("empty")
    assert list(world.rows) == ["anna"]
    assert_untouched(world)


def test_an_athlete_without_tokens_can_be_deleted(world: World) -> None:
    world.vault.tokens.clear()
    world.delete()
    assert_gone(world)
    assert_told(world)


def test_without_a_store_there_is_nothing_to_mark(tmp_path: Path) -> None:
    world = World(tmp_path, DONE, store=False)
    world.delete()
    assert (world.rows, world.vault.tokens) == ({}, {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (UNREACHABLE, "Strava could not be reached."),
        (BROKEN, "cannot answer now (status 503)"),
        (answer({}, 429), "cannot answer now (status 429)"),
        (WRONG_SECRET, "does not accept the client secret"),
        (INACTIVE, "switched the application"),
        (answer({}, 404), "refused a call"),
        (answer(b"<html>Please log in to our network</html>"), "neither empty nor JSON"),
    ],
    ids=["unreachable", "503", "429", "secret", "inactive", "404", "page"],
)
def test_a_strava_that_does_not_revoke_keeps_the_row(
    world: World, said: Union[Answer, TransportError], why: str
) -> None:
    world.transport.add(said)
    with pytest.raises(DeletionRefused) as refused:
        world.delete()
    assert_untouched(world)
    assert why in str(refused.value)
    assert "https://www.strava.com/settings/apps" in str(refused.value)
    assert "tried again" not in str(refused.value), "nobody does that by himself"


def test_a_second_click_is_refused_too(world: World) -> None:
    for _ in range(2):
        world.transport.add(UNREACHABLE)
        with pytest.raises(DeletionRefused):
            world.delete()
    assert_untouched(world)


def test_who_insists_after_a_minute_gets_rid_of_the_row(world: World) -> None:
    world.transport.add(UNREACHABLE)
    with pytest.raises(DeletionRefused):
        world.delete()
    for _ in range(2):  # impatience puts it off no further
        world.clock.advance(29.0)
        world.transport.add(UNREACHABLE)
        with pytest.raises(DeletionRefused):
            world.delete()
    world.clock.advance(2.0)
    world.transport.add(UNREACHABLE)
    world.delete()
    assert_gone(world)


def test_strava_is_asked_again_by_who_insists(world: World) -> None:
    world.rows["anna"][REFUSED_AT] = f"{world.clock.now() - 100.0:.0f}"
    world.transport.add(DONE)
    world.delete()
    assert_gone(world)


@pytest.mark.parametrize("seconds", [-3600.0, 86_500.0, 1e9])
def test_a_refusal_of_another_day_does_not_count(world: World, seconds: float) -> None:
    world.rows["anna"][REFUSED_AT] = f"{world.clock.now() - seconds:.0f}"
    world.transport.add(UNREACHABLE, UNREACHABLE)
    with pytest.raises(DeletionRefused):
        world.delete()
    world.clock.advance(60.0)
    world.delete()
    assert_gone(world)


def test_a_refresh_in_progress_is_waited_for_a_little(world: World) -> None:
    assert world.database is not None
    with world.database.write() as tx:
        leases.acquire(tx, name=lease_name(ANNA), holder="input", now=world.clock.now(), seconds=TOKEN_LEASE_SECONDS)
    with pytest.raises(DeletionRefused, match="refreshed by another"):
        world.delete()
    assert PATIENCE <= world.waited < PATIENCE + 1.0
    assert_untouched(world)
    world.clock.advance(TOKEN_LEASE_SECONDS)
    world.transport.add(DONE)
    world.delete()
    assert_gone(world)


def test_nobody_refreshes_meanwhile_and_everybody_may_afterwards(world: World) -> None:
    assert world.database is not None
    database = world.database

    def taken() -> bool:
        with database.write() as tx:
            free = leases.acquire(tx, name=lease_name(ANNA), holder="i", now=world.clock.now(), seconds=1.0)
            leases.release(tx, name=lease_name(ANNA), holder="i")
        return not free

    found: list[bool] = []
    world.transport.add(DONE)
    world.transport.before[1] = lambda: found.append(taken())
    world.delete()
    assert found == [True]
    assert not taken()


def test_a_store_that_cannot_be_written_keeps_the_row_until_somebody_insists(world: World) -> None:
    world.store_failure = StoreUnavailable("The store is locked.")
    with pytest.raises(DeletionRefused, match="The store is locked"):
        world.delete()
    world.clock.advance(60.0)
    world.delete()
    assert (world.rows, world.vault.tokens) == ({}, {})


def test_settings_that_cannot_be_used_keep_the_row_until_somebody_insists(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(application: str, tokens: Tokens) -> bool:
        raise ConfigurationError("The OAuth URL must begin with https.")

    monkeypatch.setattr(world, "revoke", faulty)
    with pytest.raises(DeletionRefused, match="OAuth URL"):
        world.delete()
    world.clock.advance(60.0)
    world.delete()
    assert_gone(world)


def test_a_splunkd_that_keeps_the_tokens_keeps_the_row(world: World) -> None:
    world.transport.add(DONE, REVOKED)
    world.vault.failure = TokenStoreUnavailable("splunkd does not answer.")
    with pytest.raises(TokenStoreUnavailable):
        world.delete()
    assert "anna" in world.rows
    world.vault.failure = None
    world.delete()
    assert_gone(world)


def test_a_crash_between_any_two_steps_is_completed_by_deleting_again(tmp_path: Path) -> None:
    moments, moment = NEVER, 0
    while moment < moments:
        moment += 1
        world = World(tmp_path / str(moment), DONE)
        try:
            world.fate.moments, world.fate.last = 0, moment
            try:
                world.delete()
                moments = moment  # it ended before that moment came
            except Killed:
                world.fate.last = NEVER
                world.clock.advance(TOKEN_LEASE_SECONDS + 1.0)
                world.transport.clear()
                world.transport.add(REVOKED)
                if "anna" in world.rows:
                    world.delete()
            world.fate.last = NEVER
            assert_gone(world)
            world.input_looks()
            assert world.database is not None
            with world.database.read() as tx:
                assert [count(tx, table) for table in ("activity", "place", "job", "athlete")] == [0, 0, 0, 0]
            assert world.index.graves() == [(1, "strava", FIRST)]
        finally:
            world.close()
    assert moments > 8


def test_a_page_makes_no_store(tmp_path: Path) -> None:
    assert open_store(tmp_path / "store", VirtualClock()) is None
    assert open_store(None, VirtualClock()) is None
    assert list(tmp_path.iterdir()) == []


def test_a_page_repairs_no_store(world: World, tmp_path: Path) -> None:
    world.close()
    (tmp_path / "store" / "strava.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable):
        open_store(tmp_path / "store", world.clock)
    assert len(list((tmp_path / "store").glob("*damaged*"))) == 0
