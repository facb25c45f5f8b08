"""Which connection gives way when there is no room for another."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import count

import pytest

from strava_collector.client_connection import Phase
from strava_collector.connection_table import SHARE, ConnectionTable
from strava_collector.limits import SizeLimits
from strava_collector.plain_connection import PlainConnection

ROOM = 100
#: As many as a source may have before it gives way first.
MOST = int(ROOM * SHARE)

STRAVA, ATTACKER, ANOTHER = "192.0.2.1", "198.51.100.1", "203.0.113.1"


class World:
    """A table, and connections of nobody."""

    def __init__(self) -> None:
        self.table = ConnectionTable(ROOM)
        self._serials = count(1)
        self._made: list[PlainConnection] = []

    def connect(self, address: str) -> PlainConnection:
        connection = PlainConnection(socket.socket(), address, SizeLimits(), next(self._serials))
        self.table.add(connection)
        self._made.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._made:
            connection.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def test_the_oldest_of_all_goes_as_long_as_no_source_has_more_than_its_share(world: World) -> None:
    first = world.connect(STRAVA)
    for _ in range(MOST):
        world.connect(ATTACKER)
    assert world.table.next_to_go() is first


def test_a_source_that_has_more_than_its_share_goes_before_an_older_one(world: World) -> None:
    world.connect(STRAVA)
    oldest, *_ = [world.connect(ATTACKER) for _ in range(MOST + 1)]
    assert world.table.next_to_go() is oldest


def test_it_goes_first_only_until_it_has_its_share_again(world: World) -> None:
    strava = world.connect(STRAVA)
    oldest, *_ = [world.connect(ATTACKER) for _ in range(MOST + 1)]
    world.table.remove(oldest)
    assert world.table.next_to_go() is strava


def test_of_several_the_largest_goes(world: World) -> None:
    for _ in range(MOST + 1):
        world.connect(ANOTHER)
    oldest, *_ = [world.connect(ATTACKER) for _ in range(MOST + 2)]
    assert world.table.next_to_go() is oldest


def test_who_has_the_share_and_no_more_is_never_chosen_while_somebody_has_more(world: World) -> None:
    strava = [world.connect(STRAVA) for _ in range(MOST)]
    for _ in range(ROOM):
        world.connect(ATTACKER)
    while len(world.table) > 2 * MOST:
        goes = world.table.next_to_go()
        assert goes is not None
        world.table.remove(goes)
    assert all(world.table.get(one.serial) is one for one in strava)


def test_what_waits_for_the_store_is_answered(world: World) -> None:
    many = [world.connect(ATTACKER) for _ in range(MOST + 1)]
    for connection in many:
        connection.phase = Phase.WAITING
    assert world.table.next_to_go() is None
    strava = world.connect(STRAVA)
    assert world.table.next_to_go() is strava


def test_who_was_useful_is_the_youngest_again(world: World) -> None:
    first, second = world.connect(STRAVA), world.connect(STRAVA)
    world.table.touch(first)
    assert world.table.next_to_go() is second
    many = [world.connect(ATTACKER) for _ in range(MOST + 1)]
    world.table.touch(many[0])
    assert world.table.next_to_go() is many[1]


def test_addresses_of_one_ipv6_network_are_one_source(world: World) -> None:
    world.connect(STRAVA)
    oldest, *_ = [world.connect(f"2001:db8::{number:x}") for number in range(MOST + 1)]
    assert world.table.next_to_go() is oldest


def test_removing_twice_is_fine(world: World) -> None:
    connection = world.connect(STRAVA)
    world.table.remove(connection)
    world.table.remove(connection)
    assert len(world.table) == 0
    assert world.table.next_to_go() is None
