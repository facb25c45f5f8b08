"""Tokens of an athlete who has withdrawn the permission are deleted, and nothing brings them back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.oauth import OAuth, Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Application, Athlete
from strava_collector.store import leases
from strava_collector.token_keeper import RefreshBusy, TokenKeeper, TokensNotSaved, TokenStoreUnavailable
from tests.support.clock import VirtualClock
from tests.support.scripted_transport import ScriptedTransport, answer
from tests.support.store import database

ANNA = Athlete("Anna", 1, "App")
APPLICATION = Application("App", "4711", Secret("client-secret"))


class Vault:
    """A TokenStore that can fail."""

    def __init__(self) -> None:
        self.tokens: dict[int, Tokens] = {}
        self.save_fails = self.forget_fails = False

    def load(self, athlete_id: int) -> Optional[Tokens]:
        return self.tokens.get(athlete_id)

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        if self.save_fails:
            raise TokenStoreUnavailable("splunkd does not answer.")
        self.tokens[athlete_id] = tokens

    def forget(self, athlete_id: int) -> None:
        if self.forget_fails:
            raise TokenStoreUnavailable("splunkd does not answer.")
        self.tokens.pop(athlete_id, None)


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.database = database(folder)
        self.vault = Vault()
        self.keeper = TokenKeeper(self.database, self.vault, self.clock)
        self.transport = ScriptedTransport(answer(self.given("new")))
        self.oauth = OAuth(self.transport, "https://strava.example/oauth", self.clock)
        self.vault.tokens[1] = self.tokens("old", 0)

    def tokens(self, mark: str, seconds: int = 21_600) -> Tokens:
        return Tokens(Secret(f"access-{mark}"), Secret(f"refresh-{mark}"), int(self.clock.now()) + seconds)

    def given(self, mark: str) -> dict[str, object]:
        expires_at = int(self.clock.now()) + 21_600
        return {"access_token": f"access-{mark}", "refresh_token": f"refresh-{mark}", "expires_at": expires_at}

    def refresh(self) -> Secret:
        return self.keeper.access_token(ANNA, APPLICATION, self.oauth)

    def leased(self) -> bool:
        with self.database.write() as tx:
            return not leases.acquire(tx, name="tokens:1", holder="another", now=self.clock.now(), seconds=0.0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.database.close()


def test_what_is_forgotten_is_gone_and_may_be_forgotten_again(world: World) -> None:
    assert world.keeper.forget(1)
    assert world.vault.tokens == {}
    assert world.keeper.forget(1)
    assert world.keeper.forget(1, refused=Secret("access-old"))
    assert not world.leased()


def test_a_refresh_in_progress_is_not_interrupted(world: World) -> None:
    def forget() -> None:
        with pytest.raises(RefreshBusy):
            world.keeper.forget(1)

    world.transport.before[1] = forget
    assert world.refresh() == Secret("access-new")
    assert world.keeper.forget(1)
    assert world.vault.tokens == {}


def test_a_refresh_by_another_process_is_not_interrupted(world: World) -> None:
    with world.database.write() as tx:
        leases.acquire(tx, name="tokens:1", holder="another", now=world.clock.now(), seconds=180.0)
    with pytest.raises(RefreshBusy) as busy:
        world.keeper.forget(1)
    assert busy.value.retry_at > world.clock.now()
    world.clock.advance(180.0)
    assert world.keeper.forget(1)


def test_tokens_that_are_only_in_memory_are_forgotten_too(world: World) -> None:
    world.vault.save_fails = True
    with pytest.raises(TokensNotSaved):
        world.refresh()
    assert world.leased()
    world.vault.save_fails = False
    assert world.keeper.forget(1)
    assert not world.leased(), "as it would be for tokens that have to be saved"
    assert world.keeper.save_unsaved()
    assert world.vault.tokens == {}


def test_tokens_in_memory_stay_until_the_stored_ones_are_deleted(world: World) -> None:
    world.vault.save_fails = world.vault.forget_fails = True
    with pytest.raises(TokensNotSaved):
        world.refresh()
    with pytest.raises(TokenStoreUnavailable):
        world.keeper.forget(1)
    world.vault.save_fails = world.vault.forget_fails = False
    assert world.keeper.save_unsaved()
    assert world.vault.tokens[1].refresh_token == Secret("refresh-new")
    assert world.keeper.forget(1)
    assert world.vault.tokens == {}


def test_tokens_that_have_replaced_the_refused_ones_stay(world: World) -> None:
    world.vault.tokens[1] = world.tokens("consent")
    assert not world.keeper.forget(1, refused=Secret("access-old"))
    assert world.vault.tokens[1].access_token == Secret("access-consent")
    assert not world.leased()


def test_unsaved_tokens_that_have_replaced_the_refused_ones_stay(world: World) -> None:
    world.vault.save_fails = True
    with pytest.raises(TokensNotSaved):
        world.refresh()
    assert not world.keeper.forget(1, refused=Secret("access-old"))
    world.vault.save_fails = False
    assert world.keeper.save_unsaved()
    assert world.vault.tokens[1].access_token == Secret("access-new")
    assert world.keeper.forget(1, refused=Secret("access-new"))


def test_unsaved_tokens_do_not_stand_for_those_of_a_new_consent(world: World) -> None:
    world.vault.save_fails = True
    with pytest.raises(TokensNotSaved):
        world.refresh()
    world.vault.tokens[1] = world.tokens("consent")
    assert not world.keeper.forget(1, refused=Secret("access-new"))
    assert world.vault.tokens[1].access_token == Secret("access-consent")
