"""Expressions of ``eval`` and ``where``: text to a function of a row.

As Splunk's manuals have it (Search Reference: eval, where; Search Manual: Types of expressions, Boolean expressions):
NOT before AND before OR before XOR; ``.`` puts texts together, ``+`` adds two numbers or puts two texts together; what
is computed with null is null, division by zero is null, and a comparison with null is neither true nor false.
Several values in one field: a comparison is true if it is for one of them, arithmetic and texts of them are null.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any, Optional

from sandbox.spl.functions import FUNCTIONS, NULL_TAKERS
from sandbox.spl.values import Row, compare, number, several, text

#: What an expression is: its value for a row, at a time that ``now()`` is.
Compiled = Callable[[Row, float], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<field>'[^']*')|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<sign><=|>=|!=|==|[-+*/%=<>.,()]))"""
)
_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "=": lambda sign: sign == 0,
    "==": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    ">": lambda sign: sign > 0,
    "<=": lambda sign: sign <= 0,
    ">=": lambda sign: sign >= 0,
}


def evaluate(expression: str, row: Row, now: float = 0.0) -> Any:
    """The value of an expression; None is null."""
    return compiled(expression)(row, now)


@functools.cache
def compiled(expression: str) -> Compiled:
    """Read an expression; refuse what is unknown."""
    return _Parser(expression).whole()


def condition(expression: str) -> Callable[[Row, float], bool]:
    """An expression that has to be a Boolean one; null is not true."""
    function = compiled(expression)

    def holds(row: Row, now: float) -> bool:
        return _boolean(function(row, now)) is True

    return holds


def _boolean(value: object) -> Optional[bool]:
    assert value is None or isinstance(value, bool), f"{value!r} where a Boolean value is wanted"
    return value


class _Parser:
    def __init__(self, expression: str) -> None:
        self._text = expression
        self._tokens: list[tuple[str, str]] = []
        where = 0
        while expression[where:].strip():
            match = _TOKEN.match(expression, where)
            assert match is not None, f"unknown in an expression: {expression[where : where + 40]}"
            assert match.lastgroup is not None
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            where = match.end()
        self._at = 0

    def whole(self) -> Compiled:
        result = self._xor()
        assert self._at == len(self._tokens), f"unknown in an expression: {self._text} at {self._tokens[self._at][1]}"
        return result

    def _next(self, *wanted: str) -> Optional[str]:
        if self._at < len(self._tokens):
            kind, token = self._tokens[self._at]
            if kind in ("sign", "word") and token in wanted:
                self._at += 1
                return token
        return None

    def _need(self, sign: str) -> None:
        assert self._next(sign), f"{sign} is missing in: {self._text}"

    def _xor(self) -> Compiled:
        result = self._or()
        while self._next("XOR"):
            result = _xor(result, self._or())
        return result

    def _or(self) -> Compiled:
        result = self._and()
        while self._next("OR"):
            result = _decided(result, self._and(), by=True)
        return result

    def _and(self) -> Compiled:
        result = self._not()
        while self._next("AND"):
            result = _decided(result, self._not(), by=False)
        return result

    def _not(self) -> Compiled:
        if self._next("NOT"):
            inner = self._not()

            def negated(row: Row, now: float) -> Optional[bool]:
                value = _boolean(inner(row, now))
                return None if value is None else not value

            return negated
        return self._comparison()

    def _comparison(self) -> Compiled:
        one = self._sum()
        sign = self._next(*_COMPARISONS)
        if sign is not None:
            return _compared(one, self._sum(), _COMPARISONS[sign])
        if self._next("IN"):
            self._need("(")
            return _listed([one, *self._arguments()])
        if self._next("LIKE"):
            return _called("like", FUNCTIONS["like"], [one, self._sum()])
        return one

    def _sum(self) -> Compiled:
        result = self._product()
        while (sign := self._next("+", "-", ".")) is not None:
            result = _computed(sign, result, self._product())
        return result

    def _product(self) -> Compiled:
        result = self._unary()
        while (sign := self._next("*", "/", "%")) is not None:
            result = _computed(sign, result, self._unary())
        return result

    def _unary(self) -> Compiled:
        if self._next("-"):
            return _computed("-", lambda _row, _now: 0.0, self._unary())
        return self._atom()

    def _atom(self) -> Compiled:
        assert self._at < len(self._tokens), f"an expression ends too early: {self._text}"
        kind, token = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            constant = float(token)
            return lambda _row, _now: constant
        if kind == "string":
            # A backslash stands for itself unless it escapes a quotation mark: most are in regular expressions.
            words = token[1:-1].replace('\\"', '"')
            return lambda _row, _now: words
        if kind == "field":
            return _field(token[1:-1])
        if token == "(":
            inside = self._xor()
            self._need(")")
            return inside
        assert kind == "word", f"unknown in an expression: {self._text} at {token}"
        if self._next("("):
            return self._call(token)
        assert token.upper() not in ("AND", "OR", "NOT", "XOR", "IN", "LIKE", "TRUE", "FALSE", "NULL"), token
        return _field(token)

    def _arguments(self) -> list[Compiled]:
        found: list[Compiled] = []
        while not self._next(")"):
            if found:
                self._need(",")
            found.append(self._xor())
        return found

    def _call(self, name: str) -> Compiled:
        given = self._arguments()
        if name == "if":
            assert len(given) == 3, f"if takes three arguments: {self._text}"
            return _case([*given[:2], lambda _row, _now: True, given[2]])
        if name == "case":
            assert len(given) % 2 == 0, f"case takes pairs: {self._text}"
            return _case(given)
        if name == "coalesce":
            return _coalesce(given)
        if name == "in":
            return _listed(given)
        if name == "now":
            assert not given, "now takes no arguments"
            return lambda _row, now: float(int(now))
        assert name in FUNCTIONS, f"unknown function {name}"
        return _called(name, FUNCTIONS[name], given)


def _field(name: str) -> Compiled:
    return lambda row, _now: row.get(name)


def _decided(one: Compiled, two: Compiled, by: bool) -> Compiled:
    """OR is decided by the first that is true, AND by the first that is false; what nobody knows decides nothing."""

    def value(row: Row, now: float) -> Optional[bool]:
        a = _boolean(one(row, now))
        if a is by:
            return by
        b = _boolean(two(row, now))
        return by if b is by else None if a is None or b is None else not by

    return value


def _xor(one: Compiled, two: Compiled) -> Compiled:
    def value(row: Row, now: float) -> Optional[bool]:
        a, b = _boolean(one(row, now)), _boolean(two(row, now))
        return None if a is None or b is None else a is not b

    return value


def _compared(one: Compiled, two: Compiled, verdict: Callable[[int], bool]) -> Compiled:
    def value(row: Row, now: float) -> Optional[bool]:
        a, b = one(row, now), two(row, now)
        if a is None or b is None:
            return None
        if isinstance(a, list) or isinstance(b, list):
            return any(verdict(compare(x, y)) for x in several(a) for y in several(b))
        return verdict(compare(a, b))

    return value


def _listed(given: list[Compiled]) -> Compiled:
    alternatives = [_compared(given[0], one, _COMPARISONS["="]) for one in given[1:]]
    return functools.reduce(functools.partial(_decided, by=True), alternatives)


def _computed(sign: str, one: Compiled, two: Compiled) -> Compiled:
    def value(row: Row, now: float) -> Any:
        a, b = one(row, now), two(row, now)
        if a is None or b is None:
            return None
        if sign == ".":
            return _together(a, b)
        x, y = number(a), number(b)
        if x is None or y is None:
            both_texts = sign == "+" and x is None and y is None
            return _together(a, b) if both_texts else None
        if sign in "/%" and y == 0:
            return None
        return _arithmetic(sign, x, y)

    return value


def _arithmetic(sign: str, x: float, y: float) -> float:
    if sign == "+":
        return x + y
    if sign == "-":
        return x - y
    if sign == "*":
        return x * y
    return x / y if sign == "/" else math.fmod(x, y)


def _together(a: object, b: object) -> Optional[str]:
    x, y = text(a), text(b)
    return None if x is None or y is None else x + y


def _case(given: list[Compiled]) -> Compiled:
    pairs = list(zip(given[::2], given[1::2]))

    def value(row: Row, now: float) -> Any:
        return next((then(row, now) for when, then in pairs if _boolean(when(row, now)) is True), None)

    return value


def _coalesce(given: list[Compiled]) -> Compiled:
    def value(row: Row, now: float) -> Any:
        return next((found for found in (one(row, now) for one in given) if found is not None), None)

    return value


def _called(name: str, function: Callable[..., Any], given: list[Compiled]) -> Compiled:
    def value(row: Row, now: float) -> Any:
        arguments = [one(row, now) for one in given]
        if name not in NULL_TAKERS and any(one is None for one in arguments):
            return None
        return function(*arguments)

    return value
