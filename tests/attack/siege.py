"""An attack beside honest traffic: it lasts until enough honest notifications are answered, and none may suffer."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.patience import patience
from tests.attack.extent import Extent
from tests.attack.honest import PATIENCE
from tests.attack.victim import Victim

#: Beyond an honest sender's own patience.
_GRACE = 10.0


@dataclass(frozen=True)
class Row:
    """What is reported of an attack."""

    attack: str
    got: str
    honest: int
    p99: float
    worst: float


class Siege:
    """What an attack sees of the honest traffic."""

    def __init__(self, extent: Extent) -> None:
        self.extent = extent
        #: What the attacking client got; the attack says it.
        self.got = ""
        self._changed = threading.Condition()
        #: The status of each honest one's answer and its seconds.
        self.answers: list[tuple[int, float]] = []

    @property
    def goes_on(self) -> bool:
        """Whether the attack is to go on."""
        return len(self.answers) < self.extent.honest

    def await_answer(self) -> None:
        """Wait for one more honest notification to be answered."""
        with self._changed:
            before = len(self.answers)
            assert self._changed.wait_for(lambda: len(self.answers) > before, patience(PATIENCE + _GRACE))

    def take(self, lines: Iterable[str]) -> None:
        """Take note of what the sender prints, to its end."""
        for line in lines:
            _, status, seconds = line.split()
            with self._changed:
                self.answers.append((int(status), float(seconds)))
                self._changed.notify_all()

    def row(self, attack: str) -> Row:
        """The report."""
        seconds = sorted(seconds for _, seconds in self.answers)
        p99 = seconds[min(len(seconds) - 1, round(0.99 * len(seconds)))]
        return Row(attack, self.got, len(seconds), p99, seconds[-1])


@contextmanager
def besieged(victim: Victim, extent: Extent) -> Iterator[Siege]:
    """Send honest notifications from before the attack until after it; each must be answered 200."""
    siege = Siege(extent)
    who = {"object_id": victim.anna.id, "owner_id": victim.anna.id, "subscription_id": victim.subscription}
    command = [
        *(sys.executable, "-B", str(Path(__file__).with_name("honest.py")), str(victim.port), victim.path),
        *(str(victim.sandbox.certificates.ca_file), str(extent.rate), str(patience(PATIENCE)), json.dumps(who)),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        reading = threading.Thread(target=siege.take, args=(sender.stdout,))
        reading.start()
        try:
            siege.await_answer()
            yield siege
        finally:
            sender.stdin.close()
            reading.join(patience(PATIENCE + _GRACE))
            sender.kill()
    refused = [status for status, _ in siege.answers if status != 200]
    assert refused == [], f"{len(refused)} of {len(siege.answers)} honest notifications were not taken"
