"""Whom the HTTP client talks to, what it says when it cannot, and what it tells nobody."""

from __future__ import annotations

import datetime
import logging
import socket
import ssl
import traceback
import warnings
from pathlib import Path

import pytest
import trustme

from strava_collector.clock import SystemClock
from strava_collector.errors import ConfigurationError, TransportError, TransportFault
from strava_collector.secret import Secret
from strava_collector.transport import CallLimits, Request, RequestsTransport
from tests.support.https_server import Script, Server, Visit, answering, server_context
from tests.support.transport_calls import MARK, Open, fault_of, get


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
    def test_none_is_followed_and_only_its_status_is_told(self, client: Open, tls: ssl.SSLContext, status: int) -> None:
        with Server(answering(), tls) as elsewhere:
            location = f"{elsewhere.url}/{MARK}"
            with Server(answering(b"", status, {"Location": location}), tls) as server:
                request = Request("GET", server.url + "/", headers={"Authorization": Secret("Bearer x")})
                fault = fault_of(client(), request)
            assert elsewhere.accepted == 0
        assert fault.fault is TransportFault.REDIRECTED
        assert f"status {status}" in str(fault)
        assert MARK not in str(fault)

    def test_the_body_of_a_redirect_is_not_read(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.raw(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 1000000\r\n\r\n")
            visit.until_closed()

        with Server(script, tls) as server:
            assert fault_of(client(), get(server)).fault is TransportFault.REDIRECTED


class TestCertificates:
    def refused(self, client: Open, context: ssl.SSLContext, **settings: object) -> str:
        with Server(answering(), context) as server:
            request = Request("GET", server.url + "/", headers={"Authorization": Secret("Bearer x")})
            fault = fault_of(client(**settings), request)
            assert server.received == [], "something was sent to a server that is not trusted"
        assert fault.fault is TransportFault.TLS
        return str(fault)

    def test_another_name(self, client: Open, ca: trustme.CA) -> None:
        assert "another name" in self.refused(client, server_context(ca.issue_cert("www.strava.com")))

    def test_another_address(self, client: Open, ca: trustme.CA) -> None:
        with Server(answering(), server_context(ca.issue_cert("localhost"))) as server:
            fault = fault_of(client(), Request("GET", f"https://127.0.0.1:{server.port}/"))
        assert fault.fault is TransportFault.TLS
        assert "another name" in str(fault)

    def test_a_common_name_does_not_count(self, client: Open, ca: trustme.CA) -> None:
        certificate = ca.issue_cert("www.strava.com", common_name="localhost")
        assert "another name" in self.refused(client, server_context(certificate))

    def test_expired(self, client: Open, ca: trustme.CA) -> None:
        then = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        certificate = ca.issue_cert("localhost", not_before=then, not_after=then + datetime.timedelta(days=30))
        assert "has expired" in self.refused(client, server_context(certificate))

    def test_not_yet_valid(self, client: Open, ca: trustme.CA) -> None:
        then = datetime.datetime(2035, 1, 1, tzinfo=datetime.timezone.utc)
        certificate = ca.issue_cert("localhost", not_before=then, not_after=then + datetime.timedelta(days=30))
        assert "not valid yet" in self.refused(client, server_context(certificate))

    def test_an_authority_that_nobody_knows(self, client: Open) -> None:
        stranger = trustme.CA().issue_cert("localhost")
        assert "name its certificate as CA file" in self.refused(client, server_context(stranger))

    def test_a_private_authority_is_not_trusted_unless_it_is_named(self, client: Open, tls: ssl.SSLContext) -> None:
        assert "name its certificate as CA file" in self.refused(client, tls, ca_file="")

    def test_signed_by_itself(self, client: Open, tmp_path: Path) -> None:
        self_signed = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with self_signed.private_key_pem.tempfile() as key, self_signed.cert_pem.tempfile() as certificate:
            context.load_cert_chain(certificate, key)
        assert "not signed by an authority" in self.refused(client, context)

    @pytest.mark.parametrize("old", ["TLSv1", "TLSv1_1"])
    def test_tls_before_1_2(self, client: Open, tls: ssl.SSLContext, ca: trustme.CA, old: str) -> None:
        context = server_context(ca.issue_cert("localhost"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that these versions are deprecated is the point
            context.minimum_version = context.maximum_version = ssl.TLSVersion[old]
        context.set_ciphers("ALL:@SECLEVEL=0")
        assert "TLS 1.2 or newer" in self.refused(client, context)

    def test_tls_1_2_is_enough(self, client: Open, ca: trustme.CA) -> None:
        context = server_context(ca.issue_cert("localhost"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with Server(answering(), context) as server:
            assert client().send(get(server)).status == 200

    def test_a_server_without_tls(self, client: Open) -> None:
        def script(visit: Visit) -> None:
            visit.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            visit.until_closed()

        with Server(script, None) as server:
            fault = fault_of(client(), get(server))
        assert fault.fault is TransportFault.TLS
        assert "wrong version number" in str(fault) or "record layer failure" in str(fault)

    def test_a_server_that_hangs_up_in_the_handshake(self, client: Open) -> None:
        with Server(lambda visit: None, None) as server:
            fault = fault_of(client(), get(server))
        assert fault.fault is TransportFault.TLS
        assert "closed the connection during the TLS handshake" in str(fault)

    def test_a_ca_file_that_cannot_be_used_is_reported_before_any_call(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("nothing")
        for path, sentence in [
            (tmp_path / "missing.pem", "does not exist"),
            (empty, "holds no certificate in PEM form"),
            (tmp_path, "is a folder"),
        ]:
            with pytest.raises(ConfigurationError, match=sentence):
                RequestsTransport(clock=SystemClock(), ca_file=str(path))


class TestNoServer:
    def test_connection_refused(self, client: Open) -> None:
        with socket.socket() as reserved:  # bound, but not listening
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            fault = fault_of(client(), Request("GET", f"https://localhost:{port}/"))
        assert fault.fault is TransportFault.CONNECT
        assert f"No connection to localhost:{port} (connection refused)." in str(fault)

    def test_a_name_that_does_not_exist(self, client: Open) -> None:
        fault = fault_of(client(), Request("GET", "https://strava.invalid/api/v3/athlete"))
        assert fault.fault is TransportFault.RESOLVE
        assert str(fault).startswith("The name of strava.invalid could not be resolved.")

    def test_an_exception_that_is_being_handled_elsewhere_is_not_mixed_in(self, client: Open) -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            try:
                raise socket.gaierror("another call's failure")
            except socket.gaierror:
                fault = fault_of(client(), Request("GET", f"https://localhost:{reserved.getsockname()[1]}/"))
        assert fault.fault is TransportFault.CONNECT

    @pytest.mark.parametrize(
        "url",
        [
            "http://www.strava.com/",
            "https://user:pw@www.strava.com/",
            "https://www.strava.com/?token=x",
            "https://www.strava.com/#x",
            "https://",
            "https://[::1/",
            "https://www.strava.com:http/",
            "file:///etc/passwd",
            "",
        ],
    )
    def test_an_address_that_could_leak_or_means_nothing_is_not_called(self, client: Open, url: str) -> None:
        assert fault_of(client(), Request("GET", url)).fault is TransportFault.BLOCKED

    def test_a_header_that_could_smuggle_another_one_is_not_sent(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(), tls) as server:
            for value in ("Bearer a\r\nX: y", "Bearer ü→"):
                request = Request("GET", server.url + "/", headers={"Authorization": Secret(value)})
                assert fault_of(client(), request).fault in (
                    TransportFault.BLOCKED,
                    TransportFault.INTERRUPTED,
                )
        assert server.received == []


class TestSecrets:
    """Whatever goes wrong, nothing that was marked appears in an error, a traceback or a log."""

    @staticmethod
    def broken_head(visit: Visit) -> None:
        visit.request()
        visit.raw(b"HTTP/1.1 200 OK\r\nnot a header\r\n folded\r\nContent-Length: 2\r\n\r\n{}")

    @staticmethod
    def hang_up(visit: Visit) -> None:
        visit.request()

    @staticmethod
    def silence(visit: Visit) -> None:
        visit.until_closed()

    @staticmethod
    def truncated(visit: Visit) -> None:
        visit.request()
        visit.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + MARK.encode())

    @pytest.mark.parametrize("script", [broken_head, hang_up, silence, truncated, None, "unknown", "refused", "header"])
    def test_of_a_call_that_fails(
        self, client: Open, tls: ssl.SSLContext, script: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        play: Script = getattr(script, "__func__", answering(MARK.encode()))
        context = server_context(trustme.CA().issue_cert("localhost")) if script is None else tls
        with Server(play, context) as server, socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            url = {
                "unknown": "https://strava.invalid/x",
                "refused": f"https://localhost:{reserved.getsockname()[1]}/x",
            }.get(str(script), server.url + "/x")
            value = f"Bearer {MARK}" + ("\r\n" if script == "header" else "")
            request = Request(
                "GET",
                url,
                headers={"Authorization": Secret(value)},
                query={"client_secret": Secret(MARK)},
                form={"refresh_token": Secret(MARK)},
            )
            transport = client(CallLimits(connect=10, read=0.3, whole=30))
            logging.getLogger().error("request: %r %s", request, request)
            try:
                answer = transport.send(request)
                logging.getLogger().error("answer: %r %s", answer, answer)
            except TransportError as error:
                logging.getLogger("a.handler").exception("failed")
                assert error.__cause__ is None
                assert error.__context__ is None
                assert MARK not in "".join(traceback.format_exception(type(error), error, error.__traceback__))
                assert MARK not in repr(error) + str(error)
        assert "request:" in caplog.text
        assert MARK not in caplog.text

    def test_of_a_call_that_succeeds_even_if_the_host_logs_everything(
        self, client: Open, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with Server(answering(), tls) as server:
            client().send(Request("GET", server.url + "/", query={"client_secret": Secret(MARK)}))
        assert MARK in server.received[0].target
        assert MARK not in caplog.text
        assert [record.name for record in caplog.records if record.name.startswith("urllib3")] == []
