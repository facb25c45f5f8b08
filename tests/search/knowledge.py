"""What the add-on ships for searches, and every search in it: read from the package and from the documentation.

A search is followed from command to command, with the fields that there are at each step; it is not run.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from sandbox.spl import assignments, expand, pipeline, stanzas
from strava_collector.overview import Overview
from tests.search.dashboards import sources
from tests.unit.test_docs_reliability import RELIABILITY, lines, table, words

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DICTIONARY = DOCS / "data-dictionary.md"

MACROS = stanzas("macros.conf")
SAVED = stanzas("savedsearches.conf")
PROPS = stanzas("props.conf")
TRANSFORMS = stanzas("transforms.conf")
COLLECTIONS = stanzas("collections.conf")

#: Fields that Splunk gives to every event.
INTERNAL = frozenset(
    {"_time", "_raw", "_indextime", "host", "source", "sourcetype", "_sourcetype", "index", "earliest", "latest"}
)
#: Words of an expression that are no fields.
KEYWORDS = frozenset({"AND", "OR", "NOT", "XOR", "IN", "LIKE", "true", "false", "AS", "BY"})


#: ``count``, ``sum(x)``, ``count(eval(x>1)) AS y``.
_AGGREGATION = re.compile(r"(\w+)(?:\(((?:[^()]|\([^()]*\))*)\))?(?: AS (\w+))?(?:[,\s]+|$)")
#: Names of fields in a list, those with blanks in quotation marks.
_NAMES = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s,]+")
#: What gives columns their titles: it renames what is there of a list, and leaves out the rest.
_TITLES = frozenset(expand(f"`strava_titles({units})`", MACROS).partition(" ")[2] for units in ("metric", "imperial"))


@dataclass(frozen=True)
class Search:
    """A search as somebody would run it."""

    #: Where it stands, relative to the repository.
    file: str
    title: str
    text: str
    earliest: Optional[str] = None
    latest: Optional[str] = None
    #: What stands around it, for reasons.
    around: str = ""
    #: It begins in the middle, behind a search of the reader's.
    is_part: bool = False
    #: Of a chain on a dashboard: what it extends, and its own commands.
    queries: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}: {self.title}"


# Where searches stand.


def saved_searches() -> Iterator[Search]:
    """Those of savedsearches.conf, with the comments above them."""
    conf = (ROOT / "package" / "default" / "savedsearches.conf").read_text("utf-8")
    for name, stanza in SAVED.items():
        before = conf.partition(f"[{name}]\n")[0]
        comments = re.search(r"((?:^#.*\n)*)\Z", before, flags=re.MULTILINE)
        yield Search(
            "package/default/savedsearches.conf",
            name,
            stanza["search"],
            stanza.get("dispatch.earliest_time"),
            stanza.get("dispatch.latest_time"),
            comments[1] if comments else "",
        )


def cookbook() -> Iterator[Search]:
    """Those of the cookbook: a heading, a sentence, the search, its range of time, and perhaps a reason."""
    sections = re.split(r"^## ", (DOCS / "cookbook.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    for section in sections:
        title, _, rest = section.partition("\n")
        match = re.fullmatch(r"\n(.+?)\n\n```spl\n(.+?)```\n\nRange: `(\S+)` to `(\S+)`\.\n(.*)", rest, flags=re.DOTALL)
        assert match is not None, title
        sentence, text, earliest, latest, note = match.groups()
        yield Search("docs/cookbook.md", title, text.strip(), earliest, latest, sentence + note)


def documented() -> Iterator[Search]:
    """Those in blocks of code of all other pages, as far as a block is one."""
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        if page.name == "cookbook.md":
            continue
        text = page.read_text("utf-8")
        blocks = [(match.start(), match[1]) for match in re.finditer(r"(?<=\n\n)((?:    .*\n|\n(?=    ))+)", text)]
        fenced = re.finditer(r"^```(?:spl)?\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        blocks += [(match.start(), match[1]) for match in fenced]
        for start, block in sorted(blocks):
            plain = re.sub(r"^    ", "", block, flags=re.MULTILINE)
            for found in re.split(r"\n\n|\n(?=\(?`|index=|earliest=)", plain.strip()):
                if re.match(r"(?:earliest=\S+ )?\(?(?:`strava_|index=)|\|", found):
                    line = text.count("\n", 0, start) + 1
                    is_part = found.startswith("|") and not re.match(r"\|\s*(inputlookup|makeresults|rest)\b", found)
                    yield Search(str(page.relative_to(ROOT)), f"line {line}", found, is_part=is_part, around=text)


def on_dashboards() -> Iterator[Search]:
    """Those of the views, as they are run when nobody has chosen anything yet."""
    for one in sources():
        comments = " ".join(re.findall(r"```(.*?)```", one.text, flags=re.DOTALL))
        yield Search(one.file, one.title, one.text, one.earliest, one.latest, comments, queries=one.queries)


def every_search() -> list[Search]:
    return [*saved_searches(), *on_dashboards(), *cookbook(), *documented()]


# What there is.


@functools.cache
def dictionary() -> dict[str, dict[str, str]]:
    """By sourcetype: each field with its source (Strava, added, alias, calculated)."""
    found: dict[str, dict[str, str]] = {}
    for section in re.split(r"^## ", DICTIONARY.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        sourcetype = section.partition("`")[2].partition("`")[0]
        for row in re.findall(r"^\| (`.*) \|$", section, flags=re.MULTILINE):
            name, _, kind, source, _ = (cell.strip() for cell in row.split("|"))
            assert kind in ("text", "integer", "number", "boolean", "date"), row
            fields = found.setdefault(sourcetype, {})
            assert name.strip("`") not in fields, row
            fields[name.strip("`")] = source
    return found


@functools.cache
def log_fields() -> frozenset[str]:
    """The fields of the add-on's own log lines, and those that are put together elsewhere."""
    named = {name for line in lines() for name in line.fields or ()}
    trail = {name for row in table(RELIABILITY, "Line").rows for name in words(row[1])}
    return frozenset(named | trail | set(Overview.__dataclass_fields__) | {"action", "trail", "log_level"})


def macro_faults(text: str, macros: Mapping[str, Mapping[str, str]] = MACROS) -> list[str]:
    """Macros that are not there, or have another number of arguments, or refuse what they get."""
    faults = []
    for call in re.findall(r"`([^`]+)`", text):
        name, _, rest = call.partition("(")
        given = [part.strip() for part in rest[:-1].split(",")] if rest else []
        macro = macros.get(f"{name}({len(given)})" if given else name)
        if macro is None:
            faults.append(f"there is no macro {name} with {len(given)} arguments")
            continue
        names = [one.strip() for one in macro.get("args", "").split(",")] if given else []
        arguments = dict(zip(names, given))
        for argument, pattern in re.findall(r'match\((\w+), "((?:[^"\\]|\\.)*)"\)', macro.get("validation", "")):
            value = arguments[argument]
            if not re.search(pattern, value) and not re.fullmatch(r"\$\w+\$", value):
                faults.append(f"{name} refuses {value}")
        faults += macro_faults(macro["definition"], macros)
    return faults


# Following a search.


@dataclass
class Follower:
    """The fields that there are after each command, and what is wrong."""

    known: set[str]
    faults: list[str] = field(default_factory=list)
    #: Anything may be there: what stands before this part is the reader's.
    is_open: bool = False

    def use(self, names: Iterable[str], where: str) -> None:
        for name in names:
            plain = name.strip("'\"")
            if plain not in self.known and not self.is_open and "*" not in plain:
                self.faults.append(f"no field {plain} in: {where[:70]}")

    def follow(self, search: str, *, is_part: bool = False) -> None:
        parts = pipeline(search)
        if is_part:
            parts = parts[1:]
        elif parts[0]:
            self._generate(parts[0])
        for part in parts if is_part else parts[1:]:
            if part:
                self._command(part)

    def _generate(self, text: str) -> None:
        bare = re.sub(r"\[.*\]", "", text, flags=re.DOTALL)
        for inner in re.findall(r"\[(\|[^\]]*)\]", text):
            self._do_append(inner, adds=False)
        names = re.findall(r"([\w.{}]+)\s*(?:!=|<=|>=|=|<|>)", re.sub(r'"[^"]*"', '""', bare))
        self.use((name for name in names if name not in ("index", "sourcetype")), text)

    def _command(self, text: str) -> None:
        name, _, rest = text.partition(" ")
        handler = getattr(self, f"_do_{name}", None)
        if handler is None:
            self.faults.append(f"the checker does not know the command {name}")
        else:
            handler(rest.strip())

    def _do_eval(self, rest: str) -> None:
        for inner in re.findall(r"\[(\|[^\]]*)\]", rest):
            self._do_append(inner, adds=False)
        rest = re.sub(r"\[\|[^\]]*\]", "0", rest)
        for name, expression in assignments(rest):
            self.use(used_fields(expression), expression)
            self.known.add(name.strip("'"))

    def _do_where(self, rest: str) -> None:
        self.use(used_fields(rest), rest)

    def _do_search(self, rest: str) -> None:
        self._generate(rest)

    def _aggregate(self, rest: str) -> tuple[set[str], set[str]]:
        upper = re.sub(r"\b(as|by)\b", lambda word: word[1].upper(), re.sub(r"^((?:\w+=\S+\s+)*)", "", rest))
        what, _, by = upper.partition(" BY ")
        by_fields = {one.strip(" ,'\"") for one in re.split(r"[,\s]+", by) if one.strip()}
        self.use(by_fields, rest)
        made = set()
        for function, inner, name in re.findall(
            r"(\w+)(?:\(((?:[^()]|\([^()]*\))*)\))?(?: AS (\w+))?(?:[,\s]+|$)", what
        ):
            if inner:
                body = inner[5:-1] if inner.startswith("eval(") else inner
                self.use(used_fields(body), rest)
            if function or name:
                made.add(name or (f"{function}({inner})" if inner else function))
        return made, by_fields

    def _do_stats(self, rest: str) -> None:
        made, by = self._aggregate(rest)
        self.known, self.is_open = made | by, False

    def _do_timechart(self, rest: str) -> None:
        made, _ = self._aggregate(re.sub(r"\b(?:span|limit)=\S+ ", "", rest))
        self.known, self.is_open = made | {"_time"}, bool(re.search(r"\bBY\b", rest))

    def _do_eventstats(self, rest: str) -> None:
        self.known |= self._aggregate(rest)[0]

    _do_streamstats = _do_eventstats

    def _do_dedup(self, rest: str) -> None:
        names = re.sub(r"\bsortby\b", " ", rest)
        self.use((one.lstrip("+-") for one in re.split(r"[,\s]+", names) if not one.isdigit()), rest)

    def _do_sort(self, rest: str) -> None:
        named = (re.sub(r"^[-+]?(?:(?:num|str|auto)\((.*)\))?", r"\1", one) for one in _NAMES.findall(rest))
        self.use((one for one in named if not one.isdigit()), rest)

    def _do_head(self, rest: str) -> None:
        assert rest.isdigit(), rest

    def _do_top(self, rest: str) -> None:
        names = {one for one in re.split(r"[,\s]+", rest) if "=" not in one and not one.isdigit()}
        self.use(names, rest)
        self.known = names | {"count", "percent"}

    def _do_table(self, rest: str) -> None:
        names = {one.strip("'\"") for one in _NAMES.findall(rest)}
        self.use(names, rest)
        self.known, self.is_open = names, False

    def _do_fields(self, rest: str) -> None:
        if rest.startswith("-"):
            self.known -= {one for one in re.split(r"[,\s]+", rest[1:]) if one}
            return
        names = {one for one in re.split(r"[,\s]+", rest) if one}
        self.use(names, rest)
        self.known, self.is_open = names | {"_time", "_raw"}, False

    def _do_rename(self, rest: str) -> None:
        for old, new in re.findall(r"(\S+) (?:AS|as) (\"[^\"]*\"|\S+?)(?:,|\s|$)", rest):
            if rest in _TITLES and old not in self.known:
                # Of a column that is not there the title must not be there either: it would be emptied.
                assert new.strip('"') not in self.known, new
                continue
            self.use([old], rest)
            self.known.discard(old)
            self.known.add(new.strip('"'))

    def _do_rex(self, rest: str) -> None:
        self.use(re.findall(r"field=(\S+)", rest), rest)
        self.known |= set(re.findall(r"\(\?<(\w+)>", rest))

    def _do_spath(self, rest: str) -> None:
        options = dict(re.findall(r"(\w+)=(\S+)", rest))
        self.use([options.get("input", "_raw")], rest)
        paths = {name for fields in dictionary().values() for name in fields}
        if "path" in options:
            path = options["path"]
            if not any(one == path or one.startswith((path + ".", path)) or one.endswith("." + path) for one in paths):
                self.faults.append(f"no event has the path {path}")
            self.known.add(str(options.get("output", path)))
        else:
            inner = options["input"]  # without a path, only a part of an event is short enough
            self.known |= {one.partition(f"{inner}.")[2] for one in paths if f".{inner}." in one}

    def _do_mvexpand(self, rest: str) -> None:
        self.use([rest], rest)

    def _do_fillnull(self, rest: str) -> None:
        self.use(_NAMES.findall(re.sub(r'value=(?:"[^"]*"|\S+)\s*', "", rest)), rest)

    def _do_addtotals(self, rest: str) -> None:
        assert rest.startswith("fieldname="), rest
        self.known.add(rest.removeprefix("fieldname="))

    def _do_append(self, rest: str, *, adds: bool = True) -> None:
        inner = Follower(everything())
        inner.follow(rest.strip("[] "))
        self.faults += inner.faults
        self.known |= inner.known if adds else set()

    def _do_return(self, rest: str) -> None:
        self.use([rest.lstrip("$")], rest)

    def _do_addinfo(self, rest: str) -> None:
        assert not rest, rest
        self.known |= {"info_min_time", "info_max_time", "info_search_time"}

    def _do_rest(self, rest: str) -> None:
        self.is_open = True  # what REST answers is in docs/administration.md

    def _do_tstats(self, rest: str) -> None:
        what, _, terms = rest.partition(" WHERE ")
        terms, _, by = terms.partition(" BY ")
        self._generate(terms)
        self.known, self.is_open = self._aggregate(what)[0] | set(re.findall(r"\w+", by)), False

    def _do_bin(self, rest: str) -> None:
        self.use(re.findall(r"(?<![=\w])_?[a-z]\w*(?!=)\b", rest), rest)

    def _do_makeresults(self, rest: str) -> None:
        self.known = {"_time"}

    def _lookup(self, name: str) -> set[str]:
        stanza = TRANSFORMS.get(name)
        if stanza is None or stanza["collection"] not in COLLECTIONS:
            self.faults.append(f"there is no lookup {name}")
            return set()
        return {one.strip() for one in stanza["fields_list"].split(",")}

    def _do_inputlookup(self, rest: str) -> None:
        self.known, self.is_open = self._lookup(rest), False

    def _do_lookup(self, rest: str) -> None:
        match = re.fullmatch(r"(?:local=true )?(\w+) (\w+) AS (\w+) OUTPUT (.+)", rest)
        assert match is not None, rest
        fields = self._lookup(match[1])
        assert match[2] in fields
        self.use([match[3]], rest)
        wanted = set(re.split(r"[,\s]+", match[4]))
        if not wanted <= fields:
            self.faults.append(f"{match[1]} has no {wanted - fields}")
        self.known |= wanted

    def _do_outputlookup(self, rest: str) -> None:
        missing = self._lookup(rest) - self.known
        if missing:
            self.faults.append(f"{rest} gets no {missing}")

    def _do_delete(self, rest: str) -> None:
        assert not rest, rest


def used_fields(expression: str) -> set[str]:
    """The fields in an expression of ``eval``: words that are neither functions nor texts nor numbers."""
    quoted = set(re.findall(r"'([^']+)'", re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)))
    bare = re.sub(r"'[^']+'", "0", re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression))
    words = set(re.findall(r"(?<![\w.$])([A-Za-z_]\w*)(?![\w(]|\s*\()", bare))
    return quoted | {word for word in words if word not in KEYWORDS}


def everything() -> set[str]:
    """All fields of all events, the log's included."""
    return {name for fields in dictionary().values() for name in fields} | INTERNAL | log_fields()


def available(text: str) -> set[str]:
    """The fields of those sourcetypes that a search names; of all if it names none."""
    known = set(INTERNAL)
    # What was uploaded as a sample has the fields of the real thing.
    named = re.findall(r'\bsourcetype="?(strava:[\w:]*)', text.replace("strava:sample:", "strava:"))
    fields = dictionary()
    for sourcetype in fields if "strava:" in named else set(named):
        known |= set(fields[sourcetype])
    if "index=_internal" in text:
        known |= log_fields()
    return known


def field_faults(search: Search) -> list[str]:
    """What a search uses and does not have."""
    text = expand(search.text, MACROS).strip()
    follower = Follower(available(text), is_open=search.is_part)
    if re.match(r"\|\s*rest\b", text):
        return []  # what REST answers is in docs/administration.md
    follower.follow(text, is_part=text.startswith("|"))
    return follower.faults
