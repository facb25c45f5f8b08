"""What a reverse proxy says about the client it speaks for, and how far it is believed.

Only where the input says that a proxy on this host ends TLS, and only for the log. Of ``X-Forwarded-For`` the last
address counts: the proxy has added it, while everything before it is what the client itself may have sent. Nothing
else that a proxy can say is used: not the host, not the scheme, not ``Forwarded`` and not ``X-Real-IP``.
"""

from __future__ import annotations

import ipaddress


def client_address(forwarded_for: str, peer: str) -> str:
    """Return the client's address out of ``X-Forwarded-For``; ``peer`` if its last entry is no IP address."""
    last = forwarded_for.rpartition(",")[2].strip()
    if "%" in last:  # a zone, which could be any text
        return peer
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return peer


def is_loopback(address: str) -> bool:
    """Whether an IP address is one of this host's own that no other host reaches."""
    return ipaddress.ip_address(address).is_loopback
