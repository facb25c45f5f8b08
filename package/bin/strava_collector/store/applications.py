"""What is kept of each application, by its client id: quota, circuit, and the calls that are under way.

A *reservation* is the right to make one call. It belongs to a lease, so that all threads and processes together never
exceed a limit, and that of a process that died is counted as a call that was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from strava_collector.circuit import Circuit
from strava_collector.quota import Quota, UnderWay
from strava_collector.store.sqlite import Transaction

#: A reservation that is older belongs to a process that has died, in seconds.
_LONGEST_LEASE = 600.0


@dataclass(frozen=True)
class Reservation:
    """A call that may be made, is being made, or was made."""

    client_id: str
    #: Counts against the share of history and reconciliation.
    background: bool
    #: By Strava's clock, epoch seconds.
    made_at: float


def quota(tx: Transaction, client_id: str) -> Quota:
    """Return the application's quota; that of an unused one if nothing is known."""
    row = tx.execute("SELECT quota FROM application WHERE client_id = ?", (client_id,)).fetchone()
    return Quota.from_json(None if row is None else row["quota"])


def save_quota(tx: Transaction, client_id: str, quota: Quota, now: float) -> None:
    """Keep the quota. Load and save within one write transaction, or another process is undone."""
    _touch(tx, client_id, now)
    tx.execute("UPDATE application SET quota = ? WHERE client_id = ?", (quota.to_json(), client_id))


def circuit(tx: Transaction, client_id: str) -> Circuit:
    """Return the application's circuit; a closed one if nothing is known."""
    row = tx.execute("SELECT circuit FROM application WHERE client_id = ?", (client_id,)).fetchone()
    return Circuit.from_json(None if row is None else row["circuit"])


def save_circuit(tx: Transaction, client_id: str, circuit: Circuit, now: float) -> None:
    """Keep the circuit; see :func:`save_quota`."""
    _touch(tx, client_id, now)
    tx.execute("UPDATE application SET circuit = ? WHERE client_id = ?", (circuit.to_json(), client_id))


def under_way(tx: Transaction, client_id: str) -> UnderWay:
    """Return how many calls of the application are reserved, in all processes."""
    row = tx.execute(
        "SELECT COUNT(*) AS calls, COALESCE(SUM(background), 0) AS background FROM reservation WHERE client_id = ?",
        (client_id,),
    ).fetchone()
    return UnderWay(row["calls"], row["background"])


def reserve(tx: Transaction, lease_id: str, reservation: Reservation) -> None:
    """Keep a reservation under a lease, which has one at most."""
    tx.execute(
        "INSERT OR REPLACE INTO reservation (lease_id, client_id, background, made_at) VALUES (?, ?, ?, ?)",
        (lease_id, reservation.client_id, int(reservation.background), float(reservation.made_at)),
    )


def take_back(tx: Transaction, lease_id: str) -> Optional[Reservation]:
    """Delete the lease's reservation and return it; None if there is none."""
    row = tx.execute("SELECT * FROM reservation WHERE lease_id = ?", (lease_id,)).fetchone()
    if row is None:
        return None
    tx.execute("DELETE FROM reservation WHERE lease_id = ?", (lease_id,))
    return Reservation(row["client_id"], bool(row["background"]), row["made_at"])


def abandon(tx: Transaction, lease_id: str, now: float) -> None:
    """A lease ends: if its call has not been accounted for, count it as one that was made."""
    reservation = take_back(tx, lease_id)
    if reservation is not None:
        before = quota(tx, reservation.client_id)
        # Not later than any call can have been made, if the host's clock was set forward since.
        latest = min(now + before.ahead, reservation.made_at + _LONGEST_LEASE)
        after = before.unanswered(reserved_at=reservation.made_at, now=latest, background=reservation.background)
        save_quota(tx, reservation.client_id, after, now)


def abandon_old(tx: Transaction, *, before: float, now: float) -> None:
    """Do so with reservations made before ``before`` that belong to no job's lease."""
    rows = tx.execute(
        "SELECT lease_id FROM reservation WHERE made_at < ? AND lease_id NOT IN"
        " (SELECT lease_id FROM job WHERE status = 'working')",
        (float(before),),
    ).fetchall()
    for row in rows:
        abandon(tx, row["lease_id"], now)


def _touch(tx: Transaction, client_id: str, now: float) -> None:
    tx.execute("INSERT OR IGNORE INTO application (client_id, updated_at) VALUES (?, ?)", (client_id, float(now)))
    tx.execute("UPDATE application SET updated_at = ? WHERE client_id = ?", (float(now), client_id))
