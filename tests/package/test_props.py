"""``props.conf`` finds in an event's text the time that the input sends with it."""

from __future__ import annotations

import configparser
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

#: How each sourcetype's events begin, and their time in seconds since the epoch.
BEGINNINGS = [
    ("strava:activities", '{"start_date":"2024-05-01T06:30:00Z","id":1,"deleted":true', 1714545000.0),
    ("strava:activities", '{"start_date": "1998-12-31T23:59:59Z", "start_date_local": "1999-01-01T', 915148799.0),
    ("strava:webhook", '{"event_time":1516126040,"object_id":1360128428', 1516126040.0),
    ("strava:activities:stream", '{"time":1714545007,"activity_id":1', 1714545007.0),
    ("strava:athlete", '{"collected_at":1714545007.123,"id":1', 1714545007.123),
    ("strava:gear", '{"collected_at":1714545007.123,"id":"b1"', 1714545007.123),
]

#: The sourcetypes under which a sample is uploaded, with the names that searches see.
SAMPLES = {sourcetype.replace("strava:", "strava:sample:", 1): sourcetype for sourcetype, _, _ in BEGINNINGS}

#: The formats in use, and the text that each takes.
_FORMATS = {
    "%Y-%m-%dT%H:%M:%SZ": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "%s": re.compile(r"\d{10}"),
    "%s.%3N": re.compile(r"\d{10}\.\d{3}"),
}


@pytest.fixture(scope="module")
def props(addon: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(delimiters="=", comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys of conf files are case-sensitive
    parser.read(addon / "default" / "props.conf")
    return parser


#: The add-on's own log files.
LOG = "source::...ta_strava_webhook*.log*"


def _sourcetypes(props: configparser.RawConfigParser) -> set[str]:
    return set(props.sections()) - {LOG}


def test_there_is_a_stanza_for_each_sourcetype_and_no_other(props: configparser.RawConfigParser) -> None:
    assert _sourcetypes(props) == {sourcetype for sourcetype, _, _ in BEGINNINGS} | set(SAMPLES)


def test_the_log_is_only_read_otherwise_while_searching(props: configparser.RawConfigParser) -> None:
    assert dict(props[LOG]) == {"KV_MODE": "auto_escaped"}


@pytest.mark.parametrize(("sourcetype", "text", "time"), BEGINNINGS)
def test_the_time_in_the_text_is_the_time_of_the_event(
    sourcetype: str, text: str, time: float, props: configparser.RawConfigParser
) -> None:
    stanza = props[sourcetype]
    prefix = re.match(stanza["TIME_PREFIX"], text)
    assert prefix is not None
    window = text[prefix.end() :][: int(stanza["MAX_TIMESTAMP_LOOKAHEAD"])]
    found = _FORMATS[stanza["TIME_FORMAT"]].match(window)
    assert found is not None, window
    if stanza["TIME_FORMAT"].startswith("%s"):
        assert float(found[0]) == time
    else:
        assert stanza["TZ"] == "UTC"
        moment = datetime.strptime(found[0], stanza["TIME_FORMAT"]).replace(tzinfo=timezone.utc)
        assert moment.timestamp() == time


def test_no_event_is_broken_merged_cut_off_or_refused_for_its_age(props: configparser.RawConfigParser) -> None:
    for name in _sourcetypes(props):
        stanza = props[name]
        assert (stanza["TRUNCATE"], stanza["SHOULD_LINEMERGE"]) == ("0", "false")
        assert stanza["LINE_BREAKER"] == r"([\r\n]+)"
        assert (stanza["MAX_DAYS_AGO"], stanza["MAX_DAYS_HENCE"]) == ("10951", "10950")


def test_json_is_extracted_once_and_at_search_time(props: configparser.RawConfigParser) -> None:
    for name in _sourcetypes(props):
        assert props[name]["KV_MODE"] == "json"
        assert "INDEXED_EXTRACTIONS" not in props[name]


def test_an_uploaded_sample_is_read_like_the_real_thing_and_found_under_its_name(
    props: configparser.RawConfigParser,
) -> None:
    for name, real in SAMPLES.items():
        settings = dict(props[name])
        assert settings.pop("rename") == real
        assert settings.pop("description") != props[real]["description"]
        assert settings == {key: value for key, value in props[real].items() if key in settings}
        # How the text is read when it arrives is decided by the sourcetype that was chosen for the upload; the rest is
        # looked up under the real name while searching.
        at_index_time = {key for key in props[real] if key.isupper()} - {"KV_MODE"}
        assert at_index_time <= set(settings)


def test_only_samples_are_renamed(props: configparser.RawConfigParser) -> None:
    assert {name for name in props.sections() if "rename" in props[name]} == set(SAMPLES)
