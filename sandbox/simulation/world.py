"""The athletes at the stand-in for Strava, and a journal of what they did: what the collected events are judged by."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Callable, Optional

from sandbox.certificates import Certificates
from sandbox.simulation.case import LIMITS, Case
from sandbox.simulation.content import Content
from sandbox.simulation.habits import Deed, Happening, Person, life, person
from sandbox.simulation.past import late_deeds, past
from sandbox.simulation.post import Parcel, Post
from sandbox.simulation.timeline import Timeline
from sandbox.strava import Activity, Athlete, Limits, StravaStandIn, TokenPair
from sandbox.strava.activities import iso


@dataclass(frozen=True)
class Change:
    """Something that made Strava's answer about an activity another one."""

    at: float
    what: Deed
    #: None: Strava told nobody.
    parcel: Optional[Parcel]
    #: Whether a fetch in the athlete's name brought the activity from then on, late activities aside.
    readable: bool


@dataclass
class Recorded:
    """An activity of the simulation."""

    activity: Activity
    athlete: int
    #: One of many old ones that were uploaded at once.
    of_archive: bool = False
    #: It was there before the begin.
    of_past: bool = False
    changes: list[Change] = field(default_factory=list)


class World:
    """Does at Strava what the athletes do."""

    def __init__(self, case: Case, timeline: Timeline, folder: Path) -> None:
        self._case = case
        self._timeline = timeline
        overall, read = LIMITS[case.limits]
        # Never started: nobody listens, nothing is sent. It is asked by its method ``answer``.
        self.strava = StravaStandIn(
            Certificates(folder), clock=timeline, seed=case.seed, limits=Limits(overall, read), strict=True
        )
        self.application = self.strava.add_application("Simulation")
        self.subscription = self.strava.subscriptions.add(self.application, "https://rides.example.com/strava")
        self.people: list[Person] = [person(case, number) for number in range(case.athletes)]
        self.athletes: list[Athlete] = []
        self.recorded: dict[tuple[int, int], Recorded] = {}
        #: By its id at Strava.
        self.by_id: dict[int, Recorded] = {}
        #: When athletes took the permission back, or gave it anew after that; by the athlete's number.
        self.access_changes: dict[int, list[Change]] = {}
        #: From when to when nobody could have fetched an athlete's activities.
        self.barred: dict[int, list[tuple[float, float]]] = {}
        #: What Strava gave out last, by the athlete's number; and whose each refresh token is or was.
        self.newest_tokens: dict[int, TokenPair] = {}
        self.owner_of: dict[str, int] = {}
        self._seen = 0
        self._post: Optional[Post] = None
        #: Told of each change of an activity.
        self.changed: Callable[[Recorded], None] = lambda recorded: None
        self._connected: Callable[[int, TokenPair], None] = lambda athlete, tokens: None
        for who in self.people:
            # The stand-in draws ids one after the other; these stay the same when there are fewer athletes.
            number = 20_000_000 + who.number * 1_003 + random.Random(f"id {case.seed} {who.number}").randrange(1_000)
            self.athletes.append(self.strava.add_athlete(*who.name, athlete_id=number))

    def begin(self, post: Post, connected: Callable[[int, TokenPair], None]) -> None:
        """Connect everybody, and put all that will happen on the agenda.

        ``connected`` is told of each consent: the athlete's number and the tokens.
        """
        self._post, self._connected = post, connected
        happenings = [deed for who in self.people for deed in life(self._case, who)]
        for who in self.people:
            happenings += self._remember(who)
        for who in self.people:
            self.connect(who.number)
        for happening in sorted(happenings, key=_when):
            self._timeline.at(happening.at, partial(self._perform, happening))

    def _remember(self, who: Person) -> list[Happening]:
        """Record what there was before; returns what becomes of it."""
        old = past(self._case, who)
        for each in old:
            activity = self.strava.record(
                self.athletes[who.number],
                kind=each.kind,
                start_date=datetime.fromtimestamp(each.start_date, timezone.utc),
                private=each.private,
                notify=False,
            )
            recorded = self.recorded[who.number, each.number] = Recorded(activity, who.number, of_past=True)
            readable = not each.private or "activity:read_all" in who.scope
            recorded.changes.append(Change(float(each.start_date), Deed.RECORD, None, readable))
            self.by_id[activity.id] = recorded
        return [deed for deed in late_deeds(self._case, who, old) if deed.at < self._case.end]

    def connect(self, athlete: int) -> None:
        """The athlete gives the permission (again)."""
        tokens = self.strava.connect(self.application, self.athletes[athlete], self.people[athlete].scope)
        self.handed_out(athlete, tokens)
        now = self._timeline.now()
        self.barred[athlete] = [(since, min(until, now)) for since, until in self.barred.get(athlete, [])]
        earlier = self.access_changes.get(athlete, [])
        if earlier and earlier[-1].what is Deed.DEAUTHORIZE:
            earlier.append(Change(now, Deed.CONNECT, None, True))
        self._connected(athlete, tokens)

    def handed_out(self, athlete: int, tokens: TokenPair) -> None:
        """Note the athlete's newest tokens."""
        self.newest_tokens[athlete] = tokens
        self.owner_of[tokens.refresh_token] = athlete

    def bar(self, athlete: int, since: float) -> None:
        """Note that nobody can get at the athlete's activities from then until the next consent."""
        self.barred.setdefault(athlete, []).append((since, float("inf")))

    def is_barred(self, athlete: int) -> bool:
        """Whether no token can be had for the athlete at present, or soon."""
        granted = self.strava.granted_scope(self.application, self.athletes[athlete])
        return not granted or any(until == float("inf") for _, until in self.barred.get(athlete, []))

    def is_readable(self, recorded: Recorded) -> bool:
        """Whether a fetch in the athlete's name would bring the activity now."""
        scope = self.strava.granted_scope(self.application, self.athletes[recorded.athlete])
        activity = recorded.activity
        sees = "activity:read_all" in scope or ("activity:read" in scope and not activity.private)
        return sees and not activity.deleted

    def content(self, recorded: Recorded) -> Optional[Content]:
        """What a fetch would bring now, as far as it is compared; None if it would bring nothing."""
        if not self.is_readable(recorded):
            return None
        activity = recorded.activity
        return Content(
            start_date=iso(activity.start_date),
            name=activity.title,
            type=activity.type,
            sport_type=activity.sport_type,
            private=activity.private,
            moving_time=activity.moving_time,
            description=activity.description,
        )

    def last_change(self, recorded: Recorded) -> Change:
        """What the activity's present state goes back to."""
        return max(
            (recorded.changes[-1], *self.access_changes.get(recorded.athlete, [])[-1:]), key=lambda change: change.at
        )

    def _perform(self, happening: Happening) -> None:
        athlete = self.athletes[happening.athlete]
        if happening.deed is Deed.CONNECT:
            self.connect(happening.athlete)
        elif happening.deed is Deed.REVOKE:
            if not self.is_barred(happening.athlete):
                self.strava.revoke_refresh_token(athlete)
                self.bar(happening.athlete, self.newest_tokens[happening.athlete].expires_at)
        elif happening.deed is Deed.DEAUTHORIZE:
            self.strava.deauthorize(athlete)
            changes = self.access_changes.setdefault(happening.athlete, [])
            changes.append(Change(self._timeline.now(), happening.deed, self._announced(), False))
        else:
            self._touch(happening, athlete)

    def _touch(self, happening: Happening, athlete: Athlete) -> None:
        """Do something with an activity; nothing can be done to one that was deleted."""
        recorded = self.recorded.get((happening.athlete, happening.activity))
        fields = happening.fields
        if happening.deed is Deed.RECORD:
            activity = self.strava.record(
                athlete,
                kind=str(fields["kind"]),
                private=bool(fields["private"]),
                start_date=_date(fields),
                not_found_seconds=float(fields.get("not_found_seconds", 0.0)),
            )
            recorded = self.recorded[happening.athlete, happening.activity] = Recorded(
                activity, happening.athlete, "start_date" in fields
            )
            self.by_id[activity.id] = recorded
        elif recorded is None or recorded.activity.deleted:
            return
        elif happening.deed is Deed.EDIT:
            words = {key: str(value) for key, value in fields.items() if key not in ("start_date", "seconds")}
            seconds = int(fields["seconds"]) if "seconds" in fields else None
            before = recorded.activity.version
            self.strava.edit(recorded.activity, start_date=_date(fields), seconds=seconds, **words)  # type: ignore[arg-type]
            assert recorded.activity.version > before
        elif happening.deed is Deed.DELETE:
            self.strava.delete(recorded.activity)
        else:
            hidden = happening.deed is Deed.HIDE
            if recorded.activity.private == hidden:
                return
            (self.strava.hide if hidden else self.strava.show)(recorded.activity)
        recorded.changes.append(
            Change(self._timeline.now(), happening.deed, self._announced(), self.is_readable(recorded))
        )
        self.changed(recorded)

    def _announced(self) -> Optional[Parcel]:
        """Post what the stand-in has just put down for delivery: one notification or none."""
        assert self._post is not None
        deliveries = self.strava.delivery.deliveries
        new, self._seen = deliveries[self._seen :], len(deliveries)
        assert len(new) <= 1, "There is one application, so a change leads to one notification."
        return self._post.send(new[0].notification) if new else None


def _when(happening: Happening) -> float:
    return happening.at


def _date(fields: Mapping[str, object]) -> Optional[datetime]:
    return datetime.fromtimestamp(float(str(fields["start_date"])), timezone.utc) if "start_date" in fields else None
