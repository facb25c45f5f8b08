"""The body of an answer: put together, decompressed, limited."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.body import BodyBroken, BodyTooLarge, read_body


def blocks_of(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(
    st.binary(max_size=2_000),
    st.integers(1, 700),
    st.sampled_from(["", "identity", "gzip", " GZIP ", "x-gzip"]),
)
def test_a_body_comes_out_as_it_went_in_however_it_is_cut(body: bytes, size: int, encoding: str) -> None:
    sent = gzip.compress(body) if "gzip" in encoding.lower() else body
    assert read_body(blocks_of(sent, size), encoding=encoding, limit=10_000) == body


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(1, 100))
def test_several_gzip_members_in_a_row_are_one_body(parts: list[bytes], size: int) -> None:
    sent = b"".join(gzip.compress(part) for part in parts)
    assert read_body(blocks_of(sent, size), encoding="gzip", limit=10_000) == b"".join(parts)


@given(st.binary(min_size=1, max_size=2_000), st.integers(1, 700), st.data())
def test_a_compressed_body_that_breaks_off_is_never_taken_for_whole(
    body: bytes, size: int, data: st.DataObject
) -> None:
    sent = gzip.compress(body)
    sent = sent[: data.draw(st.integers(1, len(sent) - 1))]
    with pytest.raises(BodyBroken):
        read_body(blocks_of(sent, size), encoding="gzip", limit=10_000)


@given(st.binary(max_size=500))
def test_garbage_is_broken_and_nothing_else(garbage: bytes) -> None:
    try:
        read_body([garbage], encoding="gzip", limit=10_000)
    except (BodyBroken, BodyTooLarge) as error:
        assert error.__cause__ is None
        assert error.__context__ is None


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_limit_is_the_greatest_size_allowed(encoding: str) -> None:
    def body(size: int) -> list[bytes]:
        return [gzip.compress(b"x" * size) if encoding else b"x" * size]

    assert len(read_body(body(1_000), encoding=encoding, limit=1_000)) == 1_000
    with pytest.raises(BodyTooLarge):
        read_body(body(1_001), encoding=encoding, limit=1_000)


def test_reading_stops_at_the_limit_instead_of_at_the_end() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 100

    with pytest.raises(BodyTooLarge):
        read_body(endless(), encoding="", limit=1_000)
    assert taken == 11


def test_compressed_bytes_count_too_even_if_they_unpack_to_nothing() -> None:
    empty = gzip.compress(b"")
    with pytest.raises(BodyTooLarge):
        read_body([empty] * 100, encoding="gzip", limit=1_000)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "gzip;q=1"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(BodyBroken, match="was not asked for"):
        read_body([b"abc"], encoding=encoding, limit=1_000)
