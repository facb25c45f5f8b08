"""From an input's stanza to a value, all faults found together; for both kinds of inputs.

Pure: nothing is asked of splunkd and no file is looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timezone
from typing import Optional

from strava_collector.callback_url import callback_url_faults
from strava_collector.configuration import PORT, Stanza, athlete_names, is_on, privacy_of, whole
from strava_collector.errors import ConfigurationError
from strava_collector.secret import Secret
from strava_collector.settings import IN_FRONT, LOCAL_PROXY, NOTHING, ActivitiesInput, WebhookInput

#: Bounds, inclusive; the help texts of the pages name the same. Seconds, days.
RESTART_PAUSE = (10, 3600)
INTERVAL = (60, 604_800)
LOOK_BACK_DAYS = (1, 365)
DAY = 86_400.0

NEWEST, OLDEST = "newest", "oldest"
ORDERS = (NEWEST, OLDEST)

#: Fields that must not be empty, with their names in sentences.
_FIELDS_OF_WEBHOOK = {
    "application": "The application",
    "index": "The index",
    "callback_url": "The callback URL",
    "port": "The port",
    "cert_file": "The certificate file",
    "key_file": "The private key file",
}
#: Those of them that plain HTTP has no use for.
_TLS_FIELDS = ("cert_file", "key_file")
_FIELDS_OF_ACTIVITIES = {"application": "The application", "index": "The index"}

#: strptime alone takes ``2024-1-2``, too, which somebody may have meant the other way round.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)


def parse_webhook_input(name: str, params: Stanza, verify_token: Optional[Secret]) -> WebhookInput:
    """Return an input's stanza as a value.

    Raises ConfigurationError with everything that makes it meaningless. What may heal by itself (files that are not
    there yet, an application without a row) is left to the running input, which tries again.
    """
    faults = webhook_shape_faults(params, judged=_FIELDS_OF_WEBHOOK)
    if verify_token is None or not verify_token:
        faults.append("The verify token is missing. Open the input on the page Inputs and enter it again.")
    if faults or verify_token is None:
        raise ConfigurationError(*faults)
    values = {key: value.strip() for key, value in params.items()}
    return WebhookInput(
        name=name,
        index=values["index"],
        application=values["application"],
        port=int(values["port"]),
        verify_token=verify_token,
        callback_url=values["callback_url"],
        cert_file=values.get("cert_file", ""),
        key_file=values.get("key_file", ""),
        in_front=values.get("in_front") or NOTHING,
        manage_subscription=is_on(values, "manage_subscription", default=True),
        replace_subscription=is_on(values, "replace_subscription", default=False),
        remove_subscription=is_on(values, "remove_subscription", default=False),
        streams=is_on(values, "streams", default=False),
        privacy=privacy_of(values),
    )


def webhook_shape_faults(params: Stanza, *, judged: Collection[str]) -> list[str]:
    """Return the faults that the texts of an input's stanza show, and which fields of ``judged`` are missing."""
    without_tls = params.get("in_front", "").strip() == LOCAL_PROXY
    faults = [
        f"{label} is missing."
        for field, label in _FIELDS_OF_WEBHOOK.items()
        if field in judged and not params.get(field, "").strip() and not (without_tls and field in _TLS_FIELDS)
    ]
    if params.get("port", "").strip():
        whole(params, "port", "The port", PORT, faults)
    if params.get("interval", "").strip():
        whole(params, "interval", "The restart pause (s)", RESTART_PAUSE, faults)
    if params.get("in_front", "").strip() not in ("", *IN_FRONT):
        faults.append("What stands in front of the port must be one of " + ", ".join(IN_FRONT) + ".")
    if params.get("callback_url", "").strip():
        faults.extend(callback_url_faults(params["callback_url"].strip()))
    return faults


def parse_activities_input(name: str, params: Stanza) -> ActivitiesInput:
    """Return an input's stanza as a value.

    Raises ConfigurationError with everything that makes it meaningless. What may heal by itself (an application or an
    athlete without a row) is left to the running input. An empty field has its default.
    """
    values = {key: value.strip() for key, value in params.items()}
    faults = activities_shape_faults(values, judged=_FIELDS_OF_ACTIVITIES)
    if faults:
        raise ConfigurationError(*faults)
    return ActivitiesInput(
        name=name,
        index=values["index"],
        application=values["application"],
        athletes=frozenset(athlete_names(values)),
        interval=interval_of(values),
        start_date=start_of(values),
        oldest_first=values.get("order") == OLDEST,
        summaries_only=is_on(values, "summaries_only", default=False),
        look_back=look_back_of(values),
        streams=is_on(values, "streams", default=False),
        privacy=privacy_of(values),
    )


def activities_shape_faults(params: Stanza, *, judged: Collection[str]) -> list[str]:
    """Return the faults that the texts of an input's stanza show, and which fields of ``judged`` are missing."""
    faults = [
        f"{label} is missing."
        for field, label in _FIELDS_OF_ACTIVITIES.items()
        if field in judged and not params.get(field, "").strip()
    ]
    found = len(faults)
    if params.get("interval", "").strip():
        whole(params, "interval", "The interval (s)", INTERVAL, faults)
    if params.get("look_back", "").strip():
        whole(params, "look_back", "The look back (days)", LOOK_BACK_DAYS, faults)
    if len(faults) == found and look_back_of(params) <= interval_of(params):
        faults.append(
            f"The look back ({look_back_of(params) / DAY:g} days) must be longer than the interval "
            f"({interval_of(params):g} s, {interval_of(params) / DAY:.3g} days), so that no activity falls between two "
            "looks."
        )
    if params.get("order", "").strip() not in ("", *ORDERS):
        faults.append("The order must be one of " + ", ".join(ORDERS) + ".")
    if params.get("start_date", "").strip() and _day(params["start_date"].strip()) is None:
        faults.append("The start date must be a date as in 2015-01-31 (year, month, day), or empty for everything.")
    return faults


def interval_of(stanza: Stanza) -> float:
    """Return the seconds from one listing to the next; the default if there are none that can be."""
    return float(whole(stanza, "interval", "", INTERVAL, [], int(ActivitiesInput.interval)))


def look_back_of(stanza: Stanza) -> float:
    """Return how far each listing looks back, in seconds; the default if there is nothing that can be."""
    return DAY * whole(stanza, "look_back", "", LOOK_BACK_DAYS, [], int(ActivitiesInput.look_back / DAY))


def start_of(stanza: Stanza) -> Optional[float]:
    """Return when the start date begins, at midnight UTC, in epoch seconds; None for everything, or for no date."""
    return _day(stanza.get("start_date", "").strip())


def _day(text: str) -> Optional[float]:
    if not _DATE.match(text):
        return None
    try:
        begin = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None
    return max(begin, 0.0)  # nobody has recorded anything before 1970
