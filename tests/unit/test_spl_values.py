"""What the interpreter of searches takes for numbers and texts, and how it sorts them."""

from __future__ import annotations

import pytest

from sandbox.spl.values import Row, compare, in_order, number, text


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("5", 5),
        ("5.50", 5.5),
        (" -3 ", -3),
        ("1e3", 1_000),
        (".5", 0.5),
        (7, 7),
        ("", None),
        ("5 km", None),
        ("nan", None),
        ("1_000", None),
        ("0x1f", None),
        (None, None),
        (["1"], None),
    ],
)
def test_a_text_that_looks_like_a_number_is_one(value: object, found: object) -> None:
    assert number(value) == found


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5.0, "5"),
        (5, "5"),
        (0.1 + 0.2, "0.3"),
        (1_790_000_000.123, "1790000000.123"),
        (-0.5, "-0.5"),
        ("5.0", "5.0"),
        (0.0000001, "0"),
        (["a"], None),
        (None, None),
    ],
)
def test_a_number_is_shown_as_people_write_it(value: object, shown: object) -> None:
    assert text(value) == shown


def test_a_boolean_value_is_neither() -> None:
    with pytest.raises(AssertionError, match="Boolean"):
        number(True)
    with pytest.raises(AssertionError, match="Boolean"):
        text(False)


@pytest.mark.parametrize(
    ("one", "two", "sign"),
    [("10", "9", 1), ("10", 9.0, 1), ("10", "9a", -1), ("a", "b", -1), ("5.0", "5", 0), ("Z", "a", -1)],
)
def test_two_numbers_are_compared_as_numbers_and_everything_else_by_its_characters(
    one: object, two: object, sign: int
) -> None:
    assert compare(one, two) == sign
    assert compare(two, one) == -sign


@pytest.mark.parametrize(
    ("values", "kind", "rising"),
    [
        (["10", "9", "70", "100"], "auto", ["9", "10", "70", "100"]),
        # Splunk Cloud Services, SPL2 Search Manual, Lexicographical order.
        (["10", "9", "70", "100"], "str", ["10", "100", "70", "9"]),
        (["SF-01", "pz-05", "BS-09", "mb-07"], "auto", ["BS-09", "SF-01", "mb-07", "pz-05"]),
        (["10.1.a", "9.1.a"], "auto", ["10.1.a", "9.1.a"]),
        (["b", "10", "9"], "auto", ["9", "10", "b"]),
        (["b", "10", "9"], "num", ["b", "9", "10"]),
    ],
)
def test_sorting(values: list[str], kind: str, rising: list[str]) -> None:
    rows: list[Row] = [{"x": value} for value in values]
    assert [row["x"] for row in in_order(rows, "x", descending=False, kind=kind)] == rising
    assert [row["x"] for row in in_order(rows, "x", descending=True, kind=kind)] == rising[::-1]


def test_who_lacks_the_field_comes_last_and_equal_ones_stay_in_their_order() -> None:
    rows: list[Row] = [{"x": None, "n": 0}, {"x": "1", "n": 1}, {"n": 2}, {"x": "2", "n": 3}, {"x": "1.0", "n": 4}]
    assert [row["n"] for row in in_order(rows, "x", descending=False)] == [1, 4, 3, 0, 2]
    assert [row["n"] for row in in_order(rows, "x", descending=True)] == [3, 1, 4, 0, 2]
