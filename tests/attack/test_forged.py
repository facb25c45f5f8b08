"""Notifications that Strava never sent, by somebody who knows the path.

How each is decided is in tests/unit/test_notification_rules.py, test_dispatcher_holding.py, test_subscription_check.py
and test_adversity.py. Here they come in numbers, at the built input, beside what is genuine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import count

from sandbox.latest import Latest
from sandbox.strava import Activity, Athlete
from tests.attack.conftest import Besiege
from tests.attack.siege import Siege
from tests.attack.victim import Victim
from tests.support.waiting import until

#: Ids that nobody has.
NOBODY = count(8_100_000_000)

FETCH = "GET /activities/{id}"


def latest(victim: Victim) -> Latest:
    look = Latest()
    look.take(victim.sandbox.splunkd.index.events())
    return look


def collected(victim: Victim, athlete: Athlete) -> Activity:
    """A genuine activity that has reached the index."""
    ride = victim.sandbox.strava.record(athlete, kind="manual")
    until(lambda: latest(victim).of(ride.id) is not None, 60)
    return ride


def flood(victim: Victim, siege: Siege, forge: Callable[[int], dict[str, object]]) -> None:
    """Send forged ones, each another one; all are taken, because nobody can tell."""
    number = 0
    with victim.connect() as client:
        while siege.goes_on or number < siege.extent.requests:
            answer = client.ask(victim.delivery(victim.notification(**forge(next(NOBODY)))))
            assert (answer.status, answer.json()) == (200, {"status": "accepted"})
            number += 1
    siege.got = f"{number} × 200"


def calls(victim: Victim, endpoint: str) -> int:
    return victim.sandbox.strava.statistics.count(endpoint)


def fetched(victim: Victim, activities: Sequence[object]) -> int:
    """How many calls were made for these."""
    paths = {f"/api/v3/activities/{activity}" for activity in activities}
    return sum(call.path in paths for call in list(victim.sandbox.strava.statistics.calls))


def test_forged_ones_of_unknown_athletes(victim: Victim, besiege: Besiege) -> None:
    with besiege() as siege:
        before = calls(victim, FETCH)
        flood(victim, siege, lambda number: {"object_id": number, "owner_id": number})
        ride = collected(victim, victim.ben)
        assert calls(victim, FETCH) == before + 1  # the genuine one's
    assert latest(victim).of(ride.id) is not None


def test_forged_ones_of_a_foreign_subscription(victim: Victim, besiege: Besiege) -> None:
    with besiege() as siege:
        before = calls(victim, FETCH), calls(victim, "GET /push_subscriptions")
        flood(victim, siege, lambda number: {"object_id": number, "subscription_id": number})
        collected(victim, victim.ben)
        assert calls(victim, FETCH) == before[0] + 1
        # One look a minute at most, and fewer and fewer.
        assert calls(victim, "GET /push_subscriptions") <= before[1] + 2


def test_a_forged_delete_is_taken_back(victim: Victim, besiege: Besiege) -> None:
    ride = collected(victim, victim.ben)
    with besiege() as siege:
        before = len(latest(victim).versions[ride.id])
        # Within the same second as what is true it would be asked about and hide nothing.
        later = 1 + max(
            int(str(one.notification["event_time"]))
            for one in victim.sandbox.strava.delivery.deliveries
            if one.notification["object_id"] == ride.id
        )
        forged = victim.notification(object_id=ride.id, owner_id=victim.ben.id, aspect_type="delete", event_time=later)
        assert victim.post(forged).status == 200
        siege.got = "200"
        # The tombstone, and what the fetch that follows finds.
        until(lambda: len(latest(victim).versions[ride.id]) >= before + 2, 60)
        version = latest(victim).of(ride.id)
    assert version is not None
    assert "deleted" not in version


def test_a_forged_deauthorization_is_not_believed(victim: Victim, besiege: Besiege) -> None:
    forged = {"object_type": "athlete", "aspect_type": "update", "updates": {"authorized": "false"}}
    with besiege() as siege:
        kept = collected(victim, victim.ben)
        for second in range(10):
            body = victim.notification(
                **forged, object_id=victim.ben.id, owner_id=victim.ben.id, event_time=1_780_000_000 + second
            )
            assert victim.post(body).status == 200
        siege.got = "10 × 200"
        until(lambda: "it was forged" in victim.log(), 60)
        collected(victim, victim.ben)
    assert latest(victim).of(kept.id) is not None


def test_a_replay_of_genuine_ones_changes_nothing(victim: Victim, besiege: Besiege) -> None:
    collected(victim, victim.ben)
    assert victim.sandbox.strava.wait_until_delivered(10)
    recorded = [delivery.notification for delivery in victim.sandbox.strava.delivery.deliveries]
    ids = [notification["object_id"] for notification in recorded if notification["object_type"] == "activity"]
    with besiege() as siege:
        before = fetched(victim, ids)
        for notification in recorded:
            answer = victim.post(json.dumps(notification).encode())
            assert (answer.status, answer.json()) == (200, {"status": "duplicate"})
        # What comes after it is fetched; when that is in the index, the replayed ones have been looked at.
        collected(victim, victim.ben)
        assert fetched(victim, ids) == before
        siege.got = f"{len(recorded)} × 200, duplicate"
    written = [event.raw for event in victim.sandbox.splunkd.index.events(sourcetype="strava:webhook")]
    for activity in ids:
        assert sum(f'"object_id":{activity},' in raw for raw in written) <= 2  # created, and a forged deletion


def test_a_flood_in_one_athletes_name_leaves_the_others_their_turns(victim: Victim, besiege: Besiege) -> None:
    with besiege() as siege:
        flood(victim, siege, lambda number: {"object_id": number})
        collected(victim, victim.ben)
