"""What follows from what Strava lists: the decision alone."""

from __future__ import annotations

import pytest

from strava_collector.subscription_rules import (
    LONGEST_PAUSE,
    Create,
    Keep,
    Known,
    Listed,
    Refuse,
    Replace,
    State,
    Wanted,
    decide,
    pause,
    same_url,
)

URL, OTHER = "https://rides.example.com/strava/0123", "https://elsewhere.example.org/hook"
WANTED = Wanted(URL)
OURS, FOREIGN = Listed(500, URL, "2026-06-01T06:00:00.123456789Z"), Listed(501, OTHER, "2026-05-01T06:00:00Z")


def test_none_is_created() -> None:
    assert decide([], WANTED, Known()) == Create("there is none")


def test_one_that_somebody_has_deleted_is_created_again_and_named() -> None:
    assert decide([], WANTED, Known(500)) == Create("the one that was there is gone", missing=500)


@pytest.mark.parametrize("known", [Known(), Known(500), Known(499), Known(499, token_changed=True)])
def test_ours_is_kept_whoever_has_made_it(known: Known) -> None:
    assert decide([OURS], WANTED, known) == Keep(OURS)


def test_ours_is_replaced_when_the_verify_token_has_changed() -> None:
    assert decide([OURS], WANTED, Known(500, token_changed=True)) == Replace(OURS, "the verify token has changed")


def test_another_callback_url_is_left_alone_and_told_exactly() -> None:
    plan = decide([FOREIGN], WANTED, Known())
    assert isinstance(plan, Refuse)
    assert plan.state is State.FOREIGN
    for part in ("501", OTHER, "2026-05-01T06:00:00Z", URL, "tick “Replace a subscription with another callback URL”"):
        assert part in plan.said


def test_another_callback_url_is_replaced_when_the_user_allows_it() -> None:
    plan = decide([FOREIGN], Wanted(URL, may_replace=True), Known())
    assert isinstance(plan, Replace)
    assert plan.foreign


def test_our_own_with_the_callback_url_of_before_is_replaced_without_being_allowed() -> None:
    assert decide([FOREIGN], WANTED, Known(501)) == Replace(FOREIGN, "the callback URL has changed")


def test_two_installations_do_not_replace_each_other_for_ever() -> None:
    plan = decide([FOREIGN], Wanted(URL, may_replace=True), Known(500, rival=OTHER))
    assert isinstance(plan, Refuse)
    assert plan.state is State.CONTESTED
    third = Listed(502, "https://third.example.org/hook")
    assert isinstance(decide([third], Wanted(URL, may_replace=True), Known(500, rival=OTHER)), Replace)


def test_should_strava_list_several_ours_counts() -> None:
    assert decide([FOREIGN, OURS], WANTED, Known()) == Keep(OURS)


@pytest.mark.parametrize(
    "written",
    ["https://rides.example.com:443/strava/0123", "https://RIDES.example.com/strava/0123", " " + URL],
)
def test_an_address_is_the_same_however_it_is_written(written: str) -> None:
    assert same_url(URL, written)


@pytest.mark.parametrize(
    "other",
    ["http://rides.example.com/strava/0123", URL + "/", URL + "?a=1", URL.upper(), "https://[", ""],
)
def test_another_address_is_another_one(other: str) -> None:
    assert not same_url(URL, other)


def test_what_strava_says_of_others_cannot_break_a_page_or_fill_it() -> None:
    plan = decide([Listed(9, "https://x/<script>\n" + "a" * 5_000, "<b>")], WANTED, Known())
    assert isinstance(plan, Refuse)
    assert not set("<>\n") & set(plan.said)
    assert len(plan.said) < 1_000


@pytest.mark.parametrize("state", State)
def test_no_pause_is_longer_than_an_hour_or_shorter_than_two_minutes(state: State) -> None:
    pauses = [pause(state, failures) for failures in range(1, 40)]
    assert all(120.0 <= one <= LONGEST_PAUSE for one in pauses)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
