"""Relative times, formats and spans of the interpreter of searches (Search Reference, Time modifiers). All in UTC."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from sandbox.spl.times import bucket, moment, next_bucket, relative, snap, strftime, strptime


def at(words: str) -> float:
    return datetime.fromisoformat(words).replace(tzinfo=timezone.utc).timestamp()


#: A Wednesday.
NOW = at("2026-06-10T18:30:15")


@pytest.mark.parametrize(
    ("words", "then"),
    [
        ("now", "2026-06-10T18:30:15"),
        ("0", "1970-01-01T00:00:00"),
        ("1780272000", "2026-06-01T00:00:00"),
        ("-24h", "2026-06-09T18:30:15"),
        ("-60m", "2026-06-10T17:30:15"),
        ("-70m@m", "2026-06-10T17:20:00"),
        ("-30d@d", "2026-05-11T00:00:00"),
        ("-30d@h", "2026-05-11T18:00:00"),
        ("-d@d", "2026-06-09T00:00:00"),
        ("@w", "2026-06-07T00:00:00"),
        ("@w0", "2026-06-07T00:00:00"),
        ("@w7", "2026-06-07T00:00:00"),
        ("@w1", "2026-06-08T00:00:00"),
        ("@w3", "2026-06-10T00:00:00"),
        ("@w4", "2026-06-04T00:00:00"),
        ("-1w@w1", "2026-06-01T00:00:00"),
        ("-26w@w1", "2025-12-08T00:00:00"),
        ("@mon", "2026-06-01T00:00:00"),
        ("-1y@mon", "2025-06-01T00:00:00"),
        ("-9mon@d", "2025-09-10T00:00:00"),
        ("@q", "2026-04-01T00:00:00"),
        ("-5y@y", "2021-01-01T00:00:00"),
        ("+20y", "2046-06-10T18:30:15"),
        ("-1d@d+2h", "2026-06-09T02:00:00"),
    ],
)
def test_a_relative_time(words: str, then: str) -> None:
    assert moment(words, NOW) == at(then)


def test_a_month_that_is_too_short_ends_on_its_last_day() -> None:
    assert relative(at("2026-03-31T12:00:00"), "-1mon") == at("2026-02-28T12:00:00")
    assert relative(at("2024-02-29T12:00:00"), "-1y") == at("2023-02-28T12:00:00")


@pytest.mark.parametrize("words", ["yesterday", "-1x", "@d3", "", "-1dd", "1780272000 now"])
def test_another_one_is_refused(words: str) -> None:
    with pytest.raises(AssertionError):
        moment(words, NOW)


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("%F %T", "2026-06-10 18:30:15"),
        ("%a %b %d", "Wed Jun 10"),
        ("%Y-%m", "2026-06"),
        ("%s", "1781116215"),
        ("%H:%M:%S.%3N", "18:30:15.250"),
        ("%Z%z", "UTC+0000"),
        ("100%%", "100%"),
    ],
)
def test_a_format(pattern: str, shown: str) -> None:
    assert strftime(NOW + 0.25, pattern) == shown


def test_a_time_in_words_is_read_or_is_null() -> None:
    assert strptime("2026-06-10 12:00", "%Y-%m-%d %H:%M") == at("2026-06-10T12:00:00")
    assert strptime("2026-06-10T12:00:00+0200", "%Y-%m-%dT%H:%M:%S%z") == at("2026-06-10T10:00:00")
    assert strptime("nothing", "%Y-%m-%d") is None
    with pytest.raises(AssertionError, match="format"):
        strptime("x", "%E")
    with pytest.raises(AssertionError, match="format"):
        strftime(NOW, "%Q")


@pytest.mark.parametrize(
    ("span", "begin", "following"),
    [
        ("1d", "2026-06-10T00:00:00", "2026-06-11T00:00:00"),
        ("1h", "2026-06-10T18:00:00", "2026-06-10T19:00:00"),
        ("15m", "2026-06-10T18:30:00", "2026-06-10T18:45:00"),
        ("1mon", "2026-06-01T00:00:00", "2026-07-01T00:00:00"),
        ("1y", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("1w@w1", "2026-06-08T00:00:00", "2026-06-15T00:00:00"),
    ],
)
def test_a_span(span: str, begin: str, following: str) -> None:
    assert bucket(NOW, span) == at(begin)
    assert next_bucket(at(begin), span) == at(following)


def test_where_weeks_begin_has_to_be_said() -> None:
    with pytest.raises(AssertionError, match="1w@w1"):
        bucket(NOW, "1w")
    for span in ("2mon", "7h", "5x", "2w@w1"):
        with pytest.raises(AssertionError):
            bucket(NOW, span)


def test_a_snap_of_a_time_before_1970() -> None:
    assert snap(at("1969-12-31T12:00:00"), "w", 1) == at("1969-12-29T00:00:00")
