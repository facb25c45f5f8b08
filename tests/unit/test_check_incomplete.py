"""The set-up check while something is not there yet, not running, not to be seen, or only lists."""

from __future__ import annotations

from dataclasses import replace

from strava_collector.check import judge
from strava_collector.check_facts import Facts
from strava_collector.check_line import summary
from strava_collector.store.heartbeats import Heartbeat
from tests.support.clock import START
from tests.support.set_up import ADA, CLUB, FAIL, GOOD, HISTORY, HOME, PASS, WARN, lines_of, with_input

EMPTY = Facts(
    now=START,
    inputs=(),
    applications=(),
    athletes=(),
    has_store=False,
    indexes=frozenset({"main"}),
    macro="index=strava",
    disk_free=90_000_000_000,
)


def test_a_new_installation_is_told_the_three_things_to_do_and_is_not_frightened() -> None:
    lines = lines_of(EMPTY)
    assert {name: line.status for name, line in lines.items()} == {
        "configuration": PASS,
        "application": FAIL,
        "athlete": FAIL,
        "process": FAIL,
        "dead_letters": PASS,
        "disk": PASS,
    }
    assert lines["process"].seen == (
        "There is no input yet. Listener, certificate, callback URL, subscription, workers, queue, index and search "
        "macro are looked at once an input runs."
    )
    assert summary(list(lines.values())).startswith("3 faults and 0 warnings in 6 lines. Begin with the first")


def test_what_is_there_has_its_line_although_there_is_no_input_yet() -> None:
    lines = lines_of(replace(EMPTY, applications=(CLUB,), athletes=(replace(ADA, index="main"),), macro=""))
    assert [name for name, line in lines.items() if line.status is FAIL] == ["process", "macro"]
    assert lines["index:main"].status is PASS
    assert lines["process"].seen.endswith("subscription, workers and queue are looked at once an input runs.")


def test_while_every_input_is_disabled_that_is_the_only_fault() -> None:
    off = replace(HOME, enabled=False, runs=False)
    lines = lines_of(replace(GOOD, inputs=(off, replace(off, name="old"))))
    assert [name for name, line in lines.items() if line.status is not PASS] == [
        "process:home",
        "process:old",
        "subscription:Club",
    ]
    assert "are looked at" in lines["process:home"].seen
    assert "are looked at" not in lines["process:old"].seen


def test_a_process_that_is_not_there_is_one_fault() -> None:
    lines = lines_of(with_input(runs=False))
    assert [name for name, line in lines.items() if line.status is not PASS] == ["process:home"]
    assert summary(list(lines.values())) == f"1 fault and 0 warnings in {len(lines)} lines."


def test_who_may_not_see_anything_gets_warnings_and_no_wrong_faults() -> None:
    lines = lines_of(
        Facts(now=START, inputs=(), applications=(), athletes=(), no_secrets="Not permitted.", has_store=None)
    )
    assert {line.status for line in lines.values()} == {WARN}


def test_nothing_at_all_can_be_seen() -> None:
    lines = lines_of(Facts(now=START, no_splunkd="It is away.", no_store="It is away."))
    assert {line.status for line in lines.values()} == {WARN}
    assert {"configuration:1", "configuration:2"} <= set(lines)


def test_an_input_that_lists_has_no_listener_certificate_callback_and_subscription() -> None:
    facts = replace(GOOD, inputs=(HISTORY,), applications=(replace(CLUB, subscriptions=(), known=None),))
    lines = {line.topic: line for line in judge(facts) if line.subject == "history"}

    assert set(lines) == {"process", "worker", "queue"}
    assert lines["worker"].seen == "Lists are read and activities fetched."
    assert {line.status for line in judge(facts)} == {PASS}


def test_an_input_that_lists_and_does_not_run_is_a_fault() -> None:
    (line,) = [one for one in judge(replace(GOOD, inputs=(replace(HISTORY, runs=False),))) if one.topic == "process"]

    assert line.status is FAIL
    assert "Its workers are looked at once it runs" in line.seen
    assert "interval (4 hours unless changed)" in line.to_do


def test_a_lister_that_is_silent_is_a_fault() -> None:
    silent = replace(HISTORY, heartbeats={**HISTORY.heartbeats, "lister": Heartbeat(START - 3600)})
    (line,) = [one for one in judge(replace(GOOD, inputs=(silent,))) if one.topic == "worker"]

    assert (line.status, line.seen) == (FAIL, "The lister has given no sign of life for 60 minutes.")


def test_a_lister_whose_last_sign_of_life_is_from_the_future_is_a_fault() -> None:
    silent = replace(HISTORY, heartbeats={**HISTORY.heartbeats, "lister": Heartbeat(START + 3600)})
    (line,) = [one for one in judge(replace(GOOD, inputs=(silent,))) if one.topic == "worker"]

    assert line.status is FAIL
    assert line.seen == "The lister has given no sign of life since this host's clock was set back."


def test_a_subscription_without_a_webhooks_input_is_left_over_also_beside_one_that_lists() -> None:
    (line,) = [one for one in judge(replace(GOOD, inputs=(HISTORY,))) if one.topic == "subscription"]

    assert "no enabled input Strava Webhook is for it" in line.seen
