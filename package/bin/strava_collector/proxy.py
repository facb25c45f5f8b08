"""The proxy that the user configured."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Optional
from urllib.parse import unquote, urlsplit

from strava_collector.errors import ConfigurationError
from strava_collector.secret import Secret

#: What can be spoken to a proxy. With socks5h and socks4a the proxy resolves the server's name, not we.
SCHEMES = ("http", "socks5", "socks5h", "socks4", "socks4a")

_WHERE = "(Configuration → Proxy)"


@dataclass(frozen=True)
class Proxy:
    """Where the proxy is and who we are to it."""

    scheme: str
    host: str
    port: int
    user: Optional[str] = None
    password: Secret = field(default=Secret(""))

    @property
    def place(self) -> str:
        """Host and port, fit to be shown."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The proxy's address without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def is_socks(self) -> bool:
        return self.scheme != "http"

    def headers(self) -> dict[str, str]:
        """The headers for an HTTP proxy: Basic credentials in UTF-8 (RFC 7617), if there are any."""
        if self.user is None:
            return {}
        pair = f"{self.user}:{self.password.reveal()}".encode()
        return {"Proxy-Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}


def parse_proxy(url: Secret) -> Proxy:
    """Take a proxy's URL apart; user and password in it are percent-encoded.

    Raises ConfigurationError with a sentence that quotes nothing of the URL, which may hold a password.
    """
    try:
        parts = urlsplit(url.reveal())
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
        user = unquote(parts.username, errors="strict") if parts.username else None
        password = Secret(unquote(parts.password or "", errors="strict"))
    except ValueError:
        scheme, host, port, user, password = "", None, None, None, Secret("")
    if scheme not in SCHEMES:
        raise ConfigurationError(
            f"The proxy {_WHERE} must have the form http://host:port or socks5://host:port; "
            "an https:// connection to the proxy itself is not supported."
        )
    if not host or not port:
        raise ConfigurationError(f"The proxy {_WHERE} lacks its host or its port.")
    return Proxy(scheme, host, port, user, password)
