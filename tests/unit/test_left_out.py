"""What is left out when several inputs have a say in it: what any enabled one leaves out that has the athlete."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from strava_collector.ownership import LeftOut, left_out, left_out_of_all, owner_of
from strava_collector.privacy import KEEP_ALL, Privacy, union
from strava_collector.settings import ActivitiesInput, Athlete, EnabledActivities, EnabledInput, Settings

LOCATION, TEXT, HEALTH = Privacy(location=True), Privacy(text=True), Privacy(health=True)
ALL = Privacy(location=True, text=True, health=True)
ANNA, BEN = Athlete("anna", 1, "App"), Athlete("ben", 2, "App")
WEBHOOK = EnabledInput("club", "App", "8443", privacy=LOCATION)
LISTS = EnabledActivities("lists", "App", privacy=TEXT)
ANNAS = EnabledActivities("annas", "App", athletes=frozenset({"anna"}), privacy=HEALTH)
OTHERS = (EnabledInput("x", "Other", "8444", privacy=ALL), EnabledActivities("y", "Other", privacy=ALL))
EVERYBODY = {1: ANNA, 2: BEN}


def settings(*inputs: object) -> Settings:
    return Settings(
        athletes=EVERYBODY,
        enabled_inputs=tuple(one for one in inputs if isinstance(one, EnabledInput)),
        enabled_activities=tuple(one for one in inputs if isinstance(one, EnabledActivities)),
    )


@pytest.mark.parametrize(
    ("inputs", "annas", "bens", "of_all"),
    [
        ((), KEEP_ALL, KEEP_ALL, KEEP_ALL),
        ((WEBHOOK,), LOCATION, LOCATION, LOCATION),
        ((LISTS,), TEXT, TEXT, TEXT),
        ((WEBHOOK, LISTS), Privacy(location=True, text=True), *2 * (Privacy(location=True, text=True),)),
        ((ANNAS,), HEALTH, KEEP_ALL, HEALTH),
        ((WEBHOOK, ANNAS), Privacy(location=True, health=True), LOCATION, Privacy(location=True, health=True)),
        ((WEBHOOK, LISTS, ANNAS), ALL, Privacy(location=True, text=True), ALL),
        (OTHERS, KEEP_ALL, KEEP_ALL, KEEP_ALL),
    ],
)
def test_what_any_enabled_input_leaves_out_that_has_the_athlete_is_left_out(
    inputs: tuple[object, ...], annas: Privacy, bens: Privacy, of_all: Privacy
) -> None:
    now = settings(*inputs)
    assert (left_out(ANNA, now), left_out(BEN, now), left_out_of_all("App", now)) == (annas, bens, of_all)
    for athlete, expected in ((ANNA, annas), (BEN, bens)):
        owner = owner_of(athlete, now)
        assert owner is None or owner.privacy == expected


def test_a_process_always_leaves_out_what_its_own_input_does() -> None:
    """Also while nothing is known of the others."""
    now: Optional[Settings] = None
    mine = LeftOut(ActivitiesInput("lists", "strava", "App", privacy=TEXT), lambda: now)
    assert (mine.of(ANNA), mine.of_all()) == (TEXT, TEXT)
    now = settings()
    assert (mine.of(ANNA), mine.of_all()) == (TEXT, TEXT)
    now = settings(WEBHOOK, LISTS)
    assert mine.of(ANNA) == mine.of_all() == Privacy(location=True, text=True)
    now = settings(replace(WEBHOOK, privacy=HEALTH), LISTS)
    assert mine.of(ANNA) == mine.of_all() == Privacy(text=True, health=True)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (KEEP_ALL, "nothing"),
        (TEXT, "names and texts"),
        (Privacy(location=True, health=True), "location and health"),
        (ALL, "location, names and texts and health"),
    ],
)
def test_a_wish_in_words(wish: Privacy, words: str) -> None:
    assert wish.words == words
    assert union((wish, KEEP_ALL)) == wish
