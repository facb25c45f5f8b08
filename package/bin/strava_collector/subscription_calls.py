"""The calls about an application's subscription that the add-on makes by itself: counted, and few.

Each counts against the application's quota as every call does, and there is a most for an hour whatever goes wrong, in
all processes together. Nothing is tried again here.
"""

from __future__ import annotations

from typing import Callable, Optional

from strava_collector.allowance import Allowance
from strava_collector.answers import retry_after
from strava_collector.clock import Clock
from strava_collector.errors import TransportError
from strava_collector.secret import Secret
from strava_collector.settings import Advanced, Application
from strava_collector.store import subscriptions
from strava_collector.store.database import Database
from strava_collector.strava_api import StravaApi
from strava_collector.subscription_answers import SubscriptionTrouble, created_in, is_gone, listed_in, trouble_of
from strava_collector.subscription_rules import Listed, State
from strava_collector.transport import Answer

_TOO_MANY = (
    "The add-on makes at most {most} calls an hour about an application's subscription, and has made them. It goes on "
    "by itself when the hour is over."
)


class SubscriptionCalls:
    """Lists, creates and deletes.

    Every method raises SubscriptionTrouble when Strava did not do what was asked for, and StoreUnavailable when the
    call could not be counted; then, mostly, it was not made.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        allowance: Allowance,
        name: str,
        advanced: Callable[[], Optional[Advanced]],
    ) -> None:
        """``name`` stands for the lease of the calls; one call at a time is made under it."""
        self._database = database
        self._clock = clock
        self._allowance = allowance
        self._name = name
        self._advanced = advanced

    def listed(self, api: StravaApi, application: Application) -> tuple[Listed, ...]:
        """Return what Strava has."""
        answer = self._call(
            application, lambda: api.subscriptions(application.client_id, application.client_secret), may_wait=True
        )
        found = listed_in(answer)
        if found is None:
            raise self._trouble(answer, application, trouble_of(answer, application, to_do="list the subscription"))
        return found

    def created(
        self,
        api: StravaApi,
        application: Application,
        *,
        callback_url: str,
        verify_token: Secret,
        look_there: Callable[[], str],
    ) -> Optional[Listed]:
        """Return the subscription that Strava has made; None if there is one, whatever it is, so that a look tells.

        ``look_there`` says what becomes of a request to the callback URL; it is called if Strava says that it fails.
        """
        answer = self._call(
            application,
            lambda: api.create_subscription(
                application.client_id,
                application.client_secret,
                callback_url=callback_url,
                verify_token=verify_token,
            ),
            may_wait=True,
        )
        made = created_in(answer, callback_url)
        if made is not None or 200 <= answer.status < 300:
            return made
        trouble = trouble_of(
            answer, application, to_do="create the subscription", callback_url=callback_url, look_there=look_there
        )
        if trouble.state is State.EXISTS:
            return None
        raise self._trouble(answer, application, trouble)

    def delete(self, api: StravaApi, application: Application, subscription_id: int, *, may_wait: bool = True) -> None:
        """Delete it; one that is not there counts as deleted. ``may_wait`` False: now or never."""
        answer = self._call(
            application,
            lambda: api.delete_subscription(application.client_id, application.client_secret, subscription_id),
            may_wait=may_wait,
        )
        if not is_gone(answer):
            found = trouble_of(answer, application, to_do="delete the subscription", tried_again=may_wait)
            raise self._trouble(answer, application, found)

    def expect_room(self, application: Application, calls: int) -> None:
        """Raise SubscriptionTrouble unless so many calls may be made now: what is begun should come to its end."""
        with self._database.read() as tx:
            at = subscriptions.room_at(tx, application.client_id, calls=calls, now=self._clock.now())
        if at is not None:
            raise SubscriptionTrouble(State.WAITING, _TOO_MANY.format(most=subscriptions.MOST_CALLS), at=at)

    def _call(self, application: Application, send: Callable[[], Answer], *, may_wait: bool) -> Answer:
        self._count(application, may_wait)
        try:
            answer = send()
        except TransportError as error:
            with self._database.write() as tx:
                self._allowance.unanswered(tx, self._name)
            raise SubscriptionTrouble(State.UNREACHABLE, str(error)) from None
        with self._database.write() as tx:
            self._allowance.answered(
                tx,
                application.client_id,
                self._name,
                answer,
                retry_after=retry_after(answer.headers, self._clock.now()),
            )
        return answer

    def _count(self, application: Application, may_wait: bool) -> None:
        """Count a call that is about to be made, if it may be; what may not wait is made beyond the most."""
        client_id, now = application.client_id, self._clock.now()
        advanced = self._advanced() or Advanced()
        with self._database.write() as tx:
            at = subscriptions.room_at(tx, client_id, calls=1, now=now) if may_wait else None
            pause = None if at is not None else self._allowance.pause(tx, client_id, advanced)
            if at is None and pause is None:
                subscriptions.count_call(tx, client_id, now=now)
                self._allowance.reserve_beside(tx, client_id, self._name)
        if at is not None:
            raise SubscriptionTrouble(State.WAITING, _TOO_MANY.format(most=subscriptions.MOST_CALLS), at=at)
        if pause is not None:
            raise SubscriptionTrouble(
                State.WAITING,
                f"The application's calls are used up ({pause.why})."
                + (" The subscription is looked at when they are free again." if may_wait else ""),
                at=pause.until,
            )

    def _trouble(self, answer: Answer, application: Application, found: SubscriptionTrouble) -> SubscriptionTrouble:
        """Add when it is worth while to try again, if Strava has said so."""
        if found.state is not State.LIMITED:
            return found
        with self._database.read() as tx:
            pause = self._allowance.pause(tx, application.client_id, self._advanced() or Advanced())
        return SubscriptionTrouble(found.state, str(found), at=None if pause is None else pause.until)
