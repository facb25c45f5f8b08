"""Challenges that a listener has answered, by their hash: who asked finds out whom a callback URL leads to.

Whoever asks must know the verify token, so there are few; still each note makes room for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

from strava_collector.store.sqlite import Transaction

#: Nobody looks for a note that is older, in seconds.
KEPT = 3600.0
#: So many notes of an input are kept.
MOST = 100


def note(tx: Transaction, *, input: str, digests: Iterable[str], now: float) -> None:
    """Remember that a listener of this input has answered these challenges; forget old ones."""
    for digest in digests:
        tx.execute("INSERT OR REPLACE INTO challenge (digest, input, at) VALUES (?, ?, ?)", (digest, input, float(now)))
    # Those from the future were noted before the clock was set back.
    tx.execute("DELETE FROM challenge WHERE input = ? AND at < ?", (input, now - KEPT))
    tx.execute("DELETE FROM challenge WHERE input = ? AND at > ?", (input, now + KEPT))
    tx.execute(
        "DELETE FROM challenge WHERE input = ? AND at <"
        " (SELECT at FROM challenge WHERE input = ? ORDER BY at DESC LIMIT 1 OFFSET ?)",
        (input, input, MOST - 1),
    )


def noted_by(tx: Transaction, digest: str) -> Optional[str]:
    """Return the input whose listener has answered the challenge; None if none of this host has."""
    row = tx.execute("SELECT input FROM challenge WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else str(row["input"])


def prune(tx: Transaction, *, before: float) -> int:
    """Forget what inputs noted before that do not run any more; returns how many notes are gone."""
    return tx.execute("DELETE FROM challenge WHERE at < ?", (float(before),)).rowcount
