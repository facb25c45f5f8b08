"""Which input does what for an athlete when there are several: pure rules over the settings.

An athlete's *owner* is the input that fetches: the enabled input *Strava Webhook* of the athlete's application, else
the first enabled input *Strava Activities*, by name, that collects the athlete. Its index and its streams setting
apply. The athlete's *lister* is the first enabled input *Strava Activities*, by name, that collects the athlete: it
lists, and leaves what it finds to the owner.

What is left out of an athlete's data is what any enabled input leaves out that collects the athlete, whichever writes:
a wish to leave something out must not end because somebody else's input takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from strava_collector.privacy import KEEP_ALL, Privacy, union
from strava_collector.settings import Athlete, CollectorInput, EnabledActivities, Settings, WebhookInput


@dataclass(frozen=True)
class Owner:
    """An input that fetches, as far as others have to know it."""

    name: str
    #: Where it writes, unless the athlete's row says otherwise.
    index: str
    streams: bool
    #: What all inputs that collect the athlete leave out, together.
    privacy: Privacy
    #: Strava notifies it; otherwise everything comes from lists.
    hears_of_changes: bool


def owner_of(athlete: Athlete, settings: Settings) -> Optional[Owner]:
    """Return the athlete's owner; None if no enabled input collects the athlete."""
    privacy = left_out(athlete, settings)
    for one in settings.enabled_inputs:
        if one.application == athlete.application:
            return Owner(one.name, one.index, one.streams, privacy, hears_of_changes=True)
    lister = lister_of(athlete, settings)
    if lister is None:
        return None
    return Owner(lister.name, lister.index, lister.streams, privacy, hears_of_changes=False)


def lister_of(athlete: Athlete, settings: Settings) -> Optional[EnabledActivities]:
    """Return the input that lists the athlete's activities; None if none does."""
    return next((one for one in settings.enabled_activities if one.collects(athlete)), None)


def left_out(athlete: Athlete, settings: Settings) -> Privacy:
    """Return what is left out of an athlete's data: what any enabled input leaves out that collects the athlete."""
    hear = (one.privacy for one in settings.enabled_inputs if one.application == athlete.application)
    list_ = (one.privacy for one in settings.enabled_activities if one.collects(athlete))
    return union((*hear, *list_))


def left_out_of_all(application: str, settings: Settings) -> Privacy:
    """Return what any enabled input of an application leaves out; for what may be of any of its athletes."""
    hear = (one.privacy for one in settings.enabled_inputs if one.application == application)
    list_ = (one.privacy for one in settings.enabled_activities if one.application == application)
    return union((*hear, *list_))


def owned_by(name: str, settings: Settings) -> frozenset[int]:
    """Return the ids of the athletes whose owner is the input of this name."""
    found = ((athlete.athlete_id, owner_of(athlete, settings)) for athlete in settings.athletes.values())
    return frozenset(athlete_id for athlete_id, owner in found if owner is not None and owner.name == name)


class Owned:
    """The athletes whose activities one input fetches, worked out again only when the settings have changed."""

    def __init__(self, collector_input: CollectorInput) -> None:
        self._input = collector_input
        self._last: Optional[tuple[Settings, frozenset[int]]] = None

    def ids(self, settings: Settings) -> frozenset[int]:
        """Return the athletes' ids.

        An input *Strava Webhook* owns all of its application, whichever inputs are known to be enabled: nobody else is
        told of their activities.
        """
        last = self._last
        if last is None or last[0] is not settings:
            hears = isinstance(self._input, WebhookInput)
            mine = settings.athletes_of(self._input.application) if hears else owned_by(self._input.name, settings)
            self._last = last = (settings, mine)
        return last[1]


class LeftOut:
    """What one process leaves out, as the settings are now.

    Its own input's boxes always count: while the settings have not been read, or splunkd has not told which inputs are
    enabled, they are all that is known.
    """

    def __init__(self, collector_input: CollectorInput, settings: Callable[[], Optional[Settings]]) -> None:
        self._input = collector_input
        self._settings = settings
        self._last: Optional[tuple[Settings, Privacy]] = None

    def of(self, athlete: Athlete) -> Privacy:
        """Return what is left out of an athlete's data."""
        settings = self._settings()
        return union((self._input.privacy, KEEP_ALL if settings is None else left_out(athlete, settings)))

    def of_all(self) -> Privacy:
        """Return what is left out of what may be of any athlete of the application, such as notifications."""
        settings = self._settings()
        if settings is None:
            return self._input.privacy
        last = self._last
        if last is None or last[0] is not settings:  # asked for with every notification
            found = union((self._input.privacy, left_out_of_all(self._input.application, settings)))
            self._last = last = (settings, found)
        return last[1]


def listed_by(name: str, settings: Settings) -> tuple[Athlete, ...]:
    """Return the athletes whose lister is the input of this name, by row name."""
    found = ((athlete, lister_of(athlete, settings)) for athlete in settings.athletes.values())
    mine = (athlete for athlete, lister in found if lister is not None and lister.name == name)
    return tuple(sorted(mine, key=lambda athlete: athlete.name))
