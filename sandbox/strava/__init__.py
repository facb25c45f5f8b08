"""A stand-in for Strava: OAuth, push subscriptions, activities, rate limits, webhook delivery.

It runs inside the process of the test or demo that started it, and is reached by HTTPS like the real one::

    certificates = Certificates(folder)                       # sandbox.certificates
    with StravaStandIn(certificates, retry_pause=1.0) as strava:
        app = strava.add_application("My app", callback_domain="localhost") # .client_id .client_secret
        anna = strava.add_athlete("Anna", "Bergström")                      # .id .first_name .last_name .name
        ...give strava.api_url, strava.oauth_url and certificates.ca_file to the add-on, connect, subscribe...
        ride = strava.record(anna, kind="ride", title="Morning Ride 🚴")      # .id; Strava notifies
        strava.edit(ride, title="Round the lake")
        assert strava.wait_until_delivered(10)

Leaving the ``with`` block stops all threads and closes all sockets. If the client misused Strava meanwhile
and no other exception is on its way, it raises :class:`StravaMisused`; who misuses it on purpose calls
``strava.misuse.clear()`` or passes ``strict=False``. Constructor: ``StravaStandIn(certificates, *, clock=,
seed=1, limits=Limits(), retry_pause=60.0, delivery_time_limit=2.0, delivery_threads=8, strict=True)``.

Where it is
    ``url``, ``api_url``, ``oauth_url``, ``port``: https on 127.0.0.1 and a port that the system chose
    ``start()``, ``stop()``: or the ``with`` statement
    ``answer(call)``: a call without sockets, for simulations

Who exists
    ``add_application(name, callback_domain=, client_id=, client_secret=, limits=)`` → :class:`Application`
    ``add_athlete(first_name, last_name, athlete_id=, city=, country=)`` → :class:`Athlete`
    ``set_inactive(application, inactive=True)``: 403 Application/Status/Inactive from now on

Consent (by HTTP: ``GET /oauth/authorize``; ``POST /oauth/token``, ``/oauth/revoke``,
``/oauth/deauthorize``)
    ``sign_in(athlete, untick=(), refuse=False)``: who sits at the browser, and what they will answer;
    authorize requests redirect at once, until ``sign_out()``: then they show a page with the athletes to log in
    as, which the browser remembers, and one with the scopes
    ``connect(application, athlete, scope)`` → :class:`TokenPair`: consent and exchange in one step
    ``granted_scope(application, athlete)`` → frozenset, empty when not connected
    ``tokens_given_out()`` → frozenset: all tokens ever, for tests that look for leaks
    ``expire_access_token(athlete)``: calls with it answer 401, a refresh gives a new pair
    ``revoke_refresh_token(athlete)``: the next refresh answers 400; nobody is notified
    ``deauthorize(athlete, application=None, notify=True)``: tokens dead, ``{"authorized":"false"}`` is sent

What athletes do; each takes ``notify=False`` too: behind the webhook's back
    ``record(athlete, kind="ride", title=, start_date=, private=False, activity_id=, device_name=,
    description=, not_found_requests=0, not_found_seconds=0, seconds=)`` → :class:`Activity` (``.id``, ``.kind``,
    ``.title``, ``.private``); kinds: walk (20 KB), swim, run, ride, long_ride (500 KB, 30,000 s), manual;
    ``start_date``: aware datetime or ISO text; without a ``start_date`` it has just ended; ``seconds`` in motion, each
    of which is a sample of the streams, unless it lasts as long as its kind does
    ``edit(activity, title=, type=, start_date=, description=, gear=, seconds=)``: notified when title or type changes,
    else not; ``seconds`` crops it, which makes other streams
    ``delete(activity)``, ``hide(activity)``, ``show(activity)``: notified as the granted scope demands
    ``detail(activity)`` → dict: what a fetch by its owner would answer now
    ``activities(athlete)`` → those that exist, oldest first
    ``refuse_detail(activity, status=404)``: lists show it, fetches answer 404 or 403 for ever; None ends that
    ``unlist(activity, unlisted=True)``: lists lack it, a fetch brings it
    ``gear(athlete)`` → their bikes and shoes, ``add_gear(athlete, name, bike=True)`` → :class:`Gear` (``.id``,
    ``.retired``, ``.nickname``); its distance grows with the activities
    ``edit_profile(athlete, city=, state=, country=, sex=, weight=, ftp=, heart_rate_limits=, custom_zones=)``

Lists (by HTTP: ``GET /athlete/activities``): pages of up to 200, ``before`` and ``after`` exclude themselves;
    newest first, but oldest first with ``after``, also when both are given

Streams (by HTTP: ``GET /activities/{id}/streams``)
    ``streams.seconds``: so long after each upload they are not ready; ``streams.meanwhile``: ``"missing"`` (404)
    or ``"empty"`` (200 without any)
    ``streams.hold_back(activity, seconds=0, requests=0)``: not ready for so long from now, and for so many requests

Subscriptions (by HTTP: ``/push_subscriptions``)
    ``subscriptions.add(application, callback_url)``: one that nobody asked the callback URL about
    ``subscriptions.of(application)`` → :class:`Subscription` or None; ``subscriptions.call_backs``: how
    callback URLs answered the challenge; ``subscriptions.time_limit`` (2 s)

Notifications
    ``wait_until_delivered(seconds)`` → bool: nothing waits or is being sent any more
    ``delivery.deliveries``: list of :class:`Delivery` (``notification``, ``attempts`` with ``status``,
    ``seconds`` and ``error``, ``state``, ``delay``); ``delivery.retry_pause`` (60 s),
    ``delivery.time_limit`` (2 s)
    ``delivery.hold()``, ``delivery.release()``: keep all back, then send them in a burst
    ``delivery.lose_next(count=1)``: so many notifications are never sent; ``delivery.lose_share(0.01)``: this part
    ``delivery.retry_now()``: waiting second and third attempts are due at once
    ``delivery.send(application, notification)``: anything at all, forged ones too
    ``delivery.repeat(delivery)``: the same once more
    ``delivery.wait_for_attempts(delivery, count, seconds)`` → bool

Rate limits
    ``rate_limits.set_limits(application, overall=(200, 2000), read=(100, 1000))``
    ``rate_limits.use_up(application, calls, read=True)``: somebody else uses the same application
    ``rate_limits.usage(application)`` → ``.overall``, ``.read``; ``rate_limits.refused``: how many 429
    there were
    ``rate_limits.without_read_headers = True``: answers lack the headers for reads

Faults; each call returns a :class:`Fault`, which is a context manager with ``end()`` and ``hits``
    ``faults.outage(what=503, method=, path="/api/v3/*", times=None, share=1.0, retry_after=None)``;
    ``what`` is a status or ``"timeout"`` (never answers, or ends after ``seconds``), ``"reset"``, ``"lost_answer"``
    (done, then reset), ``"html"`` (503), ``"html_200"``, ``"truncated"``, ``"not_json"``, ``"empty"``, ``"redirect"``,
    ``"wrong_activity"``, ``"huge"``; of a list ``"not_a_list"`` (an object), ``"without_ids"`` and ``"no_objects"``
    (every second entry)
    ``faults.slow(seconds, method=, path=, times=)``, ``faults.rate_limited(retry_after=, path=, times=)``
    ``path`` is a pattern: ``"/oauth/token"``, ``"/api/v3/activities/*"``, ``"*"``; ``faults.clear()`` ends
    all

What happened
    ``statistics.calls``: list of :class:`CallRecord`; ``statistics.count(endpoint=, status=)``, with
    endpoints such as ``"GET /activities/{id}"`` and ``"POST /oauth/token"``;
    ``statistics.by_endpoint_and_status()`` → Counter
    ``statistics.deliveries()`` → :class:`DeliverySummary` (``sent``, ``acknowledged``, ``given_up``,
    ``lost``, ``attempts``, ``median_delay``, ``worst_delay`` in s)
    ``dead_refresh_tokens_presented``: how often a client had lost a rotated token
    ``misuse``: list of sentences, ``check_misuse()`` raises

Files: ``stand_in`` (this surface), ``server`` (HTTP and TLS), ``exchange`` (a call and its answer, Strava's
error bodies), ``api`` (endpoints, admission), ``accounts``, ``oauth``, ``consent_page``, ``subscriptions``,
``activities``, ``activity_json`` with ``segments`` and ``route`` (realistic content), ``listing``, ``streams`` with
``readiness``, ``profile``, ``gear``,
``delivery`` and ``call_out`` (webhooks), ``rate_limits``, ``faults``, ``misuse``, ``statistics``.
"""

from __future__ import annotations

from sandbox.strava.accounts import Application, Athlete
from sandbox.strava.activities import Activity
from sandbox.strava.delivery import Attempt, Delivery, DeliveryState
from sandbox.strava.faults import Fault
from sandbox.strava.gear import Gear
from sandbox.strava.oauth import TokenPair
from sandbox.strava.rate_limits import Limits
from sandbox.strava.stand_in import StravaMisused, StravaStandIn
from sandbox.strava.statistics import CallRecord, DeliverySummary
from sandbox.strava.subscriptions import Subscription

__all__ = [
    "StravaStandIn",
    "StravaMisused",
    "Application",
    "Athlete",
    "Activity",
    "Gear",
    "TokenPair",
    "Subscription",
    "Limits",
    "Fault",
    "Delivery",
    "DeliveryState",
    "Attempt",
    "CallRecord",
    "DeliverySummary",
]
