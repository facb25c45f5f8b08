"""The push subscription of each application: notifications that name another one may be anybody's.

And how keeping it went last (*watch*), and how many calls were made for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from strava_collector.store.sqlite import Row, Transaction
from strava_collector.subscription_rules import State

#: What a replaced subscription had announced is genuine if it arrives so long afterwards, in seconds. Strava sends a
#: notification three times within minutes; a day leaves room for what it does beyond what it documents.
FORMER_COUNTS = 86_400.0
#: And it may wait to be dispatched for as long as anything waits, in seconds; then the former one is forgotten.
_FORMER_KEPT = 30 * 86_400.0

#: So many calls about subscriptions are made for an application in an hour, whatever goes wrong.
MOST_CALLS = 8
#: Of these, so many may ask because of notifications that anybody may have forged.
MOST_CHECKS = 4
_HOUR = 3600.0


@dataclass(frozen=True)
class Watch:
    """How keeping an application's subscription went; times in epoch seconds."""

    client_id: str
    #: Name of the input that keeps it.
    input: str
    state: State
    #: Sentences for the user.
    said: str
    #: Digest of what was wanted at the last look.
    wanted: str
    #: The subscription that is kept, None if there is none; with it where it leads, and the digest of its verify token.
    subscription_id: Optional[int]
    callback_url: Optional[str]
    token_digest: Optional[str]
    #: Where a foreign subscription led that was replaced, None if none was.
    rival: Optional[str]
    #: Looks in a row that ended in trouble.
    failures: int
    looked_at: float
    next_at: float


def known(tx: Transaction, client_id: str) -> Optional[int]:
    """Return the id of the application's subscription; None if none is known."""
    row = tx.execute("SELECT subscription_id FROM subscription WHERE client_id = ?", (client_id,)).fetchone()
    return None if row is None else int(row["subscription_id"])


def since(tx: Transaction, client_id: str) -> Optional[float]:
    """Return since when the application's subscription is known, in epoch seconds; None if none is."""
    row = tx.execute("SELECT since FROM subscription WHERE client_id = ?", (client_id,)).fetchone()
    return None if row is None else float(row["since"])


def all_known(tx: Transaction) -> frozenset[int]:
    """Return the ids of all applications' subscriptions."""
    return frozenset(
        row["subscription_id"] for row in tx.execute("SELECT subscription_id FROM subscription").fetchall()
    )


def former(tx: Transaction) -> dict[int, float]:
    """Return the ids of subscriptions that were replaced, each with the time until which its notifications count."""
    rows = tx.execute("SELECT subscription_id, replaced_at FROM former_subscription").fetchall()
    return {int(row["subscription_id"]): row["replaced_at"] + FORMER_COUNTS for row in rows}


def adopt(tx: Transaction, *, client_id: str, subscription_id: int, now: float) -> bool:
    """Let this be the application's subscription, in place of any other; False if it was already.

    What the other one had announced stays genuine for a while, see :func:`former`.
    """
    before = known(tx, client_id)
    if before == subscription_id:
        return False
    tx.execute("DELETE FROM former_subscription WHERE replaced_at < ?", (float(now - _FORMER_KEPT),))
    if before is not None:
        tx.execute(
            "INSERT OR REPLACE INTO former_subscription (subscription_id, client_id, replaced_at) VALUES (?, ?, ?)",
            (before, client_id, float(now)),
        )
    tx.execute(
        "INSERT OR REPLACE INTO subscription (client_id, subscription_id, since) VALUES (?, ?, ?)",
        (client_id, subscription_id, float(now)),
    )
    return True


def watch(tx: Transaction, client_id: str) -> Optional[Watch]:
    """Return how keeping the application's subscription went; None if nobody has tried."""
    row = tx.execute("SELECT * FROM subscription_watch WHERE client_id = ?", (client_id,)).fetchone()
    return None if row is None else _watch(row)


def watches(tx: Transaction) -> list[Watch]:
    """Return that of all applications."""
    return [_watch(row) for row in tx.execute("SELECT * FROM subscription_watch ORDER BY client_id").fetchall()]


def called(tx: Transaction, input: str, *, now: float) -> list[str]:
    """Return the callback URLs where Strava may call this input: where its subscription leads as far as is known, and
    where it led until a day ago."""
    rows = tx.execute(
        "SELECT callback_url FROM subscription_watch WHERE input = ? AND callback_url IS NOT NULL"
        " UNION SELECT callback_url FROM former_callback WHERE input = ? AND left_at > ?",
        (input, input, float(now - FORMER_COUNTS)),
    ).fetchall()
    return [str(row["callback_url"]) for row in rows]


def save_watch(tx: Transaction, found: Watch) -> None:
    """Keep it, in place of what was there; where that led is remembered for a day."""
    before = watch(tx, found.client_id)
    if before is not None and (before.input, before.callback_url) != (found.input, found.callback_url):
        _leave(tx, before, now=float(found.looked_at))
    tx.execute(
        "INSERT OR REPLACE INTO subscription_watch (client_id, input, state, said, wanted, subscription_id,"
        " callback_url, token_digest, rival, failures, looked_at, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            found.client_id,
            found.input,
            found.state.value,
            found.said,
            found.wanted,
            found.subscription_id,
            found.callback_url,
            found.token_digest,
            found.rival,
            found.failures,
            float(found.looked_at),
            float(found.next_at),
        ),
    )


def forget_watch(tx: Transaction, client_id: str) -> None:
    """Nobody keeps the application's subscription any more."""
    tx.execute("DELETE FROM subscription_watch WHERE client_id = ?", (client_id,))


def room_at(tx: Transaction, client_id: str, *, calls: int, now: float) -> Optional[float]:
    """Return when so many more calls may be made, in epoch seconds; None if they may now."""
    return _room_at(_calls(tx, client_id, now), calls, MOST_CALLS)


def room_for_check(tx: Transaction, client_id: str, *, now: float) -> Optional[float]:
    """Return when a call may be made because of notifications that may be forged; None if it may now."""
    made = _calls(tx, client_id, now)
    ends = [_room_at(made, 1, MOST_CALLS), _room_at([one for one in made if one[1]], 1, MOST_CHECKS)]
    return max((end for end in ends if end is not None), default=None)


def count_call(tx: Transaction, client_id: str, *, now: float, is_check: bool = False) -> None:
    """A call about subscriptions is about to be made, whether there is room for it or not."""
    tx.execute("DELETE FROM subscription_call WHERE client_id = ? AND at <= ?", (client_id, float(now - _HOUR)))
    tx.execute(
        "UPDATE subscription_call SET at = ? WHERE client_id = ? AND at > ?", (float(now), client_id, float(now))
    )
    tx.execute(
        "INSERT INTO subscription_call (client_id, is_check, at) VALUES (?, ?, ?)",
        (client_id, int(is_check), float(now)),
    )


def _calls(tx: Transaction, client_id: str, now: float) -> list[tuple[float, bool]]:
    """The calls of the last hour in order, each with whether it was a check."""
    rows = tx.execute(
        "SELECT at, is_check FROM subscription_call WHERE client_id = ? AND at > ? ORDER BY at",
        (client_id, float(now - _HOUR)),
    ).fetchall()
    # Those of the future were made while the clock was ahead.
    return sorted((min(row["at"], now), bool(row["is_check"])) for row in rows)


def _room_at(made: Sequence[tuple[float, bool]], calls: int, most: int) -> Optional[float]:
    surplus = len(made) + calls - most
    return None if surplus <= 0 else made[min(surplus, len(made)) - 1][0] + _HOUR


def _leave(tx: Transaction, before: Watch, *, now: float) -> None:
    tx.execute("DELETE FROM former_callback WHERE left_at <= ?", (now - FORMER_COUNTS,))
    if before.callback_url is not None:
        tx.execute(
            "INSERT OR REPLACE INTO former_callback (input, callback_url, left_at) VALUES (?, ?, ?)",
            (before.input, before.callback_url, now),
        )


def _watch(row: Row) -> Watch:
    return Watch(
        client_id=row["client_id"],
        input=row["input"],
        state=_state(row["state"]),
        said=row["said"],
        wanted=row["wanted"],
        subscription_id=row["subscription_id"],
        callback_url=row["callback_url"],
        token_digest=row["token_digest"],
        rival=row["rival"],
        failures=row["failures"],
        looked_at=row["looked_at"],
        next_at=row["next_at"],
    )


def _state(text: str) -> State:
    try:
        return State(text)
    except ValueError:  # of another version of the add-on
        return State.WAITING
