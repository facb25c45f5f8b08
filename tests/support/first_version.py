"""What the first version of the add-on left on a host: its configuration, its secrets, its database.

The files are as that version wrote them, with fields where they named a port, an id or a path.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sandbox.splunkd import Splunkd

HERE = Path(__file__).resolve().parent
STORE = HERE / "early_stores" / "first.sql"
_CONFIGURATION = HERE / "first_configuration"


def lay_down(splunkd: Splunkd, values: Mapping[str, object]) -> None:
    """Write files and secrets where the first version had them. Nothing of the add-on may run yet."""
    for file in _CONFIGURATION.glob("*.conf"):
        local = splunkd.home / "etc" / "apps" / splunkd.app / "local" / file.name
        local.write_text(file.read_text("utf-8").format_map(values), "utf-8")
    for entry in json.loads((_CONFIGURATION / "passwords.json").read_text("utf-8")):
        arguments = {name: str(text).format_map(values) for name, text in entry.items()}
        status, answer = splunkd.request("POST", splunkd.path("storage", "passwords"), arguments)
        assert status == 201, answer


#: When that version was stopped, in epoch seconds, and the columns that hold such times.
_STOPPED_AT = 1_780_293_640.0
_TIMES = {
    "notification": ("received_at", "updated_at"),
    "job": ("next_run_at", "created_at", "updated_at", "claimed_at", "lease_expires_at"),
    "activity": ("created_at", "updated_at"),
    "athlete": ("since",),
    "lease": ("expires_at",),
}


def lay_down_store(file: Path, *, stopped_at: float) -> sqlite3.Connection:
    """Make the database as the first version left it then, in epoch seconds; the caller closes the connection."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    connection = sqlite3.connect(file, isolation_level=None)
    with closing(connection.cursor()) as cursor:
        cursor.executescript(STORE.read_text("utf-8"))
        for table, columns in _TIMES.items():
            moved = ", ".join(f"{column} = {column} + {stopped_at - _STOPPED_AT}" for column in columns)
            cursor.execute(f"UPDATE {table} SET {moved}")
    return connection
