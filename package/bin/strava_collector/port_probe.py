"""Whether the listener could have a port now."""

from __future__ import annotations

import errno
import socket
import sys
from typing import Optional

#: The host has no IPv6, or has it switched off.
NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT, errno.ENOPROTOOPT)


def bind_error(port: int, *, loopback: bool = False) -> Optional[OSError]:
    """Bind the port as the listener would, and give it back at once; the error, or None if it can be had.

    ``loopback``: of this host's own addresses only, as for a reverse proxy on it.

    Nothing listens meanwhile: nobody connects to the probe, and a listener that starts in this very moment gets the
    port all the same. A running one is not disturbed; it makes this fail with EADDRINUSE.
    """
    if loopback:
        error = _bind(socket.AF_INET, "127.0.0.1", port)
        if error is None and socket.has_ipv6:
            error = _bind(socket.AF_INET6, "::1", port)
            if error is not None and error.errno in NO_IPV6:
                return None
        return error
    if not socket.has_ipv6:
        return _bind(socket.AF_INET, "0.0.0.0", port)  # noqa: S104 - as the listener
    error = _bind(socket.AF_INET6, "::", port)
    if error is not None and error.errno in NO_IPV6:
        return _bind(socket.AF_INET, "0.0.0.0", port)  # noqa: S104 - as the listener
    return error


def _bind(family: socket.AddressFamily, host: str, port: int) -> Optional[OSError]:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if sys.platform != "win32":  # where the option would let us take another program's port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            probe.bind((host, port))
    except OSError as error:
        return error
    return None
