"""What the interpreter's ``search`` finds (Search Reference, search; Search Manual, Boolean expressions)."""

from __future__ import annotations

import pytest

from sandbox.spl import Row
from sandbox.spl.terms import Terms

ROW: Row = {
    "index": "strava",
    "sourcetype": "strava:activities",
    "source": "strava_webhook://club",
    "id": "7",
    "athlete.id": "3",
    "name": "Morning Ride",
    "distance": "10500.5",
    "sport": ["Ride", "GravelRide"],
    "computed": 1.0,
    "_raw": '{"id":7,"name":"Morning Ride","error":"access denied"}',
}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("id=7", True),
        ('id="7"', True),
        ("id = 7", True),
        ("id=70", False),
        ("athlete.id=3", True),
        ("'athlete.id'=3", True),
        ('name="morning ride"', True),
        ("name=morn*", True),
        ('name="*RIDE"', True),
        ("name=Ride", False),
        ("name=*", True),
        ("nothing=*", False),
        ("computed=1", True),
        ("sport=ride", True),
        ("sport!=ride", True),
        ("sport=Run", False),
        # Where there is no such field, != does not hold, and NOT does.
        ("id!=8", True),
        ("id!=7", False),
        ("nothing!=7", False),
        ("NOT nothing=7", True),
        ("NOT id=7", False),
        ("distance>9000", True),
        ("distance<=10500.5", True),
        ("distance<9", False),
        ("name>a", False),
        ("id IN (1, 7)", True),
        ("NOT id IN (1, 7)", False),
        # OR before AND.
        ("id=7 OR id=8 id=9", False),
        ("id=7 AND id=8 OR id=7", True),
        ("(id=9 id=8) OR id=7", True),
        ("NOT id=8 NOT id=9", True),
        ("NOT (id=7 OR id=8)", False),
        # Words of the text.
        ("denied", True),
        ('"access denied"', True),
        ('"denied access"', False),
        ("deni", False),
        ("deni*", True),
        ("*", True),
        # Time is not a field.
        ("earliest=-1d id=7", True),
        # Internal indexes are not in index=*.
        ("index=*", True),
        ("index=str*", True),
        ("sourcetype=strava:*", True),
        ("source=*club", True),
    ],
)
def test_terms(words: str, found: bool) -> None:
    terms = Terms(words)
    assert terms.matches(ROW) is found
    if found:
        assert terms.may_match({name: ROW[name] for name in ("index", "sourcetype", "source")})


def test_what_is_known_of_an_event_before_it_is_read_may_be_enough() -> None:
    meta = {"index": "strava", "sourcetype": "strava:gear", "source": "s", "host": "h"}
    assert not Terms("index=other id=7").may_match(meta)
    assert not Terms('index=strava (sourcetype="strava:activities" OR sourcetype="strava:athlete")').may_match(meta)
    assert Terms('index=strava (sourcetype="strava:activities" OR deleted=true)').may_match(meta)
    assert Terms("index=strava NOT deleted=true word").may_match(meta)
    assert not Terms("index=strava NOT sourcetype=strava:gear").may_match(meta)


def test_an_internal_index_is_found_by_its_name_alone() -> None:
    assert not Terms("index=*").matches({"index": "_internal"})
    assert Terms("index=_*").matches({"index": "_internal"})


def test_a_range_of_time_in_the_text() -> None:
    terms = Terms("(index=strava) earliest=0 latest=+20y (id=7)")
    assert (terms.earliest, terms.latest) == ("0", "+20y")
    assert terms.fields == {"index", "id"}


@pytest.mark.parametrize(
    "words", ["(id=7", "id=7)", "NOT", "id=7 OR", "OR id=7", "(earliest=0 id=7) OR id=8", "id>7*", "| id=7", "[b] id=7"]
)
def test_what_is_unknown_is_refused(words: str) -> None:
    with pytest.raises(AssertionError):
        Terms(words)
