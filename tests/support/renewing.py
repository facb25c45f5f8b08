"""A listener whose certificate is renewed."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

from sandbox.certificates import Certificates, ServerCertificate
from strava_collector.bulletin import Bulletin
from strava_collector.clock import SystemClock
from strava_collector.listening import LOOK_EVERY, Listening
from strava_collector.secret import Secret
from strava_collector.settings import Advanced, Settings, WebhookInput
from tests.support.certbot import CertbotFolder
from tests.support.clock import VirtualClock
from tests.support.https import Client
from tests.support.listening import CALLBACK_PATH, TOKEN, MemoryStore
from tests.support.message_board import MessageBoard

HOST = "localhost"


class Club:
    """A listener that is kept, its files in certbot's layout, and what its user gets to see."""

    def __init__(self, folder: Path, clock: Optional[SystemClock] = None) -> None:
        self.authority = Certificates(folder / "authority")
        self.files = CertbotFolder(folder / "letsencrypt", HOST, self.issue("first"))
        # The virtual time begins in the present: OpenSSL looks at the host's own clock.
        self.clock = VirtualClock(datetime.now(timezone.utc).timestamp())
        clocked: dict[str, Any] = {"clock": self.clock} if clock is None else {"clock": clock, "look_every": 0.0}
        self.board = MessageBoard()
        self.store = MemoryStore()
        self._bulletin = Bulletin(self.board, "main")
        self._settings = Settings(advanced=Advanced(ca_file=str(self.authority.ca_file)))
        self._client = ssl.create_default_context(cafile=str(self.authority.ca_file))
        self.kept = Listening(
            WebhookInput(
                name="main",
                index="strava",
                application="club",
                port=0,
                verify_token=Secret(TOKEN),
                callback_url=f"https://{HOST}{CALLBACK_PATH}",
                cert_file=str(self.files.cert_file),
                key_file=str(self.files.key_file),
            ),
            store=self.store,
            bulletin=self._bulletin,
            **clocked,
        )

    def issue(self, name: str, *hosts: str, valid: Optional[tuple[int, int]] = None) -> ServerCertificate:
        """A certificate of the authority; ``valid`` from and until so many days from now."""
        begin, end = (datetime.now(timezone.utc) + timedelta(days=days) for days in valid or (-1, 90))
        return self.authority.issue(name, *(hosts or (HOST,)), not_before=begin, not_after=end)

    def look(self, times: int = 1) -> dict[str, str]:
        """Let the running input look at its files, and return the messages that are shown then."""
        for _ in range(times):
            self.kept.look(self._settings)
            self.clock.advance(LOOK_EVERY)
        self._bulletin._tell()
        return self.board.by_topic()

    def connect(self) -> Client:
        port = self.kept.port
        assert port is not None
        return Client(port, self._client)

    def served(self) -> str:
        """The name under which the certificate was issued that a new connection gets."""
        with self.connect() as client:
            certificate = client.socket.getpeercert()
        assert certificate is not None
        return str(dict(part[0] for part in certificate["subject"])["organizationalUnitName"])  # type: ignore[misc]
