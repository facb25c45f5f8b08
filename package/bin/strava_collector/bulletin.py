"""What the user has to be told: once, in the log and as a message in Splunk Web, and taken back when it is over."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from typing import Optional

from strava_collector.errors import CollectorError
from strava_collector.logfmt import line
from strava_collector.loop import Loop
from strava_collector.ports import ERROR, INFO, Messages

log = logging.getLogger(__name__)

#: All topics but those of athletes, which the store remembers: a process that was killed may have left a message of any
#: of them, also of one that its successor, with another configuration, has no part for.
TOPICS = (
    "athletes",
    "certificate",
    "held_notifications",
    "index",
    "listener",
    "missed",
    "renewal",
    "rival",
    "rows",
    "settings",
    "store",
    "strava",
    "subscription",
    "work",
)

#: What may not be part of a message's name.
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_-]")


class Bulletin:
    """Problems by topic. Reporting returns at once: a thread of its own talks to splunkd, which may be slow.

    What a former process of the input has left is taken back at the start; a problem that lasts is told anew when this
    process finds it. That of an athlete is taken back the first time that its topic is resolved.
    """

    def __init__(self, messages: Messages, input_name: str) -> None:
        self._messages = messages
        self._input = input_name
        self._lock = threading.Lock()
        self._reported: dict[str, Optional[str]] = {}
        #: Topic, text or None to take it back, severity.
        self._waiting: deque[tuple[str, Optional[str], str]] = deque()
        self._loop = Loop("bulletin", self._tell, fatal=_ignore, one_more=True)

    def start(self) -> None:
        """Begin to tell."""
        for topic in TOPICS:
            self.resolved(topic)
        self._loop.start()

    def report(self, topic: str, text: str, *, severity: str = ERROR) -> None:
        """Tell about a problem, unless exactly this was told already. With WARNING nothing has failed yet."""
        with self._lock:
            if self._reported.get(topic) == text:
                return
            self._reported[topic] = text
            self._waiting.append((topic, text, severity))
        log.log(logging.ERROR if severity == ERROR else logging.WARNING, line("problem", topic=topic, error=text))
        self._loop.wake()

    def resolved(self, topic: str) -> None:
        """The topic has no problem, or no longer one."""
        with self._lock:
            if topic in self._reported and self._reported[topic] is None:
                return
            told = self._reported.get(topic)
            self._reported[topic] = None
            self._waiting.append((topic, None, INFO))
        if told is not None:
            log.info(line("problem_solved", topic=topic))
        self._loop.wake()

    def told(self, topic: str) -> Optional[str]:
        """Return what is reported of the topic now, None if it has no problem."""
        with self._lock:
            return self._reported.get(topic)

    def close(self, patience: float) -> None:
        """Take everything back, since the input ends; ``patience`` seconds at most."""
        with self._lock:
            self._waiting.extend((topic, None, INFO) for topic, text in self._reported.items() if text is not None)
        self._loop.stop()
        self._loop.join(patience)

    def _tell(self) -> Optional[float]:
        while True:
            with self._lock:
                if not self._waiting:
                    return None
                topic, text, severity = self._waiting.popleft()
            name = _UNNAMEABLE.sub("_", f"ta_strava_webhook_{self._input}_{topic}")
            if text is None:
                self._messages.clear(name)
            else:
                self._messages.post(name, f"{self._input}: {text}", severity)


def _ignore(error: CollectorError) -> None:
    """Messages never raise; whatever ends this thread must not end the input."""
