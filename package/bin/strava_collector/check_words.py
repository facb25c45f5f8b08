"""Words that several parts of the set-up check use."""

from __future__ import annotations

from strava_collector.check_facts import Facts

_DAY = 86_400.0


def in_words(seconds: float) -> str:
    """Return a length of time for people: ``3 days``, ``5 hours``, ``2 minutes``."""
    for unit, name in ((_DAY, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= 2 * unit or (unit == 60.0 and seconds >= unit):
            number = int(seconds // unit)
            return f"{number} {name}{'' if number == 1 else 's'}"
    return f"{max(int(seconds), 0)} s"


def log_of(name: str) -> str:
    """Where an input's log is found."""
    return f"the input's log (search index=_internal source=*ta_strava_webhook_{name}.log)"


def names(found: list[str]) -> str:
    """Return names in quotes, as a list in a sentence."""
    return ", ".join(f"“{name}”" for name in found)


def inputs_unseen(facts: Facts) -> bool:
    """Whether it is not known which inputs there are; who may not read secrets may not be shown inputs either."""
    return facts.inputs is None or (not facts.inputs and bool(facts.no_secrets))
