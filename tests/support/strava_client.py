"""A client of the stand-in for Strava, and a callback for its notifications, to test the stand-in with."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

import requests

from sandbox.certificates import Certificates
from sandbox.strava import Application, Athlete, StravaStandIn

USER_AGENT = "test/1.0"


class Client:
    """A well-behaved client: names itself, trusts the private CA only, sends tokens in the header."""

    def __init__(self, strava: StravaStandIn, certificates: Certificates) -> None:
        self._strava = strava
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(certificates.ca_file)
        self._session.headers["User-Agent"] = USER_AGENT

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, token: str | None = None, **query: object) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self._send("GET", path, headers=headers, params=query)

    def post(self, path: str, **form: object) -> requests.Response:
        return self._send("POST", path, data=form)

    def delete(self, path: str, **query: object) -> requests.Response:
        return self._send("DELETE", path, params=query)

    def authorize(self, application: Application, scope: str, **more: object) -> requests.Response:
        """Ask for consent, as the browser does that follows the add-on's link."""
        query = {
            "client_id": application.client_id,
            "redirect_uri": "https://localhost:8000/redirect",
            "response_type": "code",
            "scope": scope,
            "state": "the-state",
            **more,
        }
        return self._send("GET", "/oauth/authorize", params=query)

    def token(self, application: Application, grant_type: str, **more: object) -> requests.Response:
        return self.post("/oauth/token", **credentials(application), grant_type=grant_type, **more)

    def revoke(self, application: Application, token: str) -> requests.Response:
        return self._send(
            "POST",
            "/oauth/revoke",
            data={"token": token},
            auth=(str(application.client_id), application.client_secret),
        )

    def deauthorize(self, token: str) -> requests.Response:
        return self._send("POST", "/oauth/deauthorize", headers={"Authorization": f"Bearer {token}"})

    def subscribe(self, application: Application, callback_url: str) -> requests.Response:
        return self.post(
            "/api/v3/push_subscriptions",
            **credentials(application),
            callback_url=callback_url,
            verify_token="verify-me",
        )

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        return self._session.request(method, self._strava.url + path, allow_redirects=False, timeout=(5, 20), **more)


def credentials(application: Application) -> dict[str, Any]:
    """The parameters by which an application proves itself."""
    return {"client_id": application.client_id, "client_secret": application.client_secret}


def redirect_parameters(response: requests.Response) -> dict[str, str]:
    """What a redirect carries in its query."""
    assert response.status_code == 302, response.text
    query = urlsplit(response.headers["Location"]).query
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}


def error_of(response: requests.Response) -> tuple[int, str, str, str]:
    """Status, resource, field and code of an error answer."""
    error = response.json()["errors"][0]
    return response.status_code, error["resource"], error["field"], error["code"]


class Callback:
    """An application's callback URL: takes challenges, keeps notifications, misbehaves when told to."""

    def __init__(self, certificates: Certificates) -> None:
        self.notifications: list[dict[str, Any]] = []
        #: The status of the next answers to notifications.
        self.status = 200
        #: Makes the answer to a challenge from the challenge.
        self.echo: Callable[[str], tuple[int, bytes]] = lambda challenge: (
            200,
            json.dumps({"hub.challenge": challenge}).encode(),
        )
        #: While it is clear, notifications get no answer.
        self.answering = threading.Event()
        self.answering.set()
        self.challenges: list[dict[str, str]] = []
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                callback.challenges.append(query)
                self._answer(*callback.echo(query["hub.challenge"]))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                callback.answering.wait(10)
                callback.notifications.append(json.loads(body))
                self._answer(callback.status, b"{}")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = False
            request_queue_size = 128

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # Strava hangs up on whoever is slow

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.socket = certificates.server_context("callback").wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_address[1]}/secret-path"

    def __enter__(self) -> Callback:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.answering.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def fetch(client: Client, token: str, activity_id: int) -> requests.Response:
    """Fetch an activity as the add-on does."""
    return client.get(f"/api/v3/activities/{activity_id}", token, include_all_efforts="true")


def connected(strava: StravaStandIn, scope: str) -> tuple[Application, Athlete, str]:
    """An application, an athlete who granted it ``scope``, and the access token."""
    application = strava.add_application("Test")
    athlete = strava.add_athlete("Anna", "Bergström")
    return application, athlete, strava.connect(application, athlete, scope).access_token
