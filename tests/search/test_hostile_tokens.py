"""What stands in a dashboard's address, or in its text boxes, is a value in its searches, and never a piece of them.

A link may set each token. Whoever follows it would run what is written there, with a role that may be larger than that
of who wrote the link, and would see other athletes beside the one that was chosen. A macro refuses arguments that are
none of its values; elsewhere Dashboard Studio has to quote the value (``$token|s$``). A backtick is not tried: Splunk
replaces macros before it reads quotation marks, so nothing in a page could hold it back.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Optional

import pytest

from sandbox.spl import Index, Row
from strava_collector.events import Event
from strava_collector.sample_event import SAMPLE_SOURCETYPE
from tests.search.catalogue import LENA, MARCUS, about
from tests.search.dashboards import chosen, definition, filled, views
from tests.search.rest_answers import SET_UP, answering
from tests.search.test_executed import NOW, sampled_activity, truth

DAY = 86_400.0
#: What Dashboard Studio may do with a token: ``|s`` quotes it.
_TOKEN = re.compile(r"\$([A-Za-z][\w.]*)(?:\|\w+)?\$")

HOSTILE = {
    "another search": '1 | append [| makeresults | eval injected="INJECTED"]',
    "all": "*",
    "a quotation mark": '" | x',
    "out of quotation marks": '1" | append [| makeresults | eval injected="INJECTED"] | search a="',
    "or all": "1 OR sourcetype=*",
}


def _tried() -> Iterator[tuple[str, str, str]]:
    """View, data source and each token that its query, or one that it extends, uses."""
    for view in views():
        found = definition(view)
        for name, source in found["dataSources"].items():
            for token in sorted(set(_TOKEN.findall(_text(found, source)))):
                yield view.stem, name, token


def _text(found: Mapping[str, Any], source: Mapping[str, Any]) -> str:
    """The query behind all that it extends."""
    query = str(source["options"]["query"])
    if source["type"] != "ds.chain":
        return query
    before = _text(found, found["dataSources"][source["options"]["extend"]])
    return f"{before}\n{query if query.strip().startswith('|') else '| ' + query}"


def _athlete(one: Event) -> object:
    content = json.loads(one.data)
    athlete = content.get("athlete_id") or content.get("owner_id") or content.get("athlete", {}).get("id")
    return athlete or content["id"]


@functools.cache
def _index(*athletes: int) -> Index:
    """What has been written of them in the last weeks; the second one's days lie within those of the first."""
    sampled = {id(one) for athlete in athletes for one in truth().samples_of(sampled_activity(athlete))[:60]}
    kept = [
        one
        for one in truth().history.events
        if (one.time >= NOW - (30 if _athlete(one) == LENA else 20) * DAY or one.sourcetype == "strava:athlete")
        and _athlete(one) in athletes
        and (one.sourcetype != SAMPLE_SOURCETYPE or id(one) in sampled)
    ]
    found = Index.of(kept, now=NOW)
    found.rest = answering(SET_UP)
    return found


def _shown(index: Index, view: str, name: str, token: str, value: str) -> Optional[list[Row]]:
    """What a data source shows when a token has this value; None if a macro, or Splunk, refuses it."""
    found = definition(next(one for one in views() if one.stem == view))
    # The ids of the documentation, as those that the sample has.
    tokens = {key: about(one, LENA, sampled_activity(LENA)) for key, one in chosen(found).items()}
    tokens[token] = value
    text = filled(_text(found, found["dataSources"][name]), tokens)
    try:
        return index.search(text, earliest="-60d", latest="now")
    except AssertionError as refused:
        # A quotation mark alone is no argument either: the search as a whole cannot be read.
        if re.search(r"^strava_\w+ takes |^there is no macro strava_\w+ with |^a quotation mark too few", str(refused)):
            return None
        raise


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(("view", "name", "token"), _tried())
def test_a_token_stays_a_value(view: str, name: str, token: str, value: str) -> None:
    alone = _shown(_index(LENA), view, name, token, value)
    both = _shown(_index(LENA, MARCUS), view, name, token, value)
    # As text that is looked for it may be shown, but as a value of its own only a search of its own makes it.
    assert not any(one == "INJECTED" for row in both or [] for one in row.values())
    assert both == alone, "it shows more where there is a second athlete"


def test_the_athletes_are_two_and_each_has_something() -> None:
    assert {_athlete(one) for one in truth().history.events} >= {LENA, MARCUS}
    for athlete in (LENA, MARCUS):
        assert _index(LENA, MARCUS).search(f"`strava_activities({athlete})`", earliest="-60d", latest="now")


@pytest.mark.parametrize("value", ["another search", "or all"])
def test_a_token_that_is_not_quoted_would_be_noticed(value: str) -> None:
    search = f"`strava_activity_versions` athlete.id={HOSTILE[value]}\n| table id, injected"
    shown = [_index(*who).search(search, earliest="-60d", latest="now") for who in ((LENA,), (LENA, MARCUS))]
    assert any(row.get("injected") == "INJECTED" for row in shown[1]) or shown[0] != shown[1]
