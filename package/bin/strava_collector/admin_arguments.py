"""What operators may say: each verb with its arguments, and how their text is read.

The REST endpoint, the command line and the documentation all follow these tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timezone
from enum import Enum
from typing import Optional, TypeVar

from strava_collector.errors import CollectorError
from strava_collector.job import Reason, Status
from strava_collector.store.job_list import Only

#: What a person types; longer is a mistake.
_LONGEST = 200

#: SQLite's largest integer.
_LARGEST = 2**63 - 1

#: Rows of a list at most, and how many are passed over at most.
MOST_ROWS = 10_000
FARTHEST = 10_000_000

#: Twenty years: who means more means all.
_MOST_HOURS = 175_200.0

_Word = TypeVar("_Word", bound=Enum)


class WrongArgument(CollectorError):
    """What was asked cannot be understood; nothing was done."""


@dataclass(frozen=True)
class Argument:
    """One argument of a verb."""

    name: str
    #: For ``--help``; ends without a full stop.
    help: str
    #: It says yes by being there on the command line; over REST it is 1 or 0.
    flag: bool = False


STATUS = Argument("status", "only jobs of this status: pending, working, done or failed")
ATHLETE = Argument("athlete_id", "only jobs of this athlete, by the number at Strava")
REASON = Argument("reason", "only jobs with this reason: webhook, polling or manual")
LIMIT = Argument("limit", f"how many at most, up to {MOST_ROWS}")
OFFSET = Argument("offset", "how many to pass over, from the newest")

#: The verbs of ``strava_jobs``. Those that change something come after ``show``.
JOBS: Mapping[str, Sequence[Argument]] = {
    "list": (STATUS, ATHLETE, REASON, LIMIT, OFFSET),
    "dead_letters": (LIMIT, OFFSET),
    "counts": (),
    "show": (Argument("id", "number of the job"),),
    "fetch": (
        Argument("activity_id", "number of the activity at Strava"),
        Argument("athlete_id", "number of its athlete at Strava; can be left out if the store knows the activity"),
        Argument("force", "fetch even if nothing says that the activity has changed", flag=True),
        Argument("input", "name of the input that fetches; can be left out if it is known"),
    ),
    "retry": (
        Argument("id", "number of the failed job, or notification:<number>"),
        Argument("all", "retry all dead letters", flag=True),
    ),
    "reclaim": (),
    "replay": (
        Argument("since", "repeat what was finished since then: 2026-06-01T05:00:00Z, or seconds since 1970"),
        Argument("cursor", "go on where an earlier replay stopped, as its answer said"),
    ),
    "reindex": (
        Argument("athlete", "only this athlete's: the number at Strava, or over REST the name of the row, too"),
        Argument("from", "only activities that began on this day or later: 2026-01-31, in UTC"),
        Argument("to", "only activities that began on this day or before"),
        Argument("all", "all that is collected", flag=True),
        Argument("cursor", "go on where an earlier one stopped, as its answer said"),
    ),
    "delete": (
        Argument("status", "done or failed"),
        Argument("older_than", "only what ended more than so many hours ago"),
        Argument("all", "whatever its age", flag=True),
    ),
}

#: The verbs of ``strava_subscriptions``.
SUBSCRIPTIONS: Mapping[str, Sequence[Argument]] = {
    "list": (),
    "create": (Argument("input", "name of the input whose callback URL Strava is to call"),),
    "delete": (Argument("id", "number of the subscription"),),
    "delete_all": (Argument("application", "only that of this application, by its name on Configuration"),),
}


class Given:
    """The arguments of one call, as text."""

    def __init__(self, known: Sequence[Argument], texts: Mapping[str, str]) -> None:
        """Raises WrongArgument for a name that the verb does not know, and for text that nobody means."""
        names = [argument.name for argument in known]
        for name, text in texts.items():
            if name not in names:
                there_are = f"There are: {', '.join(names)}." if names else "There are none."
                raise WrongArgument(f"There is no argument of that name here. {there_are}")
            if len(text) > _LONGEST or not text.isprintable():
                raise WrongArgument(f"The value of {name} is too long, or has characters that cannot be printed.")
            # Perhaps a script's variable is not set: that must not mean all of them.
            if not text.strip():
                raise WrongArgument(f"The argument {name} is empty. Give it a value, or leave it out.")
        self._texts = {name: text.strip() for name, text in texts.items()}

    def text(self, name: str) -> Optional[str]:
        """The argument as it is; None if it is missing."""
        return self._texts.get(name)

    def needed(self, name: str) -> str:
        """The same, but it has to be there."""
        text = self.text(name)
        if text is None:
            raise WrongArgument(f"The argument {name} is missing.")
        return text

    def number(self, name: str, *, least: int = 1, most: int = _LARGEST) -> Optional[int]:
        """A whole number."""
        text = self.text(name)
        if text is None:
            return None
        # Not isdigit: there are other digits than ours.
        if not re.match(r"[0-9]{1,19}\Z", text) or not least <= int(text) <= most:
            raise WrongArgument(f"The argument {name} has to be a whole number from {least} to {most}.")
        return int(text)

    def yes(self, name: str) -> bool:
        """A flag; no if it is missing."""
        text = (self.text(name) or "0").lower()
        if text not in ("0", "1", "true", "false", "yes", "no"):
            raise WrongArgument(f"The argument {name} has to be 1 for yes or 0 for no.")
        return text in ("1", "true", "yes")

    def word(self, name: str, among: type[_Word]) -> Optional[_Word]:
        """One of the words that there are."""
        text = self.text(name)
        if text is None:
            return None
        for one in among:
            if one.value == text:
                return one
        raise WrongArgument(f"The argument {name} has to be one of these: {', '.join(one.value for one in among)}.")

    def hours(self, name: str) -> Optional[float]:
        """Hours, also parts of them."""
        text = self.text(name)
        if text is None:
            return None
        if not re.match(r"[0-9]{1,6}(\.[0-9]{1,6})?\Z", text) or float(text) > _MOST_HOURS:
            raise WrongArgument(f"The argument {name} has to be a number of hours, for instance 24.")
        return float(text)

    def moment(self, name: str, now: float) -> float:
        """A time in the past, in epoch seconds."""
        at = _epoch(self.needed(name))
        if at is None:
            raise WrongArgument(
                f"The argument {name} has to be a time, for instance 2026-06-01T05:00:00Z, or seconds since 1970."
            )
        if at > now:
            raise WrongArgument(f"The argument {name} is a time in the future. Times without a zone are taken as UTC.")
        return at

    def day(self, name: str) -> Optional[str]:
        """A day of the calendar, ``2026-01-31``."""
        text = self.text(name)
        if text is None:
            return None
        # Later versions of Python read other forms, too.
        if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", text):
            with suppress(ValueError):
                return date.fromisoformat(text).isoformat()
        raise WrongArgument(f"The argument {name} has to be a day, for instance 2026-01-31.")

    def only(self) -> Only:
        """The filters of a list."""
        return Only(self.word("status", Status), self.number("athlete_id"), self.word("reason", Reason))


def subscription_order(verb: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments of a verb of ``strava_subscriptions``, checked and as text; those that may be missing may.

    The command line sends them to the endpoint, which reads them by the same rules. Raises WrongArgument.
    """
    given = Given(SUBSCRIPTIONS[verb], texts)
    if verb == "create":
        return {"input": given.needed("input")}
    if verb == "delete":
        given.needed("id")
        return {"id": str(given.number("id"))}
    application = given.text("application") if verb == "delete_all" else None
    return {} if application is None else {"application": application}


def thing(text: str) -> tuple[str, int]:
    """Read ``42`` or ``notification:7``: what it is (job, notification) and its number."""
    found = re.match(r"(?:(job|notification):)?([0-9]{1,18})\Z", text)
    if found is None:
        raise WrongArgument("The argument id has to be the number of a job, or notification: and a number.")
    return found[1] or "job", int(found[2])


def _epoch(text: str) -> Optional[float]:
    if re.match(r"[0-9]{1,11}(\.[0-9]{1,6})?\Z", text):
        return float(text)
    try:
        # Python 3.9 knows no Z.
        moment = datetime.fromisoformat(re.sub(r"[zZ]\Z", "+00:00", text))
        return (moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment).timestamp()
    except (ValueError, OverflowError):
        return None
