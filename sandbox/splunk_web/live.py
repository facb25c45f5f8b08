"""What splunkd has indexed so far, and the add-on's log, for the interpreter of SPL."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.spl import Index, Row, stanzas
from sandbox.spl.values import text
from sandbox.splunkd import Splunkd
from strava_collector.events import Event

from .exchange import Answer

#: Whoever has not this role does not see `_internal`.
_SEES_INTERNAL = "admin"


class LiveIndex:
    """Takes over what is new each time it is asked."""

    def __init__(self, splunkd: Splunkd) -> None:
        self._splunkd = splunkd
        self._lock = threading.Lock()
        self._index = Index.of([], 0.0)
        self._taken = 0
        self._read: dict[Path, int] = {}

    def now(self, user: str) -> Index:
        """Everything up to now that this user may search, with the macros as they are set now."""
        with self._lock:
            self._take_events()
            self._take_log()
            macros = self._splunkd.configuration.read("macros")
            roles = self._splunkd.sessions.USERS.get(user, ())
            return replace(
                self._index,
                now=time.time(),
                events=list(self._index.events),
                macros={**stanzas("macros.conf"), **{name: dict(one.settings) for name, one in macros.items()}},
                hidden=frozenset() if _SEES_INTERNAL in roles else frozenset({"_internal"}),
            )

    def _take_events(self) -> None:
        events = self._splunkd.index.events()
        for one in events[self._taken :]:
            event = Event(one.time, one.sourcetype, one.index, one.source, one.raw)
            self._index.add([event], indexed_at=one.indexed_at, host=one.host)
        self._taken = len(events)

    def _take_log(self) -> None:
        """Whole lines of the add-on's files that were not there the last time."""
        for path in sorted((self._splunkd.home / "var" / "log" / "splunk").glob("ta_strava_webhook*.log")):
            known = self._read.get(path, 0)
            with path.open("rb") as file:
                file.seek(known)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read[path] = known + len(whole)
            lines = whole.decode("utf-8", "replace").splitlines()
            self._index.add_log([line for line in lines if line[:1].isdigit()], source=str(path))


def rest_of(ask: Callable[[str], Answer]) -> Callable[[str], list[Row]]:
    """What `| rest` gets for a path: a row for each entry. What the user may not see, or is not there, has none."""

    def rest(path: str) -> list[Row]:
        answer = ask(f"{path}?output_mode=json&count=0")
        if answer.status != 200:
            return []
        entries = json.loads(answer.body).get("entry", [])
        return [_row(one) for one in entries]

    return rest


def _row(entry: dict[str, Any]) -> Row:
    """Names of nested settings are joined with a colon or a point, as `eai:acl.app`; texts are all there is."""
    row: Row = {"title": entry["name"], "splunk_server": "splunk"}
    for name, value in entry["content"].items():
        if isinstance(value, dict):
            row.update({f"{name}.{inner}": _text(one) for inner, one in value.items()})
        else:
            row[name] = _text(value)
    for inner, one in entry.get("acl", {}).items():
        row[f"eai:acl.{inner}"] = _text(one)
    return row


def _text(value: object) -> object:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, list):
        return [_text(one) for one in value]
    if isinstance(value, dict):
        return ""
    if value is None or isinstance(value, str):
        return value
    return text(value)
