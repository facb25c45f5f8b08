"""Every search that the package or the documentation has: what it names is there, and it reads no more than it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.spl import assignments, evaluate, expand, pipeline
from strava_collector import subscription
from strava_collector.events import activity_event, start_date
from strava_collector.subscription_rules import State
from tests.search.knowledge import (
    COLLECTIONS,
    DICTIONARY,
    DOCS,
    MACROS,
    PROPS,
    ROOT,
    SAVED,
    TRANSFORMS,
    Search,
    cookbook,
    dictionary,
    every_search,
    field_faults,
    macro_faults,
    saved_searches,
    used_fields,
)
from tests.unit.test_docs_reliability import lines
from tests.unit.test_sandbox_strava_activities import fetched, recorded

#: Commands that gather without a limit, or search once per row. None is used.
COSTLY = re.compile(r"\|\s*(join|transaction|map|foreach|collect|tscollect)\b")
#: Searches that sort everything on a page whose text does not say why, with the reason.
SORTED = {
    "docs/reliability.md": "the lines of one trail are a few dozen, and in order they are a story",
}
RANGE = re.compile(r"0|now|[+-]\d+(s|m|h|d|w|mon|y)?(@\w+([+-]\d+[hd])?)?|@\w+([+-]\d+[hd])?")

SEARCHES = every_search()
#: The reports that fill lookups, and the one that prepares erasing.
ENABLED = {"Strava erase list", *(name for name in SAVED if name.startswith("Strava lookup "))}


def test_the_reader_finds_them() -> None:
    files = [search.file for search in SEARCHES]
    assert files.count("docs/cookbook.md") >= 25
    assert files.count("package/default/savedsearches.conf") == len(SAVED) >= 14
    assert {"README.md", "docs/searching.md", "docs/events.md", "docs/moving.md", "docs/privacy.md"} <= set(files)


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_its_macros_are_there_and_take_their_arguments(search: Search) -> None:
    assert macro_faults(search.text) == []


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_its_fields_and_lookups_are_there(search: Search) -> None:
    assert field_faults(search) == []


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_it_is_cheap_or_says_why_not(search: Search) -> None:
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expand(search.text, MACROS))
    assert not re.search(r"\bindex\s*=\s*\*", text)
    assert COSTLY.search(text) is None
    if re.search(r"\|\s*sort 0\b", search.text):
        assert "sort 0" in search.around.replace(search.text, "") or search.file in SORTED
    for sort in re.findall(r"\|\s*sort ([^|]*)", text):
        if search.text.startswith("| rest "):
            continue  # the add-on's own endpoints answer with some dozens of rows
        assert re.match(r"\d+ ", sort), "Splunk keeps 10,000 rows without a word; say how many are wanted"


@pytest.mark.parametrize("name", [name for name, macro in MACROS.items() if "sort 0 " in macro["definition"]])
def test_a_macro_that_sorts_everything_says_why(name: str) -> None:
    before = (ROOT / "package" / "default" / "macros.conf").read_text("utf-8").partition(f"[{name}]\n")[0]
    comment = re.search(r"((?:^#.*\n)*)\Z", before, flags=re.MULTILINE)
    assert comment is not None
    assert "sort 0" in comment[1]


def test_a_macro_gathers_samples_with_nothing_that_may_leave_fields_out() -> None:
    for name in ("strava_samples(1)", "strava_samples_of(1)"):
        assert "eventstats" not in expand(MACROS[name]["definition"], MACROS)


@pytest.mark.parametrize("search", [*saved_searches(), *cookbook()], ids=str)
def test_a_search_lets_go_of_long_texts_before_it_gathers_rows(search: Search) -> None:
    """eventstats holds rows as they are; beyond max_mem_usage_mb it stops adding its fields."""
    commands = pipeline(search.text)
    for number, command in enumerate(commands):
        for field in re.findall(r"^mvexpand (segment|effort|lap)$", command):
            later = commands[number + 1 :]
            gathering = next((at for at, one in enumerate(later) if one.startswith("eventstats")), None)
            assert gathering is None or f"fields - {field}" in later[:gathering]


@pytest.mark.parametrize("search", [*saved_searches(), *cookbook()], ids=str)
def test_it_has_a_range_of_time(search: Search) -> None:
    assert search.earliest is not None
    assert search.latest is not None
    assert RANGE.fullmatch(search.earliest), search.earliest
    assert RANGE.fullmatch(search.latest), search.latest


@pytest.mark.parametrize("search", cookbook(), ids=str)
def test_a_search_of_the_cookbook_is_about_one_athlete(search: Search) -> None:
    assert re.search(r"134815|1234567890|`strava_log`", search.text)
    assert search.around.startswith(search.around[0].upper())


def test_titles_are_different() -> None:
    titles = [search.title for search in cookbook()]
    assert len(set(titles)) == len(titles)


# Macros.


@pytest.mark.parametrize("name", MACROS)
def test_a_macro_uses_all_its_arguments_and_checks_each(name: str) -> None:
    macro = MACROS[name]
    base, _, count = name.partition("(")
    arguments = [one.strip() for one in macro.get("args", "").split(",") if one.strip()]
    assert len(arguments) == int(count.rstrip(")") or 0) if count else not arguments
    assert set(re.findall(r"\$(\w+)\$", macro["definition"])) == set(arguments)
    if arguments:
        assert set(re.findall(r"match\((\w+),", macro["validation"])) == set(arguments)
        assert macro["errormsg"].startswith(f"{base} takes ")
    assert macro_faults(macro["definition"]) == []


@pytest.mark.parametrize(
    "call",
    [
        "strava_activities(sport_type=Run)",
        "strava_activities(1 OR index=x)",
        "strava_activity(*)",
        "strava_of_activity(*)",
        "strava_of_activity(1 OR id=2)",
        "strava_of_athlete(*)",
        "strava_of_athlete(7 OR athlete.id=8)",
        "strava_distance(distance,furlongs)",
        "strava_distance(...,metric)",
        "strava_distance(1e3,metric)",
        "strava_distance(gear.distance,metric)",
        "strava_distance('gear.distance,metric)",
        "strava_duration(')",
        "strava_duration('')",
        "strava_duration({})",
        "strava_sport_family(1sport)",
        "strava_moving_average(7,7)",
        "strava_distance(distance|delete,metric)",
        "strava_training_load(50,185,x)",
        "strava_unit(time,metric)",
        "strava_moving_average(hours,0)",
        "strava_pace(distance,moving_time)",
        "strava_nothing",
    ],
)
def test_the_checker_notices_a_call_that_cannot_be_right(call: str) -> None:
    assert macro_faults(f"`{call}`") != []


@pytest.mark.parametrize("field", ["distance", "_x1", "'gear.distance'", "'laps{}.distance'", "1000", "12.5"])
def test_a_field_and_a_number_are_taken(field: str) -> None:
    assert macro_faults(f"`strava_distance({field},metric)`") == []
    assert evaluate(expand(f"`strava_distance({field},metric)`", MACROS), {field.strip("'"): "1000"}) is not None


@pytest.mark.parametrize(
    "text",
    [
        "`strava_activities` | table nothing",
        "`strava_activities` | eval a=distnace/1000 | table a",
        "`strava_activities` | stats count BY local_moth",
        "`strava_activities` | stats sum(distance_km) AS km BY local_month | table local_day",
        "`strava_activities` | spath path=segment_effort{} output=x | table x",
        "`strava_activities` | where heartrate>1 | table id",
        "| inputlookup strava_bikes",
        "`strava_activities` | table id | outputlookup strava_gear",
        "(`strava_log`) action=queue | table wating",
        "`strava_activities` | geostats count",
    ],
)
def test_the_checker_notices_what_no_event_has(text: str) -> None:
    assert field_faults(Search("", "", text)) != []


# Fields.


def test_the_dictionary_has_what_props_conf_makes_and_nothing_else() -> None:
    for sourcetype, fields in dictionary().items():
        keys = PROPS[sourcetype]
        calculated = {key[5:] for key in keys if key.startswith("EVAL-")}
        aliases = {key[11:] for key in keys if key.startswith("FIELDALIAS-")}
        for key in keys:
            if key.startswith("FIELDALIAS-"):
                assert keys[key].endswith(f" AS {key[11:]}")
        assert {name for name, source in fields.items() if source == "calculated"} == calculated
        assert {name for name, source in fields.items() if source == "alias"} == aliases


def test_a_calculated_field_is_made_of_events_fields_alone() -> None:
    for sourcetype, fields in dictionary().items():
        extracted = {name for name, source in fields.items() if source not in ("calculated", "alias")} | {"_time"}
        for key, expression in PROPS[sourcetype].items():
            if key.startswith("EVAL-"):
                assert used_fields(expression) <= extracted, key
            if key.startswith("FIELDALIAS-"):
                assert expression.partition(" AS ")[0] in extracted, key


def test_families_are_the_same_in_the_field_and_in_the_macro() -> None:
    by_macro = expand("`strava_sport_family(X)`", MACROS)
    sport = PROPS["strava:activities"]["EVAL-sport"]
    assert PROPS["strava:activities"]["EVAL-sport_family"] == by_macro.replace("X", sport)


def test_the_dictionary_has_each_field_of_what_strava_sends() -> None:
    known = set(dictionary()["strava:activities"])
    for kind in ("long_ride", "run", "swim", "manual"):
        content = fetched(recorded(kind))
        event = activity_event(
            content,
            start=start_date(content),
            collected_at=1.5,
            reason="webhook",
            input_name="club",
            index="i",
            source="s",
        )

        for name in _paths(json.loads(event.data)):
            assert name in known or any(one.startswith((f"{name}.", f"{name}{{}}")) for one in known), name


def _paths(value: object, prefix: str = "") -> set[str]:
    if isinstance(value, dict):
        parts = [_paths(part, f"{prefix}.{key}" if prefix else key) for key, part in value.items()]
        return set().union(*parts)
    if isinstance(value, list):
        return set().union(*(_paths(part, f"{prefix}{{}}") for part in value))
    return {prefix}


# Lookups, alerts, permissions.


def test_each_lookup_has_its_collection_and_is_filled_by_a_report() -> None:
    assert {stanza["collection"] for stanza in TRANSFORMS.values()} == set(COLLECTIONS)
    filled = {name for stanza in SAVED.values() for name in re.findall(r"outputlookup (\w+)", stanza["search"])}
    assert filled == set(TRANSFORMS)


@pytest.mark.parametrize("name", SAVED)
def test_what_is_not_needed_by_others_is_disabled_and_says_what_it_is(name: str) -> None:
    stanza = SAVED[name]
    assert (stanza.get("disabled") == "1") == (name not in ENABLED)
    assert len(stanza["description"]) > 60
    if name.startswith("Strava alert "):
        assert "What to do: " in stanza["description"]
        assert (stanza["counttype"], stanza["relation"], stanza["quantity"]) == (
            "number of events",
            "greater than",
            "0",
        )
        assert stanza["search"].startswith("(`strava_log`)")


@pytest.mark.parametrize("name", [name for name in SAVED if SAVED[name].get("alert.suppress") == "1"])
def test_each_row_of_an_alert_is_kept_quiet_by_itself(name: str) -> None:
    """Or one athlete's trouble would hide another's for a day; digest_mode = 0 is what suppress.fields works with."""
    stanza = SAVED[name]
    assert stanza["alert.digest_mode"] == "0"
    shown = set(stanza["search"].rpartition("| table ")[2].split(", "))
    fields = stanza["alert.suppress.fields"].split(",")
    assert set(fields) <= shown
    # What changes from run to run tells no row from another.
    assert set(fields) <= {"host", "source", "cert_file", "application", "athlete", "webhook"}


@pytest.mark.parametrize("name", [name for name in SAVED if SAVED[name].get("alert.suppress") == "1"])
def test_an_alert_is_said_again_on_the_next_day(name: str) -> None:
    hours = re.fullmatch(r"(\d+)h", SAVED[name]["alert.suppress.period"])
    assert hours is not None
    assert int(hours[1]) < 24, "a daily run a moment before 24 hours are over would be a quiet one"


def test_what_may_pass_alerts_when_it_is_told_in_messages() -> None:
    text = SAVED["Strava alert subscription missing"]["search"]
    passing = re.search(r'NOT match\(state, "\^\((.*?)\)\$"\)', text)
    assert passing is not None
    assert set(passing[1].split("|")) == {state.value for state in State if state.passes}
    assert f" OR failures>={subscription._TELL_AFTER} OR " in text


def test_alerts_read_lines_that_are_written() -> None:
    logged = {line.action for line in lines() if not line.debug}
    for name, stanza in SAVED.items():
        if name.startswith("Strava alert "):
            actions = re.findall(r'action="?(\w+)', stanza["search"])
            assert actions
            assert set(actions) <= logged, name


def test_the_page_names_all_of_it() -> None:
    page = (DOCS / "searching.md").read_text("utf-8")
    for name in MACROS:
        assert f"`{name.partition('(')[0]}" in page, name
    for name in {*SAVED} - {"Strava erase", "Strava erase list"}:
        assert f"*{name}*" in page, name
    for name in {*TRANSFORMS} - {"strava_erase_list"}:
        assert f"`{name}`" in page, name
    for name in (
        "Strava lookup athletes",
        "Strava lookup gear",
        "Strava lookup segments",
        "Strava lookup activity types",
    ):
        minute, hour = SAVED[name]["cron_schedule"].split()[:2]
        assert f"at 0{hour}:{int(minute):02d}" in next(row for row in page.splitlines() if f"*{name}*" in row)


def test_the_readme_counts_right() -> None:
    count = len(list(cookbook()))
    for file in ("README.md", "CHANGELOG.md"):
        assert re.search(rf"\b{count} searches", (ROOT / file).read_text("utf-8")), file


def _meta() -> dict[str, dict[str, str]]:
    """default.meta, by stanza."""
    text = (ROOT / "package" / "metadata" / "default.meta").read_text("utf-8")
    stanzas = re.findall(r"^\[(.*)\]\n((?:\w.*\n?|#.*\n)+)", text, flags=re.MULTILINE)
    return {name: dict(re.findall(r"^(\w+) = (.*)$", lines, flags=re.MULTILINE)) for name, lines in stanzas}


def _may_read(meta: Mapping[str, Mapping[str, str]], kind: str, name: str) -> bool:
    """Whether everybody may: by the app, the kind and the object, each of which may forbid it (default.meta.spec)."""
    levels = [meta.get(one, {}).get("access") for one in ("", kind, f"{kind}/{name}")]
    return all(access is None or "read : [ * ]" in access for access in levels)


def test_people_are_in_no_lookup_that_everybody_may_read() -> None:
    meta = _meta()
    assert all("write : [ admin, sc_admin ]" in one["access"] for one in meta.values())
    assert "read : [ admin, sc_admin ]" in meta["savedsearches"]["access"]
    for kind, objects in (("transforms", TRANSFORMS), ("collections", COLLECTIONS)):
        assert {name for name in objects if _may_read(meta, kind, name)} == {"strava_activity_types"}


def test_a_lookup_can_be_opened_and_works_in_every_app() -> None:
    """Whoever opens one changes that object; where its kind is closed, that would open nothing."""
    meta = _meta()
    for kind, objects in (("transforms", TRANSFORMS), ("collections", COLLECTIONS)):
        for name in objects:
            opened = {**meta, f"{kind}/{name}": {"access": "read : [ * ], write : [ admin, sc_admin ]"}}
            assert _may_read(opened, kind, name)
            exports = [meta.get(one, {}).get("export") for one in (f"{kind}/{name}", kind, "")]
            assert next(one for one in exports if one is not None) == "system"


def test_the_page_says_how_to_open_each_lookup() -> None:
    page = (DOCS / "searching.md").read_text("utf-8")
    assert "\n### Who may read them\n" in page
    assert "    [collections/strava_gear]\n    access = read : [ * ], write : [ admin, sc_admin ]\n" in page


def test_assignments_are_read_as_splunk_reads_them() -> None:
    assert assignments('a=if(b="x,y", 1, 2), c=3') == [("a", 'if(b="x,y", 1, 2)'), ("c", "3")]


def test_the_dictionary_is_a_page() -> None:
    assert isinstance(DICTIONARY, Path)
    assert set(dictionary()) == {name for name in PROPS if not name.startswith(("strava:sample:", "source::"))}
