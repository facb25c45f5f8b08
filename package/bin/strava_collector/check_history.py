"""What the set-up check says of lists: how far history has come, what the webhook missed, what listing costs."""

from __future__ import annotations

from datetime import datetime, timezone

from strava_collector.check_facts import Facts, ListFacts
from strava_collector.check_line import Line, passed, warned
from strava_collector.check_words import in_words, log_of
from strava_collector.settings import ActivitiesInput
from strava_collector.walk import listing_cost

#: Listing alone should need no more of the day's reads.
MOST_OF_A_DAY = 0.1
#: A look at the newest activities may be so late, in seconds, before it is worth a word; or by a whole interval.
LATE = 3600.0


def history(facts: Facts) -> list[Line]:
    """Say of each input that lists how far its athletes' history has come."""
    return [_history(facts, one) for one in facts.lists if _is_enabled(facts, one.name)]


def _history(facts: Facts, one: ListFacts) -> Line:
    found = f"{one.found:,} activities of {_count(one.athletes, 'athlete')} found, {one.in_full:,} of them in full"
    if one.waiting:
        found += f"; {one.waiting:,} wait{f', {one.estimate}' if one.estimate else ''}"
    if one.given_up:
        found += f"; {one.given_up:,} could not be fetched and stay as the list shows them"
    if one.unfinished:
        found += f". Lists walked through until now: {'; '.join(one.unfinished[:5])}"
    found += "."
    if one.troubles:
        return warned(
            "history",
            one.name,
            f"{found} These athletes could not be listed: {' '.join(one.troubles[:5])}",
            "Mend what stands here, mostly by connecting the athlete again on Configuration → Athletes; it is tried "
            "again by itself.",
        )
    late = 0.0 if one.oldest_look is None else facts.now - one.oldest_look - one.interval
    if late > max(LATE, one.interval):
        return warned(
            "history",
            one.name,
            f"{found} The newest activities of an athlete should have been looked at {in_words(late)} ago.",
            f"See the lines “process”, “quota” and “athlete”, and look at {log_of(one.name)}. What is missing is found "
            "with the next look.",
        )
    return passed("history", one.name, found)


def missed(facts: Facts) -> list[Line]:
    """Say of each webhook whose athletes are listed too what lists found that it had not announced."""
    lines = []
    for one in facts.misses:
        if not _is_enabled(facts, one.name):
            continue
        seen = f"Lists found {one.today} today and {one.yesterday} yesterday that the webhook had not announced"
        if one.silent_since is None:
            lines.append(passed("missed", one.name, f"{seen}." if one.today + one.yesterday else _NOTHING))
        else:
            moment = datetime.fromtimestamp(one.silent_since, timezone.utc)
            lines.append(
                warned(
                    "missed",
                    one.name,
                    f"{seen}, and at least 3 since {moment:%Y-%m-%d %H:%M} UTC. No notification has arrived "
                    "since then: it seems dead.",
                    "See the lines “callback” and “subscription”: they say what is in the way. Lists find what the "
                    "webhook misses, only later.",
                )
            )
    return lines


_NOTHING = "The webhook has announced all that lists found today and yesterday."


def listing(facts: Facts) -> list[Line]:
    """Say what listing alone needs of each application's reads."""
    lines = []
    for application in facts.applications or ():
        inputs = [one for one in facts.lists if one.application == application.name and _is_enabled(facts, one.name)]
        if not inputs or application.quota is None:
            continue
        calls = sum(_cost(facts, one) for one in inputs)
        allowed = application.quota.day_allowed
        seen = f"Listing needs about {calls:,.0f} of {allowed:,} reads a day."
        if calls > allowed * MOST_OF_A_DAY:
            lines.append(
                warned(
                    "listing",
                    application.name,
                    f"{seen} That is more than a tenth, and leaves less for the activities themselves.",
                    "Make the interval of the input Strava Activities longer (page Inputs); with a webhook that works, "
                    "once or twice a day is enough.",
                )
            )
        else:
            lines.append(passed("listing", application.name, seen))
    return lines


def _cost(facts: Facts, one: ListFacts) -> float:
    back = next((found.look_back for found in facts.inputs or () if found.name == one.name), ActivitiesInput.look_back)
    each = one.found / max(one.athletes, 1)
    return listing_cost(one.athletes, one.interval, each, per_day=one.per_day, look_back=back)


def _is_enabled(facts: Facts, name: str) -> bool:
    # An input of the other kind may not be among them; then the store knows it, and nothing says that it is off.
    return all(one.enabled for one in facts.inputs or () if one.name == name)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
