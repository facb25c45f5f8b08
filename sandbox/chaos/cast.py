"""Those who act: athletes, Strava that repeats itself, and somebody on the internet who forges notifications."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from sandbox.chaos.plan import ATHLETES, FULL_SCOPE, LEAVER, STRANGERS, Deed, Step
from sandbox.sandbox import SCOPE, Sandbox
from sandbox.strava import Activity, Application, Athlete, Delivery, DeliveryState

_NAMES = ("Anna", "Ben", "Chiara", "Dmitri", "Emre", "Fatou")
#: Below every id that Strava's stand-in gives, so that no activity gets one of them.
_NEVER_WAS = 7_000_000_000
_FOREIGN_SUBSCRIPTION = 999


class Cast:
    """Carries out steps; every notification goes through Strava's delivery, with its three attempts."""

    def __init__(self, sandbox: Sandbox, application: Application) -> None:
        self._sandbox = sandbox
        self._strava = sandbox.strava
        self._application = application
        self.athletes: list[Athlete] = []
        self._strangers = [self._strava.add_athlete("Stranger", str(number)) for number in range(STRANGERS)]
        #: In the order of recording.
        self.activities: list[Activity] = []
        #: Keys of the notifications that were forged.
        self.forged: set[str] = set()
        #: Deliveries that repeat an earlier one, by identity: nothing happened just then.
        self.repeats: set[int] = set()
        #: Per step, its first delivery.
        self._deliveries: list[Delivery | None] = []

    def connect(self) -> None:
        """Everybody connects with Strava; half of them grant access to all their activities, half to public ones."""
        for number in range(ATHLETES):
            athlete = self._strava.add_athlete(_NAMES[number], f"No. {number}")
            self.athletes.append(athlete)
            self.reconnect(athlete, again=False)

    def reconnect(self, athlete: Athlete, *, again: bool = True) -> None:
        """*Connect with Strava*, as somebody does whom a message in Splunk Web asks to."""
        number = self.athletes.index(athlete)
        scope = SCOPE if number < FULL_SCOPE else "read,activity:read"
        self._sandbox.connect(athlete, _NAMES[number].lower(), self._application, scope=scope, again=again)

    @property
    def leaver(self) -> Athlete:
        """Who disconnects before the end."""
        return self.athletes[LEAVER]

    def owner(self, activity: Activity) -> int:
        """Position of the activity's athlete."""
        return self.athletes.index(activity.athlete)

    def gone(self, activity: Activity) -> bool:
        """Whether the add-on cannot see the activity any more, as far as Strava is concerned."""
        return (
            activity.deleted
            or (activity.private and self.owner(activity) >= FULL_SCOPE)
            or not self._strava.granted_scope(self._application, activity.athlete)
        )

    def play(self, step: Step) -> None:
        """Do what the step says."""
        before = len(self._strava.delivery.deliveries)
        if step.deed is Deed.REPEAT:
            earlier = self._deliveries[step.what]
            if earlier is not None and earlier.state is DeliveryState.ACKNOWLEDGED:
                self.repeats.add(id(self._strava.delivery.repeat(earlier)))
        elif step.deed is Deed.RECORD:
            self._record(step)
        elif step.deed is Deed.DEAUTHORIZE:
            # That an HTML page is no confirmation has to be understood just now.
            self._strava.faults.outage("html_200", path="/api/v3/athlete", times=1)
            self._strava.deauthorize(self.athletes[step.athlete])
        elif step.deed in (Deed.EDIT, Deed.RETYPE, Deed.DELETE, Deed.HIDE, Deed.SHOW):
            self._change(self.activities[step.what], step)
        else:
            self._forge(step)
        sent = self._strava.delivery.deliveries[before : before + 1]
        self._deliveries.append(sent[0] if sent else None)

    def _record(self, step: Step) -> None:
        activity = self._strava.record(
            self.athletes[step.athlete],
            kind=step.value,
            title=f"Ride {len(self.activities)}",
            not_found_requests=step.not_found,
        )
        self.activities.append(activity)

    def _change(self, activity: Activity, step: Step) -> None:
        if step.deed is Deed.EDIT:
            self._strava.edit(activity, title=step.value)
        elif step.deed is Deed.RETYPE:
            self._strava.edit(activity, type=step.value)
        elif step.deed is Deed.DELETE:
            self._strava.delete(activity)
        elif step.deed is Deed.HIDE:
            self._strava.hide(activity)
        else:
            self._strava.show(activity)

    def _forge(self, step: Step) -> None:
        subscription = self._strava.subscriptions.of(self._application)
        assert subscription is not None
        who = self._strangers if step.deed is Deed.STRANGER else self.athletes
        athlete_id = who[step.athlete].id
        fields: dict[str, object] = {
            "aspect_type": "update",
            "event_time": int(time.time()),
            "object_id": _NEVER_WAS + int(step.value or 0),
            "object_type": "activity",
            "owner_id": athlete_id,
            "subscription_id": subscription.id,
            "updates": {"title": "Forged"},
        }
        if step.deed is Deed.STRANGER:
            fields.update(aspect_type="create", updates={})
        elif step.deed is Deed.FOREIGN:
            fields.update(subscription_id=_FOREIGN_SUBSCRIPTION)
        elif step.deed is Deed.FALSE_DEAUTHORIZATION:
            fields.update(object_type="athlete", object_id=athlete_id, updates={"authorized": "false"})
        elif step.deed is Deed.FALSE_DELETE:
            fields.update(aspect_type="delete", object_id=self.activities[step.what].id, updates={})
        self.forged.add(key(fields))
        self._strava.delivery.send(self._application, fields)


def key(notification: Mapping[str, object]) -> str:
    """The same for a notification and its event."""
    names = ("object_type", "object_id", "aspect_type", "owner_id", "subscription_id", "event_time", "updates")
    return json.dumps([notification.get(name) for name in names], sort_keys=True)


def is_foreign(notification: Mapping[str, object]) -> bool:
    """Of a subscription that is not the application's."""
    return notification["subscription_id"] == _FOREIGN_SUBSCRIPTION
