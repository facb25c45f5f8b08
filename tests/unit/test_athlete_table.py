"""The table of athletes says what is known, and says so when something is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.athlete_table import columns, granted_in_words, look
from strava_collector.errors import StoreUnavailable
from strava_collector.store import athletes, ledger, view
from strava_collector.store.database import Database
from strava_collector.store.process_lock import FileLock
from strava_collector.store.sqlite import sqlite3
from strava_collector.store_folder import beside_checkpoints, of_environment
from tests.support.finished_work import ANNA, BEN, collected, deleted
from tests.support.store import database

SINCE = "1780000000.000"
ROW = {
    "athlete_id": str(ANNA),
    "connected_at": SINCE,
    "granted_scope": "read,activity:read_all",
    "scope": "read,activity:read_all",
}
#: All that the page can ask for.
OPEN = "read,activity:read,activity:read_all,profile:read_all"
#: 2026-06-01 06:00 UTC.
MONDAY = 1_780_293_600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    store = database(tmp_path)
    with store.write() as tx:
        collected(tx, 1, start_date="2026-06-01T05:00:00Z", now=MONDAY + 120.0)
        collected(tx, 2, start_date="2026-05-31T05:00:00Z", now=MONDAY + 60.0)
        collected(tx, 3, start_date="2026-05-30T05:00:00Z", now=MONDAY + 180.0)
        deleted(tx, 3, now=MONDAY + 240.0)
    yield store
    store.close()


def shown(folder: Optional[Path], row: dict[str, str] = ROW, tokens: Optional[set[int]] = None) -> dict[str, str]:
    return columns(row, look(folder, [ANNA]), {ANNA} if tokens is None else tokens)


def test_a_connected_athlete_has_the_activity_that_was_collected_last(store: Database, tmp_path: Path) -> None:
    found = shown(tmp_path / "store")

    assert found["state"] == "connected"
    assert found["last_activity"] == "2026-06-01 06:02 UTC"
    assert found["last_activity_help"] == ("Activity 1, begun 2026-06-01 05:00 UTC, collected 2026-06-01 06:02 UTC")


def test_refused_tokens_of_this_connection_need_a_new_one(store: Database, tmp_path: Path) -> None:
    with store.write() as tx:
        athletes.mark_reconnect(
            tx, athlete_id=ANNA, reason="Refused.", connected_at=SINCE, now=MONDAY, probe_after=3600.0
        )

    found = shown(tmp_path / "store")
    assert found["state"] == "needs to reconnect"
    assert found["state_help"].startswith("Refused. ")
    assert shown(tmp_path / "store", {**ROW, "connected_at": "1780000001.000"})["state"] == "connected"


@pytest.mark.parametrize(
    ("reason", "said"), [("He left.", "has withdrawn"), (athletes.ROW_DELETED, "deletion of this row was interrupted")]
)
def test_who_has_left_is_disconnected(store: Database, tmp_path: Path, reason: str, said: str) -> None:
    with store.write() as tx:
        athletes.mark_deauthorized(tx, athlete_id=ANNA, reason=reason, connected_at=SINCE, now=MONDAY)

    found = shown(tmp_path / "store")
    assert found["state"] == "disconnected"
    assert said in found["state_help"]


def test_who_has_no_tokens_is_disconnected_if_that_is_known(store: Database, tmp_path: Path) -> None:
    assert shown(tmp_path / "store", tokens={BEN})["state"] == "disconnected"
    assert columns(ROW, look(tmp_path / "store", [ANNA]), None)["state"] == "connected"


def test_a_row_without_an_athlete_is_disconnected(tmp_path: Path) -> None:
    assert shown(tmp_path, {"application": "club"})["state"] == "disconnected"


def test_without_a_store_nothing_was_collected_yet(tmp_path: Path) -> None:
    found = shown(tmp_path / "nothing")

    assert (found["state"], found["last_activity"]) == ("connected", "none yet")
    assert list(tmp_path.iterdir()) == []


def test_where_the_store_is_may_be_unknown() -> None:
    assert shown(None)["last_activity"] == "unknown"


def test_a_store_that_cannot_be_read_leaves_what_the_row_knows(store: Database, tmp_path: Path) -> None:
    store.close()
    (tmp_path / "store" / "strava.db").write_bytes(b"no database" * 1000)

    found = shown(tmp_path / "store")
    assert (found["state"], found["last_activity"]) == ("connected", "unknown")
    assert "cannot be seen" in found["state_help"]


def test_a_store_under_repair_is_left_alone(store: Database, tmp_path: Path) -> None:
    store.close()
    lock = FileLock(tmp_path / "store" / "store.lock")
    assert lock.try_alone()

    assert shown(tmp_path / "store")["last_activity"] == "unknown"
    lock.close()


def test_a_store_of_another_version_is_left_alone(store: Database, tmp_path: Path) -> None:
    store.close()
    with sqlite3.connect(tmp_path / "store" / "strava.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreUnavailable, match="another version"), view.view(tmp_path / "store"):
        pass


@pytest.mark.parametrize("is_open", [True, False])
def test_a_look_leaves_no_trace(store: Database, tmp_path: Path, is_open: bool) -> None:
    if not is_open:
        store.close()
    before = {path.name: path.stat().st_size for path in (tmp_path / "store").iterdir()}

    assert shown(tmp_path / "store")["last_activity"].startswith("2026-06-01 06:02")
    assert {path.name: path.stat().st_size for path in (tmp_path / "store").iterdir()} == before


def test_a_look_waits_for_no_writer_and_holds_none_up(store: Database, tmp_path: Path) -> None:
    with store.write() as tx:
        collected(tx, 4, start_date="2026-06-01T05:30:00Z", now=MONDAY + 300.0)
        with view.view(tmp_path / "store") as seen:
            newest = ledger.newest_of(seen, ANNA)
            assert newest is not None and newest.activity_id == 1
    with view.view(tmp_path / "store"), store.write(patience=0.0) as tx:
        collected(tx, 5, start_date="2026-06-01T05:40:00Z", now=MONDAY + 400.0)


@pytest.mark.skipif(os.name == "nt", reason="no such permissions")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_store_that_must_not_be_read_is_not(store: Database, tmp_path: Path) -> None:
    (tmp_path / "store").chmod(0)
    try:
        assert shown(tmp_path / "store")["state"] == "connected"
    finally:
        (tmp_path / "store").chmod(0o700)


@pytest.mark.parametrize(
    ("granted", "wanted", "words"),
    [
        ("read,activity:read,activity:read_all", "read,activity:read,activity:read_all", "All activities"),
        ("read,activity:read_all", "read,activity:read_all", "All activities"),
        ("read,activity:read", "read,activity:read,activity:read_all", "private activities: unticked"),
        ("read activity:read", "read,activity:read", "All but private"),
        ("read", "read,activity:read", "read"),
        (OPEN, OPEN, "All activities, and the profile"),
        ("read,activity:read,activity:read_all", OPEN, "All activities, not the profile: unticked"),
        ("read,activity:read,profile:read_all", OPEN, "All but private activities: unticked"),
        ("read,activity:read", OPEN, "All but private activities, not the profile: unticked"),
    ],
)
def test_granted_scopes_are_put_into_words(granted: str, wanted: str, words: str) -> None:
    assert words in granted_in_words(granted, wanted)[0]


def test_what_was_not_asked_for_is_not_missed() -> None:
    assert "unticked" not in str(granted_in_words("read,activity:read", "read,activity:read"))
    assert "profile" not in str(granted_in_words("read,activity:read_all", "read,activity:read_all"))
    assert "Edit the row" in granted_in_words("read,activity:read", "read,activity:read_all")[1]


def test_both_boxes_that_were_unticked_are_named() -> None:
    about = granted_in_words("read,activity:read", OPEN)[1]
    assert "box for private activities" in about
    assert "box for the complete profile" in about


def test_a_page_finds_the_store_where_the_input_keeps_it() -> None:
    """splunkd's environment and the checkpoint folder that it gives an input lead to one place."""
    by_input = beside_checkpoints("/data/splunk/modinputs/strava_webhook")

    assert of_environment({"SPLUNK_DB": "/data/splunk", "SPLUNK_HOME": "/opt/splunk"}) == by_input
    assert of_environment({"SPLUNK_HOME": "/opt/splunk"}) == Path(
        "/opt/splunk/var/lib/splunk/modinputs/ta_strava_webhook"
    )
    assert of_environment({"SPLUNK_DB": " "}) is None
