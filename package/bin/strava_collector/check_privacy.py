"""What the set-up check says of what is left out, when several inputs have a say in it."""

from __future__ import annotations

from strava_collector.check_facts import Facts, InputFacts
from strava_collector.check_line import Line, passed, warned
from strava_collector.privacy import Privacy, union


def privacy(facts: Facts) -> list[Line]:
    """Say of each application with several inputs, disabled ones included, whether they leave out the same."""
    inputs = facts.inputs or ()
    lines = []
    for application in sorted({one.application for one in inputs if one.application}):
        several = [one for one in inputs if one.application == application]
        if len(several) > 1:
            lines.append(_line(application, several))
    return lines


def _line(application: str, inputs: list[InputFacts]) -> Line:
    differ = [one for one in inputs if any(_share(one, other) and one.privacy != other.privacy for other in inputs)]
    if not differ:
        seen = "Inputs that have athletes in common leave out the same"
        wishes = {one.privacy for one in inputs}
        return passed("privacy", application, f"{seen}{f': {inputs[0].privacy.words}' if len(wishes) == 1 else ''}.")
    said = "; ".join(
        f"“{one.name}” {one.privacy.words}{'' if one.enabled else ' (it is disabled)'}"
        for one in sorted(differ, key=lambda one: one.name)
    )
    return warned(
        "privacy",
        application,
        f"The application's inputs differ in what they leave out: {said}. {_now(differ)}",
        "Tick the same boxes “Leave out …” in each of them (page Inputs), so that what is left out does not depend on "
        "which of them are enabled.",
    )


def _share(one: InputFacts, other: InputFacts) -> bool:
    """Whether two inputs may collect the same athlete."""
    return not one.athletes or not other.athletes or bool(one.athletes & other.athletes)


def _now(differ: list[InputFacts]) -> str:
    """What is left out at present, and what would be if one input were disabled or enabled."""
    enabled = [one for one in differ if one.enabled]
    if not enabled:
        return "None of them is enabled, so nothing is written at present."
    now = union(one.privacy for one in enabled)
    said = [f"What one enabled input leaves out is left out by all, of the athletes whom it has: {now.words} now."]
    for one in sorted(differ, key=lambda one: one.name):
        others = [other for other in enabled if other is not one]
        then = union([*(other.privacy for other in others), *(() if one.enabled else (one.privacy,))])
        if then != now and others:
            lost = _words_of_difference(now, then) if one.enabled else ""
            end = f", and {lost} written again" if lost else ""
            said.append(f"If “{one.name}” is {'disabled' if one.enabled else 'enabled'}, it is {then.words}{end}.")
    return " ".join(said)


def _words_of_difference(now: Privacy, then: Privacy) -> str:
    gone = Privacy(now.location and not then.location, now.text and not then.text, now.health and not then.health)
    return f"{gone.words} {'is' if gone == Privacy(location=True) or gone == Privacy(health=True) else 'are'}"
