"""While an index is missing, nothing is fetched for whom it is, and everybody is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from strava_collector.index_check import IndexCheck
from strava_collector.settings import ActivitiesInput, Athlete, EnabledActivities, EnabledInput, Settings
from tests.support.clock import VirtualClock

HISTORY = ActivitiesInput("history", "strava", "Club")
ANNA, BEN = Athlete("anna", 1, "Club"), Athlete("ben", 2, "Club", index="bens")
SETTINGS = Settings(
    athletes={1: ANNA, 2: BEN},
    enabled_activities=(EnabledActivities("history", "Club", index="strava"),),
    indexes=frozenset({"strava", "bens"}),
)


class Board:
    """What is said."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def report(self, topic: str, text: str) -> None:
        self.said[topic] = text

    def resolved(self, topic: str) -> None:
        self.said.pop(topic, None)


class Pauses:
    """Until when whom is left alone."""

    def __init__(self) -> None:
        self.until: dict[Optional[int], float] = {}

    def __call__(self, who: Optional[int], until: float) -> None:
        self.until[who] = until


def checked(settings: Settings, clock: VirtualClock) -> tuple[IndexCheck, Board, Pauses]:
    board, pauses = Board(), Pauses()
    check = IndexCheck(HISTORY, board, clock, pause=pauses)
    check.look(settings)
    return check, board, pauses


def test_nobody_waits_while_all_indexes_are_there() -> None:
    check, board, pauses = checked(SETTINGS, VirtualClock())

    assert (check.paused, check.is_missing, board.said, pauses.until) == (frozenset(), False, {}, {})


def test_nobody_waits_for_what_is_not_known() -> None:
    check, board, _ = checked(replace(SETTINGS, indexes=None), VirtualClock())

    assert (check.paused, check.is_missing, board.said) == (frozenset(), False, {})


def test_an_athletes_own_missing_index_holds_up_that_athlete_alone_until_it_is_back() -> None:
    clock = VirtualClock()
    check, board, pauses = checked(replace(SETTINGS, indexes=frozenset({"strava"})), clock)

    assert (check.paused, check.is_missing) == (frozenset({2}), False)
    assert "no index “bens” on this host" in board.said["index"]
    assert pauses.until[2] > clock.now() + 60  # longer than until the settings are read again

    check.look(SETTINGS)
    assert (check.paused, board.said) == (frozenset(), {})
    assert pauses.until[2] <= clock.now()


def test_the_inputs_own_missing_index_holds_up_the_notifications_too() -> None:
    check, board, _ = checked(replace(SETTINGS, indexes=frozenset({"bens"})), VirtualClock())

    assert (check.paused, check.is_missing) == (frozenset({1}), True)
    assert "“strava”" in board.said["index"]


def test_what_lists_show_goes_to_the_owners_index_which_may_be_missing() -> None:
    webhook = EnabledInput("club", "Club", "8443", index="live")
    check, board, _ = checked(replace(SETTINGS, enabled_inputs=(webhook,)), VirtualClock())

    assert (check.paused, check.is_missing) == (frozenset({1}), False)
    assert "“live”" in board.said["index"]
