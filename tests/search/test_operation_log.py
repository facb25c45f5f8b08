"""The dashboard Operations over logs that the real collector has written in virtual time."""

from __future__ import annotations

import re

import pytest

from sandbox.spl import Index, Row
from tests.search import dashboards
from tests.search.catalogue import TODAY, catalogue
from tests.search.expectations.dashboard_lines import OTHER, RIDE, finished, received
from tests.search.rest_answers import SET_UP, answering
from tests.search.sample import logged

NOW = TODAY.timestamp()


def entered(text: str, name: str = "ride") -> list[Row]:
    """What a data source shows of two activities when this is entered in the box above, or in the page's address."""
    view = dashboards.definition(dashboards.VIEWS / "strava_operations.xml")
    one = view["dataSources"][name]["options"]
    base = [view["dataSources"][one["extend"]]["options"]["query"]] if "extend" in one else []
    index = Index(NOW)
    index.rest = answering(SET_UP)
    lines = [received(7_200.0, 7_200.0, "n-1"), finished(7_190.0, "n-1")]
    lines += [received(60.0, 60.0, "n-2", OTHER), finished(50.0, "n-2", activity=OTHER)]
    index.add_log([one.as_written(NOW) for one in lines], source=lines[0].source)
    search = dashboards.filled("\n".join([*base, one["query"]]), {**dashboards.chosen(view), "activity": text})
    return index.search(search, earliest="-7d", latest="now")


def shown(name: str, *, bad: bool) -> list[Row]:
    index = Index(NOW)
    index.rest = answering(SET_UP)
    for source, lines in logged(bad=bad).items():
        index.add_log(lines, source=source)
    search = catalogue()[f"Operations: {name}"]
    return index.search(search.text, earliest=str(search.earliest), latest="now")


def test_on_good_days_nothing_needs_attention() -> None:
    rows = shown("What needs attention", bad=False)
    assert {row["State"] for row in rows} == {"Fine"}
    assert {row["What"] for row in rows} == {
        "Input",
        "Webhook",
        "Subscription",
        "Certificate",
        "Queue",
        "Limit of the day",
    }


def test_on_bad_days_what_is_wrong_stands_on_top() -> None:
    states = [row["State"] for row in shown("What needs attention", bad=True)]
    assert states[0] == "Act now"
    assert states == sorted(states, key=["Act now", "Watch", "Fine"].index)
    assert any("outage" in str(row["What is seen"]) for row in shown("What needs attention", bad=True))


@pytest.mark.parametrize("bad", [False, True])
def test_delays_are_those_of_the_lines(bad: bool) -> None:
    received: dict[str, float] = {}
    delays: list[float] = []
    index = Index(NOW)
    for source, lines in logged(bad=bad).items():
        index.add_log(lines, source=source)
    for event in index.events:
        trail = re.search(r"\btrail=(\w+)", event.raw)
        if trail is None or event.time < NOW - 7 * 86_400.0:
            continue
        if "action=received" in event.raw:
            received.setdefault(trail[1], event.time)
        elif re.search(r"action=finished .*outcome=collected", event.raw) and trail[1] in received:
            delays.append(event.time - received.pop(trail[1]))
    (row,) = (one for one in shown("Delays", bad=bad) if one["From → splunkd"] == "Notification received")
    assert len(delays) > 10
    assert row["Notifications"] == len(delays)
    assert float(row["Slowest (s)"]) == pytest.approx(max(delays), abs=0.06)


@pytest.mark.parametrize(
    "name",
    ["Delays over time", "Queue over time", "Strava's limits", "Missed by the webhook", "Athletes in the log", "Trail"],
)
def test_the_lines_have_what_the_panels_read(name: str) -> None:
    rows = shown(name, bad=True)
    assert rows
    assert any(value not in (None, "-", 0, 0.0) for row in rows for key, value in row.items() if key != "_time")


def test_each_warning_that_the_collector_writes_leads_to_something_to_do() -> None:
    rows = shown("Warnings and errors", bad=True)
    assert {"postponed", "problem"} <= {str(row["Line"]) for row in rows}
    assert all(str(row["What to do"]).endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("text", "activity"),
    [
        ("latest", OTHER),
        ("", OTHER),
        (f" {RIDE} ", RIDE),
        (f"https://www.strava.com/activities/{RIDE}", RIDE),
        (f"https://www.strava.com/activities/{RIDE}/segments/3", RIDE),
        (f"www.strava.com/activities/{RIDE}?utm=2", RIDE),
        (f"https://www.strava.com/activities/{RIDE}#3", RIDE),
    ],
)
def test_a_ride_is_found_by_its_number_or_its_address(text: str, activity: int) -> None:
    (row,) = entered(text)
    assert (str(row["Activity"]), row["Where it is"]) == (str(activity), "Given to splunkd")


@pytest.mark.parametrize(
    "text",
    [
        "my ride of 2026",
        "*",
        "1 OR sourcetype=*",
        f"https://www.strava.com/athletes/{RIDE}",
        '" | x',
        '1 | append [| makeresults | eval injected="INJECTED"]',
        '" ] | append [| makeresults | eval injected="INJECTED"] | eval a="',
    ],
)
def test_what_is_no_ride_is_told_and_stays_text(text: str) -> None:
    (row,) = entered(text)
    assert (row["Activity"], row["Where it is"]) == ("-", "Not understood")
    assert entered(text, "steps") == []
    assert "INJECTED" not in str(entered(text, "trail"))
