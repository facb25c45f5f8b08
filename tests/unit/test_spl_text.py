"""A search is taken apart where Splunk does it, and macros are text."""

from __future__ import annotations

import pytest

from sandbox.spl import assignments, expand, pipeline
from sandbox.spl.text import names, options, parts, subsearches


@pytest.mark.parametrize(
    ("search", "commands"),
    [
        ("a | b", ["a", "b"]),
        ("| makeresults", ["", "makeresults"]),
        ('a | eval x="y | z" | c', ["a", 'eval x="y | z"', "c"]),
        (r'a | eval x="y \" | z" | c', ["a", r'eval x="y \" | z"', "c"]),
        ("a [search b | c] | d", ["a [search b | c]", "d"]),
        ("a [b [c | d] | e] | f", ["a [b [c | d] | e]", "f"]),
        ('a | rex "[^|]+(?<b>x)"', ["a", 'rex "[^|]+(?<b>x)"']),
        ("a\n| b\n", ["a", "b"]),
    ],
)
def test_bars_in_quotation_marks_and_subsearches_are_none(search: str, commands: list[str]) -> None:
    assert pipeline(search) == commands


@pytest.mark.parametrize("search", ["a [b", "a ] b", 'a "b', "| append [b | c"])
def test_half_a_bracket_is_refused(search: str) -> None:
    with pytest.raises(AssertionError):
        pipeline(search)


def test_subsearches_are_found_whole() -> None:
    search = 'x [a [b] "]"] y [c]'
    assert [search[begin:end] for begin, end in subsearches(search)] == ['[a [b] "]"]', "[c]"]


def test_commas_in_brackets_and_quotation_marks_are_none() -> None:
    assert parts('a(b,c),"d,e",f') == ["a(b,c)", '"d,e"', "f"]
    assert assignments('a=if(b="x,y", 1, 2), c=d=e') == [("a", 'if(b="x,y", 1, 2)'), ("c", "d=e")]
    with pytest.raises(AssertionError, match="no assignment"):
        assignments("a=1, b")


def test_names_and_options() -> None:
    assert names("a, b  c,\"d e\",'f.g'") == ["a", "b", "c", "d e", "f.g"]
    assert options('value="-" a, b', "value") == ({"value": "-"}, "a, b")
    assert options("window=3 current=f sum(x) AS y", "window current") == (
        {"window": "3", "current": "f"},
        "sum(x) AS y",
    )
    with pytest.raises(AssertionError, match="limit"):
        options("limit=3 x", "value")


MACROS = {
    "plain": {"definition": "index=x"},
    "nested": {"definition": "(`plain`) | head 5 | append [| makeresults]"},
    "twice(2)": {"args": "a, b", "definition": "$a$+$b$+$a$"},
    "deep(1)": {"args": "a", "definition": "`twice($a$,2)`"},
    "checked(1)": {
        "args": "n",
        "definition": "head $n$",
        "validation": 'match(n, "^[1-9]$") AND n<9',
        "errormsg": "checked takes a digit.",
    },
    "chosen(1)": {"args": "a", "definition": 'if("$a$"="x", "index=x", "`twice(\\"$a$\\",1)`")', "iseval": "1"},
    "strange": {"definition": "1+1", "iseval": "1"},
}


@pytest.mark.parametrize(
    ("search", "text"),
    [
        ("`plain` a", "index=x a"),
        ("`nested` | b", "(index=x) | head 5 | append [| makeresults] | b"),
        ("`twice(x, y)`", "x+y+x"),
        ('`twice("a, b", y)`', "a, b+y+a, b"),
        ("`deep(z)`", "z+2+z"),
        ("`checked(8)`", "head 8"),
        ('eval x="`plain`"', 'eval x="index=x"'),
        ("`chosen(x)` a", "index=x a"),
        ("`chosen(y)`", "y+1+y"),
    ],
)
def test_a_macro_is_text(search: str, text: str) -> None:
    assert expand(search, MACROS) == text


@pytest.mark.parametrize(
    ("search", "why"),
    [
        ("`nothing`", "no macro nothing"),
        ("`plain(1)`", "no macro plain with 1"),
        ("`twice(1)`", "no macro twice with 1"),
        ("`checked(0)`", "takes a digit"),
        ("`checked(9)`", "takes a digit"),
        ("`strange`", "value is no text"),
        ("`plain", "half a macro"),
        ("`twice(1`", "bracket"),
    ],
)
def test_a_call_that_cannot_be_right_is_refused(search: str, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        expand(search, MACROS)
