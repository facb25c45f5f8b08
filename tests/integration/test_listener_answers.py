"""What the listener answers, over real TLS."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from strava_collector.errors import StoreUnavailable
from tests.support.https import Answer, ServerFiles, issue
from tests.support.listening import CALLBACK_PATH, TOKEN, Running, listening, notification, post, request


def ask(server: Running, data: bytes, *, is_head: bool = False) -> Answer:
    with server.connect() as client:
        return client.ask(data, is_head=is_head)


def challenge(challenge: str, token: str = TOKEN, mode: str = "subscribe") -> bytes:
    query = f"hub.mode={mode}&hub.challenge={challenge}&hub.verify_token={quote_plus(token)}"
    return request("GET", f"{CALLBACK_PATH}?{query}")


def test_a_notification_is_accepted_and_its_redelivery_recognised(server: Running) -> None:
    assert ask(server, post(notification())).json() == {"status": "accepted"}
    answer = ask(server, post(notification()))
    assert (answer.status, answer.json()) == (200, {"status": "duplicate"})
    assert [stored.object_id for stored in server.store.stored] == [1360128428]


def test_an_answer_is_json_and_names_no_server(server: Running) -> None:
    for data in (post(notification()), request("GET", "/elsewhere"), b"GET nonsense HTTP/1.1\r\n\r\n"):
        answer = ask(server, data)
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(answer.json(), dict)
        assert "server" not in answer.headers
        assert "date" in answer.headers


@pytest.mark.parametrize("label", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=x"])
def test_a_wrong_content_type_costs_no_notification(server: Running, label: str) -> None:
    body = notification()
    data = f"POST {CALLBACK_PATH} HTTP/1.1\r\nHost: h\r\nContent-Type: {label}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert ask(server, data.encode() + body).status == 200


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"nonsense", notification(object_id=True), b"\xff"])
def test_what_is_no_notification_is_refused_and_not_stored(server: Running, body: bytes) -> None:
    answer = ask(server, post(body))
    assert answer.status == 400
    assert list(json.loads(answer.body)) == ["detail"]
    assert server.store.stored == []


def test_the_connection_stays_open_after_a_bad_notification(server: Running) -> None:
    with server.connect() as client:
        assert client.ask(post(b"{}")).status == 400
        assert client.ask(post(notification())).status == 200


@pytest.mark.parametrize(
    "text",
    [
        "15f7d1a91c1f40f8a748fd134752feb3",
        "",
        'a"b\\c',
        "</script>",
        "a b&c=d",
        "Größe ☃ 🚴",
        "\x00\x01\r\n\x7f\u2028",
        "x" * 2000,
    ],
)
def test_the_challenge_is_echoed_whatever_it_holds(server: Running, text: str) -> None:
    for encoded in (quote(text, safe=""), quote_plus(text)):
        answer = ask(server, challenge(encoded))
        assert (answer.status, answer.json()) == (200, {"hub.challenge": text})
        assert answer.headers["content-type"] == "application/json"


def test_the_verify_token_may_hold_any_characters(files: ServerFiles, server: Running) -> None:
    assert ask(server, challenge("x", token=TOKEN + "é&=+")).status == 403


@pytest.mark.parametrize("token", ["", "wrong", TOKEN.upper(), TOKEN + " ", TOKEN[:-1]])
def test_a_wrong_token_is_refused(server: Running, token: str) -> None:
    answer = ask(server, challenge("x", token=token))
    assert (answer.status, answer.json()) == (403, {"detail": "Invalid verify token"})


@pytest.mark.parametrize("mode", ["unsubscribe", "", "Subscribe"])
def test_a_wrong_mode_is_refused(server: Running, mode: str) -> None:
    answer = ask(server, challenge("x", mode=mode))
    assert (answer.status, answer.json()) == (403, {"detail": "Invalid mode"})


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?hub.mode=subscribe",
        f"?hub.mode=subscribe&hub.verify_token={TOKEN}",
        f"?hub.challenge=x&hub.verify_token={TOKEN}",
        "?hub.mode=subscribe&hub.challenge=x",
        f"?hub.mode=subscribe&hub.challenge=x&hub.challenge=y&hub.verify_token={TOKEN}",
        f"?hub.mode=subscribe&hub.challenge=%FF&hub.verify_token={TOKEN}",
        f"?hub.mode=subscribe;hub.challenge=x;hub.verify_token={TOKEN}",
    ],
)
def test_a_challenge_with_missing_or_broken_parameters_is_a_bad_request(server: Running, query: str) -> None:
    assert ask(server, request("GET", CALLBACK_PATH + query)).status == 400


@pytest.mark.parametrize(
    "target",
    [
        "/",
        CALLBACK_PATH + "/",
        CALLBACK_PATH.upper(),
        "/" + CALLBACK_PATH,
        CALLBACK_PATH.replace("5", "%35"),
        "/x/.." + CALLBACK_PATH,
        CALLBACK_PATH + ";x",
        "/health/",
        "/Health",
    ],
)
def test_only_the_callback_path_itself_speaks_to_strava(server: Running, target: str) -> None:
    for data in (request("POST", target, notification()), request("GET", target), request("BREW", target)):
        answer = ask(server, data)
        assert (answer.status, answer.json()) == (404, {"detail": "Not found"})
    assert server.store.stored == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_told_what_is_allowed(server: Running, method: str) -> None:
    answer = ask(server, request(method, CALLBACK_PATH))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    answer = ask(server, request(method, "/health"))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert ask(server, post(b"").replace(CALLBACK_PATH.encode(), b"/health")).status == 405


def test_health_tells_whether_notifications_can_be_stored(server: Running) -> None:
    answer = ask(server, request("GET", "/health"))
    assert (answer.status, answer.json()) == (200, {"status": "ok", "service": "strava-webhooks"})
    server.store.fault = StoreUnavailable("The disk is full.")
    answer = ask(server, request("GET", "/health?verbose=1"))
    assert (answer.status, answer.json()) == (503, {"status": "unavailable", "service": "strava-webhooks"})
    assert int(answer.headers["retry-after"]) > 0


def test_head_is_get_without_the_body(server: Running) -> None:
    for target in ("/health", "/elsewhere", CALLBACK_PATH):
        with server.connect() as client:
            full = client.ask(request("GET", target))
            bare = client.ask(request("HEAD", target), is_head=True)
            # A body would be taken for the beginning of this answer.
            assert client.ask(request("GET", target)).status == full.status
        assert (bare.status, bare.headers["content-length"]) == (full.status, str(len(full.body)))


def test_a_store_that_refuses_makes_strava_send_again(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    server.store.fault = StoreUnavailable("The database is locked.")
    answer = ask(server, post(notification()))
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert 'reason="The database is locked."' in caplog.text
    server.store.fault = None
    assert ask(server, post(notification())).json() == {"status": "accepted"}


def test_a_bug_in_one_request_ends_that_connection_only(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    with server.connect() as other:
        server.store.bug = ValueError("planted-in-an-error")
        with server.connect() as client:
            assert client.ask(post(notification())).status == 503
        server.store.bug = None
        assert other.ask(post(notification())).status == 200
    assert "The store failed with ValueError." in caplog.text
    assert "planted-in-an-error" not in caplog.text


def test_what_happens_is_logged_without_anything_secret_or_made_up_by_strangers(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="strava_collector")
    ask(server, post(notification(updates={"title": "planted-title"})))
    ask(server, post(notification(updates={"title": "planted-title"})))
    ask(server, post(b'{"planted": "body"}'))
    ask(server, challenge("planted-challenge", token="planted-guess"))
    ask(server, request("GET", "/planted-path?planted=query", b"", "X: planted-header"))
    ask(server, request("GET", "/x", b"", "Host: planted-host"))
    log = caplog.text
    assert "action=notification_accepted object_type=activity object_id=1360128428 aspect_type=create" in log
    assert "action=notification_duplicate" in log
    assert "action=bad_request kind=verify_token client=127.0.0.1 status=403" in log
    assert "kind=notification client=127.0.0.1 status=400" in log
    assert "planted" not in log


def test_strangers_cannot_fill_the_log(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    with server.connect() as client:
        for _ in range(50):
            client.ask(request("GET", "/elsewhere"))
    server.listener.stop()
    lines = [record.getMessage() for record in caplog.records if "kind=path" in record.getMessage()]
    assert len(lines) < 6
    assert "not_logged=47" in lines[-1]


def test_a_certificate_of_rsa_serves_too(tmp_path: Path) -> None:
    import trustme

    with listening(issue(tmp_path, key_type=trustme.KeyType.RSA)) as server:
        assert ask(server, post(notification())).status == 200
