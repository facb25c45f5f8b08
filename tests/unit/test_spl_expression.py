"""Expressions of eval and where: precedence, null, types, functions.

Search Manual, Types of expressions and Boolean expressions; Search Reference, Evaluation functions.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.spl import Row, evaluate
from sandbox.spl.expression import condition

ROW: Row = {"a": "5", "b": "10", "f": 2.5, "t": "text", "mv": ["x", "y", "10"], "x.y": "dotted", "empty": "", "z": None}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # Precedence.
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("10-2-3", 5),
        ("-a+1", -4),
        ("2*-a", -10),
        ("7%4", 3),
        ("1=2 AND 1=1 OR 1=1", True),
        ("1=1 OR 1=1 AND 1=2", True),
        ("NOT 1=2 AND 1=2", False),
        ("NOT (1=1 AND 1=2)", True),
        ("1=1 XOR 1=1", False),
        ("1=1 OR 1=1 XOR 1=1", False),
        # Numbers as texts, and texts.
        ("a<b", True),
        ('a<"9"', True),
        ('t<"u"', True),
        ('"10"<"9a"', True),
        ("a=5.0", True),
        ('t="TEXT"', False),
        ("a!=b", True),
        ("a==5", True),
        ("a+b", 15),
        ('"x"+t', "xtext"),
        ("t+a", None),
        ("t*2", None),
        ("a.b", "510"),
        ('t." ".(a+1)', "text 6"),
        ("f.t", "2.5text"),
        ("'x.y'", "dotted"),
        # A dot puts two fields together: athlete.id is no field here.
        ("a.t", "5text"),
        (r'"a \"b\" \d"', r'a "b" \d'),
        # Null.
        ("nothing", None),
        ("z+1", None),
        ("t.nothing", None),
        ("1/0", None),
        ("5%0", None),
        ("nothing=1", None),
        ("nothing!=1", None),
        ("NOT nothing=1", None),
        ("nothing=1 OR a=5", True),
        ("nothing=1 AND a=6", False),
        ("nothing=1 AND a=5", None),
        ("nothing=1 XOR a=5", None),
        # Several values: one is enough.
        ('mv="y"', True),
        ('mv="z"', False),
        ("mv+1", None),
        ("mv.t", None),
        # Lists.
        ('t IN ("a", "text")', True),
        ("a IN (1, 2)", False),
        ("in(a, 5)", True),
        ('t LIKE "t%"', True),
        ('t LIKE "t_x"', False),
    ],
)
def test_an_expression(expression: str, value: Any) -> None:
    assert evaluate(expression, ROW) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('if(a=5, "yes", "no")', "yes"),
        ('if(nothing=5, "yes", "no")', "no"),
        ('case(a=1, "one", a=5, "five", 1=1, "other")', "five"),
        ('case(a=1, "one")', None),
        ("coalesce(nothing, z, a)", "5"),
        ("isnull(nothing)", True),
        ("isnotnull(a)", True),
        ("isnull(empty)", False),
        ("nullif(a, 5)", None),
        ('nullif(t, "x")', "text"),
        ("nullif(t, nothing)", "text"),
        ("isnum(a)", True),
        ("isnum(t)", False),
        ('tonumber("007")', 7),
        ("tonumber(t)", None),
        ("tostring(5/2)", "2.5"),
        ("tostring(1=1)", "True"),
        ('tostring(18000, "commas")', "18,000"),
        ('tostring(1234.567, "commas")', "1,234.57"),
        ("floor(-1.5)", -2),
        ("ceiling(1.2)", 2),
        ("abs(-3)", 3),
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(3.14159, 2)", 3.14),
        ("round(nothing, 2)", None),
        ("round(t, 2)", None),
        ("exp(0)", 1),
        ("pow(2, 10)", 1024),
        ("sqrt(16)", 4),
        ("ln(1)", 0),
        ('max(1, "b", 3)', "b"),
        ('min(2, "b", 3)', 2),
        ("max(nothing, 4)", 4),
        ("len(t)", 4),
        ("lower(upper(t))", "text"),
        ('trim(" x ")', "x"),
        ("substr(t, 2)", "ext"),
        ("substr(t, 1, 2)", "te"),
        ("substr(t, -2)", "xt"),
        ("substr(t, -2, 1)", "x"),
        ("substr(nothing, 1)", None),
        ('match(t, "ex")', True),
        ('match(t, "^ex")', False),
        ('match(nothing, "x")', None),
        ('match(mv, "^y")', True),
        (r'match("é", "\w")', False),
        (r'replace("TrailRun", "([a-z])([A-Z])", "\1 \2")', "Trail Run"),
        (r'replace("a1b2", "(?<digit>\d)", "<\1>")', "a<1>b<2>"),
        ('urldecode("%60a%20b")', "`a b"),
        ('split("a,b", ",")', ["a", "b"]),
        ('mvfind(mv, "^y$")', 1.0),
        ('mvfind(mv, "nothing")', None),
        ("mvindex(mv, 0)", "x"),
        ("mvindex(mv, -1)", "10"),
        ("mvindex(mv, 0, 1)", ["x", "y"]),
        ("mvindex(mv, 9)", None),
        ("mvindex(t, 0)", "text"),
        ("mvcount(mv)", 3),
        ("mvcount(nothing)", None),
        ('mvjoin(mv, "-")', "x-y-10"),
        ("mvrange(1, 4)", [1, 2, 3]),
        ("mvrange(1, 8, 3)", [1, 4, 7]),
        ("mvrange(4, 4)", None),
        ("mvrange(nothing, 4)", None),
        ('mvzip(mv, split("1,2", ","))', ["x,1", "y,2"]),
        ('mvzip(mv, mv, "=")', ["x=x", "y=y", "10=10"]),
        ("mvappend(a, nothing, mv)", ["5", "x", "y", "10"]),
        ('mvdedup(split("a,b,a", ","))', ["a", "b"]),
        ("now()", 1_790_000_000),
        ('strftime(0, "%F")', "1970-01-01"),
        ('strptime("1970-01-02", "%Y-%m-%d")', 86_400),
        ('relative_time(86401, "@d")', 86_400),
        ('strftime(nothing, "%F")', None),
    ],
)
def test_a_function(expression: str, value: Any) -> None:
    assert evaluate(expression, ROW, 1_790_000_000.9) == value


@pytest.mark.parametrize(
    "expression",
    [
        "foo(a)",
        "a ~ b",
        "a=",
        "(a",
        "a b",
        "if(a, 1, 2)",
        "a AND b",
        "NOT a",
        "true",
        "case(a=1)",
        "if(a=1, 2)",
        'tostring(a, "duration")',
        "tonumber(a, 16)",
        '"half',
    ],
)
def test_what_is_unknown_is_refused(expression: str) -> None:
    with pytest.raises(AssertionError):
        evaluate(expression, ROW)


def test_where_takes_a_boolean_value_and_null_is_not_true() -> None:
    assert condition("a=5")(ROW, 0.0)
    assert not condition("nothing=5")(ROW, 0.0)
    with pytest.raises(AssertionError, match="Boolean"):
        condition("a")(ROW, 0.0)
