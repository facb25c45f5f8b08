"""How the searches of a dashboard are read from its view."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.search import dashboards

VIEW = """<dashboard version="2" theme="light"><label>Day</label><definition><![CDATA[%s]]></definition></dashboard>"""


def _view(folder: Path, **parts: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "strava_day.xml").write_text(VIEW % json.dumps(parts), "utf-8")


def _search(query: str, **times: str) -> dict[str, object]:
    return {"type": "ds.search", "name": "Base", "options": {"query": query, "queryParameters": times}}


def _chain(query: str, extend: str, name: str) -> dict[str, object]:
    return {"type": "ds.chain", "name": name, "options": {"query": query, "extend": extend}}


INPUTS = {
    "range": {"type": "input.timerange", "options": {"token": "time", "defaultValue": "-1y@d,now"}},
    "units": {"type": "input.dropdown", "options": {"token": "units", "defaultValue": "metric"}},
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboards, "ROOT", tmp_path)
    monkeypatch.setattr(dashboards, "VIEWS", tmp_path / "views")


def test_a_chain_stands_behind_all_that_it_extends(tmp_path: Path) -> None:
    base = _search("`strava_activities($athlete$)`\n| table id", earliest="$time.earliest$", latest="$time.latest$")
    sources = {"a": base, "b": _chain("stats count", "a", "Count"), "c": _chain("| eval u=$units|s$", "b", "Units")}
    _view(tmp_path / "views", dataSources=sources, inputs=INPUTS)
    first, second, third = dashboards.sources()
    assert first.text == "`strava_activities(134815)`\n| table id"
    assert (first.title, first.file) == ("Day: Base", "views/strava_day.xml")
    assert second.text == first.text + "\n| stats count"
    assert third.text == second.text + '\n| eval u="metric"'
    assert {(one.earliest, one.latest) for one in (first, second, third)} == {("-1y@d", "now")}


def test_times_and_tokens_come_from_the_defaults_where_nothing_else_sets_them(tmp_path: Path) -> None:
    times = {"earliest": "-7d@d", "latest": "now"}
    defaults = {
        "dataSources": {"ds.search": {"options": {"queryParameters": times}}},
        "tokens": {"default": {"axis": {"value": "time"}}},
    }
    source = {"type": "ds.search", "name": "Base", "options": {"query": "search $axis$ costs $$5"}}
    _view(tmp_path / "views", dataSources={"a": source}, inputs={}, defaults=defaults)
    (found,) = dashboards.sources()
    assert (found.text, found.earliest, found.latest) == ("search time costs $5", "-7d@d", "now")


def test_a_token_that_nothing_sets_is_a_fault(tmp_path: Path) -> None:
    _view(tmp_path / "views", dataSources={"a": _search("$nothing$", earliest="-1d", latest="now")}, inputs={})
    with pytest.raises(KeyError, match="nothing"):
        list(dashboards.sources())
