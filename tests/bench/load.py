"""The load generator (``load.c``): made, run, its answers read."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from tools import compiler

_SOURCE = Path(__file__).with_name("load.c")

#: Strava's own limit for an answer, in seconds.
STRAVA_WAITS = 2.0

#: Every notification of a run of the bench is about another activity, so that none is a duplicate.
_IDS = 50_000_000_000
_IDS_LOCK = threading.Lock()


@dataclass(frozen=True)
class Target:
    """A server, and what the notifications sent to it say."""

    name: str
    port: int
    path: str = "/strava/callback"
    #: The athlete and the subscription.
    owner: int = 1
    subscription: int = 1


@dataclass(frozen=True)
class Answers:
    """What came of one run."""

    #: What was negotiated, and the server's key.
    tls: str
    #: Answers with status 200 a second, once the load had warmed up.
    per_second: float
    #: Of each request that was begun then: how long its answer took from before the connection, in seconds; also of
    #: those that got none.
    took: list[float]
    #: Of all requests: those that Strava would not have waited for, that got no answer, or another one than 200.
    late: int


class Load:
    """Makes the generator once, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "load"
        cc = compiler.ready()
        if cc is None:
            raise RuntimeError(compiler.HOW_TO_GET_IT)
        command = [str(cc), "-D_GNU_SOURCE", "-O2", "-o", str(self._program), str(_SOURCE), "-lssl", "-lcrypto"]
        subprocess.run(command, check=True)

    def run(
        self,
        target: Target,
        *,
        connections: int,
        seconds: float,
        warm_up: float,
        keep_alive: bool = False,
        rate: float = 0.0,
    ) -> Answers:
        """Send notifications from so many connections at once, or so many a second."""
        arguments = [target.port, target.path, connections, warm_up, seconds, int(keep_alive), rate]
        arguments += [_next_ids(), target.owner, 1, target.subscription]
        finished = subprocess.run(
            [str(self._program), *map(str, arguments)], check=True, stdout=subprocess.PIPE, timeout=seconds + 60
        )
        return read_answers(finished.stdout, warm_up=warm_up, full_handshakes=not keep_alive)


def read_answers(printed: bytes, *, warm_up: float, full_handshakes: bool) -> Answers:
    """Read what the generator printed. Raises ValueError if that is not the load that was asked for."""
    result = json.loads(printed)
    answers = result["answers"]
    good = [answer for answer in answers if answer[2] == 200]
    if not good:
        raise ValueError(f"None of {len(answers)} requests got a 200.")
    if not result["tls"].startswith("TLSv1.3") or not result["tls"].endswith("EC of 256 bits"):
        raise ValueError(f"This was not TLS 1.3 with ECDSA P-256: {result['tls']}")
    if result["resumed"] or (full_handshakes and result["handshakes"] < len(good)):
        raise ValueError(f"{result['resumed']} of {result['handshakes']} handshakes were not full ones.")
    seconds = result["seconds"]
    end = warm_up + seconds
    return Answers(
        tls=result["tls"],
        per_second=sum(warm_up <= began + took < end for began, took, _ in good) / seconds,
        took=[took for began, took, _ in answers if began >= warm_up],
        late=sum(status != 200 or took > STRAVA_WAITS for _, took, status in answers),
    )


def _next_ids() -> int:
    global _IDS
    with _IDS_LOCK:
        _IDS += 1_000_000
        return _IDS
