"""The listener: the webhook server with its thread, from the check of its settings to its orderly end."""

from __future__ import annotations

import errno
import logging
import re
import socket
import ssl
import sys
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Optional

from strava_collector import logfmt
from strava_collector.callback_url import HEALTH_PATH
from strava_collector.clock import Clock
from strava_collector.errors import ConfigurationError, raised_at
from strava_collector.limits import Limits
from strava_collector.port_probe import NO_IPV6
from strava_collector.secret import Secret
from strava_collector.sink import NotificationSink
from strava_collector.webhook_server import WebhookServer

__all__ = ["Limits", "Listener", "NotificationSink"]

if sys.platform != "win32":
    import resource

logger = logging.getLogger(__name__)

_PATH = re.compile(r"/[!-~]*\Z")

#: Seconds that the thread may take beyond the patience it was given.
_GRACE = 1.0

#: Open files that the process needs besides connections: database, log, calls to Strava and to splunkd, libraries.
_OTHER_FILES = 100


class Listener:
    """Receives Strava's notifications and gives them to a sink.

    Construction checks the settings, :meth:`bind` takes the port, :meth:`start` serves in a thread of its own and
    :meth:`stop` ends, also after a start that failed. A listener is used once.
    """

    def __init__(
        self,
        *,
        port: int,
        callback_path: str,
        verify_token: Secret,
        tls: Optional[ssl.SSLContext],
        store: NotificationSink,
        clock: Clock,
        limits: Optional[Limits] = None,
    ) -> None:
        """Raise ConfigurationError with a sentence for each fault. Port 0 lets the system choose one.

        Without ``tls`` the listener speaks plain HTTP, for a reverse proxy on this host, and is reached by nobody else.
        """
        faults = []
        if not 0 <= port <= 65535:
            faults.append(f"The port {port} is not between 1 and 65535: choose one that Strava can reach.")
        if not _is_path(callback_path):
            faults.append("The callback URL's path must begin with / and hold neither blanks nor ? nor #.")
        if callback_path == HEALTH_PATH:
            faults.append(f"The callback URL's path {HEALTH_PATH} is taken by the health check: choose another one.")
        if not verify_token:
            faults.append("The verify token is empty: enter any string that is hard to guess.")
        if faults:
            raise ConfigurationError(*faults)
        self._port = port
        self._callback_path = callback_path
        self._verify_token = verify_token
        self._tls = tls
        self._store = store
        self._clock = clock
        self._limits = limits or Limits()
        self._server: Optional[WebhookServer] = None
        self._former_paths: frozenset[str] = frozenset()
        self._thread: Optional[threading.Thread] = None
        self._failure: Optional[BaseException] = None

    @property
    def port(self) -> int:
        """The port that is served, once it is bound; before that the one that was asked for."""
        return self._port if self._server is None else self._server.server_port

    @property
    def failure(self) -> Optional[BaseException]:
        """What ended the thread although nobody had asked for it, or None."""
        return self._failure

    def bind(self) -> None:
        """Take the port, for IPv6 and IPv4 if the host has both: of all addresses, or of loopback without TLS.

        Raises ConfigurationError.
        """
        try:
            self._server = self._bound_server()
        except OSError as error:
            raise ConfigurationError(self._bind_fault(error)) from None
        self._server.former_paths = self._former_paths

    def start(self) -> None:
        """Serve in a thread of its own; :meth:`bind` must have succeeded."""
        server = self._server
        if server is None:
            raise RuntimeError("bind() comes before start()")
        self._thread = threading.Thread(target=self._serve, args=(server,), name="listener", daemon=True)
        self._thread.start()
        logger.info(
            logfmt.line(
                "listening",
                port=self.port,
                family=server.listening.families,
                tls=self._tls is not None,
                connections=server.limits.connections,
            )
        )

    def use(self, tls: ssl.SSLContext) -> None:
        """Serve new connections with this context from now on; from any thread, those that exist go on undisturbed."""
        self._tls = tls
        if self._server is not None:
            self._server.use(tls)

    def take_also(self, former_paths: Collection[str]) -> None:
        """Take notifications on these paths, too, in place of those that were given before; from any thread."""
        self._former_paths = frozenset(path for path in former_paths if _is_path(path) and path != HEALTH_PATH)
        if self._server is not None:
            self._server.former_paths = self._former_paths

    def stop(self, patience: float = 5.0) -> None:
        """Take nothing new, answer what has begun to arrive, and return within ``patience`` seconds and a little.

        Connections that are idle are closed at once. The sink must go on working until this has returned.
        """
        server, thread = self._server, self._thread
        if server is None:
            return
        if thread is not None:
            server.finish(patience)
            thread.join(patience + _GRACE)
            if thread.is_alive():
                logger.error(logfmt.line("listener_did_not_stop", port=self.port))
                return
        server.server_close()
        if thread is not None:
            logger.info(logfmt.line("listener_stopped", port=self.port))
        self._thread = None

    def _serve(self, server: WebhookServer) -> None:
        try:
            server.serve_forever()
        except BaseException as error:
            self._failure = error
            logger.error(
                logfmt.line("listener_died", port=self.port, error=type(error).__name__, where=raised_at(error))
            )
            # A port that nobody serves would let clients wait; a closed one sends them away at once.
            server.listening.close()

    def _bound_server(self) -> WebhookServer:
        if self._tls is None:
            return self._server_for_this_host()
        try:
            if socket.has_ipv6:
                return self._make_server("::", socket.AF_INET6)
        except OSError as error:
            if error.errno not in NO_IPV6:
                raise
        return self._make_server("0.0.0.0", socket.AF_INET)  # noqa: S104 - Strava comes from the internet

    def _server_for_this_host(self) -> WebhookServer:
        if socket.has_ipv6:
            try:
                return self._make_server("127.0.0.1", socket.AF_INET, also=(("::1", socket.AF_INET6),))
            except OSError as error:
                if error.errno not in NO_IPV6:
                    raise
        return self._make_server("127.0.0.1", socket.AF_INET)

    def _make_server(
        self, host: str, family: socket.AddressFamily, also: Sequence[tuple[str, socket.AddressFamily]] = ()
    ) -> WebhookServer:
        return WebhookServer(
            (host, self._port),
            family,
            callback_path=self._callback_path,
            verify_token=self._verify_token,
            tls=self._tls,
            also=also,
            store=self._store,
            clock=self._clock,
            limits=replace(self._limits, connections=_affordable(self._limits.connections)),
        )

    def _bind_fault(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return f"The port {self._port} is in use by another program: stop that program or choose another port."
        if error.errno in (errno.EACCES, errno.EPERM):
            return (
                f"The port {self._port} may not be used by the user that runs Splunk: choose one above 1023 and "
                "have the firewall or a proxy forward to it."
            )
        return f"The port {self._port} cannot be used ({error.strerror}): choose another port."


def _is_path(text: str) -> bool:
    return _PATH.match(text) is not None and "?" not in text and "#" not in text


def _affordable(connections: int) -> int:
    """Fewer connections if the limit of open files, often 1024, would not leave enough for everything else."""
    if sys.platform == "win32":  # which has no such limit
        return connections
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, files - _OTHER_FILES))
