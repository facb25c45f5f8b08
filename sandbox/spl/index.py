"""Events that were written, and searching them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Optional, Union

from sandbox.spl.commands import COMMANDS, GENERATING, RETURNED, Context, no_rest
from sandbox.spl.conf import expand, stanzas
from sandbox.spl.extraction import FieldRules
from sandbox.spl.terms import META, Terms
from sandbox.spl.text import pipeline, subsearches
from sandbox.spl.times import moment
from sandbox.spl.values import Row, text
from strava_collector.events import Event

#: Behind these no more fields of events are wanted than those that the search names; Splunk's smart mode does the same.
_NAMING = frozenset({"stats", "timechart", "table", "fields", "top", "makeresults"})


@dataclass
class Stored:
    """An event in the index. Its text is read when a search may want it."""

    meta: Row
    raw: str
    time: float
    indexed_at: float
    #: Where it stands in the index.
    number: int
    rules: FieldRules
    deleted: bool = False

    @functools.cached_property
    def fields(self) -> Row:
        """All but calculated fields."""
        found = self.rules.extracted(self.raw)
        found.update(self.meta)
        found.update(_raw=self.raw, _time=self.time, _indextime=str(int(self.indexed_at)), _cd=str(self.number))
        self.rules.add_aliases(found)
        return found

    def row(self, wanted: Optional[set[str]]) -> Row:
        """The fields, with those calculated ones that are wanted."""
        return {**self.fields, **self.rules.computed(self.fields, wanted)}


@dataclass
class Index:
    """All indexes of a Splunk, its lookups, and its REST interface.

    ``rest`` is asked by ``| rest``: it gets a path, ``/servicesNS/-/TA_strava_webhook/…`` without a query, and returns
    a row for each entry. A table does, too: ``rest={path: rows}.__getitem__``.

    ``search`` returns rows: a dict of field names to a str (as extracted), a float or int (as computed), a list of
    those (several values) or None (null; a field that is not there is the same).
    """

    now: float
    events: list[Stored] = field(default_factory=list)
    lookups: dict[str, list[Row]] = field(default_factory=dict)
    macros: dict[str, dict[str, str]] = field(default_factory=lambda: stanzas("macros.conf"))
    props: dict[str, dict[str, str]] = field(default_factory=lambda: stanzas("props.conf"))
    rest: Callable[[str], list[Row]] = no_rest
    #: Indexes that whoever searches may not see: nothing of them is found.
    hidden: frozenset[str] = frozenset()
    _read: dict[str, FieldRules] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event], now: float) -> Index:
        """An index with events that arrived in this order, all indexed at ``now``."""
        index = cls(now)
        index.add(events)
        return index

    def add(self, events: Iterable[Event], *, indexed_at: Optional[float] = None, host: str = "splunk") -> None:
        """Index events; ``indexed_at`` is now, in epoch seconds, unless it is said."""
        for event in events:
            name = self.props.get(event.sourcetype, {}).get("rename", event.sourcetype)
            meta = {
                "index": event.index,
                "sourcetype": name,
                "_sourcetype": event.sourcetype,
                "source": event.source,
                "host": host,
            }
            self._store(meta, event.data, event.time, indexed_at, self._rules(name))

    def add_log(self, lines: Iterable[str], *, source: str, sourcetype: str = "splunkd", host: str = "splunk") -> None:
        """Index lines of the add-on's log, each with its time at the beginning, in UTC."""
        meta = {
            "index": "_internal",
            "sourcetype": sourcetype,
            "_sourcetype": sourcetype,
            "source": source,
            "host": host,
        }
        for line in lines:
            begin = datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=timezone.utc)
            self._store(meta, line, begin.timestamp(), None, self._rules_of_source(source))

    def _rules_of_source(self, source: str) -> FieldRules:
        """Those of the stanza whose pattern the source matches: ``...`` is anything, ``*`` all but a slash."""
        for name, stanza in self.props.items():
            kind, _, pattern = name.partition("::")
            words = re.escape(pattern).replace(r"\.\.\.", ".*").replace(r"\*", "[^/]*")
            if kind == "source" and re.fullmatch(words, source):
                return FieldRules.of(stanza)
        return FieldRules()

    def _rules(self, sourcetype: str) -> FieldRules:
        if sourcetype not in self._read:
            self._read[sourcetype] = FieldRules.of(self.props.get(sourcetype, {}))
        return self._read[sourcetype]

    def _store(self, meta: Row, raw: str, time: float, indexed_at: Optional[float], rules: FieldRules) -> None:
        at = self.now if indexed_at is None else indexed_at
        self.events.append(Stored(meta, raw, time, at, len(self.events), rules))

    def search(self, search: str, earliest: Union[float, str] = 0, latest: Union[float, str] = "now") -> list[Row]:
        """Run a search as it is shipped, macros in it, over a range: epoch seconds, or words such as ``-1y@mon``."""
        return self._run(expand(search, self.macros), self._context(earliest, latest))

    def chain(
        self, rows: list[Row], search: str, earliest: Union[float, str] = 0, latest: Union[float, str] = "now"
    ) -> list[Row]:
        """Run commands over what a search has shown, as a dashboard's chain search does; the rows stay as they are."""
        text = expand(search, self.macros).strip()
        first, *commands = pipeline(text)
        if first:
            commands.insert(0, first)
        return self._through(commands, [_copy(row) for row in rows], self._context(earliest, latest))

    def _context(self, earliest: Union[float, str], latest: Union[float, str]) -> Context:
        begin, end = (moment(one, self.now) if isinstance(one, str) else one for one in (earliest, latest))
        return Context(self.now, begin, end, self.lookups, self._run, self._indexed, self.rest)

    def _run(self, search: str, context: Context) -> list[Row]:
        first, *commands = pipeline(search)
        if first:
            rows = self._found(first, commands, context)
        else:
            name, *words = commands.pop(0).split(None, 1)
            if name == "search":
                rows = self._found("".join(words), commands, context)
            else:
                assert name in GENERATING, f"{name} does not begin a search"
                rows = GENERATING[name]("".join(words), context)
        if commands and commands[-1] == "delete":
            assert all(one.partition(" ")[0] in ("search", "where", "eval") for one in commands[:-1])
            assert first, "only events can be deleted"
            return self._delete(self._through(commands[:-1], rows, context))
        return self._through(commands, rows, context)

    def _through(self, commands: list[str], rows: list[Row], context: Context) -> list[Row]:
        for command in commands:
            name, *rest = command.split(None, 1)
            assert name in COMMANDS, f"unknown command {name}"
            words = "".join(rest)
            if name == "eval":
                words = self._with_subsearches(words, context)
            rows = COMMANDS[name](words, rows, context)
        return rows

    def _indexed(self, words: str, context: Context) -> list[Row]:
        """What is known of events without their text: a sourcetype that props.conf renames has its own name here."""
        terms = self._timed(words, context)
        assert terms.fields <= META, f"tstats knows no fields of the text: {terms.fields - META}"
        shown = []
        for event in self.events:
            meta = {**event.meta, "sourcetype": event.meta["_sourcetype"]}
            may_be_seen = not event.deleted and event.meta["index"] not in self.hidden
            if may_be_seen and context.earliest <= event.time < context.latest and terms.matches(meta):
                shown.append({**meta, "_time": event.time})
        return shown

    def _timed(self, words: str, context: Context) -> Terms:
        """The terms of a search; if there is a range of time among them, it is the search's."""
        terms = Terms(words)
        assert "index" in terms.fields, f"a search that names no index: {words}"
        if terms.earliest is not None or terms.latest is not None:
            context.earliest = moment(terms.earliest or "0", self.now)
            context.latest = moment(terms.latest or "now", self.now)
        return terms

    def _found(self, words: str, commands: list[str], context: Context) -> list[Row]:
        """Events as Splunk gives them: the latest first; of equal times, what came last."""
        terms = self._timed(self._with_subsearches(re.sub(r"^search ", "", words), context), context)
        wanted = _wanted(words, commands)
        rows = []
        for event in sorted(self._candidates(terms, context), key=lambda one: (one.time, one.number), reverse=True):
            if not terms.fields.isdisjoint(event.rules.calculated):
                row = event.row(wanted)
                if terms.matches(row):
                    rows.append(row)
            elif terms.matches(event.fields):
                rows.append(event.row(wanted))
        return rows

    def _candidates(self, terms: Terms, context: Context) -> Iterator[Stored]:
        verdicts: dict[tuple[str, ...], bool] = {}
        for event in self.events:
            if event.deleted or not context.earliest <= event.time < context.latest:
                continue
            key = tuple(event.meta.values())
            if key not in verdicts:
                verdicts[key] = event.meta["index"] not in self.hidden and terms.may_match(event.meta)
            if verdicts[key]:
                yield event

    def _with_subsearches(self, words: str, context: Context) -> str:
        """What a subsearch finds becomes terms (Search Reference, format): a field named search as it is."""
        for begin, end in reversed(list(subsearches(words))):
            inside = words[begin + 1 : end - 1].strip()
            rows = self._run(inside, context.inner())
            if rows and RETURNED in rows[0]:
                words = f"{words[:begin]}{text(rows[0][RETURNED])}{words[end:]}"
                continue
            shown = [f"( {_as_terms(row)} )" for row in rows]
            words = f"{words[:begin]} ( {' OR '.join(shown) or 'NOT *'} ) {words[end:]}"
        return words

    def _delete(self, rows: list[Row]) -> list[Row]:
        for row in rows:
            self.events[int(row["_cd"])].deleted = True
        return [{"deleted": len(rows)}]


def _copy(row: Row) -> Row:
    return {name: list(value) if isinstance(value, list) else value for name, value in row.items()}


def _wanted(words: str, commands: list[str]) -> Optional[set[str]]:
    """The names in a search that shows no others; None if it may show all."""
    naming = [one for one in commands if one.partition(" ")[0] in _NAMING and "*" not in one]
    if all(re.match(r"fields\s*-", one) for one in naming):
        return None
    return set(re.findall(r"\w+", " ".join([words, *commands])))


def _as_terms(row: Row) -> str:
    if "search" in row:
        return str(row["search"])
    pairs = [(name, value) for name, value in row.items() if not name.startswith("_") and value is not None]
    assert pairs, "a subsearch that names no field"
    return " ".join(f'{name}="{text(value)}"' for name, value in pairs)
