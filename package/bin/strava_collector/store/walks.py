"""Where the walks through athletes' lists stand, so that they go on after a restart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Optional

from strava_collector.store.sqlite import Row, Transaction
from strava_collector.walk import Covered, Purpose, Spans, Walk


@dataclass(frozen=True)
class About:
    """Whose list it is, and who walks through it; for people."""

    #: Name of the row on *Configuration → Athletes*, and of the application that the athlete is connected to.
    athlete: str
    application: str
    #: The input that lists, empty if none does any more, and the one that fetches.
    input: str
    owner: str
    #: How often it lists, in seconds.
    interval: float
    #: What began earlier is not wanted, epoch seconds.
    wanted_from: int


@dataclass(frozen=True)
class Listed:
    """An athlete whose activities are listed, for people; times in epoch seconds."""

    athlete_id: int
    about: About
    covered: Covered
    #: Since when the athlete is listed with the present consent.
    since: float
    #: How long it will take until everything is there, as it was said last, and when.
    said: str
    said_at: Optional[float]
    #: Why the athlete cannot be listed; empty if that is possible.
    trouble: str


def lease_name(athlete_id: int) -> str:
    """Return the name of the lease under which the athlete's list is asked for and taken in."""
    return f"listing:{athlete_id}"


def covered(tx: Transaction, athlete_id: int, connected_at: str) -> Covered:
    """Return how far the athlete's list has been walked through since the consent of ``connected_at``.

    With another consent, lists may show other activities, and those of a former one may have been erased.
    """
    row = tx.execute("SELECT * FROM covered WHERE athlete_id = ?", (athlete_id,)).fetchone()
    return Covered() if row is None or row["connected_at"] != connected_at else _covered(row)


def save(tx: Transaction, athlete_id: int, found: Covered, *, connected_at: str, about: About, now: float) -> None:
    """Keep how far the athlete's list has been walked through."""
    before = tx.execute("SELECT connected_at FROM covered WHERE athlete_id = ?", (athlete_id,)).fetchone()
    if before is None or before["connected_at"] != connected_at:
        forget(tx, athlete_id)
        tx.execute(
            "INSERT INTO covered (athlete_id, connected_at, spans, athlete, application, input, owner, interval, since,"
            " wanted_from) VALUES (?, ?, '[]', '', '', '', '', 0.0, ?, 0)",
            (athlete_id, connected_at, float(now)),
        )
    tx.execute(
        "UPDATE covered SET spans = ?, window_at = ?, pass_at = ?, pass_in_full = ?, athlete = ?, application = ?,"
        " input = ?, owner = ?, interval = ?, wanted_from = ?, trouble = '' WHERE athlete_id = ?",
        (
            found.spans.to_json(),
            found.window_at,
            found.pass_at,
            int(found.pass_in_full),
            about.athlete,
            about.application,
            about.input,
            about.owner,
            float(about.interval),
            about.wanted_from,
            athlete_id,
        ),
    )


def say(tx: Transaction, athlete_id: int, said: str, now: float) -> None:
    """Keep how far history has come, in words."""
    tx.execute("UPDATE covered SET said = ?, said_at = ? WHERE athlete_id = ?", (said, float(now), athlete_id))


def trouble(tx: Transaction, athlete_id: int, why: str, *, connected_at: str, about: About, now: float) -> None:
    """Keep why the athlete cannot be listed now, also if no list was ever had."""
    save(tx, athlete_id, covered(tx, athlete_id, connected_at), connected_at=connected_at, about=about, now=now)
    tx.execute("UPDATE covered SET trouble = ? WHERE athlete_id = ?", (why, athlete_id))


def release(tx: Transaction, input: str, athletes: Collection[int]) -> None:
    """The input lists these athletes only: what is known of others stays, for whoever lists them next."""
    for row in tx.execute("SELECT athlete_id FROM covered WHERE input = ?", (input,)).fetchall():
        if row["athlete_id"] not in athletes:
            tx.execute("UPDATE covered SET input = '', said = '' WHERE athlete_id = ?", (row["athlete_id"],))


def listed(tx: Transaction) -> list[Listed]:
    """Return the athletes who have been listed, by name."""
    rows = tx.execute("SELECT * FROM covered ORDER BY athlete, athlete_id").fetchall()
    return [
        Listed(
            row["athlete_id"],
            About(
                row["athlete"],
                row["application"],
                row["input"],
                row["owner"],
                row["interval"],
                row["wanted_from"],
            ),
            _covered(row),
            row["since"],
            row["said"],
            row["said_at"],
            row["trouble"],
        )
        for row in rows
    ]


def under_way(tx: Transaction, athlete_id: int, purpose: Purpose, connected_at: str) -> Optional[Walk]:
    """Return the athlete's walk for this purpose; None if none was begun since the consent."""
    row = tx.execute(
        "SELECT walk.* FROM walk JOIN covered ON covered.athlete_id = walk.athlete_id"
        " WHERE walk.athlete_id = ? AND walk.purpose = ? AND covered.connected_at = ?",
        (athlete_id, purpose.value, connected_at),
    ).fetchone()
    if row is None:
        return None
    return Walk(
        purpose,
        row["began_at"],
        row["low"],
        row["high"],
        bool(row["ascending"]),
        row["edge"],
        row["page"],
        bool(row["unordered"]),
    )


def go_on(tx: Transaction, athlete_id: int, walk: Walk) -> None:
    """Keep where a walk stands."""
    tx.execute(
        "INSERT OR REPLACE INTO walk (athlete_id, purpose, began_at, low, high, ascending, edge, page, unordered)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            athlete_id,
            walk.purpose.value,
            float(walk.began_at),
            walk.low,
            walk.high,
            int(walk.ascending),
            walk.edge,
            walk.page,
            int(walk.unordered),
        ),
    )


def end(tx: Transaction, athlete_id: int, purpose: Purpose) -> None:
    """The walk is over."""
    tx.execute("DELETE FROM walk WHERE athlete_id = ? AND purpose = ?", (athlete_id, purpose.value))


def forget(tx: Transaction, athlete_id: int) -> None:
    """Forget all walks through the athlete's list, and what they showed."""
    tx.execute("DELETE FROM walk WHERE athlete_id = ?", (athlete_id,))
    tx.execute("DELETE FROM covered WHERE athlete_id = ?", (athlete_id,))


def _covered(row: Row) -> Covered:
    return Covered(Spans.from_json(row["spans"]), row["window_at"], row["pass_at"], bool(row["pass_in_full"]))
