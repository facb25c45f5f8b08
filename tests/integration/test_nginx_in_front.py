"""nginx between Strava and the built input, configured with the very blocks of docs/certificates.md."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from contextlib import ExitStack, closing
from dataclasses import replace
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.patience import patience
from sandbox.sandbox import Sandbox, free_port
from sandbox.strava import Activity
from sandbox.strava.delivery import DeliveryState
from tests.integration.conftest import MakeSandbox
from tests.support.doc_blocks import block
from tests.support.nginx import Nginx
from tests.support.waiting import until
from tools import nginx

#: As they stand in the documentation.
PATH = "/strava/9f2c81d7a4b0"
PORT = "127.0.0.1:8443"

EXECUTABLE = nginx.find()
pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason=nginx.HOW_TO_GET_IT)


class Proxied:
    """An application, an athlete and an input behind nginx."""

    def __init__(self, sandbox: Sandbox, folder: Path, *, heading: str, **fields: str) -> None:
        assert EXECUTABLE is not None
        self.sandbox = sandbox
        front, inside = free_port(), free_port()
        text = block("certificates.md", heading, "nginx")
        assert PATH in text
        assert PORT in text
        self.nginx = Nginx(
            EXECUTABLE,
            folder,
            port=front,
            certificate=sandbox.certificates.issue("front"),
            block=text.replace(PORT, f"127.0.0.1:{inside}"),
        )
        self.nginx.start()
        self.application = sandbox.add_application("Club")
        self.anna = sandbox.strava.add_athlete("Anna", "Bergström")
        sandbox.connect(self.anna, "anna", self.application)
        url = f"https://localhost:{front}{PATH}"
        made = sandbox.add_input("club", self.application, port=inside, callback_url=url, **fields)
        self.input = replace(made, port=inside, callback_url=url)

    def subscribe(self) -> None:
        self.sandbox.subscribe(self.application, self.input)

    def front(self, method: str, path: str = PATH, **options: Any) -> requests.Response:
        """Ask as anybody on the internet may."""
        with requests.Session() as session:
            session.trust_env = False
            url = f"https://localhost:{self.nginx.port}{path}"
            return session.request(
                method, url, verify=str(self.sandbox.certificates.ca_file), timeout=patience(10), **options
            )

    def answers(self) -> bool:
        """Whether the input does, through nginx."""
        return self.front("GET").status_code == 400  # a challenge without anything in it

    def collected(self, activity: Activity) -> bool:
        events = [event.json for event in self.sandbox.splunkd.index.events() if "activities" in event.sourcetype]
        return any(event.get("id") == activity.id and event.get("name") == activity.title for event in events)

    def the_whole_way(self) -> None:
        """Challenge, notifications, events; also after nginx was away for a while."""
        until(self.answers)
        self.subscribe()
        ride = self.sandbox.strava.record(self.anna, kind="manual", title="Morning Ride")
        until(lambda: self.collected(ride))
        self.sandbox.strava.edit(ride, title="Morning Ride, edited ☀️")
        until(lambda: self.collected(ride))

        self.nginx.stop()
        missed = self.sandbox.strava.record(self.anna, kind="manual", title="Evening Ride")
        delivery = self.sandbox.strava.delivery
        until(lambda: delivery.deliveries[-1].attempts)
        assert not self.collected(missed)
        self.nginx.start()
        delivery.retry_now()
        until(lambda: self.collected(missed))
        assert delivery.deliveries[-1].state is DeliveryState.ACKNOWLEDGED

        assert self.front("GET", "/health").status_code == 404
        assert self.front("GET", "/strava/another").status_code == 404
        assert self.front("POST", data=b"{}").status_code == 400
        assert PATH not in (self.nginx.folder / "access.log").read_text()

    def keeps_its_secrets_without_the_input(self) -> None:
        """While the input does not run nginx has errors to log, with what was asked for."""
        self.sandbox.post("TA_strava_webhook_strava_webhook/club", disabled="1")
        until(lambda: self.sandbox.splunkd.inputs.pid("club") is None)
        challenge = {"hub.mode": "subscribe", "hub.challenge": "x", "hub.verify_token": self.input.verify_token}
        assert self.front("GET", params=challenge).status_code == 502
        assert self.front("POST", data=b"{}").status_code == 502
        assert self.front("POST", data=b" " * 3_000_000).status_code == 413
        for log in (self.nginx.errors, (self.nginx.folder / "access.log").read_text()):
            assert PATH not in log
            assert self.input.verify_token not in log
            assert "hub." not in log

    def logged(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in self.sandbox.splunkd.log_lines())


def test_nginx_with_tls_to_the_input(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    sandbox = make_sandbox(retry_pause=3600.0)
    own = sandbox.certificates.self_signed("inside", "localhost")
    with ExitStack() as stack:
        proxied = Proxied(
            sandbox,
            tmp_path / "nginx",
            heading="A reverse proxy with TLS to the input",
            in_front="proxy",
            cert_file=str(own.cert_file),
            key_file=str(own.key_file),
        )
        stack.callback(proxied.nginx.stop)
        proxied.the_whole_way()
        # Over the network nobody is believed who the client is.
        assert proxied.front("POST", data=b"{}", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 400
        until(lambda: proxied.logged("action=bad_request", "client=127.0.0.1"))
        assert not proxied.logged("203.0.113.9")
        proxied.keeps_its_secrets_without_the_input()


def test_nginx_with_plain_http_on_loopback(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    sandbox = make_sandbox(retry_pause=3600.0)
    with ExitStack() as stack:
        proxied = Proxied(
            sandbox,
            tmp_path / "nginx",
            heading="A reverse proxy on this host, with plain HTTP",
            in_front="local_proxy",
            cert_file="",
            key_file="",
        )
        stack.callback(proxied.nginx.stop)
        proxied.the_whole_way()
        health = requests.get(f"http://127.0.0.1:{proxied.input.port}/health", timeout=patience(10))
        assert json.loads(health.content) == {"status": "ok", "service": "strava-webhooks"}
        # nginx adds whom it has seen, behind what the client says of itself.
        if sys.platform == "linux":  # elsewhere 127.0.0.1 is the only address to come from
            trusted = ssl.create_default_context(cafile=str(sandbox.certificates.ca_file))
            client = HTTPSConnection(
                "127.0.0.1", proxied.nginx.port, context=trusted, source_address=("127.0.0.2", 0), timeout=patience(10)
            )
            with closing(client):
                client.request("POST", PATH, b"{}", {"X-Forwarded-For": "203.0.113.9"})
                assert client.getresponse().status == 400
            until(lambda: proxied.logged("action=bad_request", "client=127.0.0.2"))
        assert not proxied.logged("203.0.113.9")
        _is_on_loopback_alone(proxied.input.port)
        proxied.keeps_its_secrets_without_the_input()


def _is_on_loopback_alone(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: the system only chooses the way
        except OSError:
            return  # this host has no other address
        own_address = probe.getsockname()[0]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((own_address, port), 5)
