"""A line of the set-up check: what was looked at, how it is, what was seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(str, Enum):
    """How a thing is."""

    PASS = "pass"  # noqa: S105 # a word, no secret
    #: It may work all the same, or could not be looked at.
    WARN = "warn"
    #: Something that has to be mended before activities arrive, or arrive as configured.
    FAIL = "fail"


#: Everything that is looked at, in the order in which it is worth mending.
TOPICS = (
    "configuration",
    "application",
    "athlete",
    "process",
    "listener",
    "certificate",
    "callback",
    "subscription",
    "worker",
    "queue",
    "dead_letters",
    "history",
    "missed",
    "listing",
    "privacy",
    "quota",
    "index",
    "macro",
    "clock",
    "disk",
)


@dataclass(frozen=True)
class Line:
    """One finding. No part of it ever holds a secret."""

    #: One of TOPICS.
    topic: str
    #: The input, application, athlete or index that it is about; empty if it is about the whole host.
    subject: str
    status: Status
    #: A sentence.
    seen: str
    #: What to do, empty if all is well.
    to_do: str = ""

    @property
    def name(self) -> str:
        """The topic, and what it is about if there can be several."""
        return f"{self.topic}:{self.subject}" if self.subject else self.topic


def passed(topic: str, subject: str, seen: str) -> Line:
    return Line(topic, subject, Status.PASS, seen)


def warned(topic: str, subject: str, seen: str, to_do: str) -> Line:
    return Line(topic, subject, Status.WARN, seen, to_do)


def failed(topic: str, subject: str, seen: str, to_do: str) -> Line:
    return Line(topic, subject, Status.FAIL, seen, to_do)


def unseen(topic: str, subject: str, seen: str) -> Line:
    """Return the line of what could not be looked at, which the topic “configuration” explains."""
    return warned(topic, subject, seen, "The topic “configuration” says why; mend that, then check again.")


def summary(lines: list[Line]) -> str:
    """Say in a sentence what the lines come to."""
    faults = sum(line.status is Status.FAIL for line in lines)
    warnings = sum(line.status is Status.WARN for line in lines)
    if faults:
        said = f"{_count(faults, 'fault')} and {_count(warnings, 'warning')} in {_count(len(lines), 'line')}."
        return f"{said} Begin with the first fault: those below it often go with it." if faults > 1 else said
    if warnings:
        return f"No fault and {_count(warnings, 'warning')} in {_count(len(lines), 'line')}."
    return f"All is well, in {_count(len(lines), 'line')}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
