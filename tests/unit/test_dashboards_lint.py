"""The definitions of the dashboards hang together, and use nothing that Splunk 9.3 may not know."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.support.dashboard_rules import faults

VIEWS = Path(__file__).resolve().parents[2] / "package" / "default" / "data" / "ui" / "views"
FILES = sorted(VIEWS.glob("*.xml"))
NAMES = [file.stem for file in FILES]


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text(name))
    return found


def text(name: str) -> str:
    found = ElementTree.parse(VIEWS / f"{name}.xml").findtext("definition")
    assert found is not None
    return found.strip()


def all_views() -> dict[str, dict[str, Any]]:
    return {name: definition(name) for name in NAMES}


def test_there_are_four() -> None:
    assert NAMES == ["strava_activity", "strava_operations", "strava_overview", "strava_training"]


@pytest.mark.parametrize("name", NAMES)
def test_it_hangs_together(name: str) -> None:
    assert faults(definition(name), all_views()) == []


@pytest.mark.parametrize("name", NAMES)
def test_its_file_reads_well(name: str) -> None:
    root = ElementTree.parse(VIEWS / f"{name}.xml").getroot()
    assert (root.tag, dict(root.attrib)) == ("dashboard", {"version": "2", "theme": "light"})
    assert [child.tag for child in root] == ["label", "description", "definition"]
    assert root.findtext("label") == definition(name)["title"]
    assert root.findtext("description") == definition(name)["description"]
    assert text(name) == json.dumps(definition(name), indent=2, ensure_ascii=False)


#: A dashboard without a fault.
GOOD: dict[str, Any] = {
    "title": "T",
    "description": "",
    "dataSources": {
        "base": {
            "type": "ds.search",
            "name": "Base",
            "options": {
                "query": "index=x id=$id|s$",
                "queryParameters": {"earliest": "$time.earliest$", "latest": "$time.latest$"},
            },
        },
        "count": {"type": "ds.chain", "name": "Count", "options": {"extend": "base", "query": "| stats count"}},
    },
    "inputs": {
        "time": {"type": "input.timerange", "title": "Time", "options": {"token": "time", "defaultValue": "-1d,now"}},
        "id": {"type": "input.text", "title": "Id", "options": {"token": "id", "defaultValue": "1"}},
    },
    "visualizations": {
        "table": {
            "type": "splunk.table",
            "title": "Table",
            "dataSources": {"primary": "base"},
            "eventHandlers": [
                {
                    "type": "drilldown.customUrl",
                    "options": {"url": "/app/TA_strava_webhook/good?form.id=$row.id.value$", "newTab": False},
                }
            ],
        },
        "chart": {
            "type": "splunk.column",
            "title": "Chart",
            "dataSources": {"primary": "count"},
            "options": {"seriesColorsByField": {"count": "#0072B2"}},
        },
    },
    "layout": {
        "type": "grid",
        "options": {"width": 1440},
        "globalInputs": ["time", "id"],
        "structure": [
            {"item": "table", "type": "block", "position": {"x": 0, "y": 0, "w": 720, "h": 300}},
            {"item": "chart", "type": "block", "position": {"x": 720, "y": 0, "w": 720, "h": 300}},
        ],
    },
}

Change = Callable[[dict[str, Any]], object]

_SOURCE = {"type": "ds.search", "options": {"query": "a", "queryParameters": {"earliest": "-1d", "latest": "now"}}}


def _handler(one: dict[str, Any]) -> Any:
    return one["visualizations"]["table"]["eventHandlers"][0]["options"]


def _colours(one: dict[str, Any]) -> Any:
    return one["visualizations"]["chart"]["options"]["seriesColorsByField"]


def test_a_good_dashboard_has_no_fault() -> None:
    assert faults(GOOD, {"good": GOOD}) == []


def test_what_a_macro_gets_and_what_is_shown_in_two_units_is_no_fault() -> None:
    good = copy.deepcopy(GOOD)
    good["dataSources"]["count"]["options"].update(query="| `strava_state($id$)`\n| where id=tonumber($id|s$)")
    _colours(good).update({"Average (km)": "#7F7F7F", "Average (mi)": "#7F7F7F"})
    assert faults(good, {"good": good}) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda one: one.update(expressions={}), "expressions is not known"),
        (lambda one: one["layout"].update(tabs={}), "tabs is not known"),
        (lambda one: one["layout"].update(type="absolute"), "no grid"),
        (lambda one: one["visualizations"]["chart"].update(type="splunk.pie"), "splunk.pie is not known"),
        (lambda one: one["visualizations"]["chart"]["options"].update(glitter=1), "glitter is not known"),
        (lambda one: one["visualizations"]["chart"].update(containerOptions={}), "containerOptions is not known"),
        (lambda one: one["inputs"]["id"]["options"].update(clearButton=True), "clearButton is not known"),
        (lambda one: one["visualizations"]["chart"].update(dataSources={"primary": "x"}), "no data source x"),
        (lambda one: one["visualizations"]["chart"].update(dataSources={"primary": "base"}), "nothing uses"),
        (lambda one: one["dataSources"]["count"]["options"].update(extend="count"), "extends no search"),
        (lambda one: one["dataSources"]["count"].update(name="Base"), "2 data sources are named"),
        (lambda one: one["dataSources"].update({str(n): {**_SOURCE, "name": str(n)} for n in range(4)}), "5 searches"),
        (lambda one: one["dataSources"]["base"]["options"].pop("queryParameters"), "no range of time"),
        (lambda one: one["dataSources"]["base"]["options"].update(query="index=* id=$id|s$"), "all indexes"),
        (lambda one: one["dataSources"]["base"]["options"].update(query="index=x earliest=0 id=$id|s$"), "all time"),
        (
            lambda one: one["dataSources"]["count"]["options"].update(query="[search index=x earliest=1]"),
            "all time",
        ),
        (lambda one: one["dataSources"]["count"]["options"].update(query="`strava_of_activity($id$)`"), "all time"),
        (lambda one: one["layout"]["structure"].append(one["layout"]["structure"][0]), "placed 2 times"),
        (lambda one: one["layout"]["structure"].pop(), "the panel chart is not placed"),
        (lambda one: one["layout"]["globalInputs"].remove("id"), "the input id is not placed"),
        (lambda one: one["layout"]["structure"][1]["position"].update(x=700), "lies over table"),
        (lambda one: one["layout"]["structure"][1]["position"].update(w=730), "within the grid"),
        (lambda one: one["visualizations"]["chart"].pop("title"), "has no title"),
        (lambda one: one["inputs"].pop("id"), "nothing sets the token id"),
        (lambda one: one["dataSources"]["base"]["options"].update(query="index=x"), "nothing uses the token id"),
        (lambda one: one["dataSources"]["count"]["options"].update(query="eval a=$row.id.value$"), "row.id.value"),
        (lambda one: one["dataSources"]["base"]["options"].update(query="index=x id=$id$"), "token id goes into"),
        (lambda one: one["dataSources"]["count"]["options"].update(query='eval a="$id$"'), "id goes into the query"),
        (
            lambda one: one["dataSources"]["count"]["options"].update(query="`strava_state($id$)` | eval a=$id|u$"),
            "unquoted",
        ),
        (lambda one: one["visualizations"]["chart"]["options"].update(backgroundColor="#FFFFFF"), "not suit"),
        (lambda one: one["visualizations"]["chart"]["options"].update(seriesColors=["#00FF00"]), "#00FF00 is none"),
        (lambda one: _colours(one).update(a="#0072B2"), "a and count share the colour #0072B2"),
        (lambda one: _handler(one).update(url="/app/TA_strava_webhook/bad"), "no dashboard bad"),
        (lambda one: _handler(one).update(url="/app/TA_strava_webhook/good?form.x=1"), "good has no token x"),
        (lambda one: _handler(one).update(url="https://example.com/"), "a link to example.com"),
    ],
)
def test_a_fault_is_noticed(change: Change, fault: str) -> None:
    bad = copy.deepcopy(GOOD)
    change(bad)
    assert any(fault in one for one in faults(bad, {"good": GOOD})), faults(bad, {"good": GOOD})
