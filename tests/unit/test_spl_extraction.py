"""The fields of an event's text, as KV_MODE = json and automatic key=value extraction give them."""

from __future__ import annotations

import pytest

from sandbox.spl import Row, stanzas
from sandbox.spl.extraction import FieldRules, at_path, of_json, of_pairs
from strava_collector.logfmt import line

PROPS = stanzas("props.conf")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"a":1,"b":"x","c":2.50}', {"a": "1", "b": "x", "c": "2.50"}),
        ('{"a":true,"b":false,"c":null}', {"a": "true", "b": "false", "c": "null"}),
        ('{"a":{"b":{"c":1}}}', {"a.b.c": "1"}),
        ('{"a":[1,2]}', {"a{}": ["1", "2"]}),
        ('{"a":[1]}', {"a{}": "1"}),
        ('{"a":[{"b":1},{"b":2,"c":3}]}', {"a{}.b": ["1", "2"], "a{}.c": "3"}),
        ('{"a":[[1,2],[3]]}', {"a{}{}": ["1", "2", "3"]}),
        ('{"a":{},"b":[]}', {}),
        ('{"a":"x \\"y\\" \\u00fc"}', {"a": 'x "y" ü'}),
        ('{"a":"1"}', {"a": "1"}),
        ("no JSON", {}),
    ],
)
def test_json(text: str, fields: Row) -> None:
    assert of_json(text) == fields
    # A long text is read token by token, with the same result.
    assert of_json(text + " ", cutoff=len(text.encode())) == fields


def test_what_is_cut_off_is_not_found() -> None:
    text = '{"a":1,"b":{"c":"long","d":2},"e":3}'
    assert of_json(text, cutoff=text.index("long")) == {"a": "1"}
    assert of_json(text, cutoff=text.index(',"d"') + 1) == {"a": "1", "b.c": "long"}
    # A number that may go on is none.
    assert of_json('{"a":12}', cutoff=6) == {}


def test_there_are_so_many_fields_and_no_more() -> None:
    text = "{" + ",".join(f'"f{number}":{number}' for number in range(120)) + "}"
    assert list(of_json(text)) == [f"f{number}" for number in range(100)]


CONTENT = {"laps": [{"name": "one", "m": 1.5}, {"name": None}, {"x": True}], "a": {"b": {"c": "é"}}, "n": 0}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("laps{}.name", ["one", "null"]),
        ("laps{}.m", ["1.5"]),
        ("laps{}.x", ["true"]),
        ("a.b.c", ["é"]),
        ("a.b", ['{"c":"é"}']),
        ("laps{}", ['{"name":"one","m":1.5}', '{"name":null}', '{"x":true}']),
        ("n", ["0"]),
        ("nothing", []),
        ("n{}", []),
        ("n.x", []),
    ],
)
def test_a_path(path: str, values: list[str]) -> None:
    assert at_path(CONTENT, path) == values


def test_an_entry_by_its_number_is_refused() -> None:
    with pytest.raises(AssertionError, match="path"):
        at_path(CONTENT, "laps{1}.name")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("action=queue waiting=3", {"action": "queue", "waiting": "3"}),
        ('why="two words" n=1', {"why": "two words", "n": "1"}),
        ("used=3/100 at=2026-06-01T05:00:00Z", {"used": "3/100", "at": "2026-06-01T05:00:00Z"}),
        ('empty="" n=', {}),
        # props.conf.spec, transforms.conf.spec MV_ADD: the first value is kept.
        ("file=a.py:f:1 | action=x file=/etc/y", {"file": "a.py:f:1", "action": "x"}),
        # Escaped quotation marks end a value, unless KV_MODE = auto_escaped.
        (r'title="a \"b\" c" n=1', {"title": "a \\", "n": "1"}),
    ],
)
def test_pairs(text: str, fields: Row) -> None:
    assert of_pairs(text) == fields


@pytest.mark.parametrize("value", ['a "b" c', '"', "a \\", 'C:\\"x"', 'say "no=1"', "plain"])
def test_quotation_marks_within_a_value_are_read_as_they_were_written(value: str) -> None:
    text = line("finished", why=value, n=1)
    assert of_pairs(text, is_escaped=True) == {"action": "finished", "why": value, "n": "1"}


def test_a_line_of_the_log_is_read_as_it_was_meant() -> None:
    fields = {"activity_id": 7, "outcome": "dead letter", "seconds": 0.25, "topic": "athlete_anna", "used": "3/100"}
    assert of_pairs(line("finished", **fields)) == {  # type: ignore[arg-type]
        "action": "finished",
        "activity_id": "7",
        "outcome": "dead letter",
        "seconds": "0.250",
        "topic": "athlete_anna",
        "used": "3/100",
    }


def test_calculated_fields_see_what_is_extracted_and_aliases_and_not_each_other() -> None:
    rules = FieldRules.of(
        {
            "KV_MODE": "json",
            "FIELDALIAS-x": "a AS b, c AS d",
            "EVAL-e": "b+1",
            "EVAL-f": "e+1",
            "EVAL-a": "a*2",
            "EVAL-g": "a*3",
        }
    )
    fields = rules.extracted('{"a":1}')
    rules.add_aliases(fields)
    assert fields == {"a": "1", "b": "1"}
    assert rules.computed(fields, None) == {"e": 2, "f": None, "a": 2, "g": 3}
    assert rules.computed(fields, {"e", "z"}) == {"e": 2}


def test_the_shipped_rules_are_read() -> None:
    rules = FieldRules.of(PROPS["strava:activities"])
    assert rules.is_json
    assert ("athlete.id", "athlete_id") in rules.aliases
    assert {"distance_km", "local_day", "sport_family"} <= rules.calculated.keys()
