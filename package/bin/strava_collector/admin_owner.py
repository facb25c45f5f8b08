"""Which input fetches for an athlete, by the rows of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Optional

from strava_collector.configuration import (
    Stanza,
    athlete_id_of,
    athlete_names,
    enabled_activities,
    enabled_inputs,
)
from strava_collector.errors import CollectorError
from strava_collector.ownership import owner_of
from strava_collector.settings import Athlete, Settings


class NobodyFetches(CollectorError):
    """The configuration has no input for the athlete."""


def athlete_named(name: str, accounts: Mapping[str, Stanza]) -> int:
    """Return the id of the athlete whose row has this name. Raises NobodyFetches."""
    athlete_id = athlete_id_of(accounts.get(name, {}))
    if athlete_id is None:
        raise NobodyFetches(f"There is no athlete “{name}” on Configuration → Athletes.")
    return athlete_id


def owner(
    athlete_id: int,
    accounts: Mapping[str, Stanza],
    inputs: Mapping[str, Stanza],
    wanted: Optional[str] = None,
    *,
    activities_inputs: Mapping[str, Stanza] = MappingProxyType({}),
) -> str:
    """Return the name of the athlete's owner; or ``wanted``, if it is an input that may collect the athlete.

    ``accounts`` are the rows of *Configuration → Athletes*, ``inputs`` the inputs *Strava Webhook* and
    ``activities_inputs`` the inputs *Strava Activities*, by name. A wanted input may be disabled. Raises NobodyFetches.
    """
    if wanted is not None and wanted not in inputs and wanted not in activities_inputs:
        names = ", ".join(f"“{name}”" for name in sorted({*inputs, *activities_inputs}))
        raise NobodyFetches(
            f"There is no input “{wanted}”. {f'The inputs are {names}.' if names else 'There is none yet.'}"
        )
    rows = {name: row for name, row in accounts.items() if athlete_id_of(row) == athlete_id}
    if not rows:
        raise NobodyFetches(f"Athlete {athlete_id} is not connected. Connect the athlete on Configuration → Athletes.")
    (name, row), *_ = rows.items()
    athlete = Athlete(name, athlete_id, row.get("application", "").strip())
    settings = Settings(enabled_inputs=enabled_inputs(inputs), enabled_activities=enabled_activities(activities_inputs))
    found = owner_of(athlete, settings)
    if wanted is not None:
        stanza = inputs.get(wanted) or activities_inputs.get(wanted) or {}
        other = stanza.get("application", "").strip()
        instead = f" The input of that one is “{found.name}”." if found else ""
        if other != athlete.application:
            raise NobodyFetches(
                f"The input “{wanted}” fetches for the application “{other}”, and athlete {athlete_id} is connected to "
                f"“{athlete.application}”.{instead} Leave the argument input out."
            )
        if wanted not in inputs and athlete_names(stanza) and name not in athlete_names(stanza):
            raise NobodyFetches(
                f"The input “{wanted}” does not collect athlete {athlete_id}, “{name}”. Leave the argument input out."
            )
        return wanted
    if found is None:
        raise NobodyFetches(
            f"Athlete {athlete_id} is connected to the application “{athlete.application}”, for which no input is "
            "enabled. Make one on the page Inputs, or enable the one that is there."
        )
    return found.name
