"""What the set-up check says of subscriptions: where Strava sends notifications, and what comes of it by itself.

What the input that keeps the subscription said last is what is told: the check must not know better.
"""

from __future__ import annotations

from typing import Optional

from strava_collector.check_facts import ApplicationFacts, Facts, InputFacts
from strava_collector.check_line import Line, failed, passed, warned
from strava_collector.subscription_rules import Listed, State, same_url, shown

#: What these say is over once Strava has nothing, or the input may replace.
_OF_A_FOREIGN_ONE = (State.FOREIGN, State.CONTESTED)

_NEXT_LOOK = "when it looks next, within an hour; saving it on the page Inputs lets it look at once"


def subscriptions(facts: Facts) -> list[Line]:
    """Say of each enabled input whether Strava sends notifications to it, and of applications that send elsewhere."""
    by_name = {one.name: one for one in facts.applications or ()}
    enabled = [one for one in facts.inputs or () if one.enabled and one.listens]
    lines = [
        _subscription(one, by_name.get(one.application), [other for other in enabled if _share(one, other)])
        for one in enabled
    ]
    used = {one.application for one in enabled}
    unused = [one for one in by_name.values() if one.name not in used]
    return lines + [_left(one, one.subscriptions[-1]) for one in unused if one.subscriptions]


def _share(one: InputFacts, other: InputFacts) -> bool:
    return one.name != other.name and one.application == other.application


def _left(application: ApplicationFacts, there: Listed) -> Line:
    return warned(
        "subscription",
        application.name,
        f"Strava sends the notifications of the application “{application.name}” to {shown(there.callback_url)}, but "
        "no enabled input Strava Webhook is for it.",
        "Enable or create an input for it, or remove the subscription: “strava_admin.py subscriptions delete "
        f"{there.id}”.",
    )


def _subscription(one: InputFacts, application: Optional[ApplicationFacts], sisters: list[InputFacts]) -> Line:
    if application is None:
        return failed(
            "subscription",
            one.name,
            f"There is no application “{one.application}”, so there can be no subscription.",
            "Choose another application in the input (page Inputs), or enter that one.",
        )
    if application.subscriptions is None:
        seen = "Which subscription Strava has could not be seen."
        return warned("subscription", one.name, seen, f"See the line application:{application.name}.")
    if not application.subscriptions:
        seen = "Strava has no subscription for the application, so it sends nothing."
        return failed("subscription", one.name, seen, _of_a_sister(application, sisters) or _making(one))
    found = application.subscriptions[-1]
    if not same_url(found.callback_url, one.callback_url):
        return _elsewhere(one, application, found, sisters)
    if application.known is not None and application.known != found.id:
        return warned(
            "subscription",
            one.name,
            f"Strava has the subscription {found.id}; the add-on still takes {application.known} for its own.",
            "It learns the new one by itself with the next notification; nothing is lost.",
        )
    return passed("subscription", one.name, f"Strava sends notifications to this input (subscription {found.id}).")


def _elsewhere(one: InputFacts, application: ApplicationFacts, found: Listed, sisters: list[InputFacts]) -> Line:
    for sister in sisters:
        if same_url(found.callback_url, sister.callback_url):
            return failed(
                "subscription",
                one.name,
                f"Strava sends the notifications to the input “{sister.name}” (subscription {found.id}), which has the "
                "same application.",
                "Disable one of the two inputs, or choose another application for one: an application has only one "
                "subscription.",
            )
    where = f"{shown(found.callback_url)} (subscription {found.id})"
    if one.manages_subscription and found.id == one.kept_subscription:
        return warned(
            "subscription",
            one.name,
            f"Strava still sends the notifications to the former callback URL of this input: {where}.",
            _of_a_sister(application, sisters) or f"The input replaces it by itself. {_said(one)}".strip(),
        )
    seen = f"Strava sends the notifications elsewhere: to {where}."
    return failed("subscription", one.name, seen, _of_a_sister(application, sisters) or _replacing(one, found))


def _of_a_sister(application: ApplicationFacts, sisters: list[InputFacts]) -> str:
    """What to do about another enabled input that keeps the application's subscription; empty if none does."""
    for sister in sisters:
        if sister.name == application.keeper and sister.manages_subscription:
            return (
                f"The input “{sister.name}” keeps the application's subscription; see its line. Disable one of the two "
                "inputs, or choose another application for one."
            )
    return ""


def _making(one: InputFacts) -> str:
    if not one.manages_subscription:
        return f"Create it: “strava_admin.py subscriptions create --input {one.name}”, see docs/subscription.md."
    if one.runs is False:
        return "The input creates it by itself as soon as it runs."
    said = "" if one.subscription_state in _OF_A_FOREIGN_ONE else _said(one)
    return f"The input creates it by itself. {said}" if said else f"The input creates it by itself {_NEXT_LOOK}."


def _replacing(one: InputFacts, found: Listed) -> str:
    delete = f"“strava_admin.py subscriptions delete {found.id}”"
    if not one.manages_subscription:
        return (
            f"If nobody else needs that, remove it: {delete}, and create this input's: “strava_admin.py subscriptions "
            f"create --input {one.name}”. An application has only one."
        )
    if one.may_replace:
        said = "" if one.subscription_state is State.FOREIGN else _said(one)
        # That the input has been replaced for good is said where it is so; everything else it does by itself.
        if said and one.subscription_state is State.CONTESTED:
            return said
        return f"The input replaces it by itself. {said}" if said else f"The input replaces it by itself {_NEXT_LOOK}."
    return (
        "If nobody else needs that, tick “Replace a subscription with another callback URL” in the input, or "
        f"remove it: {delete}. An application has only one."
    )


def _said(one: InputFacts) -> str:
    return "" if one.subscription_state in (None, State.KEPT, State.BY_HAND) else one.subscription_said
