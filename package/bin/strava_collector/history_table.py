"""What the table of *Inputs* shows of an input *Strava Activities* besides its row: how far history has come.

Worked out when the rows are listed, and never stored. What cannot be found out is left out: a store that is locked must
not make the page fail.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Optional

from strava_collector.check_lists import facts_of
from strava_collector.configuration import Stanza, enabled_activities, is_on
from strava_collector.errors import StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.ownership import lister_of
from strava_collector.progress import Progress, progress
from strava_collector.settings import Athlete, Settings
from strava_collector.store import view, walks
from strava_collector.store.walks import Listed

#: The athletes who have been listed, or for whom that failed, and how far each one's history has come.
Seen = tuple[tuple[Listed, Progress], ...]

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


def look(folder: Optional[Path]) -> Optional[Seen]:
    """Return what has been listed; None if that cannot be found out. Changes nothing."""
    if folder is None:
        return None
    if not view.exists(folder):
        return ()
    try:
        with view.view(folder) as tx:
            return tuple((one, progress(tx, one)) for one in walks.listed(tx))
    except StoreUnavailable as error:
        log.warning(line("history_not_known", error=str(error)))
        return None


def columns(
    name: str, row: Stanza, seen: Optional[Seen], inputs: Optional[Mapping[str, Stanza]] = None
) -> dict[str, str]:
    """Return the computed columns of a row; ``inputs`` are all of the kind, None if they are not known.

    How far lists have come is a matter of the athlete: an input that takes over from another goes on from there.
    """
    if is_on(row, "disabled", default=False):
        return _columns("", _DISABLED)
    if seen is None:
        return _columns(UNKNOWN, _UNKNOWN)
    listers = _listers(name, row, seen, inputs)
    mine = [(one, state) for one, state in seen if listers.get(one.about.athlete) == name]
    elsewhere = _elsewhere((athlete, lister) for athlete, lister in listers.items() if lister != name)
    if not mine:
        if listers and name not in listers.values():
            return _columns("listed elsewhere", " ".join(elsewhere))
        return _columns("waiting", " ".join([_WAITING, *elsewhere]))
    found = facts_of(name, mine)
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
    said += elsewhere
    return _columns(f"{found.in_full:,} of {found.found:,} in full", " ".join(said))


def _listers(name: str, row: Stanza, seen: Seen, inputs: Optional[Mapping[str, Stanza]]) -> dict[str, str]:
    """Return which input lists each athlete of the row, as far as they are known by name."""
    settings = Settings(enabled_activities=enabled_activities({**(inputs or {}), name: row}))
    me = next(one for one in settings.enabled_activities if one.name == name)
    # Without the other rows, who listed last is all that tells of them.
    last = {one.about.athlete: one.about.input for one, _ in seen} if inputs is None else {}
    athletes = [Athlete(one, 0, me.application) for one in me.athletes]
    athletes += [Athlete(one.about.athlete, one.athlete_id, one.about.application) for one, _ in seen]
    found = {}
    for athlete in athletes:
        lister = lister_of(athlete, settings)
        if me.collects(athlete) and lister is not None:
            found[athlete.name] = last.get(athlete.name) or lister.name
    return found


def _elsewhere(others: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{athlete} is listed by the input “{lister}”." for athlete, lister in sorted(others)[:_MOST_ATHLETES]]


def _columns(state: str, said: str) -> dict[str, str]:
    return {HISTORY: state, HISTORY_HELP: said}
