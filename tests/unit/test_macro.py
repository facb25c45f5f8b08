"""The macro strava_index: what is understood of it, and what is added."""

from __future__ import annotations

import logging
from typing import Optional

import pytest

from strava_collector.macro import MacroKeeper, extended, indexes_of, wanted_indexes
from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.settings import Advanced, Athlete, EnabledActivities, EnabledInput, Settings
from tests.support.clock import VirtualClock


@pytest.mark.parametrize(
    ("definition", "indexes"),
    [
        ("index=strava", ("strava",)),
        (' index = "strava" ', ("strava",)),
        ("(index=strava)", ("strava",)),
        ("((index=strava OR index=my-rides))", ("strava", "my-rides")),
        ("index=strava OR index=b OR index=c", ("strava", "b", "c")),
        ('index IN (strava, "b", c)', ("strava", "b", "c")),
        ("(index in (strava,b))", ("strava", "b")),
        ("INDEX=Strava", ("strava",)),
        ("index=_internal", ("_internal",)),
        ("index=*", None),
        ("index=strava*", None),
        ("index=strava host=a", None),
        ("index=strava AND index=b", None),
        ("index!=strava", None),
        ("NOT index=strava", None),
        ("(index=a) OR (index=b)", None),
        ("`other_macro`", None),
        ("index IN ()", None),
        ("index IN (a, *)", None),
        ("(index=a", None),
        ("index=a OR", None),
        ("", None),
        ("sourcetype=strava:activities", None),
    ],
)
def test_a_plain_list_of_indexes_is_understood_and_nothing_else(
    definition: str, indexes: Optional[tuple[str, ...]]
) -> None:
    assert indexes_of(definition) == indexes


@pytest.mark.parametrize(
    ("definition", "wanted", "becomes"),
    [
        ("index=strava", {"strava"}, None),
        ("index=strava", {"main"}, "(index=strava OR index=main)"),
        ("index IN (a, b)", {"c", "b", "d"}, "(index=a OR index=b OR index=c OR index=d)"),
        ("index=strava", set(), None),
        ("index=*", {"main"}, None),
        ("`mine`", {"main"}, None),
        ("index=strava", {"*", "a b", "x)|delete"}, None),
        ("", {"main"}, None),
    ],
)
def test_what_is_missing_is_added_and_nothing_is_ever_removed(
    definition: str, wanted: set[str], becomes: Optional[str]
) -> None:
    assert extended(definition, wanted) == becomes
    if becomes is not None:
        assert extended(becomes, wanted) is None


def settings(*indexes: str, keep: bool = True, athletes: tuple[Athlete, ...] = ()) -> Settings:
    return Settings(
        enabled_inputs=tuple(EnabledInput(f"in-{index}", "club", "8443", index) for index in indexes),
        athletes={one.athlete_id: one for one in athletes},
        advanced=Advanced(keep_macro=keep),
    )


def test_events_go_to_the_indexes_of_both_kinds_of_inputs_and_of_those_athletes_whom_one_collects() -> None:
    both = Settings(
        enabled_inputs=(EnabledInput("live", "club", "8443", "strava"),),
        enabled_activities=(EnabledActivities("history", "own", frozenset({"anna"}), "old"),),
        athletes={
            1: Athlete("anna", 1, "own", index="annas"),
            2: Athlete("ben", 2, "own", index="bens"),
            3: Athlete("carl", 3, "club", index="carls"),
        },
    )

    assert wanted_indexes(both) == {"strava", "old", "annas", "carls"}


def test_events_go_to_the_indexes_of_enabled_inputs_and_of_their_athletes() -> None:
    athletes = (
        Athlete("anna", 1, "club", index="private"),
        Athlete("ben", 2, "club"),
        Athlete("cleo", 3, "nobody-collects", index="other"),
    )
    assert wanted_indexes(settings("strava", "", athletes=athletes)) == {"strava", "private"}


class Macros:
    """splunkd's macros."""

    def __init__(self, definition: Optional[str]) -> None:
        self.macros = {} if definition is None else {"strava_index": {"definition": definition}, "x": {}}
        self.refusal: Optional[Exception] = None
        self.asked = 0

    def stanza(self, conf: str, name: str) -> Optional[dict[str, str]]:
        assert conf == "macros"
        self.asked += 1
        if self.refusal is not None:
            raise self.refusal
        return self.macros.get(name)

    def update_stanza(self, conf: str, name: str, fields: dict[str, str]) -> None:
        assert conf == "macros"
        self.macros[name].update(fields)


def test_the_keeper_adds_once_and_then_leaves_the_macro_alone(caplog: pytest.LogCaptureFixture) -> None:
    macros = Macros("index=strava")
    keeper = MacroKeeper(macros, VirtualClock())
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            keeper.follow(settings("strava", "rides"))
    assert macros.macros["strava_index"]["definition"] == "(index=strava OR index=rides)"
    assert caplog.text.count("macro_extended") == 1
    keeper.follow(settings("strava"))
    assert macros.macros["strava_index"]["definition"] == "(index=strava OR index=rides)"


def test_splunkd_is_asked_once_a_minute_and_when_something_else_is_wanted() -> None:
    macros, clock = Macros("index=strava"), VirtualClock()
    keeper = MacroKeeper(macros, clock)
    for _ in range(11):  # as often as settings are read in five minutes
        keeper.follow(settings("strava"))
        clock.advance(30.0)
    assert macros.asked == 6
    keeper.follow(settings("strava", "rides"))
    assert "index=rides" in macros.macros["strava_index"]["definition"]
    asked = macros.asked
    keeper.follow(settings("strava", "rides", keep=False))
    keeper.follow(settings("strava", "rides"))
    assert macros.asked == asked + 1, "ticked again it is looked at at once"


@pytest.mark.parametrize(("definition", "keep"), [("index=strava", False), ("index=*", True), (None, True)])
def test_the_keeper_leaves_alone_what_is_not_its_own(definition: Optional[str], keep: bool) -> None:
    macros = Macros(definition)
    before = {name: dict(stanza) for name, stanza in macros.macros.items()}
    MacroKeeper(macros, VirtualClock()).follow(settings("rides", keep=keep))
    assert macros.macros == before


def test_what_splunkd_refuses_is_logged_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    macros = Macros("index=strava")
    macros.refusal = SplunkUnavailable("splunkd answered 503.")
    keeper = MacroKeeper(macros, VirtualClock())
    keeper.follow(settings("rides"))
    keeper.follow(settings("rides"))
    assert caplog.text.count("macro_not_kept") == 1
    macros.refusal = None
    keeper.follow(settings("rides"))
    assert "index=rides" in macros.macros["strava_index"]["definition"]
    macros.refusal = SessionExpired("expired")
    with pytest.raises(SessionExpired):
        keeper.follow(settings("strava"))
