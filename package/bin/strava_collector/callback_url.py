"""What is wrong with a callback URL as a text; whether anybody can reach it, only the network shows."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

#: Strava takes no longer one.
LONGEST_CALLBACK_URL = 255

#: Taken by the listener itself: where monitoring asks whether notifications can be stored.
HEALTH_PATH = "/health"

#: Longer ones are cut where they are quoted.
_LONGEST_QUOTE = 100

_PRINTABLE = re.compile(r"[!-~]+\Z")
#: A part of a host name. Underscores are none of DNS's, but some have them.
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")


def callback_url_faults(url: str) -> list[str]:
    """Return all faults of a callback URL, one sentence each."""
    faults = []
    if len(url) > LONGEST_CALLBACK_URL:
        faults.append(f"The callback URL has {len(url)} characters; Strava takes at most {LONGEST_CALLBACK_URL}.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return [*faults, "The callback URL is no URL: its host or port cannot be read."]
    if not _PRINTABLE.match(url):
        faults.append(
            "The callback URL has blanks, control characters or characters outside ASCII; write those as %XX, "
            "and those of a host name in punycode (xn--)."
        )
    if parts.scheme != "https" or not host:
        faults.append("The callback URL must begin with https:// and a host name, because Strava calls nothing else.")
    elif host.isascii() and not _is_host(host):
        faults.append(f"The callback URL's host “{host[:_LONGEST_QUOTE]}” is no host name and no IP address.")
    if port == 0:
        faults.append("The callback URL names the port 0, which nobody can call: name one from 1 to 65535.")
    if not parts.path.strip("/"):
        faults.append(
            "The callback URL needs a path behind the host name, for instance /strava/ and a long random word."
        )
    elif {".", ".."} & set(parts.path.split("/")):
        faults.append("The callback URL's path must have no part “.” or “..”, because clients leave those out.")
    elif parts.path == HEALTH_PATH:
        faults.append(f"The callback URL must have another path than {HEALTH_PATH}, which the server uses itself.")
    # Signs, not what is behind them: an empty query or fragment would get lost as well, or be sent.
    if "?" in url or "#" in url or parts.username is not None:
        faults.append("The callback URL must have no user name, no question mark and no hash sign.")
    return faults


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return True
    name = host[:-1] if host.endswith(".") else host
    labels = name.split(".")
    # A name whose last part is a number would be taken for an address.
    return all(map(_LABEL.match, labels)) and not labels[-1].isdigit()
