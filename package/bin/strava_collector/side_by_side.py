"""Several things at once, none of which may keep the others, or whoever waits, for long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Callable, TypeVar

from strava_collector.errors import raised_at
from strava_collector.logfmt import line

log = logging.getLogger(__name__)

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def side_by_side(tasks: Mapping[_Key, Callable[[], _Value]], patience: float) -> dict[_Key, _Value]:
    """Return the results of those that are done within ``patience`` seconds; each task has a thread of its own.

    Timeouts of sockets do not limit the system's name resolution, which can take half a minute without a network. A
    task that is late is left to itself. One that fails with something unexpected has no result; the log says where,
    without the error's text, which may quote an address with a secret in it.
    """
    results: dict[_Key, _Value] = {}

    def run(key: _Key, task: Callable[[], _Value]) -> None:
        try:
            results[key] = task()
        except Exception as error:
            log.error(line("task_failed", error=type(error).__name__, at=raised_at(error)))

    threads = [
        threading.Thread(target=run, args=(key, task), name="side by side", daemon=True) for key, task in tasks.items()
    ]
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {key: results[key] for key in list(tasks) if key in results}
