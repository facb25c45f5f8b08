"""The stand-in for Strava over real HTTPS: resources, faults and limits as a client sees them."""

from __future__ import annotations

import threading

import pytest
import requests

from sandbox.certificates import Certificates
from sandbox.patience import patience
from sandbox.strava import StravaMisused, StravaStandIn
from tests.support.clock import START, VirtualClock
from tests.support.strava_client import (
    Client,
    connected,
    credentials,
    error_of,
    fetch,
    redirect_parameters,
)

NOT_FOUND = (404, "Activity", "id", "invalid")


def test_an_athlete_connects_and_an_activity_is_fetched(strava: StravaStandIn, client: Client) -> None:
    app = strava.add_application("Test")
    anna = strava.add_athlete("Anna", "Bergström")
    strava.sign_in(anna)
    code = redirect_parameters(client.authorize(app, "read,activity:read_all"))["code"]
    token = client.token(app, "authorization_code", code=code).json()["access_token"]
    ride = strava.record(anna, title="Morning Ride 🚴", activity_id=2**53 + 1)
    answer = fetch(client, token, ride.id)
    assert answer.status_code == 200
    assert answer.json() == strava.detail(ride)
    assert answer.json()["name"] == "Morning Ride 🚴"


def test_only_who_trusts_the_private_ca_gets_through(strava: StravaStandIn) -> None:
    with requests.Session() as session, pytest.raises(requests.exceptions.SSLError):
        session.trust_env = False
        session.get(strava.url, timeout=patience(60))


def test_every_answer_of_the_api_carries_the_limits_and_stravas_time(strava: StravaStandIn, client: Client) -> None:
    _, _, token = connected(strava, "read,activity:read")
    client.get("/api/v3/athlete", token)
    for answer in (client.get("/api/v3/athlete", token), fetch(client, token, 1)):
        names = {name for name in answer.headers if "ratelimit" in name.lower()}
        assert names == {
            "X-RateLimit-Limit",
            "X-RateLimit-Usage",
            "X-ReadRateLimit-Limit",
            "X-ReadRateLimit-Usage",
        }
        assert answer.headers["Date"] == "Mon, 01 Jun 2026 06:00:00 GMT"
    assert answer.headers["X-ReadRateLimit-Usage"] == "3,3"


def test_a_client_that_asks_too_often_gets_429_until_the_window_ends(
    strava: StravaStandIn, client: Client, clock: VirtualClock
) -> None:
    app, _, token = connected(strava, "read")
    strava.rate_limits.set_limits(app, read=(2, 1_000))
    assert [client.get("/api/v3/athlete", token).status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get("/api/v3/athlete", token)
    assert error_of(answer) == (429, "Application", "rate limit", "exceeded")
    assert answer.headers["X-ReadRateLimit-Usage"] == "4,4"
    assert "Retry-After" not in answer.headers
    assert strava.rate_limits.refused == 2
    clock.advance(900)
    assert client.get("/api/v3/athlete", token).status_code == 200


def test_bad_tokens_are_refused_alike(strava: StravaStandIn, client: Client) -> None:
    connected(strava, "read")
    expected = (401, "Athlete", "access_token", "invalid")
    assert error_of(client.get("/api/v3/athlete")) == expected
    assert error_of(client.get("/api/v3/athlete", "wrong")) == expected


def test_a_missing_scope_is_named(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "read")
    ride = strava.record(anna)
    assert error_of(fetch(client, token, ride.id)) == (
        401,
        "AccessToken",
        "activity:read_permission",
        "missing",
    )


def test_what_a_permission_does_not_reach_does_not_exist(strava: StravaStandIn, client: Client) -> None:
    app, anna, token = connected(strava, "read,activity:read")
    bob = strava.add_athlete("Bob", "Okafor")
    strava.connect(app, bob)
    shown, foreign, deleted = strava.record(anna), strava.record(bob), strava.record(anna)
    strava.delete(deleted)
    assert fetch(client, token, shown.id).status_code == 200
    strava.hide(shown)
    for activity in (shown, foreign, deleted):
        assert error_of(fetch(client, token, activity.id)) == NOT_FOUND
    strava.show(shown)
    assert fetch(client, token, shown.id).status_code == 200


def test_a_hidden_activity_is_there_for_who_may_read_all(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read_all")
    ride = strava.record(anna, private=True)
    assert fetch(client, token, ride.id).json()["private"] is True


def test_a_new_activity_can_be_missing_at_first(strava: StravaStandIn, client: Client, clock: VirtualClock) -> None:
    _, anna, token = connected(strava, "activity:read")
    by_requests = strava.record(anna, not_found_requests=2)
    assert [fetch(client, token, by_requests.id).status_code for _ in range(3)] == [404, 404, 200]
    by_time = strava.record(anna, not_found_seconds=3)
    assert fetch(client, token, by_time.id).status_code == 404
    clock.advance(3)
    assert fetch(client, token, by_time.id).status_code == 200


def test_edits_show_in_the_next_fetch(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read")
    ride = strava.record(anna)
    strava.edit(ride, title="Нова назва", type="GravelRide", start_date="2026-05-30T12:00:00Z")
    found = fetch(client, token, ride.id).json()
    assert (found["name"], found["sport_type"], found["type"]) == ("Нова назва", "GravelRide", "Ride")
    assert found["start_date"] == "2026-05-30T12:00:00Z"


def test_activities_are_listed_in_pages_newest_first(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read")
    ids = [strava.record(anna, kind="manual", start_date=f"2026-05-0{day}T12:00:00Z").id for day in range(1, 6)]
    strava.record(anna, private=True)

    def listed(**query: object) -> list[int]:
        return [item["id"] for item in client.get("/api/v3/athlete/activities", token, **query).json()]

    assert listed() == ids[::-1]
    assert listed(page=2, per_page=2) == [ids[2], ids[1]]
    assert listed(page=4, per_page=2) == []
    assert listed(after=int(START) - 28 * 86_400, per_page=1) == [ids[3]]
    assert client.get("/api/v3/athlete/activities", token, per_page=201).status_code == 400


def test_streams_are_not_there_for_a_manual_activity(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read")
    walk, manual = strava.record(anna, kind="walk"), strava.record(anna, kind="manual")
    query = {"keys": "time,latlng", "key_by_type": "true"}
    found = client.get(f"/api/v3/activities/{walk.id}/streams", token, **query).json()
    assert set(found) == {"time", "latlng", "distance"}
    assert client.get(f"/api/v3/activities/{manual.id}/streams", token, **query).status_code == 404


@pytest.mark.parametrize("status", [500, 502, 503, 404])
def test_an_outage_answers_with_its_status_until_it_ends(strava: StravaStandIn, client: Client, status: int) -> None:
    _, _, token = connected(strava, "read")
    with strava.faults.outage(status) as fault:
        assert client.get("/api/v3/athlete", token).status_code == status
    assert client.get("/api/v3/athlete", token).status_code == 200
    assert fault.hits == 1


@pytest.mark.parametrize("what", ["reset", "lost_answer", "truncated"])
def test_a_connection_can_break(strava: StravaStandIn, client: Client, what: str) -> None:
    _, anna, token = connected(strava, "activity:read")
    ride = strava.record(anna)
    with strava.faults.outage(what, times=1), pytest.raises(requests.exceptions.RequestException):
        fetch(client, token, ride.id).json()  # urllib3 1.26 takes a truncated body for a whole one
    assert fetch(client, token, ride.id).status_code == 200


def test_a_lost_answer_was_given_all_the_same(strava: StravaStandIn, client: Client, clock: VirtualClock) -> None:
    app = strava.add_application("Test")
    tokens = strava.connect(app, strava.add_athlete("Anna", "Bergström"))
    clock.advance(21_000)
    form = {"refresh_token": tokens.refresh_token}
    lost = strava.faults.outage("lost_answer", path="/oauth/token")
    with lost, pytest.raises(requests.exceptions.ConnectionError):
        client.token(app, "refresh_token", **form)
    assert client.token(app, "refresh_token", **form).status_code == 400


def test_a_call_that_is_not_answered_can_end_after_a_while(strava: StravaStandIn, client: Client) -> None:
    _, _, token = connected(strava, "read")
    with strava.faults.outage("timeout", seconds=0.05), pytest.raises(requests.exceptions.ConnectionError):
        client.get("/api/v3/athlete", token)
    assert client.get("/api/v3/athlete", token).status_code == 200


def test_an_answer_that_never_comes_ends_with_the_stand_in(certificates: Certificates, clock: VirtualClock) -> None:
    outcome: list[BaseException] = []
    with StravaStandIn(certificates, clock=clock) as strava:
        _, _, token = connected(strava, "read")
        client = Client(strava, certificates)
        strava.faults.outage("timeout")

        def ask() -> None:
            try:
                client.get("/api/v3/athlete", token)
            except requests.exceptions.ConnectionError as broken:
                outcome.append(broken)

        asking = threading.Thread(target=ask)
        asking.start()
        while not strava.statistics.calls:
            asking.join(0.005)
    asking.join(patience(5))
    client.close()
    assert len(outcome) == 1


def test_wrong_content_comes_in_several_kinds(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read")
    ride = strava.record(anna, kind="walk")

    def during(what: str) -> requests.Response:
        with strava.faults.outage(what, path="/api/v3/activities/*"):
            return fetch(client, token, ride.id)

    assert during("html").status_code == 503
    assert during("html").headers["Content-Type"].startswith("text/html")
    assert during("html_200").status_code == 200
    assert during("empty").content == b""
    assert during("wrong_activity").json()["id"] == ride.id + 1
    assert during("redirect").headers["Location"] == "https://elsewhere.invalid/login"
    assert len(during("huge").content) > 32 * 1024 * 1024
    with pytest.raises(ValueError, match=r"."):
        during("not_json").json()


def test_a_fault_strikes_as_often_and_where_it_was_told(strava: StravaStandIn, client: Client) -> None:
    _, _, token = connected(strava, "read")
    strava.faults.outage(503, path="/api/v3/activities/*")
    strava.faults.outage(500, times=2)
    assert [client.get("/api/v3/athlete", token).status_code for _ in range(3)] == [500, 500, 200]
    strava.faults.clear()
    assert fetch(client, token, 1).status_code == 401


def test_a_share_of_the_calls_can_fail(strava: StravaStandIn, client: Client) -> None:
    _, _, token = connected(strava, "read")
    fault = strava.faults.outage(503, share=0.5)
    statuses = [client.get("/api/v3/athlete", token).status_code for _ in range(40)]
    assert 8 < statuses.count(503) == fault.hits < 32


def test_429_can_come_without_the_usage_saying_so(strava: StravaStandIn, client: Client) -> None:
    _, _, token = connected(strava, "read")
    strava.faults.rate_limited(retry_after=17, times=1)
    answer = client.get("/api/v3/athlete", token)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "17")
    assert answer.headers["X-RateLimit-Usage"] == "1,1"
    strava.faults.rate_limited(retry_after="date", times=1)
    assert client.get("/api/v3/athlete", token).headers["Retry-After"] == "Mon, 01 Jun 2026 06:01:00 GMT"


def test_a_slow_answer_is_the_right_one(strava: StravaStandIn, client: Client) -> None:
    _, _, token = connected(strava, "read")
    strava.faults.slow(0.05)
    answer = client.get("/api/v3/athlete", token)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.05


def test_calls_are_counted_by_endpoint_and_status(strava: StravaStandIn, client: Client) -> None:
    app, anna, token = connected(strava, "read,activity:read")
    client.get("/api/v3/athlete", token)
    fetch(client, token, 1)
    fetch(client, token, 2)
    assert strava.statistics.count("GET /activities/{id}", 404) == 2
    assert strava.statistics.count(status=200) == 1
    assert strava.statistics.by_endpoint_and_status() == {
        ("GET /athlete", 200): 1,
        ("GET /activities/{id}", 404): 2,
    }
    assert strava.statistics.calls[0].client_id == app.client_id
    assert strava.statistics.calls[0].athlete_id == anna.id


def test_misuse_is_reported_when_the_stand_in_ends(certificates: Certificates) -> None:
    told = pytest.raises(StravaMisused, match="GET /api/v3/nothing: there is no such endpoint")
    with told, StravaStandIn(certificates) as strava:
        client = Client(strava, certificates)
        assert client.get("/api/v3/nothing").status_code == 404
        client.close()


def test_a_token_in_the_url_is_no_token_and_is_misuse(strava: StravaStandIn, client: Client) -> None:
    _, _, token = connected(strava, "read")
    answer = client.get("/api/v3/athlete", access_token=token)
    assert error_of(answer) == (401, "Athlete", "access_token", "invalid")
    assert strava.misuse == ["GET /api/v3/athlete carried access_token in the URL."]
    strava.misuse.clear()


def test_an_exception_of_the_client_is_not_hidden_by_its_misuse(certificates: Certificates) -> None:
    with pytest.raises(ZeroDivisionError), StravaStandIn(certificates) as strava:
        strava.misuse.append("something")
        raise ZeroDivisionError


def test_nothing_is_left_running(certificates: Certificates) -> None:
    before = set(threading.enumerate())
    with StravaStandIn(certificates) as strava:
        _, _, token = connected(strava, "read")
        client = Client(strava, certificates)
        client.get("/api/v3/athlete", token)  # leaves a connection open that is kept alive
        port = strava.port
    assert set(threading.enumerate()) == before
    with pytest.raises(requests.exceptions.ConnectionError):
        client.get("/api/v3/athlete", token)
    client.close()
    assert port > 0


def test_a_subscription_needs_the_applications_credentials(strava: StravaStandIn, client: Client) -> None:
    app = strava.add_application("Test")
    wrong = {**credentials(app), "client_secret": "x"}
    assert error_of(client.get("/api/v3/push_subscriptions", **wrong)) == (401, "Application", "", "invalid")
    assert client.get("/api/v3/push_subscriptions", **credentials(app)).json() == []
