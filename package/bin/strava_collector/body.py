"""The body of an answer: complete, decompressed, and never larger than allowed.

urllib3 decompresses whatever it has read at once, by up to 1:1000 a layer and in as many layers as the server
names. Here memory is bounded by the limit, whatever arrives.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

#: Both names mean the same (RFC 9110, 8.4.1.3); nothing else was asked for.
_GZIP = ("gzip", "x-gzip")
_PLAIN = ("", "identity")
#: Makes zlib expect gzip's head and check sum.
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class BodyTooLarge(Exception):
    """The body is larger than allowed."""


class BodyBroken(Exception):
    """The body is incomplete, damaged or in an encoding that was not asked for; the message says which."""


def read_body(blocks: Iterable[bytes], *, encoding: str, limit: int) -> bytes:
    """Put the body together from the blocks that arrive.

    ``encoding`` is the Content-Encoding, ``limit`` the greatest size in bytes, before and after
    decompression. Raises BodyTooLarge, BodyBroken, and what reading ``blocks`` raises.
    """
    encoding = encoding.strip().lower()
    if encoding in _PLAIN:
        return _joined(blocks, limit)
    if encoding in _GZIP:
        return _joined(_inflated(blocks, limit), limit)
    raise BodyBroken("it is encoded in a way that was not asked for")


def _joined(blocks: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for block in blocks:
        body += block
        if len(body) > limit:
            raise BodyTooLarge
    return bytes(body)


def _inflated(blocks: Iterable[bytes], limit: int) -> Iterable[bytes]:
    """Decompress; a block that would become huge comes out in pieces, so that the reader can stop in time."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    received = 0
    for block in blocks:
        received += len(block)
        if received > limit:
            raise BodyTooLarge
        while block:
            if member.eof:  # gzip files may be several ones in a row (RFC 1952, 2.2)
                member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                piece = member.decompress(block, 65_536)
            except zlib.error:
                damaged = True
            else:
                damaged = False
            if damaged:
                raise BodyBroken("its compressed form is damaged")
            block = member.unconsumed_tail or member.unused_data
            if piece:
                yield piece
    if received and not member.eof:
        raise BodyBroken("its compressed form ends too early")
