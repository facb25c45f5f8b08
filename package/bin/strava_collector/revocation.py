"""Ends a permission at Strava, for whoever has the tokens."""

from __future__ import annotations

from strava_collector.clock import Clock
from strava_collector.oauth import OAuth, OAuthRefused, Refusal, Tokens
from strava_collector.settings import Settings
from strava_collector.transport import CallLimits, RequestsTransport

#: Somebody waits for the answer to a click on Delete.
LIMITS = CallLimits(connect=5.0, read=10.0, whole=15.0, body=64 * 1024)


def revoke_at_strava(settings: Settings, oauth: OAuth, application: str, tokens: Tokens) -> bool:
    """End the permission; False if no application is left to do it with.

    That Strava knows nothing of the permission or the application any more is as good. Raises TransportError,
    OAuthRefused and OAuthUnavailable.
    """
    row = settings.applications.get(application)
    if row is None:
        return False
    try:
        # The refresh token: the access token may have run out, and nobody says what revoking that would do.
        oauth.revoke(row, tokens.refresh_token)
    except OAuthRefused as refusal:
        if refusal.kind is not Refusal.CLIENT_ID:
            raise
        return False
    return True


def revoke(settings: Settings, clock: Clock, application: str, tokens: Tokens) -> bool:
    """The same by the way that the settings describe; takes 15 s at most."""
    transport = RequestsTransport(clock=clock, proxy=settings.proxy, ca_file=settings.advanced.ca_file, limits=LIMITS)
    try:
        return revoke_at_strava(settings, OAuth(transport, settings.advanced.oauth_url, clock), application, tokens)
    finally:
        transport.close()


def named(settings: Settings, client_id: str) -> str:
    """Return what the application with this client ID is called here; empty if there is none."""
    for application in settings.applications.values():
        if application.client_id == client_id:
            return application.name
    return ""
