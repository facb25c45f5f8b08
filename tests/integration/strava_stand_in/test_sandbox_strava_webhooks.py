"""The stand-in's push subscriptions and the delivery of notifications, against a real callback URL."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from sandbox.certificates import Certificates
from sandbox.strava import Application, Athlete, DeliveryState, StravaStandIn
from tests.support.clock import START, VirtualClock
from tests.support.strava_client import Callback, Client, connected, credentials, error_of

SECONDS = 60.0


@pytest.fixture
def strava(certificates: Certificates) -> Iterator[StravaStandIn]:
    with StravaStandIn(certificates, clock=VirtualClock(), retry_pause=60) as strava:
        yield strava


@pytest.fixture
def callback(certificates: Certificates) -> Iterator[Callback]:
    with Callback(certificates) as callback:
        yield callback


class Subscribed:
    """An application with a subscription, and an athlete who is connected to it."""

    def __init__(self, strava: StravaStandIn, client: Client, callback: Callback, scope: str) -> None:
        self.app: Application
        self.anna: Athlete
        self.app, self.anna, _ = connected(strava, scope)
        answer = client.subscribe(self.app, callback.url)
        assert answer.status_code == 201, answer.text
        self.subscription_id: int = answer.json()["id"]


@pytest.fixture
def read_all(strava: StravaStandIn, client: Client, callback: Callback) -> Subscribed:
    return Subscribed(strava, client, callback, "read,activity:read_all")


@pytest.fixture
def read(strava: StravaStandIn, client: Client, callback: Callback) -> Subscribed:
    return Subscribed(strava, client, callback, "read,activity:read")


def received(strava: StravaStandIn, callback: Callback) -> list[tuple[object, object]]:
    """Aspect and updates of all notifications, once everything has been delivered."""
    assert strava.wait_until_delivered(SECONDS)
    found = [(item["aspect_type"], item["updates"]) for item in callback.notifications]
    callback.notifications.clear()
    return found


# Subscriptions


def test_a_subscription_is_made_after_the_callback_has_echoed_the_challenge(
    strava: StravaStandIn, client: Client, callback: Callback
) -> None:
    app = strava.add_application("Test")
    answer = client.subscribe(app, callback.url)
    assert answer.status_code == 201
    created = answer.json()
    assert created["application_id"] == app.client_id
    assert created["callback_url"] == callback.url
    assert created["resource_state"] == 2
    assert re.fullmatch(r"2026-06-01T06:00:00\.\d{9}Z", created["created_at"])
    (challenge,) = callback.challenges
    assert challenge["hub.mode"] == "subscribe"
    assert challenge["hub.verify_token"] == "verify-me"
    assert client.get("/api/v3/push_subscriptions", **credentials(app)).json() == [created]


def test_an_application_has_one_subscription(strava: StravaStandIn, client: Client, callback: Callback) -> None:
    app = strava.add_application("Test")
    client.subscribe(app, callback.url)
    assert error_of(client.subscribe(app, callback.url)) == (400, "PushSubscription", "", "already exists")


def test_a_deleted_subscription_is_gone_and_can_be_made_again(
    strava: StravaStandIn, client: Client, callback: Callback
) -> None:
    app = strava.add_application("Test")
    path = f"/api/v3/push_subscriptions/{client.subscribe(app, callback.url).json()['id']}"
    assert client.delete(path, **credentials(app)).status_code == 204
    assert client.delete(path, **credentials(app)).json()["message"] == "Resource Not Found"
    assert client.subscribe(app, callback.url).status_code == 201


def test_nobody_deletes_the_subscription_of_another_application(
    strava: StravaStandIn, client: Client, read: Subscribed
) -> None:
    other = strava.add_application("Other")
    path = f"/api/v3/push_subscriptions/{read.subscription_id}"
    assert client.delete(path, **credentials(other)).status_code == 404
    assert strava.subscriptions.of(read.app) is not None


@pytest.mark.parametrize(
    ("echo", "code"),
    [
        ((403, b"{}"), "GET to callback URL does not return 200"),
        ((302, b"{}"), "GET to callback URL does not return 200"),
        ((200, b'{"hub.challenge":"another"}'), "not verifiable"),
        ((200, b"<html></html>"), "not verifiable"),
        ((200, b"[]"), "not verifiable"),
    ],
)
def test_a_callback_that_answers_wrongly_gets_no_subscription(
    strava: StravaStandIn, client: Client, callback: Callback, echo: tuple[int, bytes], code: str
) -> None:
    app = strava.add_application("Test")
    callback.echo = lambda challenge: echo
    assert error_of(client.subscribe(app, callback.url)) == (400, "PushSubscription", "callback url", code)
    assert strava.subscriptions.of(app) is None


def test_a_callback_that_is_slow_gets_no_subscription(
    strava: StravaStandIn, client: Client, callback: Callback
) -> None:
    app = strava.add_application("Test")
    strava.subscriptions.time_limit = 0.1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert error_of(client.subscribe(app, url))[3] == "not verifiable"
    assert strava.subscriptions.call_backs[0].error == "no answer within 0.1 s"


def test_a_callback_without_a_trusted_certificate_gets_no_subscription(
    strava: StravaStandIn, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    app = strava.add_application("Test")
    with Callback(Certificates(tmp_path_factory.mktemp("strangers"))) as stranger:
        assert error_of(client.subscribe(app, stranger.url))[3] == "not verifiable"
        assert stranger.challenges == []


def test_a_callback_url_has_at_most_255_characters(strava: StravaStandIn, client: Client, callback: Callback) -> None:
    app = strava.add_application("Test")
    just_fits = callback.url + "x" * (255 - len(callback.url))
    too_long = (400, "PushSubscription", "callback url", "too long")
    assert error_of(client.subscribe(app, just_fits + "x")) == too_long
    assert client.subscribe(app, just_fits).status_code == 201


def test_a_subscription_can_be_there_without_anybody_having_been_asked(
    strava: StravaStandIn, callback: Callback
) -> None:
    app, anna, _ = connected(strava, "activity:read")
    strava.subscriptions.add(app, callback.url)
    strava.record(anna)
    assert received(strava, callback) == [("create", {})]
    assert callback.challenges == []


# What is notified


def test_a_notification_says_what_happened_to_what(
    strava: StravaStandIn, callback: Callback, read_all: Subscribed
) -> None:
    ride = strava.record(read_all.anna, activity_id=2**53 + 1)
    assert strava.wait_until_delivered(SECONDS)
    assert callback.notifications == [
        {
            "aspect_type": "create",
            "event_time": int(START),
            "object_id": ride.id,
            "object_type": "activity",
            "owner_id": read_all.anna.id,
            "subscription_id": read_all.subscription_id,
            "updates": {},
        }
    ]


def test_title_and_type_are_notified_and_nothing_else_is(
    strava: StravaStandIn, callback: Callback, read_all: Subscribed
) -> None:
    ride = strava.record(read_all.anna, notify=False)
    strava.edit(ride, title="Ny tur", type="Run")
    assert received(strava, callback) == [("update", {"title": "Ny tur", "type": "Run"})]
    strava.edit(ride, title="Ny tur")
    strava.edit(ride, start_date="2026-05-30T12:00:00Z", description="Quiet")
    strava.edit(ride, title="Behind the back", notify=False)
    assert received(strava, callback) == []


def test_who_may_read_all_hears_of_hidden_activities(
    strava: StravaStandIn, callback: Callback, read_all: Subscribed
) -> None:
    ride = strava.record(read_all.anna, private=True)
    assert received(strava, callback) == [("create", {})]
    strava.show(ride)
    assert received(strava, callback) == [("update", {"private": "false"})]
    strava.hide(ride)
    strava.hide(ride)
    assert received(strava, callback) == [("update", {"private": "true"})]
    strava.delete(ride)
    assert received(strava, callback) == [("delete", {})]


def test_for_who_may_not_read_all_hiding_is_deletion_and_showing_is_creation(
    strava: StravaStandIn, callback: Callback, read: Subscribed
) -> None:
    ride = strava.record(read.anna, private=True)
    assert received(strava, callback) == []
    strava.show(ride)
    assert received(strava, callback) == [("create", {})]
    strava.hide(ride)
    assert received(strava, callback) == [("delete", {})]
    strava.edit(ride, title="Hidden")
    strava.delete(ride)
    assert received(strava, callback) == []


def test_without_permission_to_read_activities_nothing_is_notified(
    strava: StravaStandIn, client: Client, callback: Callback
) -> None:
    subscribed = Subscribed(strava, client, callback, "read")
    strava.record(subscribed.anna)
    strava.record(strava.add_athlete("Bob", "Okafor"))
    assert received(strava, callback) == []


def test_disconnecting_is_notified_as_an_update_of_the_athlete(
    strava: StravaStandIn, callback: Callback, read: Subscribed
) -> None:
    strava.deauthorize(read.anna)
    assert strava.wait_until_delivered(SECONDS)
    (notification,) = callback.notifications
    assert notification["object_type"] == "athlete"
    assert notification["aspect_type"] == "update"
    assert notification["updates"] == {"authorized": "false"}
    assert notification["object_id"] == notification["owner_id"] == read.anna.id


def test_a_token_revoked_by_the_application_is_notified_too(
    strava: StravaStandIn, client: Client, callback: Callback, read: Subscribed
) -> None:
    tokens = strava.connect(read.app, read.anna, "activity:read")
    assert client.revoke(read.app, tokens.refresh_token).status_code == 200
    assert received(strava, callback) == [("update", {"authorized": "false"})]


# Delivery


def test_an_acknowledged_notification_is_sent_once_and_measured(
    strava: StravaStandIn, callback: Callback, read: Subscribed
) -> None:
    strava.record(read.anna)
    assert strava.wait_until_delivered(SECONDS)
    (delivery,) = strava.delivery.deliveries
    assert delivery.state is DeliveryState.ACKNOWLEDGED
    assert [attempt.status for attempt in delivery.attempts] == [200]
    assert delivery.delay is not None
    assert 0 < delivery.attempts[0].seconds <= delivery.delay
    assert strava.statistics.deliveries().acknowledged == 1


def test_a_notification_that_is_refused_is_tried_three_times(
    strava: StravaStandIn, callback: Callback, read: Subscribed
) -> None:
    callback.status = 503
    strava.delivery.retry_pause = 0
    strava.record(read.anna)
    assert strava.wait_until_delivered(SECONDS)
    (delivery,) = strava.delivery.deliveries
    assert delivery.state is DeliveryState.GIVEN_UP
    assert [attempt.status for attempt in delivery.attempts] == [503, 503, 503]
    assert callback.notifications == [delivery.notification] * 3
    assert strava.statistics.deliveries().given_up == 1


def test_only_200_acknowledges(strava: StravaStandIn, callback: Callback, read: Subscribed) -> None:
    callback.status = 204
    strava.record(read.anna)
    (delivery,) = strava.delivery.deliveries
    assert strava.delivery.wait_for_attempts(delivery, 1, SECONDS)
    assert delivery.state is DeliveryState.WAITING


def test_the_second_attempt_waits_for_its_pause(strava: StravaStandIn, callback: Callback, read: Subscribed) -> None:
    callback.status = 500
    strava.record(read.anna)
    (delivery,) = strava.delivery.deliveries
    assert strava.delivery.wait_for_attempts(delivery, 1, SECONDS)
    assert not strava.wait_until_delivered(0)
    callback.status = 200
    strava.delivery.retry_now()
    assert strava.wait_until_delivered(SECONDS)
    assert [attempt.status for attempt in delivery.attempts] == [500, 200]


def test_an_answer_after_the_time_limit_is_none(strava: StravaStandIn, callback: Callback, read: Subscribed) -> None:
    strava.delivery.time_limit = 0.1
    callback.answering.clear()
    strava.record(read.anna)
    (delivery,) = strava.delivery.deliveries
    assert strava.delivery.wait_for_attempts(delivery, 1, SECONDS)
    (attempt,) = delivery.attempts
    assert (attempt.status, attempt.error) == (None, "no answer within 0.1 s")
    assert attempt.seconds >= 0.1


def test_a_callback_that_is_down_is_an_error_and_not_the_end(
    strava: StravaStandIn, client: Client, certificates: Certificates
) -> None:
    with Callback(certificates) as callback:
        subscribed = Subscribed(strava, client, callback, "activity:read")
    strava.record(subscribed.anna)
    (delivery,) = strava.delivery.deliveries
    assert strava.delivery.wait_for_attempts(delivery, 1, SECONDS)
    assert delivery.attempts[0].status is None
    assert "refused" in (delivery.attempts[0].error or "")


def test_notifications_can_be_lost_on_purpose(strava: StravaStandIn, callback: Callback, read: Subscribed) -> None:
    strava.delivery.lose_next()
    lost, sent = strava.record(read.anna), strava.record(read.anna)
    assert strava.wait_until_delivered(SECONDS)
    assert [item["object_id"] for item in callback.notifications] == [sent.id]
    assert strava.delivery.deliveries[0].state is DeliveryState.LOST
    assert strava.delivery.deliveries[0].notification["object_id"] == lost.id
    assert strava.statistics.deliveries().lost == 1


def test_notifications_can_be_held_back_and_released_in_a_burst(
    strava: StravaStandIn, callback: Callback, read: Subscribed
) -> None:
    strava.delivery.hold()
    ride = strava.record(read.anna)
    for number in range(20):
        strava.edit(ride, title=f"Title {number}")
    assert not strava.wait_until_delivered(0)
    assert strava.delivery.waiting == 21
    assert callback.notifications == []
    strava.delivery.release()
    assert strava.wait_until_delivered(SECONDS)
    assert strava.delivery.waiting == 0
    assert len(callback.notifications) == 21


def test_anything_can_be_sent_and_sent_again(strava: StravaStandIn, callback: Callback, read: Subscribed) -> None:
    forged = {"object_type": "club", "owner_id": 0}
    delivery = strava.delivery.send(read.app, dict(forged))
    assert delivery is not None
    strava.delivery.repeat(delivery)
    assert strava.wait_until_delivered(SECONDS)
    assert callback.notifications == [forged, forged]


def test_a_stop_breaks_off_what_is_being_sent(certificates: Certificates) -> None:
    with Callback(certificates) as callback:
        with StravaStandIn(certificates) as strava:
            client = Client(strava, certificates)
            subscribed = Subscribed(strava, client, callback, "activity:read")
            client.close()
            strava.delivery.time_limit = 60
            callback.answering.clear()
            strava.record(subscribed.anna)
        callback.answering.set()
    assert strava.delivery.deliveries[0].state is DeliveryState.WAITING
