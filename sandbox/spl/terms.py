"""What ``search`` looks for, also at the beginning of a search: fields with values, words, NOT, OR, AND.

Search Manual, Boolean expressions: NOT before OR before AND, which is meant where nothing stands. Search Reference,
search: values are compared without regard to case and may have wildcards; ``field!=value`` wants the field to be there,
``NOT field=value`` does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Optional

from sandbox.spl.text import parts, unquoted
from sandbox.spl.values import Row, compare, several, text

#: What is known of an event before its text is read.
META = frozenset({"index", "sourcetype", "_sourcetype", "source", "host"})

#: Whether a row is found; None if only META is known (the second argument) and it depends on more.
_Verdict = Callable[[Row, bool], Optional[bool]]

_FIELD = r"(?:[A-Za-z_][\w.{}:]*|'[^']+'|\"[\w.{}:]+\")"
_TOKEN = re.compile(
    rf"""\s*(?:(?P<bracket>[()])"""
    rf"""|(?P<field>{_FIELD})\s*(?P<sign><=|>=|!=|=|<|>)\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s()"]+)"""
    rf"""|(?P<listed>{_FIELD})\s+IN\s*\((?P<values>[^()]*)\)"""
    r"""|(?P<word>"(?:[^"\\]|\\.)*"|[^\s()"\[\]|=<>]+))"""
)


class Terms:
    """The terms of a search. ``earliest`` and ``latest`` are what stands in the text for them."""

    def __init__(self, words: str) -> None:
        self.earliest: Optional[str] = None
        self.latest: Optional[str] = None
        #: The fields that are compared.
        self.fields: set[str] = set()
        self._tokens: list[re.Match[str]] = []
        where, end = 0, len(words.rstrip())
        while where < end:
            match = _TOKEN.match(words, where)
            assert match is not None, f"unknown in a search: {words[where : where + 40]}"
            self._tokens.append(match)
            where = match.end()
        self._tokens.reverse()
        self._depth = 0
        self._verdict = self._all()
        assert not self._tokens, f"a bracket too many in: {words}"

    def matches(self, row: Row) -> bool:
        """Whether a row is found."""
        return self._verdict(row, False) is True

    def may_match(self, meta: Row) -> bool:
        """Whether events with this index, sourcetype, source and host may be found."""
        return self._verdict(meta, True) is not False

    def _word(self) -> Optional[str]:
        return self._tokens[-1]["word"] or self._tokens[-1]["bracket"] if self._tokens else None

    def _all(self) -> _Verdict:
        found: list[_Verdict] = []
        while self._tokens and self._word() != ")":
            if found and self._word() == "AND":
                self._tokens.pop()
            found.append(self._any())

        def verdict(row: Row, partial: bool) -> Optional[bool]:
            return _first_of(False, found, row, partial)

        return verdict

    def _any(self) -> _Verdict:
        found = [self._not()]
        while self._word() == "OR":
            self._tokens.pop()
            found.append(self._not())

        def verdict(row: Row, partial: bool) -> Optional[bool]:
            return _first_of(True, found, row, partial)

        return found[0] if len(found) == 1 else verdict

    def _not(self) -> _Verdict:
        if self._word() == "NOT":
            self._tokens.pop()
            inner = self._not()
            return lambda row, partial: _negation(inner(row, partial))
        return self._one()

    def _one(self) -> _Verdict:
        assert self._tokens, "a search that ends too early"
        token = self._tokens.pop()
        if token["bracket"] == "(":
            self._depth += 1
            inside = self._all()
            assert self._tokens, "a bracket too few"
            assert self._tokens.pop()["bracket"] == ")"
            self._depth -= 1
            return inside
        if token["field"]:
            field, sign, value = unquoted(token["field"]), token["sign"], unquoted(token["value"])
            if field in ("earliest", "latest"):
                assert sign == "=", f"{field} is not compared"
                assert self._depth == 0, f"{field} within brackets"
                setattr(self, field, value)
                return lambda _row, _partial: True
            return self._compared(field, sign, [value])
        if token["listed"]:
            return self._compared(unquoted(token["listed"]), "=", [unquoted(one) for one in parts(token["values"])])
        word = token["word"]
        assert word not in ("OR", "AND", "NOT", None), f"{word} where a term is wanted"
        return _word(unquoted(word))

    def _compared(self, field: str, sign: str, wanted: list[str]) -> _Verdict:
        self.fields.add(field)
        tests = [_test(field, sign, one) for one in wanted]

        def verdict(row: Row, partial: bool) -> Optional[bool]:
            value = row.get(field)
            if value is None:
                return None if partial and field not in META else False
            return any(test(one) for one in several(value) for test in tests)

        return verdict if len(tests) > 1 else _simple(field, tests[0], verdict)


def _simple(field: str, test: Callable[[Any], bool], verdict: _Verdict) -> _Verdict:
    """The same as the verdict, sooner, for a text: a search compares millions."""

    def sooner(row: Row, partial: bool) -> Optional[bool]:
        value = row.get(field)
        return test(value) if isinstance(value, str) else verdict(row, partial)

    return sooner


def _first_of(deciding: bool, found: list[_Verdict], row: Row, partial: bool) -> Optional[bool]:
    """One False decides what has to be all true, one True what has to be any; else what is unknown stays so."""
    unknown = False
    for one in found:
        verdict = one(row, partial)
        if verdict is deciding:
            return deciding
        unknown = unknown or verdict is None
    return None if unknown else not deciding


def _negation(verdict: Optional[bool]) -> Optional[bool]:
    return None if verdict is None else not verdict


def _test(field: str, sign: str, wanted: str) -> Callable[[Any], bool]:
    if sign in ("=", "!="):
        pattern, plain = _wildcards(wanted), wanted.lower()
        internal = field == "index" and not wanted.startswith("_")

        def equal(value: Any) -> bool:
            shown = text(value) or ""
            if "*" not in plain:
                return shown.lower() == plain
            return pattern.fullmatch(shown) is not None and not (internal and shown.startswith("_"))

        return equal if sign == "=" else lambda value: not equal(value)
    assert "*" not in wanted, f"a wildcard behind {sign}"
    signs = {"<": (-1,), ">": (1,), "<=": (-1, 0), ">=": (0, 1)}[sign]
    return lambda value: compare(value, wanted) in signs


def _wildcards(words: str) -> re.Pattern[str]:
    return re.compile(re.escape(words).replace(r"\*", ".*"), re.IGNORECASE | re.DOTALL)


def _word(words: str) -> _Verdict:
    """Words and phrases are looked for in the text of the event, whole."""
    if words == "*":
        return lambda _row, _partial: True
    pattern = re.compile(rf"(?<![A-Za-z0-9]){_wildcards(words).pattern}(?![A-Za-z0-9])", re.IGNORECASE | re.DOTALL)

    def verdict(row: Row, partial: bool) -> Optional[bool]:
        return None if partial else pattern.search(str(row.get("_raw", ""))) is not None

    return verdict
