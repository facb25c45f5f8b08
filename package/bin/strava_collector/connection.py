"""urllib3's connections and pools, with sockets that obey the limits of their call (see ``call``).

urllib3 1.26 offers its connection classes for being derived from and lets each pool manager name its pools.
Its own ``connect`` is replaced rather than extended, because it switches the check of host names off in the
TLS library for a check of its own, and leaves both out for IP addresses when given a context that checks.
"""

from __future__ import annotations

import ssl
from typing import Any, Optional

from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.poolmanager import PoolManager, ProxyManager

from strava_collector.call import BoundedTLSSocket, Stage, bounded, current_call
from strava_collector.errors import ConfigurationError

# There are type hints for urllib3 2 only, where these classes differ from those of 1.26.
_Connection: Any = HTTPSConnection
_Pool: Any = HTTPSConnectionPool


class BoundedConnection(_Connection):  # type: ignore[misc]  # see above
    """A TLS connection, straight or through an HTTP proxy's tunnel."""

    def _new_conn(self) -> Any:
        call = current_call()
        if call is not None:
            call.stage = Stage.CONNECTING
            call.opened = True
            self.timeout: float = max(0.001, min(self.timeout, call.left()))
        return bounded(super()._new_conn())

    def connect(self) -> None:
        """Open the connection up to the end of the TLS handshake."""
        call = current_call()
        self.sock = self._new_conn()
        host = self.host
        if self._tunnel_host:
            if call is not None:
                call.stage = Stage.TUNNELLING
            self._tunnel()
            # http.client would open it again without the tunnel: urllib3 looks at this and does not reuse it
            # then.
            self.auto_open = 0
            host = self._tunnel_host
        if call is not None:
            call.stage = Stage.HANDSHAKE
        # A name or an address; OpenSSL compares each with the right part of the certificate.
        self.sock = self.ssl_context.wrap_socket(self.sock, server_hostname=host.strip("[]").rstrip("."))
        self.is_verified = True
        if call is not None:
            call.stage = Stage.TALKING


class BoundedPool(_Pool):  # type: ignore[misc]  # see above
    """Connections to one server."""

    ConnectionCls = BoundedConnection

    def _get_conn(self, timeout: Optional[float] = None) -> Any:
        connection = super()._get_conn(timeout)
        call = current_call()
        if call is None or connection.sock is None:
            return connection
        if call.wants_new_connection:
            connection.close()
            return self._new_conn()
        call.stage = Stage.TALKING
        return connection


def direct_pools(context: ssl.SSLContext, *, connections: int) -> PoolManager:
    """Pools of connections straight to the server; ``connections`` are kept alive per server."""
    context.sslsocket_class = BoundedTLSSocket
    manager = PoolManager(maxsize=connections, ssl_context=context)
    manager.pool_classes_by_scheme = {"https": BoundedPool}
    return manager


def tunnel_pools(
    context: ssl.SSLContext, *, connections: int, proxy_url: str, proxy_headers: dict[str, str]
) -> PoolManager:
    """The same through an HTTP proxy, whose URL holds no credentials: they are in ``proxy_headers``."""
    context.sslsocket_class = BoundedTLSSocket
    manager = ProxyManager(proxy_url, proxy_headers=proxy_headers, maxsize=connections, ssl_context=context)
    manager.pool_classes_by_scheme = {"https": BoundedPool}
    return manager


def socks_pools(
    context: ssl.SSLContext, *, connections: int, proxy_url: str, user: Optional[str], password: Optional[str]
) -> PoolManager:
    """The same through a SOCKS proxy. Raises ConfigurationError if the package PySocks is missing.

    What is said to the SOCKS proxy itself is limited per wait only, not by the whole call's time.
    """
    context.sslsocket_class = BoundedTLSSocket
    try:
        from urllib3.contrib.socks import SOCKSConnection, SOCKSProxyManager
    except ImportError:
        raise ConfigurationError(
            "A SOCKS proxy is configured, but this installation lacks PySocks: use an HTTP proxy "
            "(Configuration → Proxy)."
        ) from None

    class SocksConnection(BoundedConnection, SOCKSConnection, _Connection):  # type: ignore[misc]  # see there
        """A TLS connection through a SOCKS proxy: the order of the bases makes urllib3 open it that way."""

    class SocksPool(BoundedPool):
        ConnectionCls = SocksConnection

    manager = SOCKSProxyManager(proxy_url, user, password, maxsize=connections, ssl_context=context)
    manager.pool_classes_by_scheme = {"https": SocksPool}
    return manager
