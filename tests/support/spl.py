"""As much of Splunk's search language as the shipped searches about erasing use, from Splunk's documentation.

It reads the very text of ``package/default``: what it does not know, it refuses. An engine of its own makes no claim to
be Splunk; it shows that the searches say what they are meant to say.
"""

from __future__ import annotations

import configparser
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Optional, Union
from urllib.parse import unquote

from strava_collector.events import Event

DEFAULT = Path(__file__).resolve().parents[2] / "package" / "default"

Row = dict[str, Any]
Condition = Callable[[Row], bool]


def stanzas(name: str) -> dict[str, dict[str, str]]:
    """A conf file of the package, with continued lines joined."""
    text = re.sub(r"\\\n", "\n ", (DEFAULT / name).read_text("utf-8"))
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True, empty_lines_in_values=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def expand(search: str, macros: Mapping[str, Mapping[str, str]]) -> str:
    """Replace macros; one that is not there, or has another number of arguments, is a KeyError."""

    def definition(match: re.Match[str]) -> str:
        name, _, rest = match[1].partition("(")
        arguments = [part.strip() for part in rest[:-1].split(",")] if rest else []
        macro = macros[f"{name}({len(arguments)})" if arguments else name]
        text = macro["definition"]
        for parameter, argument in zip(macro.get("args", "").split(","), arguments):
            text = text.replace(f"${parameter.strip()}$", argument)
        return expand(text, macros)

    return re.sub(r"`([^`]+)`", definition, search)


@dataclass
class Index:
    """Events that were written, and what is kept for lookups; ``deleted`` are masked."""

    rows: list[Row]
    lookups: dict[str, list[Row]]
    now: float

    @classmethod
    def of(cls, events: Iterable[Event], now: float) -> Index:
        return cls([_row(event) for event in events], {}, now)

    def run(self, search: str) -> list[Row]:
        """Run a search whose macros have been expanded; returns what it shows."""
        first, *commands = pipeline(search)
        rows = self._generate(first)
        for command in commands:
            rows = self._command(command, rows)
        return rows

    def _generate(self, text: str) -> list[Row]:
        name, _, rest = text.partition(" ")
        if name == "inputlookup":
            return [dict(row) for row in self.lookups.get(rest.strip(), [])]
        terms = _Terms(self._with_subsearches(text))
        return [row for row in self.rows if terms.matches(row)]

    def _with_subsearches(self, text: str) -> str:
        def result(match: re.Match[str]) -> str:
            rows = self.run(match[1].strip().lstrip("|").strip())
            assert all(row.keys() == {"search"} for row in rows)
            return "( " + " OR ".join(f"( {row['search']} )" for row in rows) + " )" if rows else "NOT *"

        return re.sub(r"\[(\s*\|.*)\]", result, text, flags=re.DOTALL)

    def _command(self, text: str, rows: list[Row]) -> list[Row]:
        name, _, rest = text.partition(" ")
        rest = rest.strip()
        if name == "delete":
            gone = {id(row) for row in rows}
            self.rows = [row for row in self.rows if id(row) not in gone]
            return [{"deleted": len(gone)}]
        if name == "eval":
            for field, expression in assignments(rest):
                rows = [{**row, field: _evaluate(expression, row, self.now)} for row in rows]
            return rows
        if name == "where":
            return [row for row in rows if _evaluate(rest, row, self.now) is True]
        if name == "rex":
            return [_rex(rest, row) for row in rows]
        if name == "stats":
            return _stats(rest, rows, self.now)
        if name == "sort":
            return _sort(rest, rows)
        if name == "head":
            return rows[: int(rest)]
        if name == "dedup":
            return _dedup(rest, rows)
        if name == "fields" and rest.startswith("-"):
            gone_fields = {one.strip() for one in rest[1:].split(",")}
            return [{field: value for field, value in row.items() if field not in gone_fields} for row in rows]
        if name in ("table", "fields"):
            wanted = [one.strip() for one in rest.split(",")]
            return [{one: row.get(one) for one in wanted} for row in rows]
        if name == "outputlookup":
            self.lookups[rest] = [dict(row) for row in rows]
            return rows
        raise AssertionError(f"unknown command {name}")


def _row(event: Event) -> Row:
    fields: Row = {}

    def extract(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                extract(f"{prefix}.{key}" if prefix else key, part)
        elif isinstance(value, list):
            for part in value:
                extract(f"{prefix}{{}}", part)
        elif value is not None and prefix not in fields:
            fields[prefix] = json.dumps(value) if not isinstance(value, str) else value

    extract("", json.loads(event.data))
    return {
        **fields,
        "_raw": event.data,
        "_time": event.time,
        "sourcetype": event.sourcetype,
        "index": event.index,
        "source": event.source,
    }


def pipeline(search: str) -> list[str]:
    """Split at the bars that are in no quotes and no brackets."""
    parts, depth, quoted, start, i = [], 0, False, 0, 0
    while i < len(search):
        one = search[i]
        if one == "\\" and quoted:
            i += 1
        elif one == '"':
            quoted = not quoted
        elif not quoted and one in "[]":
            depth += 1 if one == "[" else -1
        elif not quoted and one == "|" and depth == 0:
            parts.append(search[start:i].strip())
            start = i + 1
        i += 1
    parts.append(search[start:].strip())
    return parts


class _Terms:
    """The terms of a base search: field comparisons, OR before AND, NOT, brackets."""

    _TOKEN = re.compile(r'\s*(\(|\)|[\w.]+\s*(?:<=|>=|!=|=|<|>)\s*(?:"[^"]*"|[^\s()]+)|\w+|\*)')

    def __init__(self, text: str) -> None:
        tokens: list[str] = []
        where, end = 0, len(text.rstrip())
        while where < end:
            match = self._TOKEN.match(text, where)
            assert match is not None, text[where : where + 40]
            tokens.append(match[1])
            where = match.end()
        self._left = tokens[::-1]
        self.matches = self._all()
        assert not self._left

    def _all(self) -> Condition:
        parts = []
        while self._left and self._left[-1] != ")":
            parts.append(self._any())
        return lambda row: all(part(row) for part in parts)

    def _any(self) -> Condition:
        parts = [self._one()]
        while self._left and self._left[-1] == "OR":
            self._left.pop()
            parts.append(self._one())
        return lambda row: any(part(row) for part in parts)

    def _one(self) -> Condition:
        token = self._left.pop()
        if token == "NOT":
            inner = self._one()
            return lambda row: not inner(row)
        if token == "(":
            inside = self._all()
            assert self._left.pop() == ")"
            return inside
        if token == "*":
            return lambda row: True
        match = re.match(r'([\w.]+)\s*(<=|=)\s*"?([^"]*)"?\Z', token)
        assert match is not None, token
        field, operator, wanted = match.groups()
        if field in ("earliest", "latest"):
            return lambda row: True
        if operator == "<=":
            return lambda row: row.get(field) is not None and float(row[field]) <= float(wanted)
        pattern = re.compile(re.escape(wanted).replace(r"\*", ".*"), re.IGNORECASE)
        return lambda row: row.get(field) is not None and pattern.fullmatch(str(row[field])) is not None


_EVAL_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<field>'[^']*')|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<sign><=|>=|!=|==|[-+*/%=<>.,()]))"""
)


class _Expression:
    """An expression of ``eval`` and ``where``; nothing is null."""

    def __init__(self, text: str, row: Row, now: float) -> None:
        self._row, self._now = row, now
        self._tokens: list[tuple[str, str]] = []
        where = 0
        while text[where:].strip():
            match = _EVAL_TOKEN.match(text, where)
            assert match is not None and match.lastgroup is not None, text[where : where + 40]
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            where = match.end()

    def value(self) -> Any:
        result = self._or()
        assert not self._tokens, self._tokens
        return result

    def _next(self, *wanted: str) -> Optional[str]:
        if self._tokens and self._tokens[0][1] in wanted and self._tokens[0][0] in ("sign", "word"):
            return self._tokens.pop(0)[1]
        return None

    def _or(self) -> Any:
        result = self._and()
        while self._next("OR"):
            other = self._and()
            result = result is True or other is True
        return result

    def _and(self) -> Any:
        result = self._comparison()
        while self._next("AND"):
            other = self._comparison()
            result = result is True and other is True
        return result

    def _comparison(self) -> Any:
        if self._next("NOT"):
            negated = self._comparison()
            return None if negated is None else negated is False
        result = self._sum()
        operator = self._next("<=", ">=", "!=", "=", "<", ">")
        if operator is None:
            return result
        other = self._sum()
        if result is None or other is None:
            return None
        if operator in ("=", "!="):
            return (_text(result) == _text(other)) is (operator == "=")
        one, two = float(result), float(other)
        return {"<": one < two, ">": one > two, "<=": one <= two, ">=": one >= two}[operator]

    def _product(self) -> Any:
        result = self._atom()
        while True:
            operator = self._next("*", "/", "%")
            if operator is None:
                return result
            other = self._atom()
            if result is None or other is None or (operator != "*" and float(other) == 0):
                result = None
            else:
                one, two = float(result), float(other)
                result = one * two if operator == "*" else one / two if operator == "/" else math.fmod(one, two)

    def _sum(self) -> Any:
        result = self._product()
        while True:
            operator = self._next(".", "-", "+")
            if operator is None:
                return result
            other = self._product()
            if result is None or other is None:
                result = None
            elif operator == ".":
                result = _text(result) + _text(other)
            else:
                result = float(result) + (float(other) if operator == "+" else -float(other))

    def _atom(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "number":
            return float(text)
        if kind == "string":
            # A backslash stands for itself unless it escapes a quotation mark.
            return text[1:-1].replace('\\"', '"')
        if kind == "field":
            return self._row.get(text[1:-1])
        if (kind, text) == ("sign", "-"):
            negated = self._atom()
            return None if negated is None else -float(negated)
        if text == "(":
            result = self._or()
            assert self._next(")")
            return result
        assert kind == "word", text
        if not self._next("("):
            return self._row.get(text)
        arguments = []
        while not self._next(")"):
            arguments.append(self._or())
            self._next(",")
        return self._call(text, arguments)

    def _call(self, name: str, given: list[Any]) -> Any:
        functions: dict[str, Callable[..., Any]] = {
            "case": lambda *pairs: next((then for when, then in zip(pairs[::2], pairs[1::2]) if when is True), None),
            "if": lambda when, then, otherwise: then if when is True else otherwise,
            "null": lambda: None,
            "isnull": lambda value: value is None,
            "isnotnull": lambda value: value is not None,
            "coalesce": lambda *values: next((value for value in values if value is not None), None),
            "split": lambda text, by: text.split(by),
            "mvindex": lambda value, at: value[int(at)] if isinstance(value, list) else value,
            "tonumber": lambda value: None if value is None else float(value),
            "match": lambda text, pattern: text is not None and re.search(pattern, _text(text), re.ASCII) is not None,
            "now": lambda: float(int(self._now)),
            "relative_time": _relative_time,
            "ceiling": lambda number: float(math.ceil(float(number))),
            "urldecode": unquote,
            "strftime": _strftime,
            "strptime": _strptime,
            "round": _round,
            "floor": lambda number: None if number is None else float(math.floor(float(number))),
            "exp": lambda number: None if number is None else math.exp(float(number)),
            "trim": lambda text: text.strip(),
            "nullif": lambda one, two: None if one == two else one,
            "tostring": lambda value: None if value is None else _text(value),
            "substr": _substr,
            "replace": _replace,
        }
        return functions[name](*given)


def _text(value: Union[str, float]) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


# The host that searches is in UTC here.


def _strftime(at: Optional[float], pattern: str) -> Optional[str]:
    return None if at is None else datetime.fromtimestamp(float(at), timezone.utc).strftime(pattern)


def _strptime(text: Optional[str], pattern: str) -> Optional[float]:
    return None if text is None else datetime.strptime(text, pattern).replace(tzinfo=timezone.utc).timestamp()


def _relative_time(at: Optional[float], by: str) -> Optional[float]:
    if at is None:
        return None
    if by == "@w1":  # Thursday was the first of 1970
        return at - (at // 86_400 + 3) % 7 * 86_400 - at % 86_400
    return at - 86_400.0 * {"-1d": 1}[by]


def _round(number: Optional[str], places: float = 0) -> Optional[float]:
    return None if number is None else math.floor(float(number) * 10**places + 0.5) / 10**places


def _substr(text: Optional[str], begin: float, length: Optional[float] = None) -> Optional[str]:
    if text is None:
        return None
    first = int(begin) - 1 if begin > 0 else max(0, len(text) + int(begin))
    return text[first:] if length is None else text[first : first + int(length)]


def _replace(text: Optional[str], pattern: str, by: str) -> Optional[str]:
    return None if text is None else re.sub(pattern, by, text, flags=re.ASCII)


def evaluate(text: str, row: Row, now: float = 0.0) -> Any:
    """The value of an expression of ``eval``; None is null."""
    return _evaluate(text, row, now)


def _evaluate(text: str, row: Row, now: float) -> Any:
    return _Expression(text, row, now).value()


def assignments(text: str) -> list[tuple[str, str]]:
    """The fields that an ``eval`` sets, each with its expression, in their order."""
    parts, depth, quoted, start = [], 0, False, 0
    for i, one in enumerate(text):
        if one == '"' and text[i - 1] != "\\":
            quoted = not quoted
        elif not quoted and one in "()":
            depth += 1 if one == "(" else -1
        elif not quoted and one == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [(name.strip(), expression) for name, _, expression in (part.partition("=") for part in parts)]


def _rex(text: str, row: Row) -> Row:
    match = re.fullmatch(r'field=(\w+)\s+"(.*)"', text)
    assert match is not None, text
    found = re.search(match[2].replace("(?<", "(?P<"), str(row.get(match[1], "")), re.ASCII)
    return {**row, **({} if found is None else found.groupdict())}


def _stats(text: str, rows: list[Row], now: float) -> list[Row]:
    what, by = text.split(" BY ")
    groups: dict[str, list[Row]] = {}
    for row in rows:
        keys = row.get(by.strip())
        for key in keys if isinstance(keys, list) else [keys] * (keys is not None):
            groups.setdefault(key, []).append(row)
    shown = []
    for key, members in groups.items():
        result: Row = {by.strip(): key}
        for aggregation in re.findall(r"(\w+\(.*?\)) AS (\w+)(?:,|\s*$)", what):
            result[aggregation[1]] = _aggregate(aggregation[0], members, now)
        assert len(result) == what.count(" AS ") + 1
        shown.append(result)
    return shown


def _aggregate(text: str, rows: list[Row], now: float) -> Optional[float]:
    counted = re.fullmatch(r"count\(eval\((.*)\)\)", text)
    if counted is not None:
        return float(sum(_evaluate(counted[1], row, now) is True for row in rows))
    match = re.fullmatch(r"(max|min)\((\w+)\)", text)
    assert match is not None, text
    values = [float(row[match[2]]) for row in rows if row.get(match[2]) is not None]
    return {"max": max, "min": min}[match[1]](values) if values else None


def _dedup(text: str, rows: list[Row]) -> list[Row]:
    """The first row of each value; with ``sortby -field`` that with the largest number. Rows without the field go."""
    field, _, by = text.partition(" sortby -")
    if by:
        rows = sorted(rows, key=lambda row: float(row[by.strip()]), reverse=True)
    first: dict[str, Row] = {}
    for row in rows:
        if row.get(field.strip()) is not None:
            first.setdefault(str(row[field.strip()]), row)
    return list(first.values())


def _sort(text: str, rows: list[Row]) -> list[Row]:
    count, _, keys = text.partition(" ")
    assert count == "0", "without it, only 10,000 rows are kept"
    for key in reversed([one.strip() for one in keys.split(",")]):
        assert key[0] in "+-"
        rows = sorted(rows, key=lambda row: row[key[1:]], reverse=key[0] == "-")
    return rows
