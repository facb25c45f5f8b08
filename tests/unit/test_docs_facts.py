"""What ``docs/data.md`` and ``docs/open-server.md`` say of the code is so."""

from __future__ import annotations

import re
from pathlib import Path

from strava_collector import notification_effects, splunk_config, token_store, upkeep
from strava_collector.limits import Limits, SizeLimits
from strava_collector.rare_log import RareLog
from strava_collector.store import salvage, schema
from strava_collector.store.files import Files
from strava_collector.webhook import MAX_COMMAS

ROOT = Path(__file__).resolve().parents[2]
DATA = (ROOT / "docs" / "data.md").read_text("utf-8")
OPEN_SERVER = (ROOT / "docs" / "open-server.md").read_text("utf-8")

DAY = 86_400.0


def rows(page: str, first: str) -> dict[str, str]:
    """By its first cell, each row of the one table whose first column has this header; the cells behind it joined."""
    (block,) = re.findall(rf"(?:^\| {re.escape(first)} \|.*\n)(?:^\|.*\n)+", page, flags=re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]]
    return {row[0].strip("`"): " | ".join(row[1:]) for row in cells}


# docs/data.md


def test_every_table_of_the_database_is_documented_and_no_other() -> None:
    statements = [statement for migration in schema.MIGRATIONS for statement in migration]
    made = {name for statement in statements for name in re.findall(r"CREATE TABLE (\w+)", statement)}
    gone = {name for statement in statements for name in re.findall(r"DROP TABLE (\w+)", statement)}
    assert set(rows(DATA, "Table")) == made - gone


def test_tables_that_know_a_person_say_so() -> None:
    about_people = re.compile(r"\b(athlete_id|activity_id|owner_id|body)\b")
    for migration in schema.MIGRATIONS:
        for statement in migration:
            created = re.match(r"\s*CREATE TABLE (\w+)", statement)
            if created and about_people.search(statement):
                assert not rows(DATA, "Table")[created[1]].startswith("nobody"), created[1]


def test_what_is_pruned_is_kept_for_as_long_as_documented() -> None:
    kept = rows(DATA, "Table")
    notifications, dead_letters = upkeep.NOTIFICATIONS_KEPT / DAY, upkeep.DEAD_LETTERS_KEPT / DAY
    assert kept["notification"].endswith(f"| {notifications:g} days; as a dead letter {dead_letters:g} days")
    assert f"as a dead letter {dead_letters:g} days" in kept["job"]
    assert f"never collected: {dead_letters:g} days" in kept["activity"]


def test_every_realm_of_the_credential_store_is_documented_and_no_other() -> None:
    confs = (splunk_config.APPLICATIONS, splunk_config.ACCOUNTS, splunk_config.SETTINGS)
    assert set(rows(DATA, "Realm")) == {
        token_store.REALM,
        token_store.PENDING_REALM,
        *(splunk_config.credential_realm(f"configs/conf-{conf}") for conf in confs),
        splunk_config.credential_realm(f"data/inputs/{splunk_config.WEBHOOK_KIND}"),
    }
    assert token_store.PENDING_LIFETIME == 600
    assert "ten minutes" in rows(DATA, "Realm")[token_store.PENDING_REALM]


def test_the_files_of_the_database_have_the_documented_names() -> None:
    files = Files(Path("ta_strava_webhook"))
    assert f"$SPLUNK_DB/modinputs/{files.database.as_posix()}`" in DATA
    assert files.lock.suffix == ".lock"
    assert salvage._KEPT == 5
    assert "the newest five" in DATA


# docs/open-server.md


def test_the_listeners_limits_are_the_documented_ones() -> None:
    limits, sizes = Limits(), SizeLimits()
    found = rows(OPEN_SERVER, "Limit")
    kib = 1024
    assert found["connections at once"].startswith(f"{limits.connections:,},")
    assert found["TLS handshake"].startswith(f"{limits.handshake:g} s;")
    head = f"{sizes.head // kib} KiB, {sizes.headers} lines, {sizes.target // kib} KiB of path and query"
    assert found["head of a request"] == f"{limits.head:g} s; {head}"
    assert found["body"] == f"{limits.body:g} s; {sizes.body // kib} KiB; {MAX_COMMAS:,} commas"
    assert found["from a request's first byte to its answer"] == f"{limits.request:g} s"
    assert found["between two requests"] == f"{limits.idle:g} s"


def test_the_limits_of_log_lines_and_of_what_is_held_are_the_documented_ones() -> None:
    found = rows(OPEN_SERVER, "Limit")
    assert RareLog.__init__.__kwdefaults__ == {"lines": 3, "period": 60.0}
    assert found["log lines that strangers cause"].startswith("3 a minute of each kind")
    held = f"{notification_effects.MOST_HELD_PER_ATHLETE:,} each, {notification_effects.MOST_HELD:,} in all"
    assert held in found["notifications of unknown athletes, and of unknown subscriptions"]
