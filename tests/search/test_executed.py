"""Each search is run as a whole, and shows what Python computes from the same training.

What runs them is the tests' own interpreter (``sandbox/spl``): it reads the very text that is shipped, but it was
written for this add-on, so it is no witness for Splunk. What computes the rows that are expected knows neither the text
of a search nor the interpreter. ``output/searches.json`` says of each search what was shown of it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.spl import Index
from strava_collector.events import Event
from strava_collector.sample_event import SAMPLE_SOURCETYPE
from tests.search.answers import differences
from tests.search.catalogue import LENA, MARCUS, TODAY, about, catalogue, moment, times
from tests.search.expectations import EXPECTATIONS, Expectation
from tests.search.expectations.alerts import CASES, LOOKS, Case
from tests.search.expectations.dashboard_operations import OPERATIONS
from tests.search.expectations.dashboard_ride import RIDES
from tests.search.expectations.erasing import GONE
from tests.search.knowledge import dictionary
from tests.search.not_executed import NOT_EXECUTED
from tests.search.rest_answers import SET_UP, answering
from tests.search.sample import trained
from tests.search.truth import EVERYBODY, Asked, Truth

OUTPUT = Path(__file__).resolve().parents[2] / "output" / "searches.json"
NOW = TODAY.timestamp()
ALERTS = {case.title for case in CASES}

#: What may be said of a search that has been compared; never more.
PARTS = (
    "Run as a whole by the tests' own interpreter of SPL, and its rows compared with an independent computation in "
    "Python. No independent engine has run it: none could be had."
)
FAILED = "Its rows were not those that were expected when the tests were run last."

#: The activity that the lines of one trail name.
SPOKEN_OF = 9_100_000_000_001

#: What became of each search in this run, by name.
_outcomes: dict[str, bool] = {}


@functools.cache
def truth() -> Truth:
    # No search asks for older samples, and they would take half of the time.
    since = moment("-14mon", NOW)
    kept = [one for one in trained().events if one.sourcetype != SAMPLE_SOURCETYPE or one.time >= since]
    return Truth(replace(trained(), events=kept), NOW)


@functools.cache
def index() -> Index:
    """All that was written in two years; searches do not change it, but what lookups hold."""
    found = Index.of(truth().history.events, now=NOW)
    found.rest = answering(SET_UP)
    return found


@pytest.fixture(scope="module", autouse=True)
def _report() -> Iterator[None]:
    yield
    names = [name for name in catalogue() if name not in NOT_EXECUTED]
    if not all(name in _outcomes for name in names):
        return  # only some were asked for
    found = [
        {
            "file": search.file,
            "title": search.title,
            "status": "parts" if _outcomes.get(name) else "not",
            "reason": NOT_EXECUTED[name] if name not in _outcomes else PARTS if _outcomes[name] else FAILED,
        }
        for name, search in catalogue().items()
    ]
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")


def sampled_activity(athlete: int) -> int:
    """The latest with samples that has been recorded as the athlete records everything."""
    details = truth().details
    mine = [one for one in truth().history.sampled if details.get(one, {}).get("athlete", {}).get("id") == athlete]
    good = [one for one in mine if details[one]["segment_efforts"] and len(details[one]["laps"]) > 1]
    if athlete == LENA:
        good = [one for one in good if details[one].get("device_watts") and details[one].get("has_heartrate")]
    return max(good)


def asked(name: str, athlete: int) -> Asked:
    earliest, latest = times(catalogue()[name])
    return Asked(truth(), moment(earliest, NOW), moment(latest, NOW), athlete, sampled_activity(athlete))


def test_the_dictionary_has_each_key_of_two_years() -> None:
    """Of samples, those of one activity of each athlete: the others have the same keys."""
    events = [one for one in truth().history.events if one.sourcetype != SAMPLE_SOURCETYPE]
    for athlete in EVERYBODY:
        events += truth().samples_of(sampled_activity(athlete))
    found: dict[str, set[str]] = {}
    for one in events:
        found.setdefault(one.sourcetype, set()).update(_keys(json.loads(one.data)))
    assert set(found) == set(dictionary())
    for sourcetype, keys in found.items():
        assert keys <= dictionary()[sourcetype].keys(), sourcetype


def _keys(content: object, name: str = "") -> Iterator[str]:
    """The names of all values, as Splunk has them; null is no value."""
    if isinstance(content, dict):
        for key, part in content.items():
            yield from _keys(part, f"{name}.{key}" if name else key)
    elif isinstance(content, list):
        for part in content:
            yield from _keys(part, f"{name}{{}}")
    elif content is not None:
        yield name


def test_each_search_is_expected_to_show_something_or_has_a_reason() -> None:
    known = {*EXPECTATIONS, *ALERTS, *(case.title for case in [*LOOKS, *OPERATIONS, *RIDES]), *GONE, "Strava erase"}
    assert set(catalogue()) == known | set(NOT_EXECUTED)
    assert not known & set(NOT_EXECUTED)


@pytest.mark.parametrize("name", EXPECTATIONS)
def test_a_search_shows_what_python_computes(name: str) -> None:
    _outcomes[name] = False
    expectation = EXPECTATIONS[name]
    shown = 0
    for athlete in expectation.athletes:
        shown += _compare(name, expectation, asked(name, athlete))
    assert shown > 0, "a search that shows nothing shows nothing about itself"
    _outcomes[name] = True


def _compare(name: str, expectation: Expectation, question: Asked) -> int:
    answer = expectation.compute(question)
    search = catalogue()[name]
    if search.queries:
        queries = tuple(about(one, question.athlete, question.activity) for one in search.queries)
        rows = _shown(queries, question.earliest, question.latest)
        assert differences(rows, answer) == []
        return len(rows)
    text = about(search.text, question.athlete, question.activity)
    if search.is_part:  # it stands behind whatever the reader searches
        text = f"`strava_activity_versions` {text}"
    if name == "Strava weekly summary":
        text = text.replace("`strava_report_athlete`", str(question.athlete))
    if "inputlookup strava_gear" in text:
        _fill("Strava lookup gear")
    rows = index().search(text, earliest=question.earliest, latest=question.latest)
    assert differences(rows, answer) == []
    return len(rows)


@functools.cache
def _shown(queries: tuple[str, ...], earliest: float, latest: float) -> list[dict[str, Any]]:
    """As a dashboard does it: what several panels extend is searched once."""
    *before, query = queries
    if not before:
        return index().search(query, earliest=earliest, latest=latest)
    return index().chain(_shown(tuple(before), earliest, latest), query, earliest=earliest, latest=latest)


def _fill(report: str) -> None:
    question = asked(report, LENA)
    index().search(catalogue()[report].text, earliest=question.earliest, latest=question.latest)


@pytest.mark.parametrize("case", [*CASES, *LOOKS, *OPERATIONS, *RIDES], ids=lambda case: f"{case.title}: {case.what}")
def test_a_search_of_the_log_shows_what_was_said(case: Case) -> None:
    before = _outcomes.get(case.title, True)
    _outcomes[case.title] = False
    log = Index.of([], now=NOW)
    log.rest, log.hidden = answering(case.rest), case.hidden
    for one in case.said:
        log.add_log([one.as_written(NOW)], source=one.source, sourcetype="ta_strava_webhook:log")
    question = asked(case.title, LENA)
    text = about(catalogue()[case.title].text, LENA, SPOKEN_OF)
    earliest = question.earliest if case.earliest is None else moment(case.earliest, NOW)
    rows = log.search(text, earliest=earliest, latest=question.latest)
    assert differences(rows, case.answer(NOW)) == []
    _outcomes[case.title] = before


@pytest.mark.parametrize("title", sorted(ALERTS))
def test_the_log_has_what_must_alert_and_what_must_not(title: str) -> None:
    counts = {len(case.answer(NOW).rows) > 0 for case in CASES if case.title == title}
    assert counts == {True, False}


def test_the_summary_shows_nothing_of_several_athletes_at_once() -> None:
    question = asked("Strava weekly summary", LENA)
    text = catalogue()["Strava weekly summary"].text
    assert index().search(text, earliest=question.earliest, latest=question.latest) == []


@functools.cache
def _few() -> list[Event]:
    """All that was written, but of samples only those of one activity."""
    few = [one for one in truth().history.events if one.sourcetype != SAMPLE_SOURCETYPE]
    return few + truth().samples_of(sampled_activity(MARCUS))


@functools.cache
def _copy() -> Index:
    return Index.of(_few(), now=NOW)


def _whole() -> Index:
    """A copy for searches that delete, with all that former ones have deleted."""
    for one in _copy().events:
        one.deleted = False
    return _copy()


def test_what_the_list_names_is_erased_and_nothing_else() -> None:
    _outcomes["Strava erase"] = False
    copy = _whole()
    question = asked("Strava erase list", LENA)
    listed = copy.search(catalogue()["Strava erase list"].text, earliest=question.earliest, latest=question.latest)
    gone = {str(row["id"]) for row in listed}
    assert gone
    copy.search(catalogue()["Strava erase"].text, earliest=question.earliest, latest=question.latest)
    left = copy.search("`strava_index`", earliest=0, latest=question.latest)
    expected = sorted(one.data for one in _few() if not _is_of(one.data, gone))
    assert sorted(str(row["_raw"]) for row in left) == expected
    _outcomes["Strava erase"] = True


@pytest.mark.parametrize("name", GONE)
def test_a_search_that_deletes_deletes_what_its_page_says_and_nothing_else(name: str) -> None:
    _outcomes[name] = False
    question = asked(name, MARCUS)
    copy = _whole()
    text = about(catalogue()[name].text, question.athlete, question.activity)
    copy.search(text, earliest=question.earliest, latest=question.latest)
    left = copy.search("`strava_index`", earliest=0, latest=question.latest)
    expected = sorted(one.data for one in _few() if not GONE[name](json.loads(one.data), question))
    assert 0 < len(expected) < len(_few())
    assert sorted(str(row["_raw"]) for row in left) == expected
    _outcomes[name] = True


def _is_of(data: str, gone: set[str]) -> bool:
    """Whether an event says something of an activity that is gone; tombstones do not."""
    content = json.loads(data)
    if "aspect_type" in content:
        return str(content["object_id"]) in gone and "title" in content["updates"]
    return str(content.get("id", content.get("activity_id"))) in gone and "deleted" not in content
