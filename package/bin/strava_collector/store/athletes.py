"""Athletes whose access does not work any more, with who knows it since when and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional

from strava_collector.store.sqlite import Transaction


class AthleteState(str, Enum):
    """Why an athlete's activities cannot be fetched."""

    #: The tokens are refused; connecting again helps.
    RECONNECT = "needs to reconnect"
    #: The athlete withdrew the permission at Strava.
    DEAUTHORIZED = "deauthorized"


@dataclass(frozen=True)
class Standing:
    """An athlete who is not in good standing."""

    athlete_id: int
    state: AthleteState
    #: Epoch seconds.
    since: float
    #: A sentence.
    reason: str
    #: Marks the token that was refused (never the token itself), to see that there is another one now.
    token_mark: Optional[str]


def standing(tx: Transaction, athlete_id: int) -> Optional[Standing]:
    """Return what is wrong with the athlete's access; None if nothing is known to be."""
    row = tx.execute("SELECT * FROM athlete WHERE athlete_id = ?", (athlete_id,)).fetchone()
    if row is None:
        return None
    return Standing(
        athlete_id=row["athlete_id"],
        state=AthleteState(row["state"]),
        since=row["since"],
        reason=row["reason"],
        token_mark=row["token_mark"],
    )


def mark(
    tx: Transaction,
    *,
    athlete_id: int,
    state: AthleteState,
    reason: str,
    token_mark: Optional[str] = None,
    now: float,
) -> None:
    """Say what is wrong with the athlete's access. Saying the same state again keeps ``since``."""
    before = standing(tx, athlete_id)
    since = before.since if before is not None and before.state is state else now
    tx.execute(
        "INSERT OR REPLACE INTO athlete (athlete_id, state, since, reason, token_mark) VALUES (?, ?, ?, ?, ?)",
        (athlete_id, state.value, float(since), reason, token_mark),
    )


def clear(tx: Transaction, athlete_id: int) -> None:
    """The athlete is in good standing again."""
    tx.execute("DELETE FROM athlete WHERE athlete_id = ?", (athlete_id,))
