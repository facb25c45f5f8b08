"""The link to Strava: one application's API and OAuth, made anew when a setting that matters changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from strava_collector.clock import Clock
from strava_collector.errors import ConfigurationError
from strava_collector.fetcher import Connection
from strava_collector.oauth import OAuth
from strava_collector.secret import Secret
from strava_collector.settings import Advanced, Application, Settings
from strava_collector.strava_api import StravaApi
from strava_collector.transport import RequestsTransport


@dataclass(frozen=True)
class _Reach:
    """The settings that a connection depends on."""

    application: Application
    api_url: str
    oauth_url: str
    ca_file: Optional[str]
    proxy: Optional[Secret]

    @classmethod
    def of(cls, application: Application, advanced: Advanced, proxy: Optional[Secret]) -> _Reach:
        return cls(application, advanced.api_url, advanced.oauth_url, advanced.ca_file, proxy)


class Link:
    """Keeps the connection that the settings describe."""

    def __init__(self, application: str, clock: Clock) -> None:
        """``application`` is the name of its row in the settings."""
        self._application = application
        self._clock = clock
        self._connection: Optional[Connection] = None
        self._reach: Optional[_Reach] = None
        self._transport: Optional[RequestsTransport] = None

    @property
    def connection(self) -> Optional[Connection]:
        """The present connection; None as long as the settings do not allow one."""
        return self._connection

    def follow(self, settings: Settings) -> None:
        """Make the connection that the settings describe, unless it is the one that is there.

        Raises ConfigurationError with a sentence if they describe none; then there is none.
        """
        try:
            reach = self._wanted(settings)
            if self._connection is not None and reach == self._reach:
                return
            transport = RequestsTransport(proxy=reach.proxy, ca_file=reach.ca_file, clock=self._clock)
        except ConfigurationError:
            self._connection = None
            raise
        self.close()  # calls in progress end as they would have
        self._transport, self._reach = transport, reach
        self._connection = Connection(
            reach.application,
            StravaApi(transport, reach.api_url),
            OAuth(transport, reach.oauth_url, self._clock),
        )

    def close(self) -> None:
        """Close what is open."""
        if self._transport is not None:
            self._transport.close()

    def _wanted(self, settings: Settings) -> _Reach:
        application = settings.applications.get(self._application)
        if application is None:
            raise ConfigurationError(
                f"There is no application named “{self._application}”. Create it on Configuration → Applications, or "
                "choose another one in the input. Notifications are stored meanwhile."
            )
        return _Reach.of(application, settings.advanced, settings.proxy)
