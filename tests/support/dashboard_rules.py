"""What is wrong with the definition of a dashboard, beyond what the framework's schema says."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.spl.conf import expand, stanzas
from tests.support import dashboard_93 as known

Definition = Mapping[str, Any]

#: More searches than these would be too many for one look at a year.
SEARCHES = 4
#: The width of the grid that all our dashboards have.
WIDTH = 1440
#: Pages of the app that are no dashboards.
PAGES = {"inputs", "configuration", "search"}
APP = "TA_strava_webhook"

#: Okabe and Ito's colours, which colour-blind people can tell apart, and the greys beside them.
OKABE_ITO = {"#0072B2", "#D55E00", "#E69F00", "#56B4E9", "#CC79A7", "#009E73", "#F0E442", "#000000"}
GREYS = {"#999999", "#7F7F7F", "#BBBBBB"}
#: Where theirs are not enough: Tol's wine, which differs from them in lightness, too, and is seen on both themes.
WINE = "#882255"

_TOKEN = re.compile(r"\$(?P<name>[A-Za-z][\w.:]*)(?:\|[a-z]+)?\$")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\b|#[0-9A-Fa-f]{3}\b|rgba?\(")
#: What the framework itself sets when something is clicked.
_OF_A_CLICK = re.compile(r"row\..+\.value|value|name|trellis\..+")
_ALL_TIME = {"", "0", "1"}
#: A range of time in a query goes before the one beside it.
_ALL_TIME_WITHIN = re.compile(r"""\bearliest\s*=\s*"?[01]"?(?=$|[\s)\]|,])""")


def faults(definition: Definition, views: Mapping[str, Definition]) -> list[str]:
    """All that is wrong; `views` are the app's dashboards by name, to which links may lead."""
    return [
        *_unknown(definition),
        *_sources(definition),
        *_placing(definition),
        *_tokens(definition),
        *_unquoted(definition),
        *_colours(definition),
        *_links(definition, views),
    ]


def _beyond(what: str, given: Mapping[str, Any], allowed: set[str]) -> Iterator[str]:
    for name in sorted(set(given) - allowed):
        yield f"{what}: {name} is not known to be of Splunk 9.3"


def _unknown(definition: Definition) -> Iterator[str]:
    """What Splunk 9.3 may not know."""
    yield from _beyond("the dashboard", definition, known.TOP)
    layout = definition["layout"]
    yield from _beyond("the layout", layout, known.LAYOUT)
    yield from _beyond("the layout", layout.get("options", {}), known.LAYOUT_OPTIONS)
    if layout["type"] != "grid":
        yield "the layout is no grid, which fits into any window"
    for name, source in definition["dataSources"].items():
        yield from _beyond(name, source, {"type", "name", "options"})
        yield from _beyond(name, {source["type"]: 1}, set(known.DATA_SOURCES))
        yield from _beyond(name, source["options"], known.DATA_SOURCES.get(source["type"], set()))
    for name, given in definition["inputs"].items():
        yield from _beyond(name, given, known.INPUT)
        yield from _beyond(name, {given["type"]: 1}, set(known.INPUTS))
        yield from _beyond(name, given["options"], known.INPUTS.get(given["type"], set()))
    for name, shown in definition["visualizations"].items():
        yield from _beyond(name, shown, known.VISUALIZATION)
        yield from _beyond(name, {shown["type"]: 1}, set(known.VISUALIZATIONS))
        yield from _beyond(name, shown.get("options", {}), known.VISUALIZATIONS.get(shown["type"], set()))
        for column in shown.get("options", {}).get("columnFormat", {}).values():
            yield from _beyond(name, column, known.COLUMN_FORMAT)
        for handler in shown.get("eventHandlers", []):
            yield from _beyond(name, {handler["type"]: 1}, set(known.EVENT_HANDLERS))
            yield from _beyond(name, handler["options"], known.EVENT_HANDLERS.get(handler["type"], set()))


def _sources(definition: Definition) -> Iterator[str]:
    sources = definition["dataSources"]
    used = {one for owner in _owners(definition) for one in owner.get("dataSources", {}).values()}
    used |= {one["options"]["extend"] for one in sources.values() if one["type"] == "ds.chain"}
    yield from (f"there is no data source {name}" for name in sorted(used - set(sources)))
    yield from (f"nothing uses the data source {name}" for name in sorted(set(sources) - used))
    searches = [one for one in sources.values() if one["type"] == "ds.search"]
    if len(searches) > SEARCHES:
        yield f"{len(searches)} searches run when it is opened, more than {SEARCHES}"
    names = Counter(one.get("name", "") for one in sources.values())
    yield from (f"{count} data sources are named {name!r}" for name, count in names.items() if count > 1 or not name)
    for name, source in sources.items():
        times = source["options"].get("queryParameters", {})
        if source["type"] == "ds.search" and (
            times.get("earliest", "") in _ALL_TIME or times.get("latest", "") in _ALL_TIME
        ):
            yield f"{name} has no range of time, or searches all time"
        if _ALL_TIME_WITHIN.search(_with_macros(source["options"]["query"])):
            yield f"{name} searches all time, whatever range is chosen"
        if re.search(r"\bindex\s*=\s*\*", source["options"]["query"]):
            yield f"{name} searches all indexes"
        if source["type"] == "ds.chain" and not _has_root(sources, name):
            yield f"{name} extends no search"


def _with_macros(query: str) -> str:
    """The query with macros replaced by what they stand for. A token is text of a macro's argument as any other."""
    return expand(_TOKEN.sub("1", query), _macros())


@functools.cache
def _macros() -> dict[str, dict[str, str]]:
    """Without the checks of their arguments, which are tokens here."""
    checks = ("validation", "errormsg")
    return {
        name: {key: value for key, value in one.items() if key not in checks}
        for name, one in stanzas("macros.conf").items()
    }


def _has_root(sources: Mapping[str, Any], name: str) -> bool:
    seen = set()
    while name in sources and sources[name]["type"] == "ds.chain" and name not in seen:
        seen.add(name)
        name = sources[name]["options"]["extend"]
    return name in sources and sources[name]["type"] == "ds.search"


def _owners(definition: Definition) -> Iterator[Mapping[str, Any]]:
    yield from definition["visualizations"].values()
    yield from definition["inputs"].values()


def _placing(definition: Definition) -> Iterator[str]:
    """Every panel and every input once, each panel with a title, none over another."""
    layout = definition["layout"]
    for kind, placed, there in (
        ("panel", [one["item"] for one in layout["structure"]], definition["visualizations"]),
        ("input", layout["globalInputs"], definition["inputs"]),
    ):
        yield from (f"the {kind} {name} is placed {n} times" for name, n in Counter(placed).items() if n > 1)
        yield from (f"the {kind} {name} is not placed" for name in sorted(set(there) - set(placed)))
        yield from (f"there is no {kind} {name}" for name in sorted(set(placed) - set(there)))
    for name, shown in definition["visualizations"].items():
        # A line of text is its own title.
        if shown["type"] != "splunk.markdown" and not shown.get("title"):
            yield f"{name} has no title"
        if shown["type"] != "splunk.markdown" and not shown.get("dataSources"):
            yield f"{name} shows nothing"
    for name, given in definition["inputs"].items():
        if not given.get("title"):
            yield f"{name} has no title"
    areas = [(one["item"], one["position"]) for one in layout["structure"]]
    for number, (name, area) in enumerate(areas):
        if area["x"] < 0 or area["y"] < 0 or area["x"] + area["w"] > layout["options"].get("width", WIDTH):
            yield f"{name} does not lie within the grid"
        yield from (f"{name} lies over {other}" for other, two in areas[:number] if _overlap(area, two))


def _overlap(one: Mapping[str, int], two: Mapping[str, int]) -> bool:
    return all(one[at] < two[at] + two[by] and two[at] < one[at] + one[by] for at, by in (("x", "w"), ("y", "h")))


def _tokens(definition: Definition) -> Iterator[str]:
    """Every token that is used is set by something, and every one that can be set is used."""
    there = _set_tokens(definition)
    used = set()
    for name, part in _parts(definition):
        for match in _TOKEN.finditer(json.dumps(part, ensure_ascii=False)):
            token = match["name"].partition("form.")[2] or match["name"]
            if name == "eventHandlers" and _OF_A_CLICK.fullmatch(token):
                continue
            used.add(token)
    yield from (f"nothing sets the token {name}" for name in sorted(used - there))
    # Of a range of time both ends belong together.
    asked = {name.partition(".")[0] for name in used}
    yield from (f"nothing uses the token {name}" for name in sorted({one.partition(".")[0] for one in there} - asked))


def _unquoted(definition: Definition) -> Iterator[str]:
    """Tokens that go into a query as they are: a link may set each, so what it says would be run.

    A macro looks at its arguments itself, and a quotation mark there would be part of one. Marks that stand in the
    query do not help: the value may have some, too.
    """
    for name, source in definition["dataSources"].items():
        for match in _TOKEN.finditer(re.sub(r"`[^`]*`", "", source["options"]["query"])):
            if not match[0].endswith("|s$"):
                yield f"{name}: the token {match['name']} goes into the query unquoted, write ${match['name']}|s$"


def _set_tokens(definition: Definition) -> set[str]:
    there = set(definition.get("defaults", {}).get("tokens", {}).get("default", {}))
    for given in definition["inputs"].values():
        token = given["options"]["token"]
        there |= {f"{token}.earliest", f"{token}.latest"} if given["type"] == "input.timerange" else {token}
    for shown in definition["visualizations"].values():
        for handler in shown.get("eventHandlers", []):
            if handler["type"] == "drilldown.setToken":
                there |= {one["token"] for one in handler["options"]["tokens"]}
    return there


def _parts(definition: Definition) -> Iterator[tuple[str, Any]]:
    """Where tokens may be used: with what is clicked, and elsewhere."""
    yield "dataSources", definition["dataSources"]
    yield "inputs", [{**one, "options": {**one["options"], "token": ""}} for one in definition["inputs"].values()]
    for shown in definition["visualizations"].values():
        yield "eventHandlers", shown.get("eventHandlers", [])
        yield "visualizations", {name: one for name, one in shown.items() if name != "eventHandlers"}


def _colours(definition: Definition) -> Iterator[str]:
    """Background and text are those of the theme; series have colours that all can tell apart."""
    for name, shown in definition["visualizations"].items():
        options = shown.get("options", {})
        for option in ("backgroundColor", "fontColor", "majorColor", "trendColor", "underLabelColor"):
            if _COLOUR.match(str(options.get(option, ""))):
                yield f"{name}: {option} is a colour of its own, which one of the themes may not suit"
        series = json.dumps([options.get("seriesColors"), options.get("seriesColorsByField")])
        for colour in sorted(set(_COLOUR.findall(series)) - OKABE_ITO - GREYS - {WINE}):
            yield f"{name}: {colour} is none of the colours that all can tell apart"

        # A series that is in one unit or in another has one colour; both are never shown at once.
        shared: dict[str, set[str]] = {}
        for series_name, colour in (options.get("seriesColorsByField") or {}).items():
            shared.setdefault(colour.upper(), set()).add(re.sub(r" \([^)]*\)$", "", series_name))
        for colour, names in sorted(shared.items()):
            if len(names) > 1:
                yield f"{name}: {' and '.join(sorted(names))} share the colour {colour}"


def _links(definition: Definition, views: Mapping[str, Definition]) -> Iterator[str]:
    for name, shown in definition["visualizations"].items():
        for handler in shown.get("eventHandlers", []):
            options = handler["options"]
            if handler["type"] == "drilldown.customUrl":
                yield from (f"{name}: {fault}" for fault in _link_faults(options["url"], views))
            elif handler["type"] == "drilldown.linkToDashboard":
                given = {one["token"] for one in options.get("tokens", [])}
                yield from (f"{name}: {fault}" for fault in _target_faults(options["dashboard"], given, views))
        for url in re.findall(r"\]\(([^)]+)\)", str(shown.get("options", {}).get("markdown", ""))):
            yield from (f"{name}: {fault}" for fault in _link_faults(url, views))


def _link_faults(url: str, views: Mapping[str, Definition]) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.netloc:
        if (parts.scheme, parts.netloc) != ("https", "www.strava.com"):
            yield f"a link to {parts.netloc}"
        return
    path = parts.path.strip("/").split("/")
    if path[-3:-1] != ["app", APP]:
        yield f"a link to {parts.path}"
        return
    given = {key[len("form.") :] for key, _ in parse_qsl(parts.query) if key.startswith("form.")}
    yield from _target_faults(path[-1], given, views)


def _target_faults(view: str, given: set[str], views: Mapping[str, Definition]) -> Iterator[str]:
    if view in PAGES:
        return
    if view not in views:
        yield f"there is no dashboard {view}"
        return
    yield from (f"{view} has no token {name}" for name in sorted(given - _set_tokens(views[view])))
