"""Any JSON as an event's text, any text as its source, on the way to splunkd.

What is written is well-formed XML of the one form that splunkd takes, also when several events are written at once, and
what arrives is what was written: the same JSON, the same source, index and time. Only JSON with ``NaN`` or ``Infinity``
is refused, with ValueError, and what is nested too deeply, with RecursionError.
"""

from __future__ import annotations

import json
import re
from typing import Any

from strava_collector.events import Event, encode, short_first
from strava_collector.logfmt import MAX_VALUE, line
from tests.fuzz.reading import written
from tests.fuzz.target import Target

#: What XML 1.0 knows; names of inputs and indexes have none of the others.
_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _check(data: bytes) -> str:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return "no input"
    try:
        text = encode(told)
    except (ValueError, RecursionError):
        return "refused"
    assert text.isprintable() or not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)
    assert json.loads(text) == told
    source = _NOT_XML.sub("", str(told.get("source", "x"))) if isinstance(told, dict) else "x"
    source = re.sub(r"\s+", " ", source).strip() or "x"
    events = [
        Event(1_714_545_000.25, "strava:activities", "strava", source, text),
        Event(0.0, "strava:webhook", "other", source, encode([told, text])),
        Event(1_714_545_000.0, "strava:activities", "strava", source, text),
    ]
    assert written(*events) == events
    if isinstance(told, dict):
        assert json.loads(f"{{{','.join(short_first(told))}}}") == told
        _check_log(told)
        return "object"
    return "other JSON"


def _check_log(told: dict[str, Any]) -> None:
    """The same values in a log line: it stays one line, and no value begins a field of its own."""
    for value in told.values():
        if not isinstance(value, str):
            continue
        logged = line("fuzzed", title=value)
        assert logged.isprintable()
        assert len(logged) <= 40 + 10 * (MAX_VALUE + 1)
        found = re.fullmatch(r'action=fuzzed title=(?:[A-Za-z0-9_.:/@+\-]+|"(?:[^"\\]|\\.)*")', logged)
        assert found, logged


TARGET = Target(
    name="xml_writer",
    check=_check,
    ends=frozenset({"no input", "refused", "other JSON", "object"}),
    words=(
        *(
            b"]]>",
            b"<![CDATA[",
            b"</data>",
            b"</event>",
            b"</stream>",
            b"&amp;",
            b"&#0;",
            b"&",
            b"<",
            b">",
            b"<!--",
            b"<?x",
        ),
        *(b"\\u0000", b"\\u001b[31m", b"\\ud83d", b"\\udeb2", b"\\uffff", b"\\u0085", b"\\u2028", b"\\r\\n", b'\\"'),
        *(b'"source"', b"strava_webhook://", "Vélo 🚲".encode(), b"\xef\xbf\xbe", b"\xc2\x9f", b"action=x key=value"),
    ),
)
