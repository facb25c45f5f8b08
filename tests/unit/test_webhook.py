"""A notification is checked once, strictly, and keeps what it does not know."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.webhook import (
    MAX_COMMAS,
    MAX_DEPTH,
    NotANotification,
    Notification,
    notification_from_json,
    parse_notification,
)

#: The example in Strava's documentation.
EXAMPLE: dict[str, object] = {
    "aspect_type": "update",
    "event_time": 1516126040,
    "object_id": 1360128428,
    "object_type": "activity",
    "owner_id": 134815,
    "subscription_id": 120475,
    "updates": {"title": "Messy"},
}


def parse(**changes: object) -> Notification:
    return parse_notification(json.dumps({**EXAMPLE, **changes}).encode())


def parse_without(key: str) -> Notification:
    return parse_notification(json.dumps({name: EXAMPLE[name] for name in EXAMPLE if name != key}).encode())


def refusal(body: bytes) -> str:
    with pytest.raises(NotANotification) as caught:
        parse_notification(body)
    return str(caught.value)


def test_the_documented_example_is_read() -> None:
    notification = parse()
    assert (notification.object_type, notification.aspect_type) == ("activity", "update")
    assert (notification.object_id, notification.owner_id) == (1360128428, 134815)
    assert (notification.subscription_id, notification.event_time) == (120475, 1516126040)
    assert notification.updates == {"title": "Messy"}


def test_updates_may_be_absent_or_null() -> None:
    assert parse_without("updates").updates == {}
    assert parse(updates=None).updates == {}


def test_unknown_fields_and_unknown_types_are_kept() -> None:
    notification = parse(object_type="segment_effort", aspect_type="archive", flavour={"deep": [1, 2.5, None]})
    assert notification.object_type == "segment_effort"
    assert notification.body["flavour"] == {"deep": [1, 2.5, None]}


@pytest.mark.parametrize("number", [0, 2**53 + 1, 2**63 - 1])
def test_integers_stay_exact(number: int) -> None:
    notification = parse(object_id=number)
    assert notification.object_id == number
    assert notification_from_json(notification.body_json()).object_id == number


@pytest.mark.parametrize("key", ["object_id", "owner_id", "subscription_id", "event_time"])
@pytest.mark.parametrize("value", [True, 1.0, 1e3, "1", None, [], -1, 2**63])
def test_what_is_no_id_is_refused(key: str, value: object) -> None:
    with pytest.raises(NotANotification, match=key):
        parse(**{key: value})


@pytest.mark.parametrize("key", ["object_type", "aspect_type"])
@pytest.mark.parametrize("value", ["", "Activity", "a b", "a\n", "ä", "a" * 65, 1, None, ["activity"]])
def test_what_is_no_type_is_refused(key: str, value: object) -> None:
    with pytest.raises(NotANotification, match=key):
        parse(**{key: value})


@pytest.mark.parametrize("key", sorted(set(EXAMPLE) - {"updates"}))
def test_a_missing_field_is_named(key: str) -> None:
    with pytest.raises(NotANotification, match=f"{key} is missing"):
        parse_without(key)


@pytest.mark.parametrize("updates", [[], "title", 1, True])
def test_updates_must_be_an_object(updates: object) -> None:
    with pytest.raises(NotANotification, match="updates"):
        parse(updates=updates)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"activity"',
        b"{",
        b"{}garbage",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"object_id": NaN}',
        b'{"object_id": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 1}',
        b'{"updates": {"title": "a", "title": "b"}}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
        b'{"a": ' + b"9" * 60_000 + b"}",
        b"object_type=activity&object_id=1",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert refusal(body).endswith(".")


def test_many_values_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = len(EXAMPLE) - 1
    most = [0] * (MAX_COMMAS - fields)
    assert parse(more=most).body["more"] == most
    monkeypatch.setattr("strava_collector.webhook._decoder", None)
    assert refusal(json.dumps({**EXAMPLE, "more": [*most, 0]}).encode()) == "The JSON holds too many values."


def test_a_refusal_never_quotes_the_body() -> None:
    for body in (b'{"secret": planted}', b'{"planted": 1, "planted": 2}', b'"planted"', b'{"object_type": "planted!"}'):
        assert "planted" not in refusal(body)


def test_the_digest_is_that_of_the_content_not_of_its_spelling() -> None:
    spaced = json.dumps(dict(reversed(list(EXAMPLE.items()))), indent=2).encode()
    assert parse_notification(spaced).digest == parse().digest
    assert parse(updates={"title": "Other"}).digest != parse().digest
    assert parse(new_field=1).digest != parse().digest


def test_the_body_keeps_its_order_and_is_ascii_whatever_the_title_holds() -> None:
    title = 'Ride "A" \u2603 \U0001f6b4 \x00 \ud800'
    stored = parse(updates={"title": title}).body_json()
    assert stored.isascii()
    assert list(json.loads(stored)) == list(EXAMPLE)
    assert notification_from_json(stored).updates == {"title": title}


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_a_notification_or_a_refusal(body: bytes) -> None:
    with suppress(NotANotification):
        parse_notification(body)


_json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), _json_values, max_size=4))
def test_what_was_received_comes_back_from_the_store(unknown: dict[str, object]) -> None:
    notification = parse_notification(json.dumps({**unknown, **EXAMPLE}).encode())
    again = notification_from_json(notification.body_json())
    assert again == notification
    assert again.digest == notification.digest
