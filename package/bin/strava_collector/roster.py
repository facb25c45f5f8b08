"""Whose activities an input *Strava Activities* lists, and what is to be said of the others that it names: pure."""

from __future__ import annotations

from dataclasses import dataclass

from strava_collector import ownership
from strava_collector.settings import ActivitiesInput, Athlete, Settings


@dataclass(frozen=True)
class Roster:
    """What comes of an input's choice of athletes."""

    athletes: tuple[Athlete, ...]
    #: What somebody has to mend, and what is as it should be, a sentence each.
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """All sentences."""
        return (*self.faults, *self.notes)


def roster(activities_input: ActivitiesInput, settings: Settings) -> Roster:
    """Return whose activities the input lists by these settings."""
    me = next((one for one in settings.enabled_activities if one.name == activities_input.name), None)
    if me is None:
        return Roster(())  # splunkd has not told yet which inputs there are
    rows = {athlete.name: athlete for athlete in settings.athletes.values()}
    faults = []
    for name in sorted(activities_input.athletes):
        row = rows.get(name)
        if row is None:
            faults.append(
                f"The input names the athlete “{name}”, who is not on Configuration → Athletes: connect the athlete, "
                "or take the name out of the input."
            )
        elif row.application != activities_input.application:
            faults.append(
                f"The input names the athlete “{name}”, who is connected to the application “{row.application}”, not "
                f"to “{activities_input.application}”: choose another input or application."
            )
    athletes = ownership.listed_by(activities_input.name, settings)
    others = [one for one in rows.values() if me.collects(one) and one not in athletes]
    if not athletes and not others and not faults:
        faults.append(
            f"No athlete is connected to the application “{activities_input.application}”, so there is nothing to "
            "list: connect one on Configuration → Athletes."
        )
    return Roster(athletes, tuple(faults), tuple(_note(one, settings) for one in sorted(others, key=_name)))


def _note(athlete: Athlete, settings: Settings) -> str:
    lister = ownership.lister_of(athlete, settings)
    name = "" if lister is None else lister.name
    return f"The athlete “{athlete.name}” is listed by the input “{name}”, so not a second time by this one."


def _name(athlete: Athlete) -> str:
    return athlete.name
