"""Athletes whose access does not work any more: who, since when, why, and since which connection.

One without a row is in good standing. A row belongs to the connection (the time of the consent) whose tokens were
refused, so that a new consent ends it, and a late answer to the old tokens does not outlive it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Optional

from strava_collector.store.sqlite import Row, Transaction

#: Between two tries whether an athlete's tokens are still refused, in seconds.
PROBE_AFTER = 3600.0
#: No probe is put off for longer, in seconds. One that seems to be was put off while the clock was ahead.
LONGEST_PROBE_PAUSE = 7200.0

#: So long a process with outdated settings is kept from an athlete who was forgotten, in seconds.
FORGOTTEN_KEPT = 86_400.0

#: Why somebody is down as deauthorized whose row was deleted, or is just being deleted, from the page.
ROW_DELETED = "The row was deleted from Configuration → Athletes, and the permission with it."


class AthleteState(str, Enum):
    """Why an athlete's activities cannot be fetched."""

    #: The tokens are refused; connecting again helps.
    RECONNECT = "needs to reconnect"
    #: The athlete withdrew the permission at Strava, or the row was deleted.
    DEAUTHORIZED = "deauthorized"


@dataclass(frozen=True)
class Standing:
    """An athlete who is not in good standing; times are seconds since the epoch."""

    athlete_id: int
    state: AthleteState
    since: float
    #: A sentence.
    reason: str
    #: The connection that was refused: with another one the athlete is in good standing.
    connected_at: str
    #: When one job may try whether the refusal still holds; without meaning for the deauthorized.
    probe_at: float

    def withdraws(self, connected_at: str) -> bool:
        """Whether it is the permission given at ``connected_at`` that has been withdrawn."""
        return self.state is AthleteState.DEAUTHORIZED and self.connected_at == connected_at


def standing(tx: Transaction, athlete_id: int) -> Optional[Standing]:
    """Return what is wrong with the athlete's access; None if nothing is known to be."""
    row = tx.execute("SELECT * FROM athlete WHERE athlete_id = ?", (athlete_id,)).fetchone()
    return None if row is None else _standing(row)


def standings(tx: Transaction) -> list[Standing]:
    """Return all athletes who are not in good standing, those who have been so for longest first."""
    rows = tx.execute("SELECT * FROM athlete ORDER BY since, athlete_id").fetchall()
    return [_standing(row) for row in rows]


def is_deauthorized(tx: Transaction, athlete_id: int) -> bool:
    """Whether nothing of the athlete may be written any more."""
    found = standing(tx, athlete_id)
    return found is not None and found.state is AthleteState.DEAUTHORIZED


def has_withdrawn(tx: Transaction, athlete_id: int, connected_at: str) -> bool:
    """Whether the permission that was given at ``connected_at`` has been withdrawn.

    That is known for a while after everything of the athlete was forgotten: settings may be outdated in a process, and
    it would begin from scratch.
    """
    found = standing(tx, athlete_id)
    if found is not None and found.withdraws(connected_at):
        return True
    consent = _consent(athlete_id, connected_at)
    return tx.execute("SELECT 1 FROM forgotten WHERE consent = ?", (consent,)).fetchone() is not None


def forget(tx: Transaction, athlete_id: int, now: float) -> None:
    """Delete what is wrong with the access of an athlete who has gone; that she has, is known for a day more."""
    found = standing(tx, athlete_id)
    if found is not None:
        tx.execute(
            "INSERT OR REPLACE INTO forgotten (consent, at) VALUES (?, ?)",
            (_consent(athlete_id, found.connected_at), float(now)),
        )
    clear(tx, athlete_id)


def prune_forgotten(tx: Transaction, now: float) -> None:
    """Delete what is known of those who were forgotten, once that is of no use."""
    tx.execute("DELETE FROM forgotten WHERE at < ? OR at > ?", (float(now - FORGOTTEN_KEPT), float(now)))


def blocked(tx: Transaction, now: float) -> frozenset[int]:
    """Return the athletes whose jobs must not be claimed now, but for those that ask for the permission itself.

    One who needs to reconnect is let through when the probe is due: whoever claims says so with :func:`probing`, and
    with that the others wait again.
    """
    rows = tx.execute("SELECT athlete_id, state, probe_at FROM athlete")
    return frozenset(row["athlete_id"] for row in rows.fetchall() if not _is_let_through(row, now))


def probing(tx: Transaction, athlete_id: int, now: float, probe_after: float) -> bool:
    """Take the turn to try whether the athlete's refusal still holds; the next is in ``probe_after`` seconds.

    To be called in the transaction that claims a job of the athlete. True if the claimed job is the probe, False if
    the athlete is in good standing, deauthorized, or somebody has just taken the turn.
    """
    return bool(
        tx.execute(
            "UPDATE athlete SET probe_at = ? WHERE athlete_id = ? AND state = ? AND (probe_at <= ? OR probe_at > ?)",
            (
                float(now + probe_after),
                athlete_id,
                AthleteState.RECONNECT.value,
                float(now),
                float(now + LONGEST_PROBE_PAUSE),
            ),
        ).rowcount
    )


def mark_reconnect(
    tx: Transaction, *, athlete_id: int, reason: str, connected_at: str, now: float, probe_after: float
) -> None:
    """The athlete needs to reconnect, because the tokens of the connection ``connected_at`` are refused.

    Said again of the same connection, ``since`` stays and the newest reason counts. Nothing is said of one who is
    deauthorized: that is more, and only connecting again ends it. Nor of one who was forgotten.
    """
    before = standing(tx, athlete_id)
    if before is not None and before.state is AthleteState.DEAUTHORIZED:
        return
    if not has_withdrawn(tx, athlete_id, connected_at):
        _mark(tx, before, AthleteState.RECONNECT, athlete_id, reason, connected_at, now, now + probe_after)


def mark_deauthorized(tx: Transaction, *, athlete_id: int, reason: str, connected_at: str, now: float) -> None:
    """The athlete has withdrawn the permission of the connection ``connected_at``. Said again, ``since`` stays."""
    _mark(tx, standing(tx, athlete_id), AthleteState.DEAUTHORIZED, athlete_id, reason, connected_at, now, now)


def clear(tx: Transaction, athlete_id: int) -> bool:
    """The athlete is in good standing again; False if nothing else was known."""
    return bool(tx.execute("DELETE FROM athlete WHERE athlete_id = ?", (athlete_id,)).rowcount)


def clear_if_reconnecting(tx: Transaction, athlete_id: int) -> None:
    """Strava gave something for the athlete's tokens, so there is no need to reconnect."""
    tx.execute("DELETE FROM athlete WHERE athlete_id = ? AND state = ?", (athlete_id, AthleteState.RECONNECT.value))


def welcome_back(tx: Transaction, connections: Mapping[int, str]) -> list[int]:
    """Clear the athletes who have connected again since they were refused, and return them.

    ``connections`` has the present ``connected_at`` of each athlete in the settings. One who is not there has not
    come back.
    """
    back = [
        found.athlete_id
        for found in standings(tx)
        if connections.get(found.athlete_id, found.connected_at) != found.connected_at
    ]
    for athlete_id in back:
        clear(tx, athlete_id)
    return back


def _consent(athlete_id: int, connected_at: str) -> str:
    return hashlib.sha256(f"{athlete_id} {connected_at}".encode()).hexdigest()


def _mark(
    tx: Transaction,
    before: Optional[Standing],
    state: AthleteState,
    athlete_id: int,
    reason: str,
    connected_at: str,
    now: float,
    probe_at: float,
) -> None:
    known = before is not None and before.state is state and before.connected_at == connected_at
    since = before.since if known and before is not None else now
    tx.execute(
        "INSERT OR REPLACE INTO athlete (athlete_id, state, since, reason, connected_at, probe_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (athlete_id, state.value, float(since), reason, connected_at, float(probe_at)),
    )


def _is_let_through(row: Row, now: float) -> bool:
    if row["state"] == AthleteState.DEAUTHORIZED.value:
        return False
    return not now < row["probe_at"] <= now + LONGEST_PROBE_PAUSE


def _standing(row: Row) -> Standing:
    return Standing(
        athlete_id=row["athlete_id"],
        state=AthleteState(row["state"]),
        since=row["since"],
        reason=row["reason"],
        connected_at=row["connected_at"],
        probe_at=row["probe_at"],
    )
