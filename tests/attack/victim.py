"""The built input under attack, and the ways to reach it."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from sandbox.sandbox import Input, Sandbox
from sandbox.strava import Application, Athlete
from tests.support.https import Answer, Client
from tests.support.listening import request


class Victim:
    """An input between both stand-ins, two athletes who are connected, and a subscription."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.application: Application = sandbox.add_application("Club")
        self.anna: Athlete = sandbox.strava.add_athlete("Anna", "Bergström")
        self.ben: Athlete = sandbox.strava.add_athlete("Ben", "Okafor")
        sandbox.connect(self.anna, "anna", self.application)
        sandbox.connect(self.ben, "ben", self.application)
        self.input: Input = sandbox.add_input("club", self.application)
        sandbox.wait_until_healthy(self.input)
        self.subscription = sandbox.subscribe(self.application, self.input)
        self.tls = ssl.create_default_context(cafile=str(sandbox.certificates.ca_file))

    @property
    def port(self) -> int:
        return self.input.port

    @property
    def path(self) -> str:
        """Of the callback URL."""
        return urlsplit(self.input.callback_url).path

    def connect(self) -> Client:
        """A TLS connection that sends exactly the bytes it is told to."""
        return Client(self.port, self.tls)

    def ask(self, data: bytes) -> Answer:
        """The answer to these bytes on a connection of their own."""
        with self.connect() as client:
            return client.ask(data)

    def post(self, body: bytes, *headers: str) -> Answer:
        """The answer to a request that delivers this body."""
        return self.ask(self.delivery(body, *headers))

    def delivery(self, body: bytes, *headers: str) -> bytes:
        return request("POST", self.path, body, *headers)

    def notification(self, **fields: Any) -> bytes:
        """A notification's body in Anna's name, as whoever knows the path can send it."""
        usual = {
            "object_type": "activity",
            "object_id": 1,
            "aspect_type": "create",
            "owner_id": self.anna.id,
            "subscription_id": self.subscription,
            "event_time": 1_780_293_600,
            "updates": {},
        }
        return json.dumps({**usual, **fields}).encode()

    @contextmanager
    def plain(self, source: str = "127.0.0.1") -> Iterator[socket.socket]:
        """A TCP connection on which nobody speaks TLS, from an address of this host's own."""
        with socket.create_connection(("127.0.0.1", self.port), 10.0, (source, 0)) as client:
            yield client

    def log(self) -> str:
        return "\n".join(self.sandbox.splunkd.log_lines())

    @property
    def starts(self) -> int:
        """How often the input's process was started."""
        return self.sandbox.splunkd.inputs.count("club").starts
