"""Which input fetches for an athlete, by the rows of the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from strava_collector.configuration import Stanza, athlete_id_of, enabled_inputs
from strava_collector.errors import CollectorError


class NobodyFetches(CollectorError):
    """The configuration has no input for the athlete."""


def owner(athlete_id: int, accounts: Mapping[str, Stanza], inputs: Mapping[str, Stanza]) -> str:
    """Return the name of the enabled input of the athlete's application.

    ``accounts`` are the rows of *Configuration → Athletes*, ``inputs`` the inputs *Strava Webhook*, by name. Raises
    NobodyFetches.
    """
    rows = [row for row in accounts.values() if athlete_id_of(row) == athlete_id]
    if not rows:
        raise NobodyFetches(f"Athlete {athlete_id} is not connected. Connect the athlete on Configuration → Athletes.")
    application = rows[0].get("application", "").strip()
    found = [one.name for one in enabled_inputs(inputs) if one.application == application]
    if not found:
        raise NobodyFetches(
            f"Athlete {athlete_id} is connected to the application “{application}”, for which no input is enabled. "
            "Make one on the page Inputs, or enable the one that is there."
        )
    return found[0]
