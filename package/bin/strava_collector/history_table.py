"""What the table of *Inputs* shows of an input *Strava Activities* besides its row: how far history has come.

Worked out when the rows are listed, and never stored. What cannot be found out is left out: a store that is locked must
not make the page fail.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from strava_collector.check_facts import ListFacts
from strava_collector.check_lists import lists_of
from strava_collector.configuration import Stanza, is_on
from strava_collector.errors import StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.store import view

log = logging.getLogger(__name__)

#: The names of the columns; a stanza never has these two.
HISTORY, HISTORY_HELP = "history", "history_help"

_DISABLED = "The input is disabled, so it lists nothing."
_WAITING = "Nothing has been listed yet: that is done as soon as the input can reach Strava."
#: Shown as the state while the store cannot be looked into.
UNKNOWN = "unknown"
_UNKNOWN = "It cannot be seen just now. Reload the page."
#: Athletes whose state is told one by one.
_MOST_ATHLETES = 5


def look(folder: Optional[Path]) -> Optional[Mapping[str, ListFacts]]:
    """Return what each input has listed, by its name; None if that cannot be found out. Changes nothing."""
    if folder is None:
        return None
    if not view.exists(folder):
        return {}
    try:
        with view.view(folder) as tx:
            return {one.name: one for one in lists_of(tx, lambda _name: True)}
    except StoreUnavailable as error:
        log.warning(line("history_not_known", error=str(error)))
        return None


def columns(name: str, row: Stanza, seen: Optional[Mapping[str, ListFacts]]) -> dict[str, str]:
    """Return the computed columns of a row."""
    if is_on(row, "disabled", default=False):
        return _columns("", _DISABLED)
    if seen is None:
        return _columns(UNKNOWN, _UNKNOWN)
    found = seen.get(name)
    if found is None:
        return _columns("waiting", _WAITING)
    what = f"{found.found:,} {'activity' if found.found == 1 else 'activities'}"
    whom = f"{found.athletes} {'athlete' if found.athletes == 1 else 'athletes'}"
    said = [f"{what} of {whom} found in lists, {found.in_full:,} of them collected in full."]
    if found.waiting:
        said.append(f"{found.waiting:,} wait{f', {found.estimate}' if found.estimate else ''}.")
    if found.given_up:
        said.append(f"{found.given_up:,} could not be fetched and stay as the list shows them.")
    if found.unfinished:
        said.append(f"Lists walked through until now: {'; '.join(found.unfinished[:_MOST_ATHLETES])}.")
    said += found.troubles[:_MOST_ATHLETES]
    return _columns(f"{found.in_full:,} of {found.found:,} in full", " ".join(said))


def _columns(state: str, said: str) -> dict[str, str]:
    return {HISTORY: state, HISTORY_HELP: said}
