"""What a row of *Athletes* that is saved or deleted survives: a splunkd, a store or a storage that fails meanwhile.

The handler itself, without splunkd, for what goes wrong after the row is decided; the rest is tested with the built
handlers, in ``tests/integration/test_athletes.py``.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from sandbox.splunkd.installation import SPLUNK_MODULES
from strava_collector.errors import StoreUnavailable
from strava_collector.oauth import Tokens
from strava_collector.ports import SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.settings import Settings
from strava_collector.store.database import Database
from strava_collector.token_store import Consent, PendingConsents, TokenStore
from tests.support.clock import VirtualClock
from tests.support.passwords import InMemoryPasswords

ANNA = 7001
CONSENT = Consent("4711", ANNA, "Anna", "read,activity:read", Tokens(Secret("access-1"), Secret("refresh-1"), 1))
AWAY = SplunkUnavailable("splunkd answered 503.")


@pytest.fixture(scope="module")
def handler() -> Iterator[ModuleType]:
    """The module of the handler, with Splunk's modules for as long as it is needed."""
    name = "strava_webhook_account_handler"
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SPLUNK_MODULES))
        yield importlib.import_module(name)
    for added in set(sys.modules) - before:
        if added == name or added.partition(".")[0] == "splunk":
            del sys.modules[added]


class Splunkd:
    """Rows and messages, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str]] = {}
        self.shown = ["ta_strava_webhook_club_athlete_7001", "ta_strava_webhook_club_athlete_17001", "of_athlete_7001"]
        self.is_away = False

    def stanzas(self, _conf: str) -> dict[str, dict[str, str]]:
        return self.rows

    def message_names(self) -> list[str]:
        self._answer()
        return list(self.shown)

    def delete_message(self, name: str) -> None:
        self.shown.remove(name)

    def post_message(self, name: str, _text: str, _severity: str) -> None:
        self._answer()
        self.shown.append(name)

    def _answer(self) -> None:
        if self.is_away:
            raise AWAY


@pytest.fixture
def page(handler: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Any:
    monkeypatch.setenv("SPLUNKD_URI", "https://127.0.0.1:8089")
    monkeypatch.delenv("SPLUNK_DB", raising=False)
    monkeypatch.setattr(handler, "log_to_handler_file", lambda _redaction: None)
    caplog.set_level(logging.INFO)
    made = handler._Page("a session")
    made.splunkd, made.passwords = Splunkd(), InMemoryPasswords()
    made.tokens = TokenStore(made.passwords)
    made._settings = Settings
    made.pending = PendingConsents(made.passwords, VirtualClock())
    return made


def refuses() -> Database:
    raise StoreUnavailable("The database is locked.")


def test_a_consent_is_saved_although_the_store_is_locked(page: Any, caplog: pytest.LogCaptureFixture) -> None:
    page._store = refuses
    page.save_tokens(CONSENT)
    assert page.tokens.load(ANNA) == CONSENT.tokens
    assert "action=tokens_replaced_alone athlete_id=7001" in caplog.text


def test_who_is_connected_stays_so_although_no_input_can_be_told_now(
    page: Any, caplog: pytest.LogCaptureFixture
) -> None:
    page.welcome_back(ANNA, "1780000000")  # no input has run yet
    assert "welcome_postponed" not in caplog.text
    page._store = refuses
    page.welcome_back(ANNA, "1780000000")
    assert 'action=welcome_postponed athlete_id=7001 why="The database is locked."' in caplog.text


def test_a_row_that_could_not_be_saved_leaves_nothing_of_the_consent(
    page: Any, monkeypatch: pytest.MonkeyPatch, handler: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    revoked: list[Tokens] = []

    def revoke(_settings: object, _clock: object, _application: str, tokens: Tokens) -> bool:
        revoked.append(tokens)
        return True

    monkeypatch.setattr(handler, "revoke", revoke)
    handle = page.pending.keep(CONSENT)
    page.save_tokens(CONSENT)
    page.take_back(CONSENT, handle)
    assert (revoked, page.passwords.entries) == ([CONSENT.tokens], {})
    assert "action=permission_revoked athlete_id=7001" in caplog.text


def test_what_the_athletes_other_row_has_is_not_taken_back(page: Any) -> None:
    page.splunkd.rows = {"anna": {"athlete_id": str(ANNA)}}
    page.save_tokens(CONSENT)
    page.take_back(CONSENT, "a handle")
    assert page.tokens.load(ANNA) == CONSENT.tokens


def test_what_cannot_be_taken_back_is_left_to_an_input(page: Any, caplog: pytest.LogCaptureFixture) -> None:
    handle = page.pending.keep(CONSENT)
    page.save_tokens(CONSENT)
    page.passwords.failure = AWAY
    page.take_back(CONSENT, handle)
    page.passwords.failure = None
    assert page.pending.look_up(handle) == CONSENT  # in which an input finds it
    assert 'action=loose_tokens_kept athlete_id=7001 why="splunkd answered 503."' in caplog.text


def test_a_deleted_athletes_messages_go_and_nobody_elses(page: Any) -> None:
    page.clear_away(ANNA)
    assert page.splunkd.shown == ["ta_strava_webhook_club_athlete_17001", "of_athlete_7001"]


def test_a_row_is_deleted_although_its_messages_cannot_be(page: Any, caplog: pytest.LogCaptureFixture) -> None:
    page.splunkd.is_away = True
    page.clear_away(ANNA)
    assert 'action=not_cleared_away athlete_id=7001 why="splunkd answered 503."' in caplog.text


def test_a_message_that_cannot_be_shown_is_in_the_log(page: Any, caplog: pytest.LogCaptureFixture) -> None:
    page._tell(ANNA, "The permission may stand.")
    assert page.splunkd.shown[-1] == "ta_strava_webhook_permission_of_7001"
    page.splunkd.is_away = True
    page._tell(ANNA, "The permission may stand.")
    assert 'action=message_not_shown athlete_id=7001 why="splunkd answered 503."' in caplog.text


def test_rows_are_shown_to_who_may_not_see_whether_there_are_tokens(page: Any) -> None:
    rows: dict[str, dict[str, str]] = {"anna": {"athlete_id": str(ANNA), "connected_at": "1780000000"}}
    page.passwords.failure = AWAY
    page.add_columns(rows)
    unknown = rows["anna"]["state"]
    page.passwords.failure = None
    page.add_columns(rows)
    assert (unknown, rows["anna"]["state"]) == ("connected", "disconnected")
