"""Commands: each takes its arguments and rows, and returns rows. What is not here is refused.

Rows belong to the command that gets them: it may change them, and each is there once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sandbox.spl import extraction, statistics
from sandbox.spl.conf import stanzas
from sandbox.spl.expression import compiled, condition
from sandbox.spl.functions import regex
from sandbox.spl.terms import Terms
from sandbox.spl.text import assignments, names, options, unquoted, yes
from sandbox.spl.values import Row, in_order, number, several, text

#: What ``sort`` keeps without a number, and a subsearch of ``append``.
SORTED, APPENDED = 10_000, 50_000
#: What ``return`` gives stands in the text as it is; no field of an event has this name.
RETURNED = "$"


def no_rest(path: str) -> list[Row]:
    """There is no REST interface unless one is given."""
    raise AssertionError(f"nobody answers {path} here: give the index a function `rest`")


@dataclass
class Context:
    """What a command may ask beside its rows."""

    now: float
    #: Epoch seconds; ``latest`` is not in the range.
    earliest: float
    latest: float
    lookups: dict[str, list[Row]]
    run: Callable[[str, Context], list[Row]]
    #: Events as they were indexed, by the terms of a search: what is known of each without reading its text.
    indexed: Callable[[str, Context], list[Row]] = lambda _terms, _context: []
    #: What splunkd's REST interface answers: a row for each entry of an endpoint.
    rest: Callable[[str], list[Row]] = no_rest
    #: The range that was chosen beside the search: its text may have another, but not for its subsearches.
    chosen: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self.chosen = (self.earliest, self.latest)

    def inner(self) -> Context:
        """For a subsearch: the range that was chosen, unless its own text has another."""
        return replace(self, earliest=self.chosen[0], latest=self.chosen[1])


def _search(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    terms = Terms(rest)
    assert terms.earliest is terms.latest is None, "a range of time behind the first bar"
    return [row for row in rows if terms.matches(row)]


def _where(rest: str, rows: list[Row], context: Context) -> list[Row]:
    holds = condition(rest)
    return [row for row in rows if holds(row, context.now)]


def _eval(rest: str, rows: list[Row], context: Context) -> list[Row]:
    for name, expression in assignments(rest):
        value_of = compiled(expression)
        for row in rows:
            value = value_of(row, context.now)
            assert not isinstance(value, bool), f"eval gives {name} a Boolean value"
            row[_named(name, row)] = value
    return rows


def _named(name: str, row: Row) -> str:
    """``eval {title}=1``: the field has the name that another field holds."""
    if name[:1] != "{":
        return name
    found = text(row.get(name[1:-1]))
    assert found, f"eval {name} of a row without {name[1:-1]}"
    return found


def _sort_keys(rest: str) -> list[tuple[str, bool, str]]:
    """The fields to sort by, each with its direction (descending) and what it is taken for."""
    found = []
    for sign, kind, inner, plain in re.findall(r"([-+]?)\s*(?:(num|str|auto)\(([^)]*)\)|([^\s,]+))[\s,]*", rest):
        found.append((unquoted(inner or plain), sign == "-", kind or "auto"))
    assert found, f"sort by what: {rest}"
    return found


def _sorted(rows: list[Row], rest: str) -> list[Row]:
    for name, descending, kind in reversed(_sort_keys(rest)):
        rows = in_order(rows, name, descending=descending, kind=kind)
    return rows


def _sort(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    match = re.match(r"(\d+)\s+", rest)
    limit = int(match[1]) if match else SORTED
    rows = _sorted(rows, rest[match.end() :] if match else rest)
    return rows[:limit] if limit else rows


def _dedup(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """The first rows of each combination of values; those that lack one of the fields go. ``sortby`` sorts before."""
    fields, _, by = rest.partition(" sortby ")
    match = re.match(r"(\d+)\s+", fields)
    keys = names(fields[match.end() :] if match else fields)
    assert not any("=" in name for name in keys), f"unknown option of dedup: {rest}"
    seen: Counter[tuple[tuple[str, ...], ...]] = Counter()
    kept = []
    for row in _sorted(rows, by) if by else rows:
        values = tuple(tuple(text(one) or "" for one in several(row.get(name))) for name in keys)
        seen[values] += 1
        if all(values) and seen[values] <= int(match[1] if match else 1):
            kept.append(row)
    return kept


def _chosen(patterns: list[str], names_there: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for pattern in patterns:
        if "*" in pattern:
            wanted = re.compile(re.escape(pattern).replace(r"\*", ".*"))
            internal = pattern.startswith("_")
            found.update(
                dict.fromkeys(one for one in names_there if wanted.fullmatch(one) and one.startswith("_") == internal)
            )
        else:
            found[pattern] = None
    return list(found)


def _fields(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """``fields a, b`` keeps what begins with an underscore; ``fields - a`` removes."""
    match = re.match(r"([-+])\s*", rest)
    patterns = names(rest[match.end() :] if match else rest)
    shown = []
    for row in rows:
        chosen = _chosen(patterns, list(row))
        if match and match[1] == "-":
            shown.append({name: value for name, value in row.items() if name not in chosen})
        else:
            shown.append({name: value for name, value in row.items() if name in chosen or name.startswith("_")})
    return shown


def _table(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    there = list(dict.fromkeys(name for row in rows for name in row)) if "*" in rest else []
    chosen = _chosen(names(rest), there)
    return [{name: row.get(name) for name in chosen} for row in rows]


def _rename(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """A field that no row has renames nothing, but the other one's values are gone."""
    pairs = re.findall(r"(\"[^\"]*\"|'[^']*'|[^\s,]+)\s+AS\s+(\"[^\"]*\"|[^\s,]+)[\s,]*", rest, flags=re.IGNORECASE)
    assert pairs, f"unknown in rename: {rest}"
    assert "*" not in rest, "rename with a wildcard"
    for old, new in ((unquoted(old), unquoted(new)) for old, new in pairs):
        is_there = any(old in row for row in rows)
        rows = [
            {(new if name == old else name): value for name, value in row.items() if name != new or old == new}
            for row in rows
        ]
        for row in rows if is_there else []:
            row.setdefault(new, None)
    return rows


def _fillnull(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    given, rest = options(rest, "value")
    assert "," not in rest, "fillnull takes fields with blanks between them"
    chosen = names(rest) or list(dict.fromkeys(name for row in rows for name in row))
    value = given.get("value", "0")
    return [{**row, **{name: value for name in chosen if row.get(name) is None}} for row in rows]


def _head(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    return rows[: int(rest or 10)]


def _tail(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """The last rows, the last one first."""
    return rows[::-1][: int(rest or 10)]


def _rex(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    given, rest = options(rest, "field max_match")
    limit = int(given.get("max_match", "1"))
    assert rest[:1] == rest[-1:] == '"', f"rex without a regular expression: {rest}"
    pattern = re.compile(regex(rest[1:-1].replace('\\"', '"')), re.ASCII)
    assert pattern.groupindex, f"rex without a named group: {rest}"
    shown = []
    for row in rows:
        found: dict[str, list[str]] = {}
        for value in several(row.get(given.get("field", "_raw"))):
            matches = list(pattern.finditer(text(value) or ""))
            for match in matches[:limit] if limit else matches:
                for name, part in match.groupdict().items():
                    if part is not None:
                        found.setdefault(name, []).append(part)
        shown.append({**row, **{name: one[0] if len(one) == 1 else one for name, one in found.items()}})
    return shown


def _spath(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """With a path, what is there, of the whole text; without, all fields of the first 5,000 characters."""
    given: dict[str, str] = {}
    for option in names(rest):
        name, equals, value = option.partition("=")
        assert not equals or name in ("input", "path", "output"), f"unknown option {name}"
        given[name if equals else "path"] = unquoted(value) if equals else option
    shown = []
    for row in rows:
        source = text(row.get(given.get("input", "_raw")))
        if source is None:
            shown.append(row)
        elif "path" in given:
            found = extraction.at_path(extraction.loaded(source), given["path"])
            added = {given.get("output", given["path"]): found[0] if len(found) == 1 else found} if found else {}
            shown.append({**row, **added})
        else:
            shown.append({**row, **extraction.of_json(source)})
    return shown


def _mvexpand(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """A row for each value; a row without any stays."""
    (name,) = names(rest)
    return [{**row, name: value} for row in rows for value in several(row.get(name)) or [None]]


def _makemv(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    given, rest = options(rest, "delim")
    (name,) = names(rest)
    delimiter = given.get("delim", " ")
    return [{**row, name: None if row.get(name) is None else (text(row[name]) or "").split(delimiter)} for row in rows]


def _top(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """The most frequent values, with count and percent."""
    match = re.match(r"(?:limit=)?(\d+)\s+", rest)
    chosen = names(rest[match.end() :] if match else rest)
    assert not any("=" in name or name.upper() == "BY" for name in chosen), f"unknown in top: {rest}"
    groups = statistics.grouped(rows, chosen)
    total = sum(len(members) for members in groups.values())
    found = sorted(groups.items(), key=lambda one: (-len(one[1]), one[0]))[: int(match[1]) if match else 10]
    return [{**dict(zip(chosen, key)), "count": len(own), "percent": 100 * len(own) / total} for key, own in found]


def _bin(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    match = re.fullmatch(r"(?:span=(\S+)\s+_time|_time\s+span=(\S+))", rest)
    assert match is not None, f"unknown in bin: {rest}"
    return list(statistics.spans_of(rows, match[1] or match[2]))


def _append(rest: str, rows: list[Row], context: Context) -> list[Row]:
    match = re.fullmatch(r"\[(.*)\]", rest, flags=re.DOTALL)
    assert match is not None, f"unknown in append: {rest}"
    return rows + context.run(match[1].strip(), context.inner())[:APPENDED]


def _lookup_fields(name: str) -> list[str]:
    stanza = stanzas("transforms.conf").get(name)
    assert stanza is not None, f"there is no lookup {name}"
    return [one.strip() for one in stanza["fields_list"].split(",")]


def _outputlookup(rest: str, rows: list[Row], context: Context) -> list[Row]:
    """The lookup is written anew, with the fields that it has."""
    kept = _lookup_fields(rest)
    context.lookups[rest] = [{name: row[name] for name in kept if row.get(name) is not None} for row in rows]
    return rows


def _lookup(rest: str, rows: list[Row], context: Context) -> list[Row]:
    given, rest = options(rest, "local")
    match = re.fullmatch(r"(\w+)\s+(\w+)(?:\s+AS\s+([\w.]+))?\s+OUTPUT\s+([\w,\s]+)", rest, flags=re.IGNORECASE)
    assert match is not None, f"unknown in lookup: {rest}"
    yes(given.get("local", "true"))
    wanted = names(match[4])
    assert {match[2], *wanted} <= set(_lookup_fields(match[1])), f"{match[1]} has not all of {rest}"
    there = {text(row.get(match[2])): row for row in reversed(context.lookups.get(match[1], []))}
    found = [there.get(text(row.get(match[3] or match[2])), {}) for row in rows]
    return [{**row, **{name: one.get(name) for name in wanted}} for row, one in zip(rows, found)]


def _inputlookup(rest: str, context: Context) -> list[Row]:
    assert _lookup_fields(rest)
    return [dict(row) for row in context.lookups.get(rest, [])]


def _makeresults(rest: str, context: Context) -> list[Row]:
    given, rest = options(rest, "count")
    assert not rest, f"unknown in makeresults: {rest}"
    return [{"_time": float(int(context.now))} for _ in range(int(given.get("count", "1")))]


def _return(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """``return $field`` at the end of a subsearch: the field's value of the first row."""
    assert re.fullmatch(r"\$\w+", rest), f"unknown in return: {rest}"
    assert rows, "return of no rows"
    return [{RETURNED: rows[0].get(rest[1:])}]


def _tstats(rest: str, context: Context) -> list[Row]:
    """``stats`` of what is indexed: a sourcetype has the name that it was indexed with."""
    match = re.fullmatch(r"(.+?)\s+WHERE\s+(.+?)(\s+BY\s+[\w\s,]+)?", rest, flags=re.IGNORECASE | re.DOTALL)
    assert match is not None, f"unknown in tstats: {rest}"
    return statistics.stats(match[1] + (match[3] or ""), context.indexed(match[2], context), context.now)


def _rest(rest: str, context: Context) -> list[Row]:
    """The entries of an endpoint. A search here is one of one host, so ``splunk_server`` changes nothing."""
    path, _, arguments = rest.partition(" ")
    given, left = options(arguments, "count splunk_server timeout")
    assert not left, f"unknown in rest: {rest}"
    assert given.get("splunk_server", "local") == "local", "rest is asked of this host alone: splunk_server=local"
    rows = context.rest("/" + path.strip("/"))
    limit = int(given.get("count", "0"))
    return [dict(row) for row in (rows[:limit] if limit else rows)]


def _addinfo(rest: str, rows: list[Row], context: Context) -> list[Row]:
    """The range of time of the search, and when it runs."""
    assert not rest, f"unknown in addinfo: {rest}"
    latest = "+Infinity" if context.latest == float("inf") else f"{context.latest:.3f}"
    info = {"info_min_time": f"{context.earliest:.3f}", "info_max_time": latest}
    return [{**row, **info, "info_search_time": f"{context.now:.3f}"} for row in rows]


def _addtotals(rest: str, rows: list[Row], _context: Context) -> list[Row]:
    """The sum of a row's numbers, those named or all."""
    given, rest = options(rest, "fieldname")
    assert "=" not in rest, f"unknown option of addtotals: {rest}"
    shown = []
    for row in rows:
        chosen = names(rest) or [name for name in row if not name.startswith("_")]
        found = [value for value in (number(row.get(name)) for name in chosen) if value is not None]
        shown.append({**row, given.get("fieldname", "Total"): sum(found)})
    return shown


Command = Callable[[str, list[Row], Context], list[Row]]

COMMANDS: dict[str, Command] = {
    "addinfo": _addinfo,
    "addtotals": _addtotals,
    "append": _append,
    "bin": _bin,
    "dedup": _dedup,
    "eval": _eval,
    "eventstats": lambda rest, rows, context: statistics.eventstats(rest, rows, context.now),
    "fields": _fields,
    "fillnull": _fillnull,
    "head": _head,
    "lookup": _lookup,
    "makemv": _makemv,
    "mvexpand": _mvexpand,
    "outputlookup": _outputlookup,
    "rename": _rename,
    "return": _return,
    "rex": _rex,
    "search": _search,
    "sort": _sort,
    "spath": _spath,
    "stats": lambda rest, rows, context: statistics.stats(rest, rows, context.now),
    "streamstats": lambda rest, rows, context: statistics.streamstats(rest, rows, context.now),
    "table": _table,
    "tail": _tail,
    "timechart": lambda rest, rows, context: statistics.timechart(
        rest, rows, context.now, context.earliest, context.latest
    ),
    "top": _top,
    "where": _where,
}

#: Commands that begin a search, behind a bar.
GENERATING: dict[str, Callable[[str, Context], list[Row]]] = {
    "inputlookup": _inputlookup,
    "makeresults": _makeresults,
    "rest": _rest,
    "tstats": _tstats,
}
