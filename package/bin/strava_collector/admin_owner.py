"""Which input fetches for an athlete, by the rows of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from strava_collector.configuration import Stanza, athlete_id_of, enabled_inputs
from strava_collector.errors import CollectorError


class NobodyFetches(CollectorError):
    """The configuration has no input for the athlete."""


def owner(
    athlete_id: int, accounts: Mapping[str, Stanza], inputs: Mapping[str, Stanza], wanted: Optional[str] = None
) -> str:
    """Return the name of the enabled input of the athlete's application; or ``wanted``, if it is one of these.

    ``accounts`` are the rows of *Configuration → Athletes*, ``inputs`` the inputs *Strava Webhook*, by name. A wanted
    input may be disabled. Raises NobodyFetches.
    """
    if wanted is not None and wanted not in inputs:
        names = ", ".join(f"“{name}”" for name in sorted(inputs))
        raise NobodyFetches(
            f"There is no input “{wanted}”. {f'The inputs are {names}.' if names else 'There is none yet.'}"
        )
    rows = [row for row in accounts.values() if athlete_id_of(row) == athlete_id]
    if not rows:
        raise NobodyFetches(f"Athlete {athlete_id} is not connected. Connect the athlete on Configuration → Athletes.")
    application = rows[0].get("application", "").strip()
    found = [one.name for one in enabled_inputs(inputs) if one.application == application]
    if wanted is not None:
        other = inputs[wanted].get("application", "").strip()
        if other == application:
            return wanted
        instead = f" The input of that one is “{found[0]}”." if found else ""
        raise NobodyFetches(
            f"The input “{wanted}” fetches for the application “{other}”, and athlete {athlete_id} is connected to "
            f"“{application}”.{instead} Leave the argument input out."
        )
    if not found:
        raise NobodyFetches(
            f"Athlete {athlete_id} is connected to the application “{application}”, for which no input is enabled. "
            "Make one on the page Inputs, or enable the one that is there."
        )
    return found[0]
