"""The circuit of an application: when it opens, who probes, and when it is over."""

from __future__ import annotations

import pytest

from strava_collector.circuit import LONGEST_PAUSE, PEOPLE_PAUSE, Breach, Circuit

NOW = 1_780_293_600.0


def failing(circuit: Circuit, *activities: int, now: float = NOW) -> Circuit:
    for activity_id in activities:
        circuit = circuit.failing(activity_id, "Strava answered 503.", now=now, base=30.0)
    return circuit


def test_three_different_activities_in_a_row_open_it() -> None:
    assert failing(Circuit(), 1, 2).waits_until(NOW) is None
    opened = failing(Circuit(), 1, 2, 3)
    assert (opened.breach, opened.why, opened.since) == (Breach.OUTAGE, "Strava answered 503.", NOW)
    assert opened.waits_until(NOW) == NOW + 30


def test_one_activity_that_always_fails_does_not_open_it() -> None:
    assert failing(Circuit(), 1, 1, 1, 1, 2, 1, 2).breach is None


def test_an_answer_in_between_begins_the_count_anew() -> None:
    assert failing(failing(Circuit(), 1, 2).answered(), 3, 4).breach is None


def test_while_it_is_open_there_is_one_probe_at_a_time() -> None:
    opened = failing(Circuit(), 1, 2, 3)
    assert opened.waits_until(NOW + 30) is None
    probing = opened.probing(NOW + 30)
    assert probing.waits_until(NOW + 31) is not None
    # Its process died: another one may.
    assert probing.waits_until(NOW + 30 + 120) is None


def test_a_closed_circuit_knows_no_probes() -> None:
    assert Circuit().probing(NOW) == Circuit()
    assert Circuit().undecided(NOW) == Circuit()


def test_pauses_double_to_an_hour() -> None:
    circuit, pauses, now = failing(Circuit(), 1, 2, 3), [], NOW
    for _ in range(10):
        opens = circuit.waits_until(now)
        assert opens is not None
        pauses.append(opens - now)
        now = opens
        circuit = failing(circuit.probing(now), 1, now=now)
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert circuit.since == NOW


def test_a_probe_that_is_answered_closes_it() -> None:
    assert failing(Circuit(), 1, 2, 3).probing(NOW + 30).answered() == Circuit()


def test_a_probe_that_says_nothing_is_followed_by_another() -> None:
    assert failing(Circuit(), 1, 2, 3).probing(NOW + 30).undecided(NOW + 31).waits_until(NOW + 31) is None


@pytest.mark.parametrize("breach", [Breach.INACTIVE, Breach.REFUSED])
def test_what_only_people_can_mend_opens_it_at_once_and_is_probed_every_quarter_of_an_hour(breach: Breach) -> None:
    circuit = Circuit().breached(breach, "Why.", now=NOW)
    assert circuit.waits_until(NOW) == NOW + PEOPLE_PAUSE
    for probe in range(1, 20):
        now = NOW + probe * PEOPLE_PAUSE
        circuit = circuit.probing(now).breached(breach, "Why.", now=now)
        assert circuit.waits_until(now) == now + PEOPLE_PAUSE
    assert (circuit.since, circuit.probes) == (NOW, 19)


def test_people_may_ask_for_the_probe_now() -> None:
    circuit = Circuit().breached(Breach.INACTIVE, "Why.", now=NOW).hurried(NOW + 5)
    assert circuit.waits_until(NOW + 5) is None


def test_another_breach_is_another_one() -> None:
    circuit = failing(Circuit(), 1, 2, 3).breached(Breach.INACTIVE, "Off.", now=NOW + 50)
    assert (circuit.breach, circuit.since, circuit.probes) == (Breach.INACTIVE, NOW + 50, 0)
    again = failing(circuit, 4, now=NOW + 950)
    assert (again.breach, again.since, again.waits_until(NOW + 950)) == (Breach.OUTAGE, NOW + 950, NOW + 980)


def test_a_clock_that_was_set_back_does_not_keep_it_closed_to_probes() -> None:
    circuit = failing(Circuit(), 1, 2, 3, now=NOW + 30 * 86_400)
    assert circuit.waits_until(NOW) is None
    opens = failing(circuit.probing(NOW), 1, now=NOW).waits_until(NOW)
    assert opens is not None
    assert NOW < opens <= NOW + LONGEST_PAUSE


@pytest.mark.parametrize(
    "circuit",
    [Circuit(), failing(Circuit(), 1), failing(Circuit(), 1, 2, 3), Circuit().breached(Breach.REFUSED, "ä", now=NOW)],
)
def test_the_state_survives_being_stored(circuit: Circuit) -> None:
    assert Circuit.from_json(circuit.to_json()) == circuit


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        "x",
        "[]",
        "{}",
        '{"breach": "other"}',
        failing(Circuit(), 1, 2, 3).to_json().replace('"probes": 0', '"probes": 1e999'),
    ],
)
def test_a_state_that_cannot_be_read_is_a_closed_circuit(damaged: str) -> None:
    assert Circuit.from_json(damaged) == Circuit()
