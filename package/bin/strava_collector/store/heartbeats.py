"""When each part of a running input was last seen at work, and what kept it from that, by the input itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strava_collector.store.sqlite import Transaction


@dataclass(frozen=True)
class Heartbeat:
    """The newest sign of life of one part."""

    #: Seconds since the epoch.
    at: float
    #: A sentence about what is wrong; empty if all is well.
    said: str = ""


def beat(tx: Transaction, *, input: str, parts: Mapping[str, str], now: float) -> None:
    """Note that these parts of the input are there now, each with what is wrong with it."""
    for part, said in parts.items():
        tx.execute(
            "INSERT OR REPLACE INTO heartbeat (input, part, at, said) VALUES (?, ?, ?, ?)",
            (input, part, float(now), said),
        )


def of_input(tx: Transaction, input: str) -> Mapping[str, Heartbeat]:
    """Return the input's heartbeats by part."""
    rows = tx.execute("SELECT part, at, said FROM heartbeat WHERE input = ?", (input,)).fetchall()
    return {row["part"]: Heartbeat(row["at"], row["said"]) for row in rows}


def prune(tx: Transaction, *, before: float) -> int:
    """Forget inputs that have not been seen since; returns how many rows are gone."""
    return tx.execute("DELETE FROM heartbeat WHERE at < ?", (float(before),)).rowcount
