"""What two pollers would cost on the same world: calls only, as if they had no limits to keep."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from sandbox.simulation.case import HOUR, START, Case
from sandbox.simulation.habits import Deed
from sandbox.simulation.world import Change, World

#: Both look every four hours.
EVERY = 4 * HOUR
#: The details that the second one fetches in each sync of an athlete, as far as there are so many activities.
DETAILS = 20


def plain_listing(case: Case, world: World) -> float:
    """Calls per day of one that lists up to 200 entries of each athlete and fetches each new activity once.

    It neither sees edits of what it has nor deletions; those would cost more.
    """
    syncs = _syncs(case)
    calls = sum(_connected(changes, at) for changes in _permissions(world) for at in syncs)
    for recorded in world.recorded.values():
        calls += any(_readable(recorded.changes, at) for at in syncs)
    return calls / case.days


def twenty_details(case: Case, world: World) -> float:
    """Calls per day of one that lists each athlete and fetches the newest 20 activities, new or not."""
    syncs = _syncs(case)
    calls = sum(_connected(changes, at) for changes in _permissions(world) for at in syncs)
    for at in syncs:
        readable = [0] * case.athletes
        for recorded in world.recorded.values():
            if recorded.changes[0].at <= at and readable[recorded.athlete] < DETAILS:
                readable[recorded.athlete] += _readable(recorded.changes, at)
        calls += sum(readable)
    return calls / case.days


def _syncs(case: Case) -> list[float]:
    return [START + number * EVERY for number in range(1, int(case.days * 24 * HOUR // EVERY) + 1)]


def _permissions(world: World) -> Iterable[Sequence[Change]]:
    return (world.access_changes.get(who.number, ()) for who in world.people)


def _connected(changes: Sequence[Change], at: float) -> bool:
    position = bisect_right([change.at for change in changes], at)
    return position == 0 or changes[position - 1].what is Deed.CONNECT


def _readable(changes: Sequence[Change], at: float) -> bool:
    position = bisect_right([change.at for change in changes], at)
    return position > 0 and changes[position - 1].readable
