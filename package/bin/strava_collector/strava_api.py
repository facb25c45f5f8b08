"""The calls to Strava's API that the collector makes, the athlete's token in the Authorization header.

Subscriptions belong to the application, not to an athlete: those calls have no token, but the client secret.

What an answer means is decided elsewhere (``outcome``); this module only knows addresses and parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional
from urllib.parse import quote

from strava_collector.secret import Secret
from strava_collector.transport import Answer, Request, Transport


class StravaApi:
    """Strava's API below one base address, which is a setting."""

    def __init__(self, transport: Transport, api_url: str) -> None:
        self._transport = transport
        self._api_url = api_url.rstrip("/")

    def activity(self, activity_id: int, access_token: Secret) -> Answer:
        """Ask for one activity in full, with all its segment efforts. Raises TransportError."""
        return self._get(f"/activities/{activity_id:d}", access_token, include_all_efforts="true")

    def streams(self, activity_id: int, access_token: Secret, keys: Sequence[str]) -> Answer:
        """Ask for an activity's samples: these of their values, all points in time. Raises TransportError."""
        return self._get(f"/activities/{activity_id:d}/streams", access_token, keys=",".join(keys), key_by_type="true")

    def activities(
        self,
        access_token: Secret,
        *,
        before: Optional[int] = None,
        after: Optional[int] = None,
        page: int = 1,
        per_page: int = 200,
    ) -> Answer:
        """Ask for a page of the athlete's activities in short, newest first, or oldest first with ``after``.

        ``before`` and ``after`` are epoch seconds; together their order is not documented. Raises TransportError.
        """
        bounds = {"before": before, "after": after, "page": page, "per_page": per_page}
        query = {name: str(value) for name, value in bounds.items() if value is not None}
        return self._get("/athlete/activities", access_token, **query)

    def athlete(self, access_token: Secret) -> Answer:
        """Ask whose the token is, which is the cheapest way to learn whether it is good, and for the athlete's profile.

        Raises TransportError.
        """
        return self._get("/athlete", access_token)

    def zones(self, access_token: Secret) -> Answer:
        """Ask for the athlete's zones of heart rate and power. Raises TransportError."""
        return self._get("/athlete/zones", access_token)

    def gear(self, gear_id: str, access_token: Secret) -> Answer:
        """Ask for a bike or a pair of shoes, ``b123`` or ``g123``. Raises TransportError."""
        return self._get(f"/gear/{quote(gear_id, safe='')}", access_token)

    def subscriptions(self, client_id: str, client_secret: Secret) -> Answer:
        """Ask which push subscription the application has: a list of one, or of none. Raises TransportError.

        Strava demands the secret in the query here; it stays a secret until it is sent.
        """
        return self._transport.send(
            Request(
                "GET",
                self._api_url + "/push_subscriptions",
                headers={"Accept": "application/json"},
                query={"client_id": client_id, "client_secret": client_secret},
            )
        )

    def create_subscription(
        self, client_id: str, client_secret: Secret, *, callback_url: str, verify_token: Secret
    ) -> Answer:
        """Ask for a push subscription. Strava calls the callback URL before it answers. Raises TransportError."""
        return self._transport.send(
            Request(
                "POST",
                self._api_url + "/push_subscriptions",
                headers={"Accept": "application/json"},
                form={
                    "client_id": client_id,
                    "client_secret": client_secret,
                    "callback_url": callback_url,
                    "verify_token": verify_token,
                },
            )
        )

    def delete_subscription(self, client_id: str, client_secret: Secret, subscription_id: int) -> Answer:
        """Ask for the end of a push subscription: 204, or 404 if there is none of this id. Raises TransportError."""
        return self._transport.send(
            Request(
                "DELETE",
                f"{self._api_url}/push_subscriptions/{subscription_id:d}",
                headers={"Accept": "application/json"},
                form={"client_id": client_id, "client_secret": client_secret},
            )
        )

    def _get(self, path: str, access_token: Secret, **query: str) -> Answer:
        return self._transport.send(
            Request(
                "GET",
                self._api_url + path,
                headers={
                    "Authorization": Secret(f"Bearer {access_token.reveal()}"),
                    "Accept": "application/json",
                },
                query=query,
            )
        )
