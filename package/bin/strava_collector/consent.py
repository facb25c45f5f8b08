"""Connecting an athlete: from what Strava sends back to the browser to a row of the table Athletes.

UCC's pages and the REST handlers lead here. The browser sees neither the client secret nor the tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional
from urllib.parse import parse_qs

from strava_collector.configuration import Stanza, athlete_id_of
from strava_collector.errors import CollectorError
from strava_collector.oauth import OAuth
from strava_collector.secret import Secret
from strava_collector.settings import Application, Settings
from strava_collector.token_store import Consent

#: One of these is needed to receive notifications about activities and to fetch them.
NEEDED_SCOPES = frozenset({"activity:read", "activity:read_all"})

#: Fields of a row that only the add-on itself sets.
OWN_FIELDS = ("athlete_id", "athlete_name", "granted_scope", "connected_at", "deletion_refused_at")

#: Fields that are worked out when rows are listed, and that nobody may save.
COMPUTED_FIELDS = ("state", "state_help", "last_activity", "last_activity_help", "granted_help")

_SCOPES = re.compile(r"[a-z_:]{1,40}([, ][a-z_:]{1,40}){0,9}\Z")
_CODE = re.compile(r"[!-~]{1,500}\Z")


class ConsentRefused(CollectorError):
    """The athlete cannot be connected; the message says why and what to do."""


@dataclass(frozen=True)
class Reply:
    """What Strava's consent page sent to the redirect page."""

    code: Optional[Secret]
    #: Separated by commas; empty if Strava did not say.
    scope: str
    #: Strava's word for a refusal, such as ``access_denied``.
    error: str


def parse_reply(packed: str) -> Reply:
    """Return what our redirect page packed into UCC's one field ``code``: ``code=…&scope=…&error=…``, form encoded.

    Raises ConsentRefused if it is something else, such as the bare code that UCC's own redirect page sends.
    """
    try:
        fields = parse_qs(packed, max_num_fields=10) if len(packed) <= 2000 else {}
    except ValueError:  # more fields than that
        fields = {}
    code, scope, error = (fields.get(name, [""])[0].strip() for name in ("code", "scope", "error"))
    if error:
        return Reply(None, "", error)
    if not _CODE.match(code):
        raise ConsentRefused("Strava's answer did not reach Splunk completely. Please connect once more.")
    return Reply(Secret(code), scope if _SCOPES.match(scope) else "", "")


def consent_of(reply: Reply, client_id: str, settings: Settings, oauth: OAuth) -> Consent:
    """Turn the reply into tokens: one call to Strava.

    Raises ConsentRefused, and what OAuth.exchange raises.
    """
    if reply.error == "access_denied":
        raise ConsentRefused(
            "The athlete did not consent at Strava, so nothing was connected. Save again to be asked once more."
        )
    if reply.code is None:
        raise ConsentRefused("Strava reported an error instead of a consent. Please connect once more.")
    granted = reply.scope.replace(" ", ",")
    if not NEEDED_SCOPES.intersection(granted.split(",")):
        raise ConsentRefused(
            "At Strava, the boxes that let this add-on see activities were not ticked, so it could collect nothing. "
            "Save again and leave them ticked."
        )
    grant = oauth.exchange(_application(client_id, settings), reply.code)
    return Consent(
        client_id=client_id,
        athlete_id=grant.athlete_id,
        athlete_name=_printable(grant.athlete_name) or str(grant.athlete_id),
        granted_scope=granted,
        tokens=grant.tokens,
    )


def row_of(
    consent: Consent,
    *,
    name: str,
    application: str,
    applications: Mapping[str, Stanza],
    accounts: Mapping[str, Stanza],
    now: float,
) -> dict[str, str]:
    """Return what the consent adds to the row ``name``, which may exist.

    Raises ConsentRefused when the row and the consent do not go together.
    """
    if applications.get(application, {}).get("client_id", "").strip() != consent.client_id:
        raise ConsentRefused(
            f"The consent was given to another application than “{application}”. Reload the page and connect again."
        )
    present = athlete_id_of(accounts.get(name, {}))
    if present is not None and present != consent.athlete_id:
        raise ConsentRefused(
            f"“{name}” is athlete {present}, but at strava.com {consent.athlete_name} (athlete {consent.athlete_id}) "
            "was logged in. Log out there and connect again, or add a new row for the other athlete."
        )
    for other, stanza in accounts.items():
        if other != name and athlete_id_of(stanza) == consent.athlete_id:
            raise ConsentRefused(
                f"{consent.athlete_name} (athlete {consent.athlete_id}) is connected already, as “{other}”. Delete "
                "that row first, or log in at strava.com as another athlete and connect again."
            )
    return {
        "athlete_id": str(consent.athlete_id),
        "athlete_name": consent.athlete_name,
        **renewed(consent, now),
    }


def rightful_row(
    consent: Consent, *, applications: Mapping[str, Stanza], accounts: Mapping[str, Stanza]
) -> Optional[str]:
    """Return the row that has this athlete and this application already; None if there is none.

    Strava knows one permission of an athlete for an application: the tokens of this consent are that row's from now on,
    and those that it had may be dead, whatever row they were meant for.
    """
    for name, stanza in accounts.items():
        client_id = applications.get(stanza.get("application", "").strip(), {}).get("client_id", "").strip()
        if (athlete_id_of(stanza), client_id) == (consent.athlete_id, consent.client_id):
            return name
    return None


def renewed(consent: Consent, now: float) -> dict[str, str]:
    """Return the fields of a row that every consent replaces."""
    return {
        "granted_scope": consent.granted_scope,
        # Also tells a running input that an athlete has connected again, though nothing else may have changed; to the
        # millisecond, so that no two connections have the same.
        "connected_at": f"{now:.3f}",
        "deletion_refused_at": "",
    }


def _application(client_id: str, settings: Settings) -> Application:
    for application in settings.applications.values():
        if application.client_id == client_id:
            return application
    raise ConsentRefused(
        "There is no application with this client ID on Configuration → Applications. Reload the page and choose the "
        "application again."
    )


def _printable(name: str) -> str:
    """An athlete may be called anything; a stanza holds one line."""
    return " ".join("".join(character if character.isprintable() else " " for character in name).split())[:100]
