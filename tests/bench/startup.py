"""Measures how long a process of the built input takes from its start to a listening port."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from tests.bench.extent import Extent
from tests.bench.spread import Spread
from tests.bench.subjects import STANZA, BuiltInput
from tests.bench.verdict import Verdict

#: Between two attempts to connect, in seconds.
_LOOK = 0.005
_PATIENCE = 30.0


def measure(built: BuiltInput, extent: Extent) -> list[float]:
    """Seconds from just before splunkd starts the process to the first connection that is taken, by start."""
    inputs = built.sandbox.splunkd.inputs
    measured = []
    for _ in range(extent.starts):
        inputs.stop(STANZA)
        began = time.perf_counter()
        inputs.start(STANZA)
        while not _is_taken(built.target.port):
            if time.perf_counter() - began > _PATIENCE:
                raise RuntimeError(f"The input did not listen within {_PATIENCE:g} s.")
            time.sleep(_LOOK)
        measured.append(time.perf_counter() - began)
    built.sandbox.wait_until_healthy(built.input)
    return measured


def _is_taken(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def table(measured: Sequence[float]) -> str:
    """Return the figures as text."""
    spread = Spread.of(measured)
    quartiles = f"{spread.low:.2f}–{spread.high:.2f}"
    return f"start to listening: {spread.median:.2f} s, quartiles {quartiles}, {len(measured)} starts"


def verdicts(measured: Sequence[float]) -> list[Verdict]:
    """Judge the median."""
    return [Verdict("start of the input to listening", Spread.of(measured).median, must=1.5, aim=0.7, unit="s")]
