"""The macro ``strava_index``, which every search of the add-on's events begins with: which indexes it names, and how
it is made to name those that the inputs write to.

Its definition belongs to the user. It is only ever added to, and only if it is a plain list of indexes; whatever else
somebody has written there is left alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Optional, Protocol

from strava_collector.clock import Clock
from strava_collector.errors import CollectorError
from strava_collector.logfmt import line
from strava_collector.ownership import owner_of
from strava_collector.ports import SessionExpired
from strava_collector.settings import Settings

log = logging.getLogger(__name__)

#: The conf file and the stanza.
CONF, NAME = "macros", "strava_index"
#: Seconds between two looks at a macro that had what is wanted. A look that is due is made when the settings are read
#: next, and a little less than a minute makes that once a minute.
LOOK_EVERY = 55.0

_INDEX = re.compile(r"[a-z0-9_][a-z0-9_-]*\Z")
_TERM = re.compile(r'index\s*=\s*(?:"([^"*?\\]+)"|([A-Za-z0-9_][A-Za-z0-9_-]*))\Z', re.IGNORECASE)
_IN = re.compile(r"index\s+IN\s*\(([^()]*)\)\Z", re.IGNORECASE)
_OR = re.compile(r"\s+OR\s+")


class Macros(Protocol):
    """The part of :class:`~strava_collector.splunkd.Splunkd` that is used here."""

    def stanza(self, conf: str, name: str) -> Optional[dict[str, str]]: ...

    def update_stanza(self, conf: str, name: str, fields: dict[str, str]) -> None: ...


def indexes_of(definition: str) -> Optional[tuple[str, ...]]:
    """Return the indexes that a definition lists; None if it is anything else than a list of them.

    Understood are ``index=a``, ``index=a OR index=b`` and ``index IN (a, b)``, with or without quotes and brackets.
    """
    text = definition.strip()
    while text.startswith("(") and text.endswith(")") and _is_one_pair(text):
        text = text[1:-1].strip()
    within = _IN.match(text)
    if within is not None:
        names = [name.strip().strip('"') for name in within.group(1).split(",")]
    else:
        names = []
        for term in _OR.split(text):
            found = _TERM.match(term.strip())
            if found is None:
                return None
            names.append(found.group(1) or found.group(2))
    return tuple(name.lower() for name in names) if names and all(_INDEX.match(one.lower()) for one in names) else None


def extended(definition: str, wanted: Collection[str]) -> Optional[str]:
    """Return the definition with the indexes that it lacks; None if it lacks none, or is no list of indexes."""
    present = indexes_of(definition)
    if present is None:
        return None
    missing = sorted(index for index in set(wanted) - set(present) if _INDEX.match(index))
    if not missing:
        return None
    return "(" + " OR ".join(f"index={index}" for index in (*present, *missing)) + ")"


def wanted_indexes(settings: Settings) -> frozenset[str]:
    """Return the indexes that events go to: of the enabled inputs, and of the athletes who have one of their own."""
    own = {
        athlete.index
        for athlete in settings.athletes.values()
        if athlete.index and owner_of(athlete, settings) is not None
    }
    own |= {one.index for one in settings.enabled_inputs} | {one.index for one in settings.enabled_activities}
    return frozenset(filter(None, own))


class MacroKeeper:
    """Keeps the macro in step with the settings, which are read more often than it is looked at."""

    def __init__(self, macros: Macros, clock: Clock) -> None:
        self._macros = macros
        self._clock = clock
        self._complaint = ""
        #: What it has been compared with, and when it is to be compared again (monotonic).
        self._compared: Optional[frozenset[str]] = None
        self._due_at = float("-inf")

    def follow(self, settings: Settings) -> None:
        """Add to the macro what it lacks, unless the user wants to do that. What fails is logged and tried next time.

        splunkd is asked when other indexes are wanted, and now and then, for somebody may have edited the macro.
        Raises SessionExpired.
        """
        if not settings.advanced.keep_macro:
            self._compared = None
            return
        wanted = wanted_indexes(settings)
        if wanted == self._compared and self._clock.monotonic() < self._due_at:
            return
        self._compared, self._due_at = None, self._clock.monotonic() + LOOK_EVERY
        try:
            stanza = self._macros.stanza(CONF, NAME)
            definition = None if stanza is None else extended(stanza.get("definition", ""), wanted)
            if definition is not None:
                self._macros.update_stanza(CONF, NAME, {"definition": definition})
                log.info(line("macro_extended", macro=NAME, definition=definition))
            self._compared, self._complaint = wanted, ""
        except SessionExpired:
            raise
        except CollectorError as error:
            if str(error) != self._complaint:
                log.warning(line("macro_not_kept", macro=NAME, error=str(error)))
            self._complaint = str(error)


def _is_one_pair(text: str) -> bool:
    """Whether the first bracket is closed by the last sign."""
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return position == len(text) - 1
    return False
