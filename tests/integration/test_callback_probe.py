"""The probe of a callback URL over real TLS: this listener, another one, other servers, and none at all."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.certificates import Certificates
from strava_collector.callback_probe import Probe, Target, as_sentence, probe
from strava_collector.certificate import load_context
from strava_collector.check_line import Status
from strava_collector.clock import SystemClock
from strava_collector.errors import StoreUnavailable
from strava_collector.listener import Listener
from strava_collector.secret import Secret
from strava_collector.store import challenges
from strava_collector.store.database import Database
from strava_collector.store.group_commit import GroupCommit
from tests.support.https_server import Script, Server, Visit, answering
from tests.support.waiting import until

PATH = "/strava/5f0c9e"
TOKEN = "marked-verify&token 4711"


class Host:
    """A host with a store and listeners."""

    def __init__(self, database: Database, certificates: Certificates) -> None:
        self.database = database
        self.certificates = certificates

    @contextmanager
    def listening(self, name: str, token: str = TOKEN) -> Iterator[str]:
        """A listener of the input ``name``; its callback URL."""
        files = self.certificates.issue(f"listener-{name}")
        committer = GroupCommit(self.database, input=name, clock=SystemClock(), committed=lambda: None)
        listener = Listener(
            port=0,
            callback_path=PATH,
            verify_token=Secret(token),
            tls=load_context(str(files.cert_file), str(files.key_file)),
            store=committer,
            clock=SystemClock(),
        )
        listener.bind()
        committer.start()
        listener.start()
        try:
            yield f"https://localhost:{listener.port}{PATH}"
        finally:
            listener.stop()
            committer.stop()

    def noted_by(self, digest: str) -> Optional[str]:
        with self.database.read() as tx:
            return challenges.noted_by(tx, digest)

    def try_url(self, url: str, **more: Any) -> Probe:
        target = Target("home", url, Secret(TOKEN), str(self.certificates.ca_file))
        found = probe(target, **{"noted_by": self.noted_by, "wait": lambda seconds: None, **more})
        said = as_sentence(found)
        assert "marked" not in said
        assert "hub.verify" not in said
        assert (found.grade is Status.PASS) == (not found.to_do)
        return found


@pytest.fixture
def host(tmp_path: Path, certificates: Certificates) -> Iterator[Host]:
    with closing(Database(tmp_path / "store", clock=SystemClock())) as database:
        yield Host(database, certificates)


@contextmanager
def server(script: Script, certificates: Certificates, *hosts: str, **dates: datetime) -> Iterator[str]:
    """Another server; the callback URL that leads to it."""
    if dates or hosts:
        files = certificates.issue("another", *hosts, **dates)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.cert_file, files.key_file)
    else:
        context = certificates.server_context("another")
    with Server(script, context) as running:
        yield f"{running.url}{PATH}"


def echo(visit: Visit) -> None:
    """Answers as the listener would, whatever the token."""
    request = visit.request()
    assert request is not None
    challenge = parse_qs(urlsplit(request.target).query)["hub.challenge"][0]
    visit.answer(f'{{"hub.challenge": "{challenge}"}}'.encode())


def test_a_url_that_leads_to_this_listener_passes(host: Host) -> None:
    with host.listening("home") as url:
        found = host.try_url(url)
    assert found.grade is Status.PASS
    assert "leads to this listener" in found.seen


def test_the_challenge_is_sent_as_strava_sends_it(host: Host, certificates: Certificates) -> None:
    asked: list[dict[str, list[str]]] = []

    def script(visit: Visit) -> None:
        request = visit.request()
        assert request is not None
        asked.append(parse_qs(urlsplit(request.target).query))
        visit.answer(b"{}")

    with server(script, certificates) as url:
        host.try_url(url)
    assert asked[0]["hub.mode"] == ["subscribe"]
    assert asked[0]["hub.verify_token"] == [TOKEN]
    assert len(asked[0]["hub.challenge"][0]) == 32


def test_another_input_of_this_host_is_named(host: Host) -> None:
    with host.listening("other") as url:
        found = host.try_url(url)
    assert (found.grade, "“other”" in found.seen) == (Status.FAIL, True)


def test_an_answer_of_another_splunk_with_the_same_token_is_no_answer_of_ours(
    host: Host, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strava_collector.callback_probe.NOTE_PATIENCE", 0.2)
    with server(echo, certificates) as url:
        found = host.try_url(url)
    assert found.grade is Status.FAIL
    assert "it was not this listener" in found.seen


def test_a_reverse_proxy_with_a_certificate_of_its_own_leads_to_the_listener(
    host: Host, certificates: Certificates
) -> None:
    def forward(visit: Visit) -> None:
        request = visit.request()
        assert request is not None
        plain = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), 5)
        with certificates.client_context().wrap_socket(plain, server_hostname="localhost") as upstream:
            head = f"GET {request.target} HTTP/1.1\r\nHost: internal\r\nConnection: close\r\n\r\n"
            upstream.sendall(head.encode())
            while piece := upstream.recv(65_536):
                visit.raw(piece)

    with host.listening("home") as url, server(forward, certificates) as public:
        found = host.try_url(public)
    assert found.grade is Status.PASS


def test_a_listener_with_another_token_is_told_from_other_refusals(host: Host, certificates: Certificates) -> None:
    with host.listening("home", "another-token") as url:
        found = host.try_url(url)
    assert (found.grade, "another verify token" in found.seen) == (Status.FAIL, True)
    with server(answering(b"no robots", 403), certificates) as url:
        found = host.try_url(url)
    assert (found.grade, "in front of the add-on" in found.seen) == (Status.FAIL, True)


def test_a_wrong_path_is_told(host: Host) -> None:
    with host.listening("home") as url:
        found = host.try_url(f"{url}-wrong")
    assert (found.grade, "does not know the path" in found.seen) == (Status.FAIL, True)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (answering(b"<html>hello</html>"), "not with the challenge"),
        (answering(b'{"hub.challenge": "another"}'), "not with the challenge"),
        (answering(b"[" * 5000), "not with the challenge"),
        (answering(b"", 301, {"Location": "https://elsewhere.example/"}), "does not follow"),
        (answering(b"", 401), "refuses it"),
        (answering(b"", 502), "does not get through"),
        (answering(b"", 418), "status 418"),
        (lambda visit: visit.raw(b"SSH-2.0-OpenSSH\r\n"), "no HTTP"),
        (lambda visit: visit.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"), "localhost"),
        (lambda visit: None, "broke off"),
    ],
)
def test_another_server_fails_with_what_it_says(
    host: Host, certificates: Certificates, script: Callable[[Visit], None], said: str
) -> None:
    with server(script, certificates) as url:
        found = host.try_url(url)
    assert (found.grade, said) == (Status.FAIL, said if said in found.seen else found.seen)


@pytest.mark.parametrize(
    ("hosts", "days", "said"),
    [(("elsewhere.example",), 1, "for another name"), ((), -1, "has expired"), ((), 3, "not valid yet")],
)
def test_a_wrong_certificate_fails_with_what_is_wrong(
    host: Host, certificates: Certificates, hosts: tuple[str, ...], days: int, said: str
) -> None:
    now = datetime.now(timezone.utc)
    dates = {"not_before": now - timedelta(days=9), "not_after": now + timedelta(days=days)}
    if days > 1:
        dates = {"not_before": now + timedelta(days=1), "not_after": now + timedelta(days=days)}
    with server(echo, certificates, *hosts, **dates) as url:
        found = host.try_url(url)
    assert (found.grade, said in found.seen) == (Status.FAIL, True)


def test_unknown_authorities_and_incomplete_chains_fail(host: Host, certificates: Certificates, tmp_path: Path) -> None:
    for files, chain in (
        (certificates.self_signed("self"), "cert_file"),
        (Certificates(tmp_path / "private").issue("private"), "cert_file"),
        (certificates.issue("leaf"), "leaf_file"),
    ):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(getattr(files, chain), files.key_file)
        with Server(echo, context) as running:
            found = host.try_url(f"{running.url}{PATH}")
        assert found.grade is Status.FAIL
        assert "Strava refuses it" in found.seen
        assert "fullchain.pem" in found.to_do


def test_what_does_not_speak_tls_fails(host: Host) -> None:
    with Server(lambda visit: visit.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), None) as running:
        found = host.try_url(f"{running.url}{PATH}")
    assert (found.grade, "does not speak TLS" in found.seen) == (Status.FAIL, True)
    with Server(lambda visit: visit.until_closed(), None) as running:
        found = host.try_url(f"{running.url}{PATH}", patience=0.2)
    assert (found.grade, "says nothing" in found.seen) == (Status.FAIL, True)


def test_an_unknown_name_fails_and_silent_name_servers_warn(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    found = host.try_url(f"https://nowhere.example{PATH}", resolve=unknown)
    assert (found.grade, "is not known (DNS)" in found.seen) == (Status.FAIL, True)
    monkeypatch.setattr("strava_collector.callback_probe.RESOLVE_PATIENCE", 0.05)
    with ExitStack() as ends:
        asked = threading.Event()
        ends.callback(asked.set)
        found = host.try_url(f"https://nowhere.example{PATH}", resolve=lambda *_: asked.wait(5) and [])
    assert (found.grade, "name servers" in found.seen) == (Status.WARN, True)


def test_what_cannot_be_reached_from_here_warns_of_hairpin_nat(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found = host.try_url(f"https://127.0.0.1:{port}{PATH}")
    assert (found.grade, "refused" in found.seen) == (Status.WARN, True)
    assert "hairpin NAT" in found.to_do
    assert "phone" in found.to_do


def test_an_address_that_says_nothing_warns_of_hairpin_nat(host: Host) -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        found = host.try_url(f"https://127.0.0.1:{full.getsockname()[1]}{PATH}", patience=0.2)
    assert (found.grade, "no answer" in found.seen) == (Status.WARN, True)


def test_an_answer_after_two_seconds_is_too_late_for_strava(host: Host) -> None:
    times = iter([100.0, 102.3])
    with host.listening("home") as url:
        found = host.try_url(url, monotonic=lambda: next(times))
    assert (found.grade, "took 2.3 s" in found.seen) == (Status.FAIL, True)


def test_a_server_that_never_answers_fails(host: Host, certificates: Certificates) -> None:
    with server(lambda visit: visit.until_closed(), certificates) as url:
        found = host.try_url(url, patience=0.5)
    assert (found.grade, "did not answer the challenge within 0.5 s" in found.seen) == (Status.FAIL, True)


def test_a_server_that_drips_does_not_hold_the_probe(host: Host, certificates: Certificates) -> None:
    with server(lambda visit: visit.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000), certificates) as url:
        found = host.try_url(url, patience=0.5)
    assert found.grade is Status.FAIL


def test_an_endless_answer_does_not_fill_the_memory(host: Host, certificates: Certificates) -> None:
    with server(answering(b"x" * 10_000_000), certificates) as url:
        found = host.try_url(url)
    assert found.grade is Status.FAIL


def test_a_store_that_cannot_be_read_is_a_warning(host: Host) -> None:
    def locked(digest: str) -> Optional[str]:
        raise StoreUnavailable("The store cannot be read.")

    with host.listening("home") as url:
        found = host.try_url(url, noted_by=locked)
    assert (found.grade, "The store cannot be read." in found.seen) == (Status.WARN, True)


def test_the_token_is_in_no_log(host: Host, certificates: Certificates, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), host.listening("home") as url:
        host.try_url(url)
        host.try_url(f"{url}-wrong")
    assert "marked" not in caplog.text


@pytest.mark.parametrize("url", ["https://", "https://[", "https:///path", "https://host:99999/path"])
def test_a_url_that_is_none_fails(host: Host, url: str) -> None:
    assert host.try_url(url).grade is Status.FAIL


def test_a_locked_store_delays_no_answer_and_the_note_comes_later(host: Host) -> None:
    given: list[str] = []

    def noted_by(digest: str) -> Optional[str]:
        given.append(digest)
        return None

    def locked() -> None:
        raise StoreUnavailable("The store stayed locked.")

    with host.listening("home") as url:
        with host.database.write():
            found = host.try_url(url, noted_by=noted_by, try_to_note=locked, patience=2.0)
        assert (found.grade, "answers the challenge rightly" in found.seen) == (Status.WARN, True)
        until(lambda: host.noted_by(given[0]) == "home")


def test_only_challenges_with_the_right_token_are_noted(host: Host) -> None:
    with host.listening("home", "another-token") as url:
        host.try_url(url)
        host.try_url(f"{url}-wrong")
    with host.database.read() as tx:
        assert tx.execute("SELECT COUNT(*) FROM challenge").fetchone()[0] == 0
