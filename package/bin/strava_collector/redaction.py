"""Masks known secrets in log lines: a second line of defence.

The first is that secrets are :class:`~strava_collector.secret.Secret` values, which show only stars. This one is for
texts that come from elsewhere: a library's exception, a traceback, a server's answer.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from urllib.parse import quote, quote_plus

from strava_collector.secret import Secret

#: Shorter values are not masked: they would be found in innocent words, and the holes would give them away.
SHORTEST = 6

#: Access tokens change every few hours; the oldest values are dropped so that a long life needs no more memory.
MOST_VALUES = 1000

MASK = "***"


class Redaction:
    """The secrets of this process; may be used by several threads."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        #: The longest first, so that one that contains another leaves no rest.
        self._longest_first: tuple[str, ...] = ()

    def register(self, *secrets: Secret) -> None:
        """Mask these from now on, also in the forms that they take in an address, a value of the log or JSON."""
        with self._lock:
            for secret in secrets:
                plain = secret.reveal()
                escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
                for value in {plain, quote(plain, safe=""), quote_plus(plain), escaped, json.dumps(plain)[1:-1]}:
                    if len(value) >= SHORTEST:
                        self._values.pop(value, None)
                        self._values[value] = None
            while len(self._values) > MOST_VALUES:
                self._values.popitem(last=False)
            self._longest_first = tuple(sorted(self._values, key=len, reverse=True))

    def mask(self, text: str) -> str:
        """Return the text with every known secret replaced by stars."""
        for value in self._longest_first:
            if value in text:
                text = text.replace(value, MASK)
        return text


class RedactingFormatter(logging.Formatter):
    """Formats as another formatter does, then masks; so tracebacks are covered too."""

    def __init__(self, inner: logging.Formatter, redaction: Redaction) -> None:
        super().__init__()
        #: The formatter whose output is masked.
        self.inner = inner
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        return self._redaction.mask(self.inner.format(record))
