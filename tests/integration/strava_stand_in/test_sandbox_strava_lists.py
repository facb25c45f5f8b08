"""The stand-in for Strava over real HTTPS: lists, streams that are late, profiles and gear."""

from __future__ import annotations

import time

import pytest

from sandbox.strava import DeliveryState, StravaStandIn
from tests.support.clock import START, VirtualClock
from tests.support.strava_client import Client, connected, error_of, fetch

LIST = "/api/v3/athlete/activities"
DAY = 86_400


def listed(client: Client, token: str, **query: object) -> list[int]:
    answer = client.get(LIST, token, **query)
    assert answer.status_code == 200, answer.text
    return [entry["id"] for entry in answer.json()]


def test_before_and_after_exclude_themselves_and_decide_the_order(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read")
    dates = [START - days * DAY for days in (4, 3, 2, 1)]
    ids = [strava.record(anna, kind="manual", start_date=_iso(at)).id for at in (*dates[2:], *dates[:2])]
    oldest_first = [*ids[2:], *ids[:2]]

    assert listed(client, token) == oldest_first[::-1]
    assert listed(client, token, before=int(dates[2])) == oldest_first[:2][::-1]
    assert listed(client, token, after=int(dates[1])) == oldest_first[2:]
    assert listed(client, token, after=int(dates[0]), before=int(dates[3])) == oldest_first[1:3]
    assert listed(client, token, after=int(dates[0]), page=2, per_page=1) == [oldest_first[2]]
    assert listed(client, token, after=int(dates[3]), before=int(dates[0])) == []


@pytest.mark.parametrize("query", [{"page": 0}, {"per_page": 0}, {"per_page": 201}, {"before": "now"}])
def test_a_page_that_makes_no_sense_is_refused(strava: StravaStandIn, client: Client, query: dict[str, object]) -> None:
    _, _, token = connected(strava, "activity:read")

    assert client.get(LIST, token, **query).status_code == 400


def test_what_happens_to_an_activity_shows_in_the_next_list(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read")
    older, newer = (strava.record(anna, kind="manual", start_date=_iso(START - age * DAY)) for age in (9, 8))
    assert listed(client, token) == [newer.id, older.id]

    strava.edit(older, title="Later", start_date=_iso(START - DAY), notify=False)
    assert listed(client, token) == [older.id, newer.id]
    assert client.get(LIST, token).json()[0]["name"] == "Later"

    strava.hide(newer, notify=False)
    assert listed(client, token) == [older.id]
    strava.show(newer, notify=False)
    strava.delete(older, notify=False)
    assert listed(client, token) == [newer.id]

    strava.unlist(newer)
    assert listed(client, token) == []
    assert fetch(client, token, newer.id).status_code == 200


def test_a_page_of_200_among_thousands_costs_no_more_than_among_few(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read")
    for number in range(5_000):
        strava.record(anna, kind="manual", start_date=_iso(START - number * 3_600), notify=False)
    listed(client, token, per_page=200)

    begin = time.process_time()
    ids = listed(client, token, per_page=200)

    # The same page again, without making its entries anew: a few milliseconds, most of it TLS.
    assert time.process_time() - begin < 0.1
    assert len(set(ids)) == 200
    pages = [listed(client, token, per_page=200, page=page) for page in range(1, 27)]
    assert len({activity for page in pages for activity in page}) == 5_000
    assert pages[25] == []


def test_a_list_can_be_no_list_and_its_entries_can_lack_their_ids(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "activity:read")
    for _ in range(3):
        strava.record(anna, kind="manual")

    def during(what: str) -> object:
        with strava.faults.outage(what, path=LIST):
            return client.get(LIST, token).json()

    assert isinstance(during("not_a_list"), dict)
    without_ids = during("without_ids")
    assert isinstance(without_ids, list)
    assert ["id" in entry for entry in without_ids] == [False, True, False]
    no_objects = during("no_objects")
    assert isinstance(no_objects, list)
    assert [entry is None for entry in no_objects] == [True, False, True]


@pytest.mark.parametrize("status", [404, 403])
def test_an_activity_can_be_in_the_list_and_refuse_every_fetch(
    strava: StravaStandIn, client: Client, status: int
) -> None:
    _, anna, token = connected(strava, "activity:read")
    ride = strava.record(anna, kind="walk")
    strava.refuse_detail(ride, status)

    assert listed(client, token) == [ride.id]
    assert fetch(client, token, ride.id).status_code == status
    assert client.get(f"/api/v3/activities/{ride.id}/streams", token, keys="time").status_code == status

    strava.refuse_detail(ride, None)
    assert fetch(client, token, ride.id).status_code == 200


def test_streams_are_not_ready_for_a_while_after_the_upload(
    strava: StravaStandIn, client: Client, clock: VirtualClock
) -> None:
    _, anna, token = connected(strava, "activity:read")
    strava.streams.seconds = 600.0
    walk = strava.record(anna, kind="walk")
    path, query = f"/api/v3/activities/{walk.id}/streams", {"keys": "time", "key_by_type": "true"}

    assert error_of(client.get(path, token, **query)) == (404, "Stream", "id", "invalid")
    strava.streams.meanwhile = "empty"
    answer = client.get(path, token, **query)
    assert (answer.status_code, answer.json()) == (200, {})
    assert client.get(path, token, keys="time").json() == []

    clock.advance(600)
    assert set(client.get(path, token, **query).json()) == {"time", "distance"}


def test_streams_of_one_activity_can_be_held_back(strava: StravaStandIn, client: Client, clock: VirtualClock) -> None:
    _, anna, token = connected(strava, "activity:read")
    walk, other = (strava.record(anna, kind="walk") for _ in range(2))

    def statuses(count: int) -> list[int]:
        path = f"/api/v3/activities/{walk.id}/streams"
        return [client.get(path, token, keys="time").status_code for _ in range(count)]

    strava.streams.hold_back(walk, requests=2)
    assert statuses(3) == [404, 404, 200]
    strava.streams.hold_back(walk, seconds=60)
    assert client.get(f"/api/v3/activities/{other.id}/streams", token, keys="time").status_code == 200
    assert statuses(1) == [404]
    clock.advance(60)
    assert statuses(1) == [200]


def test_the_profile_is_detailed_for_who_may_see_it(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "read,profile:read_all,activity:read")
    strava.edit_profile(anna, city="Malmö", weight=61.0, ftp=250)

    profile = client.get("/api/v3/athlete", token).json()

    assert (profile["resource_state"], profile["city"], profile["weight"], profile["ftp"]) == (3, "Malmö", 61.0, 250)
    assert [bike["retired"] for bike in profile["bikes"]] == [False, True]
    assert {"id", "name", "distance", "primary", "retired"} <= set(profile["shoes"][0])
    zones = client.get("/api/v3/athlete/zones", token).json()
    assert zones["heart_rate"]["zones"][-1]["max"] == -1
    assert zones["power"]["zones"][0] == {"min": 0, "max": 138}
    strava.edit_profile(anna, ftp=None)
    assert "power" not in client.get("/api/v3/athlete/zones", token).json()


def test_the_profile_is_short_for_who_may_only_read(strava: StravaStandIn, client: Client) -> None:
    _, _, token = connected(strava, "read,activity:read")

    profile = client.get("/api/v3/athlete", token).json()

    assert profile["resource_state"] == 2
    assert not {"bikes", "shoes", "ftp"} & set(profile)
    refused = client.get("/api/v3/athlete/zones", token)
    assert error_of(refused) == (401, "AccessToken", "profile:read_all_permission", "missing")


def test_gear_gains_the_distance_of_its_activities(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "read,profile:read_all,activity:read")
    bike = strava.gear(anna)[0]

    def distance(gear_id: str) -> int:
        return int(client.get(f"/api/v3/gear/{gear_id}", token).json()["distance"])

    before = distance(bike.id)
    ride = strava.record(anna, kind="ride")
    assert distance(bike.id) == before + 61_000
    assert client.get("/api/v3/athlete", token).json()["bikes"][0]["distance"] == before + 61_000

    other = strava.add_gear(anna, "Neues Rad")
    strava.edit(ride, gear=other, notify=False)
    assert (distance(bike.id), distance(other.id)) == (before, 61_000)
    assert client.get(LIST, token).json()[0]["gear_id"] == other.id


def test_gear_has_its_details_and_others_gear_is_not_there(strava: StravaStandIn, client: Client) -> None:
    _, anna, token = connected(strava, "read,activity:read")
    bike, _, shoes = strava.gear(anna)

    assert client.get(f"/api/v3/gear/{bike.id}", token).json()["frame_type"] == 3
    found = client.get(f"/api/v3/gear/{shoes.id}", token).json()
    assert {"id", "name", "nickname", "distance", "brand_name", "model_name", "description"} <= set(found)
    assert "frame_type" not in found
    foreign = strava.gear(strava.add_athlete("Ben", "Okafor"))[0]
    assert error_of(client.get(f"/api/v3/gear/{foreign.id}", token)) == (404, "Gear", "id", "invalid")


def test_a_part_of_the_notifications_gets_lost(strava: StravaStandIn) -> None:
    app, anna, _ = connected(strava, "activity:read")
    strava.subscriptions.add(app, "https://localhost:1/nobody")
    strava.delivery.hold()
    strava.delivery.lose_share(0.25)

    for _ in range(200):
        strava.record(anna, kind="manual")

    states = [delivery.state for delivery in strava.delivery.deliveries]
    assert 30 < states.count(DeliveryState.LOST) < 70
    assert strava.delivery.waiting == 200 - states.count(DeliveryState.LOST)


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
