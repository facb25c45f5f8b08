"""The searches of the dashboards: each data source with all that it extends, and with its tokens filled in."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ROOT / "package" / "default" / "data" / "ui" / "views"

#: What an athlete chooses who has come to look at the sample: ids as in the documentation, which the tests replace.
CHOSEN = {"athlete": "134815", "activity": "1234567890"}

#: ``$name$``, ``$time.earliest$``, ``$name|s$``; ``$$`` is a dollar sign.
_TOKEN = re.compile(r"\$(?P<name>[\w.:]+)(?P<filter>\|\w+)?\$|\$\$")


@dataclass(frozen=True)
class Source:
    """A data source of a view, as it is run when nothing has been chosen but what the view chooses by itself."""

    #: Relative to the repository.
    file: str
    #: Label of the view, and name of the data source.
    title: str
    #: Its query, behind those that it extends.
    queries: tuple[str, ...]
    earliest: str
    latest: str

    @property
    def text(self) -> str:
        """One search that shows the same."""
        return "\n".join(self.queries)


def definition(view: Path) -> dict[str, Any]:
    """What a view is made of."""
    text = ElementTree.parse(view).findtext("definition")
    assert text is not None, f"{view.name} has no definition"
    found: dict[str, Any] = json.loads(text)
    return found


def views() -> list[Path]:
    """The files of all dashboards."""
    return sorted(VIEWS.glob("*.xml"))


def sources() -> Iterator[Source]:
    """All data sources of all views."""
    for view in views():
        found = definition(view)
        tokens = chosen(found)
        label = ElementTree.parse(view).findtext("label")
        for source in found["dataSources"].values():
            root = _root(found, source)
            times = {**_default_times(found), **root["options"].get("queryParameters", {})}
            yield Source(
                str(view.relative_to(ROOT)),
                f"{label}: {source['name']}",
                tuple(filled(one, tokens) for one in _queries(found, source)),
                filled(times["earliest"], tokens),
                filled(times["latest"], tokens),
            )


def chosen(found: Mapping[str, Any]) -> dict[str, str]:
    """The tokens of a view when it is opened: its defaults, and the ids of the athlete and the activity."""
    tokens: dict[str, str] = {}
    for name, value in found.get("defaults", {}).get("tokens", {}).get("default", {}).items():
        tokens[name] = str(value["value"])
    for one in found.get("inputs", {}).values():
        options = one.get("options", {})
        if "token" not in options or "defaultValue" not in options:
            continue
        name, value = options["token"], str(options["defaultValue"])
        if one["type"] == "input.timerange":
            tokens[f"{name}.earliest"], _, tokens[f"{name}.latest"] = value.partition(",")
        else:
            tokens[name] = value
    return {**tokens, **CHOSEN}


def filled(text: str, tokens: Mapping[str, str]) -> str:
    """The text with the values of its tokens; one that nothing sets is a fault."""

    def value(match: re.Match[str]) -> str:
        if match["name"] is None:
            return "$"
        found = tokens[match["name"]]
        return '"' + found.replace("\\", "\\\\").replace('"', '\\"') + '"' if match["filter"] == "|s" else found

    return _TOKEN.sub(value, text)


def _root(found: Mapping[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    while source["type"] == "ds.chain":
        source = found["dataSources"][source["options"]["extend"]]
    return source


def _queries(found: Mapping[str, Any], source: Mapping[str, Any]) -> tuple[str, ...]:
    query = str(source["options"]["query"]).strip()
    if source["type"] != "ds.chain":
        return (query,)
    before = _queries(found, found["dataSources"][source["options"]["extend"]])
    return (*before, query if query.startswith("|") else "| " + query)


def _default_times(found: Mapping[str, Any]) -> dict[str, str]:
    options = found.get("defaults", {}).get("dataSources", {}).get("ds.search", {}).get("options", {})
    times: dict[str, str] = options.get("queryParameters", {})
    return times
