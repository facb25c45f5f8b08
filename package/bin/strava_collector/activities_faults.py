"""All faults of an input *Strava Activities*, found together, each a sentence in the words of the page.

One function for everything that saves such an input: the page's REST handler and splunkd's own validation. What has to
be asked of splunkd is passed in. Nothing outside this host is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Optional

from strava_collector.configuration import Stanza, athlete_id_of, athlete_names, control_character_faults
from strava_collector.input_faults import (
    Surroundings,
    application_faults,
    harmless,
    index_faults,
    name_faults,
    quoted,
    readable,
)
from strava_collector.input_stanza import activities_shape_faults, start_of

#: More names are not listed in one sentence.
_MOST_NAMES = 5

_NO_APPLICATION = (
    "There is no application yet. First enter your API application (Configuration → Applications), then connect an "
    "athlete (Configuration → Athletes)."
)


def activities_faults(name: str, params: Mapping[str, Optional[str]], around: Surroundings, *, now: float) -> list[str]:
    """Return all faults of an input that is being saved.

    ``params`` is the stanza as it would be. A parameter that is not passed at all is not judged: splunkd leaves out
    what it fills in itself. ``now`` is in epoch seconds.
    """
    faults = name_faults(name, around.activities_inputs, {"Strava Webhook": around.inputs})
    # Values with control characters are not looked at further: they must not be quoted either.
    faults += control_character_faults(params)
    stanza = readable(params)
    faults += activities_shape_faults(stanza, judged=stanza)
    begin = start_of(stanza)
    if begin is not None and begin > now:
        faults.append("The start date is in the future: nothing would be collected. Empty it to collect everything.")
    if around.applications is not None and not around.applications:
        faults.append(_NO_APPLICATION)
    else:
        found = application_faults(stanza.get("application", ""), around)
        faults += found or _athlete_faults(name, stanza, around)
    faults += index_faults(stanza.get("index", ""), around)
    return [harmless(fault) for fault in faults]


def _athlete_faults(name: str, stanza: Stanza, around: Surroundings) -> list[str]:
    application = stanza.get("application", "")
    if around.athletes is None or not application:
        return []
    connected = {
        row: fields.get("application", "").strip()
        for row, fields in around.athletes.items()
        if athlete_id_of(fields) is not None
    }
    own = (around.activities_inputs or {}).get(name)
    is_new = own is None or own.get("application", "").strip() != application
    if is_new and application not in connected.values():
        return [
            f"No athlete is connected to the application {quoted(application)} yet. First connect one "
            "(Configuration → Athletes)."
        ]
    wanted = dict.fromkeys(athlete_names(stanza))
    missing = [row for row in wanted if row not in around.athletes]
    unconnected = [row for row in wanted if row in around.athletes and row not in connected]
    faults = []
    if missing:
        faults.append(
            f"There is no athlete {_listed(missing)}. Connect the athlete on Configuration → Athletes, or choose "
            "others."
        )
    if unconnected:
        faults.append(
            f"The athlete {_listed(unconnected)} is not connected yet. Edit and update the row on Configuration → "
            "Athletes, or choose others."
        )
    for row in [row for row in wanted if connected.get(row, application) != application][:_MOST_NAMES]:
        other = connected[row]
        faults.append(
            f"The athlete {quoted(row)} is connected to the application {quoted(other)}, not to {quoted(application)}: "
            "leave the athlete out, or make another input for that application."
        )
    return faults


def _listed(rows: Iterable[str]) -> str:
    names = [quoted(row) for row in rows]
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
