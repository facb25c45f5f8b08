"""Calls to splunkd's REST API, against a server that answers as splunkd does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from strava_collector.messages import SplunkMessages
from strava_collector.ports import ERROR, SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.splunkd import NoAnswer, Splunkd

NAMESPACE = "/servicesNS/nobody/TA_strava_webhook"


class FakeSplunkd:
    """Answers from a table; whatever is not in it is 404. Keeps the calls."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                fields = {name: values[0] for name, values in parse_qs(body or parts.query).items()}
                path = unquote(parts.path)
                fake.calls.append((self.command, path, fields))
                status, content = fake.answers.get((self.command, path), (404, {"messages": []}))
                if self.headers.get("Authorization") != "Splunk the-session-key":
                    status, content = 401, {"messages": []}
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815  (the names that http.server looks for)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def has(self, path: str, *entries: tuple[str, dict[str, object]]) -> None:
        listing = {"entry": [{"name": name, "content": content} for name, content in entries]}
        self.answers["GET", path] = (200, listing)

    def session(self, key: str = "the-session-key") -> Splunkd:
        return Splunkd(self.uri, key, "TA_strava_webhook")


@pytest.fixture
def fake() -> Iterator[FakeSplunkd]:
    fake = FakeSplunkd()
    yield fake
    fake.close()


def test_stanzas_come_by_name_and_as_text(fake: FakeSplunkd) -> None:
    fake.has(
        f"{NAMESPACE}/configs/conf-ta_x",
        ("proxy", {"proxy_enabled": True, "proxy_port": 3128, "proxy_url": None}),
        ("default", {"a": "b"}),
    )

    assert fake.session().stanzas("ta_x") == {"proxy": {"proxy_enabled": "1", "proxy_port": "3128", "proxy_url": ""}}


def test_one_stanza_comes_alone(fake: FakeSplunkd) -> None:
    fake.has(f"{NAMESPACE}/configs/conf-macros/strava_index", ("strava_index", {"definition": "index=a"}))
    assert fake.session().stanza("macros", "strava_index") == {"definition": "index=a"}
    assert fake.session().stanza("macros", "gone") is None


def test_inputs_and_indexes_come_by_name(fake: FakeSplunkd) -> None:
    fake.has(f"{NAMESPACE}/data/inputs/kind", ("main", {"port": 8443, "disabled": False}))
    fake.has(f"{NAMESPACE}/data/indexes", ("strava", {"datatype": "event", "disabled": False}))

    assert fake.session().inputs("kind") == {"main": {"port": "8443", "disabled": "0"}}
    assert fake.session().indexes() == {"strava": {"datatype": "event", "disabled": "0"}}


def test_the_instance_says_what_it_is(fake: FakeSplunkd) -> None:
    fake.has("/services/server/info", ("server-info", {"server_roles": ["indexer", "kv_store"]}))
    assert fake.session().server_roles() == ["indexer", "kv_store"]

    fake.has("/services/server/info", ("server-info", {}))
    assert fake.session().server_roles() == []


def test_no_answer_is_told_from_a_bad_one(fake: FakeSplunkd) -> None:
    fake.answers["GET", f"{NAMESPACE}/data/indexes"] = (503, {"messages": []})
    with pytest.raises(SplunkUnavailable) as bad:
        fake.session().indexes()
    assert not isinstance(bad.value, NoAnswer)
    with pytest.raises(NoAnswer):
        Splunkd("http://127.0.0.1:1", "the-session-key", "TA_strava_webhook", timeout=0.5).indexes()


def test_a_file_that_does_not_exist_yet_has_no_stanzas(fake: FakeSplunkd) -> None:
    assert fake.session().stanzas("ta_x") == {}


def test_a_password_that_ucc_split_is_joined(fake: FakeSplunkd) -> None:
    sep = "``splunk_cred_sep``"
    end = "".join(f"{sep}{letter}" for letter in "SPLUNK") + sep

    def part(number: int, value: str, realm: str = "r#1") -> tuple[str, dict[str, object]]:
        content: dict[str, object] = {
            "realm": realm,
            "username": f"club{sep}{number}",
            "clear_password": value,
        }
        return "x", content

    fake.has(f"{NAMESPACE}/storage/passwords", part(3, end), part(2, "!"), part(1, "long"), part(1, "no", "r#2"))

    assert fake.session().passwords("r#1") == {"club": Secret("long!")}
    assert fake.calls[0][2]["search"] == "realm=r#1"


def test_an_existing_password_is_updated_in_one_call(fake: FakeSplunkd) -> None:
    fake.answers["POST", f"{NAMESPACE}/storage/passwords/tokens:7001:"] = (200, {})

    fake.session().set_password("tokens", "7001", Secret("new"))

    assert fake.calls == [("POST", f"{NAMESPACE}/storage/passwords/tokens:7001:", {"password": "new"})]


def test_a_new_password_is_created(fake: FakeSplunkd) -> None:
    fake.answers["POST", f"{NAMESPACE}/storage/passwords"] = (201, {})

    fake.session().set_password("tokens", "7001", Secret("new"))

    assert fake.calls[-1][2] == {"name": "7001", "realm": "tokens", "password": "new"}


def test_a_password_that_needs_two_entries_is_refused_before_any_call(fake: FakeSplunkd) -> None:
    with pytest.raises(SplunkUnavailable, match="255"):
        fake.session().set_password("tokens", "7001", Secret("ü" * 128))

    assert fake.calls == []


def test_one_password_is_read_by_name(fake: FakeSplunkd) -> None:
    fake.has(f"{NAMESPACE}/storage/passwords/tokens:7001:", ("tokens:7001:", {"clear_password": "value"}))

    assert fake.session().password("tokens", "7001") == Secret("value")
    assert fake.session().password("tokens", "7002") is None


def test_deleting_what_is_not_there_is_fine(fake: FakeSplunkd) -> None:
    fake.session().delete_password("tokens", "7001")
    fake.session().delete_message("m")


def test_an_expired_session_is_told_apart(fake: FakeSplunkd) -> None:
    with pytest.raises(SessionExpired):
        fake.session("old-key").stanzas("ta_x")


@pytest.mark.parametrize(("status", "word"), [(403, "list_storage_passwords"), (503, "503"), (409, "409")])
def test_any_other_error_is_a_sentence_without_what_was_sent(fake: FakeSplunkd, status: int, word: str) -> None:
    fake.answers["POST", f"{NAMESPACE}/storage/passwords/tokens:7001:"] = (status, {"messages": ["s3cret"]})

    with pytest.raises(SplunkUnavailable, match=word) as caught:
        fake.session().set_password("tokens", "7001", Secret("s3cret"))

    error: BaseException = caught.value
    assert "s3cret" not in str(error)
    assert "7001" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_a_splunkd_that_is_not_there_is_a_sentence(fake: FakeSplunkd) -> None:
    session = fake.session()
    fake.close()

    with pytest.raises(SplunkUnavailable, match="did not answer"):
        session.stanzas("ta_x")


def test_an_answer_that_is_no_listing_is_a_sentence(fake: FakeSplunkd) -> None:
    fake.answers["GET", f"{NAMESPACE}/configs/conf-ta_x"] = (200, {"no": "entry"})

    with pytest.raises(SplunkUnavailable, match="cannot be read"):
        fake.session().stanzas("ta_x")


def test_a_message_is_posted_and_cleared_by_name(fake: FakeSplunkd) -> None:
    fake.answers["POST", "/services/messages"] = (201, {})
    fake.answers["DELETE", "/services/messages/m_main_listener"] = (200, {})
    messages = SplunkMessages(fake.session())

    messages.post("m_main_listener", "main: The certificate is missing.", ERROR)
    messages.clear("m_main_listener")

    (_, _, fields), (method, path, _) = fake.calls
    assert fields["name"] == "m_main_listener"
    assert fields["value"] == "Webhook Add-on for Strava: main: The certificate is missing."
    assert fields["severity"] == "error"
    assert (method, path) == ("DELETE", "/services/messages/m_main_listener")


def test_messages_never_fail(fake: FakeSplunkd) -> None:
    messages = SplunkMessages(fake.session("old-key"))

    messages.post("m", "text", ERROR)
    messages.clear("m")
