"""Who counts as one where connections are counted: a source, not a person."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

#: Of an IPv6 address. Whoever has one usually has all that begin so (RFC 6177), and could take turns with them.
_NETWORK = 64


class HasSource(Protocol):
    """What comes from somewhere."""

    @property
    def source(self) -> str: ...


Sender = TypeVar("Sender", bound=HasSource)
Item = TypeVar("Item")


def source_of(address: str) -> str:
    """Return the source that an IP address belongs to: an IPv4 address itself, an IPv6 address's network.

    >>> source_of("192.0.2.1"), source_of("2001:db8::1"), source_of("2001:db8::2")
    ('192.0.2.1', '2001:db8::', '2001:db8::')
    """
    if ":" not in address:
        return address
    whole = ipaddress.IPv6Address(address.partition("%")[0])
    host = 128 - _NETWORK
    return str(ipaddress.IPv6Address(int(whole) >> host << host))


def in_turn(items: Sequence[tuple[Sender, Item]]) -> Iterator[tuple[Sender, Item]]:
    """Give each source's first item, then each one's second, and so on; else in the order given."""
    seen: dict[str, int] = {}
    ranks = []
    for item in items:
        rank = seen.get(item[0].source, 0)
        seen[item[0].source] = rank + 1
        ranks.append(rank)
    for number in sorted(range(len(items)), key=ranks.__getitem__):
        yield items[number]
