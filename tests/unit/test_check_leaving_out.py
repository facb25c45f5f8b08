"""The set-up check says of inputs with athletes in common whether they leave out the same."""

from __future__ import annotations

from dataclasses import replace

from strava_collector.check import judge
from strava_collector.check_facts import InputFacts
from strava_collector.check_line import Line
from strava_collector.privacy import Privacy
from tests.support.set_up import GOOD, HISTORY, HOME, PASS, WARN


def privacy_line(*inputs: InputFacts) -> Line:
    (line,) = [one for one in judge(replace(GOOD, inputs=inputs)) if one.topic == "privacy"]
    return line


PLACES, BODY = Privacy(location=True), Privacy(health=True)


def test_inputs_of_an_application_that_leave_out_the_same_pass() -> None:
    line = privacy_line(replace(HOME, privacy=PLACES), replace(HISTORY, privacy=PLACES))
    assert (line.status, line.subject) == (PASS, "Club")
    assert line.seen == "Inputs that have athletes in common leave out the same: location."
    assert not [one for one in judge(GOOD) if one.topic == "privacy"], "one input differs from none"


def test_inputs_of_an_application_that_differ_in_what_they_leave_out_are_told_what_depends_on_which() -> None:
    line = privacy_line(replace(HOME, privacy=Privacy(location=True, text=True)), replace(HISTORY, privacy=BODY))
    assert (line.status, line.subject) == (WARN, "Club")
    assert "“history” health; “home” location and names and texts." in line.seen
    assert "location, names and texts and health now." in line.seen
    assert "If “history” is disabled, it is location and names and texts, and health is written again." in line.seen
    assert "If “home” is disabled, it is health, and location and names and texts are written again." in line.seen
    assert "Tick the same boxes" in line.to_do


def test_a_disabled_input_with_other_boxes_is_told() -> None:
    line = privacy_line(replace(HOME, privacy=PLACES, enabled=False), HISTORY)
    assert line.status is WARN
    assert "“home” location (it is disabled)" in line.seen
    assert "nothing now. If “home” is enabled, it is location." in line.seen
    both = (replace(HOME, privacy=PLACES, enabled=False), replace(HISTORY, enabled=False))
    assert "None of them is enabled" in privacy_line(*both).seen


def test_inputs_without_an_athlete_in_common_may_leave_out_different_things() -> None:
    anna = replace(HISTORY, privacy=PLACES, athletes=frozenset({"anna"}))
    ben = replace(HISTORY, name="ben", athletes=frozenset({"ben"}))
    line = privacy_line(anna, ben)
    assert (line.status, line.seen) == (PASS, "Inputs that have athletes in common leave out the same.")
    assert privacy_line(anna, replace(ben, athletes=frozenset({"ben", "anna"}))).status is WARN
    elsewhere = replace(GOOD, inputs=(anna, replace(HISTORY, name="else", application="Other")))
    assert not [one for one in judge(elsewhere) if one.topic == "privacy"]
