"""Log lines in the form ``action=… key=value``, which Splunk extracts by itself.

For quotation marks within a value it needs the stanza of the log files in ``props.conf``.
"""

from __future__ import annotations

import re
from typing import Union

Value = Union[str, int, float, bool, None]

#: A value of only these characters needs no quotes.
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+\-]+\Z")

#: Longer values are cut: one line must not fill a log, whoever sent its content.
MAX_VALUE = 400


def line(action: str, **fields: Value) -> str:
    """Return one log line. Fields that are None are left out; control characters and quotes cannot break it.

    >>> line("fetched", activity_id=1, title='a "b"', seconds=0.25, missing=None)
    'action=fetched activity_id=1 title="a \\\\"b\\\\"" seconds=0.250'
    """
    words = [f"action={action}"]
    words.extend(f"{key}={_format(value)}" for key, value in fields.items() if value is not None)
    return " ".join(words)


def _format(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    if len(text) > MAX_VALUE:
        text = text[:MAX_VALUE] + "…"
    if _PLAIN.match(text):
        return text
    escaped = "".join(_escape(character) for character in text)
    return f'"{escaped}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
